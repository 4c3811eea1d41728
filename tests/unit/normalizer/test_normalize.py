"""One scan becomes one event: its meaning, its instant, and an id made from its content."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from normalizer.codes import CodeTable, Meaning
from normalizer.model import Event, Place, Scan, Status
from normalizer.normalize import content_id, event_id, normalize

CET = timezone(timedelta(hours=1))
SCAN = Scan(
    number="1Z7R4K900348500016",
    at=datetime(2026, 3, 1, 14, 5, tzinfo=CET),
    codes=("I/OT", "I"),
    text="On its way",
    place=Place(city="Köln", country="DE"),
)
TABLE = CodeTable(
    {"I": Meaning(Status.IN_TRANSIT, "other"), "D": Meaning(Status.DELIVERED, "other")},
    {"handed over": Meaning(Status.DELIVERED, "to_recipient")},
)


def read(scan: Scan, **more: object) -> Event:
    given = {"carrier": "ups", "codes": TABLE, "clock_kind": "offset", "carrier_zone": None, "source": "poll"}
    return normalize(scan, **{**given, "received_at": datetime(2026, 3, 2, tzinfo=UTC), **more})  # type: ignore[arg-type]


def test_the_ids_recipe_is_a_public_contract() -> None:
    assert event_id("ups", SCAN) == "evt_666yoya32r5foxosqs7nnpzb42"
    text = "ups\x1f1Z7R4K900348500016\x1f\x1f2026-03-01T14:05:00\x1fI/OT\x1fköln"
    digest = hashlib.sha256(text.encode()).digest()
    assert event_id("ups", SCAN) == "evt_" + base64.b32encode(digest)[:26].decode().lower()


@given(st.lists(st.text(max_size=20), max_size=4))
def test_an_id_is_the_standards_base32_of_its_texts_digest(parts: list[str]) -> None:
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    assert content_id("msg", *parts) == "msg_" + base64.b32encode(digest)[:26].decode().lower()


@pytest.mark.parametrize(
    "other",
    [
        {"number": "1Z7R4K900348500017"},
        {"piece": "2"},
        {"at": datetime(2026, 3, 1, 14, 6, tzinfo=CET)},
        {"codes": ("D",)},
        {"place": Place(city="Bonn", country="DE")},
        {"event_id": "77"},
    ],
)
def test_another_number_piece_time_code_or_place_is_another_event(other: dict[str, object]) -> None:
    assert event_id("ups", replace(SCAN, **other)) != event_id("ups", SCAN)
    assert event_id("dhl", SCAN) != event_id("ups", SCAN)


def test_spelling_words_and_meaning_do_not_make_another_event() -> None:
    shouted = replace(SCAN, text="ON ITS WAY", place=Place(city="KÖLN ", country="DE", postal_code="50667"), order=9)
    assert event_id("ups", shouted) == event_id("ups", SCAN)
    own = replace(SCAN, event_id="77")
    assert event_id("ups", replace(own, at=None, codes=())) == event_id("ups", own)


def test_the_most_specific_code_with_a_row_gives_the_meaning() -> None:
    event = read(SCAN)
    assert (event.status, event.substatus, event.code, event.basis) == (Status.IN_TRANSIT, "other", "I", "code")
    assert event.codes == ("I/OT", "I")


def test_a_code_without_a_row_is_unknown_and_never_guessed_from_its_words() -> None:
    event = read(replace(SCAN, codes=("Q",), text="Delivered"))
    assert (event.status, event.substatus, event.code, event.basis) == (Status.UNKNOWN, "unlisted_code", "Q", "none")
    bare = read(replace(SCAN, codes=(), text="Delivered"))
    assert (bare.status, bare.substatus, bare.code, bare.basis) == (Status.UNKNOWN, "other", None, "none")


def test_a_reviewed_phrase_speaks_where_no_code_does_and_says_so() -> None:
    event = read(replace(SCAN, codes=(), phrase="  Handed  OVER! "))
    assert (event.status, event.substatus, event.basis) == (Status.DELIVERED, "to_recipient", "text")
    assert read(replace(SCAN, phrase="handed over")).basis == "code"


def test_words_without_end_are_cut_and_do_not_make_another_event() -> None:
    long, longer = (read(replace(SCAN, text="x" * length)) for length in (2_000, 200_000))
    assert (long.text, longer.text) == ("x" * 2_000, "x" * 1_999 + "…")
    assert long.id == longer.id


def test_a_delivery_on_the_way_back_is_a_return_that_arrived() -> None:
    event = read(replace(SCAN, codes=("D",), returning=True))
    assert (event.status, event.substatus, event.returning) == (Status.RETURNED, "to_sender", True)
    assert read(replace(SCAN, returning=True)).status is Status.RETURNING


def test_the_carriers_offset_gives_the_instant_and_keeps_the_clock_on_the_wall() -> None:
    event = read(SCAN)
    assert event.at == datetime(2026, 3, 1, 13, 5, tzinfo=UTC)
    assert (event.local_time, event.utc_offset) == (datetime(2026, 3, 1, 14, 5), "+01:00")  # noqa: DTZ001 - a wall clock
    assert event.time_basis == "offset"


def test_a_clock_without_a_zone_is_never_taken_for_utc() -> None:
    nowhere = read(replace(SCAN, at=datetime(2026, 7, 1, 14, 5), place=Place()))  # noqa: DTZ001 - a wall clock
    assert (nowhere.at, nowhere.time_basis) == (None, None)
    placed = read(replace(SCAN, at=datetime(2026, 7, 1, 14, 5)))  # noqa: DTZ001 - a wall clock
    assert (placed.at, placed.time_basis) == (datetime(2026, 7, 1, 12, 5, tzinfo=UTC), "place")
    day = read(replace(SCAN, at=date(2026, 7, 1)))
    assert (day.at, day.local_time, day.time_basis) == (None, date(2026, 7, 1), "date_only")


def test_a_known_citys_coordinates_are_filled_in_and_marked_as_ours() -> None:
    event = read(SCAN)
    assert event.place_basis == "gazetteer"
    assert (round(event.place.latitude or 0), round(event.place.longitude or 0)) == (51, 7)
    told = read(replace(SCAN, place=Place(city="Köln", country="DE", latitude=50.0, longitude=6.0)))
    assert (told.place_basis, told.place.latitude) == ("carrier", 50.0)
