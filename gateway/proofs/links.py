"""Short-lived links to proofs on a tracking page: signed for the page's token and the proof, good for minutes."""

from __future__ import annotations

import hmac
import time
from base64 import urlsafe_b64encode

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SLOT = 600
"""Seconds for which a link stays the same, so that a page asked for again does not load its pictures again."""
_LENGTH = 24


class ProofLinks:
    """Signs links to proofs and checks them."""

    def __init__(self, secret_key: str) -> None:
        self._key = HKDF(SHA256(), 32, salt=None, info=b"carrier-gateway proof links").derive(secret_key.encode())

    def path(self, token: str, proof_id: str) -> str:
        """Return the path of a proof, good for ten to twenty minutes."""
        until = (int(time.time()) // SLOT + 2) * SLOT
        return f"/t/{token}/proofs/{proof_id}?until={until}&sign={self._sign(token, proof_id, until)}"

    def good(self, token: str, proof_id: str, until: str, sign: str) -> bool:
        """Tell whether a link is one of ours and still good."""
        if not (until.isascii() and until.isdecimal() and len(until) <= len("9999999999")):
            return False
        right = hmac.compare_digest(self._sign(token, proof_id, int(until)).encode(), sign.encode("utf-8", "replace"))
        return right and time.time() < int(until)

    def _sign(self, token: str, proof_id: str, until: int) -> str:
        code = hmac.digest(self._key, f"{token}\x1f{proof_id}\x1f{until}".encode(), "sha256")
        return urlsafe_b64encode(code)[:_LENGTH].decode()
