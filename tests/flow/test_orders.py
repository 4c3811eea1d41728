"""Orders over the API: one journey of the shop's own events and of all parcels, there and back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from flow.conftest import demo_push

from gateway import shipments

pytestmark = pytest.mark.both_databases

LINES = [{"sku": "shirt", "title": "Shirt", "quantity": 2}, {"sku": "socks", "quantity": 1}]
RECIPIENT = {"name": "Ines Example", "email": "ines@example.org", "postal_code": "4000-001"}


async def order(house, number="A-1", **more):
    made = await house.call("POST", "/v1/orders", {"order_number": number, "placed_at": "2026-11-01T08:00:00Z"} | more)
    assert made.status == 201, made.body
    return made.json["id"]


async def seen(house, order_id):
    answer = await house.call("GET", f"/v1/orders/{order_id}")
    assert answer.status == 200, answer.body
    return answer.json


async def told(house, family="order."):
    messages = (await house.call("GET", "/v1/messages?limit=200")).json["data"]
    return [one["type"] for one in reversed(messages) if one["type"].startswith(family)]


async def test_a_new_number_answers_201_and_the_same_again_200_with_the_same_id(house):
    wish = {"order_number": "A-1", "lines": LINES, "recipient": RECIPIENT, "metadata": {"channel": "web"}}
    first = await house.call("POST", "/v1/orders", wish)
    again = await house.call("POST", "/v1/orders", {"order_number": "A-1"})
    assert (first.status, again.status) == (201, 200)
    assert first.json == again.json
    assert first.headers["Location"] == f"/v1/orders/{first.json['id']}"
    assert (first.json["status"], first.json["substatus"], first.json["version"]) == ("ordered", "placed", 1)
    assert [(line["id"], line["ordered"], line["shipped"]) for line in first.json["lines"]] == [
        ("shirt", 2, 0),
        ("socks", 1, 0),
    ]
    assert await told(house) == ["order.ordered"]


async def test_the_recipient_is_sealed_and_shown_only_alone(house):
    order_id = await order(house, recipient=RECIPIENT)
    assert (await seen(house, order_id))["recipient"] == RECIPIENT
    assert b"Ines" not in (await house.call("GET", "/v1/orders")).body
    messages = (await house.call("GET", "/v1/messages")).json["data"]
    message = await house.call("GET", f"/v1/messages/{messages[0]['id']}")
    assert b"Ines" not in message.body
    raw = await house.gateway.store.read(
        lambda conn: conn.exec_driver_sql("select recipient, state from merchant_order").one()
    )
    assert b"Ines" not in raw[0] + raw[1]


async def test_an_order_follows_its_parcels_and_tells_of_each_change_once(house):
    account_id = await house.demo_account()
    order_id = await order(house)
    await house.shipment("DEMO100200302", order_number="A-1")
    await house.shipment("DEMO770044006", order_number="A-1")
    start = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds")
    for number, *codes in (
        ("DEMO100200302", "PICKED_UP"),
        ("DEMO770044006", "PICKED_UP", "OUT", "DELIVERED"),
        ("DEMO100200302", "PICKED_UP", "OUT", "DELIVERED"),
        ("DEMO100200302", "PICKED_UP", "OUT", "DELIVERED"),
    ):
        assert (await house.push(account_id, demo_push(number, *codes, start=start))).status == 200
        await house.read_all()
    found = await seen(house, order_id)
    assert found["status"] == "delivered"
    assert [one["status"] for one in found["shipments"]] == ["delivered", "delivered"]
    types = await told(house)
    assert types == [
        "order.ordered",
        "order.partially_shipped",
        "order.in_transit",
        "order.partially_delivered",
        "order.out_for_delivery",
        "order.delivered",
    ]
    messages = (await house.call("GET", f"/v1/messages?order_id={order_id}")).json["data"]
    assert [one["type"] for one in messages][::-1] == await told(house)
    assert {one["order_id"] for one in messages} == {order_id}
    assert {one["shipment_id"] for one in messages} == {None}
    body = (await house.call("GET", f"/v1/messages/{messages[0]['id']}")).json["body"]
    assert body["data"]["previous"] == {"status": "out_for_delivery"}
    assert body["data"]["shipment"]["status"] == "delivered"
    assert body["data"]["order"]["status"] == "delivered"
    assert body["shipment_version"] == body["data"]["order"]["version"] == found["version"]


async def test_parcels_known_before_their_order_belong_to_it(house):
    account_id = await house.demo_account()
    await house.shipment("DEMO100200302", order_number="A-1")
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")
    found = await seen(house, await order(house))
    assert found["status"] == "in_transit"
    assert await told(house) == ["order.ordered", "order.in_transit"]


async def test_lines_say_whether_all_was_sent(house):
    account_id = await house.demo_account()
    order_id = await order(house, lines=LINES)
    await house.shipment("DEMO100200302", order_number="A-1", items=[{"line": "shirt", "quantity": 2}])
    await house.tell(account_id, "DEMO100200302", "PICKED_UP", "DELIVERED")
    found = await seen(house, order_id)
    assert found["status"] == "partially_delivered"
    assert [(line["id"], line["shipped"], line["delivered"]) for line in found["lines"]] == [
        ("shirt", 2, 2),
        ("socks", 0, 0),
    ]
    gone = {
        "status": "cancelled",
        "at": "2026-11-20T10:00:00Z",
        "items": [{"line": "socks"}],
        "substatus": "by_merchant",
    }
    assert (await house.call("POST", f"/v1/orders/{order_id}/events", gone)).status == 201
    assert (await seen(house, order_id))["status"] == "delivered"


async def test_a_return_goes_from_the_wish_to_the_money(house):
    account_id = await house.demo_account()
    order_id = await order(house, lines=LINES)
    await house.shipment("DEMO100200302", order_number="A-1")
    await house.tell(account_id, "DEMO100200302", "PICKED_UP", "DELIVERED")
    path = f"/v1/orders/{order_id}"
    wish = {
        "id": "RMA-7",
        "reason": "too small",
        "at": "2026-11-10T09:00:00Z",
        "items": [{"line": "shirt"}],
        "shipment": {"tracking_number": "DEMO770044006"},
    }
    made = await house.call("POST", f"{path}/returns", wish)
    again = await house.call("POST", f"{path}/returns", wish)
    assert (made.status, again.status) == (201, 200), made.body
    assert made.json == again.json
    shipment_id = made.json["shipments"][0]
    assert made.json["reason"] == "too small"
    assert made.json["items"] == [{"line": "shirt", "quantity": 1}]
    back = (await house.call("GET", f"/v1/shipments/{shipment_id}")).json
    assert (back["direction"], back["order_number"]) == ("return", "A-1")
    for status, substatus in (("returned", "inspected"), ("refunded", "refunded")):
        event = {"status": status, "substatus": substatus, "at": "2026-11-20T09:00:00Z", "return_id": "RMA-7"}
        assert (await house.call("POST", f"{path}/events", event)).status == 201
    found = await seen(house, order_id)
    assert (found["status"], found["returns"][0]["status"]) == ("partially_refunded", "refunded")
    assert await told(house) == ["order.ordered", "order.in_transit", "order.delivered", "order.returning",
                                 "order.partially_returned", "order.partially_refunded"]  # fmt: skip
    listed = (await house.call("GET", f"{path}/events")).json["data"]
    assert [one["substatus"] for one in listed] == [
        "placed",
        "requested",
        "inspected",
        "refunded",
    ]


async def test_an_event_told_twice_is_one_event(house):
    order_id = await order(house)
    event = {"status": "ordered", "substatus": "packed", "at": "2026-11-02T08:00:00Z"}
    first = await house.call("POST", f"/v1/orders/{order_id}/events", event)
    again = await house.call("POST", f"/v1/orders/{order_id}/events", event)
    assert first.json["id"] == again.json["id"]
    assert len((await house.call("GET", f"/v1/orders/{order_id}/events")).json["data"]) == 2
    assert (await seen(house, order_id))["substatus"] == "packed"
    assert await told(house) == ["order.ordered"]


async def test_a_parcel_that_changes_its_order_changes_both(house):
    account_id = await house.demo_account()
    one, two = await order(house, "A-1"), await order(house, "A-2")
    shipment_id = await house.shipment("DEMO100200302", order_number="A-1")
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")
    await house.call("PATCH", f"/v1/shipments/{shipment_id}", {"order_number": "A-2"})
    assert (await seen(house, one))["status"] == "ordered"
    assert (await seen(house, two))["status"] == "in_transit"
    assert [one["id"] for one in (await seen(house, two))["shipments"]] == [shipment_id]


async def test_a_parcel_without_an_order_joins_the_one_it_is_registered_with_again(house):
    order_id = await order(house)
    shipment_id = await house.shipment("DEMO100200302")
    again = await house.call(
        "POST", "/v1/shipments", {"tracking_number": "DEMO100200302", "carrier": "demo", "order_number": "A-1"}
    )
    assert (again.status, again.json["id"], again.json["order_number"]) == (200, shipment_id, "A-1")
    assert [one["id"] for one in (await seen(house, order_id))["shipments"]] == [shipment_id]


async def test_an_order_is_corrected_and_folded_anew(house):
    account_id = await house.demo_account()
    order_id = await order(house, lines=LINES)
    await house.shipment("DEMO100200302", order_number="A-1", items=[{"line": "shirt", "quantity": 2}])
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")
    assert (await seen(house, order_id))["status"] == "partially_shipped"
    changed = await house.call("PATCH", f"/v1/orders/{order_id}", {"lines": LINES[:1], "metadata": {"vip": True}})
    assert (changed.json["status"], changed.json["metadata"]) == ("in_transit", {"vip": True})


async def test_orders_are_found_by_number_status_and_time_page_by_page(house):
    ids = [await order(house, f"A-{index}") for index in range(5)]
    await house.call(
        "POST",
        f"/v1/orders/{ids[2]}/events",
        {"status": "cancelled", "at": "2026-11-03T08:00:00Z", "substatus": "by_merchant"},
    )
    (one,) = (await house.call("GET", "/v1/orders?order_number=A-3")).json["data"]
    assert one["id"] == ids[3]
    (gone,) = (await house.call("GET", "/v1/orders?status=cancelled")).json["data"]
    assert gone["id"] == ids[2]
    assert (await house.call("GET", "/v1/orders?updated_since=2100-01-01T00:00:00Z")).json["data"] == []
    found, cursor = [], ""
    while cursor is not None:
        page = (await house.call("GET", f"/v1/orders?limit=2&cursor={cursor}")).json
        found += [order["id"] for order in page["data"]]
        cursor = page["next_cursor"]
    assert sorted(found) == sorted(ids)
    assert found[0] == ids[2]


async def test_a_wrong_field_is_named(house):
    order_id = await order(house, lines=LINES)
    path = f"/v1/orders/{order_id}"
    at = {"at": "2026-11-03T08:00:00Z"}
    for where, body, pointers in (
        ("/v1/orders", {}, ["/order_number"]),
        ("/v1/orders", {"order_number": "x", "lines": [{"quantity": 0}]}, ["/lines/0/quantity"]),
        ("/v1/orders", {"order_number": "x", "lines": [{"sku": "a"}, {"sku": "a"}]}, [""]),
        ("/v1/orders", {"order_number": "x", "placed_at": "yesterday"}, ["/placed_at"]),
        (f"{path}/events", {"status": "pending"} | at, ["/status"]),
        (f"{path}/events", {"status": "ordered", "substatus": "arrived"} | at, ["/substatus"]),
        (f"{path}/events", {"status": "ordered", "at": "2099-01-01T00:00:00Z"}, ["/at"]),
        (f"{path}/events", {"status": "returning", "items": [{"line": "hat"}]} | at, ["/items/0/line"]),
        (f"{path}/events", {"status": "returned", "return_id": " "} | at, ["/return_id"]),
        (f"{path}/returns", {"items": [{"line": "hat"}]}, ["/items/0/line"]),
        (f"{path}/returns", {"items": [{"line": "shirt", "quantity": 3}]}, ["/items/0/quantity"]),
        (f"{path}/returns", {"items": [{"line": "shirt", "quantity": 2}] * 2}, ["/items/1/quantity"]),
        (f"{path}/returns", {"id": " "}, ["/id"]),
        (f"{path}/returns", {"shipment": {"tracking_number": "ABC"}}, ["/shipment/carrier"]),
        ("/v1/shipments", {"tracking_number": "DEMO100200302", "items": [{"line": "shirt"}]}, [""]),
    ):
        answer = await house.call("POST", where, body)
        assert (answer.status, answer.pointers) == (422, pointers), (where, body, answer.body)


async def test_what_is_wrong_is_said_in_plain_words(house):
    blank = await house.call("POST", "/v1/orders", {"order_number": " "})
    assert blank.json["detail"] == "/order_number: is blank"


async def test_a_return_is_one_with_or_without_blanks_round_its_id_and_since_it_was_asked_for(house):
    path = f"/v1/orders/{await order(house)}"
    made = await house.call("POST", f"{path}/returns", {"id": " RMA-7 ", "at": "2026-11-03T08:00:00Z"})
    assert (made.json["id"], made.json["since"]) == ("RMA-7", "2026-11-03T08:00:00Z")
    event = {"status": "returned", "substatus": "inspected", "at": "2026-11-05T08:00:00Z", "return_id": "RMA-7 "}
    await house.call("POST", f"{path}/events", event)
    (back,) = (await house.call("GET", path)).json["returns"]
    assert (back["status"], back["substatus"], back["since"]) == ("returned", "inspected", "2026-11-05T08:00:00Z")


async def test_a_parcel_on_its_way_out_or_of_another_order_brings_nothing_back(house):
    order_id = await order(house, lines=LINES)
    await house.shipment("DEMO100200302", order_number="A-1")
    await house.shipment("DEMO100200351", order_number="A-2", direction="return")
    before = await seen(house, order_id)
    for number in ("DEMO100200302", "DEMO100200351"):
        wish = {"shipment": {"tracking_number": number, "carrier": "demo"}}
        refused = await house.call("POST", f"/v1/orders/{order_id}/returns", wish)
        assert (refused.status, refused.pointers) == (422, ["/shipment/tracking_number"])
    assert await seen(house, order_id) == before


async def test_a_return_that_is_refused_leaves_nothing_behind(house):
    order_id = await order(house)
    await house.call("POST", f"/v1/orders/{order_id}/returns", {"shipment": {"tracking_number": "ABC"}})
    assert (await seen(house, order_id))["returns"] == []


async def test_the_log_ends_in_the_order_s_state_where_scans_are_older_than_the_registration(house):
    account_id = await house.demo_account()
    order_id = await order(house)
    numbers = [f"N{index}" for index in range(20)]
    await asyncio.gather(*(house.shipment(number, order_number="A-1") for number in numbers))
    await asyncio.gather(*(house.tell(account_id, number, "PICKED_UP", "DELIVERED") for number in numbers))
    assert (await seen(house, order_id))["status"] == "delivered"
    assert (await told(house))[-1] == "order.delivered"


async def test_endpoints_may_name_the_types_of_orders(house):
    for types, status in ((["order.partially_shipped"], 201), (["order.*"], 201), (["order.pending"], 422)):
        answer = await house.call("POST", "/v1/endpoints", {"url": f"{house.url}/hook", "event_types": types})
        assert answer.status == status, answer.body


async def test_a_parcel_handed_to_the_next_carrier_is_one_delivery_of_its_order(house):
    account_id = await house.demo_account()
    order_id = await order(house)
    shipment_id = await house.shipment("DEMO100200302", order_number="A-1")
    await house.call(
        "POST", f"/v1/shipments/{shipment_id}/events", {"status": "in_transit", "at": "2026-11-03T08:00:00Z"}
    )
    next_id = await house.shipment("DEMO770044006", order_number="A-1")

    def link(conn):
        shipments.change(conn, house.merchant_id, shipment_id, 1, continues_id=next_id)
        shipments.change(conn, house.merchant_id, next_id, 1, continued_from_id=shipment_id)

    await house.gateway.store.write(link)
    await house.tell(account_id, "DEMO770044006", "DELIVERED")
    found = await seen(house, order_id)
    assert found["status"] == "delivered"
    assert {one["tracking_number"]: one["continues"] for one in found["shipments"]} == {
        "DEMO100200302": None,
        "DEMO770044006": shipment_id,
    }


async def test_an_exchange_is_over_when_its_replacement_is_there(house):
    account_id = await house.demo_account()
    order_id = await order(house)
    await house.shipment("DEMO100200302", order_number="A-1")
    await house.tell(account_id, "DEMO100200302", "PICKED_UP", "DELIVERED")
    path = f"/v1/orders/{order_id}"
    await house.call("POST", f"{path}/returns", {"id": "R-1", "at": "2026-11-04T09:00:00Z"})
    event = {"status": "refunded", "substatus": "exchanged", "at": "2026-11-06T09:00:00Z", "return_id": "R-1"}
    assert (await house.call("POST", f"{path}/events", event)).status == 201
    assert (await seen(house, order_id))["substatus"] == "exchanged"
    await house.shipment("DEMO770044006", order_number="A-1", return_id="R-1")
    instead = {"status": "in_transit", "at": "2026-11-07T09:00:00Z"}
    (shipment,) = [one for one in (await seen(house, order_id))["shipments"] if one["return_id"] == "R-1"]
    await house.call("POST", f"/v1/shipments/{shipment['id']}/events", instead)
    assert (await seen(house, order_id))["status"] == "in_transit"
    await house.call(
        "POST", f"/v1/shipments/{shipment['id']}/events", {"status": "delivered", "at": "2026-11-08T09:00:00Z"}
    )
    assert (await seen(house, order_id))["status"] == "delivered"


async def test_an_order_s_journey_is_one_line_from_placing_to_the_parcel_that_brings_it_back(house):
    account_id = await house.demo_account()
    order_id = await order(house)
    there = await house.shipment("DEMO100200302", order_number="A-1")
    await house.tell(account_id, "DEMO100200302", "PICKED_UP", "DELIVERED")
    path = f"/v1/orders/{order_id}"
    wish = {"id": "R-1", "at": "2026-11-04T09:00:00Z", "shipment": {"tracking_number": "DEMO770044006"}}
    back = (await house.call("POST", f"{path}/returns", wish)).json["shipments"][0]
    await house.call("POST", f"/v1/shipments/{back}/events", {"status": "in_transit", "at": "2026-11-05T09:00:00Z"})
    steps = (await house.call("GET", f"{path}/journey")).json["data"]
    assert [
        (one["shipment_id"], one["direction"], (one["event"] or one["order_event"])["status"]) for one in steps
    ] == [
        (None, None, "ordered"),
        (there, "outbound", "in_transit"),
        (there, "outbound", "delivered"),
        (None, None, "returning"),
        (back, "return", "in_transit"),
    ]
    assert [one["at"] for one in steps] == sorted(one["at"] for one in steps)


async def test_parcels_take_from_their_order_what_they_were_not_told(house):
    promised = {"to": "2026-11-24T18:00:00+01:00"}
    early = await house.shipment("DEMO100200302", order_number="A-1")
    order_id = await order(house, recipient=RECIPIENT, destination={"country": "PT"}, promised=promised)
    late = await house.shipment("DEMO770044006", order_number="A-1", destination={"country": "ES"})
    back = await house.shipment("DEMO300100021", order_number="A-1", direction="return")

    async def told_of(shipment_id):
        shown = (await house.call("GET", f"/v1/shipments/{shipment_id}")).json
        return shown["recipient"], (shown["destination"] or {}).get("country"), (shown["promised"] or {}).get("to")

    to = "2026-11-24T18:00:00+01:00"
    assert await told_of(early) == (RECIPIENT, "PT", to)
    assert await told_of(late) == (RECIPIENT, "ES", to)
    assert await told_of(back) == (None, None, None)
    moved = RECIPIENT | {"postal_code": "4000-002"}
    changed = {"recipient": moved, "destination": {"country": "FR"}, "promised": None}
    await house.call("PATCH", f"/v1/orders/{order_id}", changed)
    assert await told_of(early) == (moved, "FR", None)
    assert await told_of(late) == (moved, "ES", None)
    assert await told_of(back) == (None, None, None)
    again = {"tracking_number": "DEMO400200018", "carrier": "demo"}
    made = (await house.call("POST", "/v1/shipments", again)).json["id"]
    await house.call("POST", "/v1/shipments", again | {"order_number": "A-1"})
    assert await told_of(made) == (moved, "FR", None)


async def test_spaces_around_an_order_number_are_nobody_s_meaning(house):
    order_id = await order(house, " A-1 ")
    shipment_id = await house.shipment("DEMO100200302", order_number="A-1 ")
    other = await house.shipment("DEMO770044006", order_number="B-1")
    await house.call("PATCH", f"/v1/shipments/{other}", {"order_number": " A-1"})
    found = await seen(house, order_id)
    assert found["order_number"] == "A-1"
    assert {one["id"] for one in found["shipments"]} == {shipment_id, other}
    assert (await house.call("GET", "/v1/orders?order_number=A-1%20")).json["data"][0]["id"] == order_id
