"""What people paste into the search: one question, or a list of numbers; addresses and labels around a number. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote_plus

from gateway.search import words

MOST = 50
"""Names asked for at once."""
_LONGEST = 200
_MOST_PARTS = 12
_SPLIT = re.compile(r"[\r\n\t,;]+")
_ADDRESS = re.compile(r"(?:https?://)?(?:[\w-]+\.)+[a-z]{2,}(?::[0-9]+)?[/?#]\S*|https?://\S+", re.IGNORECASE)
_PAGE = re.compile(r"/t/([A-Za-z0-9_-]{24})(?![A-Za-z0-9_-])")
_PARTS = re.compile(r"[/?#&=+,;:|\s]+")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+")
_PART = range(words.SHORTEST, 65)


class BadQuestion(ValueError):  # noqa: N818 - it names what is bad
    """What is asked cannot be answered; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One thing somebody asks for.

    Attributes:
        text: as it was asked, without what nobody sees.
        numbers: numbers it may be, the likeliest first, in any spelling.
        token: of a tracking page of ours, where it is the address of one.
        ways: sets of words, any of which will do (`words.of_question`).
        whole: whether words are asked for as they stand, and not as the beginnings of longer ones.
    """

    text: str
    numbers: tuple[str, ...]
    token: str | None = None
    ways: tuple[frozenset[str], ...] = ()
    whole: bool = False


def read(text: str) -> list[Asked]:
    """Return what a text asks for, each thing once. Raises `BadQuestion` for nothing and for too much.

    Lines, and what commas part, are several numbers where each of them looks like one: `Prado, Ana` is one question.
    """
    text = _visible(text)
    pieces = [piece for piece in map(str.strip, _SPLIT.split(text)) if piece]
    if _ADDRESS.fullmatch(text) and text.count("://") <= 1:
        pieces = [text]  # an address may hold commas
    several = len(pieces) > 1 and all(map(_looks_like_a_number, pieces))
    wanted = pieces if several else [" ".join(pieces)]
    asked = [_one(piece[:_LONGEST] if several else piece, whole=several) for piece in dict.fromkeys(wanted)]
    if len(asked) > MOST:
        raise BadQuestion(f"ask for at most {MOST} numbers at once; these are {len(asked)}")
    if not any(_askable(one) for one in asked):
        raise BadQuestion(f"say at least {words.SHORTEST} letters or digits, or an order's number with #")
    return asked


def _one(piece: str, *, whole: bool) -> Asked:
    if _ADDRESS.fullmatch(piece):
        page = _PAGE.search(piece)
        return Asked(text=piece, numbers=_numbers_in(piece), token=None if page is None else page.group(1), whole=True)
    return Asked(text=piece, numbers=(piece[:_LONGEST],), ways=tuple(words.of_question(piece)), whole=whole)


def _numbers_in(address: str) -> tuple[str, ...]:
    """Return what may be a number in an address: longer parts first, they say more."""
    _, _, behind = address.partition("://")
    _, _, path = re.sub(r"[?#]", "/", behind or address, count=1).partition("/")
    parts = dict.fromkeys(part for part in _PARTS.split(unquote_plus(path)) if _is_part(part))
    return tuple(sorted(parts, key=len, reverse=True)[:_MOST_PARTS])


def _is_part(part: str) -> bool:
    return len(part) in _PART and any(map(str.isdecimal, part))


def _looks_like_a_number(piece: str) -> bool:
    return any(map(str.isdecimal, piece)) or bool(_MAIL.fullmatch(piece) or _ADDRESS.fullmatch(piece))


def _askable(one: Asked) -> bool:
    named = one.text.startswith("#") and bool(words.plain(one.text))
    return bool(one.ways or one.token or named or (one.whole and one.numbers))


def _visible(text: str) -> str:
    """Return a text without characters nobody sees, such as copying from pages and tables brings along."""
    kept = (
        character if character in "\r\n\t" else "" if unicodedata.category(character) in ("Cf", "Cc") else character
        for character in text
    )
    return "".join(kept).strip()
