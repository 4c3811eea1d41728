"""Conditions on fields, and the choice of fields that are sent."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.filters import BadPattern, read_fields, read_filter, values_at

DATA = {
    "shipment": {
        "carrier": "ups",
        "weight": 2.5,
        "eta": "2026-11-30T10:00:00Z",
        "signed": True,
        "tags": ["fragile", "gift"],
        "pieces": [{"number": "A1", "kilos": 1}, {"number": "B2", "kilos": 9}],
        "none": None,
        "empty": [],
    }
}


def passes(path, wanted):
    return read_filter({path: wanted}).passes(DATA)


@pytest.mark.parametrize(
    ("path", "wanted", "expected"),
    [
        ("shipment.carrier", {"in": ["ups", "dpd"]}, True),
        ("shipment.carrier", {"not_in": ["ups"]}, False),
        ("shipment.carrier", {"not_in": ["dpd"]}, True),
        ("shipment.carrier", {"exists": True}, True),
        ("shipment.none", {"exists": True}, False),
        ("shipment.nothing", {"exists": False}, True),
        ("shipment.empty", {"exists": False}, True),
        ("shipment.carrier", {"starts_with": "up"}, True),
        ("shipment.weight", {"starts_with": "2"}, False),
        ("shipment.weight", {"gt": 2.5}, False),
        ("shipment.weight", {"gte": 2.5, "lt": 3}, True),
        ("shipment.weight", {"gte": 2.5, "lt": 2.5}, False),
        ("shipment.weight", {"lte": "3"}, False),
        ("shipment.signed", {"gte": 0}, False),
        ("shipment.eta", {"lt": "2026-12-01"}, True),
        ("shipment.tags", "gift", True),
        ("shipment.tags", "heavy", False),
        ("shipment.tags", {"not_in": ["gift"]}, False),
        ("shipment.pieces.number", "B2", True),
        ("shipment.pieces.kilos", {"gt": 9}, False),
        ("shipment.pieces.kilos", {"gt": 8}, True),
        ("shipment.pieces", "A1", False),
    ],
)
def test_every_test_means_what_it_says(path, wanted, expected):
    assert passes(path, wanted) is expected


@pytest.mark.parametrize(
    "wanted", [{"like": "x"}, {"exists": 1}, {"gt": True}, {"gt": None}, {"starts_with": ""}, {"in": []}, {}]
)
def test_a_test_that_is_none_is_refused_by_the_path_it_stands_at(wanted):
    with pytest.raises(BadPattern, match=r"^filter\.shipment\.carrier: "):
        read_filter({"shipment.carrier": wanted})


def test_only_the_chosen_fields_are_sent_and_what_is_absent_stays_absent():
    body = orjson.dumps({"id": "msg_1", "sequence": 7, "data": DATA})
    chosen = read_fields(["shipment.carrier", "shipment.pieces.number", "shipment.gone", "event"])
    assert orjson.loads(chosen.of(body)) == {
        "id": "msg_1",
        "sequence": 7,
        "data": {"shipment": {"carrier": "ups", "pieces": [{"number": "A1"}, {"number": "B2"}]}},
    }


def test_a_whole_member_takes_in_what_is_named_below_it():
    body = orjson.dumps({"data": DATA})
    for fields in (["shipment", "shipment.carrier"], ["shipment.carrier", "shipment"]):
        assert orjson.loads(read_fields(fields).of(body)) == {"data": DATA}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ([], "fields"),
        (["a", "b..c"], r"fields\[1\]"),
        ([".".join("abcdefghijk")], r"fields\[0\]"),
        (["a"] * 51, "fields"),
    ],
)
def test_fields_that_name_nothing_are_refused(fields, named):
    with pytest.raises(BadPattern, match=f"^{named}: "):
        read_fields(fields)


NAMES = st.sampled_from("abc")
PLAIN = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from("xyz")
TREES = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3))
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(tuple)


@given(st.dictionaries(NAMES, TREES, max_size=3), st.lists(PATHS, min_size=1, max_size=4))
def test_at_a_chosen_path_stands_what_stood_there_and_choosing_twice_changes_nothing(data, paths):
    chosen = read_fields([".".join(path) for path in paths])
    once = chosen.of(orjson.dumps({"data": data}))
    assert chosen.of(once) == once
    for path in paths:
        assert values_at(orjson.loads(once)["data"], path) == values_at(data, path)


@given(st.dictionaries(NAMES, TREES, max_size=3), PATHS, st.lists(PLAIN, min_size=1, max_size=3))
def test_in_and_not_in_are_opposites(data, path, values):
    name = ".".join(path)
    inside, outside = read_filter({name: {"in": values}}), read_filter({name: {"not_in": values}})
    assert inside.passes(data) is not outside.passes(data)
