"""Shopify is told what becomes of its parcels: once, in order, and with patience where it does not answer."""

from __future__ import annotations

import orjson
import pytest
from aiohttp import web
from flow.test_shops import SECRET, push, shop_of, the_order
from sqlalchemy import select, update

from connectors.shops import shop
from connectors.shops.base import BadAddress
from connectors.shops.shopify.writing import events
from gateway.shops.tables import Shops
from normalizer.model import SUBSTATUSES, Status

SECRETS = {"signing_secret": SECRET, "domain": "example.myshopify.com", "access_token": "shpat_written-for-tests"}


class FakeShop:
    """A Shopify that answers GraphQL over real HTTP."""

    def __init__(self) -> None:
        self.asked: list[dict] = []
        self.answer = (200, {"data": {"fulfillmentEventCreate": {"fulfillmentEvent": {"id": "1"}, "userErrors": []}}})

    async def take(self, request: web.Request) -> web.Response:
        assert request.path == "/admin/api/2026-10/graphql.json"
        self.asked.append({"token": request.headers["X-Shopify-Access-Token"], **orjson.loads(await request.read())})
        status, body = self.answer
        return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")

    @property
    def told(self) -> list[tuple[str, str]]:
        found = [one["variables"]["fulfillmentEvent"] for one in self.asked]
        return [(one["fulfillmentId"], one["status"]) for one in found]


