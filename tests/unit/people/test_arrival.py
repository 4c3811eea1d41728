"""Arrivals: what is bare is read on the recipient's clock, whatever clock this machine keeps."""

from __future__ import annotations

import time
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.people import arrival

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3_600_000


@pytest.fixture
def elsewhere(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_bare_time_is_one_of_the_place(elsewhere):
    assert arrival.moment("2026-11-25T14:10:00", BERLIN) == datetime(2026, 11, 25, 14, 10, tzinfo=BERLIN)
    assert arrival.moment("2026-11-25T14:10:00Z", BERLIN).hour == 15
    assert arrival.moment("2026-11-25", BERLIN) == date(2026, 11, 25)
    bare = {"from": "2026-11-25T14:10:00", "to": "2026-11-25T14:40:00"}
    stated = {"from": "2026-11-25T13:10:00Z", "to": "2026-11-25T13:40:00Z"}
    assert arrival.span(bare, BERLIN) == arrival.span(stated, BERLIN)
    assert not arrival.moved(bare, stated, BERLIN, HOUR)
