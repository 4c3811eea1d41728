"""What an answer on the wire needs before anybody trusts it: a cap on its size and a reading of Retry-After."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import httpx

from connectors.errors import Unreadable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

LONGEST_WAIT = 86_400.0
"""A carrier that names more than a day is asked again after a day."""

_WINDOW = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class CappedBody(httpx.AsyncByteStream):
    """A body decompressed piece by piece and never beyond a cap, so a compressed bomb costs no more than the cap.

    httpx's own decoders inflate each network chunk whole; this one asks zlib for at most what is left of the cap.
    """

    def __init__(self, raw: httpx.AsyncByteStream, encoding: str, cap: int) -> None:
        self._raw = raw
        self._cap = cap
        self._encoding = encoding.strip().lower()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        inflate = self._inflater()
        left = self._cap
        raw_bytes = 0
        async for chunk in self._raw:
            raw_bytes += len(chunk)
            try:
                piece = inflate.decompress(chunk, left + 1) if inflate else chunk
            except zlib.error:
                raise Unreadable("the compressed answer is damaged") from None
            left -= len(piece)
            if left < 0:
                raise Unreadable(f"the answer is larger than {self._cap} bytes")
            if inflate and inflate.eof and inflate.unused_data:
                raise Unreadable("the compressed answer goes on after its end")
            if piece:
                yield piece
        if inflate and raw_bytes and not inflate.eof:
            raise Unreadable("the compressed answer ends too early")

    def _inflater(self) -> zlib._Decompress | None:
        if self._encoding in ("", "identity"):
            return None
        if self._encoding not in _WINDOW:
            raise Unreadable("the answer is compressed in a way that was not asked for")
        return zlib.decompressobj(_WINDOW[self._encoding])

    async def aclose(self) -> None:
        """Close the connection's side of the body."""
        await self._raw.aclose()


def capping(cap: int) -> Callable[[httpx.Response], Awaitable[None]]:
    """Return an httpx response hook that puts every answer, an OAuth token's too, behind a cap."""

    async def hook(response: httpx.Response) -> None:
        stream = response.stream
        if isinstance(stream, httpx.AsyncByteStream):
            response.stream = CappedBody(stream, response.headers.pop("content-encoding", ""), cap)

    return hook


def retry_after(header: str | None, now: datetime | None = None) -> float | None:
    """Return the seconds of a Retry-After header, capped at a day; None where it says nothing usable.

    Takes whole or broken seconds and HTTP dates; a negative wait, a date in the past and nonsense are ignored.
    """
    if not header:
        return None
    text = header.strip()
    if text.replace(".", "", 1).isdecimal() and text.isascii():
        return min(float(text), LONGEST_WAIT)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)  # HTTP dates are GMT by definition, whatever "-0000" says
    seconds = (date - (now or datetime.now(UTC))).total_seconds()
    return min(seconds, LONGEST_WAIT) if seconds > 0 else None
