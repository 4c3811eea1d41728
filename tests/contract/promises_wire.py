"""What every connector promises about asking its carrier and about being called by it."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qsl, unquote

import httpx
import pytest
from lxml import etree

from connectors.errors import CarrierError, Forged, NotFound, Rejected, Unavailable, Unreadable
from connectors.replay import ask, replay, secrets_of

UNCOMPARED = {"host", "content-length", "user-agent", "accept-encoding", "connection", "authorization"}


async def call(carrier, sample, http, numbers=None):
    numbers = sample.numbers if numbers is None else numbers
    if sample.call == "locate":
        return await carrier.connector.locate(http, numbers[0])
    return await carrier.connector.poll(http, numbers)


async def it_asks_exactly_the_samples_request(carrier, sample):
    api = carrier.connector.facts.api
    assert 0 < len(sample.numbers) <= api.batch, f"asks about {len(sample.numbers)} numbers, the batch is {api.batch}"
    http, wire = replay(carrier.connector, sample)
    with suppress(CarrierError):  # its kind is the golden's
        await call(carrier, sample, http)
    assert len(wire.asked) == len(sample.exchanges)
    for asked, (meant, _) in zip(wire.asked, sample.exchanges, strict=True):
        path, _, query = asked.url.raw_path.decode().partition("?")
        assert (asked.method, unquote(path)) == (meant.method, unquote(meant.path))
        assert _pairs(query) == _pairs(meant.target.partition("?")[2])
        for name in set(meant.headers) - UNCOMPARED:
            assert asked.headers.get(name) == meant.headers[name], f"the header {name} differs"
        if "authorization" in meant.headers:
            assert asked.headers.get("authorization") == meant.headers["authorization"], "the authorization differs"
        assert _canonical(asked.content, sample.varies) == _canonical(meant.body, sample.varies)


def _pairs(query):
    return sorted(parse_qsl(query, keep_blank_values=True))


def _canonical(body, varies=()):
    """A body's meaning: JSON values, canonical XML without indentation, form pairs, else the bytes.

    Of form fields that vary only the names count.
    """
    text = body.strip()
    if text[:1] in (b"{", b"["):
        return json.loads(text)
    if text[:1] == b"<":
        return etree.tostring(etree.fromstring(text, etree.XMLParser(remove_blank_text=True)), method="c14n2")
    if b"=" in text:
        return [(name, "" if name in varies else value) for name, value in _pairs(text.decode())]
    return text


async def it_hands_over_the_bytes(carrier, sample):
    try:
        payload, _ = await ask(carrier.connector, sample)
    except CarrierError:
        return
    assert payload.body == sample.body
    for secret in secrets_of(carrier.connector, sample).values():
        assert secret not in str(dict(payload.headers))


def answering(sample, status, headers):
    """Return the sample with other answers, without a body, as often as anybody asks."""
    answer = replace(sample.exchanges[0][1], status=status, headers=headers, body=b"")
    return replace(sample, exchanges=((sample.exchanges[0][0], answer),) * 8)


async def its_trouble_has_the_right_name(carrier, sample, caplog):
    caplog.set_level(logging.DEBUG)
    cases = [(401, {}, Rejected), (404, {}, NotFound)]
    cases += [(429, {"retry-after": "60"}, Unavailable), (503, {"retry-after": "120"}, Unavailable)]
    told = []
    for status, headers, error in cases:
        http, _ = replay(carrier.connector, answering(sample, status, headers))
        answer, trouble = await _outcome(call(carrier, sample, http))
        told.append(str(trouble))
        if status == httpx.codes.NOT_FOUND:
            assert (answer and answer.status == status) or isinstance(trouble, (NotFound, Unreadable)), repr(trouble)
        else:
            assert isinstance(trouble, error), f"{status} is {answer or trouble!r}"
            wait = float(headers["retry-after"]) if headers else None
            assert getattr(trouble, "retry_after", None) == wait, f"{status} lost its Retry-After"
    http, wire = replay(carrier.connector, sample)
    wire.trouble = httpx.ReadTimeout
    with pytest.raises(Unavailable) as caught:
        await call(carrier, sample, http)
    told.append(str(caught.value))
    for secret in secrets_of(carrier.connector, sample).values():
        assert secret not in caplog.text, "a secret stands in the log"
        assert not any(secret in text for text in told), "a secret stands in an error"


async def _outcome(asking):
    try:
        return await asking, None
    except CarrierError as trouble:
        return None, trouble


async def a_number_stays_a_number(carrier, sample):
    """A merchant's number cannot lead the request elsewhere: it is quoted wherever it stands."""
    http, wire = replay(carrier.connector, sample)
    with suppress(CarrierError):
        await call(carrier, sample, http, ['../a/..?b=1&c=2#d<e/>"{'])
    for asked, (meant, _) in zip(wire.asked, sample.exchanges, strict=False):
        path, _, query = asked.url.raw_path.decode().partition("?")
        assert path.count("/") == meant.path.count("/"), "a number with slashes makes another path"
        assert {name for name, _ in _pairs(query)} == set(meant.query), "a number makes another query"
        _canonical(asked.content)


