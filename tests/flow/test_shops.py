"""Shops push their orders: the right orders and shipments come of it, forged pushes are refused, nothing twice."""

from __future__ import annotations

import base64
import hmac
import time
from datetime import datetime

import orjson
import pytest
from sqlalchemy import select

from connectors.samples import load
from connectors.shops import HERE
from gateway import housekeeping
from gateway.clock import now_ms
from gateway.ids import new_id
from gateway.shops import old_secrets
from gateway.shops.tables import Shops
from normalizer.render import millis_instant

SECRET = "shpss_written-for-tests"
UPS = "1Z7R4K900348500016"


def sample(shop, name):
    return load(HERE / shop / "samples" / f"{name}.http")


async def shop_of(house, shop="shopify", key="", **more):
    first = sample(shop, "order" if shop == "generic" else "order-created")
    secrets = more.pop("secrets", None) or dict(first.secrets)
    made = await house.call("POST", "/v1/shops", {"shop": shop, "secrets": secrets} | more, key=key)
    assert made.status == 201, made.body
    return made.json["id"]


async def push(house, account_id, shop, name, *, change=None):
    """Send a sample as the shop does, changed and signed anew if need be."""
    one = sample(shop, name)
    headers, body = dict(one.exchanges[0][0].headers), one.body
    if change is not None:
        value = orjson.loads(body)
        change(value)
        body = orjson.dumps(value)
    if shop == "shopify":
        headers["x-shopify-hmac-sha256"] = signed(SECRET.encode(), body)
    elif shop == "woocommerce":
        headers["x-wc-webhook-signature"] = signed(b"written for tests", body)
    else:
        key = base64.b64decode(one.secrets["signing_secret"].removeprefix("whsec_"))
        headers["webhook-timestamp"] = stamp = str(int(time.time()))
        headers["webhook-signature"] = "v1," + signed(key, f"{headers['webhook-id']}.{stamp}.".encode() + body)
    answer = await house.call("POST", f"/shops/{shop}/push/{account_id}", data=body, headers=headers, key=None)
    assert answer.status == 200, answer.body
    await settled(house)


def signed(key, message):
    return base64.b64encode(hmac.digest(key, message, "sha256")).decode()


async def settled(house):
    async def done():
        rows = await house.gateway.store.read(
            lambda conn: conn.execute(select(Shops.push.c.id).where(Shops.push.c.state == "kept")).all()
        )
        return not rows

    await house.until(done)


async def states(house):
    return await house.gateway.store.read(
        lambda conn: [
            tuple(row)
            for row in conn.execute(select(Shops.push.c.state, Shops.push.c.reason).order_by(Shops.push.c.id))
        ]
    )


async def the_order(house):
    (one,) = (await house.call("GET", "/v1/orders")).json["data"]
    return (await house.call("GET", f"/v1/orders/{one['id']}")).json


async def told(house):
    messages = (await house.call("GET", "/v1/messages?limit=200")).json["data"]
    return [one["type"] for one in reversed(messages) if one["type"].startswith("order.")]


async def test_an_order_of_shopify_is_kept_with_what_is_shipped_and_its_fulfilment_makes_the_shipment(house):
    account_id = await shop_of(house)
    await push(house, account_id, "shopify", "order-created")
    order = await the_order(house)
    assert (order["order_number"], order["source"], order["status"]) == ("#1001", "shopify", "ordered")
    assert [(line["sku"], line["quantity"]) for line in order["lines"]] == [("SHIRT-M", 2), ("SOCKS", 1)]
    assert order["recipient"]["name"] == "Ines Example"
    assert order["recipient"]["language"] == "pt-PT"
    assert order["milestones"]["ordered_at"] == "2026-03-02T09:15:00Z"
    await push(house, account_id, "shopify", "fulfilled")
    order = await the_order(house)
    (shipment,) = order["shipments"]
    assert (shipment["carrier"], shipment["tracking_number"]) == ("ups", UPS)
    assert [item["quantity"] for item in shipment["items"]] == [2]
    whole = (await house.call("GET", f"/v1/shipments/{shipment['id']}")).json
    assert (whole["order_number"], whole["ship_date"]) == ("#1001", "2026-03-03")
    assert whole["recipient"]["email"] == "ines@example.org"
    event = {"status": "in_transit", "at": "2026-03-03T18:00:00+01:00"}
    await house.call("POST", f"/v1/shipments/{shipment['id']}/events", event)
    assert (await the_order(house))["status"] == "partially_shipped"
    assert await told(house) == ["order.ordered", "order.partially_shipped"]


