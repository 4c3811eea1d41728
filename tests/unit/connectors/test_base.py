"""What a reading keeps and what it refuses, whatever a connector does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from connectors.base import Connector, Payload, dig, rows, text_of
from connectors.errors import Unreadable
from connectors.facts import Facts
from connectors.sane import check
from normalizer.codes import CodeTable
from normalizer.model import Detail, Missing, Place, Position, Scan, Window

FACTS = Facts.model_validate({"code": "x", "name": "X", "website": "https://x.example", "clock": {"kind": "utc"}})
NOW = datetime(2026, 3, 1, tzinfo=UTC)
SCAN = Scan(number="X1", at=NOW, codes=("A",))
POSITION = Position(number="X1", at=NOW, latitude=50.1, longitude=8.6)


class Parcels(Connector):
    """Each parcel is a part of its own, as in a batch answer."""

    def parts(self, payload):
        yield from payload.json()["parcels"]

    def parse(self, payload, part):
        for code in part["codes"]:
            yield Scan(number=part["id"], at=None, codes=(code,))


def reading(body):
    return Parcels(FACTS, CodeTable()).read(Payload(carrier="x", body=body, source="poll", received_at=NOW))


def test_one_poisoned_parcel_costs_that_parcel_alone():
    said = reading(b'{"parcels":[{"id":"1","codes":["A"]},{"id":"2","codes":["B",7,"C"]},{"id":"3","codes":["D"]}]}')
    assert [scan.codes[0] for scan in said.scans] == ["A", "B", "D"]
    assert str(said.trouble).startswith("a field is not of the documented kind: TypeError")


def test_a_missing_field_is_named():
    assert str(reading(b"{}").trouble).startswith("the field 'parcels' is missing (connector line ")
    assert str(reading(b'{"parcels":[{}]}').trouble).startswith("the field 'codes' is missing")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"null", b"7", b'{"parcels":7}'])
def test_no_body_makes_a_reading_raise(body):
    said = reading(body)
    assert isinstance(said.trouble, Unreadable)
    assert said.scans == []


def test_trouble_never_quotes_a_value():
    said = reading(b'{"parcels":[{"id":["Jane Doe"],"codes":["A"]}]}')
    assert "Jane" not in str(said.trouble)


@pytest.mark.parametrize(
    "body",
    [
        b"<a",
        b"",
        b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]><a>&e;</a>',
        b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>',
        b"<!DOCTYPE a><a/>",
        b"<a>" * 300 + b"</a>" * 300,
    ],
)
def test_xml_with_a_document_type_or_without_sense_is_unreadable(body):
    with pytest.raises(Unreadable):
        Payload(carrier="x", body=body, source="poll", received_at=NOW).xml()


@pytest.mark.parametrize(
    "said",
    [
        SCAN,
        replace(SCAN, at=None, codes=()),
        replace(SCAN, at=date(2026, 3, 1), eta=Window(None, date(2026, 3, 2))),
        replace(SCAN, at=datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=9)))),
        replace(SCAN, place=Place(city="Bonn", latitude=-90, longitude=180.0)),
        POSITION,
        Detail(number="X1", weight_grams=0, dimensions_mm=(1, 2, 3), pieces=("a",), continues_as=(None, "Y1")),
        Missing(number="X1"),
    ],
)
def test_what_the_model_says_passes(said):
    check(said)


@pytest.mark.parametrize(
    "said",
    [
        replace(SCAN, number=""),
        replace(SCAN, number=7),
        replace(SCAN, at="2026-03-01"),
        replace(SCAN, at=datetime(1, 1, 1)),  # noqa: DTZ001 - .NET's empty time is naive
        replace(SCAN, at=date(9999, 12, 31)),
        replace(SCAN, codes=["A"]),
        replace(SCAN, codes=("",)),
        replace(SCAN, codes=(7,)),
        replace(SCAN, text=None),
        replace(SCAN, signed_by=["Jo"]),
        replace(SCAN, place=Place(city=7)),
        replace(SCAN, place=Place(latitude=91.0, longitude=0.0)),
        replace(SCAN, place=Place(latitude=50.0)),
        replace(SCAN, place=Place(latitude=float("nan"), longitude=0.0)),
        replace(SCAN, place=Place(latitude=True, longitude=0.0)),
        replace(SCAN, eta=Window("soon", None)),
        replace(POSITION, at=datetime(2026, 3, 1)),  # noqa: DTZ001 - that is what is refused
        replace(POSITION, at=date(2026, 3, 1)),
        replace(POSITION, longitude=181.0),
        replace(POSITION, latitude="50"),
        Detail(number="X1", weight_grams=-1),
        Detail(number="X1", weight_grams=1.5),
        Detail(number="X1", pieces=(7,)),
        Detail(number="X1", origin=Place(country=49)),
        Detail(number="X1", continues_as=(None, "")),
        Missing(number=None),
        {"number": "X1"},
    ],
    ids=str,
)
def test_an_impossible_value_is_refused(said):
    with pytest.raises((TypeError, ValueError, AttributeError)):
        check(said)


def test_dig_tells_absent_from_odd():
    node = {"a": [{"b": ""}, {"b": "x"}], "n": None, "t": "text"}
    assert dig(node, "a", 1, "b") == "x"
    assert dig(node, "a", -1, "b") == "x"
    for path in (("a", 0, "b"), ("a", 9), ("n", "x"), ("z", "x", 0)):
        assert dig(node, *path) is None
    for path in (("t", "x"), ("t", 0), ("a", "b")):
        with pytest.raises(TypeError):
            dig(node, *path)


def test_texts_and_rows_are_read_in_the_shapes_carriers_send():
    assert text_of({"a": " x "}, "a") == "x"
    assert text_of({"a": "  "}, "a") is None
    assert text_of({"a": 12}, "a") == "12"
    for odd in (True, ["x"], {"x": 1}):
        with pytest.raises(TypeError):
            text_of({"a": odd}, "a")
    assert rows({"a": {"b": 1}}, "a") == [{"b": 1}]
    assert rows({"a": [1, 2]}, "a") == [1, 2]
    assert rows({}, "a") == []
    with pytest.raises(TypeError):
        rows({"a": "x"}, "a")
