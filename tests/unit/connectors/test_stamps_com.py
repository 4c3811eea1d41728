"""Stamps.com: the credentials in the question, event types, and clocks of their places."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from lxml import etree

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import Unavailable, Unreadable
from normalizer.codes import Meaning
from normalizer.model import Missing, Place, Status

CARRIER: Any = connector("stamps-com")
NUMBER = "9400100200300400500008"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
SECRETS = {"integration_id": "i&", "username": "u", "password": "p<"}


def envelope(inside: str) -> bytes:
    return f'<e:Envelope xmlns:e="{SOAP}"><e:Body>{inside}</e:Body></e:Envelope>'.encode()


def event(**said: str) -> str:
    told = {"Timestamp": "2026-03-05T13:20:00", "Event": "Words", "TrackingEventType": "Enroute", "City": "DENVER"}
    told |= {"State": "CO", "Zip": "80202", "Country": "US"} | said
    return "<TrackingEvent>" + "".join(f"<{name}>{value}</{name}>" for name, value in told.items()) + "</TrackingEvent>"


def answer(*events: str, namespace: str = "urn:any") -> bytes:
    listed = f"<TrackingEvents>{''.join(events)}</TrackingEvents>"
    return envelope(f'<TrackShipmentResponse xmlns="{namespace}">{listed}</TrackShipmentResponse>')


def read(body: bytes) -> Any:
    now = datetime(2026, 3, 6, tzinfo=UTC)
    return CARRIER.read(Payload(carrier="stamps-com", body=body, source="poll", received_at=now, numbers=(NUMBER,)))


async def asked(*bodies: tuple[int, bytes]) -> list[httpx.Request]:
    seen: list[httpx.Request] = []

    def wire(request: httpx.Request) -> httpx.Response:
        status, body = bodies[len(seen)]
        seen.append(request)
        return httpx.Response(status, content=body, headers={"content-type": "text/xml"})

    async with HttpClient(CARRIER.facts, CARRIER.auth(SECRETS), transport=httpx.MockTransport(wire)) as http:
        await CARRIER.poll(http, [NUMBER])
    return seen


def fault(kind: str) -> bytes:
    return envelope(f"<e:Fault><faultcode>e:{kind}</faultcode><faultstring>of Jane</faultstring></e:Fault>")


async def test_the_credentials_go_into_the_question() -> None:
    (request,) = await asked((200, answer()))
    root = etree.fromstring(request.content)
    told = [root.findtext(f".//{{*}}{name}") for name in ("IntegrationID", "Username", "Password", "TrackingNumber")]
    assert told == ["i&", "u", "p<", NUMBER]


async def test_a_fault_of_the_other_side_is_tried_later() -> None:
    with pytest.raises(Unavailable):
        await asked((500, fault("Server")))


async def test_a_fault_that_blames_the_question_is_unreadable_and_quotes_nobody() -> None:
    with pytest.raises(Unreadable) as caught:
        await asked((500, fault("Client")))
    assert "Jane" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "meaning"),
    [
        ("OutForDelivery", Meaning(Status.OUT_FOR_DELIVERY, "other")),
        ("NoticeLeft", Meaning(Status.ATTEMPT_FAILED, "recipient_absent")),
        ("Vacant", Meaning(Status.RETURNING, "to_sender")),
        ("DeliveredByAgentToMerchant", Meaning(Status.RETURNED, "received")),
        ("DeliveryStatusNotUpdated", Meaning(Status.IN_TRANSIT, "other", "informs")),
        ("USPS Event", None),
    ],
)
def test_the_event_type_decides(kind: str, meaning: Meaning | None) -> None:
    (scan,) = read(answer(event(TrackingEventType=kind))).scans
    assert CARRIER.codes.look_up(scan.codes)[1] == meaning


def test_a_time_is_the_clock_of_the_place_and_the_number_the_one_asked_about() -> None:
    (scan,) = read(answer(event(SignedBy="J FIELD"))).scans
    assert scan.at == datetime(2026, 3, 5, 13, 20)  # noqa: DTZ001 - the clock on the wall
    assert scan.place == Place(city="DENVER", region="CO", postal_code="80202", country="US")
    assert (scan.number, scan.signed_by) == (NUMBER, "J FIELD")


def test_the_namespace_of_another_version_makes_no_difference() -> None:
    assert read(answer(event(), namespace="urn:v33")).scans == read(answer(event(), namespace="urn:v200")).scans


def test_an_answer_without_events_is_an_unknown_number() -> None:
    assert read(answer()).missing == [Missing(number=NUMBER)]


def test_another_reply_is_unreadable() -> None:
    assert isinstance(read(envelope("<AuthenticateUserResponse/>")).trouble, Unreadable)
