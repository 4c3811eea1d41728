"""The demo: the whole house, played through its front doors, believed only where everything came about."""

from __future__ import annotations

import asyncio
import io
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from standardwebhooks import Webhook

from gateway.commands.running import address_of, listen
from gateway.demo import story
from gateway.demo.lives import lives
from gateway.demo.merchant import SampleMerchant, Told
from gateway.demo.outcomes import missing_changes, surplus
from gateway.demo.story import Story, play
from gateway.demo.telling import Outcome, Teller

PROGRAM = Path(sys.executable).with_name("carrier-gateway")


@pytest.fixture
def teller():
    return Teller(io.StringIO())


def told(teller):
    return teller._out.getvalue()


@pytest.fixture
def short(monkeypatch):
    """A story of a second, with little patience at the end."""
    monkeypatch.setattr(story, "SHORTEST", 2.0)
    monkeypatch.setattr(story, "_LAST_WORDS", 1.0)
    monkeypatch.setattr(story, "_GRACE", 3.0)


async def test_every_parcel_comes_to_its_scripted_end_and_every_webhook_verifies(teller):
    code = await play(listen("127.0.0.1", 0), 10, asyncio.Event(), teller)
    said = told(teller)
    assert code == 0, said
    changes = sum(len(lives().statuses(parcel)) for parcel in lives().cast)
    assert changes == 47
    lines = said.splitlines()
    webhooks = [line for line in lines if line.endswith("  verified")]
    assert re.fullmatch(
        rf"Every parcel came to its end; {len(webhooks)} webhooks arrived and verified, none came twice.", lines[-1]
    )
    assert len(webhooks) > changes
    assert "out for delivery: on route (told late; it stays delivered)" in said
    heard = [line.split(maxsplit=3)[3] for line in lines if line.startswith(" " * 12 + "to the recipient")]
    (sms,) = (text for text in heard if text.startswith("SMS") and "Sample Shop" in text)
    assert "Ihr Paket" in sms
    assert heard[heard.index(sms) + 1].endswith("(answered with STOP)")
    assert "e-mail        Sample Shop: Ihr Paket ist zugestellt" in heard
    assert "web push      Sample Shop: Ihr Paket ist zugestellt" in heard
    (became,) = (line for line in lines if line.startswith("What became of the news of Vera's delivery: SMS: "))
    assert became.endswith("; browser: sent.")
    road = [line for line in lines if "VAN-2001" in line]
    assert [
        line.split(maxsplit=1)[1].strip() for line in road if " at the desk " in line or " on the page " in line
    ] == [
        "on the page   the courier moves on the map",
        "on the page   Ines to the courier: The bell is broken, please knock.",
        "on the page   the courier answers: I will knock, and I am nearly there.",
        "on the page   proof: photo and signature",
        "at the desk   rated 5 of 5",
    ]
    for once in ("the courier is nearly there", "delivered: signed", "rated by the recipient"):
        assert len([line for line in road if once in line]) == 1
    for parcel in lives().cast:
        (row,) = (line for line in lines if line.startswith(parcel.number))
        assert row.endswith("ok")
        count = len(parcel.beats)
        assert f"  {count} of {count}  " in row
    assert "\x1b" not in said


def only(number, **deeds):
    """A story of one parcel, its script changed."""
    whole = lives()
    return replace(whole, deeds={**whole.deeds, **deeds}, cast=tuple(one for one in whole.cast if one.number == number))


async def run(script, teller, tmp_path, seconds=2.0, stop=None):
    bound = listen("127.0.0.1", 0)
    one = Story(script, teller, address_of(bound), f"sqlite:///{tmp_path / 'demo.db'}")
    return await one.play(bound, seconds, stop or asyncio.Event())


@pytest.mark.usefixtures("short")
async def test_what_does_not_come_about_is_named_and_fails(teller, tmp_path):
    assert await run(only("DEMO300100047", lost="returned"), teller, tmp_path) == 1
    said = told(teller)
    assert "missing: DEMO300100047 (Demo Carrier): no webhook shipment.returned\n" in said
    assert "missing: DEMO300100047 (Demo Carrier): it is exception, not returned\n" in said
    assert said.splitlines()[-1].startswith("Not everything came about; 3 webhooks")


@pytest.mark.usefixtures("short")
async def test_a_merchant_that_cannot_verify_fails_the_demo(teller, tmp_path, monkeypatch):
    wrong = "whsec_" + "d3Jvbmcgc2VjcmV0IG9mIHRoZSByaWdodCBzaXpl"
    monkeypatch.setattr(
        SampleMerchant, "secret", property(lambda _self: wrong, lambda _self, _value: None), raising=False
    )
    assert await run(only("DEMO300100047"), teller, tmp_path) == 1
    assert "a webhook did not verify: No matching signature found\n" in told(teller)


