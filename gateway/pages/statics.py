"""Scripts, styles and pictures: read once, packed once, addressed by their content so that they may be kept for ever.

All files share one address `/static/<hash of all>/`, so modules and styles name each other relatively.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from aiohttp import web

FOLDER = Path(__file__).parent.parent / "static"
ROUTE = "/static/{hash}/{name:.+}"
_FOR_EVER = "public, max-age=31536000, immutable"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".json": "application/json",
}
_PACKED_ALREADY = frozenset({".png", ".webp", ".woff2"})
_WORTH_PACKING = 200


@dataclass(frozen=True, slots=True)
class Static:
    """One file: as it is, and packed where that makes it smaller. `etag` is made of its content."""

    body: bytes
    packed: bytes | None
    content_type: str
    etag: str


class Statics:
    """The files of a folder by their path in it. What has no known type is not served."""

    def __init__(self, folder: Path) -> None:
        self.files: dict[str, Static] = {}
        whole = sha256()
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.suffix in _TYPES:
                name, body = file.relative_to(folder).as_posix(), file.read_bytes()
                self.files[name] = _static(body, file.suffix)
                whole.update(f"{name}\0{self.files[name].etag}\0".encode())
        self.hash = whole.hexdigest()[:12]

    def url(self, name: str) -> str:
        """Return the address of a file. Raises `KeyError` where there is none: a page must not name it."""
        if name not in self.files:
            raise KeyError(name)
        return f"/static/{self.hash}/{name}"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer with a file. An older hash gets today's file, and must not keep it."""
        found = self.files.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        current = request.match_info["hash"] == self.hash
        return answer(request, found, _FOR_EVER if current else "no-cache")


@cache
def statics() -> Statics:
    """Return the files of this package."""
    return Statics(FOLDER)


def answer(request: web.Request, static: Static, cache_control: str, **headers: str) -> web.StreamResponse:
    """Answer with bytes made before: packed where the client takes that, and 304 where it has them already."""
    sent = {
        "ETag": f'"{static.etag}"',
        "Cache-Control": cache_control,
        "Vary": "Accept-Encoding",
        "Cross-Origin-Resource-Policy": "same-origin",
        **headers,
    }
    if has(request, static.etag):
        return web.Response(status=304, headers=sent)
    body = static.body
    if static.packed is not None and takes_gzip(request):
        body = static.packed
        sent["Content-Encoding"] = "gzip"
    return web.Response(body=body, headers=sent | {"Content-Type": static.content_type})


def has(request: web.Request, etag: str) -> bool:
    """Tell whether the client says it has what carries this tag."""
    return any(tag.value in (etag, "*") for tag in request.if_none_match or ())


def takes_gzip(request: web.Request) -> bool:
    """Tell whether the client unpacks gzip."""
    for part in request.headers.get("Accept-Encoding", "").lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() in ("gzip", "*"):
            return weight.strip() not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def pack(body: bytes) -> bytes | None:
    """Return a body packed, None where that is not worth it. The same bytes give the same bytes."""
    if len(body) < _WORTH_PACKING:
        return None
    packed = gzip.compress(body, 9, mtime=0)
    return packed if len(packed) < len(body) else None


def _static(body: bytes, suffix: str) -> Static:
    packed = None if suffix in _PACKED_ALREADY else pack(body)
    return Static(body, packed, _TYPES[suffix], sha256(body).hexdigest()[:24])
