"""Aramex: both shapes are read, unknown waybills are told however the answer tells them, nothing is guessed."""

from datetime import UTC, date, datetime

import httpx
import pytest
from lxml import etree

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import Unavailable, Unreadable
from normalizer.model import Detail, Missing, Place

ARRAYS = "http://schemas.microsoft.com/2003/10/Serialization/Arrays"
SECRETS = {
    "user_name": "u&1",
    "password": "p<2",
    "account_number": "10001",
    "account_pin": "987",
    "account_entity": "DXB",
    "account_country": "AE",
}


def update(code="SH005", text="Delivered", at="2026-11-05T14:31:00", where="Dubai, United Arab Emirates", **more):
    fields = {"WaybillNumber": "1", "UpdateCode": code, "UpdateDescription": text, "UpdateDateTime": at}
    fields |= {"UpdateLocation": where, "Comments": "", "ProblemCode": ""} | more
    return f"<TrackingResult>{''.join(f'<{k}>{v}</{k}>' for k, v in fields.items())}</TrackingResult>"


def reply(*pairs, unknown=None, errors=None, codes=()):
    listed = "".join(
        f"<a:KeyValueOfstringArrayOfTrackingResultmFAkxlpY><a:Key>{number}</a:Key><a:Value>{''.join(updates)}</a:Value>"
        "</a:KeyValueOfstringArrayOfTrackingResultmFAkxlpY>"
        for number, updates in pairs
    )
    told = "".join(f"<Notification><Code>{code}</Code><Message>Mr Lime</Message></Notification>" for code in codes)
    none = "".join(f"<a:string>{number}</a:string>" for number in unknown or ())
    return (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f'<ShipmentTrackingResponse xmlns="http://ws.aramex.net/ShippingAPI/v1/" xmlns:a="{ARRAYS}">'
        f"<Notifications>{told}</Notifications>"
        + (f"<HasErrors>{errors}</HasErrors>" if errors else "")
        + f"<TrackingResults>{listed}</TrackingResults>"
        + ("" if unknown is None else f"<NonExistingWaybills>{none}</NonExistingWaybills>")
        + "</ShipmentTrackingResponse></s:Body></s:Envelope>"
    ).encode()


def read(body: bytes, *numbers: str):
    payload = Payload(
        carrier="aramex",
        body=body,
        source="poll",
        received_at=datetime(2026, 11, 6, tzinfo=UTC),
        numbers=numbers or ("111",),
    )
    return connector("aramex").read(payload)


def meaning(scan):
    _, found = connector("aramex").codes.look_up(scan.codes, scan.phrase)
    return f"{found.status}/{found.substatus}" if found else None


async def polled(response: httpx.Response, *numbers: str):
    aramex = connector("aramex")
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return response

    async with HttpClient(aramex.facts, aramex.auth(SECRETS), transport=httpx.MockTransport(handler)) as http:
        return await aramex.poll(http, numbers), seen


async def test_a_poll_asks_about_several_waybills_and_proves_the_account_in_the_body():
    _, (request,) = await polled(httpx.Response(200, content=reply(("111", [update()]))), "111", "222")
    asked = etree.fromstring(request.content)
    assert [node.text for node in asked.iter(f"{{{ARRAYS}}}string")] == ["111", "222"]
    assert [node.text for node in asked.iter("{*}UserName", "{*}Password", "{*}AccountPin")] == ["u&1", "p<2", "987"]
    assert asked.findtext(".//{*}GetLastTrackingUpdateOnly") == "false"
    assert request.headers["soapaction"] == '"http://ws.aramex.net/ShippingAPI/v1/Service_1_0/TrackShipments"'


async def test_a_firewalls_page_is_asked_again_later():
    with pytest.raises(Unavailable):
        await polled(httpx.Response(200, content=b"<!DOCTYPE html><html/>"), "111")


def test_an_update_keeps_its_place_words_and_bare_clock():
    (scan,) = read(reply(("111", [update(Comments="left with S. Haddad", ProblemCode="P1")]))).scans
    assert (scan.number, scan.codes, scan.text) == ("111", ("SH005",), "Delivered")
    assert scan.at == datetime(2026, 11, 5, 14, 31)  # noqa: DTZ001 - the carrier tells no zone
    assert scan.place == Place(city="Dubai", country="AE")
    assert scan.extra == {"comments": "left with S. Haddad", "problem_code": "P1"}
    assert meaning(scan) == "delivered/other"


