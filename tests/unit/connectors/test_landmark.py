"""Landmark Global: the login in the document, clocks, pieces and errors inside a 200."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from lxml import etree

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import Rejected, Unavailable, Unreadable
from normalizer.codes import Meaning
from normalizer.journey import fold, step
from normalizer.model import Detail, Missing, Status
from normalizer.normalize import normalize

CARRIER: Any = connector("landmark")
OWN, THEIRS = "LTN10020030N1", "9400100000000000000004"
NOW = datetime(2026, 3, 6, tzinfo=UTC)


def event(code: str = "225", at: str = "2026-03-02 06:10:00") -> str:
    told = {"Status": "Words", "DateTime": at, "Location": "There", "EventCode": code}
    return "<Event>" + "".join(f"<{name}>{value}</{name}>" for name, value in told.items()) + "</Event>"


def answer(*events: str, own: str = OWN, theirs: str = THEIRS) -> bytes:
    return (
        "<TrackResponse><Result><Success>true</Success><Packages><Package>"
        f"<TrackingNumber>{theirs}</TrackingNumber><LandmarkTrackingNumber>{own}</LandmarkTrackingNumber>"
        f"<Events>{''.join(events)}</Events></Package></Packages></Result></TrackResponse>"
    ).encode()


def errors(message: str) -> bytes:
    return (
        "<TrackResponse><Errors><Error><ErrorCode>E7</ErrorCode>"
        f"<ErrorMessage>{message}</ErrorMessage></Error></Errors></TrackResponse>"
    ).encode()


def read(body: bytes, number: str = OWN) -> Any:
    return CARRIER.read(Payload(carrier="landmark", body=body, source="poll", received_at=NOW, numbers=(number,)))


async def asked(body: bytes, secrets: dict[str, str], number: str = OWN, kind: str = "text/xml") -> list[httpx.Request]:
    seen: list[httpx.Request] = []

    def wire(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=body, headers={"content-type": kind})

    async with HttpClient(CARRIER.facts, CARRIER.auth(secrets), transport=httpx.MockTransport(wire)) as http:
        await CARRIER.poll(http, [number])
    return seen


LOGIN = {"username": "u", "password": "p&<"}


@pytest.mark.parametrize(
    ("code", "status", "substatus"),
    [
        ("50", Status.INFO_RECEIVED, "label_created"),
        ("125", Status.IN_TRANSIT, "customs_cleared"),
        ("135", Status.EXCEPTION, "customs_held"),
        ("300", Status.OUT_FOR_DELIVERY, "other"),
        ("400", Status.ATTEMPT_FAILED, "other"),
        ("410", Status.AVAILABLE_FOR_PICKUP, "other"),
        ("500", Status.DELIVERED, "other"),
        ("550", Status.RETURNING, "in_transit"),
        ("570", Status.RETURNED, "received"),
        ("900", Status.EXCEPTION, "undeliverable"),
    ],
)
def test_a_code_means_what_the_carriers_list_says(code: str, status: Status, substatus: str) -> None:
    assert CARRIER.codes.codes[code] == Meaning(status, substatus)


def test_a_proof_and_a_claim_only_inform() -> None:
    assert {code for code, row in CARRIER.codes.codes.items() if row.moves == "informs"} == {"510", "800"}


@pytest.mark.parametrize(
    ("text", "hour"), [("2026-03-02 00:05:00", 0), ("03/02/2026 12:05 AM", 0), ("03/02/2026 07:05 PM", 19)]
)
def test_both_spellings_of_a_time_are_the_clock_on_the_wall(text: str, hour: int) -> None:
    (scan,) = read(answer(event(at=text))).scans
    assert scan.at == datetime(2026, 3, 2, hour, 5)  # noqa: DTZ001 - the clock on the wall


def test_a_time_of_another_spelling_is_unreadable_and_never_guessed() -> None:
    assert isinstance(read(answer(event(at="2 March 2026"))).trouble, Unreadable)


def test_a_parcel_asked_by_landmarks_number_continues_under_the_end_carriers() -> None:
    assert read(answer(event())).details == [Detail(number=OWN, continues_as=(None, THEIRS))]
    assert read(answer(event()), THEIRS).details == [Detail(number=THEIRS)]


def package(own: str, theirs: str, *events: str) -> str:
    return (
        f"<Package><TrackingNumber>{theirs}</TrackingNumber><LandmarkTrackingNumber>{own}</LandmarkTrackingNumber>"
        f"<Events>{''.join(events)}</Events></Package>"
    )


def packages(*inside: str) -> bytes:
    return (
        f"<TrackResponse><Result><Success>true</Success><Packages>{''.join(inside)}</Packages></Result></TrackResponse>"
    ).encode()


def test_of_several_packages_each_is_a_piece_and_only_the_one_asked_about_gives_the_details() -> None:
    other = "LTN10020031N1"
    reading = read(packages(package(OWN, THEIRS, event()), package(other, other, event("50"))))
    assert [(scan.number, scan.piece) for scan in reading.scans] == [(OWN, OWN), (OWN, other)]
    assert reading.details == [
        Detail(number=OWN, pieces_total=2, pieces=(OWN, other), continues_as=(None, THEIRS)),
    ]


def test_a_package_that_is_delivered_does_not_deliver_the_other_one() -> None:
    body = packages(package(OWN, THEIRS, event("500")), package("LTN10020031N1", "LTN10020031N1", event("225")))
    steps = [
        step(
            normalize(
                scan,
                carrier="landmark",
                codes=CARRIER.codes,
                clock_kind="local",
                carrier_zone="America/Chicago",
                source="poll",
                received_at=NOW,
            )
        )
        for scan in read(body).scans
    ]
    journey = fold(steps)
    assert (journey.status, journey.pieces_seen, journey.pieces_delivered) == (Status.IN_TRANSIT, 2, 1)


def test_the_random_answers_of_a_client_in_test_mode_are_never_told() -> None:
    body = answer(event("500")).replace(b"<Result>", b"<Test>true</Test><Result>")
    reading = read(body)
    assert isinstance(reading.trouble, Unreadable)
    assert reading.scans == []
    assert read(body.replace(b"<Test>true", b"<Test>false")).trouble is None


async def test_an_account_in_test_mode_is_stopped_and_its_owner_told() -> None:
    with pytest.raises(Rejected):
        await asked(answer(event("500")).replace(b"<Result>", b"<Test>true</Test><Result>"), LOGIN)


def test_an_error_that_ends_in_not_found_is_an_unknown_number_and_any_other_is_unreadable() -> None:
    assert read(errors("Tracking number not found.")).missing == [Missing(number=OWN)]
    trouble = read(errors("Something about Jane Example")).trouble
    assert isinstance(trouble, Unreadable)
    assert "E7" in str(trouble)
    assert "Jane" not in str(trouble)


def test_an_element_our_question_lacks_is_no_unknown_number() -> None:
    reading = read(errors("Required element TrackingNumber not found"))
    assert isinstance(reading.trouble, Unreadable)
    assert reading.missing == []


async def test_the_login_goes_into_the_document_and_an_absent_client_is_left_out() -> None:
    (request,) = await asked(answer(event()), LOGIN, 'LTN"<&')
    document = etree.fromstring(parse_qs(request.content.decode())["RQXML"][0].encode())
    assert document.findtext("Login/Password") == "p&<"
    assert document.find("ClientID") is None
    assert document.findtext("TrackingNumber") == 'LTN"<&'
    assert int(request.headers["content-length"]) == len(request.content)


@pytest.mark.parametrize(
    "message",
    [
        "The username/password combination provided is invalid",
        "User sample does not have permissions to this API",
        "Unable to determine desired client for this user",
        "Required element Login not found",
    ],
)
async def test_a_documented_message_about_the_account_stops_it(message: str) -> None:
    with pytest.raises(Rejected):
        await asked(errors(message), LOGIN)


async def test_a_web_page_is_no_answer() -> None:
    with pytest.raises(Unavailable):
        await asked(b"<html></html>", LOGIN, kind="text/html")