async def test_the_whole_of_an_order_in_one_push_and_the_same_again(house):
    account_id = await shop_of(house)
    for _ in range(2):
        await push(house, account_id, "shopify", "order-updated")
    order = await the_order(house)
    (shipment,) = order["shipments"]
    await house.call(
        "POST", f"/v1/shipments/{shipment['id']}/events", {"status": "delivered", "at": "2026-03-05T10:00:00+01:00"}
    )
    order = await the_order(house)
    assert order["status"] == "partially_refunded"
    lines = {line["sku"]: line for line in order["lines"]}
    assert (lines["SOCKS"]["cancelled"], lines["SHIRT-M"]["delivered"], lines["SHIRT-M"]["refunded"]) == (1, 2, 1)
    assert order["returns"][0]["reason"] == "too small"
    assert len((await house.call("GET", f"/v1/orders/{order['id']}/events")).json["data"]) == 3
    assert (await told(house))[-1] == "order.partially_refunded"


async def test_what_comes_before_its_order_waits_for_it(house):
    account_id = await shop_of(house)
    await push(house, account_id, "shopify", "refunded")
    await push(house, account_id, "shopify", "fulfilled")
    assert [state for state, _ in await states(house)] == ["waiting", "waiting"]
    assert (await house.call("GET", f"/v1/shops/{account_id}")).json["waiting"] == 2
    assert (await house.call("GET", "/v1/orders")).json["data"] == []
    await push(house, account_id, "shopify", "order-created")
    await settled(house)
    order = await the_order(house)
    assert [one["tracking_number"] for one in order["shipments"]] == [UPS]
    assert [one["status"] for one in order["returns"]] == ["refunded"]
    assert [state for state, _ in await states(house)] == ["read", "read", "read"]


async def test_an_older_push_takes_nothing_back(house):
    account_id = await shop_of(house)

    def moved(order):
        order["updated_at"] = "2026-03-02T12:00:00+01:00"
        order["shipping_address"]["city"] = "Braga"

    await push(house, account_id, "shopify", "order-created", change=moved)
    await push(house, account_id, "shopify", "order-created")
    assert (await the_order(house))["destination"]["city"] == "Braga"


async def test_a_cancelled_order_and_a_cancelled_label(house):
    account_id = await shop_of(house)
    await push(house, account_id, "shopify", "order-created")
    await push(house, account_id, "shopify", "fulfilled")
    await push(house, account_id, "shopify", "fulfilment-cancelled")
    order = await the_order(house)
    assert [one["status"] for one in order["shipments"]] == ["cancelled"]
    await push(house, account_id, "shopify", "order-cancelled")
    order = await the_order(house)
    assert (order["status"], order["substatus"]) == ("cancelled", "by_recipient")


async def test_a_mistyped_number_is_called_off_once_the_order_names_another_and_no_older_push_does_so(house):
    account_id = await shop_of(house)

    def mistyped(order):
        order["fulfillments"][0]["tracking_numbers"] = ["1Z7R4K900348500025"]
        order["updated_at"] = "2026-03-03T08:00:00+01:00"

    async def parcels():
        return {one["tracking_number"]: one["status"] for one in (await the_order(house))["shipments"]}

    await push(house, account_id, "shopify", "order-updated", change=mistyped)
    assert await parcels() == {"1Z7R4K900348500025": "pending"}
    await push(house, account_id, "shopify", "order-updated")
    assert await parcels() == {"1Z7R4K900348500025": "cancelled", UPS: "pending"}
    await push(house, account_id, "shopify", "order-updated", change=mistyped)
    assert await parcels() == {"1Z7R4K900348500025": "cancelled", UPS: "pending"}

    def after_all(order):
        mistyped(order)
        order["updated_at"] = "2026-03-20T08:00:00+01:00"

    await push(house, account_id, "shopify", "order-updated", change=after_all)
    assert await parcels() == {"1Z7R4K900348500025": "info_received", UPS: "cancelled"}


