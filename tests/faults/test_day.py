"""A whole day of asking carriers, in simulated time: limits held, nobody forgotten, nothing lost or told twice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EVERY = 20
CARRIERS = 12


@pytest.fixture(scope="module")
def day():
    """The figures of a small day, lived in a process of its own because it turns the process's clocks."""
    command = [sys.executable, "-W", "error", "benchmarks/day.py", "--json"]
    command += ["--shipments", "240", "--carriers", str(CARRIERS), "--every", str(EVERY)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


def test_no_promise_of_the_day_is_broken(day):
    assert {name: count for name, count in day["broken"].items() if count} == {}
    assert set(day["broken"]) >= {
        "windows of a second beyond a limit",
        "days beyond a limit",
        "batches larger than allowed",
        "numbers asked twice at once",
        "shown events not stored",
        "events stored twice",
        "events never asked for in time",
        "messages missing",
        "messages told twice",
        "due and never asked",
        "outages caught up too late",
    }


def test_due_ones_of_healthy_carriers_are_asked_at_the_next_look(day):
    late = day["late_seconds"]
    assert late["count"] > 2000
    assert late["p50"] <= EVERY
    assert late["p99"] <= 2 * EVERY  # some wait for their turn within a carrier's rate as well
    assert late["max"] <= 600  # held back by a carrier's own 429 or by one that did not answer


def test_a_used_up_day_is_respected_to_the_last_call(day):
    used = {one["carrier"]: one for one in day["carriers"]}["sim-dhl-unified"]
    assert not used["suffices"]
    assert used["calls"] == used["per_day"] == 250


def test_the_day_held_the_faults_it_is_meant_to_hold(day):
    assert len(day["carriers"]) == CARRIERS
    assert {"200", "400", "429", "503", "500 HTML", "no answer in time", "no connection"} <= set(day["faults"])
    assert sorted(day["caught_up_seconds"]) == sorted(one["carrier"] for one in day["carriers"] if one["trouble"])
    assert day["events"] > 1000


def test_after_an_outage_all_is_found(day):
    for one in day["carriers"]:
        if one["trouble"]:
            assert one["events"] == one["scripted"] > 0
