"""The words with which people steer what they get: stop, start and help, in the languages we know (`words.csv`)."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Literal

from webhooks.channels.rows import read_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

Word = Literal["stop", "start", "help"]
_WORDS: dict[str, Word] = {"stop": "stop", "start": "start", "help": "help"}
_MAX = 40
ANSWERS = frozenset({"yes"})
"""Words among these that are as well the plain answer to a question."""


def word_of(text: str) -> Word | None:
    """Return which of the words a message is, when it is nothing but one: case, accents and punctuation aside."""
    return None if len(text) > _MAX else read_words().get(normal_word(text))


def is_answer(text: str) -> bool:
    """Tell whether a message that is one of the words may be a plain answer to a question too."""
    return normal_word(text) in ANSWERS


def normal_word(text: str) -> str:
    """Return a message as words are compared: case folded, without accents and punctuation, single spaces."""
    folded = text.casefold().replace(
        "\N{LATIN SMALL LETTER DOTLESS I}", "i"
    )  # capital Turkish letters lose their dots either way
    apart = (one for one in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(one))
    return " ".join("".join(one if one.isalnum() else " " for one in apart).split())


@cache
def read_words() -> Mapping[str, Word]:
    """Read the table. Raises `ValueError` naming the row that is wrong."""
    words: dict[str, Word] = {}
    for row in read_rows("words", ("word", "means", "language", "source")):
        word, means = normal_word(row["word"]), _WORDS.get(row["means"])
        if not word or means is None:
            raise ValueError(f"words.csv: {row['word']!r} is no word or has no meaning")
        if words.setdefault(word, means) != means:
            raise ValueError(f"words.csv: {row['word']!r} has two meanings")
    return words
