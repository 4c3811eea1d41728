"""Stamps.com against a captured question and answer: ours has their shape, theirs reads whole."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from connectors import connector
from connectors.base import Payload
from connectors.stamps_com import SERVICE
from normalizer.model import Status

FOLDER = Path(__file__).resolve().parents[4] / "shared/carriers/stamps-com"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the carriers' documents (../shared) are not here")


def names(root):
    return [etree.QName(node).localname for node in root.iter(etree.Element)]


def test_the_captured_answer_reads_whole_in_its_order_with_nothing_unlisted():
    body = (FOLDER / "track_shipment_response.sample.xml").read_bytes()
    carrier = connector("stamps-com")
    now = datetime(2026, 3, 6, tzinfo=UTC)
    reading = carrier.read(
        Payload(carrier="stamps-com", body=body, source="poll", received_at=now, numbers=("9400100200300400500008",))
    )
    assert (reading.trouble, reading.missing) == (None, [])
    events = etree.fromstring(body).findall(".//{*}TrackingEvent")
    assert [scan.codes for scan in reading.scans] == [(one.findtext("{*}TrackingEventType"),) for one in events]
    assert [scan.at.isoformat() for scan in reading.scans] == [one.findtext("{*}Timestamp") for one in events]
    meanings = [carrier.codes.look_up(scan.codes)[1] for scan in reading.scans]
    assert [meaning.status for meaning in meanings] == [Status.DELIVERED, Status.IN_TRANSIT, Status.INFO_RECEIVED]


def test_what_is_asked_has_the_captured_shape_with_credentials_and_a_number():
    captured = etree.parse(FOLDER / "track_shipment_request.sample.xml").getroot()
    login = {"IntegrationID": "i", "Username": "u", "Password": "p"}
    envelope, headers = SERVICE.request("TrackShipment", Credentials=login, TrackingNumber="n")
    asked = etree.fromstring(envelope)
    assert names(asked)[:3] == names(captured)[:3] == ["Envelope", "Body", "TrackShipment"]
    assert [etree.QName(one).localname for one in asked[0][0]] == ["Credentials", "TrackingNumber"]
    assert [etree.QName(one).localname for one in captured[0][0]] == ["Authenticator", "StampsTxID"]
    assert etree.QName(asked).namespace == etree.QName(captured).namespace
    assert headers["SOAPAction"].strip('"').endswith("/TrackShipment")