async def test_an_order_of_woocommerce_stands_as_its_shop_said_last(house):
    account_id = await shop_of(house, "woocommerce")

    def stands(word, minute):
        def change(order):
            order["status"], order["date_modified_gmt"] = word, f"2026-03-02T10:{minute:02}:00"

        return change

    found = []
    for minute, word in enumerate(("pending", "processing", "on-hold", "processing", "cancelled", "processing")):
        for _ in range(2):
            await push(house, account_id, "woocommerce", "order-created", change=stands(word, minute))
        order = await the_order(house)
        found.append((order["status"], order["substatus"]))
    assert found == [
        ("ordered", "placed"),
        ("ordered", "confirmed"),
        ("ordered", "on_hold"),
        ("ordered", "confirmed"),
        ("cancelled", "other"),
        ("ordered", "confirmed"),
    ]
    await push(house, account_id, "woocommerce", "order-created", change=stands("on-hold", 2))
    assert (await the_order(house))["substatus"] == "confirmed"
    assert await told(house) == ["order.ordered", "order.cancelled", "order.ordered"]


async def test_a_status_of_the_very_second_the_order_was_placed_counts(house):
    account_id = await shop_of(house, "woocommerce")

    def at_once(order):
        order["date_modified_gmt"] = order["date_created_gmt"]

    await push(house, account_id, "woocommerce", "order-on-hold", change=at_once)
    assert (await the_order(house))["substatus"] == "on_hold"


async def test_a_secret_that_could_verify_nothing_is_refused(house):
    wish = {"shop": "generic", "secrets": {"signing_secret": "whsec_not base64!"}}
    refused = await house.call("POST", "/v1/shops", wish)
    assert (refused.status, refused.pointers) == (422, ["/secrets/signing_secret"])
    account_id = await shop_of(house, "generic")
    refused = await house.call("PATCH", f"/v1/shops/{account_id}", {"secrets": wish["secrets"]})
    assert refused.pointers == ["/secrets/signing_secret"]


async def test_goods_without_a_number_and_numbers_of_unknown_carriers_are_deliveries_of_the_order(house):
    account_id = await shop_of(house)
    await push(house, account_id, "shopify", "order-created")
    await push(house, account_id, "shopify", "fulfilled-without-number")

    def unknown(told):
        told |= {"tracking_company": "Hexe Kurier", "tracking_numbers": ["HX-1"], "id": 95009}

    await push(house, account_id, "shopify", "fulfilled", change=unknown)
    order = await the_order(house)
    assert (order["shipments"], order["status"]) == ([], "partially_delivered")
    assert {line["sku"]: (line["shipped"], line["delivered"]) for line in order["lines"]} == {
        "SHIRT-M": (2, 0),
        "SOCKS": (1, 1),
    }


async def test_a_company_with_several_connectors_is_the_one_the_merchant_has_an_account_at(house):
    account_id = await shop_of(house)
    made = await house.call("POST", "/v1/accounts", {"carrier": "dhl-unified", "secrets": {"api_key": "a key"}})
    assert made.status == 201, made.body
    await push(house, account_id, "shopify", "order-created")
    await push(house, account_id, "shopify", "fulfilled-in-two-parcels")
    order = await the_order(house)
    assert {one["carrier"] for one in order["shipments"]} == {"dhl-unified"}
    assert [one["items"] for one in order["shipments"]] == [[], []]


