"""When a carrier is asked again."""

from __future__ import annotations

import pytest

from gateway.cadence import SILENCE_ENDS, Asked, has_expired, next_poll
from normalizer.model import Status

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOW = 1_800_000_000_000


def asked(status: Status, **known: int | bool | None) -> Asked:
    return Asked(**{"status": status, "created_at": NOW - HOUR, "last_news_at": NOW - HOUR} | known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "minutes"),
    [(Status.OUT_FOR_DELIVERY, 10), (Status.IN_TRANSIT, 120), (Status.INFO_RECEIVED, 240), (Status.RETURNING, 360)],
)
def test_the_closer_to_the_door_the_sooner_the_carrier_is_asked(status: Status, minutes: int) -> None:
    assert next_poll(asked(status), NOW) == NOW + minutes * MINUTE


@pytest.mark.parametrize("status", [Status.RETURNED, Status.REFUNDED, Status.CANCELLED, Status.EXPIRED])
def test_what_is_over_is_never_asked_again(status: Status) -> None:
    assert next_poll(asked(status), NOW) is None


def test_a_delivery_is_looked_at_after_a_day_and_once_more_and_then_left_alone() -> None:
    fresh = next_poll(asked(Status.DELIVERED, last_news_at=NOW), NOW)
    assert fresh == NOW + DAY
    again = next_poll(asked(Status.DELIVERED, created_at=NOW - 9 * DAY, last_news_at=NOW - DAY), NOW)
    assert again == NOW + 7 * DAY
    assert next_poll(asked(Status.DELIVERED, created_at=NOW - 9 * DAY, last_news_at=NOW - 8 * DAY), NOW) is None


def test_a_quiet_parcel_is_asked_for_ever_slower_and_then_not_at_all() -> None:
    waits = [
        next_poll(asked(Status.IN_TRANSIT, created_at=NOW - 60 * DAY, last_news_at=NOW - days * DAY), NOW)
        for days in (1, 3, 8, 20, 46)
    ]
    assert waits == [NOW + 2 * HOUR, NOW + 4 * HOUR, NOW + 8 * HOUR, NOW + 24 * HOUR, None]


def test_an_unknown_number_is_asked_for_slower_each_time() -> None:
    waits = [next_poll(asked(Status.PENDING, not_found=times), NOW) for times in (1, 2, 3, 9)]
    assert waits == [NOW + 15 * MINUTE, NOW + 30 * MINUTE, NOW + 60 * MINUTE, NOW + 12 * HOUR]


def test_failures_back_off_and_the_carriers_own_delay_is_kept() -> None:
    waits = [next_poll(asked(Status.IN_TRANSIT, failures=times), NOW) for times in (1, 2, 3, 30)]
    assert waits == [NOW + MINUTE, NOW + 2 * MINUTE, NOW + 4 * MINUTE, NOW + HOUR]
    assert next_poll(asked(Status.IN_TRANSIT, failures=1, retry_after_ms=5 * HOUR), NOW) == NOW + 5 * HOUR


def test_polls_slow_down_where_pushes_arrive_and_hurry_on_the_promised_day() -> None:
    assert next_poll(asked(Status.OUT_FOR_DELIVERY, pushed=True), NOW) == NOW + 60 * MINUTE
    assert next_poll(asked(Status.IN_TRANSIT, due_today=True), NOW) == NOW + 30 * MINUTE


def test_a_shipment_expires_by_silence_only_while_it_is_open() -> None:
    silent = NOW - SILENCE_ENDS - 1
    assert has_expired(asked(Status.IN_TRANSIT, created_at=silent, last_news_at=silent), NOW)
    assert not has_expired(asked(Status.DELIVERED, created_at=silent, last_news_at=silent), NOW)
    assert not has_expired(asked(Status.IN_TRANSIT), NOW)
