"""Stop, start and help, as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.channels.rows import read_rows
from webhooks.channels.words import read_words, word_of


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("STOP", "stop"),
        (" stop. ", "stop"),
        ("Stopp!", "stop"),
        ("ARRÊT", "stop"),
        ("Arrêté", "stop"),
        ("opt-out", "stop"),
        ("BAJA", "stop"),
        ("توقف", "stop"),
        ("Koniec", "stop"),
        ("unstop", "start"),
        ("Start", "start"),
        ("HILFE", "help"),
        ("help?", "help"),
        ("Please stop", None),
        ("do not stop", None),
        ("Please leave it with the neighbour", None),
        ("", None),
        ("…", None),
    ],
)
def test_a_message_that_is_nothing_but_a_word_has_its_meaning(text, word):
    assert word_of(text) == word


def test_stop_and_help_are_known_in_every_language_we_write_in():
    rows = read_rows("words", ("word", "means", "language", "source"))
    known = {(row["language"], row["means"]) for row in rows}
    for language in ("en", "de", "fr", "es", "pl", "ar"):
        # the Polish and the Arabic speaker may use the English words too
        assert {(language, "stop"), (language, "help")} <= known


@given(st.sampled_from(sorted(read_words())), st.sampled_from(["", " ", ".", "!!", "\n", "\N{ZERO WIDTH SPACE}"]))
def test_case_blanks_and_punctuation_do_not_matter(word, around):
    assert word_of(around + word.upper() + around) == word_of(word)