async def a_whole_batch_goes_in_one_call(carrier, sample):
    batch = min(carrier.connector.facts.api.batch, 100)
    numbers = [f"{at:012d}" for at in range(100_000, 100_000 + batch)]
    http, wire = replay(carrier.connector, answering(sample, 404, {}))
    with suppress(CarrierError):
        await call(carrier, sample, http, numbers)
    if wire.asked:
        said = unquote(str(wire.asked[0].url)) + wire.asked[0].content.decode()
        assert len(wire.asked) == len(sample.exchanges) or batch == 1
        assert not [number for number in numbers if number not in said], "numbers of a batch are left out"


def a_push_is_accepted_with_its_secret_only(carrier, sample):
    connector, push, secrets = carrier.connector, sample.push(), secrets_of(carrier.connector, sample)
    if (reply := connector.challenge(push, secrets)) is not None:
        assert 200 <= reply.status < 300
        return
    connector.verify(push, secrets)
    assert 200 <= connector.answer(push).status < 300
    if connector.proved_in_body:
        proofs = [secrets[name] for name, said in connector.facts.secrets.items() if said.use != "poll"]
        kept = connector.kept(push)
        assert not [proof for proof in proofs if proof.encode() in kept], "a secret is kept with a push"
    plain = {name: value for name, value in push.headers.items() if name in ("content-type", "host")}
    bare = b"{}" if connector.proved_in_body else push.body
    _forged(carrier, replace(push, headers=plain, query={}, body=bare), secrets, "without any proof")
    _forged(carrier, push, {name: _other(value) for name, value in secrets.items()}, "with another secret")
    _forged(carrier, push, dict.fromkeys(secrets, ""), "with an empty secret")
    _forged(carrier, push, {}, "with no secret at all")
    odd = {name: value if name in plain else "\u00e9" for name, value in push.headers.items()}
    words = _odd_words(push.body) if connector.proved_in_body else push.body
    odd_push = replace(push, headers=odd, query=dict.fromkeys(push.query, "\u00e9"), body=words)
    _forged(carrier, odd_push, secrets, "with odd proofs")
    if connector.signs_body:
        _forged(carrier, replace(push, body=push.body + b" "), secrets, "with a longer body")
        at = len(push.body) // 2
        flipped = push.body[:at] + bytes([push.body[at] ^ 1]) + push.body[at + 1 :]
        _forged(carrier, replace(push, body=flipped), secrets, "with a changed body")
    if connector.signs_time:
        for days in (1, -1):
            other_day = replace(push, received_at=push.received_at + timedelta(days=days))
            _forged(carrier, other_day, secrets, "with an old time stamp")


def _odd_words(body):
    """A JSON body whose own texts are odd; what lies deeper stays."""
    told = json.loads(body)
    return json.dumps({name: "\u00e9" if isinstance(value, str) else value for name, value in told.items()}).encode()


def _forged(carrier, push, secrets, how):
    try:
        carrier.connector.verify(push, secrets)
    except Forged as forged:
        told = str(forged)
    else:
        raise AssertionError(f"a push {how} is taken for the carrier's")
    assert not [secret for secret in secrets.values() if secret and secret in told], "a secret stands in an error"


def _other(secret):
    """Another secret of the same look, hex for hex."""
    return secret[:-1] + ("1" if secret[-1:] == "0" else "0")
