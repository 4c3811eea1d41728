"""What a shipment is found by, and what somebody asks for: plain words, the same for both. Pure.

A word has no case, accents, spaces or signs: `4050-262` is `4050262`, `ana.prado@shop.example` one word. Numbers are
found by their last digits as well, phones with and without the country's code, names by a first letter or two beside
another word. Such an ending is kept as `*0302`, such a short beginning as `~p`.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from normalizer.places import fold

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

SHORTEST = 3
"""Letters from which on a beginning is looked for."""
_LONGEST_BEGINNING = 10
_LONGEST = 60
_MOST_WORDS = 40
_ENDINGS = (4, 6, 8)
_PHONE = re.compile(r"[+(]?[0-9][0-9 ()/.+-]{4,}[0-9]")
_PLACE = ("city", "postal_code")


def of_goods(
    numbers: Iterable[str | None], recipient: Mapping[str, Any] | None, destination: Mapping[str, Any] | None
) -> set[str]:
    """Return the words of a shipment or an order: of its numbers, of who gets it, and of where it goes."""
    found: set[str] = set()
    for number in numbers:
        if number:
            word = plain(number)
            found.add(word)
            found.update(f"*{word[-size:]}" for size in _ENDINGS if len(word) > size)
            found.update(_parts(number))
    for told in (recipient or {}, destination or {}):
        found.update(word for name in _PLACE if (word := plain(told.get(name) or "")))
        found.update(_parts(told.get("city") or ""))
    if recipient:
        found.update(_parts(recipient.get("name") or ""))
        found.update(f"~{part[:size]}" for part in fold(recipient.get("name") or "").split() for size in (1, 2))
        found.add(plain(recipient.get("email") or ""))
        found.update(_phones(recipient.get("phone") or "", recipient.get("country")))
    found.discard("")
    return set(sorted(found, key=lambda word: (len(word) < SHORTEST, word))[:_MOST_WORDS])


def of_question(text: str) -> list[frozenset[str]]:
    """Return what is asked for: any of these sets will do, and of a set every word."""
    text = text.strip()[:200]
    ways: list[frozenset[str]] = []
    if _PHONE.fullmatch(text):
        ways.extend(frozenset({digits}) for digits in _dialled(text))
    whole = plain(text)
    each = [word for part in text.split() if (word := plain(part))]
    if max(map(len, each), default=0) > 1 and sum(map(len, each)) >= SHORTEST:
        ways.append(frozenset(word if len(word) >= SHORTEST else f"~{word}" for word in each))
    if len(whole) >= SHORTEST:
        ways.append(frozenset({whole}))
    if len(whole) in _ENDINGS:
        ways.append(frozenset({f"*{whole}"}))
    return list(dict.fromkeys(ways))


def are_said(question: Iterable[frozenset[str]], words: Collection[str]) -> bool:
    """Tell whether words answer a question as they stand: some way of it, each word of which is one of them."""
    return any(all(word in words for word in way) for way in question)


def answers(question: Iterable[frozenset[str]], words: Iterable[str]) -> bool:
    """Tell whether a shipment's words answer a question: some way of it, each word of which begins one of them."""
    known = list(words)
    return any(all(_begins(word, known) for word in way) for way in question)


def beginnings(word: str) -> Iterator[str]:
    """Return a word as it is looked for while it is typed: its beginnings, up to ten letters, and all of it."""
    if _is_cut(word) or len(word) > _LONGEST_BEGINNING:
        yield word
    if _is_cut(word):
        return
    for size in range(SHORTEST, min(len(word), _LONGEST_BEGINNING) + 1):
        yield word[:size]


def looked_for(word: str) -> str:
    """Return the beginning under which a word is looked for; what is longer is told apart afterwards."""
    return word if _is_cut(word) else word[:_LONGEST_BEGINNING]


def plain(text: str) -> str:
    """Return a text as one word."""
    return fold(text).replace(" ", "")[:_LONGEST]


def _begins(word: str, known: Iterable[str]) -> bool:
    return any(one == word if _is_cut(word) else one.startswith(word) for one in known)


def _is_cut(word: str) -> bool:
    return word.startswith(("*", "~"))


def _parts(text: str) -> set[str]:
    return {word for part in fold(text).split() if len(word := part[:_LONGEST]) >= SHORTEST}


def _dialled(text: str) -> list[str]:
    """Return the digits of a phone number as asked, and without its country's code where it says that it has one."""
    digits = "".join(filter(str.isdecimal, text.replace("(0)", "")))
    asked = [digits.lstrip("0")]
    if text.startswith("+") or digits.startswith("00"):
        import phonenumbers  # noqa: PLC0415 - heavy, and only for numbers

        with suppress(phonenumbers.NumberParseException):
            asked.append(str(phonenumbers.parse(f"+{asked[0]}").national_number))
    return asked


def _phones(text: str, country: str | None) -> set[str]:
    """Return a phone number's digits: with its country's code, and as it is dialled at home without the first zero."""
    import phonenumbers  # noqa: PLC0415 - heavy, and only for numbers

    try:
        read = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return {word for word in ("".join(filter(str.isdecimal, text)).lstrip("0"),) if len(word) >= SHORTEST}
    home = str(read.national_number)
    return {f"{read.country_code}{home}", home}