async def test_woocommerce_orders_go_from_paid_to_refunded(house):
    account_id = await shop_of(house, "woocommerce")
    for name, status, substatus in (
        ("order-on-hold", "ordered", "on_hold"),
        ("order-created", "ordered", "confirmed"),
    ):
        await push(house, account_id, "woocommerce", name)
        order = await the_order(house)
        assert (order["status"], order["substatus"]) == (status, substatus)
    assert order["recipient"]["name"] == "Ulla Muster"
    assert order["destination"]["street"] == "Hafenstr. 9 2. OG"
    await push(house, account_id, "woocommerce", "order-completed")
    order = await the_order(house)
    assert [(one["carrier"], one["tracking_number"]) for one in order["shipments"]] == [
        ("dhl-unified", "00340434161094021501")
    ]
    assert order["status"] == "partially_shipped"  # the other parcel's carrier has no connector: it is on its way
    await push(house, account_id, "woocommerce", "order-partly-refunded")
    assert (await the_order(house))["returns"] == []
    await push(house, account_id, "woocommerce", "order-refunded")
    assert (await the_order(house))["returns"][0]["status"] == "refunded"
    await push(house, account_id, "woocommerce", "order-deleted")
    assert {state for state, _ in await states(house)} == {"read"}


async def test_the_trial_of_a_new_webhook_is_answered_and_not_kept(house):
    account_id = await shop_of(house, "woocommerce")
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    path = f"/shops/woocommerce/push/{account_id}"
    assert (await house.call("POST", path, data=b"webhook_id=3", headers=headers, key=None)).status == 200
    assert await states(house) == []


async def test_any_other_shop_sends_one_plain_shape(house):
    account_id = await shop_of(house, "generic")
    await push(house, account_id, "generic", "order")
    await push(house, account_id, "generic", "sent-and-coming-back")
    order = await the_order(house)
    assert {(one["carrier"], one["direction"]) for one in order["shipments"]} == {
        ("ups", "outbound"),
        ("demo", "return"),
    }
    assert ("RMA-7", "returning", "approved") in {
        (one["id"], one["status"], one["substatus"]) for one in order["returns"]
    }
    await push(house, account_id, "generic", "parcel-cancelled")
    outbound = [one for one in (await the_order(house))["shipments"] if one["direction"] == "outbound"]
    assert [one["status"] for one in outbound] == ["cancelled"]


@pytest.mark.parametrize("shop", ["shopify", "woocommerce", "generic"])
async def test_forged_pushes_are_refused_and_nothing_of_them_is_kept(house, shop, logs):
    account_id = await shop_of(house, shop)
    name = "order" if shop == "generic" else "order-created"
    one = sample(shop, name)
    headers = dict(one.exchanges[0][0].headers)
    path = f"/shops/{shop}/push/{account_id}"
    signature = next(header for header in headers if "signature" in header or "hmac" in header)
    for changed, body in (
        (headers, one.body + b" "),
        (headers | {signature: "v1,AAAA"}, one.body),
        ({header: value for header, value in headers.items() if header != signature}, one.body),
    ):
        answer = await house.call("POST", path, data=body, headers=changed, key=None)
        assert (answer.status, answer.json["type"]) == (401, "/problems/forged")
    assert await states(house) == []
    unknown = await house.call("POST", f"/shops/{shop}/push/sho_of_nobody", data=one.body, headers=headers, key=None)
    other = await house.call("POST", f"/shops/nothing/push/{account_id}", data=one.body, headers=headers, key=None)
    assert (unknown.status, other.status) == (404, 404)
    for never in ("Ines", "ulla@", one.secrets["signing_secret"]):
        assert never not in logs.getvalue()


async def test_what_is_not_as_documented_is_kept_and_shown(house, logs):
    account_id = await shop_of(house)
    await push(house, account_id, "shopify", "order-created", change=lambda order: order.pop("name"))
    ((state, reason),) = await states(house)
    assert state == "unreadable"
    assert reason.startswith("the field 'name' is missing")
    assert (await house.call("GET", "/v1/shops")).json["data"][0]["unreadable"] == 1
    assert "Ines" not in logs.getvalue()


