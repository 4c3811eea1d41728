"""How a page is answered: a strict content policy, nothing told to other sites, packed, and 304 where it is known."""

from __future__ import annotations

import gzip
from hashlib import sha256
from typing import TYPE_CHECKING

from aiohttp import web

from gateway.pages.statics import has, takes_gzip

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_QUICKLY = 6
"""How hard a page is packed while somebody waits for it."""


def policy(*, images: Iterable[str] = (), frame_ancestors: str = "'none'") -> str:
    """Return a Content-Security-Policy: all from here, nothing inline. `images`: further origins of pictures."""
    pictures = " ".join(("'self'", "data:", "blob:", *images))
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src {pictures}",
            "connect-src 'self'",
            "manifest-src 'self'",
            "worker-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            f"frame-ancestors {frame_ancestors}",
        )
    )


PRIVATE: dict[str, str] = {
    "Cache-Control": "private, no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
"""Headers of a page that is one person's: it may be kept by their browser, asked for again, and told to nobody."""


def page(
    request: web.Request,
    html: str,
    *,
    status: int = 200,
    csp: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Answer with a page. `headers` go over those of a private page."""
    body = html.encode()
    etag = sha256(body).hexdigest()[:24]
    sent = {
        **PRIVATE,
        "Content-Security-Policy": policy() if csp is None else csp,
        "ETag": f'W/"{etag}"',
        "Vary": "Accept-Encoding, Accept-Language",
        "Content-Type": "text/html; charset=utf-8",
        **(headers or {}),
    }
    if status == web.HTTPOk.status_code and has(request, etag):
        return web.Response(status=304, headers=sent)
    if takes_gzip(request):
        body = gzip.compress(body, _QUICKLY, mtime=0)
        sent["Content-Encoding"] = "gzip"
    return web.Response(status=status, body=body, headers=sent)
