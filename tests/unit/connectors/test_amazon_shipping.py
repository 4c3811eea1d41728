"""Amazon Shipping: legs, detail codes, proofs, and the token in its own header."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import Rejected, Unreadable
from normalizer.codes import Meaning
from normalizer.model import Detail, Place, Proof, Status, Window
from normalizer.normalize import normalize

CARRIER: Any = connector("amazon-shipping")
NUMBER = "TBA100200300400"
NOW = datetime(2026, 3, 6, tzinfo=UTC)
DETAILS = [
    "BusinessClosed",
    "CustomerUnavailable",
    "PaymentNotReady",
    "OtpNotAvailable",
    "DeliveryAttempted",
    "UnableToAccess",
    "UnableToContactRecipient",
    "Damaged",
    "IncorrectItems",
    "NotRequired",
    "Rejected",
    "RejectedByRecipientWithVerification",
    "CancelledByRecipient",
    "AddressNotFound",
    "HazmatShipment",
    "Undeliverable",
    "ArrivedAtLocalFacility",
]


def event(code: str = "Departed", leg: str = "FORWARD", at: str = "2026-03-04T22:10:00Z") -> dict[str, Any]:
    return {"eventCode": code, "eventTime": at, "shipmentType": leg, "location": {"city": "Leeds", "countryCode": "GB"}}


def answer(*events: Any, forward: Any = (), **more: Any) -> dict[str, Any]:
    summary = {"trackingDetailCodes": {"forward": list(forward), "returns": []}, **more.pop("summary", {})}
    return {"trackingId": NUMBER, "eventHistory": list(events), "summary": summary, **more}


def read(body: Any) -> Any:
    return CARRIER.read(
        Payload(carrier="amazon-shipping", body=orjson.dumps(body), source="poll", received_at=NOW, numbers=(NUMBER,))
    )


def meaning(scan: Any) -> Meaning | None:
    found: Meaning | None = CARRIER.codes.look_up(scan.codes)[1]
    return found


def test_a_delivery_on_the_way_back_is_a_return_to_the_sender() -> None:
    (scan,) = read(answer(event("Delivered", "RETURNS"))).scans
    made = normalize(
        scan,
        carrier="amazon-shipping",
        codes=CARRIER.codes,
        clock_kind="utc",
        carrier_zone=None,
        source="poll",
        received_at=NOW,
    )
    assert (made.status, made.returning) == (Status.RETURNED, True)


def test_detail_codes_refine_a_delivery_and_nothing_else() -> None:
    delivered, attempted = read(
        answer(event("Delivered"), event("DeliveryAttempted"), forward=["DeliveredToNeighbor"])
    ).scans
    assert meaning(delivered) == Meaning(Status.DELIVERED, "to_neighbour")
    assert attempted.codes == ("DeliveryAttempted",)


def test_a_detail_code_that_tells_of_no_delivery_leaves_the_delivery_plain() -> None:
    for detail in DETAILS:
        (scan,) = read(answer(event("Delivered"), forward=[detail])).scans
        assert meaning(scan) == Meaning(Status.DELIVERED, "other")


def test_every_detail_code_is_kept() -> None:
    (told,) = read(answer(event(), forward=DETAILS)).details
    assert told.extra == {"detail_codes": {"forward": DETAILS, "returns": []}}


def test_the_whole_parcel_is_told_with_an_open_promise_and_the_number_of_its_return() -> None:
    proof = {
        "deliveryLocationCoordinates": {"latitude": 53.8, "longitude": -1.5},
        "deliveryImageURL": "https://images.example/1",
        "receivedBy": "R FENN",
    }
    reading = read(
        answer(
            event("Delivered"),
            promisedDeliveryDate="2026-03-05T20:00:00Z",
            alternateLegTrackingId="TBA100200300499",
            summary={"proofOfDelivery": proof},
        )
    )
    assert reading.details == [
        Detail(
            number=NUMBER,
            eta=Window(None, datetime(2026, 3, 5, 20, tzinfo=UTC)),
            signed_by="R FENN",
            proofs=(Proof(kind="photo", reference="https://images.example/1"),),
            returns_as="TBA100200300499",
        )
    ]
    assert reading.scans[0].place == Place(city="Leeds", country="GB", latitude=53.8, longitude=-1.5)


def test_the_answer_reads_the_same_with_payload_around_it() -> None:
    plain = answer(event(), event("PickupDone"))
    assert read({"payload": plain}).scans == read(plain).scans


def test_a_number_without_events_is_known_all_the_same_for_an_unknown_one_is_a_404() -> None:
    reading = read(answer(promisedDeliveryDate="2026-03-05T20:00:00Z"))
    assert (reading.missing, reading.scans, reading.trouble) == ([], [], None)
    assert reading.details[0].eta == Window(None, datetime(2026, 3, 5, 20, tzinfo=UTC))


def test_errors_inside_an_answer_are_unreadable_by_their_codes() -> None:
    trouble = read({"payload": {"errors": [{"code": "InternalFailure", "message": "of Jane"}]}}).trouble
    assert isinstance(trouble, Unreadable)
    assert "InternalFailure" in str(trouble)
    assert "Jane" not in str(trouble)


async def test_the_token_stands_bare_in_its_own_header_beside_the_business() -> None:
    seen: list[httpx.Request] = []

    def wire(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.path == "/auth/o2/token":
            return httpx.Response(200, json={"access_token": "the-token", "expires_in": 3600})
        return httpx.Response(200, json=answer())

    auth = CARRIER.auth({"client_id": "i", "client_secret": "s", "refresh_token": "r"})
    async with HttpClient(CARRIER.facts, auth, transport=httpx.MockTransport(wire)) as http:
        await CARRIER.poll(http, [NUMBER])
    form = dict(httpx.QueryParams(seen[0].content.decode()))
    assert form == {"grant_type": "refresh_token", "client_id": "i", "client_secret": "s", "refresh_token": "r"}
    assert str(seen[0].url) == "https://api.amazon.com/auth/o2/token"
    assert seen[1].headers["x-amz-access-token"] == "the-token"
    assert seen[1].headers["x-amzn-shipping-business-id"] == "AmazonShipping_UK"
    assert "authorization" not in seen[1].headers


async def asked_until(*answers: httpx.Response) -> list[str | None]:
    """Ask once; return the tokens that were shown, a wire that hands out t1, t2 ... behind."""
    shown: list[str | None] = []
    waiting, tokens = list(answers), iter(("t1", "t2", "t3"))

    def wire(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/o2/token":
            return httpx.Response(200, json={"access_token": next(tokens), "expires_in": 3600})
        shown.append(request.headers.get("x-amz-access-token"))
        return waiting.pop(0)

    auth = CARRIER.auth({"client_id": "i", "client_secret": "s", "refresh_token": "r"})
    async with HttpClient(CARRIER.facts, auth, transport=httpx.MockTransport(wire)) as http:
        try:
            await CARRIER.poll(http, [NUMBER])
        finally:
            assert not waiting
    return shown


async def test_an_expired_token_is_a_403_and_renewed_once() -> None:
    assert await asked_until(httpx.Response(403), httpx.Response(200, json=answer())) == ["t1", "t2"]


async def test_a_fresh_token_that_is_forbidden_stops_the_account() -> None:
    with pytest.raises(Rejected):
        await asked_until(httpx.Response(403), httpx.Response(403))