async def test_bodies_are_kept_sealed(house):
    account_id = await shop_of(house)
    await push(house, account_id, "shopify", "order-created")
    row = await house.gateway.store.read(lambda conn: conn.execute(select(Shops.push)).mappings().one())
    assert b"Ines" not in row["body"]
    assert b"hmac" not in row["headers"]


async def test_two_shops_with_the_same_numbers_need_a_prefix(house):
    one, two = await shop_of(house), await shop_of(house)
    await push(house, one, "shopify", "order-created")
    await push(house, two, "shopify", "order-created")
    assert [state for state, _ in await states(house)] == ["read", "unreadable"]
    assert "order_prefix" in (await states(house))[1][1]
    prefixed = await house.call("PATCH", f"/v1/shops/{two}", {"order_prefix": "B"})
    assert prefixed.json["order_prefix"] == "B"
    await settled(house)
    assert [state for state, _ in await states(house)] == ["read", "read"]
    orders = (await house.call("GET", "/v1/orders")).json["data"]
    assert {order["order_number"] for order in orders} == {"#1001", "B#1001"}


async def test_shops_are_made_changed_and_deleted_and_their_secrets_never_shown(house):
    account_id = await shop_of(house, secrets={"signing_secret": SECRET, "domain": "example.myshopify.com"})
    shown = await house.call("GET", f"/v1/shops/{account_id}")
    assert shown.json["push_url"] == f"https://hub.example/shops/shopify/push/{account_id}"
    assert SECRET.encode() not in shown.body
    for body, pointer in (
        ({"shop": "nothing"}, "/shop"),
        ({"shop": "shopify"}, "/secrets/signing_secret"),
        ({"shop": "shopify", "secrets": {"signing_secret": "x", "colour": "red"}}, "/secrets/colour"),
    ):
        answer = await house.call("POST", "/v1/shops", body)
        assert (answer.status, answer.pointers) == (422, [pointer]), answer.body
    wrong = await house.call("PATCH", f"/v1/shops/{account_id}", {"secrets": {"signing_secret": None}})
    assert wrong.pointers == ["/secrets/signing_secret"]
    changed = {"label": "My shop", "secrets": {"domain": None, "signing_secret": "another secret"}}
    assert (await house.call("PATCH", f"/v1/shops/{account_id}", changed)).json["label"] == "My shop"
    one = sample("shopify", "order-created")
    path, headers = f"/shops/shopify/push/{account_id}", dict(one.exchanges[0][0].headers)
    assert (await house.call("POST", path, data=one.body, headers=headers, key=None)).status == 401
    assert (await house.call("DELETE", f"/v1/shops/{account_id}")).status == 204
    assert (await house.call("GET", f"/v1/shops/{account_id}")).status == 404
    assert (await house.call("POST", path, data=one.body, headers=headers, key=None)).status == 404


async def test_another_merchant_s_shop_makes_orders_of_theirs_alone(house):
    _, stranger = await house.merchant()
    account_id = await shop_of(house, key=stranger)
    await push(house, account_id, "shopify", "order-created")
    assert (await house.call("GET", "/v1/orders")).json["data"] == []
    assert len((await house.call("GET", "/v1/orders", key=stranger)).json["data"]) == 1


async def shop_seen(house, account_id):
    one = (await house.call("GET", f"/v1/shops/{account_id}")).json
    (listed,) = (await house.call("GET", "/v1/shops")).json["data"]
    assert one == listed
    return [one[name] for name in ("last_push_at", "last_refused_at", "last_refusal", "orders", "unreadable_reason")]


