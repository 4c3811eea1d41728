"""WhatsApp templates against a provider of our own that checks token and template."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest

from gateway.demo.providers.whatsapp import WhatsAppProvider
from webhooks.channels import BadSettings, build
from webhooks.channels.base import Forged, Inbound, Outgoing, Report, Said

SHARED = Path(__file__).parents[4] / "shared" / "lastmile" / "channels" / "whatsapp"
NOTICE = Outgoing(
    id="n",
    to="+4915112345678",
    text="",
    language="pt-BR",
    template="out_for_delivery",
    template_values=("1001", "14:00-15:00"),
)


def whatsapp(outside, provider, **secrets):
    settings = {
        "phone_number_id": provider.phone_number_id,
        "version": provider.version,
        "base_url": provider.address,
    }
    known = {"access_token": provider.access_token, "app_secret": provider.app_secret, "verify_token": "our word"}
    return build("whatsapp", settings, known | secrets, outside)


async def test_a_template_is_taken_with_its_values_and_language(outside):
    async with WhatsAppProvider() as provider:
        said = await whatsapp(outside, provider).send(NOTICE)
        (taken,) = provider.taken
    assert said == Said(kind="accepted", provider_id=taken.id)
    assert (taken.to, taken.template, taken.language) == ("4915112345678", "out_for_delivery", "pt_BR")
    assert taken.values == ["1001", "14:00-15:00"]


async def test_without_a_template_nothing_is_sent(outside):
    async with WhatsAppProvider() as provider:
        said = await whatsapp(outside, provider).send(Outgoing(id="n", to=NOTICE.to, text="x"))
        assert provider.taken == []
    assert (said.kind, said.code) == ("refused", "template")


async def test_refusals_put_offs_and_wrong_tokens_are_told_apart(outside):
    async with WhatsAppProvider(templates=frozenset()) as provider:
        channel = whatsapp(outside, provider)
        assert (await channel.send(NOTICE)).code == "131008"
        provider.busy = 1
        assert (await channel.send(NOTICE)).kind == "later"
        assert (await whatsapp(outside, provider, access_token="x").send(NOTICE)).kind == "rejected"


async def test_states_rise_and_what_people_write_is_heard(outside):
    async with WhatsAppProvider() as provider:
        channel = whatsapp(outside, provider)
        await channel.send(NOTICE)
        (taken,) = provider.taken
        heard = []
        for told in (
            provider.status(taken, "sent"),
            provider.status(taken, "delivered"),
            provider.status(taken, "read"),
            provider.status(taken, "failed", 131026),
            provider.status(taken, "warming up"),
            provider.written("4915112345678", "STOPP"),
            provider.written("4915112345678", "Danke"),
        ):
            body = orjson.dumps(told)
            channel.verify("", {"X-Hub-Signature-256": provider.sign(body)}, body)
            heard.extend(channel.hear({}, body))
    assert [one.state if isinstance(one, Report) else one.word for one in heard] == [
        "sent",
        "delivered",
        "read",
        "undelivered",
        "stop",
        None,
    ]
    assert heard[3].reason == "not reachable on WhatsApp: no such user, an old app, or terms not accepted"
    assert (heard[5].sender, heard[5].to, heard[5].text) == ("+4915112345678", "+15555550001", "Danke")


async def test_what_another_sender_of_the_same_app_hears_is_not_ours(outside):
    provider, other = WhatsAppProvider(), WhatsAppProvider()
    other.phone_number_id = "999888777666"
    channel = whatsapp(outside, provider)
    assert channel.hear({}, orjson.dumps(other.written("49151", "STOP"))) == []


async def test_calls_without_the_right_signature_are_forged(outside):
    provider = WhatsAppProvider()
    channel = whatsapp(outside, provider)
    body = b'{"a":1}'
    channel.verify("", {"x-hub-signature-256": provider.sign(body)}, body)
    for headers, forged in [
        ({}, body),
        ({"x-hub-signature-256": provider.sign(body)}, body + b" "),
        ({"x-hub-signature-256": provider.sign(body).upper()}, body),
        ({"x-hub-signature-256": "\ud800ü"}, body),
        ({"x-hub-signature-256": WhatsAppProvider().sign(body)}, body),
    ]:
        with pytest.raises(Forged):
            channel.verify("", headers, forged)


async def test_the_address_check_is_answered_only_with_our_word(outside):
    channel = whatsapp(outside, WhatsAppProvider())
    asked = {"hub.mode": "subscribe", "hub.verify_token": "our word", "hub.challenge": "1158201444"}
    assert channel.challenge(asked) == "1158201444"
    for changed in (
        {"hub.verify_token": "guess"},
        {"hub.mode": "x"},
        {"hub.challenge": "<script>"},
        {"hub.challenge": ""},
    ):
        with pytest.raises(Forged):
            channel.challenge(asked | changed)
    with pytest.raises(Forged):
        channel.challenge({})


async def test_settings_that_cannot_work_name_the_field(outside):
    with pytest.raises(BadSettings, match="version: missing"):
        build("whatsapp", {"phone_number_id": "12345"}, {}, outside)
    with pytest.raises(BadSettings, match="phone_number_id: does not look like one"):
        build("whatsapp", {"phone_number_id": "+49", "version": "v21.0"}, {}, outside)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the provider's facts are not beside this checkout: ../shared/lastmile")
async def test_bodies_in_the_documented_shape_are_read(outside):
    vectors = json.loads((SHARED / "signature-vectors.json").read_text("utf-8"))
    provider = WhatsAppProvider()
    provider.phone_number_id = "106540352242922"
    channel = whatsapp(outside, provider, app_secret=vectors["app_secret"])
    channel.verify("", {"x-hub-signature-256": vectors["header"]}, vectors["body"].encode())
    (report,) = channel.hear({}, vectors["body"].encode())
    assert report.state == "delivered"
    (failed,) = channel.hear({}, (SHARED / "samples" / "webhook-status-failed.json").read_bytes())
    assert (failed.state, failed.code) == ("undelivered", "131026")
    (inbound,) = channel.hear({}, (SHARED / "samples" / "webhook-inbound-text.json").read_bytes())
    assert isinstance(inbound, Inbound)
    assert (inbound.sender, inbound.to) == ("+15555550123", "+15555550001")
