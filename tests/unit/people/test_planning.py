"""Who is told what: defaults, bursts, old news, arrivals that move, and people who said stop."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from gateway.people.planning import News, Reader, plan
from gateway.people.quiet import Quiet
from gateway.people.subjects import MESSAGES, RATE, SUBJECTS, subjects_of, wanted
from normalizer.model import Status

NOON = 1_793_707_200_000  # 2026-11-03T12:00Z
HOUR = 3_600_000
OF_PARCELS = sorted(MESSAGES - {"conversation.message"})
STATUSES = ("in_transit", "out_for_delivery", "attempt_failed", "available_for_pickup", "delivered", "returned")


def news(sequence: int, kind: str, *, version: int = 1, at: int = NOON, **more) -> News:
    data = {"shipment": {"eta": None, "action_required": False}, "event": None, "previous": {}}
    said = kind.removeprefix("shipment.")
    data["shipment"]["status"] = said if said in set(Status) else "out_for_delivery"
    data["shipment"] |= more.pop("shipment", {})
    return News(
        message_id=f"msg_{sequence}", sequence=sequence, type=kind, version=version, happened_at=at, data=data | more
    )


def reader(**more) -> Reader:
    known = {
        "wish_id": "wsh_1",
        "shipment_id": "shp_1",
        "channel": "sms",
        "address_hash": b"a",
        "zone": ZoneInfo("Europe/Berlin"),
        "quiet": Quiet(),
        "state": "active",
        "account_id": "cha_1",
    }
    return Reader(**known | more)


def told(made) -> list[tuple[str, str]]:
    return [(one.subject, one.state) for one in made.notices]


def test_of_what_waits_at_once_only_the_newest_goes():
    burst = [news(number, f"shipment.{kind}") for number, kind in enumerate(STATUSES[1:], 1)]
    made = plan(burst, [reader()], NOON)
    assert told(made) == [
        ("out_for_delivery", "superseded"),
        ("attempt_failed", "superseded"),
        ("available_for_pickup", "superseded"),
        ("delivered", "superseded"),
        ("returned", "queued"),
    ]


def test_what_a_late_scan_tells_of_a_parcel_that_moved_on_is_not_told():
    late = news(9, "shipment.attempt_failed", version=9, shipment={"status": "delivered"})
    near = news(10, "courier.arriving", version=9, shipment={"status": "delivered"})
    made = plan([late, near], [reader()], NOON)
    assert [(one.state, one.reason) for one in made.notices] == [("superseded", "the parcel has moved on")] * 2


def test_a_status_tells_the_new_arrival_of_the_same_change_along():
    eta = {"from": "2026-11-05T10:00:00Z", "to": "2026-11-05T12:00:00Z"}
    both = [
        news(1, "shipment.out_for_delivery", shipment={"eta": eta}),
        news(2, "shipment.eta_changed", shipment={"eta": eta}, previous={"eta": {"from": "2026-11-04", "to": None}}),
    ]
    made = plan(both, [reader()], NOON)
    assert told(made) == [("eta_changed", "superseded"), ("out_for_delivery", "queued")]
    assert made.etas == {"wsh_1": {"from": "2026-11-04", "to": None}}  # until it is told


def test_an_arrival_is_news_when_it_moved_an_hour_since_it_was_told_and_not_when_it_narrowed():
    def change(start: str, end: str, **of) -> list[tuple[str, str]]:
        one = news(
            1,
            "shipment.eta_changed",
            shipment={"eta": {"from": start, "to": end}},
            previous={"eta": {"from": "2026-11-05T10:00:00Z", "to": "2026-11-05T12:00:00Z"}},
        )
        return told(plan([one], [reader(**of)], NOON))

    assert change("2026-11-05T10:59:00Z", "2026-11-05T12:30:00Z") == []
    assert change("2026-11-05T11:00:00Z", "2026-11-05T12:30:00Z") == [("eta_changed", "queued")]
    assert change("2026-11-05T11:50:00Z", "2026-11-05T12:00:00Z") == []
    day = {"from": "2026-11-05", "to": "2026-11-05"}
    assert change("2026-11-05T17:00:00Z", "2026-11-05T18:00:00Z", eta_told=day) == []
    assert change("2026-11-06", "2026-11-06", eta_told=day) == [("eta_changed", "queued")]


def test_what_only_some_want_is_told_to_those():
    shipped = news(1, "shipment.in_transit", event={"substatus": "picked_up"})
    assert told(plan([shipped], [reader()], NOON)) == []
    assert told(plan([shipped], [reader(event_types=["in_transit"])], NOON)) == [("in_transit", "queued")]
    assert told(plan([shipped], [reader(event_types=["*"])], NOON)) == [("picked_up", "queued")]
    assert told(plan([news(1, "shipment.delivered")], [reader(event_types=["in_transit"])], NOON)) == []


def test_trouble_is_told_where_somebody_can_do_something():
    assert told(plan([news(1, "shipment.exception")], [reader()], NOON)) == []
    asks = news(1, "shipment.exception", shipment={"action_required": True})
    assert told(plan([asks], [reader()], NOON)) == [("action_required", "queued")]


def test_old_news_are_not_told():
    late = [news(1, "courier.arriving", at=NOON - 6 * HOUR)]
    made = plan(late, [reader()], NOON)
    assert [(one.state, one.reason) for one in made.notices] == [("skipped", "it would be old news")]


def test_news_that_quiet_hours_would_make_old_are_not_told():
    eta = {"from": "2026-11-05", "to": None}
    night = NOON + 9 * HOUR
    moved = news(
        1, "shipment.eta_changed", at=NOON, shipment={"eta": eta}, previous={"eta": {"from": "2026-11-04", "to": None}}
    )
    made = plan([moved], [reader()], night)
    assert [one.reason for one in made.notices] == ["it would be old news after the quiet hours"]


def test_who_said_stop_or_did_not_confirm_is_told_nothing_and_it_shows():
    one = [news(1, "shipment.delivered")]
    assert [n.reason for n in plan(one, [reader(state="stopped")], NOON).notices] == ["the person said stop"]
    assert [n.reason for n in plan(one, [reader(state="pending")], NOON).notices] == ["the person did not confirm yet"]
    assert [n.reason for n in plan(one, [reader(account_id="")], NOON).notices] == [
        "there is no account to send by this channel"
    ]


def words(sequence: int, **more) -> News:
    said = {"author": "courier", "audience": "everybody", "page_open": False} | more
    return replace(news(sequence, "conversation.message", conversation=said), delay=60_000)


def test_words_for_the_recipient_are_told_a_minute_later_and_at_any_hour_unless_they_read_along():
    night = NOON + 9 * HOUR
    (one,) = plan([replace(words(1), happened_at=night)], [reader()], night).notices
    assert (one.subject, one.state, one.due_at) == ("conversation", "queued", night + 60_000)
    for not_told in ({"author": "recipient"}, {"audience": "courier"}, {"audience": "support"}, {"page_open": True}):
        assert plan([words(1, **not_told)], [reader()], NOON).notices == []


def test_words_and_the_question_how_it_was_take_no_place_of_other_news():
    made = plan([words(1), news(2, "shipment.delivered"), words(3)], [reader()], NOON)
    assert told(made) == [("conversation", "superseded"), ("delivered", "queued"), ("conversation", "queued")]


def test_how_it_was_is_asked_some_hours_later_never_at_night_and_only_of_those_who_may_be_asked():
    asked = replace(news(1, "rate", shipment={"status": "delivered"}), delay=3 * HOUR)
    assert plan([asked], [reader()], NOON).notices == []
    (one,) = plan([asked], [reader(event_types=["rate"])], NOON).notices
    assert (one.subject, one.due_at) == ("rate", NOON + 3 * HOUR)
    by_the_shop = replace(asked, also=frozenset({"rate"}))
    (one,) = plan([by_the_shop], [reader()], NOON + 6 * HOUR).notices
    assert one.due_at == NOON + 19 * HOUR  # 08:00 in Berlin the next morning
    assert plan([by_the_shop], [reader(event_types=["delivered"])], NOON).notices == []
    back = replace(by_the_shop, data={"shipment": {"status": "returned"}})
    assert [n.state for n in plan([back], [reader()], NOON).notices] == ["superseded"]


def test_one_person_by_one_channel_hears_of_a_message_once_though_two_wishes_ask():
    both = [reader(), reader(wish_id="wsh_2", shipment_id="shp_2"), reader(wish_id="wsh_3", channel="email")]
    assert len(plan([news(1, "shipment.delivered")], both, NOON).notices) == 2


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(MESSAGES - {"conversation.message"})),
            st.integers(1, 5),
            st.integers(NOON - 30 * 24 * HOUR, NOON),
        ),
        max_size=12,
    ),
    st.sampled_from(["active", "pending", "stopped"]),
    st.booleans(),
    st.integers(NOON, NOON + 24 * HOUR),
    st.randoms(use_true_random=False),
)
def test_at_most_one_goes_and_it_is_the_newest_of_those_that_could(told_of, state, wants_all, now, chance):
    entries = [news(number, kind, version=version, at=at) for number, (kind, version, at) in enumerate(told_of, 1)]
    one = reader(state=state, event_types=["*"] if wants_all else None)
    made = plan(entries, [one], now)
    going = [n for n in made.notices if n.state == "queued"]
    assert len(going) <= 1
    assert len({n.news.message_id for n in made.notices}) == len(made.notices)
    if state != "active":
        assert going == []
    for n in going:
        assert all(other.news.order <= n.news.order for other in made.notices if other.state == "superseded")
        assert now <= n.due_at < n.expires_at
        assert SUBJECTS[n.subject].urgent or not one.quiet.holds(n.due_at, one.zone)
    chance.shuffle(entries)
    assert told(plan(entries, [one], now)) == told(made)


def test_every_subject_can_be_told_by_its_message():
    for name, subject in SUBJECTS.items():
        action = name == "action_required"
        event = {"substatus": "picked_up"} if name == "picked_up" else None
        said = {"author": "courier", "audience": "everybody", "page_open": False}
        data = {"shipment": {"action_required": action}, "event": event, "conversation": said}
        kind = RATE if name == RATE else subject.told_by
        assert wanted(subjects_of(kind, data), [name]) == name
