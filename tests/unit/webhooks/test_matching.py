"""What an endpoint wants."""

from __future__ import annotations

import pytest

from webhooks.matching import TYPES, BadPattern, read_wish, topic

UPS = {"shipment": {"carrier": "ups", "pieces": 1, "flag": True}, "event": None}


def wanted(wish):
    return {kind for kind in TYPES if wish.wants_type(kind)}


def test_the_default_is_everything_but_bare_events_and_positions():
    assert TYPES - wanted(read_wish(None)) == {"shipment.event", "courier.position"}


def test_a_star_is_everything_and_a_family_is_its_own():
    assert wanted(read_wish(["*"])) == TYPES
    assert wanted(read_wish(["shipment.*"])) == {kind for kind in TYPES if kind.startswith("shipment.")}
    assert wanted(read_wish(["order.*", "ping"])) == {kind for kind in TYPES if kind.startswith("order.")} | {"ping"}
    assert wanted(read_wish(["shipment.delivered"])) == {"shipment.delivered"}


@pytest.mark.parametrize(
    "pattern", ["shipment", "shipment.vanished", "*.delivered", "shipment.*.x", "", "SHIPMENT.*", "ping.*"]
)
def test_a_pattern_that_could_never_match_is_refused_by_name(pattern):
    with pytest.raises(BadPattern, match=r"event_types\[1\]"):
        read_wish(["ping", pattern])


def test_an_empty_list_is_refused():
    with pytest.raises(BadPattern, match="event_types"):
        read_wish([])


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"shipment.carrier": "ups"}, True),
        ({"shipment.carrier": ["dpd", "ups"]}, True),
        ({"shipment.carrier": ["dpd"]}, False),
        ({"shipment.carrier": "ups", "shipment.pieces": 2}, False),
        ({"shipment.nothing": None}, True),
        ({"shipment.nothing.deeper": "x"}, False),
        ({"shipment": "ups"}, False),
        ({"shipment.pieces": True}, False),
        ({"shipment.flag": 1}, False),
        ({"shipment.flag": True}, True),
        ({"event.status": None}, True),
    ],
)
def test_a_filter_compares_fields_of_the_body_by_value_and_kind(filters, expected):
    assert read_wish(None, filters).wants("shipment.delivered", lambda: UPS) is expected


@pytest.mark.parametrize(
    "filters", [{"": 1}, {"a..b": 1}, {"a": {}}, {"a": []}, {"a": [[1]]}, {str(n): 1 for n in range(21)}]
)
def test_a_filter_that_is_none_is_refused(filters):
    with pytest.raises(BadPattern, match="filter"):
        read_wish(None, filters)


def test_a_filter_looks_at_the_body_only_when_the_type_is_wanted():
    def never():
        raise AssertionError

    assert read_wish(["ping"], {"a": 1}).wants("shipment.delivered", never) is False
    assert read_wish(["ping"]).wants("ping", never) is True


def test_only_states_have_a_topic():
    assert topic("shipment.delivered") == topic("shipment.in_transit") == "shipment.status"
    assert topic("order.delivered") == "order.status"
    assert topic("courier.position") == "courier.position"
    told_once = {"shipment.event", "shipment.proof_added", "conversation.message", "rating.received", "ping"}
    assert {topic(kind) for kind in told_once} == {None}
