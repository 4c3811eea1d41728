"""What a text costs as SMS."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.channels.segments import ALONE, BASIC, EXTENSION, GSM, JOINED, count, encoding_of, split

VECTORS = Path(__file__).parents[4] / "shared" / "lastmile" / "channels" / "sms-encoding"
texts = st.one_of(
    st.text(st.sampled_from(sorted(GSM)), max_size=700),
    st.text(st.sampled_from("aé€[]日🚚\N{REGIONAL INDICATOR SYMBOL LETTER D}"), max_size=300),
    st.text(max_size=200),
)


def units(text: str) -> int:
    """Units by another way than the code's: the escape doubles, UTF-16 by its encoder."""
    if encoding_of(text) == "GSM-7":
        return len(text) + sum(text.count(one) for one in EXTENSION)
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@pytest.mark.parametrize(
    ("text", "encoding", "segments"),
    [
        ("", "GSM-7", 1),
        ("a" * 160, "GSM-7", 1),
        ("a" * 161, "GSM-7", 2),
        ("a" * 306, "GSM-7", 2),
        ("a" * 307, "GSM-7", 3),
        ("€" * 80, "GSM-7", 1),
        ("€" * 81, "GSM-7", 2),
        ("é" * 160, "GSM-7", 1),
        ("ç", "UCS-2", 1),
        ("я" * 70, "UCS-2", 1),
        ("я" * 71, "UCS-2", 2),
        ("я" * 134, "UCS-2", 2),
        ("я" * 135, "UCS-2", 3),
        ("🚚" * 35, "UCS-2", 1),
        ("🚚" * 36, "UCS-2", 2),
        ("🚚" * 67, "UCS-2", 3),  # 33 whole pairs in a part, never 33 and a half
        ("a" * 152 + "€" + "a" * 150, "GSM-7", 2),  # the escaped sign moves whole to the second part
    ],
)
def test_texts_cost_what_the_standard_says(text, encoding, segments):
    assert count(text)[:2] == (encoding, segments)


def test_the_two_tables_are_the_standards():
    assert (len(BASIC), len(EXTENSION), BASIC & EXTENSION) == (127, 10, frozenset())
    assert "`" not in GSM
    assert "ç" not in GSM
    assert "Ç" in GSM


def test_it_says_which_characters_make_a_text_dear():
    assert count("Grüße — naïve 🚚 —").outside == ("—", "ï", "🚚")


@given(texts)
def test_parts_are_the_text_and_each_fits(text):
    parts, counted = split(text), count(text)
    assert "".join(parts) == text
    assert counted.segments == len(parts) >= 1
    assert counted.units == units(text)
    encoding = counted.encoding
    room = (ALONE if len(parts) == 1 else JOINED)[encoding]

    def size(part: str) -> int:
        return units(part) if encoding == "GSM-7" else len(part.encode("utf-16-le", "surrogatepass")) // 2

    assert all(size(part) <= room for part in parts)
    assert counted.left == room - size(parts[-1])
    for part, following in pairwise(parts):
        first = following[0]
        cost = (2 if first in EXTENSION else 1) if encoding == "GSM-7" else 1 + (ord(first) > 0xFFFF)
        assert size(part) + cost > room  # nothing is left over that would have fitted


@given(texts, texts)
def test_more_text_never_costs_less_in_the_same_encoding(one, more):
    longer = one + more
    if encoding_of(one) == encoding_of(longer):
        assert count(longer).segments >= count(one).segments


@pytest.mark.skipif(
    not VECTORS.is_dir(), reason="the vectors are not beside this checkout: ../shared/lastmile/channels"
)
def test_a_foreign_calculators_vectors_come_out_the_same():
    vectors = json.loads((VECTORS / "segment-vectors.json").read_text("utf-8"))["vectors"]
    assert len(vectors) == 44
    assert [count(one["body"])[:2] for one in vectors] == [(one["encoding"], one["segments"]) for one in vectors]
    table = json.loads((VECTORS / "gsm7-table.json").read_text("utf-8"))
    assert {chr(int(one, 16)) for one in table["basic"]} == BASIC
    assert {chr(int(one, 16)) for one in table["extension"]} == EXTENSION
