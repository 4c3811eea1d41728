"""Links to tracking pages: told with every shipment, kept as a keyed hash, replaced, ended, expiring."""

import re

import pytest
from sqlalchemy import select, update

from gateway.clock import now_ms
from gateway.pages.links import Links
from gateway.pages.tables import PageTables
from gateway.tables import Tables

DAY = 86_400_000
URL = re.compile(r"https://hub\.example/t/([A-Za-z0-9_-]{24})")


async def _url(house, shipment_id):
    return (await house.call("GET", f"/v1/shipments/{shipment_id}")).json["tracking_url"]


def _token(url):
    return URL.fullmatch(url)[1]


async def test_every_answer_with_a_shipment_tells_the_same_address(house):
    made = await house.call("POST", "/v1/shipments", {"tracking_number": "DEMO100200302", "carrier": "demo"})
    url = made.json["tracking_url"]
    assert URL.fullmatch(url)
    again = await house.call("POST", "/v1/shipments", {"tracking_number": "DEMO100200302", "carrier": "demo"})
    listed = await house.call("GET", "/v1/shipments")
    changed = await house.call("PATCH", f"/v1/shipments/{made.json['id']}", {"order_number": "A-1"})
    batch = await house.call("POST", "/v1/shipments/batch", [{"tracking_number": "DEMO100200302", "carrier": "demo"}])
    told = [again.json, *listed.json["data"], changed.json, batch.json["data"][0]["shipment"]]
    assert {one["tracking_url"] for one in told} == {url}
    assert (await house.gateway.links.shipment_of(_token(url))) == (house.merchant_id, made.json["id"])


async def test_a_shipment_that_a_push_made_known_gets_its_link_when_it_is_first_shown(house):
    account_id = await house.demo_account()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")
    (listed,) = (await house.call("GET", "/v1/shipments")).json["data"]
    assert (await house.gateway.links.shipment_of(_token(listed["tracking_url"]))) == (house.merchant_id, listed["id"])


async def test_the_database_holds_no_token(house):
    token = _token(await _url(house, await house.shipment()))
    (row,) = await house.gateway.store.read(lambda conn: conn.execute(select(PageTables.link)).mappings().all())
    assert all(token.encode() not in str(value).encode() for value in row.values())
    assert row["hash"] == house.gateway.links.hash(token)
    assert token.encode() not in await house.kept()


async def test_another_secret_key_makes_other_tokens(house):
    one, other = (Links(key * 40, "https://hub.example", 90, house.gateway.store) for key in "ab")
    assert one.token("mer_1", "shp_1", 0) != other.token("mer_1", "shp_1", 0)
    assert one.hash("x") != other.hash("x")
    tokens = {one.token(f"mer_{m}", f"shp_{s}", n) for m in range(3) for s in range(3) for n in range(3)}
    assert len(tokens) == 27
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{24}", token) for token in tokens)


async def test_a_new_link_ends_the_old_one(house):
    shipment_id = await house.shipment()
    old = await _url(house, shipment_id)
    new = (await house.call("POST", f"/v1/shipments/{shipment_id}/tracking-link")).json["tracking_url"]
    assert new != old
    assert await _url(house, shipment_id) == new
    assert await house.gateway.links.shipment_of(_token(old)) is None
    assert await house.gateway.links.shipment_of(_token(new)) == (house.merchant_id, shipment_id)


async def test_an_ended_link_stays_ended_until_another_is_asked_for(house):
    shipment_id = await house.shipment()
    old = await _url(house, shipment_id)
    assert (await house.call("DELETE", f"/v1/shipments/{shipment_id}/tracking-link")).status == 204
    assert await _url(house, shipment_id) is None
    assert await house.gateway.links.shipment_of(_token(old)) is None
    again = await house.call("POST", f"/v1/shipments/{shipment_id}/tracking-link")
    assert (again.status, again.json["expires_at"]) == (201, None)
    assert again.json["tracking_url"] != old


async def test_a_link_can_be_given_an_end_and_ends_by_itself_after_the_parcel_did(house):
    shipment_id, now = await house.shipment(), now_ms()
    await house.call("POST", f"/v1/shipments/{shipment_id}/tracking-link", {"expires_at": "2199-01-01T00:00:00Z"})
    past = await house.call(
        "POST", f"/v1/shipments/{shipment_id}/tracking-link", {"expires_at": "2020-01-01T00:00:00Z"}
    )
    assert past.pointers == ["/expires_at"]
    token = _token(await _url(house, shipment_id))
    links, store = house.gateway.links, house.gateway.store

    async def opens(at):
        return await store.read(lambda conn: links.open(conn, token, at)) is not None

    assert await opens(now + 400 * DAY)
    await store.write(lambda conn: conn.execute(update(PageTables.link).values(expires_at=now + DAY)))
    assert await opens(now + DAY - 1)
    assert not await opens(now + DAY)
    await store.write(lambda conn: conn.execute(update(PageTables.link).values(expires_at=None)))
    await store.write(lambda conn: conn.execute(update(Tables.shipment).values(status="delivered", updated_at=now)))
    assert await opens(now + 90 * DAY - 1)
    assert not await opens(now + 90 * DAY)


@pytest.mark.parametrize("odd", ["", "x", "a" * 24, "é" * 24, "a" * 5_000, "..", "a" * 23 + "\n", "\x00" * 24])
async def test_guesses_open_nothing(house, odd):
    await house.shipment()
    assert await house.gateway.links.shipment_of(odd) is None


async def test_a_proof_holds_for_its_token_and_for_an_hour(house, monkeypatch):
    links = house.gateway.links
    proof = links.prove("a" * 24)
    assert links.proved("a" * 24, proof)
    assert not links.proved("b" * 24, proof)
    until, _, code = proof.partition(".")
    for forged in ("", "x", f"{int(until) + 1}.{code}", f"{until}.", "9" * 11 + "." + code, f"é.{code}", f"{until}.é"):
        assert not links.proved("a" * 24, forged)
    monkeypatch.setattr("gateway.pages.links.time.time", lambda: int(until))
    assert not links.proved("a" * 24, proof)
