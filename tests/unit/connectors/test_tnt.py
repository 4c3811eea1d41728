"""TNT: fifty consignments at once, a delivery that only the summary tells, clocks known at both ends only."""

from datetime import UTC, date, datetime
from urllib.parse import parse_qs

import httpx
import pytest
from lxml import etree

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import Rejected, Unreadable
from normalizer.model import Detail, Missing, Place, Window

NUMBER = "640011223"


def status(code="OK", day="20261106", clock="1003", depot="LD1", more=""):
    return (
        f"<StatusData><StatusCode>{code}</StatusCode><StatusDescription>Words</StatusDescription>"
        f"<LocalEventDate{more}>{day}</LocalEventDate><LocalEventTime>{clock}</LocalEventTime><Depot>{depot}</Depot>"
        "<DepotName>Leeds</DepotName></StatusData>"
    )


def consignment(*statuses, number=NUMBER, summary="DEL", delivery="", after=""):
    named = f"<ConsignmentNumber>{number}</ConsignmentNumber>" if number else ""
    return (
        f'<Consignment access="full">{named}<OriginDepot>TRN</OriginDepot><DeliveryTown>ZUG</DeliveryTown>{delivery}'
        f"<SummaryCode>{summary}</SummaryCode><DestinationCountry><CountryCode>CH</CountryCode></DestinationCountry>"
        f"<OriginCountry><CountryCode>IT</CountryCode></OriginCountry>{''.join(statuses)}{after}</Consignment>"
    )


DELIVERY = "<DeliveryDate>20261106</DeliveryDate><DeliveryTime>1003</DeliveryTime><Signatory>hill</Signatory>"


def reply(*parts: str) -> bytes:
    return f"<TrackResponse>{''.join(parts)}</TrackResponse>".encode()


def read(body: bytes, *numbers: str):
    payload = Payload(
        carrier="tnt",
        body=body,
        source="poll",
        received_at=datetime(2026, 11, 7, tzinfo=UTC),
        numbers=numbers or (NUMBER,),
    )
    return connector("tnt").read(payload)


async def polled(response: httpx.Response, *numbers: str):
    tnt = connector("tnt")
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return response

    auth = tnt.auth({"username": "u", "password": "p"})
    async with HttpClient(tnt.facts, auth, transport=httpx.MockTransport(handler)) as http:
        return await tnt.poll(http, numbers), seen


async def test_a_poll_posts_one_document_for_all_numbers_as_a_form():
    answer, (request,) = await polled(httpx.Response(200, content=reply()), "1", "<2&>")
    assert answer.body == reply()
    assert request.headers["authorization"] == "Basic dTpw"
    (document,) = parse_qs(request.content.decode())["xml_in"]
    asked = etree.fromstring(document)
    assert [node.text for node in asked.iter("ConsignmentNumber")] == ["1", "<2&>"]
    assert dict(asked.find("LevelOfDetail/Complete").attrib) == {"shipment": "true", "package": "true"}


async def test_refused_credentials_reject_the_account():
    with pytest.raises(Rejected):
        await polled(httpx.Response(401), "1")


def test_a_delivery_took_place_in_the_town_of_delivery_and_tells_who_signed():
    (scan,) = read(reply(consignment(status(), delivery=DELIVERY))).scans
    assert (scan.number, scan.codes, scan.text, scan.signed_by) == (NUMBER, ("OK",), "Words", "hill")
    assert scan.at == datetime(2026, 11, 6, 10, 3)  # noqa: DTZ001 - the place's clock
    assert scan.place == Place(facility="Leeds", facility_id="LD1", city="ZUG", country="CH")


def test_only_the_depot_of_origin_is_given_a_country():
    origin, other = read(reply(consignment(status("PU", depot="TRN"), status("TR"), summary="INT"))).scans
    assert (origin.place.country, other.place.country) == ("IT", None)
    assert (origin.signed_by, other.signed_by) == (None, None)
    assert origin.order > other.order


def test_a_delivery_that_only_the_summary_tells_is_an_event_of_its_own():
    by_mail, delivered = read(reply(consignment(status("PA", clock="0900"), delivery=DELIVERY))).scans
    assert by_mail.codes == ("PA",)
    assert (delivered.codes, delivered.signed_by) == (("summary/DEL",), "hill")
    assert delivered.at == datetime(2026, 11, 6, 10, 3)  # noqa: DTZ001
    assert delivered.place == Place(city="ZUG", country="CH")
    assert connector("tnt").codes.look_up(delivered.codes)[1].status == "delivered"


