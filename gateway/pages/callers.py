"""Who calls, as far as anybody can tell: the address that counts of tries are kept by."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp import web


def address_of(request: web.Request, *, forwarded: bool) -> str:
    """Return a caller's address. `forwarded`: our own proxy tells it as the last entry of `X-Forwarded-For`."""
    if forwarded:
        told = request.headers.getall("X-Forwarded-For", ())
        last = told[-1].rpartition(",")[2].strip() if told else ""
        if last:
            return last[:64]
    return request.remote or ""
