"""The generic carrier against the standards in reach: listed codes, the segments' elements, the samples."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors import connector
from connectors.base import Payload
from connectors.generic.status214 import ESTIMATES
from gateway import reading
from normalizer.model import Status

FOLDER = Path(__file__).resolve().parents[4] / "shared/standards"
X12, IFTSTA = FOLDER / "x12-214", FOLDER / "edifact-iftsta"
NOW = datetime(2026, 11, 5, 18, tzinfo=UTC)
OF_EQUIPMENT = {"4", "19", "30", "32", "33", "34", "58", "60", "89", "95", "96"}
APPOINTMENTS = {"AA", "AB", "AC", "ED", "EP", "LD", "LP", "X9", "XA"}

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the standards' documents (../shared) are not here")


def codes(prefix):
    return [code.removeprefix(prefix) for code in connector("generic").codes.codes if code.startswith(prefix)]


def lists(directory):
    return json.loads((IFTSTA / "code-lists.json").read_text())[directory]


def events(body):
    payload = Payload(carrier="generic", body=body, source="push", received_at=NOW)
    told = reading.read(connector("generic"), payload)
    assert told.trouble is None
    return told.events


def test_every_x12_status_has_a_row_and_no_row_is_of_another_list():
    listed = json.loads((X12 / "codes.json").read_text())
    rows = [code.split("/") for code in codes("x12/") if not code.startswith("appointment/")]
    assert {row[0] for row in rows if len(row) == 1} == set(listed["1650"])
    assert {row[1] for row in rows if len(row) == 2} <= set(listed["1651"])
    assert set(codes("x12/appointment/")) == APPOINTMENTS


def test_the_statuses_read_as_estimates_are_those_the_list_calls_so():
    names = json.loads((X12 / "codes.json").read_text())["1650"]
    assert {code for code, name in names.items() if name.startswith("Estimated")} == ESTIMATES


def test_the_elements_of_at7_stand_where_they_are_read():
    elements = json.loads((X12 / "codes.json").read_text())["elements"]
    assert [one["id"] for one in elements] == [1650, 1651, 1652, 1651, 373, 337, 623]


def test_every_event_of_d96a_has_a_row_but_those_of_equipment():
    listed = lists("D96A")
    rows = [code.split("/") for code in codes("d96a/")]
    bare = {row[0] for row in rows if len(row) == 1}
    assert bare == set(listed["9011"]) - OF_EQUIPMENT - {"64"}
    for event, *rest in rows:
        assert event in listed["9011"]
        assert not rest or rest[0].startswith("loc-") or rest[0] in listed["9013"]


def test_every_row_of_the_later_directories_stands_in_their_lists():
    listed = lists("D24A")
    rows = codes("d24a/")
    assert all(code.startswith("1/") for code in rows), "only transport (9015) has rows"
    reasons = {code.removeprefix("1/reason/") for code in rows if "reason" in code}
    assert reasons <= set(listed["9013"])
    assert {code.removeprefix("1/") for code in rows if "reason" not in code} <= set(listed["4405"])


def test_a_number_keeps_its_meaning_within_each_of_the_two_families():
    early, late = lists("D01B"), lists("D24A")
    for name in ("4405", "9013"):
        shared = set(early[name]) & set(late[name])
        assert len(shared) > 100
        assert all(early[name][code]["title"] == late[name][code]["title"] for code in shared)


@pytest.mark.parametrize("directory", ["D96A", "D24A"])
def test_the_elements_of_edifact_stand_where_they_are_read(directory):
    segments = json.loads((IFTSTA / "segments.json").read_text())[directory]

    def parts(tag, at):
        return [one["id"] for one in segments[tag]["elements"][at - 1].get("elements", [])]

    status = "9011" if directory == "D96A" else "4405"
    assert parts("STS", 1)[0] == "9015"
    assert parts("STS", 2)[:3] == [status, "1131", "3055"]
    assert {parts("STS", at)[0] for at in range(3, 8)} == {"9013"}
    assert segments["LOC"]["elements"][0]["id"] == "3227"
    assert parts("LOC", 2)[:4] == ["3225", "1131", "3055", "3224"]
    assert parts("DTM", 1) == ["2005", "2380", "2379"]
    assert parts("RFF", 1)[:2] == ["1153", "1154"]
    assert parts("CNI", 2)[0] == "1004"
    assert set(parts("FTX", 4)) == {"4440"}
    assert segments["BGM"]["elements"][2]["id"] == "1225"
    assert parts("GIN", 2) == ["7402", "7402"]


def test_the_sample_214_reads_whole():
    body = (X12 / "sample-214.edi").read_bytes()
    told = events(body)
    assert len(told) == body.count(b"AT7*")
    assert [(one.status, one.substatus) for one in told] == [
        (Status.OUT_FOR_DELIVERY, "on_route"),
        (Status.DELIVERED, "other"),
    ]
    assert {(one.tracking_number, one.place.city, one.utc_offset) for one in told} == {
        ("EX000000001", "HAMBURG", "+02:00")
    }


def test_the_sample_iftsta_reads_whole():
    body = (IFTSTA / "sample-D96A.edi").read_bytes()
    told = events(body)
    assert len(told) == body.count(b"STS+")
    assert [(one.status, one.substatus, one.text) for one in told] == [
        (Status.IN_TRANSIT, "other", ""),
        (Status.DELIVERED, "other", "LEFT WITH NEIGHBOUR"),
    ]
    assert {(one.tracking_number, one.place.city, one.utc_offset) for one in told} == {
        ("EX000000001", "HAMBURG", "+02:00")
    }


def test_the_sample_iftsta_under_another_directory_says_nothing_it_does_not_mean():
    body = re.sub(rb":96A:", b":24A:", (IFTSTA / "sample-D96A.edi").read_bytes())
    assert {one.status for one in events(body)} == {Status.UNKNOWN}