@pytest.mark.parametrize("where", ["Depot 4", "Dubai, Atlantis", ", Jordan"])
def test_a_location_of_another_form_is_a_facility_and_names_no_country(where):
    (scan,) = read(reply(("111", [update(where=where)]))).scans
    assert scan.place == Place(facility=where)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("SH006", "delivered/collected"),
        ("SH033", "attempt_failed/other"),
        ("SH069", "returning/to_sender"),
        ("SH498", "returning/other"),
        ("SH499", "available_for_pickup/at_locker"),
        ("SH470", "exception/duties_unpaid"),
        ("SH236", None),
    ],
)
def test_a_listed_code_is_understood_and_one_about_documents_alone_is_not(code, told):
    (scan,) = read(reply(("111", [update(code, "Words")]))).scans
    assert meaning(scan) == told


def test_the_comment_of_a_return_names_the_waybill_of_the_way_back():
    said = read(reply(("111", [update("SH069", "Returned to Shipper", Comments="Rtn HAWB 50919500004 ")]))).details
    assert said == [Detail(number="111", returns_as="50919500004")]
    assert read(reply(("111", [update("SH069", Comments="left with S. Haddad")]))).details == []


def test_a_code_without_a_row_stays_unknown_unless_its_description_tells():
    one, two = read(reply(("111", [update("SH988", "Some words"), update("SH989", "Out for Delivery.")]))).scans
    assert (meaning(one), meaning(two)) == (None, "out_for_delivery/on_route")


def test_updates_come_newest_first():
    first, second = read(reply(("111", [update(), update()]))).scans
    assert first.order > second.order


@pytest.mark.parametrize(
    ("weight", "unit", "grams"), [("2.35", "KG", 2350), ("5", "lb", 2267), ("0", "KG", None), ("3", "Stone", None)]
)
def test_the_gross_weight_becomes_grams_where_its_unit_is_known(weight, unit, grams):
    said = read(reply(("111", [update(GrossWeight=weight, ChargeableWeight=weight, WeightUnit=unit)]))).details
    assert said == ([Detail(number="111", weight_grams=grams)] if grams else [])


def test_a_listed_unknown_waybill_is_missing_and_so_is_one_left_out():
    reading = read(reply(("111", [update()]), unknown=["222"]), "111", "222", "333")
    assert reading.missing == [Missing(number="222"), Missing(number="333")]
    assert [scan.number for scan in reading.scans] == ["111"]


def test_a_waybill_without_updates_is_missing():
    assert read(reply(("111", []))).missing == [Missing(number="111")]


def test_an_answer_with_errors_is_unreadable_names_codes_only_and_never_tells_a_waybill_unknown():
    reading = read(reply(("111", [update()]), errors="true", codes=["ERR9"]), "111", "222")
    assert isinstance(reading.trouble, Unreadable)
    assert "ERR9" in str(reading.trouble)
    assert "Lime" not in str(reading.trouble)
    assert (len(reading.scans), reading.missing) == (1, [])


def test_an_element_that_the_carrier_adds_before_the_results_does_no_harm():
    added = reply(("111", [update()])).replace(b"<TrackingResults>", b"<Took>12</Took><TrackingResults>")
    reading = read(added)
    assert (reading.trouble, reading.missing, len(reading.scans)) == (None, [], 1)


@pytest.mark.parametrize("told", [b"", b"<Notifications/>", b"<HasErrors>perhaps</HasErrors>"])
def test_an_answer_that_says_nothing_of_results_never_tells_a_waybill_unknown(told):
    whole = reply(("111", []))
    start, end = whole.index(b"<Notifications>"), whole.index(b"</ShipmentTrackingResponse>")
    reading = read(whole[:start] + told + whole[end:])
    assert isinstance(reading.trouble, Unreadable)
    assert reading.missing == []


def test_an_impossible_time_costs_its_own_waybill_alone():
    reading = read(reply(("111", [update(at="2026-02-30T10:00:00")]), ("222", [update()])), "111", "222")
    assert isinstance(reading.trouble, Unreadable)
    assert [scan.number for scan in reading.scans] == ["222"]


def test_a_bare_day_stays_a_day():
    (scan,) = read(reply(("111", [update(at="2026-11-05")]))).scans
    assert type(scan.at) is date
