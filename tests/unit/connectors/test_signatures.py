"""Proof of origin: what is right, what is not, and that nothing of a secret stands in an error."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors import signatures
from connectors.errors import Forged

SHARED = Path(__file__).parents[3].parent / "shared" / "lastmile"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the carriers' own documents are not beside the checkout")

KEY, BODY = b"winter-orchard", b'{"parcel":"WR100"}'
HEX = hmac.new(KEY, BODY, hashlib.sha256).hexdigest()
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("given", [HEX, HEX.upper(), f"sha256={HEX}", f"SHA256={HEX}", f"  {HEX}\n"])
def test_a_hex_signature_is_right_in_any_usual_spelling(given):
    assert signatures.hmac_ok(KEY, BODY, given)


@pytest.mark.parametrize("given", ["", "sha256=", HEX[:-2], HEX + "00", "zz" * 32, f"sha512={HEX}", "é" * 64])
def test_a_wrong_or_odd_signature_is_refused_and_never_raises(given):
    assert not signatures.hmac_ok(KEY, BODY, given)


def test_one_changed_byte_breaks_a_signature():
    assert not signatures.hmac_ok(KEY, BODY.replace(b"1", b"2"), HEX)
    assert not signatures.hmac_ok(KEY + b"s", BODY, HEX)


def test_base64_is_read_with_and_without_padding_and_url_safe():
    given = "X2z_cBMOVJTjZ7-MqsDwFy7pcgSNh9YMQ35dU6ZZ6_o="
    message = b"a"
    raw = hmac.digest(b"k", message, "sha256")
    plain = base64.b64encode(raw).decode()
    for spelling in (plain, plain.rstrip("="), plain.replace("+", "-").replace("/", "_")):
        assert signatures.hmac_ok(b"k", message, spelling, encoding="base64")
    assert not signatures.hmac_ok(b"k", message, given, encoding="base64")
    assert not signatures.hmac_ok(b"k", message, "!" + plain[1:], encoding="base64")


def test_an_empty_secret_proves_nothing_even_with_its_own_signature():
    assert not signatures.hmac_ok(b"", BODY, hmac.digest(b"", BODY, "sha256").hex())


def test_empty_texts_are_not_the_same():
    assert signatures.same("tulip", "tulip")
    assert signatures.same("tülip", "tülip")
    assert not signatures.same("tulip", "Tulip")
    assert not signatures.same("", "")


def test_header_bytes_that_are_no_text_are_refused_and_never_raise():
    odd = b"tulip\xff".decode("utf-8", "surrogateescape")
    assert not signatures.same(odd, "tulip")
    assert not signatures.hmac_ok(KEY, BODY, odd)
    assert not signatures.hmac_ok(KEY, BODY, odd, encoding="base64")
    assert not signatures.fresh(odd, NOW)


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        (NOW, True),
        (NOW.timestamp(), True),
        (NOW.timestamp() * 1000, True),
        (str(int(NOW.timestamp())), True),
        ("2026-03-01T12:04:59Z", True),
        ("2026-03-01T13:00:00+01:00", True),
        (NOW - timedelta(minutes=5, seconds=1), False),
        (NOW + timedelta(minutes=5, seconds=1), False),
        (NOW.replace(tzinfo=None), False),
        ("2026-03-01T12:00:00", False),
        ("nan", False),
        ("inf", False),
        ("soon", False),
        ("", False),
    ],
)
def test_only_a_stamp_within_five_minutes_is_fresh(stamp, expected):
    assert signatures.fresh(stamp, NOW) is expected


@pytest.mark.parametrize(
    "check",
    [
        lambda: signatures.require_hmac(b"swordfish", BODY, HEX),
        lambda: signatures.require_same("parole", "swordfish"),
        lambda: signatures.require_fresh(0, NOW),
        lambda: signatures.require_header({}, "X-Proof"),
        lambda: signatures.require_secret({"push_secret": ""}, "push_secret"),
        lambda: signatures.hex_key("swordfish"),
        lambda: signatures.base64_key("sword~fish"),
        lambda: signatures.require_basic({"authorization": "Basic cGFyb2xl"}, "swordfish", "x"),
        lambda: signatures.require_basic({"authorization": "Bearer x"}, "swordfish", "x"),
        lambda: signatures.require_basic({"authorization": "Basic Og=="}, "", ""),
    ],
)
def test_what_fails_is_forged_and_tells_no_secret(check):
    with pytest.raises(Forged) as caught:
        check()
    assert not {"swordfish", "parole", HEX} & set(str(caught.value).split())


def test_right_proofs_pass_silently():
    signatures.require_hmac(KEY, BODY, HEX)
    signatures.require_same("parole", "parole")
    signatures.require_fresh(NOW, NOW)
    signatures.require_basic({"authorization": "basic YTpi"}, "a", "b")
    assert signatures.require_header({"x-proof": "1"}, "X-Proof") == "1"
    assert signatures.base64_key("a2V5") == b"key"


@needs_shared
def test_onfleet_vectors_hold_with_the_key_decoded_from_hex():
    for vector in _vectors("onfleet"):
        body = vector["body"].encode()
        key = signatures.hex_key(vector["secret_hex"])
        assert signatures.hmac_ok(key, body, vector["signature"], digest="sha512")
        as_text = vector["wrong_if_secret_used_as_text"]
        assert not signatures.hmac_ok(key, body, as_text, digest="sha512")
        assert signatures.hmac_ok(vector["secret_hex"].encode(), body, as_text, digest="sha512")


@needs_shared
@pytest.mark.parametrize(
    ("platform", "key", "encoding"),
    [("uber-direct", "key", "hex"), ("spoke-dispatch", "secret", "hex"), ("ninja-van", "client_secret", "base64")],
)
def test_platforms_own_vectors_hold(platform, key, encoding):
    vectors = _vectors(platform)
    assert vectors
    for vector in vectors:
        body = vector["body"].encode()
        assert signatures.hmac_ok(vector[key].encode(), body, vector["signature"], encoding=encoding)
        assert not signatures.hmac_ok(vector[key].encode(), body + b" ", vector["signature"], encoding=encoding)


def _vectors(platform):
    return json.loads((SHARED / platform / "signature-vectors.json").read_text("utf-8"))["vectors"]