@pytest.mark.usefixtures("short")
async def test_a_stop_in_the_middle_ends_it_calmly(teller, tmp_path):
    stop = asyncio.Event()
    stop.set()
    assert await run(only("DEMO300100047"), teller, tmp_path, stop=stop) == 0
    assert told(teller).endswith("Stopped before the end.\n")


@pytest.mark.usefixtures("short")
async def test_without_an_end_everything_stays_up_after_the_story(teller, tmp_path, monkeypatch):
    monkeypatch.setattr(story, "_WITHOUT_END", 2.0)
    monkeypatch.setattr(story, "_GRACE", 30.0)  # it goes on as soon as all is told
    stop = asyncio.Event()
    running = asyncio.create_task(run(only("DEMO300100047"), teller, tmp_path, seconds=None, stop=stop))
    while "stays up at" not in told(teller):
        assert not running.done(), told(teller)
        await asyncio.sleep(0.02)
    said = told(teller)
    key = re.search(r"^The sample merchant's key, to look around with: (gwk_merchant_\S+)$", said, re.MULTILINE)[1]
    address = re.search(r"^The gateway stays up at (\S+) until Ctrl-C\.$", said, re.MULTILINE)[1]
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession() as session, session.get(f"{address}/v1/shipments", headers=headers) as answer:
        shipments = (await answer.json())["data"]
    assert [(one["tracking_number"], one["status"]) for one in shipments] == [("DEMO300100047", "exception")]
    stop.set()
    assert await running == 0


@pytest.mark.usefixtures("short")
async def test_a_set_up_that_fails_says_which_call(teller, tmp_path):
    script = lives()
    broken = replace(script, cast=(replace(script.cast[0], carrier="demo", number=" - "),))
    assert await run(broken, teller, tmp_path) == 1
    assert told(teller).startswith("the demo could not be set up: POST /v1/shipments answered 422: ")


async def post(url, body, headers):
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as answer:
        return answer.status


async def test_the_merchant_counts_a_repeated_webhook_once_and_refuses_a_changed_one():
    heard = []
    async with SampleMerchant(heard.append) as merchant:
        merchant.secret = "whsec_" + "c2VjcmV0IG9mIHRoZSByaWdodCBzaXplIGZvciB1cw=="
        body = b'{"id":"msg_1","type":"shipment.delivered","data":{"shipment":{"tracking_number":"D1"},"event":null}}'
        now = datetime.now(UTC)
        signature = Webhook(merchant.secret).sign("msg_1", now, body.decode())
        headers = {
            "webhook-id": "msg_1",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature,
        }
        assert await post(merchant.url, body, headers) == 204
        assert await post(merchant.url, body, headers) == 204
        assert await post(merchant.url, body.replace(b"D1", b"D2"), headers) == 400
        assert await post(merchant.url, body, {}) == 400
    assert [one.number for one in heard] == ["D1"]
    assert merchant.repeated == 1
    assert merchant.refused == ["No matching signature found", "Missing required headers"]


def heard(*kinds, number="DEMO300100047"):
    merchant = SampleMerchant()
    for count, kind in enumerate(kinds):
        merchant.told[str(count)] = Told(str(count), f"shipment.{kind}", {"tracking_number": number}, None)
    return merchant


def test_changes_told_are_held_against_the_script():
    script = lives()
    (parcel,) = (one for one in script.cast if one.number == "DEMO300100047")
    assert missing_changes(script, parcel, heard()) == ["info_received", "in_transit", "exception"]
    assert missing_changes(script, parcel, heard("exception", "in_transit", "info_received", "eta_changed")) == []
    assert surplus(script, parcel, heard("exception", "exception", "proof_added", "delivered")) == [
        "exception",
        "delivered",
    ]
    assert missing_changes(script, parcel, heard("in_transit", number="D2")) == list(script.statuses(parcel))


class Terminal(io.StringIO):
    def isatty(self):
        return True


OUTCOME = Outcome("D1", "Demo", "JSON", 1, 1, 1, 1, 1, "delivered", ())


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colour_only_where_a_person_is_watching_and_wants_it(monkeypatch, variables, coloured):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    out = Terminal()
    Teller(out).summary([OUTCOME])
    assert ("\x1b[" in out.getvalue()) is coloured
    plain = io.StringIO()
    Teller(plain).summary([OUTCOME])
    assert "\x1b[" not in plain.getvalue()


def test_ctrl_c_ends_the_demo_with_exit_code_0(tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [PROGRAM, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    first = process.stdout.readline()
    while "verified" not in (line := process.stdout.readline()):
        assert line, process.stderr.read()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert first.startswith("Carrier gateway on http://127.0.0.1:")
    assert out.endswith("Stopped before the end.\n")
    assert not list(tmp_path.iterdir())
