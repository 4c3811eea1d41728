"""What a shipment's events add up to, whatever their order, repetition and split."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st

from normalizer.journey import Journey, Step, _sort_time, fold, on_the_way_back
from normalizer.model import RANK, SUBSTATUSES, Status

HOUR = 3_600_000
START = 1_780_000_000_000


def step(
    hours: float,
    status: Status,
    substatus: str = "other",
    *,
    moves: str = "tells",
    returning: bool = False,
    piece: str = "",
    order: int = 0,
    name: str = "",
) -> Step:
    at = START + int(hours * HOUR)
    return Step(
        sort_at=at,
        order=order,
        id=f"evt_{name or f'{hours}-{status}-{substatus}-{piece}'}",
        status=status,
        substatus=substatus,
        moves=moves,
        returning=returning,
        at=at,
        day=str(int(hours // 24)),
        piece=piece,
    )


LIFE = [
    step(0, Status.INFO_RECEIVED, "label_created"),
    step(5, Status.IN_TRANSIT, "picked_up"),
    step(20, Status.IN_TRANSIT, "arrived"),
    step(30, Status.OUT_FOR_DELIVERY, "loaded"),
    step(33, Status.ATTEMPT_FAILED, "recipient_absent"),
    step(54, Status.OUT_FOR_DELIVERY, "loaded"),
    step(56, Status.DELIVERED, "to_recipient"),
]


def told(journey: Journey) -> list[tuple[str, int]]:
    return [(change.status.value, change.run) for change in journey.changes]


def test_a_plain_life_ends_delivered_with_its_milestones() -> None:
    journey = fold(LIFE)
    assert (journey.status, journey.substatus) == (Status.DELIVERED, "to_recipient")
    assert journey.milestones == {
        "info_received_at": START,
        "shipped_at": START + 5 * HOUR,
        "out_for_delivery_at": START + 30 * HOUR,
        "first_attempt_at": START + 33 * HOUR,
        "delivered_at": START + 56 * HOUR,
    }
    assert journey.attempts == 1
    assert journey.days_in_transit == 2.12
    assert journey.action is None
    assert told(journey) == [
        ("info_received", 1),
        ("in_transit", 1),
        ("out_for_delivery", 1),
        ("attempt_failed", 1),
        ("out_for_delivery", 2),
        ("delivered", 1),
    ]


def test_nothing_said_is_pending_and_registered() -> None:
    assert fold([]) == Journey()
    assert (fold([]).status, fold([]).substatus) == (Status.PENDING, "registered")


def test_a_late_scan_does_not_take_a_delivery_back() -> None:
    late = step(60, Status.IN_TRANSIT, "departed")
    assert fold([*LIFE, late]).status is Status.DELIVERED
    assert fold([*LIFE, step(60, Status.EXCEPTION, "delayed")]).status is Status.DELIVERED


def test_a_damage_or_loss_claim_moves_a_delivery() -> None:
    assert fold([*LIFE, step(80, Status.EXCEPTION, "damaged")]).status is Status.EXCEPTION
    assert fold([*LIFE, step(80, Status.EXCEPTION, "lost")]).status is Status.EXCEPTION


def test_an_explicit_correction_takes_a_delivery_back_and_its_milestone_with_it() -> None:
    corrected = fold([*LIFE, step(57, Status.IN_TRANSIT, "resumed", moves="corrects")])
    assert corrected.status is Status.IN_TRANSIT
    assert "delivered_at" not in corrected.milestones
    again = fold(
        [*LIFE, step(57, Status.IN_TRANSIT, "resumed", moves="corrects"), step(70, Status.DELIVERED, "collected")]
    )
    assert again.milestones["delivered_at"] == START + 70 * HOUR
    assert told(again)[-2:] == [("in_transit", 2), ("delivered", 2)]


def test_delivered_while_returning_is_returned() -> None:
    back = [
        *LIFE[:5],
        step(60, Status.RETURNING, "to_sender", returning=True),
        step(70, Status.IN_TRANSIT, "arrived"),
        step(80, Status.OUT_FOR_DELIVERY, "loaded"),
        step(90, Status.DELIVERED, "to_recipient"),
    ]
    journey = fold(back)
    assert (journey.status, journey.substatus) == (Status.RETURNED, "to_sender")
    assert journey.returning
    assert "delivered_at" not in journey.milestones
    assert told(journey)[-2:] == [("returning", 1), ("returned", 1)]


def test_a_scan_in_transit_after_a_returning_one_stays_returning() -> None:
    journey = fold([*LIFE[:3], step(40, Status.RETURNING, "to_sender"), step(50, Status.IN_TRANSIT, "departed")])
    assert (journey.status, journey.substatus) == (Status.RETURNING, "in_transit")


def test_a_shipment_the_carrier_calls_a_return_as_a_whole_is_on_its_way_back_now() -> None:
    under_way = fold(LIFE[:3], told_back=True)
    assert (under_way.status, under_way.substatus, under_way.returning) == (Status.RETURNING, "in_transit", True)
    assert told(under_way) == [("info_received", 1), ("in_transit", 1), ("returning", 1)]
    assert under_way.milestones["shipped_at"] == START + 5 * HOUR
    back = fold(LIFE, told_back=True)
    assert (back.status, back.substatus, back.attempts) == (Status.RETURNED, "to_sender", 1)
    assert fold([], told_back=True) == Journey()


def test_a_return_that_is_called_off_is_no_return_any_more() -> None:
    called_off = [
        *LIFE[:3],
        step(40, Status.RETURNING, "to_sender", returning=True),
        step(45, Status.IN_TRANSIT, "resumed", moves="corrects"),
    ]
    journey = fold(called_off)
    assert (journey.status, journey.returning) == (Status.IN_TRANSIT, False)
    assert fold([*called_off, step(50, Status.DELIVERED)]).status is Status.DELIVERED


def test_a_shipment_towards_the_merchant_is_a_return_from_its_first_scan() -> None:
    journey = fold(
        [step(0, Status.INFO_RECEIVED, "label_created"), step(5, Status.IN_TRANSIT), step(9, Status.DELIVERED)],
        is_return=True,
    )
    assert told(journey) == [("info_received", 1), ("returning", 1), ("returned", 1)]
    assert (journey.status, journey.substatus) == (Status.RETURNED, "received")


def test_unknown_and_informational_scans_never_move_a_shipment() -> None:
    journey = fold(
        [*LIFE[:2], step(8, Status.UNKNOWN, "unlisted_code"), step(9, Status.DELIVERED, "signed", moves="informs")]
    )
    assert (journey.status, journey.substatus) == (Status.IN_TRANSIT, "picked_up")
    assert journey.last_at == START + 9 * HOUR
    assert fold([step(1, Status.UNKNOWN, "unlisted_code")]).status is Status.PENDING


def test_paper_never_takes_back_a_parcel_that_moves() -> None:
    journey = fold([*LIFE[:2], step(9, Status.INFO_RECEIVED, "label_created")])
    assert journey.status is Status.IN_TRANSIT


def test_a_cancelled_label_that_moves_after_all_is_alive() -> None:
    journey = fold(
        [
            step(0, Status.INFO_RECEIVED),
            step(1, Status.CANCELLED, "by_merchant"),
            step(9, Status.IN_TRANSIT, "accepted"),
        ]
    )
    assert journey.status is Status.IN_TRANSIT


def test_a_shipment_of_pieces_is_delivered_when_all_are() -> None:
    both = [
        step(0, Status.INFO_RECEIVED, piece="A"),
        step(0, Status.INFO_RECEIVED, piece="B"),
        step(5, Status.IN_TRANSIT, piece="A"),
        step(6, Status.IN_TRANSIT, piece="B"),
        step(9, Status.DELIVERED, piece="A"),
    ]
    one = fold(both)
    assert (one.status, one.pieces_seen, one.pieces_delivered) == (Status.IN_TRANSIT, 2, 1)
    assert "delivered_at" not in one.milestones
    all_of_them = fold([*both, step(12, Status.DELIVERED, piece="B")])
    assert (all_of_them.status, all_of_them.pieces_delivered) == (Status.DELIVERED, 2)
    assert all_of_them.milestones["delivered_at"] == START + 12 * HOUR
    assert told(all_of_them) == [("info_received", 1), ("in_transit", 1), ("delivered", 1)]


def test_of_two_pieces_equally_far_the_one_in_trouble_speaks() -> None:
    for first, second in (("A", "B"), ("B", "A")):
        journey = fold([step(1, Status.IN_TRANSIT, piece=first), step(2, Status.EXCEPTION, "damaged", piece=second)])
        assert (journey.status, journey.substatus) == (Status.EXCEPTION, "damaged")


def test_a_scan_of_the_whole_shipment_counts_for_every_piece() -> None:
    journey = fold(
        [step(0, Status.IN_TRANSIT, piece="A"), step(0, Status.IN_TRANSIT, piece="B"), step(4, Status.DELIVERED)]
    )
    assert (journey.status, journey.pieces_delivered) == (Status.DELIVERED, 2)


def test_waiting_at_a_pickup_point_asks_to_collect() -> None:
    journey = fold([*LIFE[:5], step(40, Status.AVAILABLE_FOR_PICKUP, "at_shop")])
    assert journey.action == "collect"
    assert fold([step(0, Status.EXCEPTION, "duties_unpaid")]).action == "pay_duties"


def test_two_scans_of_one_attempt_count_once_and_another_day_counts_again() -> None:
    first = [step(33, Status.ATTEMPT_FAILED, "recipient_absent"), step(34, Status.ATTEMPT_FAILED, "other")]
    assert fold(first).attempts == 1
    assert fold([*first, step(60, Status.ATTEMPT_FAILED, "recipient_absent")]).attempts == 2


def test_events_of_one_instant_stand_in_the_carriers_order_and_then_by_rank() -> None:
    same = [step(1, Status.OUT_FOR_DELIVERY, order=1), step(1, Status.IN_TRANSIT, "arrived", order=2)]
    assert fold(same).status is Status.IN_TRANSIT
    unordered = [step(1, Status.OUT_FOR_DELIVERY), step(1, Status.IN_TRANSIT, "arrived")]
    assert fold(unordered).status is Status.OUT_FOR_DELIVERY


def events() -> st.SearchStrategy[Step]:
    def build(  # noqa: PLR0917
        status: Status,
        hours: int,
        order: int,
        moves: str,
        piece: str,
        returning: bool,
        sub: int,
    ) -> Step:
        substatuses = SUBSTATUSES[status]
        return step(
            hours,
            status,
            substatuses[sub % len(substatuses)],
            moves=moves,
            piece=piece,
            order=order,
            returning=returning,
            name=f"{status}{hours}{order}{moves}{piece}{returning}{sub}",
        )

    return st.builds(
        build,
        st.sampled_from(list(Status)),
        st.integers(0, 12),
        st.integers(0, 2),
        st.sampled_from(["tells", "tells", "tells", "informs", "corrects"]),
        st.sampled_from(["", "", "A", "B"]),
        st.booleans(),
        st.integers(0, 30),
    )


@settings(max_examples=400)
@given(st.lists(events(), max_size=14), st.randoms(use_true_random=False), st.booleans())
def test_any_order_and_any_repetition_give_the_same_shipment(history: list[Step], random: object, back: bool) -> None:
    shuffled = [*history, *history[: len(history) // 2]]
    random.shuffle(shuffled)
    assert fold(shuffled, is_return=back) == fold(history, is_return=back)


@settings(max_examples=300)
@given(st.lists(events(), max_size=12))
def test_a_delivery_never_disappears_by_a_later_telling_scan_of_transit(history: list[Step]) -> None:
    whole = [one._replace(piece="", moves="tells" if one.moves == "corrects" else one.moves) for one in history]
    before = fold(whole)
    if before.status is not Status.DELIVERED:
        return
    for status in (Status.IN_TRANSIT, Status.INFO_RECEIVED, Status.OUT_FOR_DELIVERY, Status.ATTEMPT_FAILED):
        assert fold([*whole, step(99, status)]).status is Status.DELIVERED


def arrivals(history: list[Step], cuts: list[int]) -> set[tuple[str, int]]:
    """What is told when a history arrives in parts: the union of the changes seen after each part."""
    said: set[tuple[str, int]] = set()
    seen: list[Step] = []
    for start, end in zip([0, *cuts], [*cuts, len(history)], strict=True):
        seen += history[start:end]
        said |= set(told(fold(seen)))
    return said


PLAIN = [one for one in Status if one not in (Status.RETURNING, Status.RETURNED, Status.REFUNDED, Status.UNKNOWN)]


@settings(max_examples=400)
@given(
    st.lists(st.sampled_from([s for s in PLAIN if 3 <= RANK[s] <= 5]), max_size=9),
    st.randoms(use_true_random=False),
    st.lists(st.integers(0, 9), max_size=4),
)
def test_any_order_and_any_split_tell_the_same_messages(
    statuses: list[Status], random: object, cuts: list[int]
) -> None:
    """A life that ends delivered, its scans in any order and any parts: the same messages, none twice."""
    history = [step(hours, status) for hours, status in enumerate(statuses)]
    history.append(step(len(history), Status.DELIVERED))
    whole = set(told(fold(history)))
    shuffled = list(history)
    random.shuffle(shuffled)
    parts = sorted(min(cut, len(shuffled)) for cut in cuts)
    assert arrivals(shuffled, parts) == whole
    assert arrivals(history, list(range(1, len(history)))) == whole


@settings(max_examples=300)
@given(st.lists(events(), max_size=10), st.randoms(use_true_random=False), st.lists(st.integers(0, 10), max_size=4))
def test_whatever_arrives_when_every_change_of_the_final_line_is_told(
    history: list[Step], random: object, cuts: list[int]
) -> None:
    """Where a later saying undoes what was told (a return found out late), more was told, never less."""
    shuffled = list(history)
    random.shuffle(shuffled)
    parts = sorted(min(cut, len(shuffled)) for cut in cuts)
    assert arrivals(shuffled, parts) >= set(told(fold(history)))


def test_a_bare_day_stands_where_such_a_scan_usually_falls() -> None:
    day = date(2026, 3, 4)
    noon = datetime(2026, 3, 4, 12, tzinfo=timezone(timedelta(0)))
    millis = int(noon.timestamp() * 1000)
    assert _sort_time(day, Status.IN_TRANSIT) == millis
    assert _sort_time(day, Status.INFO_RECEIVED) == millis - 12 * HOUR
    assert _sort_time(day, Status.DELIVERED) == millis + 12 * HOUR - 1000


def test_a_delivery_on_the_way_back_counts_as_back_with_the_sender_and_the_first_one_stays_a_delivery() -> None:
    there, asked = step(56, Status.DELIVERED, "to_recipient"), step(80, Status.RETURNING, "requested")
    out, back = step(90, Status.OUT_FOR_DELIVERY, "loaded"), step(99, Status.DELIVERED, "to_reception")
    way_back = {"status": "returning", "substatus": "in_transit"}
    with_sender = {"status": "returned", "substatus": "to_sender"}
    assert on_the_way_back([back, asked, out, there]) == {out.id: way_back, back.id: with_sender}
    assert on_the_way_back(LIFE) == {}
    received = {"status": "returned", "substatus": "received"}
    assert on_the_way_back([there], is_return=True) == {there.id: received}
    assert on_the_way_back([there], told_back=True) == {there.id: with_sender}
    corrected = there._replace(id="evt_corrected", sort_at=back.sort_at, moves="corrects")
    assert on_the_way_back([asked, corrected]) == {}


def test_of_two_pieces_only_the_one_that_goes_back_is_back() -> None:
    pieces = [
        step(5, Status.RETURNING, "to_sender", piece="1"),
        step(9, Status.DELIVERED, piece="1"),
        step(9, Status.DELIVERED, piece="2"),
    ]
    assert list(on_the_way_back(pieces)) == [pieces[1].id]
