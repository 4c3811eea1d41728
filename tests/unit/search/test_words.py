"""Whatever somebody has in hand finds the parcel, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.search import words

WORDS = words.of_goods(
    ("1Z 7R4 K90 0348 5000 16", "A-2026/77"),
    {
        "name": "Zoë Müller-Łukasik",
        "email": "zoe.m@shop.example",
        "phone": "+49 (0)171 234 56 78",
        "postal_code": "53113",
    },
    {"city": "Bad Münstereifel", "postal_code": "53902"},
)


@pytest.mark.parametrize(
    "question",
    [
        "1Z7R4K900348500016",
        "1z7r4 k9003 48500016",
        "1Z7R4",
        "500016",
        "0016",
        "A-2026/77",
        "a202677",
        "2026/77",
        "zoe",
        "Müller",
        "muller lukasik",
        "ZOË MÜLLER",
        "zoe.m@shop.example",
        "zoe.m@",
        "+49 171 2345678",
        "0171 2345678",
        "01712345",
        "53113",
        "53902",
        "munstereifel",
        "zoe 53113",
        "zoe m",
        "ZOË MÜ",
        "m lukasik",
        "+49 (0)171 2345678",
        "0049 171 2345678",
        "ZOE.M@Shop.Example",
    ],
)
def test_it_is_found_by(question):
    assert words.answers(words.of_question(question), WORDS)


@pytest.mark.parametrize(
    "question", ["zoe schmidt", "zoe s", "zoe ml", "1Z7R5", "53114", "9999", "üller", "0171 9999999", "a-2027"]
)
def test_it_is_not_found_by(question):
    assert not words.answers(words.of_question(question), WORDS)


@pytest.mark.parametrize("question", ["", "  ", "a", "-+-", "ab", "a b", "+1"])
def test_too_little_is_no_question(question):
    ways = words.of_question(question)
    assert ways == []


@given(st.text(max_size=60), st.text(max_size=30), st.text(max_size=30))
def test_every_word_of_a_shipment_finds_it_by_each_of_its_beginnings(number, name, city):
    found = words.of_goods((number, None), {"name": name}, {"city": city})
    for word in found:
        if not word.startswith(("*", "~")) and len(word) >= words.SHORTEST:
            for asked in words.beginnings(word):
                assert words.answers([frozenset({asked})], found)
                assert words.looked_for(asked) in set(words.beginnings(word))


@given(st.text(max_size=250))
def test_any_text_may_be_asked(text):
    for way in words.of_question(text):
        assert way
        assert sum(len(word.lstrip("~")) for word in way) >= words.SHORTEST
