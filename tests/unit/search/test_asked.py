"""What people paste is read as what they mean."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.search import asked
from normalizer.numbers import normal_number

TOKEN = "AbCdEfGhIjKlMnOpQrStUv-_"


def numbers(text):
    return [one.numbers[0] for one in asked.read(text)]


@pytest.mark.parametrize(
    "address",
    [
        "https://www.ups.com/track?loc=en_US&tracknum=1Z7R4K900348500016&requester=WT/trackdetails",
        "http://www.ups.com/track?tracknum=1Z7R4K900348500016",
        "www.ups.com/track/1Z7R4K900348500016",
        "https://carrier.example/#/parcels/1Z7R4K900348500016/2026",
        "https://carrier.example/t?n=1Z7R4%4B900348500016",
        "\u200bhttps://carrier.example/1Z7R4K900348500016\ufeff ",
    ],
)
def test_the_number_is_taken_out_of_an_address(address):
    (one,) = asked.read(address)
    assert one.numbers[0] == "1Z7R4K900348500016"
    assert one.whole


@pytest.mark.parametrize("address", [f"https://hub.example/t/{TOKEN}", f"hub.example/t/{TOKEN}?lang=de#map"])
def test_a_tracking_page_is_known_by_its_token(address):
    (one,) = asked.read(address)
    assert one.token == TOKEN


@pytest.mark.parametrize(
    "text", ["1Z 7R4 K90\u00a00348\u200b500016", "1z7r4-k90-0348-500016", "\ufeff1Z7R4K900348500016\u2060"]
)
def test_a_number_may_be_spelled_in_any_way(text):
    (one,) = asked.read(text)
    assert normal_number(one.numbers[0]) == "1Z7R4K900348500016"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("#1001\n#1002", ["#1001", "#1002"]),
        ("A-1, A-2;A-3\tA-1", ["A-1", "A-2", "A-3"]),
        ("1001\r\n\r\nana@shop.example, hub.example/p/1Z7R4", ["1001", "ana@shop.example", "1Z7R4"]),
        ("Prado, Ana", ["Prado Ana"]),
        ("Ana Prado\n4050-262 Porto", ["Ana Prado 4050-262 Porto"]),
        ("https://carrier.example/t?n=1Z7R4,1Z7R5x", ["1Z7R5x"]),
    ],
)
def test_several_numbers_are_told_from_one_question(text, wanted):
    assert numbers(text) == wanted


def test_fifty_are_answered_and_more_are_not():
    assert len(asked.read("\n".join(f"A-{number}" for number in range(50)))) == 50
    with pytest.raises(asked.BadQuestion, match=r"^ask for at most 50 numbers at once; these are 51$"):
        asked.read("\n".join(f"A-{number}" for number in range(51)))


@pytest.mark.parametrize("text", ["", " , ", "ab", "-+-", "#", "\u200b\u200b\u200b"])
def test_nothing_is_no_question(text):
    with pytest.raises(asked.BadQuestion, match="at least 3"):
        asked.read(text)


@pytest.mark.parametrize("text", ["#7", "Li W", "7, 8"])
def test_little_is_enough_where_it_says_what_it_is(text):
    assert asked.read(text)


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(asked.BadQuestion):
        assert 1 <= len(asked.read(text)) <= 50
