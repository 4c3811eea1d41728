"""Web push against a service of our own that checks the token and browsers that decrypt."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from hypothesis import given
from hypothesis import strategies as st

from gateway.demo.providers.push import PushService, Refused, check_vapid, decrypt
from webhooks.channels import BadSettings, build
from webhooks.channels.base import Outgoing, Said
from webhooks.channels.outside import Outside
from webhooks.channels.push import (
    MAX_PLAIN,
    BadSubscription,
    _payload,
    _TooLong,
    new_private_key,
    public_key,
    read_subscription,
    topic,
)

SHARED = Path(__file__).parents[4] / "shared" / "lastmile" / "channels" / "web-push"
KEY = new_private_key()


def push(outside, key=KEY, **settings):
    values = {"contact": "mailto:ops@hub.example"} | settings
    return build("push", values, {"vapid_private_key": key}, outside)


def notice(browser, **changed):
    words = {"id": "not_1", "to": browser.subscription, "subject": "Heute", "text": "Ihr Paket kommt heute"}
    return Outgoing(**(words | {"link": "https://hub.example/t/abc", "language": "de"} | changed))


async def test_a_browser_shows_what_was_sent(outside):
    async with PushService() as service:
        browser = service.subscribe(public_key(KEY))
        said = await push(outside).send(notice(browser, urgent=True))
    assert said == Said(kind="accepted")
    tag = topic(notice(browser))
    assert browser.shown == [
        {
            "id": "not_1",
            "title": "Heute",
            "body": "Ihr Paket kommt heute",
            "link": "https://hub.example/t/abc",
            "lang": "de",
            "dir": "ltr",
            "tag": tag,
        }
    ]
    assert browser.headers == [{"ttl": "43200", "urgency": "high", "topic": tag}]


async def test_notices_on_one_parcel_replace_each_other_and_others_do_not(outside):
    async with PushService() as service:
        browser = service.subscribe(public_key(KEY))
        channel = push(outside, ttl="60")
        for changed in (
            {},
            {"id": "not_2"},
            {"link": "https://hub.example/t/xyz"},
            {"link": ""},
            {"link": "", "id": "b"},
        ):
            assert (await channel.send(notice(browser, **changed))).kind == "accepted"
    topics = [one["topic"] for one in browser.headers]
    assert topics[0] == topics[1]
    assert len(set(topics)) == 4
    assert {(one["ttl"], one["urgency"]) for one in browser.headers} == {("60", "normal")}


async def test_a_browser_that_left_is_gone(outside):
    async with PushService() as service:
        browser = service.subscribe(public_key(KEY))
        channel = push(outside)
        service.forgotten.add(browser.name)
        assert (await channel.send(notice(browser))).kind == "gone"
        del service.browsers[browser.name]
        service.forgotten.clear()
        assert (await channel.send(notice(browser))).kind == "gone"


async def test_a_busy_service_says_when(outside):
    async with PushService() as service:
        browser = service.subscribe(public_key(KEY))
        service.busy = 1
        said = await push(outside).send(notice(browser))
    assert (said.kind, said.code, said.retry_after) == ("later", "429", 3.0)


async def test_a_subscription_made_with_another_key_is_the_accounts_matter(outside):
    async with PushService() as service:
        browser = service.subscribe(public_key(new_private_key()))
        said = await push(outside).send(notice(browser))
    assert (said.kind, said.code) == ("rejected", "403")
    assert browser.shown == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, "accepted"),
        (202, "accepted"),
        (400, "refused"),
        (401, "rejected"),
        (406, "later"),
        (413, "refused"),
        (503, "later"),
    ],
)
async def test_other_answers(outside, peer, status, kind):
    async with PushService() as service:
        subscription = json.loads(service.subscribe(public_key(KEY)).subscription)
    subscription["endpoint"] = peer.address + "/push/1"
    peer.say(status, b"{}")
    assert (await push(outside).send(Outgoing(id="n", to=json.dumps(subscription), text="x"))).kind == kind
    assert b"POST /push/1 HTTP/1.1" in peer.heard


async def test_one_token_serves_a_service_for_hours_and_each_service_has_its_own(outside):
    async with PushService() as one, PushService() as other:
        channel = push(outside)
        for service in (one, other, one):
            await channel.send(notice(service.subscribe(public_key(KEY))))
        assert set(channel._pusher.vapid.made) == {one.address, other.address}
        first, _ = channel._pusher.vapid.made[one.address]
        claims = check_vapid(first, one.address, public_key(KEY))
    assert claims["sub"] == "mailto:ops@hub.example"
    assert 11 * 3600 < claims["exp"] - time.time() <= 12 * 3600


async def test_a_long_text_is_cut_to_what_fits(outside):
    async with PushService() as service:
        browser = service.subscribe(public_key(KEY))
        said = await push(outside).send(notice(browser, text="Grüße 🚚 " * 1000))
    assert said.kind == "accepted"
    assert browser.shown[0]["body"].startswith("Grüße 🚚 Grüße")
    assert browser.shown[0]["body"].endswith("…")


async def test_a_link_that_leaves_no_room_is_refused(outside):
    async with PushService() as service:
        browser = service.subscribe(public_key(KEY))
        said = await push(outside).send(notice(browser, link="https://hub.example/" + "x" * 4000))
    assert said == Said(kind="refused", code="subscription", reason="the notice is too long for a push service")


@given(st.text(max_size=6000), st.text(max_size=80), st.sampled_from(["", "https://hub.example/t/1"]))
def test_what_is_shown_always_fits_and_is_the_start_of_the_text(text, title, link):
    try:
        shown = orjson.loads(_payload(Outgoing(id="n", to="", text=text, subject=title, link=link)))
    except _TooLong:
        assert any("\ud800" <= one <= "\udfff" for one in text + title)
        return
    assert len(orjson.dumps(shown)) <= MAX_PLAIN
    assert shown["body"] == text or text.startswith(shown["body"].removesuffix("…"))


@pytest.mark.parametrize(
    ("endpoint", "code"),
    [
        ("https://127.0.0.1/push", "address"),
        ("https://localhost/push", "address"),
        ("https://169.254.169.254/latest", "address"),
        ("https://[::1]/push", "address"),
        ("https://[::ffff:10.0.0.1]/push", "address"),
        ("http://93.184.215.14/push", "address"),
        ("https://93.184.215.14:22/push", "address"),
    ],
)
async def test_a_subscription_never_leads_into_a_private_network(endpoint, code):
    guarded = Outside(timeout=2)
    subscription = json.loads(PushService().subscribe("k").subscription) | {"endpoint": endpoint}
    said = await push(guarded).send(Outgoing(id="n", to=json.dumps(subscription), text="x"))
    await guarded.close()
    assert (said.kind, said.code) == ("refused", code)
    assert endpoint not in said.reason


def b64(raw):
    return base64.urlsafe_b64encode(raw).decode()


@pytest.mark.parametrize(
    "to",
    [
        "",
        "{}",
        "null",
        '{"endpoint":"ftp://x.example","keys":{"p256dh":"","auth":""}}',
        '{"endpoint":"https://x.example","keys":{"p256dh":"*","auth":"!"}}',
        '{"endpoint":"https://x.example","keys":{"p256dh":"AAAA","auth":"AAAA"}}',
        json.dumps(
            {"endpoint": "https://x.example", "keys": {"p256dh": b64(b"\x04" + b"\x01" * 64), "auth": b64(b"a" * 16)}}
        ),
        json.dumps(
            {"endpoint": "https://x.example", "keys": {"p256dh": b64(b"\x04" + b"\x01" * 64), "auth": b64(b"a")}}
        ),
    ],
)
async def test_what_is_no_subscription_is_refused_without_a_call(outside, to):
    said = await push(outside).send(Outgoing(id="n", to=to, text="x"))
    assert (said.kind, said.code) == ("refused", "subscription")


@given(st.text(max_size=200) | st.dictionaries(st.sampled_from(["endpoint", "keys"]), st.text()).map(json.dumps))
def test_a_subscription_is_read_or_refused(text):
    with pytest.raises(BadSubscription):
        read_subscription(text)


@pytest.mark.parametrize(
    ("settings", "key", "text"),
    [
        ({"contact": ""}, KEY, "contact: missing"),
        ({"contact": "ops"}, KEY, "contact: does not look like one; "),
        ({}, "", "vapid_private_key: missing"),
        ({}, "A" * 43, "vapid_private_key: not a key of the curve P-256"),
        ({"ttl": "-1"}, KEY, "ttl: does not look like one; "),
    ],
    ids=["no contact", "a contact without a scheme", "no key", "a key of no curve", "a negative life"],
)
async def test_settings_that_cannot_work_name_the_field(outside, settings, key, text):
    with pytest.raises(BadSettings) as caught:
        push(outside, key, **settings)
    assert str(caught.value).startswith(text)


@pytest.mark.skipif(
    not SHARED.is_dir(), reason="the standard's vectors are not beside this checkout: ../shared/lastmile"
)
def test_our_browser_decrypts_the_standards_example_and_our_service_reads_its_token():
    vectors = json.loads((SHARED / "vectors.json").read_text("utf-8"))

    def raw(text):
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    one = vectors["rfc8291"]
    key = derive_private_key(int.from_bytes(raw(one["ua_private"]), "big"), SECP256R1())
    assert decrypt(raw(one["body"]), key, raw(one["auth"])) == one["plaintext"].encode()
    two = vectors["rfc8292"]
    with pytest.raises(Refused, match="ExpiredSignatureError"):  # the signature is good, the example is of 2016
        check_vapid(two["authorization"], two["claims"]["aud"], two["authorization"].rpartition("k=")[2])


def test_the_service_refuses_tokens_that_are_not_good():
    pem = push_pem()
    good = {"aud": "https://p.example", "exp": int(time.time()) + 60, "sub": "mailto:a@b.example"}

    def header(claims, key=pem):
        return f"vapid t={jwt.encode(claims, key, algorithm='ES256')}, k={public_key(KEY)}"

    assert check_vapid(header(good), "https://p.example", public_key(KEY))["sub"] == good["sub"]
    for bad in (
        header(good | {"aud": "https://other.example"}),
        header(good | {"exp": int(time.time()) - 60}),
        header(good | {"exp": int(time.time()) + 90_000}),
        header(good | {"sub": "nobody"}),
        header({"aud": good["aud"], "exp": good["exp"]}),
        header(good, push_pem(new_private_key())),
        "Bearer x",
    ):
        with pytest.raises(Refused):
            check_vapid(bad, "https://p.example", public_key(KEY))


def push_pem(key=KEY):
    raw = base64.urlsafe_b64decode(key + "=")
    return derive_private_key(int.from_bytes(raw, "big"), SECP256R1())
