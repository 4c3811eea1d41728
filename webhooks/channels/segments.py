"""How many SMS a text costs: GSM-7 where every character fits its tables, UCS-2 for the whole text otherwise."""

from __future__ import annotations

from typing import Literal, NamedTuple

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""GSM 03.38's default alphabet without the escape: one unit each."""
EXTENSION = frozenset("\f^{}\\[~]|€")
"""Written with an escape before them: two units each."""
GSM = BASIC | EXTENSION
ALONE = {"GSM-7": 160, "UCS-2": 70}
JOINED = {"GSM-7": 153, "UCS-2": 67}
"""Units in each part of a longer text: the header that joins the parts takes the rest."""

Encoding = Literal["GSM-7", "UCS-2"]


class Counted(NamedTuple):
    """What a text costs: its encoding, parts, units in all, units still free in the last part, and who forced UCS-2."""

    encoding: Encoding
    segments: int
    units: int
    left: int
    outside: tuple[str, ...]
    """The characters that are not in GSM-7, in order of appearance."""


def encoding_of(text: str) -> Encoding:
    """Return which encoding a text needs."""
    return "GSM-7" if GSM.issuperset(text) else "UCS-2"


def split(text: str) -> list[str]:
    """Split a text as phones receive it: neither an escaped character nor a surrogate pair is torn in two."""
    return [part for part, _units in _parts(text, encoding_of(text))]


def count(text: str) -> Counted:
    """Count what a text costs."""
    encoding = encoding_of(text)
    parts = _parts(text, encoding)
    room = (ALONE if len(parts) == 1 else JOINED)[encoding]
    outside = tuple(dict.fromkeys(character for character in text if character not in GSM))
    return Counted(encoding, len(parts), sum(units for _part, units in parts), room - parts[-1][1], outside)


def _cost(character: str, encoding: Encoding) -> int:
    if encoding == "GSM-7":
        return 2 if character in EXTENSION else 1
    return 2 if ord(character) > 0xFFFF else 1  # noqa: PLR2004 - beyond it UTF-16 writes a pair


def _parts(text: str, encoding: Encoding) -> list[tuple[str, int]]:
    costs = [_cost(character, encoding) for character in text]
    if sum(costs) <= ALONE[encoding]:
        return [(text, sum(costs))]
    parts: list[tuple[str, int]] = []
    begin = used = 0
    for index, cost in enumerate(costs):
        if used + cost > JOINED[encoding]:
            parts.append((text[begin:index], used))
            begin, used = index, 0
        used += cost
    parts.append((text[begin:], used))
    return parts