@pytest.mark.both_databases
async def test_a_shop_says_what_came_last_what_was_refused_and_how_many_orders_it_made(house):
    account_id = await shop_of(house)
    assert await shop_seen(house, account_id) == [None, None, "", 0, ""]
    path = f"/shops/shopify/push/{account_id}"
    forged = await house.call("POST", path, data=b"{}", headers={"x-shopify-hmac-sha256": "dGVzdA=="}, key=None)
    assert forged.status == 401
    came, refused, why, orders, unreadable = await shop_seen(house, account_id)
    assert (came, why, orders, unreadable) == (None, "the signature is not this body's", 0, "")
    assert forged.json["detail"] == why
    # Who knows the address alone does not have us write with every try.
    bare = await house.call("POST", path, data=b"{}", key=None)
    assert (bare.status, bare.json["detail"]) == (401, "the header x-shopify-hmac-sha256 is missing")
    assert await shop_seen(house, account_id) == [None, refused, why, 0, ""]
    await push(house, account_id, "shopify", "order-created")
    await push(house, account_id, "shopify", "order-created", change=lambda order: order.pop("name"))
    pushes = await house.gateway.store.read(
        lambda conn: conn.execute(select(Shops.push.c.received_at).order_by(Shops.push.c.id)).scalars().all()
    )
    came, again, why, orders, unreadable = await shop_seen(house, account_id)
    assert (came, again, orders) == (millis_instant(pushes[-1]), refused, 1)
    assert unreadable.startswith("the field 'name' is missing")
    before = (await house.call("GET", f"/v1/shops/{account_id}")).json["updated_at"]
    assert before == (await house.call("GET", f"/v1/shops/{account_id}")).json["created_at"]
    await house.call("PATCH", f"/v1/shops/{account_id}", {"secrets": {"signing_secret": "a new one"}})
    assert (await shop_seen(house, account_id))[:4] == [came, None, "", 1]


async def test_a_push_that_is_too_large_is_a_refusal_too(house):
    account_id = await shop_of(house)
    answer = await house.call("POST", f"/shops/shopify/push/{account_id}", data=b" " * 4_000_001, key=None)
    assert answer.status == 413
    assert (await shop_seen(house, account_id))[2] == "larger than 4000000 bytes"


async def test_the_api_says_which_shops_there_are_and_what_each_needs(house):
    told = {one["code"]: one for one in (await house.call("GET", "/v1/shops/kinds")).json["data"]}
    assert list(told) == ["shopify", "woocommerce", "generic"]
    assert [one["name"] for one in told["shopify"]["credentials"]] == ["signing_secret", "domain", "access_token"]
    own = {code: next((one["own"], one["prefix"]) for one in of["credentials"]) for code, of in told.items()}
    assert own == {"shopify": (False, ""), "woocommerce": (True, ""), "generic": (True, "whsec_")}
    for of in told.values():
        assert len(of["setup"]) > 1
        assert all(one["title"] and one["help"] for one in of["credentials"])


async def knock(house, account_id, secret):
    """Push as a shop that signs with a secret; return the status."""
    body = sample("shopify", "order-created").body
    headers = {"x-shopify-topic": "orders/create", "x-shopify-hmac-sha256": signed(secret.encode(), body)}
    path = f"/shops/shopify/push/{account_id}"
    return (await house.call("POST", path, data=body, headers=headers, key=None)).status