@pytest.fixture
async def shopify():
    fake = FakeShop()
    app = web.Application()
    app.router.add_post("/{path:.*}", fake.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield fake
    await runner.cleanup()


@pytest.fixture
async def sold(house, shopify):
    """A shop that is told, and an order of it with one parcel."""
    house.gateway.shop_teller._base_urls = {"shopify": shopify.url}
    account_id = await shop_of(house, secrets=SECRETS)
    await house.gateway.shop_teller.tick()
    await push(house, account_id, "shopify", "order-created")
    await push(house, account_id, "shopify", "fulfilled")
    return account_id, (await the_order(house))["shipments"][0]["id"]


async def happen(house, shipment_id, status, at, substatus="other"):
    event = {"status": status, "substatus": substatus, "at": at}
    assert (await house.call("POST", f"/v1/shipments/{shipment_id}/events", event)).status == 201


async def test_each_new_status_is_told_once_with_its_own_time(house, shopify, sold):
    account_id, shipment_id = sold
    await happen(house, shipment_id, "in_transit", "2026-03-03T18:00:00+01:00", "picked_up")
    await happen(house, shipment_id, "out_for_delivery", "2026-03-05T07:00:00+01:00")
    await house.gateway.shop_teller.tick()
    await happen(house, shipment_id, "delivered", "2026-03-05T11:00:00+01:00", "to_neighbour")
    await happen(house, shipment_id, "available_for_pickup", "2026-03-04T11:00:00+01:00")  # told late
    for _ in range(3):
        await house.gateway.shop_teller.tick()
    fulfilment = "gid://shopify/Fulfillment/95001"
    assert shopify.told == [
        (fulfilment, "CARRIER_PICKED_UP"),
        (fulfilment, "OUT_FOR_DELIVERY"),
        (fulfilment, "DELIVERED"),
    ]
    assert shopify.asked[0]["token"] == SECRETS["access_token"]
    assert shopify.asked[0]["variables"]["fulfillmentEvent"]["happenedAt"] == "2026-03-03T17:00:00Z"
    assert (await house.call("GET", f"/v1/shops/{account_id}")).json["writes_back"] is True


@pytest.mark.parametrize(
    "answer",
    [
        (503, {}),
        (429, {}),
        (200, {"errors": [{"message": "slow down", "extensions": {"code": "THROTTLED"}}]}),
    ],
)
async def test_a_shop_that_does_not_answer_is_told_later_and_loses_nothing(house, shopify, sold, answer):
    account_id, shipment_id = sold
    fine, shopify.answer = shopify.answer, answer
    await happen(house, shipment_id, "in_transit", "2026-03-03T18:00:00+01:00")
    await house.gateway.shop_teller.tick()
    asked = len(shopify.asked)
    assert asked >= 1
    assert (await house.call("GET", f"/v1/shops/{account_id}")).json["writes_back_trouble"] != ""
    await house.gateway.shop_teller.tick()
    assert len(shopify.asked) == asked
    shopify.answer = fine
    await house.gateway.store.write(lambda conn: conn.execute(update(Shops.account).values(tell_at=1)))
    await house.gateway.shop_teller.tick()
    assert shopify.told[-1][1] == "IN_TRANSIT"
    assert len(shopify.asked) == asked + 1
    assert (await house.call("GET", f"/v1/shops/{account_id}")).json["writes_back_trouble"] == ""


@pytest.mark.parametrize(
    "answer", [(401, {}), (403, {}), (200, {"errors": [{"extensions": {"code": "ACCESS_DENIED"}}]})]
)
async def test_a_refused_token_stops_the_telling_until_there_is_another(house, shopify, sold, answer, logs):
    account_id, shipment_id = sold
    fine, shopify.answer = shopify.answer, answer
    await happen(house, shipment_id, "in_transit", "2026-03-03T18:00:00+01:00")
    for _ in range(2):
        await house.gateway.shop_teller.tick()
    assert len(shopify.asked) == 1
    assert (await house.call("GET", f"/v1/shops/{account_id}")).json["writes_back"] is False
    shopify.answer = fine
    await house.call("PATCH", f"/v1/shops/{account_id}", {"secrets": {"access_token": "shpat_another"}})
    await house.gateway.shop_teller.tick()
    assert [one["token"] for one in shopify.asked] == [SECRETS["access_token"], "shpat_another"]
    assert SECRETS["access_token"] not in logs.getvalue()


@pytest.mark.parametrize(
    "answer",
    [
        (404, {}),
        (200, {"data": {"fulfillmentEventCreate": {"userErrors": [{"message": "no such"}]}}}),
        (200, {"errors": "nonsense"}),
        (200, []),
    ],
)
async def test_what_a_shop_does_not_take_stops_nothing_else(house, shopify, sold, answer):
    _, shipment_id = sold
    fine, shopify.answer = shopify.answer, answer
    await happen(house, shipment_id, "in_transit", "2026-03-03T18:00:00+01:00")
    await house.gateway.shop_teller.tick()
    shopify.answer = fine
    await happen(house, shipment_id, "delivered", "2026-03-05T11:00:00+01:00")
    await house.gateway.shop_teller.tick()
    assert [word for _, word in shopify.told] == ["IN_TRANSIT", "DELIVERED"]


async def test_what_was_before_and_what_is_not_the_shop_s_is_not_told(house, shopify):
    house.gateway.shop_teller._base_urls = {"shopify": shopify.url}
    silent = await shop_of(house)
    await push(house, silent, "shopify", "order-created")
    await push(house, silent, "shopify", "fulfilled")
    shipment_id = (await the_order(house))["shipments"][0]["id"]
    await happen(house, shipment_id, "in_transit", "2026-03-03T18:00:00+01:00")
    other = await house.shipment()
    await house.call("PATCH", f"/v1/shops/{silent}", {"secrets": {k: SECRETS[k] for k in ("domain", "access_token")}})
    await house.gateway.shop_teller.tick()
    await happen(house, other, "delivered", "2026-03-05T11:00:00+01:00")
    await house.gateway.shop_teller.tick()
    assert shopify.asked == []
    await happen(house, shipment_id, "delivered", "2026-03-05T11:00:00+01:00")
    await house.gateway.shop_teller.tick()
    assert [word for _, word in shopify.told] == ["DELIVERED"]
    rows = await house.gateway.store.read(lambda conn: conn.execute(select(Shops.fulfilment)).all())
    assert len(rows) == 1


@pytest.mark.parametrize(
    "domain",
    [
        "example.com",
        "127.0.0.1",
        "example.myshopify.com.evil.example",
        "http://169.254.169.254",
        "a/b.myshopify.com",
        "-x.myshopify.com",
        "x@y.myshopify.com",
    ],
)
async def test_only_shopify_s_own_addresses_are_written_to(house, domain):
    answer = await house.call("POST", "/v1/shops", {"shop": "shopify", "secrets": SECRETS | {"domain": domain}})
    assert (answer.status, answer.pointers) == (422, ["/secrets/domain"])
    with pytest.raises(BadAddress):
        shop("shopify").address({"domain": domain})


def test_every_row_of_what_is_written_back_is_a_status_of_ours():
    for status, substatus in events():
        assert substatus == "*" or substatus in SUBSTATUSES[Status(status)], (status, substatus)
    assert shop("shopify").word("exception", "customs_held") is None
    assert shop("shopify").word("delivered", "to_neighbour") == "DELIVERED"


async def test_a_token_does_not_follow_the_shop_to_another_domain(house, sold):
    account_id, _ = sold
    path = f"/v1/shops/{account_id}"

    async def change(**secrets):
        return await house.call("PATCH", path, {"secrets": secrets})

    elsewhere = "somebody-else.myshopify.com"
    refused = await change(domain=elsewhere)
    assert (refused.status, refused.pointers) == (422, ["/secrets/access_token"])
    assert "give it again" in refused.json["errors"][0]["detail"]
    assert (await change(domain=SECRETS["domain"].upper())).status == 200  # the same one
    assert (await change(domain=None)).json["writes_back"] is False
    assert (await change(domain=elsewhere)).pointers == ["/secrets/access_token"]
    assert (await change(domain=elsewhere, access_token="shpat_theirs")).json["writes_back"] is True
    assert (await change(domain=SECRETS["domain"], access_token=None)).json["writes_back"] is False
