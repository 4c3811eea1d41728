"""Lalamove's way of signing: questions by a header, pushes by members beside the `data` that is signed."""

from __future__ import annotations

import re
from json import JSONDecoder
from typing import TYPE_CHECKING, Any

import orjson

from connectors.errors import Forged

if TYPE_CHECKING:
    from collections.abc import Iterator

_SPACE = re.compile(r"[ \t\r\n]*")


def signed_text(stamp: str, method: str, path: str, body: bytes) -> bytes:
    """Return what is signed, of questions and pushes alike."""
    return f"{stamp}\r\n{method}\r\n{path}\r\n\r\n".encode() + body


def envelope(body: bytes) -> dict[str, Any]:
    """Return a push as an object. Raises `Forged`."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        told = None
    if not isinstance(told, dict):
        raise Forged("the push is not a JSON object, so nothing in it can be proved")
    return told


def word(told: dict[str, Any], name: str) -> str:
    """Return a member as a text, empty where it is neither text nor whole number."""
    word = told.get(name)
    return str(word) if isinstance(word, str | int) and not isinstance(word, bool) else ""


def spellings(body: bytes, told: dict[str, Any]) -> Iterator[bytes]:
    """Yield `data` as it was sent and as compact JSON. Raises `Forged` where it is neither."""
    yield _spelled(body, "data")
    try:
        yield orjson.dumps(told.get("data"))
    except orjson.JSONEncodeError:
        raise Forged("the push is deeper than any news") from None


def _spelled(body: bytes, name: str) -> bytes:
    """Return the text of a member of a JSON object as the sender spelled it: of a repeated name the last, as read."""
    text, decoder, found = body.decode("utf-8"), JSONDecoder(), ""
    try:
        at = text.index("{") + 1
        while True:
            key, at = decoder.raw_decode(text, _skip(text, at))
            start = _skip(text, text.index(":", at) + 1)
            _, end = decoder.raw_decode(text, start)
            if key == name:
                found = text[start:end]
            at = _skip(text, end)
            if text[at : at + 1] != ",":
                return found.encode()
            at += 1
    except (ValueError, RecursionError):
        raise Forged("the push is not readable JSON") from None


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
