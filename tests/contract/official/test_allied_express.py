"""Allied Express against the published sample of an answer, put back into the XML it was made from."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors import connector
from connectors.allied_express import SERVICE
from connectors.base import Payload
from normalizer.model import Status

FILE = Path(__file__).resolve().parents[4] / "shared/carriers/allied-express/tracking-response.sample.json"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the carriers' documents (../shared) are not here")


def response():
    return json.loads(FILE.read_text())["soapenv:Body"]["ns1:getShipmentsStatusResponse"]


def test_the_published_sample_reads_whole_with_nothing_unknown():
    told = response()["result"]["statusBarcodesList"]
    listed = "".join(f"<{name}>{value}</{name}>" for name, value in told.items())
    body = (
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
        f'<ns1:getShipmentsStatusResponse xmlns:ns1="{response()["@xmlns:ns1"]}"><result>'
        f"<statusBarcodesList>{listed}</statusBarcodesList>"
        "</result></ns1:getShipmentsStatusResponse></soapenv:Body></soapenv:Envelope>"
    )
    carrier = connector("allied-express")
    now = datetime(2026, 3, 6, tzinfo=UTC)
    reading = carrier.read(Payload(carrier="allied-express", body=body.encode(), source="poll", received_at=now))
    assert reading.trouble is None
    (scan,) = reading.scans
    assert (scan.number, scan.piece) == (told["consignmentNote"], None)
    assert scan.at == datetime.fromisoformat(told["scannnedTimestamp"])
    assert carrier.codes.look_up(scan.codes, scan.phrase)[1].status is Status.DELIVERED


def test_our_question_is_in_the_published_namespace():
    envelope, _ = SERVICE.request("getShipmentsStatus", String_1="", String_2="x")
    assert f'"{response()["@xmlns:ns1"]}"'.encode() in envelope
