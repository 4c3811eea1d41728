"""`/embed.js`: the script of `<parcel-status>` with the texts of all languages and the tokens' colours filled in."""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from gateway.pages.statics import FOLDER, Static, answer, pack
from gateway.texts import LANGUAGES, speech

if TYPE_CHECKING:
    from aiohttp import web

HERE = Path(__file__).parent
_WORDS = {
    "number": "element.number",
    "proof": "element.proof",
    "find": "element.find",
    "missing": "element.missing",
    "too_often": "element.too_often",
    "unreachable": "element.unreachable",
    "page": "element.page",
    "progress": "steps.heading",
    "done": "steps.done",
    "now": "steps.now",
    "next": "steps.next",
    "happened": "trouble.happened",
    "then": "trouble.then",
    "you": "trouble.you",
    "earlier": "history.earlier",
}
"""Name in the script -> name of the text."""
_COLOURS = (
    "accent",
    "on-accent",
    "surface",
    "ink",
    *(f"{tone}{soft}" for tone in ("good", "wait", "bad", "move", "still") for soft in ("", "-soft")),
)
_MIXED = {"ink-soft": 72, "line": 14, "line-strong": 52}
"""Colours between ink and surface: per cent of ink, as in the tokens."""
_HEADERS = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
_CACHED = "public, max-age=3600, stale-while-revalidate=86400"


@cache
def script() -> Static:
    """Return the script as it is served."""
    words = {language: _words(language) for language in LANGUAGES}
    words["directions"] = {language: speech(language).direction for language in LANGUAGES}
    source = _small((HERE / "element.js").read_text("utf-8"))
    look = _rules() + _small((HERE / "element.css").read_text("utf-8"))
    for name, value in (("__WORDS__", words), ("__LOOK__", look)):
        source = source.replace(f'"{name}"', orjson.dumps(value).decode(), 1)
    body = source.encode()
    return Static(body, pack(body), "text/javascript; charset=utf-8", sha256(body).hexdigest()[:24])


async def serve(request: web.Request) -> web.StreamResponse:
    """Answer with the script, to pages of any origin: what it may read, its key decides."""
    return answer(request, script(), _CACHED, **_HEADERS)


def colours() -> dict[str, tuple[str, str]]:
    """Return the tokens' colours: name -> (light, dark)."""
    light, _, dark = (FOLDER / "tokens.css").read_text("utf-8").partition("prefers-color-scheme: dark")
    found = {}
    for name in _COLOURS:
        one, other = (re.search(rf"--{name}: (#[0-9a-f]{{6}});", part) for part in (light, dark))
        assert one is not None  # noqa: S101 - the tokens are ours, and a test reads them
        found[name] = (one[1], other[1] if other is not None else one[1])
    return found


def _words(language: str) -> dict[str, str]:
    return {short: speech(language).say(name) for short, name in _WORDS.items()}


def _rules() -> str:
    """Return the colours as rules of the host: a page may set each `--parcel-...`, the page's own scheme decides."""
    known = colours()
    plain = ";".join(f"--_{name}:var(--parcel-{name},{light})" for name, (light, _) in known.items())
    both = ";".join(
        f"--_{name}:var(--parcel-{name},light-dark({light},{dark}))" for name, (light, dark) in known.items()
    )
    mixed = ";".join(
        f"--_{name}:color-mix(in srgb,var(--_ink) {part}%,var(--_surface))" for name, part in _MIXED.items()
    )
    return f":host{{{plain};{mixed}}}@supports (color:light-dark(red,red)){{:host{{{both}}}}}"


def _small(source: str) -> str:
    """Return a source without its indentation, comment lines and blank lines."""
    lines = (line.strip() for line in source.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))