@pytest.mark.both_databases
async def test_a_new_secret_lets_the_old_one_count_for_a_day_or_as_long_as_wished(house):
    account_id = await shop_of(house, secrets={"signing_secret": "one"})
    path = f"/v1/shops/{account_id}"
    assert (await house.call("GET", path)).json["old_secret_until"] is None
    assert await knock(house, account_id, "one") == 200
    before = now_ms()
    changed = (await house.call("PATCH", path, {"secrets": {"signing_secret": "two"}})).json
    until = datetime.fromisoformat(changed["old_secret_until"]).timestamp() * 1000
    assert before + 24 * HOUR_MS <= until <= now_ms() + 24 * HOUR_MS
    assert [await knock(house, account_id, one) for one in ("one", "two", "three")] == [200, 200, 401]
    # A third while the first two are under way: each counts for its own time.
    await house.call("PATCH", path, {"secrets": {"signing_secret": "three"}, "overlap_hours": 168})
    assert [await knock(house, account_id, one) for one in ("one", "two", "three")] == [200, 200, 200]
    await over(house, account_id, 25)
    assert [await knock(house, account_id, one) for one in ("one", "two", "three")] == [401, 200, 200]
    assert (await house.call("GET", path)).json["old_secret_until"] is not None
    ended = await house.call("PATCH", path, {"overlap_hours": 0})
    assert (ended.status, ended.json["old_secret_until"]) == (200, None)
    assert [await knock(house, account_id, one) for one in ("two", "three")] == [401, 200]
    at_once = {"secrets": {"signing_secret": "four"}, "overlap_hours": 0}
    assert (await house.call("PATCH", path, at_once)).json["old_secret_until"] is None
    assert [await knock(house, account_id, one) for one in ("three", "four")] == [401, 200]


HOUR_MS = 3_600_000


async def over(house, account_id, hours):
    """Let hours go by: what stands sealed was sealed so long before."""
    vault = house.gateway.vault

    def work(conn):
        row = conn.execute(select(Shops.account).where(Shops.account.c.id == account_id)).mappings().one()
        older = [one._replace(until=one.until - hours * HOUR_MS) for one in old_secrets.opened(vault, row)]
        values = old_secrets.columns(vault, row, older)
        conn.execute(Shops.account.update().where(Shops.account.c.id == account_id).values(**values))

    await house.gateway.store.write(work)


async def test_an_old_secret_with_which_nothing_ever_came_ends_at_once(house):
    """Shops show the secret only after they were connected: the text given until then must not count for a day."""
    account_id = await shop_of(house, secrets={"signing_secret": "any text"})
    changed = await house.call("PATCH", f"/v1/shops/{account_id}", {"secrets": {"signing_secret": "the right one"}})
    assert changed.json["old_secret_until"] is None
    assert [await knock(house, account_id, one) for one in ("any text", "the right one")] == [401, 200]


async def test_only_what_proves_a_push_is_kept_of_an_old_secret_and_only_as_long_as_it_counts(house):
    secrets = {"signing_secret": "one", "domain": "example.myshopify.com", "access_token": "Kingfisher"}
    account_id = await shop_of(house, secrets=secrets)
    path, vault = f"/v1/shops/{account_id}", house.gateway.vault
    assert await knock(house, account_id, "one") == 200
    kept = await house.call("PATCH", path, {"secrets": {"access_token": "Kestrel"}})
    assert kept.json["old_secret_until"] is None
    await house.call("PATCH", path, {"secrets": {"signing_secret": "two", "access_token": "Kite"}})

    async def row():
        statement = select(Shops.account).where(Shops.account.c.id == account_id)
        return await house.gateway.store.read(lambda conn: conn.execute(statement).mappings().one())

    (old,) = old_secrets.opened(vault, await row())
    assert old.secrets == {"signing_secret": "one"}
    await over(house, account_id, 25)
    await housekeeping.drop_old(house.gateway.store, house.gateway.settings, now_ms())
    assert ((await row())["old_secrets"], (await row())["old_until"]) == (None, None)
    for _ in range(old_secrets.MOST):
        changed = await house.call("PATCH", path, {"secrets": {"signing_secret": new_id("key")}})
        assert changed.status == 200
    full = await house.call("PATCH", path, {"secrets": {"signing_secret": "one more"}})
    assert (full.status, full.pointers) == (422, ["/overlap_hours"])
    wrong = await house.call("PATCH", path, {"overlap_hours": 2})
    assert (wrong.status, wrong.pointers) == (422, ["/overlap_hours"])
    assert (await house.call("PATCH", path, {"overlap_hours": 169})).pointers == ["/overlap_hours"]
    assert (await house.call("DELETE", path)).status == 204
    assert ((await row())["secrets"], (await row())["old_secrets"]) == (b"", None)