@pytest.mark.parametrize("summary", ["INT", "EXC"])
def test_other_summaries_are_kept_and_make_no_event(summary):
    reading = read(reply(consignment(status("ZZ"), summary=summary)))
    assert [scan.codes for scan in reading.scans] == [("ZZ",)]
    assert reading.details[0].extra == {"summary_code": summary}


def test_an_unknown_consignment_is_missing_and_so_is_one_left_out():
    reading = read(reply(consignment(status()), consignment(number="2", summary="CNF")), NUMBER, "2", "3")
    assert reading.missing == [Missing(number="2"), Missing(number="3")]


def test_an_answer_that_goes_on_elsewhere_makes_nothing_unknown():
    reading = read(reply(consignment(status()), "<ContinuationKey>k</ContinuationKey>"), NUMBER, "2")
    assert (reading.missing, reading.trouble) == ([], None)


def test_a_consignment_without_its_number_is_the_one_that_was_asked_for_if_there_is_one():
    assert read(reply(consignment(status(), number=""))).scans[0].number == NUMBER
    several = read(reply(consignment(status(), number="")), NUMBER, "2")
    assert isinstance(several.trouble, Unreadable)
    assert several.scans == []


def test_an_error_is_unreadable_names_its_codes_and_repeats_no_words():
    reading = read(b"<TrackResponse><Error><Code>999</Code><Message>Mr Lime</Message></Error></TrackResponse>")
    assert isinstance(reading.trouble, Unreadable)
    assert "999" in str(reading.trouble)
    assert "Lime" not in str(reading.trouble)
    assert reading.missing == []


@pytest.mark.parametrize(
    "odd", [status(day="20261306"), status(clock="2561"), status(day="06112026", more=' format="DDMMYYYY"')]
)
def test_an_odd_time_costs_its_own_consignment_alone(odd):
    reading = read(reply(consignment(odd), consignment(status(), number="2")), NUMBER, "2")
    assert isinstance(reading.trouble, Unreadable)
    assert [scan.number for scan in reading.scans] == ["2"]


def test_the_consignment_as_a_whole_is_told():
    after = (
        '<PackageSummary><NumberOfPieces>2</NumberOfPieces><Weight units="lbs">10</Weight></PackageSummary>'
        "<ShipmentSummary><DueDate>20261106</DueDate><Service>Express</Service></ShipmentSummary>"
    )
    (detail,) = read(reply(consignment(status("TR"), summary="INT", after=after))).details
    assert detail == Detail(
        number=NUMBER,
        eta=Window(date(2026, 11, 6), date(2026, 11, 6)),
        service="Express",
        weight_grams=4535,
        pieces_total=2,
        origin=Place(country="IT"),
        destination=Place(city="ZUG", country="CH"),
        extra={"summary_code": "INT"},
    )


def test_an_answer_without_consignment_and_error_is_no_unknown_number():
    reading = read(reply())
    assert isinstance(reading.trouble, Unreadable)
    assert reading.missing == []


def test_a_consignment_that_does_not_say_its_number_makes_none_unknown():
    lone = read(reply(consignment(status(), number="")))
    assert ([scan.number for scan in lone.scans], lone.missing, lone.trouble) == ([NUMBER], [], None)
    several = read(reply(consignment(status(), number="")), NUMBER, "640011267")
    assert (several.missing, several.scans) == ([], [])
    assert isinstance(several.trouble, Unreadable)


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("Customer Not Home. Follow Up Actions Underway", ("attempt_failed", "recipient_absent")),
        ("Released By Customs", ("in_transit", "customs_cleared")),
        ("Customs Clearance In Progress.", ("in_transit", "customs_started")),
        ("Contact With Receiver Required To Agree Delivery Date/time", None),
    ],
)
def test_of_a_code_without_a_row_a_reviewed_description_decides(words, meaning):
    (scan,) = read(reply(consignment(status("ZQ9").replace("Words", words), summary="INT"))).scans
    _, found = connector("tnt").codes.look_up(scan.codes, scan.phrase)
    assert (found and (found.status, found.substatus)) == meaning


def test_a_listed_code_is_not_overruled_by_its_description():
    (scan,) = read(reply(consignment(status("OD").replace("Words", "Released By Customs"), summary="INT"))).scans
    assert connector("tnt").codes.look_up(scan.codes, scan.phrase)[1].status == "out_for_delivery"
