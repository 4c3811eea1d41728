"""Signatures in other vendors' style, beside our own: a merchant moves over before its receiver changes.

Only the proof is theirs; the body is ours.
"""

from __future__ import annotations

import base64
import hmac
import unicodedata
from typing import Literal, get_args

Style = Literal["aftership", "easypost"]
STYLES: tuple[Style, ...] = get_args(Style)
HEADERS: dict[Style, str] = {"aftership": "aftership-hmac-sha256", "easypost": "x-hmac-signature"}


class Compat:
    """Signs as one vendor does."""

    __slots__ = ("_keyed", "style")

    def __init__(self, style: Style, secret: str) -> None:
        # EasyPost's own libraries bring the secret to NFKD before they use it.
        key = unicodedata.normalize("NFKD", secret) if style == "easypost" else secret
        self._keyed = hmac.new(key.encode(), digestmod="sha256")
        self.style = style

    def header(self, body: bytes) -> tuple[str, str]:
        """Return the header's name and value for a body."""
        keyed = self._keyed.copy()
        keyed.update(body)
        if self.style == "aftership":
            return HEADERS["aftership"], base64.b64encode(keyed.digest()).decode()
        return HEADERS["easypost"], f"hmac-sha256-hex={keyed.hexdigest()}"
