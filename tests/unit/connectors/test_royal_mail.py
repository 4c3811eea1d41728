"""What Royal Mail's answers are read as, and how its refusals are named."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime, timedelta, timezone

import httpx
import pytest

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import NotFound, Unavailable, Unreadable
from normalizer.model import Place, Proof, Status, Window

NOW = datetime(2026, 7, 10, tzinfo=UTC)
SUMMER = timezone(timedelta(hours=1))
MAIL = connector("royal-mail")
SECRETS = {"client_id": "an-id", "client_secret": "a-secret"}
EVENT = {
    "eventCode": "EVKSP",
    "eventName": "Signed",
    "eventDateTime": "2026-07-09T11:42:00+01:00",
    "locationName": "Larkmoor DO",
}


def read(pieces, numbers=("TA1",)):
    body = json.dumps({"mailPieces": pieces}).encode()
    return MAIL.read(Payload(carrier="royal-mail", body=body, source="poll", received_at=NOW, numbers=numbers))


def piece(*events, **more):
    return {"mailPieceId": "0102", "summary": {"oneDBarcode": "TA1"}, "events": list(events), **more}


def test_an_event_keeps_its_offset_and_its_office():
    (scan,) = read(piece(EVENT)).scans
    assert (scan.number, scan.at, scan.codes, scan.place) == (
        "TA1",
        datetime(2026, 7, 9, 11, 42, tzinfo=SUMMER),
        ("EVKSP",),
        Place(facility="Larkmoor DO"),
    )


def test_a_lone_event_counts_as_a_list_of_one():
    assert len(read({**piece(), "events": EVENT}).scans) == 1


def test_the_asked_number_stays_and_the_other_is_a_reference():
    by_unique_id = read(piece(EVENT), numbers=("0102",))
    assert by_unique_id.scans[0].number == "0102"
    assert by_unique_id.details[0].references == ("TA1",)


def test_a_summary_of_two_gives_the_last_event_of_each_and_the_unknown_one_is_missing():
    last = {"oneDBarcode": "TA1", "lastEventCode": "EVNMI", "lastEventDateTime": "2026-07-09T11:42:00+01:00"}
    refused = {"mailPieceId": "TA2", "status": "404", "error": {"errorCode": "E1142", "errorDescription": "unheard of"}}
    reading = read([{"mailPieceId": "0102", "summary": last}, refused], numbers=("TA1", "TA2"))
    assert [(scan.number, scan.codes) for scan in reading.scans] == [("TA1", ("EVNMI",))]
    assert [(one.number, one.text) for one in reading.missing] == [("TA2", "unheard of")]
    assert reading.trouble is None


def test_another_error_of_a_piece_is_no_missing_number():
    reading = read([{"mailPieceId": "TA2", "error": {"errorCode": "E0009"}}])
    assert reading.missing == []
    assert str(reading.trouble) == "Royal Mail answers for a piece with the error E0009"


@pytest.mark.parametrize(
    ("said", "window"),
    [
        ({"date": "2026-07-10"}, Window(date(2026, 7, 10), date(2026, 7, 10))),
        (
            {
                "date": "2026-07-10",
                "startOfEstimatedWindow": "08:00:00+01:00",
                "endOfEstimatedWindow": "11:00:00+01:00",
            },
            Window(datetime(2026, 7, 10, 8, tzinfo=SUMMER), datetime(2026, 7, 10, 11, tzinfo=SUMMER)),
        ),
        ({"startOfEstimatedWindow": "08:00:00+01:00"}, None),
    ],
)
def test_the_promise_is_a_day_or_a_frame_of_that_day(said, window):
    assert read(piece(EVENT, estimatedDelivery=said)).details[0].eta == window


def test_who_signed_and_where_the_image_is_kept():
    (detail,) = read(piece(EVENT, signature={"recipientName": "Pell", "imageId": "77"})).details
    assert (detail.signed_by, detail.proofs) == ("Pell", (Proof(kind="signature", reference="77"),))


@pytest.mark.parametrize(
    ("code", "status", "moves"),
    [
        ("EVGPD", Status.OUT_FOR_DELIVERY, "tells"),
        ("EVKLC", Status.AVAILABLE_FOR_PICKUP, "tells"),
        ("EVKRF", Status.RETURNING, "tells"),
        ("EVRTS", Status.RETURNED, "tells"),
        ("EVNOI", Status.DELIVERED, "informs"),
        ("EVDLS", Status.IN_TRANSIT, "tells"),
        ("EVNKS", Status.IN_TRANSIT, "tells"),
        ("NRDSS", Status.IN_TRANSIT, "informs"),
    ],
)
def test_codes_that_are_easily_misread(code, status, moves):
    meaning = MAIL.codes.codes[code]
    assert (meaning.status, meaning.moves) == (status, moves)


@pytest.mark.parametrize(
    "body", [b"[]", b"null", b"{}", b'{"mailPieces":[]}', b'{"mailPieces":{}}', b'{"mailPieces":[1]}']
)
def test_a_body_of_another_shape_is_unreadable_and_never_empty(body):
    reading = MAIL.read(Payload(carrier="royal-mail", body=body, source="poll", received_at=NOW, numbers=("TA1",)))
    assert (reading.scans, reading.details) == ([], [])
    assert reading.trouble is not None


def client(answer, asked):
    """The real client; only the carrier's end of the wire is played."""

    def carrier(request):
        asked.append(request)
        return answer

    return HttpClient(MAIL.facts, MAIL.auth(SECRETS), transport=httpx.MockTransport(carrier))


