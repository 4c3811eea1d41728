"""Signatures, checked by the standard's own vector and by an independent library."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook

from webhooks.signing import (
    BadSecret,
    Key,
    Signer,
    decode_secret,
    new_private_key,
    new_secret,
    pack,
    public_key,
    rotate,
    unpack,
)

VECTORS = Path(__file__).parents[4] / "shared/standards/standard-webhooks/signature-vectors.json"
NOW = int(datetime.now(UTC).timestamp())
BODY = '{"grüße":1}'.encode()


@pytest.mark.skipif(not VECTORS.exists(), reason="the standard's vectors are not beside this checkout")
def test_the_standards_own_vector_is_reproduced():
    vectors = json.loads(VECTORS.read_text())["vectors"]
    assert vectors
    for vector in vectors:
        headers = Signer([Key("hmac", vector["secret"])]).headers(
            vector["webhook-id"], int(vector["webhook-timestamp"]), vector["body"].encode()
        )
        assert headers == {name: vector[name] for name in headers}
        assert len(headers) == 3


def test_an_independent_library_verifies_what_we_sign_and_refuses_a_changed_body():
    secret = new_secret()
    # Of this instant: the library refuses what is five minutes old, and the whole suite takes longer.
    headers = Signer([Key("hmac", secret)]).headers("msg_1", int(time.time()), BODY)
    Webhook(secret).verify(BODY, headers)
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(secret).verify(BODY + b" ", headers)


def test_ed25519_follows_hmac_and_verifies_with_the_public_key():
    private = new_private_key()
    value = Signer([Key("ed25519", private), Key("hmac", new_secret())]).signature("msg_1", NOW, BODY)
    first, second = value.split(" ")
    assert first.startswith("v1,")
    assert second.startswith("v1a,")
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key(private).removeprefix("whpk_")))
    signature = base64.b64decode(second.removeprefix("v1a,"))
    public.verify(signature, f"msg_1.{NOW}.".encode() + BODY)
    with pytest.raises(InvalidSignature):
        public.verify(signature, f"msg_1.{NOW + 1}.".encode() + BODY)


def test_an_old_secret_signs_along_until_its_overlap_ends_newest_first():
    old, fresh = new_secret(), new_secret()
    keys = rotate([Key("hmac", old)], Key("hmac", fresh), until=NOW * 1000 + 1, now=NOW * 1000)
    assert keys == [Key("hmac", fresh), Key("hmac", old, NOW * 1000 + 1)]
    signer = Signer(unpack(pack(keys)))
    during, after = signer.signature("m", NOW, BODY), signer.signature("m", NOW + 1, BODY)
    assert during.split(" ")[0] == Signer([Key("hmac", fresh)]).signature("m", NOW, BODY)
    assert during.split(" ")[1] == Signer([Key("hmac", old)]).signature("m", NOW, BODY)
    assert after == Signer([Key("hmac", fresh)]).signature("m", NOW + 1, BODY)


def test_rotating_without_overlap_ends_the_old_secret_at_once_and_leaves_other_kinds():
    private = Key("ed25519", new_private_key())
    fresh = Key("hmac", new_secret())
    assert rotate([Key("hmac", new_secret()), private], fresh, until=5, now=5) == [fresh, private]


@pytest.mark.parametrize(
    ("secret", "complaint"),
    [
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "must start with whsec_"),
        ("whsec_" + base64.b64encode(b"x" * 23).decode(), "23 bytes"),
        ("whsec_" + base64.b64encode(b"x" * 65).decode(), "65 bytes"),
        ("whsec_not base64!", "padded base64"),
    ],
)
def test_a_secret_outside_the_standard_is_refused_without_repeating_it(secret, complaint):
    with pytest.raises(BadSecret, match=complaint) as caught:
        decode_secret(secret)
    assert secret.removeprefix("whsec_") not in str(caught.value)
