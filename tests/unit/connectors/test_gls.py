"""What GLS's answers are read as: events, the present status beside them, errors of single parcels."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import httpx
import pytest

from connectors import connector
from connectors.auth import TokenCache
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import NotFound, Unavailable
from gateway.reading import document
from normalizer.model import Place, Status

NOW = datetime(2026, 7, 10, tzinfo=UTC)
SUMMER = timezone(timedelta(hours=2))
GLS = connector("gls")


def payload(body, numbers=("1",)):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Payload(carrier="gls", body=content, source="poll", received_at=NOW, numbers=numbers)


def read(*parcels):
    return GLS.read(payload({"parcels": list(parcels)}))


def event(code="INTIAL.NORMAL", at="2026-07-08T17:40:00+0200", **more):
    return {"code": code, "description": "Words", "eventDateTime": at, "city": "", "country": "DE"} | more


def parcel(status, *events, number="1", at="2026-07-09T14:22:10+0200", **more):
    return {
        "requested": number,
        "unitno": number,
        "status": status,
        "statusDateTime": at,
        "events": list(events),
    } | more


def test_the_present_status_is_a_scan_beside_the_events():
    scans = read(parcel("DELIVERED", event(city="Kassel", postalCode="34117"))).scans
    assert [scan.codes for scan in scans] == [("INTIAL.NORMAL",), ("status/DELIVERED",)]
    assert [scan.at for scan in scans] == [
        datetime(2026, 7, 8, 17, 40, tzinfo=SUMMER),
        datetime(2026, 7, 9, 14, 22, 10, tzinfo=SUMMER),
    ]
    assert [scan.place for scan in scans] == [Place(city="Kassel", postal_code="34117", country="DE"), Place()]


def test_at_one_instant_the_status_comes_after_its_event_and_newest_comes_first():
    at = "2026-07-09T14:22:10+0200"
    scans = read(parcel("DELIVEREDPS", event("DELIVD.PARCELSHOP", at), event(at=at))).scans
    assert [(scan.codes[0], scan.order) for scan in scans] == [
        ("DELIVD.PARCELSHOP", 1),
        ("INTIAL.NORMAL", 0),
        ("status/DELIVEREDPS", 2),
    ]


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ("PREADVICE", "info_received"),
        ("INDELIVERY", "out_for_delivery"),
        ("DELIVEREDPS", "available_for_pickup"),
        ("NOTDELIVERED", "attempt_failed"),
        ("CANCELED", "cancelled"),
    ],
)
def test_a_parcel_whose_events_have_no_rows_has_the_status_it_is_said_to_have(status, shown):
    told = parcel(status, event("QQQ.Q"))
    (shipment,) = document(GLS, payload({"parcels": [told]}))["shipments"]
    assert shipment["status"] == shown


def test_an_unknown_parcel_is_missing_and_another_error_costs_that_parcel_alone():
    reading = read(
        {"requested": "7", "errorCode": "E_404_01", "errorMessage": "Nothing"},
        {"requested": "8", "errorCode": "E_500_01"},
        parcel("INTRANSIT", number="9"),
    )
    assert [(one.number, one.text) for one in reading.missing] == [("7", "Nothing")]
    assert [scan.number for scan in reading.scans] == ["9"]
    assert str(reading.trouble) == "GLS answers for a parcel with the error E_500_01"


def test_parcels_of_one_card_are_its_pieces():
    reading = read(parcel("DELIVERED", number="C", unitno="1"), parcel("INTRANSIT", event(), number="C", unitno="2"))
    assert [(scan.number, scan.piece) for scan in reading.scans] == [("C", "1"), ("C", "2"), ("C", "2")]
    assert {detail.pieces_total for detail in reading.details} == {2}


def test_a_parcel_found_by_its_track_id_keeps_its_number_as_a_reference():
    (detail,) = read(parcel("INTRANSIT", number="QX41ZT7K", unitno="100")).details
    assert (detail.number, detail.references) == ("QX41ZT7K", ("100",))


def test_a_day_on_the_vehicle_between_two_questions_is_told_by_its_event():
    events = [event("DELIVD.NORMAL"), event("OUTDEL.NORMAL"), event("INBOUD.NORMAL"), event("OUTBOD.NORMAL")]
    told = [GLS.codes.look_up(scan.codes)[1] for scan in read(parcel("DELIVERED", *events)).scans[:4]]
    assert [(one.status.value, one.substatus) for one in told if one] == [
        ("delivered", "other"),
        ("out_for_delivery", "on_route"),
        ("in_transit", "arrived"),
        ("in_transit", "departed"),
    ]


def test_a_closed_history_moves_nothing():
    assert (GLS.codes.codes["status/FINAL"].moves, GLS.codes.codes["status/DELIVERED"].status) == (
        "informs",
        Status.DELIVERED,
    )


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b'{"parcels":[]}', b'{"parcels":[1]}', b'{"parcels":[{}]}'])
def test_a_body_of_another_shape_is_unreadable_and_never_empty(body):
    reading = GLS.read(payload(body))
    assert (reading.scans, reading.details, reading.missing) == ([], [], [])
    assert reading.trouble is not None


def client(answer, asked):
    """The real client; only the carrier's end of the wire is played."""

    def carrier(request):
        asked.append(request)
        if request.url.path == "/oauth2/v2/token":
            return httpx.Response(200, json={"access_token": "t", "expires_in": "14399"})
        return answer

    auth = GLS.auth({"client_id": "i", "client_secret": "s"})
    auth._cache = TokenCache()
    return HttpClient(GLS.facts, auth, transport=httpx.MockTransport(carrier))


async def test_ten_parcels_go_in_one_question_with_a_token():
    asked = []
    numbers = [f"1002003004{at}" for at in range(10)]
    async with client(httpx.Response(200, json={}), asked) as http:
        await GLS.poll(http, numbers)
    token, request = asked
    assert (token.method, str(token.url), token.content) == (
        "POST",
        "https://api.gls-group.net/oauth2/v2/token",
        b"grant_type=client_credentials",
    )
    assert token.headers["Authorization"] == "Basic aTpz"
    assert str(request.url) == (
        f"https://api.gls-group.net/track-and-trace-v1/tracking/simple/references/{','.join(numbers)}"
    )
    assert (request.headers["Authorization"], request.headers["Accept-Language"]) == ("Bearer t", "EN")


@pytest.mark.parametrize("body", [b'{"parcels":[{"errorCode":"E_500_01"},{}]}', b'"E_500_01"', b"E_500_01"])
async def test_trouble_with_some_parcels_is_handed_over_with_the_rest(body):
    async with client(httpx.Response(200, content=body), []) as http:
        assert (await GLS.poll(http, ["1", "2"])).body == body


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (httpx.Response(200, content=b"<html>"), Unavailable),
        (httpx.Response(200, json={"parcels": [{"requested": "1", "errorCode": "E_500_01"}]}), Unavailable),
        (httpx.Response(400, json={"status": 400}), NotFound),
        (httpx.Response(429, json={"fault": {"faultstring": "x"}}), Unavailable),
    ],
)
async def test_a_refusal_is_named_by_what_happens_next(refusal, expected):
    async with client(refusal, []) as http:
        with pytest.raises(expected):
            await GLS.poll(http, ["1"])
