"""The recipient's page says one true thing on top, whatever the shipment has been through."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.pages import story, trouble
from gateway.texts import LANGUAGES, speech
from normalizer.model import SUBSTATUSES, Status

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 25, 11, 0, tzinfo=UTC)  # a Wednesday, noon in Berlin


def shipment(status="in_transit", substatus="other", **more):
    return {
        "status": status,
        "substatus": substatus,
        "direction": "outbound",
        "eta": None,
        "promised": None,
        "milestones": {},
        "returning": False,
        "action": None,
        "delivered_at": None,
        "last_event_at": None,
        "pickup_until": None,
        "stops_before": None,
    } | more


def event(status="in_transit", substatus="arrived", **more):
    return {
        "status": status,
        "substatus": substatus,
        "at": "2026-11-25T09:00:00Z",
        "local_time": "2026-11-25T10:00:00",
        "utc_offset": "+01:00",
        "text": "",
        "place": {},
        "earlier_parcel": False,
    } | more


def told(of, *events, language="en"):
    return story.tell(of, events, speech(language), BERLIN, NOW)


def between(start, end):
    return {"from": start, "to": end}


@pytest.mark.parametrize(
    ("of", "says"),
    [
        (shipment("pending", "registered"), "We are waiting for the first news of your parcel"),
        (shipment("ordered", "packed"), "Your order is being prepared"),
        (shipment("info_received"), "Your parcel will be handed to the carrier soon"),
        (shipment(), "Your parcel is on its way"),
        (
            shipment(eta=between("2026-11-25T13:10:00Z", "2026-11-25T13:40:00Z")),
            "Arrives today between 14:10 and 14:40",
        ),
        (shipment(eta=between("2026-11-27", "2026-11-27")), "Arrives on Friday"),
        (shipment(eta=between(None, "2026-11-26T17:00:00Z")), "Arrives tomorrow by 18:00"),
        (shipment(eta=between("2026-11-24", "2026-11-24")), "On its way, later than planned"),
        (
            shipment(promised=between("2026-11-27T08:00:00Z", "2026-11-27T17:00:00Z")),
            "Expected on Friday between 09:00 and 18:00",
        ),
        (shipment("out_for_delivery", "on_route"), "Your parcel is out for delivery"),
        (shipment("out_for_delivery", "next_stop"), "You are the next stop"),
        (shipment("out_for_delivery", "arriving"), "The courier is nearly there"),
        (shipment("out_for_delivery", "arrived_at_door"), "The courier is at the door"),
        (shipment("attempt_failed", "no_access"), "The delivery was not possible"),
        (
            shipment("attempt_failed", "no_access", eta=between("2026-11-26", "2026-11-26")),
            "The delivery was not possible. It comes again tomorrow",
        ),
        (shipment("available_for_pickup", "at_shop"), "Your parcel is ready to collect"),
        (shipment("available_for_pickup", "at_shop", pickup_until="2026-11-27"), "Ready to collect until Friday"),
        (shipment("available_for_pickup", "at_shop", pickup_until="2026-11-20"), "Your parcel is ready to collect"),
        (shipment("delivered", "to_recipient", delivered_at="2026-11-25T10:05:00Z"), "Delivered today at 11:05"),
        (shipment("delivered", "collected", delivered_at="2026-11-24T10:05:00Z"), "Collected yesterday at 11:05"),
        (shipment("delivered"), "Delivered"),
        (shipment("exception", "customs_held"), "Your parcel is held up"),
        (shipment("exception", "delayed", eta=between("2026-11-27", "2026-11-27")), "Delayed. Now expected on Friday"),
        (shipment("returning", "to_sender"), "Your parcel is on its way back to the sender"),
        (shipment("returned", "to_sender"), "Your parcel is back with the sender"),
        (shipment("returning", "label_created", direction="return"), "Your return is registered"),
        (shipment("in_transit", direction="return"), "Your return is on its way"),
        (shipment("delivered", direction="return"), "Your return has arrived"),
        (shipment("refunded", "refunded", direction="return"), "Your return is completed"),
        (shipment("cancelled"), "This delivery was cancelled"),
        (shipment("expired", "no_movement"), "There has been no news for a long time"),
        (shipment("unknown", "unlisted_code"), "There is news from the carrier"),
    ],
)
def test_the_sentence_on_top_answers_the_only_question(of, says):
    assert told(of).headline == says


def test_stops_before_stand_beside_the_arrival():
    of = shipment("out_for_delivery", "on_route", stops_before=3)
    assert told(of).beside == "3 stops before you"
    assert told(of | {"stops_before": 1}).beside == "1 stop before you"
    assert told(of | {"stops_before": 12}, language="pl").beside == "12 przystanków przed Tobą"
    assert told(of | {"stops_before": 0}).beside == "The courier is on the way"


def states(of):
    return [(step.words, step.state) for step in told(of).steps]


def test_the_line_of_steps_follows_the_parcel():
    shipped = {"shipped_at": "2026-11-24T10:00:00Z"}
    assert states(shipment("in_transit", "arrived")) == [
        ("Ordered", "done"),
        ("Shipped", "done"),
        ("On its way", "now"),
        ("Out for delivery", "next"),
        ("Delivered", "next"),
    ]
    assert [state for _, state in states(shipment("in_transit", "picked_up"))] == [
        "done",
        "now",
        "next",
        "next",
        "next",
    ]
    assert {state for _, state in states(shipment("delivered"))} == {"done"}
    assert states(shipment("exception", "lost"))[0] == ("Ordered", "now")
    assert [state for _, state in states(shipment("exception", "lost", milestones=shipped))][2] == "now"
    assert states(shipment("available_for_pickup", "at_shop"))[3] == ("Ready to collect", "now")
    assert states(shipment("returning", "to_sender"))[2] == ("Sent back", "now")
    assert states(shipment("returned", "to_sender"))[3] == ("With the sender", "done")
    assert states(shipment("returning", "label_created", direction="return"))[0] == ("Registered", "now")
    assert states(shipment("delivered", direction="return"))[3] == ("Arrived", "now")


def test_trouble_says_what_happened_what_follows_and_what_you_can_do():
    found = told(shipment("attempt_failed", "recipient_absent")).trouble
    assert found == trouble.Trouble(
        happened="Nobody was there to take it",
        then="The carrier usually tries again on the next working day.",
        you="See that somebody is there, or look whether the carrier offers another day or place.",
    )
    asked = told(shipment("exception", "held", action="pay_duties")).trouble
    assert asked is not None
    assert asked.you == "Pay the duties the carrier asks for."
    assert told(shipment("delivered")).trouble is None


def test_the_history_is_newest_first_in_the_time_of_each_place():
    old = event(
        at="2026-11-23T03:00:00Z",
        local_time="2026-11-22T22:00:00",
        utc_offset="-05:00",
        place={"city": "Newark", "country": "US"},
    )
    new = event(
        "out_for_delivery", "loaded", text="Sendung wurde geladen", place={"facility": "Depot 12", "city": "Bonn"}
    )
    first, second = told(shipment(), old, new).history
    assert (first.words, first.when, first.place) == (
        "Loaded on the delivery vehicle",
        "today, 10:00",
        "Depot 12, Bonn",
    )
    assert first.carrier_words == "Sendung wurde geladen"
    assert (second.words, second.when, second.place) == ("Arrived at a depot", "22 November, 22:00", "Newark")


def test_words_of_the_carrier_that_only_repeat_ours_are_left_out():
    assert told(shipment(), event(text="arrived at a depot")).history[0].carrier_words == ""


def test_a_day_without_a_clock_stays_a_day():
    assert told(shipment(), event(local_time="2026-11-24", utc_offset=None, at=None)).history[0].when == "yesterday"
    assert told(shipment(), event(local_time=None, utc_offset=None, at=None)).history[0].when == ""


def test_how_old_the_last_news_is_is_said():
    assert told(shipment(last_event_at="2026-11-25T10:55:00Z")).updated == "Last news 5 minutes ago"
    assert told(shipment(last_event_at="2026-11-25T12:55:00Z")).updated == "Last news just now"
    assert told(shipment()).updated == ""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("status", list(Status))
def test_every_status_and_detail_has_a_sentence_and_no_jargon(status, language):
    for substatus in SUBSTATUSES[status]:
        for direction in ("outbound", "return"):
            of = shipment(
                status.value, substatus, direction=direction, stops_before=2, last_event_at="2026-11-25T10:00:00Z"
            )
            said = told(of, event(status.value, substatus), language=language)
            assert said.headline
            assert said.steps
            assert "exception" not in said.headline.lower()
            assert (said.trouble is not None) == (status in (Status.EXCEPTION, Status.ATTEMPT_FAILED, Status.EXPIRED))


_EARLIEST = datetime(2026, 11, 1, tzinfo=UTC)
_INSTANTS = st.integers(0, 60 * 24 * 60).map(lambda minutes: _EARLIEST + timedelta(minutes=minutes))


@given(_INSTANTS, st.integers(0, 600), st.sampled_from(["in_transit", "info_received"]))
def test_an_arrival_is_announced_until_it_is_past_and_never_after(start, minutes, status):
    end = start + timedelta(minutes=minutes)
    eta = between(start.isoformat().replace("+00:00", "Z"), end.isoformat().replace("+00:00", "Z"))
    said = told(shipment(status, eta=eta)).headline
    assert said.startswith("Arrives ") == (end >= NOW)
    assert (said == "On its way, later than planned") == (end < NOW)


@given(
    st.sampled_from([(status.value, detail) for status, details in SUBSTATUSES.items() for detail in details]),
    st.one_of(st.none(), _INSTANTS),
    st.one_of(st.none(), st.dates(NOW.date() - timedelta(9), NOW.date() + timedelta(30))),
    st.sampled_from(LANGUAGES),
)
def test_whatever_an_arrivals_ends_are_a_sentence_is_said_and_no_machines_date(where, start, end, language):
    eta = between(start and start.isoformat().replace("+00:00", "Z"), end and end.isoformat())
    said = told(shipment(*where, eta=eta), language=language)
    assert said.headline
    assert not re.search(r"\d{4}-\d\d-\d\d|\dT\d|None", said.headline)
