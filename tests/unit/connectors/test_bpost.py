"""bpost: states with codes nobody lists, the moment of delivery, and answers that are no item."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import NotFound, Rejected, Unavailable, Unreadable
from normalizer.codes import Meaning
from normalizer.model import Place, Status, Window

CARRIER: Any = connector("bpost")
NUMBER = "323299900000000001234567"
SECRETS = {"account_id": "999123", "passphrase": "sample-word"}
NAMESPACE = "http://schema.post.be/tracking/v1/"


def item(inside: str = "", *states: tuple[str, str], after: str = "") -> bytes:
    listed = "".join(f"<stateInfo><time>{at}</time><stateCode>{code}</stateCode></stateInfo>" for at, code in states)
    told = f"<itemCode>{NUMBER}</itemCode>{inside}{listed}{after}"
    return f'<itemTracking xmlns="{NAMESPACE}">{told}</itemTracking>'.encode()


def read(body: bytes) -> Any:
    now = datetime(2026, 3, 6, tzinfo=UTC)
    return CARRIER.read(Payload(carrier="bpost", body=body, source="poll", received_at=now, numbers=(NUMBER,)))


def meaning(scan: Any) -> Meaning | None:
    found: Meaning | None = CARRIER.codes.look_up(scan.codes, scan.phrase)[1]
    return found


def test_a_state_at_the_moment_of_delivery_is_the_delivery_whatever_its_code_and_no_other_is() -> None:
    states = (("2026-03-04T07:00:00+01:00", "X20"), ("2026-03-04T10:15:00+01:00", "X90"))
    first, last = read(item("<deliveryTime>2026-03-04T09:15:00Z</deliveryTime>", *states)).scans
    assert meaning(first) is None
    assert meaning(last) == Meaning(Status.DELIVERED, "other")


def test_the_items_other_numbers_and_its_day_of_receipt_are_kept() -> None:
    said = "<dateReceipt>2026-03-03</dateReceipt><costCenter>CC-7</costCenter>"
    (told,) = read(item(said, after="<trackingId>abc</trackingId>")).details
    assert told.extra == {"received_on": "2026-03-03", "cost_center": "CC-7", "tracking_id": "abc"}


def test_a_delivery_time_without_a_state_is_kept_and_makes_no_event() -> None:
    reading = read(item("<deliveryTime>2026-03-04T10:15:00+01:00</deliveryTime>", ("2026-03-04T07:00:00+01:00", "X20")))
    assert [meaning(scan) for scan in reading.scans] == [None]
    assert reading.details[0].extra == {"delivered_at": "2026-03-04T10:15:00+01:00"}


def test_a_time_keeps_its_offset_and_a_tie_the_order_of_the_answer() -> None:
    at = "2026-07-01T06:00:00+02:00"
    first, second = read(item("", (at, "X1"), (at, "X2"))).scans
    assert first.at == datetime(2026, 7, 1, 4, tzinfo=UTC)
    assert first.at.utcoffset() == timedelta(hours=2)
    assert (first.order, second.order) == (0, 1)


@pytest.mark.parametrize(
    ("street", "house", "said"),
    [("RUE EXEMPLE", "12", "RUE EXEMPLE 12"), ("", "", None), ("RUE EXEMPLE", "", "RUE EXEMPLE")],
)
def test_a_pickup_point_may_have_an_empty_address(street: str, house: str, said: str | None) -> None:
    point = (
        f"<pickupPoint><id>990001</id><name>SHOP</name><streetName>{street}</streetName>"
        f"<houseNumber>{house}</houseNumber><postalCode/><city/></pickupPoint>"
    )
    (detail,) = read(item("", after=point)).details
    assert detail.pickup_point == Place(facility="SHOP", facility_id="990001", street=said)


@pytest.mark.parametrize(
    ("inside", "window"),
    [
        ("<plannedDeliveryDateWindowStart>2026-03-04T09:00:00Z</plannedDeliveryDateWindowStart>", True),
        ("", False),
    ],
)
def test_a_window_may_be_open_or_empty(inside: str, window: bool) -> None:
    (detail,) = read(item(f"<deliveryTimeWindow>{inside}</deliveryTimeWindow>")).details
    assert detail.eta == (Window(datetime(2026, 3, 4, 9, tzinfo=UTC), None) if window else None)


@pytest.mark.parametrize(
    "body",
    [
        b'<businessException xmlns="urn:any"><code>1</code><message>Jane</message></businessException>',
        b"<itemTracking><itemCode>1</itemCode></itemTracking>",
        b"not xml",
    ],
)
def test_an_answer_that_is_no_item_is_unreadable_and_not_quoted(body: bytes) -> None:
    trouble = read(body).trouble
    assert isinstance(trouble, Unreadable)
    assert "Jane" not in str(trouble)


@pytest.mark.parametrize(
    ("status", "kind", "body", "error"),
    [
        (404, "text/plain", "No item found", NotFound),
        (401, "text/plain", "", Rejected),
        (503, "text/plain", "", Unavailable),
        (200, "text/html", "<!DOCTYPE html><html></html>", Unavailable),
    ],
)
async def test_an_answer_without_an_item_is_told_by_its_kind(
    status: int, kind: str, body: str, error: type[Exception]
) -> None:
    seen: list[httpx.Request] = []

    def wire(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(status, text=body, headers={"content-type": kind})

    async with HttpClient(CARRIER.facts, CARRIER.auth(SECRETS), transport=httpx.MockTransport(wire)) as http:
        with pytest.raises(error):
            await CARRIER.poll(http, ["3232/9"])
    assert seen[0].url.raw_path == b"/services/trackedmail/item/3232%2F9/trackingInfo"
    assert seen[0].headers["authorization"] == "Basic OTk5MTIzOnNhbXBsZS13b3Jk"