async def test_a_poll_asks_for_the_events_of_one_piece_and_accepts_the_terms():
    asked = []
    async with client(httpx.Response(200, content=b"{}"), asked) as http:
        await MAIL.poll(http, ["TA/1"])
    (request,) = asked
    assert str(request.url) == "https://api.royalmail.net/mailpieces/v2/TA%2F1/events"
    assert [request.headers[name] for name in ("X-IBM-Client-Id", "X-IBM-Client-Secret", "X-Accept-RMG-Terms")] == [
        "an-id",
        "a-secret",
        "yes",
    ]


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"errors": [{"errorCode": "E1142"}]}, NotFound),
        (400, {"errors": {"errorCode": "E1308"}}, NotFound),
        (404, {"errors": [{"errorCode": "E1144"}]}, NotFound),
        (404, {"anything": "else"}, NotFound),
        (400, {"errors": [{"errorCode": "E0013"}]}, Unreadable),
        (400, {"httpCode": "400", "moreInformation": "The rate limit is exceeded"}, Unavailable),
        (400, ["no object"], Unreadable),
        (429, {"httpCode": "429"}, Unavailable),
        (200, "<html>", Unavailable),
    ],
)
async def test_a_refusal_is_named_by_what_happens_next(status, body, expected):
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    async with client(httpx.Response(status, content=content), []) as http:
        with pytest.raises(expected):
            await MAIL.poll(http, ["TA1"])


GIF = b"GIF89a\x01\x00"


@pytest.mark.parametrize(
    ("image", "document"),
    [
        ("<svg></svg>", (b"<svg></svg>", "image/svg+xml")),
        (base64.b64encode(GIF).decode(), (GIF, "image/gif")),
    ],
)
async def test_a_signature_comes_as_its_bytes_and_the_kind_the_bytes_tell(image, document):
    asked = []
    answer = {"mailPieces": {"mailPieceId": "0102", "signature": {"imageFormat": "image/png", "image": image}}}
    async with client(httpx.Response(200, json=answer), asked) as http:
        proof = await MAIL.prove(http, "TA1", "77")
    assert (proof.body, proof.media_type) == document
    assert str(asked[0].url) == "https://api.royalmail.net/mailpieces/v2/TA1/signature"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (httpx.Response(200, json={"mailPieces": {"signature": {}}}), NotFound),
        (httpx.Response(404, json={"errors": [{"errorCode": "E1144"}]}), NotFound),
        (httpx.Response(200, json={"mailPieces": {"signature": {"image": "<html>"}}}), Unreadable),
        (httpx.Response(200, json={"mailPieces": {"signature": {"image": "AAAA"}}}), Unreadable),
        (httpx.Response(200, content=b"<html>"), Unreadable),
    ],
)
async def test_what_is_no_image_is_never_handed_out(answer, expected):
    async with client(answer, []) as http:
        with pytest.raises(expected):
            await MAIL.prove(http, "TA1", None)
