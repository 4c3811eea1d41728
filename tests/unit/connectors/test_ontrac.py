"""OnTrac: errors are texts inside a 200, local times find their zone by place, a wrong delivery is withdrawn."""

from __future__ import annotations

from datetime import UTC, date, datetime

import httpx
import pytest

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import Rejected, Unavailable, Unreadable
from gateway.reading import document
from normalizer.codes import Meaning
from normalizer.model import Missing, Place, Proof, Status, Window

ONTRAC = connector("ontrac")
NUMBER = "D10020030040051"
SECRETS = {"account": "70001", "password": "sample word"}


def event(code="RD", at="2026-05-06T03:11:27", city="PHOENIX", state="AZ"):
    return (
        f"<Event><Status>{code}</Status><Description>WORDS</Description><EventTime>{at}</EventTime>"
        f"<Facility>Hub</Facility><City>{city}</City><State>{state}</State><Zip>85034</Zip></Event>"
    )


def shipment(*events, **fields):
    told = {"Tracking": NUMBER, "Exp_Del_Date": "2026-05-07T00:00:00", "Weight": "3"} | fields
    rest = "".join(f"<{name}>{value}</{name}>" for name, value in told.items())
    return f"<Shipment><Events>{''.join(events)}</Events>{rest}</Shipment>"


def whole(*shipments, error=""):
    return (
        f"<OnTracTrackingResult><Shipments>{''.join(shipments)}</Shipments><Error>{error}</Error></OnTracTrackingResult>"
    ).encode()


def payload(body, numbers=(NUMBER,)):
    return Payload(
        carrier="ontrac", body=body, source="poll", received_at=datetime(2026, 5, 8, tzinfo=UTC), numbers=numbers
    )


def read(body, numbers=(NUMBER,)):
    return ONTRAC.read(payload(body, numbers))


async def polled(response, numbers=(NUMBER,), **client):
    seen = []

    def handler(request):
        seen.append(request)
        return response

    async with HttpClient(ONTRAC.facts, ONTRAC.auth(SECRETS), transport=httpx.MockTransport(handler), **client) as http:
        return await ONTRAC.poll(http, numbers), seen[0]


async def test_account_and_password_are_put_into_the_address_when_the_request_leaves():
    _, request = await polled(httpx.Response(200, content=whole(shipment())), (NUMBER, "C10020030040052"))
    assert request.url.path == "/OnTracWebServices/OnTracServices.svc/V7/70001/shipments"
    assert dict(request.url.params) == {
        "tn": f"{NUMBER},C10020030040052",
        "requestType": "track",
        "sigFormat": "PNG",
        "pw": "sample word",
    }


async def test_the_test_service_and_an_overridden_address_keep_their_own_paths():
    _, request = await polled(httpx.Response(200, content=whole(shipment())), mode="test")
    assert request.url.path == "/OnTracTestWebServices/OnTracServices.svc/V7/70001/shipments"
    _, request = await polled(httpx.Response(200, content=whole(shipment())), base_url="http://127.0.0.1:9/sim")
    assert str(request.url).startswith("http://127.0.0.1:9/sim/70001/shipments?tn=")


@pytest.mark.parametrize(
    ("error", "kind"),
    [("Invalid Username or Password", Rejected), ("Service Temporarily Unavailable", Unavailable)],
)
async def test_an_error_of_the_whole_answer_stops_the_account_or_waits(error, kind):
    with pytest.raises(kind):
        await polled(httpx.Response(200, content=whole(error=error)))


async def test_a_parcels_own_words_never_stop_the_account():
    said = "Invalid Username or Password"
    answer, _ = await polled(httpx.Response(200, content=whole(shipment(event(), POD=said))))
    assert read(answer.body).details[0].signed_by == said


async def test_a_firewalls_page_is_asked_again_later():
    with pytest.raises(Unavailable):
        await polled(httpx.Response(200, html="<html>Blocked</html>"))


def test_a_number_that_is_not_known_is_missing_wherever_it_is_told():
    unknown = "Invalid Tracking Number"
    expected = [Missing(number=NUMBER, text=unknown)]
    assert read(whole(shipment(Error=unknown))).missing == expected
    assert read(whole(error=unknown)).missing == expected


def test_one_unknown_number_of_a_batch_costs_the_others_nothing():
    reading = read(whole(shipment(Tracking="D10020030040069", Error="Invalid Tracking Number"), shipment(event())))
    assert [one.number for one in reading.missing] == ["D10020030040069"]
    assert [one.number for one in reading.scans] == [NUMBER]
    assert reading.trouble is None


def test_an_error_that_no_document_names_is_unreadable_and_costs_its_parcel_alone():
    reading = read(whole(shipment(Error="Something New"), shipment(event(), Tracking="C10020030040052")))
    assert isinstance(reading.trouble, Unreadable)
    assert [one.number for one in reading.scans] == ["C10020030040052"]
    assert reading.missing == []


@pytest.mark.parametrize("body", [whole(), whole(error="Something New"), b"<Other/>", b"no xml"])
def test_an_answer_without_shipment_and_known_reason_is_unreadable(body):
    reading = read(body)
    assert isinstance(reading.trouble, Unreadable)
    assert (reading.scans, reading.missing) == ([], [])


def test_a_local_time_gets_the_zone_of_its_place_and_never_utc():
    (shown,) = document(ONTRAC, payload(whole(shipment(event()))))["shipments"]
    (one,) = shown["events"]
    assert (one["at"], one["utc_offset"], one["time_basis"]) == ("2026-05-06T10:11:27Z", "-07:00", "place")


def test_a_withdrawn_delivery_is_under_way_again():
    events = event("CL", "2026-05-07T10:00:00"), event("ER", "2026-05-07T15:30:00")
    (shown,) = document(ONTRAC, payload(whole(shipment(*events))))["shipments"]
    assert (shown["status"], shown["delivered_at"]) == ("in_transit", None)


def test_only_er_may_take_a_delivery_back():
    table = ONTRAC.codes.codes
    assert [code for code, meaning in table.items() if meaning.moves == "corrects"] == ["ER"]
    assert table["ER"] == Meaning(Status.IN_TRANSIT, "other", "corrects")


def test_the_parcel_as_a_whole_is_told_without_the_recipient():
    body = whole(shipment(event(), City="TUCSON", State="AZ", Zip="85701", Name="R LINDEN", Addr1="12 SAGUARO WAY",
                          Reference="PO-4411", POD="R LINDEN", Signature="iVBORw0KGgo=", Vpod="iVBORw0KGgo=",
                          Service="C"))  # fmt: skip
    (detail,) = read(body).details
    assert detail.eta == Window(date(2026, 5, 7), date(2026, 5, 7))
    assert detail.destination == Place(city="TUCSON", region="AZ", postal_code="85701", country="US")
    assert (detail.service_code, detail.references, detail.signed_by) == ("C", ("PO-4411",), "R LINDEN")
    assert detail.proofs == (Proof(kind="signature", inline=True), Proof(kind="photo", inline=True))
    assert detail.extra == {"weight": 3.0}
    assert "SAGUARO" not in repr(detail)


def test_a_promised_day_of_the_year_one_was_never_promised():
    (detail,) = read(whole(shipment(event(), Exp_Del_Date="0001-01-01T00:00:00"))).details
    assert detail.eta is None
