"""What an order's own events and its shipments add up to, from placing to refund."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from normalizer.journey import Change
from normalizer.model import SUBSTATUSES, OrderStatus, Status
from normalizer.order import Act, OrderJourney, Parcel, fold

HOUR = 3_600_000
START = 1_780_000_000_000


def at(hours: float) -> int:
    return START + int(hours * HOUR)


def act(hours: float, status: Status, substatus: str = "other", **more) -> Act:
    named = "-".join(str(value) for value in more.values())
    return Act(at(hours), f"oev_{hours}-{status}-{substatus}-{named}", status, substatus, **more)


def parcel(name: str, *told: tuple[float, Status] | tuple[float, Status, str], made: float = 1, **more) -> Parcel:
    changes = tuple(
        Change(one[1], one[2] if len(one) > 2 else "other", 1, f"evt_{name}{index}", at(one[0]))
        for index, one in enumerate(told)
    )
    return Parcel(id=f"shp_{name}", created_at=at(made), changes=changes, **more)


PLACED = act(0, Status.ORDERED, "placed")
SENT, THERE = (10, Status.IN_TRANSIT, "picked_up"), (50, Status.DELIVERED, "to_recipient")


def told(journey: OrderJourney) -> list[tuple[str, int]]:
    return [(change.status.value, change.run) for change in journey.changes]


def state(journey: OrderJourney) -> tuple[str, str]:
    return journey.status.value, journey.substatus


def test_a_plain_order_goes_from_placed_to_delivered() -> None:
    journey = fold([PLACED], [parcel("a", (2, Status.INFO_RECEIVED), SENT, (45, Status.OUT_FOR_DELIVERY), THERE)])
    assert state(journey) == ("delivered", "to_recipient")
    assert told(journey) == [("ordered", 1), ("in_transit", 1), ("out_for_delivery", 1), ("delivered", 1)]
    assert journey.milestones == {"ordered_at": at(0), "shipped_at": at(10), "delivered_at": at(50)}
    assert journey.since == at(50)


def test_what_the_shop_does_before_shipping_is_a_detail_of_ordered() -> None:
    journey = fold([PLACED, act(1, Status.ORDERED, "confirmed"), act(2, Status.ORDERED, "packed")], [])
    assert state(journey) == ("ordered", "packed")
    assert told(journey) == [("ordered", 1)]


def test_a_label_alone_ships_nothing() -> None:
    assert state(fold([PLACED], [parcel("a", (2, Status.INFO_RECEIVED))])) == ("ordered", "placed")


def test_two_parcels_are_partly_shipped_and_partly_delivered_on_the_way() -> None:
    journey = fold([PLACED], [parcel("a", SENT, THERE), parcel("b", (20, Status.IN_TRANSIT), (70, Status.DELIVERED))])
    assert told(journey) == [
        ("ordered", 1),
        ("partially_shipped", 1),
        ("in_transit", 1),
        ("partially_delivered", 1),
        ("delivered", 1),
    ]
    assert journey.milestones["first_shipped_at"] == at(10)
    assert journey.milestones["first_delivered_at"] == at(50)


def test_two_parcels_scanned_in_one_instant_are_never_half_an_order() -> None:
    journey = fold([PLACED], [parcel("a", SENT, THERE), parcel("b", SENT, THERE)])
    assert told(journey) == [("ordered", 1), ("in_transit", 1), ("delivered", 1)]


def test_the_least_advanced_parcel_speaks_for_the_order_and_one_in_trouble_first() -> None:
    parcels = [parcel("a", SENT, (40, Status.OUT_FOR_DELIVERY)), parcel("b", SENT, (30, Status.EXCEPTION, "damaged"))]
    assert state(fold([PLACED], parcels)) == ("exception", "damaged")


def test_goods_that_were_told_decide_what_is_complete() -> None:
    lines = {"shirt": 2, "socks": 1}
    one = parcel("a", SENT, THERE, items=(("shirt", 2),))
    journey = fold([PLACED], [one], lines)
    assert state(journey) == ("partially_delivered", "other")
    assert journey.progress == {
        "shirt": {"ordered": 2, "cancelled": 0, "shipped": 2, "delivered": 2, "returned": 0, "refunded": 0},
        "socks": {"ordered": 1, "cancelled": 0, "shipped": 0, "delivered": 0, "returned": 0, "refunded": 0},
    }
    without = act(60, Status.CANCELLED, "by_merchant", items=(("socks", 1),))
    assert state(fold([PLACED, without], [one], lines)) == ("delivered", "to_recipient")


def test_an_order_all_of_whose_lines_were_called_off_is_cancelled() -> None:
    gone = [act(1, Status.CANCELLED, "by_recipient", items=(("shirt", 1),))]
    assert state(fold([PLACED, *gone], [], {"shirt": 1})) == ("cancelled", "by_merchant")


def test_an_order_is_cancelled_before_the_hand_over_and_not_after() -> None:
    cancelled = act(5, Status.CANCELLED, "by_recipient")
    assert state(fold([PLACED, cancelled], [parcel("a", (2, Status.INFO_RECEIVED))])) == ("cancelled", "by_recipient")
    later = act(20, Status.CANCELLED, "by_recipient")
    assert state(fold([PLACED, later], [parcel("a", SENT)])) == ("in_transit", "picked_up")


def test_nothing_the_shop_says_later_reopens_a_cancelled_order() -> None:
    acts = [PLACED, act(5, Status.CANCELLED, "by_merchant"), act(6, Status.ORDERED, "packed"), act(7, Status.REFUNDED)]
    assert state(fold(acts, [])) == ("cancelled", "by_merchant")


def test_a_cancelled_label_is_no_parcel_of_the_order() -> None:
    parcels = [parcel("a", (2, Status.CANCELLED)), parcel("b", SENT, THERE)]
    assert state(fold([PLACED], parcels)) == ("delivered", "to_recipient")


def test_a_parcel_handed_to_the_next_carrier_is_one_delivery() -> None:
    first = parcel("a", SENT, (30, Status.IN_TRANSIT, "handed_over"))
    onward = parcel("b", (31, Status.INFO_RECEIVED), after="shp_a", made=30)
    assert state(fold([PLACED], [first, onward])) == ("in_transit", "handed_over")
    onward = parcel("b", (31, Status.INFO_RECEIVED), (40, Status.IN_TRANSIT), THERE, after="shp_a", made=30)
    journey = fold([PLACED], [first, onward])
    assert told(journey) == [("ordered", 1), ("in_transit", 1), ("delivered", 1)]


def test_hand_overs_in_a_ring_end() -> None:
    ring = [parcel("a", SENT, after="shp_b"), parcel("b", SENT, after="shp_a")]
    assert fold([PLACED], ring).status is OrderStatus.IN_TRANSIT


def test_a_parcel_refused_at_the_door_comes_back_and_is_refunded() -> None:
    parcels = [parcel("a", SENT, (40, Status.RETURNING, "to_sender"), (90, Status.RETURNED, "to_sender"))]
    journey = fold([PLACED], parcels)
    assert state(journey) == ("returned", "to_sender")
    assert told(journey) == [("ordered", 1), ("in_transit", 1), ("returning", 1), ("returned", 1)]
    assert state(fold([PLACED, act(100, Status.REFUNDED, "refunded")], parcels)) == ("refunded", "refunded")


def test_a_customers_return_is_walked_from_the_wish_to_the_money() -> None:
    out = parcel("a", SENT, THERE)
    steps = [
        act(60, Status.RETURNING, "requested", case="ret_1"),
        act(61, Status.RETURNING, "approved", case="ret_1"),
        act(110, Status.RETURNED, "inspected", case="ret_1"),
        act(120, Status.REFUNDED, "refunded", case="ret_1"),
    ]
    assert state(fold([PLACED, *steps[:1]], [out])) == ("returning", "requested")
    assert state(fold([PLACED, *steps[:2]], [out])) == ("returning", "approved")
    back = parcel("r", is_return=True, case="ret_1", made=62)
    assert state(fold([PLACED, *steps[:2]], [out, back])) == ("returning", "label_created")
    back = parcel("r", (70, Status.RETURNING), is_return=True, case="ret_1", made=62)
    assert state(fold([PLACED, *steps[:2]], [out, back])) == ("returning", "in_transit")
    back = parcel(
        "r", (70, Status.RETURNING), (100, Status.RETURNED, "received"), is_return=True, case="ret_1", made=62
    )
    assert state(fold([PLACED, *steps[:2]], [out, back])) == ("returned", "received")
    assert state(fold([PLACED, *steps[:3]], [out, back])) == ("returned", "inspected")
    journey = fold([PLACED, *steps], [out, back])
    assert state(journey) == ("refunded", "refunded")
    assert [(one.id, one.status, one.since) for one in journey.returns] == [("ret_1", Status.REFUNDED, at(120))]
    assert told(journey)[-4:] == [("delivered", 1), ("returning", 1), ("returned", 1), ("refunded", 1)]


def test_an_order_the_shop_takes_up_again_is_ordered_and_a_late_word_of_the_warehouse_changes_nothing() -> None:
    off = act(5, Status.CANCELLED, "by_merchant")
    assert state(fold([PLACED, off, act(6, Status.ORDERED, "packed")], []))[0] == "cancelled"
    again = fold([PLACED, off, act(6, Status.ORDERED, "confirmed")], [])
    assert (state(again), told(again)) == (("ordered", "confirmed"), [("ordered", 1), ("cancelled", 1), ("ordered", 2)])


def test_a_return_called_off_before_it_moves_leaves_the_delivery() -> None:
    out = parcel("a", SENT, THERE)
    steps = [act(60, Status.RETURNING, "requested", case="r"), act(61, Status.CANCELLED, "by_merchant", case="r")]
    assert state(fold([PLACED, *steps], [out])) == ("delivered", "to_recipient")
    back = parcel("r", (70, Status.RETURNING), is_return=True, case="r", made=62)
    assert state(fold([PLACED, *steps], [out, back])) == ("returning", "in_transit")


def test_a_return_of_a_part_leaves_the_order_partly_returned_and_partly_refunded() -> None:
    lines = {"shirt": 2, "socks": 1}
    out = parcel("a", SENT, THERE, items=(("shirt", 2), ("socks", 1)))
    received = act(100, Status.RETURNED, "received", case="r", items=(("shirt", 1),))
    assert state(fold([PLACED, received], [out], lines)) == ("partially_returned", "received")
    refunded = act(101, Status.REFUNDED, "refunded", case="r")
    assert state(fold([PLACED, received, refunded], [out], lines)) == ("partially_refunded", "refunded")


def test_a_part_refunded_while_the_rest_is_on_its_way_moves_nothing() -> None:
    refunded = act(15, Status.REFUNDED, "refunded", items=(("socks", 1),))
    assert state(fold([PLACED, refunded], [parcel("a", SENT)], {"shirt": 2, "socks": 1})) == ("in_transit", "picked_up")


def test_money_given_back_for_the_whole_ends_the_order_before_the_goods_are_back() -> None:
    steps = [act(60, Status.RETURNING, "requested", case="r"), act(61, Status.REFUNDED, "refunded")]
    assert state(fold([PLACED, *steps], [parcel("a", SENT, THERE)])) == ("refunded", "refunded")


def test_an_exchange_ends_with_the_delivery_of_what_was_sent_instead() -> None:
    out = parcel("a", SENT, THERE)
    steps = [act(60, Status.RETURNED, "received", case="r"), act(61, Status.REFUNDED, "exchanged", case="r")]
    assert state(fold([PLACED, *steps], [out])) == ("refunded", "exchanged")
    instead = parcel("x", (65, Status.IN_TRANSIT), case="r", made=62)
    assert state(fold([PLACED, *steps], [out, instead])) == ("in_transit", "other")
    instead = parcel("x", (65, Status.IN_TRANSIT), (90, Status.DELIVERED, "signed"), case="r", made=62)
    assert state(fold([PLACED, *steps], [out, instead])) == ("delivered", "signed")


def test_a_delivery_without_a_number_is_told_by_the_shop() -> None:
    acts = [PLACED, act(10, Status.IN_TRANSIT, parcel="f1"), act(50, Status.DELIVERED, parcel="f1")]
    assert told(fold(acts, [])) == [("ordered", 1), ("in_transit", 1), ("delivered", 1)]


def test_an_order_nobody_said_anything_of_is_placed() -> None:
    assert state(fold([], [])) == ("ordered", "placed")


LINES = ("shirt", "socks")
goods = st.lists(st.tuples(st.sampled_from(LINES), st.integers(1, 2)), max_size=2, unique_by=lambda one: one[0]).map(
    tuple
)
words = st.sampled_from([(status, sub) for status, subs in SUBSTATUSES.items() for sub in subs])


@st.composite
def some_acts(draw) -> list[Act]:
    drawn = draw(
        st.lists(st.tuples(st.integers(0, 60), words, st.sampled_from(["", "r1", "r2"]), st.booleans(), goods))
    )
    return [
        Act(at(hour), f"oev_{index}", status, sub, case, "p" if of_parcel else "", items)
        for index, (hour, (status, sub), case, of_parcel, items) in enumerate(drawn)
    ]


@st.composite
def some_parcels(draw) -> list[Parcel]:
    made = []
    for index in range(draw(st.integers(0, 4))):
        hours = sorted(draw(st.lists(st.integers(0, 60), max_size=5)))
        changes = tuple(
            Change(*draw(words), 1, f"evt_{index}_{turn}", draw(st.sampled_from([at(hour), None])))
            for turn, hour in enumerate(hours)
        )
        made.append(
            Parcel(
                id=f"shp_{index}",
                created_at=at(draw(st.integers(0, 30))),
                changes=changes,
                is_return=draw(st.booleans()),
                after=draw(st.sampled_from([None, "shp_0", "shp_1", "shp_2", "shp_9"])),
                case=draw(st.sampled_from(["", "r1"])),
                items=draw(goods),
            )
        )
    return made


histories = st.tuples(some_acts(), some_parcels(), st.sampled_from([{}, {"shirt": 2, "socks": 1}]))


@given(histories, st.randoms())
def test_any_order_and_any_repetition_is_the_same_order(history, chance) -> None:
    acts, parcels, lines = history
    expected = fold(acts, parcels, lines)
    mixed_acts = acts + [one for one in acts if chance.random() < 0.5]
    mixed_parcels = parcels + [one for one in parcels if chance.random() < 0.5]
    chance.shuffle(mixed_acts)
    chance.shuffle(mixed_parcels)
    assert fold(mixed_acts, mixed_parcels, lines) == expected


@given(histories)
def test_every_change_is_of_another_status_and_counts_its_runs(history) -> None:
    journey = fold(*history)
    changes = journey.changes
    assert all(one.status is not next_.status for one, next_ in pairwise(changes))
    assert len({(one.status, one.run) for one in changes}) == len(changes)
    assert [one.at for one in changes] == sorted(one.at for one in changes)
    if changes:
        assert (journey.status, journey.since) == (changes[-1].status, changes[-1].at)


@given(histories)
def test_a_whole_refund_is_the_last_word_unless_the_order_was_cancelled(history) -> None:
    acts, parcels, lines = history
    before = fold(acts, parcels, lines)
    after = fold([*acts, Act(at(100), "oev_last", Status.REFUNDED, "refunded", "all")], parcels, lines)
    if before.status is OrderStatus.CANCELLED:
        assert after.status is OrderStatus.CANCELLED
    else:
        assert after.status in (OrderStatus.REFUNDED, OrderStatus.RETURNED) or any(
            one.substatus == "exchanged" for one in after.returns
        )


def test_a_return_of_what_was_called_off_before_hand_over_changes_nothing() -> None:
    acts = [
        Act(at(0), "oev_0", Status.CANCELLED, "by_merchant"),
        Act(at(1), "oev_1", Status.RETURNING, "requested", "r1"),
        Act(at(2), "oev_2", Status.REFUNDED, "refunded", "r1"),
    ]
    assert fold(acts, []).status is OrderStatus.CANCELLED
    assert [one.status for one in fold(acts, []).changes] == [OrderStatus.CANCELLED]


@given(histories)
def test_no_word_before_hand_over_moves_what_is_shipped_or_over(history) -> None:
    acts, parcels, lines = history
    before = fold(acts, parcels, lines)
    after = fold([*acts, Act(at(100), "oev_last", Status.ORDERED, "packed")], parcels, lines)
    assert after.status is before.status
