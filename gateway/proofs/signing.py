"""AWS Signature Version 4, as far as an object store needs it: one request, all its headers signed."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs requests of one key to one region's object store."""

    key_id: str
    secret: str
    region: str

    def __repr__(self) -> str:
        """Never show the secret, wherever this is printed."""
        return f"Signer({self.key_id!r}, {self.region!r})"

    def headers(self, method: str, path: str, sent: Mapping[str, str], body: bytes, at: datetime) -> dict[str, str]:
        """Return the headers of a request: `sent` (`host` among them) and what proves it.

        Args:
            method: in capitals.
            path: already escaped, as it goes over the wire; no query.
            sent: lower-case names.
            body: whole.
            at: the present, in UTC.
        """
        digest = sha256(body).hexdigest()
        stamp = f"{at:%Y%m%dT%H%M%SZ}"
        headers = {**sent, "x-amz-content-sha256": digest, "x-amz-date": stamp}
        names = ";".join(sorted(headers))
        lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in sorted(headers))
        request = f"{method}\n{path}\n\n{lines}\n{names}\n{digest}"
        scope = f"{stamp[:8]}/{self.region}/s3/aws4_request"
        text = "\n".join((_ALGORITHM, stamp, scope, sha256(request.encode()).hexdigest()))
        key = f"AWS4{self.secret}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        proof = f"{_ALGORITHM} Credential={self.key_id}/{scope},SignedHeaders={names},Signature={signature}"
        return {**headers, "authorization": proof}
