"""What the XML-PI answers of DHL Express are read as."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest
from lxml import etree

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import NotFound, Unavailable
from gateway.reading import document
from normalizer.codes import Meaning
from normalizer.model import Place, Status, Window

NOW = datetime(2026, 4, 1, tzinfo=UTC)
XMLPI = connector("dhl-express-xml")
NUMBER, PIECE = "4660022301", "JD0146000047"


def event(code="PL", clock="03:15:00", area=("LEJ", "LEIPZIG-DE"), more="", tag="ShipmentEvent"):
    return (
        f"<{tag}><Date>2026-03-04</Date><Time>{clock}</Time>"
        f"<ServiceEvent><EventCode>{code}</EventCode><Description>Words</Description></ServiceEvent>{more}"
        f"<ServiceArea><ServiceAreaCode>{area[0]}</ServiceAreaCode><Description>{area[1]}</Description></ServiceArea>"
        f"</{tag}>"
    )


def piece(plate, *events):
    return (
        f"<PieceInfo><PieceDetails><AWBNumber>{NUMBER}</AWBNumber><LicensePlate>{plate}</LicensePlate></PieceDetails>"
        f"{''.join(events)}</PieceInfo>"
    )


def waybill(*events, status="success", shipment="", pieces=""):
    return (
        f"<AWBInfo><AWBNumber>{NUMBER}</AWBNumber><Status><ActionStatus>{status}</ActionStatus></Status>"
        f"<ShipmentInfo>{shipment}{''.join(events)}</ShipmentInfo><Pieces>{pieces}</Pieces></AWBInfo>"
    )


def payload(inner, numbers=(NUMBER,), root="TrackingResponse"):
    body = f'<req:{root} xmlns:req="http://www.dhl.com">{inner}</req:{root}>'.encode()
    return Payload(carrier="dhl-express-xml", body=body, source="poll", received_at=NOW, numbers=numbers)


def read(inner, **more):
    return XMLPI.read(payload(inner, **more))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("WC", Meaning(Status.OUT_FOR_DELIVERY, "on_route")),
        ("OK", Meaning(Status.DELIVERED, "other")),
        ("NH", Meaning(Status.ATTEMPT_FAILED, "recipient_absent")),
        ("CC", Meaning(Status.AVAILABLE_FOR_PICKUP, "other")),
        ("RT", Meaning(Status.RETURNING, "to_sender")),
        ("XQ", None),
    ],
)
def test_a_checkpoint_means_what_its_row_says(code, expected):
    assert XMLPI.codes.look_up(read(waybill(event(code))).scans[0].codes)[1] == expected


def test_it_means_the_same_as_in_the_other_service_of_this_carrier():
    other = connector("dhl-express").codes.codes
    assert {code: other.get(code) for code in XMLPI.codes.codes} == XMLPI.codes.codes


def test_a_bare_clock_takes_the_zone_of_its_service_area_and_without_a_country_there_is_no_instant():
    told = document(XMLPI, payload(waybill(event(), event(area=("XYZ", "SOMEWHERE")))))["shipments"][0]["events"]
    assert {(one["at"], one["time_basis"]) for one in told} == {("2026-03-04T02:15:00Z", "place"), (None, None)}


@pytest.mark.parametrize(
    ("area", "expected"),
    [
        (("LEJ", "LEIPZIG-DE"), Place(facility_id="LEJ", city="LEIPZIG", country="DE")),
        (("LEJ", "LEIPZIG - DE"), Place(facility_id="LEJ", city="LEIPZIG", country="DE")),
        (("OPO", "PORTO - PORTUGAL"), Place(facility_id="OPO", facility="PORTO - PORTUGAL", country="PT")),
        (("XYZ", "PORTO - PORTUGAL"), Place(facility_id="XYZ", facility="PORTO - PORTUGAL")),
    ],
)
def test_a_service_area_is_read_as_far_as_it_can_be_told(area, expected):
    ends = (
        "<DestinationServiceArea><ServiceAreaCode>OPO</ServiceAreaCode></DestinationServiceArea>"
        "<Consignee><City>Porto</City><CountryCode>PT</CountryCode></Consignee>"
    )
    assert read(waybill(event(area=area), shipment=ends)).scans[0].place == expected


@pytest.mark.parametrize("clocks", [("01:00:00", "02:00:00"), ("02:00:00", "01:00:00")])
def test_the_later_checkpoint_has_the_greater_order_whichever_end_is_the_newest(clocks):
    scans = read(waybill(*(event(clock=clock) for clock in clocks))).scans
    assert [scan.order for scan in scans] == ([0, 1] if clocks[0] < clocks[1] else [1, 0])


def test_a_signature_and_remarks_stay_with_their_checkpoint():
    remarks = "<EventRemarks><FurtherDetails>More</FurtherDetails><NextSteps>Wait</NextSteps></EventRemarks>"
    (scan,) = read(waybill(event("OK", more=f"<Signatory> R.  ALVES </Signatory>{remarks}"))).scans
    assert (scan.signed_by, scan.extra) == ("R. ALVES", {"remark": "More", "next_steps": "Wait"})


def test_of_several_pieces_each_has_its_own_checkpoints_and_what_none_repeats_is_of_all():
    pieces = piece(PIECE, event("OK", "05:00:00", tag="PieceEvent")) + piece("JD2", event(tag="PieceEvent"))
    reading = read(waybill(event("PU", "01:00:00"), event(), event("OK", "05:00:00"), pieces=pieces))
    assert [(scan.piece, scan.codes[0]) for scan in reading.scans] == [(PIECE, "OK"), ("JD2", "PL"), (None, "PU")]
    assert reading.details[0].pieces == (PIECE, "JD2")


def test_a_single_piece_speaks_for_a_shipment_without_checkpoints():
    reading = read(waybill(pieces=piece(PIECE, event("WC", tag="PieceEvent"))))
    assert [(scan.number, scan.piece, scan.codes) for scan in reading.scans] == [(NUMBER, None, ("WC",))]


def test_a_piece_asked_by_its_number_tells_its_own_and_names_the_waybill():
    pieces = piece(PIECE, event("OK", tag="PieceEvent")) + piece("JD2", event("NH", tag="PieceEvent"))
    shipment = "<Pieces>2</Pieces><Weight>3</Weight><WeightUnit>K</WeightUnit>"
    reading = read(waybill(event("PD"), shipment=shipment, pieces=pieces), numbers=(PIECE,))
    assert [(scan.number, scan.piece, scan.codes) for scan in reading.scans] == [(PIECE, None, ("OK",))]
    (detail,) = reading.details
    assert (detail.references, detail.pieces_total, detail.weight_grams) == ((NUMBER,), None, None)


@pytest.mark.parametrize(("unit", "grams"), [("K", 2500), ("L", 1134), ("G", 2), ("X", None)])
def test_a_weight_is_grams_whatever_the_unit(unit, grams):
    shipment = f"<Weight>2.5</Weight><WeightUnit>{unit}</WeightUnit>"
    assert read(waybill(event(), shipment=shipment)).details[0].weight_grams == grams


@pytest.mark.parametrize(
    ("code", "said", "expected"),
    [
        (
            "WC",
            "<EstDlvyDateUTC>2026-03-04T18:00:00</EstDlvyDateUTC>",
            Window(None, datetime(2026, 3, 4, 18, tzinfo=UTC)),
        ),
        ("WC", "<EstDlvyDate>2026-03-04T18:00:00</EstDlvyDate>", Window(None, datetime(2026, 3, 4, 18))),  # noqa: DTZ001 - the destination's clock
        ("OK", "<EstDlvyDateUTC>2026-03-04T18:00:00</EstDlvyDateUTC>", None),
        ("DD", "<EstDlvyDateUTC>2026-03-04T18:00:00</EstDlvyDateUTC>", None),
    ],
)
def test_a_promise_holds_until_the_delivery(code, said, expected):
    assert read(waybill(event(code), shipment=said)).details[0].eta == expected


@pytest.mark.parametrize("status", ["No Shipments Found", "no shipments found"])
def test_an_unknown_waybill_is_missing(status):
    reading = read(waybill(status=status))
    assert [one.number for one in reading.missing] == [NUMBER]
    assert reading.trouble is None


@pytest.mark.parametrize(
    ("inner", "root", "words"),
    [
        (waybill(status="odd"), "TrackingResponse", "the carrier answers a waybill with another status"),
        (
            "<Response><ConditionCode>100</ConditionCode><ConditionData>MY SECRET</ConditionData></Response>",
            "ShipmentTrackingErrorResponse",
            "the carrier answers with the error 100",
        ),
        ("", "ErrorResponse", "the carrier answers with the error without a code"),
        (
            "<Fault><PieceFault><PieceID>J1</PieceID><ConditionCode>7</ConditionCode></PieceFault></Fault>",
            "TrackingResponse",
            "the carrier finds fault with the piece: 7",
        ),
        (waybill(event().replace("<Time>03:15:00</Time>", "")), "TrackingResponse", "the field 'Time' is missing"),
    ],
)
def test_an_error_is_unreadable_by_its_code_and_never_by_its_words(inner, root, words):
    assert str(read(inner, root=root).trouble).startswith(words)


def client(answer, asked):
    """The real client; only the carrier's end of the wire is played."""

    def carrier(request):
        asked.append(request)
        return answer

    auth = XMLPI.auth({"site_id": "SampleSite", "password": "word<&>"})
    return HttpClient(XMLPI.facts, auth, transport=httpx.MockTransport(carrier))


@pytest.mark.parametrize(("number", "element"), [(NUMBER, "AWBNumber"), (PIECE, "LPNumber")])
async def test_a_number_is_asked_as_what_it_is_with_the_credentials_inside(number, element):
    asked = []
    async with client(httpx.Response(200, content=b"<a/>"), asked) as http:
        await XMLPI.poll(http, [number])
    (request,) = asked
    root = etree.fromstring(request.content)
    assert root.tag == "{http://www.dhl.com}KnownTrackingRequest"
    assert root.findtext(element) == number
    assert root.findtext("Request/ServiceHeader/SiteID") == "SampleSite"
    assert root.findtext("Request/ServiceHeader/Password") == "word<&>"
    assert "word" not in str(request.url)


async def test_a_firewalls_page_is_no_answer():
    async with client(httpx.Response(200, html="<html>blocked</html>"), []) as http:
        with pytest.raises(Unavailable):
            await XMLPI.poll(http, [NUMBER])


async def test_a_number_that_no_xml_can_carry_is_unknown():
    asked = []
    async with client(httpx.Response(200, content=b"<a/>"), asked) as http:
        with pytest.raises(NotFound):
            await XMLPI.poll(http, ["46\x00"])
    assert asked == []
