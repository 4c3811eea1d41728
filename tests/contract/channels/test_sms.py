"""SMS against a provider of our own that checks as Twilio does."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlencode

import pytest
from aiohttp import web

from gateway.demo.providers.sms import SmsProvider
from webhooks.channels import BadSettings, build
from webhooks.channels.base import Forged, Inbound, Outgoing, Report, Said
from webhooks.channels.meanings import read_meanings
from webhooks.channels.sms import signatures

SHARED = Path(__file__).parents[4] / "shared" / "lastmile" / "channels" / "twilio"
HOOK = "https://hub.example/hooks/sms/1?a=b"
NOTICE = Outgoing(id="not_1", to="+4915112345678", text="Ihr Paket kommt heute", callback_url=HOOK)


def sms(outside, provider, **settings):
    values = {"account_sid": provider.account_sid, "from": "+15555550001", "base_url": provider.address} | settings
    return build("sms", values, {"auth_token": provider.token}, outside)


async def test_a_notice_is_taken_and_named(outside):
    async with SmsProvider() as provider:
        said = await sms(outside, provider).send(NOTICE)
        (text,) = provider.texted
    assert said == Said(kind="accepted", provider_id=text.sid, segments=1)
    assert (text.to, text.sender, text.body, text.callback) == (
        "+4915112345678",
        "+15555550001",
        "Ihr Paket kommt heute",
        HOOK,
    )


async def test_a_messaging_service_may_pick_the_sender_and_we_count_what_it_has_not_counted_yet(outside):
    async with SmsProvider() as provider:
        channel = sms(outside, provider, messaging_service_sid="MG" + "2" * 32, **{"from": ""})
        said = await channel.send(Outgoing(id="n", to="+4915112345678", text="ж" * 71))
        assert provider.texted[0].sender == "MG" + "2" * 32
    assert said.segments == 2


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"to": "4915112345678"}, Said(kind="refused", code="21211", reason="not a telephone number")),
        ({"text": ""}, Said(kind="refused", code="21602", reason="the text is empty")),
        ({"text": "a" * 1601}, Said(kind="refused", code="21617", reason="longer than 1600 characters")),
    ],
)
async def test_a_refusal_has_its_reason(outside, changed, said):
    async with SmsProvider() as provider:
        notice = Outgoing(**({"id": "n", "to": NOTICE.to, "text": NOTICE.text} | changed))
        assert await sms(outside, provider).send(notice) == said


async def test_wrong_credentials_are_the_accounts_matter(outside):
    async with SmsProvider() as provider:
        provider_token, provider.token = provider.token, "another"
        channel = sms(outside, provider)
        provider.token = provider_token
        assert (await channel.send(NOTICE)).kind == "rejected"


async def test_a_busy_provider_says_when(outside):
    async with SmsProvider() as provider:
        provider.busy = 1
        channel = sms(outside, provider)
        said = await channel.send(NOTICE)
        assert (said.kind, said.code, said.retry_after) == ("later", "20429", 2.0)
        assert (await channel.send(NOTICE)).kind == "accepted"


async def test_who_said_stop_is_blocked_until_start(outside):
    heard = []

    async def hook(request):
        body = await request.read()
        channel.verify(f"http://127.0.0.1:{port}/in", request.headers, body)
        heard.extend(channel.hear(request.headers, body))
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/in", hook)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    async with SmsProvider(inbound=f"http://127.0.0.1:{port}/in") as provider:
        channel = sms(outside, provider)
        assert await provider.write(NOTICE.to, "+15555550001", "Stop") == 204
        assert (await channel.send(NOTICE)).kind == "blocked"
        assert await provider.write(NOTICE.to, "+15555550001", "START") == 204
        said = await channel.send(Outgoing(id="n", to=NOTICE.to, text="x", callback_url=provider.inbound))
        assert said.kind == "accepted"
        (text,) = provider.texted
        assert await provider.report(text, "delivered") == 204
        assert await provider.report(text, "undelivered", "30003") == 204
    await runner.cleanup()
    assert [one.word if isinstance(one, Inbound) else one for one in heard] == [
        "stop",
        "start",
        Report(provider_id=text.sid, state="delivered"),
        Report(provider_id=text.sid, state="undelivered", code="30003", reason="the telephone cannot be reached"),
    ]


def channel_of(outside, token="12345", **settings):
    values = {"account_sid": "AC1", "from": "+15555550001"} | settings
    return build("sms", values, {"auth_token": token}, outside)


async def test_calls_without_the_right_signature_are_forged(outside):
    provider, channel = SmsProvider(), None
    provider.token = "12345"
    channel = channel_of(outside)
    form = {"MessageSid": "SM1", "MessageStatus": "sent", "To": "+1", "Grüße": "a b+c&d=ü"}
    body, right = urlencode(form).encode(), provider.sign(HOOK, form)
    channel.verify(HOOK, {"X-Twilio-Signature": right}, body)
    for url, headers, forged in [
        (HOOK, {}, body),
        (HOOK, {"X-Twilio-Signature": ""}, body),
        (HOOK, {"X-Twilio-Signature": right[:-2] + "A="}, body),
        (HOOK, {"X-Twilio-Signature": right}, body + b"&To=%2B2"),
        (HOOK + "c", {"X-Twilio-Signature": right}, body),
        (HOOK, {"X-Twilio-Signature": "ü"}, body),
        (HOOK, {"X-Twilio-Signature": right}, b"\xff\x00"),
        (HOOK, {"X-Twilio-Signature": right}, b"a=1&" * 300),
        ("", {"X-Twilio-Signature": right}, body),
    ]:
        with pytest.raises(Forged):
            channel.verify(url, headers, forged)
    with pytest.raises(Forged):
        channel_of(outside, "54321").verify(HOOK, {"X-Twilio-Signature": right}, body)


@pytest.mark.parametrize(
    ("form", "heard"),
    [
        ({"MessageSid": "SM1", "MessageStatus": "sending"}, [Report(provider_id="SM1", state="queued")]),
        ({"SmsSid": "SM1", "SmsStatus": "SENT"}, [Report(provider_id="SM1", state="sent")]),
        ({"MessageSid": "SM1", "MessageStatus": "read"}, [Report(provider_id="SM1", state="read")]),
        (
            {"MessageSid": "SM1", "MessageStatus": "failed", "ErrorCode": "99999"},
            [Report(provider_id="SM1", state="undelivered", code="99999")],
        ),
        ({"MessageSid": "SM1", "MessageStatus": "partially_delivered"}, []),
        ({"MessageStatus": "sent"}, []),
        (
            {"MessageSid": "SM2", "SmsStatus": "received", "From": "+1", "To": "+2", "Body": "Bitte beim Nachbarn"},
            [Inbound(provider_id="SM2", sender="+1", to="+2", text="Bitte beim Nachbarn")],
        ),
        (
            {"MessageSid": "SM2", "SmsStatus": "received", "From": "+1", "To": "+2", "Body": "x", "OptOutType": "STOP"},
            [Inbound(provider_id="SM2", sender="+1", to="+2", text="x", word="stop", handled=True)],
        ),
        (
            {"MessageSid": "SM2", "SmsStatus": "received", "From": "+1", "To": "+2", "Body": " Arrêt "},
            [Inbound(provider_id="SM2", sender="+1", to="+2", text=" Arrêt ", word="stop")],
        ),
    ],
)
async def test_what_a_call_says(outside, form, heard):
    assert channel_of(outside).hear({}, urlencode(form).encode()) == heard


@pytest.mark.parametrize(
    ("settings", "secrets", "text"),
    [
        ({"account_sid": "AC1"}, {"auth_token": "t"}, "from: give either this or messaging_service_sid, and not both"),
        ({"account_sid": "AC1", "from": "+49151"}, {}, "auth_token: missing"),
        ({"from": "+49151"}, {"auth_token": "t"}, "account_sid: missing"),
        ({"account_sid": "../x", "from": "+49151"}, {"auth_token": "t"}, "account_sid: does not look like one; "),
        (
            {"account_sid": "AC1", "auth_token": "geheim"},
            {},
            "settings: nothing is called 'auth_token' here; there is ",
        ),
        ({"account_sid": "AC1", "from": 7}, {"auth_token": "t"}, "from: must be a text"),
    ],
)
async def test_settings_that_cannot_work_name_the_field(outside, settings, secrets, text):
    with pytest.raises(BadSettings) as caught:
        build("sms", settings, secrets, outside)
    assert str(caught.value).startswith(text)
    assert "geheim" not in str(caught.value)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the provider's facts are not beside this checkout: ../shared/lastmile")
async def test_the_vendors_own_vectors_come_out_the_same(outside):
    vectors = json.loads((SHARED / "signature-vectors.json").read_text("utf-8"))
    channel = channel_of(outside, vectors["auth_token"])
    assert len(vectors["form_vectors"]) == 6
    for one in vectors["form_vectors"]:
        body = urlencode([tuple(pair) for pair in one["params"]]).encode()
        channel.verify(one["url"], {"x-twilio-signature": one["signature"]}, body)
    told = vectors["json_vector"]
    channel.verify(told["url"], {"x-twilio-signature": told["signature"]}, told["body"].encode())
    with pytest.raises(Forged):
        channel.verify(told["url"], {"x-twilio-signature": told["signature"]}, told["body"].encode() + b" ")


@pytest.mark.skipif(not SHARED.is_dir(), reason="the provider's facts are not beside this checkout: ../shared/lastmile")
async def test_every_code_in_the_table_is_one_the_vendor_lists_and_its_samples_are_read(outside, peer):
    codes = json.loads((SHARED / "error-codes.json").read_text("utf-8"))["codes"]
    assert set(read_meanings("twilio")) <= {str(one["code"]) for one in codes}
    channel = channel_of(outside, base_url=peer.address)
    for name, kind in (("error-20429", "later"), ("error-21610", "blocked")):
        sample = json.loads((SHARED / "samples" / f"{name}.json").read_text("utf-8"))
        peer.say(sample["http_status"], json.dumps(sample["body"]).encode())
        assert (await channel.send(NOTICE)).kind == kind
    peer.say(201, (SHARED / "samples" / "message-create-response.json").read_bytes())
    assert (await channel.send(NOTICE)).kind == "accepted"


def test_a_default_port_may_stand_in_the_address_or_not():
    body = b"a=1"
    plain, ported = signatures(b"t", "https://h.example/x", body), signatures(b"t", "https://h.example:443/x", body)
    assert plain == ported
    assert len(set(plain)) == 2
    assert len(signatures(b"t", "https://h.example:8443/x", body)) == 1
    assert len(signatures(b"t", "https://[2001:db8::1]/x", body)) == 2
