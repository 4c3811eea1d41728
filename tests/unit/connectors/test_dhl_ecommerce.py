"""DHL eCommerce (Americas): packages, clocks, batches and the key in the push address."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Payload, Push
from connectors.client import HttpClient
from connectors.errors import Forged, Unreadable
from normalizer.model import Detail, Missing, Place, Status, Window

CARRIER: Any = connector("dhl-ecommerce")
NUMBER, OTHER = "10020030040050", "60000011122233"
NOW = datetime(2026, 3, 6, tzinfo=UTC)


def read(body: Any, numbers: tuple[str, ...] = (NUMBER,), source: Any = "poll") -> Any:
    return CARRIER.read(
        Payload(carrier="dhl-ecommerce", body=orjson.dumps(body), source=source, received_at=NOW, numbers=numbers)
    )


def event(**said: Any) -> dict[str, Any]:
    return {"date": "2026-03-02", "time": "04:40:12", "primaryEventDescription": "EN ROUTE"} | said


def package(*events: Any, **said: Any) -> dict[str, Any]:
    return {"package": {"trackingId": NUMBER} | said, "events": list(events)}


def only_scan(**said: Any) -> Any:
    (scan,) = read({"packages": [package(event(**said))]}).scans
    return scan


def test_a_zone_without_a_season_is_the_places_zone_and_one_with_a_season_a_fixed_offset() -> None:
    assert (only_scan(timeZone="CT").at, only_scan(timeZone="CT").zone) == (
        datetime(2026, 3, 2, 4, 40, 12),  # noqa: DTZ001 - the clock on the wall
        "America/Chicago",
    )
    summer = only_scan(timeZone="PDT").at
    assert summer.utcoffset() == timedelta(hours=-7)
    assert only_scan(timeZone="XYZ").at.tzinfo is None


def test_a_day_without_a_time_stays_a_day() -> None:
    assert only_scan(time="").at == date(2026, 3, 2)


def test_the_event_id_comes_before_the_words_and_the_secondary_id_before_it() -> None:
    scan = only_scan(primaryEventId=600, secondaryEventId=12, primaryEventDescription="OUT FOR DELIVERY")
    assert scan.codes == ("600/12", "600")
    _, meaning = CARRIER.codes.look_up(scan.codes, scan.phrase)
    assert meaning.status is Status.DELIVERED


def test_words_without_a_known_id_have_a_meaning_only_where_they_are_reviewed() -> None:
    known, other = only_scan(primaryEventDescription="Label created."), only_scan(primaryEventDescription="SPUN AROUND")
    assert CARRIER.codes.look_up(known.codes, known.phrase)[1].status is Status.INFO_RECEIVED
    assert CARRIER.codes.look_up(other.codes, other.phrase) == (None, None)


def test_a_place_in_three_words_is_a_city_and_any_other_text_is_kept_as_it_stands() -> None:
    assert only_scan(location="Reno, NV, US").place == Place(city="Reno", region="NV", country="US")
    assert only_scan(location="RENO HUB").place == Place(facility="RENO HUB")


def test_each_number_asked_about_and_not_answered_is_missing() -> None:
    reading = read({"packages": [package(event())]}, (NUMBER, OTHER))
    assert reading.missing == [Missing(number=OTHER)]
    assert {scan.number for scan in reading.scans} == {NUMBER}


def test_a_package_stands_under_the_identifier_it_was_asked_by() -> None:
    body = {"packages": [package(event(), dhlPackageId="GM6051000020003004", packageId="SO-7001")]}
    reading = read(body, ("SO-7001",))
    assert (reading.scans[0].number, reading.missing) == ("SO-7001", [])
    assert reading.details[0].references == (NUMBER, "GM6051000020003004")


def test_the_whole_package_is_told_without_the_recipients_name() -> None:
    body = package(
        event(), expectedDelivery="2026-03-05", productName="Ground", weight={"value": 1, "unitOfMeasure": "lb"}
    )
    body["recipient"] = {"name": "A Person", "city": "Reno", "state": "NV", "postalCode": "89501", "country": "US"}
    reading = read({"packages": [body]})
    assert reading.details == [
        Detail(
            number=NUMBER,
            eta=Window(date(2026, 3, 5), date(2026, 3, 5)),
            service="Ground",
            weight_grams=454,
            destination=Place(city="Reno", region="NV", postal_code="89501", country="US"),
        )
    ]
    assert "A Person" not in repr(reading)


def test_a_weight_sent_as_a_text_is_read_and_a_country_written_out_is_no_code() -> None:
    body = package(event(), weight={"value": "0.5", "unitOfMeasure": "KG"})
    body["recipient"] = {"city": "Reno", "country": "USA"}
    (detail,) = read({"packages": [body]}).details
    assert (detail.weight_grams, detail.destination) == (500, Place(city="Reno"))


def test_one_poisoned_package_costs_that_package_alone() -> None:
    reading = read({"packages": [package({"date": "soon"}), package(event(), trackingId=OTHER)]}, (NUMBER, OTHER))
    assert isinstance(reading.trouble, Unreadable)
    assert [scan.number for scan in reading.scans] == [OTHER]


def test_a_push_without_the_key_in_its_address_is_forged() -> None:
    CARRIER.verify(Push("POST", {}, {"key": "long-random"}, b"{}", NOW), {"push_key": "long-random"})
    for query, secrets in (({}, {"push_key": "x"}), ({"key": "y"}, {"push_key": "x"}), ({"key": ""}, {})):
        with pytest.raises(Forged):
            CARRIER.verify(Push("POST", {}, query, b"{}", NOW), secrets)


async def test_ten_numbers_go_in_one_call_with_a_token_of_its_own() -> None:
    seen: list[httpx.Request] = []

    def wire(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.path == "/auth/v4/accesstoken":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 3600})
        return httpx.Response(200, json={"packages": []})

    auth = CARRIER.auth({"client_id": "id", "client_secret": "word"})
    async with HttpClient(CARRIER.facts, auth, transport=httpx.MockTransport(wire)) as http:
        await CARRIER.poll(http, [f"1002003004005{last}" for last in range(10)])
    assert dict(httpx.QueryParams(seen[0].content.decode()))["grant_type"] == "client_credentials"
    assert seen[1].headers["authorization"] == "Bearer t"
    assert len(seen[1].url.params["trackingId"].split(",")) == 10
