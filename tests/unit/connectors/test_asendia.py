"""Asendia: the login, the path the account names, and a parcel's events."""

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
from normalizer.model import Missing, Place, Status

CARRIER: Any = connector("asendia")
NUMBER = "ASD555000444"
SECRETS = {"username": "u", "password": "p", "path": "/v1/here"}


def event(code: str | None = "IT") -> dict[str, Any]:
    told = {"id": 2, "code": code, "time": "2026-03-02T09:15:00Z", "locationName": "Zurich", "locationCountry": "CH"}
    return told | {"carrierEventDescription": "Words"}


def parcel(*events: Any) -> dict[str, Any]:
    return {"trackingNumber": NUMBER, "trackingEvents": list(events)}


def read(body: Any) -> Any:
    now = datetime(2026, 3, 6, tzinfo=UTC)
    return CARRIER.read(
        Payload(carrier="asendia", body=orjson.dumps(body), source="poll", received_at=now, numbers=(NUMBER,))
    )


async def asked(login: httpx.Response, secrets: dict[str, str]) -> list[httpx.Request]:
    seen: list[httpx.Request] = []

    def wire(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return login if request.url.path == "/api/authenticate" else httpx.Response(200, json=parcel())

    async with HttpClient(CARRIER.facts, CARRIER.auth(secrets), transport=httpx.MockTransport(wire)) as http:
        await CARRIER.poll(http, [NUMBER])
    return seen


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("PU", Meaning(Status.IN_TRANSIT, "picked_up")),
        ("IT", Meaning(Status.IN_TRANSIT, "other")),
        ("DL", Meaning(Status.DELIVERED, "other")),
        ("ZQ", None),
        (None, None),
    ],
)
def test_the_code_decides_and_words_never_do(code: str | None, meaning: Meaning | None) -> None:
    (scan,) = read(parcel(event(code) | {"carrierEventDescription": "Delivered"})).scans
    assert CARRIER.codes.look_up(scan.codes, scan.phrase)[1] == meaning


def test_an_event_is_at_its_city_and_the_later_stands_below() -> None:
    first, second = read(parcel(event("PU"), event())).scans
    assert first.at == datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
    assert first.place == Place(city="Zurich", country="CH")
    assert (first.order, second.order, first.event_id) == (0, 1, None)


def test_a_list_of_parcels_reads_as_a_parcel_does() -> None:
    assert read([parcel(event())]).scans == read(parcel(event())).scans


def test_a_parcel_without_events_and_an_empty_list_are_missing() -> None:
    assert read(parcel()).missing == [Missing(number=NUMBER)]
    assert read([]).missing == [Missing(number=NUMBER)]


@pytest.mark.parametrize("body", ["text", 7, None, {"detail": "a problem"}])
def test_anything_else_is_unreadable(body: Any) -> None:
    assert isinstance(read(body).trouble, Unreadable)


async def test_the_login_is_two_words_and_its_token_opens_the_path_the_account_names() -> None:
    login, question = await asked(httpx.Response(200, json={"id_token": "t"}), SECRETS)
    assert orjson.loads(login.content) == {"username": "u", "password": "p"}
    assert question.url.raw_path == b"/v1/here"
    assert question.headers["authorization"] == "Bearer t"
    assert orjson.loads(question.content) == {"trackingNumbers": [NUMBER]}


async def test_the_tokens_name_may_be_the_accounts_own() -> None:
    secrets = SECRETS | {"username": "other", "token_field": "jwt"}
    _, question = await asked(httpx.Response(200, json={"jwt": "t2"}), secrets)
    assert question.headers["authorization"] == "Bearer t2"


async def test_a_refused_login_stops_the_account() -> None:
    with pytest.raises(Rejected):
        await asked(httpx.Response(401), SECRETS | {"username": "wrong"})
