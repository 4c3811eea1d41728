"""Faces for documents: the one that comes along, or one of this machine where a text needs more letters."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont

_COMES_ALONG = ("Vera.ttf", "VeraBd.ttf")
_FOLDERS = tuple(Path(folder) for folder in ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts"))
_WANTED = (("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"), ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf"))
FACE, BOLD = "Sheet", "Sheet-Bold"


@cache
def letters() -> frozenset[int]:
    """Register the faces, once, and return the letters they have."""
    for plain, bold in (*_found(), _COMES_ALONG):
        try:
            face = TTFont(FACE, plain)
            pdfmetrics.registerFont(face)
            pdfmetrics.registerFont(TTFont(BOLD, bold))
        except (TTFError, OSError):
            continue
        return frozenset(face.face.charToGlyph)
    raise AssertionError("reportlab brings its own face along")


def writable(text: str) -> str:
    """Return a text in letters there are: an accent is left out before a letter is, and what is left is a `?`."""
    known = letters()
    return "".join(one if ord(one) in known or one == "\n" else _plainer(one, known) for one in text)


def _plainer(one: str, known: frozenset[int]) -> str:
    base = unicodedata.normalize("NFKD", one)[0]
    return base if ord(base) in known else "?"


def _found() -> list[tuple[str, str]]:
    pairs = []
    for plain, bold in _WANTED:
        for folder in _FOLDERS:
            files = {file.name: str(file) for file in folder.rglob("*.ttf")} if folder.is_dir() else {}
            if plain in files and bold in files:
                pairs.append((files[plain], files[bold]))
    return pairs
