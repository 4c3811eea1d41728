"""Purolator against the carrier's own WSDL: our envelopes are valid, and a reply that uses every field reads whole."""

from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import zeep
from lxml import etree

from connectors import HERE, connector
from connectors.auth import Proof
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.purolator import SERVICE
from connectors.samples import samples

WSDL = Path(__file__).resolve().parents[4] / "shared/carriers/purolator/TrackingService.wsdl"
DATA = "http://purolator.com/pws/datatypes/v1"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
XS = "http://www.w3.org/2001/XMLSchema"

pytestmark = pytest.mark.skipif(not WSDL.exists(), reason="the carriers' documents (../shared) are not here")


@pytest.fixture(scope="module")
def schema():
    found = etree.parse(WSDL).find(f".//{{{XS}}}schema[@targetNamespace='{DATA}']")
    return etree.XMLSchema(etree.fromstring(etree.tostring(found)))


@pytest.fixture(scope="module")
def official():
    return zeep.Client(str(WSDL), settings=zeep.Settings(forbid_external=True))


def only_child(body: bytes, part: str) -> etree._Element:
    (child,) = etree.fromstring(body).find(f"{{{SOAP}}}{part}")
    return child


async def sent(ask, secrets=None) -> httpx.Request:
    purolator = connector("purolator")
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(503)

    auth = purolator.auth(secrets or {"key": "k", "password": "p"})
    assert isinstance(auth, Proof)
    async with HttpClient(purolator.facts, auth, transport=httpx.MockTransport(handler), sleep=no_wait) as http:
        with pytest.raises(Exception, match="503"):
            await ask(purolator, http)
    return seen[0]


async def no_wait(_: float) -> None:
    return None


@pytest.mark.parametrize("secrets", [{"key": "k", "password": "p"}, {"key": "k", "password": "p", "user_token": "t"}])
async def test_what_we_ask_is_valid_by_the_carriers_schema(schema, official, secrets):
    asked = {
        "TrackPackagesByPin": await sent(lambda carrier, http: carrier.poll(http, ["504173629107"]), secrets),
        "GetDeliveryDetails": await sent(lambda carrier, http: carrier.prove(http, "504173629107", None), secrets),
    }
    for operation, request in asked.items():
        schema.assertValid(only_child(request.content, "Header"))
        schema.assertValid(only_child(request.content, "Body"))
        described = official.service._binding.get(operation)
        assert request.headers["soapaction"] == f'"{described.soapaction}"'
        assert str(request.url) == official.service._binding_options["address"]


def full_reply(official, schema) -> bytes:
    """Return a reply in which every field of every kind of scan is filled, written by the carrier's own WSDL."""
    make = official.type_factory(DATA)
    common = {
        "PIN": make.PIN("504173629107"),
        "Depot": make.Depot("Moncton, NB"),
        "ScanDate": "2026-11-05",
        "ScanTime": "141207",
        "Description": "said",
        "Comment": "noted",
        "SummaryScanIndicator": True,
    }
    phone = make.PhoneNumber("1", "506", "5550142", "3")
    address = make.Address(*["x"] * 16, PhoneNumber=phone, FaxNumber=phone)
    scans = [
        make.DeliveryScan(
            ScanType="Delivery", **common, ScanDetails=make.DeliveryScanDetails("SIG", "R0lG", 3, "GIF", *["x"] * 6)
        ),
        make.OnDeliveryScan(ScanType="OnDelivery", **common, ScanDetails=make.OnDeliveryScanDetails("x")),
        make.UndeliverableScan(ScanType="U", **common, ScanDetails=make.UndeliverableScanDetails("x", "x")),
        make.ProofOfPickUpScan(
            ScanType="P",
            **common,
            ScanDetails=make.ProofOfPickUpScanDetails("x", address, "x", "x", "x", "2026-11-06", *["x"] * 4),
        ),
        make.InternationalOutboundScan(
            ScanType="I", **common, ScanDetails=make.InternationalOutboundScanDetails("04109", "YMX")
        ),
        make.Scan(ScanType="Other", **common),
    ]
    told = make.ResponseInformation(
        make.ArrayOfError([]), make.ArrayOfInformationalMessage([make.InformationalMessage("1", "x")])
    )
    parcel = make.TrackingInformation(make.PIN("504173629107"), make.ArrayOfScan(scans), told)
    body = etree.Element(f"{{{SOAP}}}Body")
    official.get_element(f"{{{DATA}}}TrackPackagesByPinResponse").render(
        body,
        {"ResponseInformation": told, "TrackingInformationList": make.ArrayOfTrackingInformation([parcel])},
    )
    schema.assertValid(body[0])
    envelope = etree.Element(f"{{{SOAP}}}Envelope")
    envelope.append(body)
    return etree.tostring(envelope)


def test_a_reply_that_uses_every_field_reads_whole_and_only_a_plain_scan_stays_unlisted(official, schema):
    purolator = connector("purolator")
    body = full_reply(official, schema)
    payload = Payload(carrier="purolator", body=body, source="poll", received_at=datetime(2026, 11, 6, tzinfo=UTC))
    reading = purolator.read(payload)
    assert reading.trouble is None
    meanings = [purolator.codes.look_up(scan.codes, scan.phrase)[1] for scan in reading.scans]
    assert [meaning.status.value if meaning else None for meaning in meanings] == [
        "delivered",
        "out_for_delivery",
        "attempt_failed",
        "in_transit",
        "in_transit",
        None,
    ]


def answered():
    found = samples(HERE / "purolator" / "samples")
    return [(sample, sample.exchanges[-1][1]) for sample in found if b"Fault>" not in sample.body]


def test_our_samples_ask_and_are_answered_as_the_carriers_schema_says(schema):
    assert len(answered()) == 8
    for sample, response in answered():
        schema.assertValid(only_child(sample.exchanges[0][0].body, "Body"))
        schema.assertValid(only_child(response.body, "Body"))


def test_every_kind_of_scan_in_the_carriers_schema_has_a_row():
    kinds = {
        kind.get("name")
        for kind in etree.parse(WSDL).iter(f"{{{XS}}}complexType")
        if kind.find(f"*/{{{XS}}}extension[@base='tns:Scan']") is not None
    }
    assert len(kinds) == 5
    assert kinds <= set(connector("purolator").codes.codes)


def test_our_wsdl_names_only_operations_of_the_carriers(official):
    assert set(SERVICE._binding().all()) == {"TrackPackagesByPin", "GetDeliveryDetails"}
    assert set(SERVICE._binding().all()) <= set(official.service._binding.all())
