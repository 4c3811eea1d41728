"""The public API behind shops' pages: two facts or a token, no word too much, and no way to guess one's way in."""

import asyncio
import time

import pytest
from flow.conftest import SHOP
from flow.roads import DOOR, NUMBER, drive, position_push

from gateway import keys
from gateway.api import lookup
from gateway.visibility import TABLE, sees

RECIPIENT = {
    "name": "Ana Prado",
    "street": "Rua das Flores 12",
    "city": "Porto",
    "postal_code": "4050-262",
    "country": "PT",
    "email": "Ana.Prado@mail.example",
}
DESTINATION = {"city": "Porto", "country": "PT", "latitude": DOOR[0], "longitude": DOOR[1]}
PATH = "/v1/public/lookup"
SAID = {"events", "last_mile", "said", "shop"}


@pytest.fixture
async def parcel(house):
    """A parcel that is out for delivery with a courier near; its id and the token of its page."""
    account_id = await house.demo_account()
    shipment_id = await house.shipment(destination=DESTINATION, recipient=RECIPIENT, order_number="A-77")
    await house.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    await drive(house, account_id, position_push(1_000, 30, stops_before=1))
    url = (await house.call("GET", f"/v1/shipments/{shipment_id}")).json["tracking_url"]
    return account_id, shipment_id, url.rpartition("/")[2]


async def ask(house, query="", *, body=None, origin=SHOP, key="", address=None):
    headers = {"Accept-Language": "en"} | ({} if origin is None else {"Origin": origin})
    if address is not None:
        headers["X-Forwarded-For"] = address
    key = key or await house.key_of("storefront")
    return await house.call("GET" if body is None else "POST", f"{PATH}{query}", body, key=key, headers=headers)


@pytest.mark.parametrize(
    "facts",
    [
        {"tracking_number": NUMBER, "postal_code": "4050 262"},
        {"tracking_number": "demo-100 200 302", "postal_code": "4050-262"},
        {"order_number": "A-77", "postal_code": "4050262"},
        {"number": "A-77", "email": "ana.prado@MAIL.example "},
        {"number": NUMBER, "email": "ana.prado@mail.example"},
    ],
)
async def test_two_facts_find_the_parcel(house, parcel, facts):
    if facts.get("email", "").endswith(" "):
        facts = facts | {"email": facts["email"].strip()}
    answer = await ask(house, body=facts)
    assert answer.status == 200, answer.body
    (one,) = answer.json["data"]
    assert one["tracking_number"] == NUMBER
    assert one["said"]["headline"] == "Your parcel is out for delivery"
    assert one["tracking_url"].endswith(parcel[2])
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP
    assert answer.headers["Cache-Control"] == "no-store"


async def test_the_facts_may_stand_in_the_query_too_and_the_language_beside_them(house, parcel):
    answer = await ask(house, f"?tracking_number={NUMBER}&postal_code=4050-262&lang=de")
    assert answer.json["data"][0]["said"]["headline"] == "Ihr Paket ist in Zustellung"


async def test_an_order_s_own_recipient_proves_its_parcels(house):
    order = {"order_number": "B-9", "recipient": {"email": "rui@mail.example"}, "destination": {"postal_code": "1000"}}
    assert (await house.call("POST", "/v1/orders", order)).status == 201
    for number in ("DEMO100200310", "DEMO100200328"):
        await house.shipment(number, order_number="B-9")
    for fact in ({"email": "rui@mail.example"}, {"postal_code": "1000"}):
        answer = await ask(house, body={"order_number": "B-9"} | fact)
        assert [one["tracking_number"] for one in answer.json["data"]] == ["DEMO100200328", "DEMO100200310"]


@pytest.mark.parametrize(
    ("facts", "names"),
    [
        ({"tracking_number": NUMBER}, "postal_code"),
        ({"postal_code": "4050-262"}, "tracking_number"),
        ({"number": NUMBER, "order_number": "A-77", "postal_code": "1"}, "order_number"),
        ({"number": NUMBER, "postal_code": "1", "email": "a@b.example"}, "email"),
    ],
)
async def test_both_facts_are_needed_and_each_once(house, facts, names):
    answer = await ask(house, body=facts)
    assert answer.status == 422
    assert f"`{names}`" in answer.json["detail"]


async def test_wrong_and_unknown_are_the_same_answer_and_take_the_same_time(house, parcel):
    asked = {
        "wrong postcode": {"tracking_number": NUMBER, "postal_code": "1000-001"},
        "wrong e-mail": {"tracking_number": NUMBER, "email": "someone@mail.example"},
        "unknown number": {"tracking_number": "DEMO999999999", "postal_code": "4050-262"},
        "unknown order": {"order_number": "A-78", "postal_code": "4050-262"},
        "blank facts": {"tracking_number": "-", "postal_code": "-"},
    }
    bodies, took = {}, {name: [] for name in asked}
    for _ in range(2):
        for name, facts in asked.items():
            began = time.perf_counter()
            answer = await ask(house, body=facts)
            took[name].append(time.perf_counter() - began)
            bodies[name] = (answer.status, answer.json | {"request_id": ""})
    assert {status for status, _ in bodies.values()} == {404}
    assert len({str(body) for _, body in bodies.values()}) == 1
    quickest = [min(times) for times in took.values()]  # what else the machine does is not the answer's
    assert min(quickest) >= lookup.SAME_TIME
    assert max(quickest) < lookup.SAME_TIME * 1.9


async def test_guessing_ends_for_a_number_that_exists_and_for_one_that_does_not(house, parcel, monkeypatch):
    monkeypatch.setattr(lookup, "SAME_TIME", 0)
    for number, other in ((NUMBER, "demo 100 200 302"), ("DEMO999999999", "demo-999999999")):
        for guess in range(5):
            assert (await ask(house, body={"number": number, "postal_code": f"{guess}"})).status == 404
        answer = await ask(house, body={"tracking_number": other, "postal_code": "4050-262"})
        assert (answer.status, answer.json["type"]) == (429, "/problems/rate-limited")
        assert answer.headers["Retry-After"] == "900"
        assert answer.headers["Access-Control-Allow-Origin"] == SHOP


async def test_probing_many_numbers_ends_by_the_caller_s_address(house, parcel, monkeypatch):
    monkeypatch.setattr(lookup, "SAME_TIME", 0)
    for number in range(20):
        assert (await ask(house, body={"number": f"DEMO{number:09}", "postal_code": "1"})).status == 404
    assert (await ask(house, body={"number": "DEMO000000021", "postal_code": "1"})).status == 429
    right = {"number": NUMBER, "postal_code": "4050-262"}
    assert (await ask(house, body=right)).status == 429
    # Nobody behind an invented address is somebody else, as long as the operator names no proxy.
    assert (await ask(house, body=right, address="203.0.113.9")).status == 429


async def test_who_finds_does_not_use_up_their_tries(house, parcel, monkeypatch):
    monkeypatch.setattr(lookup, "SAME_TIME", 0)
    for _ in range(25):
        assert (await ask(house, body={"number": NUMBER, "postal_code": "4050-262"})).status == 200


async def test_another_merchant_s_parcel_is_unknown(house, parcel, monkeypatch):
    monkeypatch.setattr(lookup, "SAME_TIME", 0)
    merchant_id, _ = await house.merchant()
    key = keys.make_key("storefront", merchant_id, origins=(SHOP,))
    await house.gateway.store.write(lambda conn: keys.store_key(conn, key, 0))
    answer = await ask(house, body={"number": NUMBER, "postal_code": "4050-262"}, key=key.text)
    assert answer.status == 404
    headers = {"Authorization": f"Bearer {key.text}", "Origin": SHOP}
    foreign = await house.call("GET", f"/v1/public/shipments/{parcel[2]}", key=None, headers=headers)
    unknown = await house.call("GET", f"/v1/public/shipments/{'a' * 24}", key=None, headers=headers)
    assert foreign.status == unknown.status == 404
    assert foreign.json | {"request_id": ""} == unknown.json | {"request_id": ""}


@pytest.mark.parametrize(
    "origin", ["https://evil.example", None, "null", f"{SHOP}.evil.example", "http://shop.example"]
)
async def test_a_foreign_page_gets_nothing_and_may_not_read_that(house, parcel, origin):
    answer = await ask(house, body={"number": NUMBER, "postal_code": "4050-262"}, origin=origin)
    assert (answer.status, answer.json["type"]) == (403, "/problems/forbidden")
    assert "Access-Control-Allow-Origin" not in answer.headers
    headers = {"Authorization": f"Bearer {await house.key_of('storefront')}"} | ({"Origin": origin} if origin else {})
    answer = await house.call("GET", f"/v1/public/shipments/{parcel[2]}", key=None, headers=headers)
    assert (answer.status, answer.json["type"]) == (403, "/problems/forbidden")
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_browser_may_ask_beforehand_with_the_key_and_a_body(house, parcel):
    for path in (PATH, f"/v1/public/shipments/{parcel[2]}"):
        answer = await house.call("OPTIONS", path, key=None, headers={"Origin": SHOP})
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
        assert answer.headers["Access-Control-Allow-Methods"] == "GET, POST"


async def test_a_token_shows_its_recipient_the_parcel_and_the_courier(house, parcel):
    path = f"/v1/public/shipments/{parcel[2]}"
    answer = await house.call("GET", f"{path}?lang=fr", key=None)
    assert answer.status == 200
    told = answer.json
    assert set(told) - SAID == {name for name in TABLE["shipment"] if sees("recipient", "shipment", name)}
    assert told["last_mile"]["precision"] == "exact"
    assert told["said"]["headline"] == "Votre colis est en cours de livraison"
    assert told["shop"]["name"] == "A shop"
    assert "Access-Control-Allow-Origin" not in answer.headers
    again = await house.call("GET", f"{path}?lang=fr", key=None, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")


async def test_with_a_storefront_key_the_same_token_shows_no_courier(house, parcel):
    headers = {"Authorization": f"Bearer {await house.key_of('storefront')}", "Origin": SHOP}
    answer = await house.call("GET", f"/v1/public/shipments/{parcel[2]}", key=None, headers=headers)
    told = answer.json
    assert set(told) - SAID == {name for name in TABLE["shipment"] if sees("storefront", "shipment", name)}
    assert told["last_mile"] is None
    for secret in (b"Ana", b"Rua das", b"4050", b"A-77", str(DOOR[0]).encode()):
        assert secret not in answer.body
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP


async def test_other_keys_open_no_token(house, parcel):
    for role in ("merchant", "support", "operator"):
        answer = await house.call("GET", f"/v1/public/shipments/{parcel[2]}", key=await house.key_of(role))
        assert answer.status == 403, role


async def test_ended_and_guessed_tokens_look_the_same_and_guessing_ends(house, parcel, monkeypatch):
    _, shipment_id, token = parcel
    await house.call("DELETE", f"/v1/shipments/{shipment_id}/tracking-link")
    tries = [token, "a" * 24, "x", "%00", "b" * 5_000]
    answers = [await house.call("GET", f"/v1/public/shipments/{one}", key=None) for one in tries]
    assert {one.status for one in answers} == {404}
    assert len({str(one.json | {"request_id": ""}) for one in answers}) == 1
    statuses = [(await house.call("GET", f"/v1/public/shipments/{'c' * 24}", key=None)).status for _ in range(60)]
    assert statuses.index(429) == 55
    await asyncio.sleep(0)


async def test_behind_the_operator_s_own_proxy_the_address_it_tells_counts(house, parcel, monkeypatch):
    monkeypatch.setattr(lookup, "SAME_TIME", 0)
    settings = house.gateway.settings.model_copy(update={"trust_forwarded_for": True})
    monkeypatch.setattr(house.gateway, "settings", settings)
    for number in range(20):
        await ask(house, body={"number": f"DEMO{number:09}", "postal_code": "1"}, address="198.51.100.7, 203.0.113.9")
    right = {"number": NUMBER, "postal_code": "4050-262"}
    assert (await ask(house, body=right, address="203.0.113.9")).status == 429
    assert (await ask(house, body=right, address="203.0.113.9, 203.0.113.10")).status == 200


async def test_lookups_leave_no_word_of_it_in_the_logs(house, parcel, logs):
    await ask(house, f"?tracking_number={NUMBER}&email=ana.prado@mail.example")
    await ask(house, body={"number": "A-77", "postal_code": "4050-262"})
    said = logs.getvalue()
    assert PATH in said
    for secret in ("ana.prado", "4050", "A-77"):
        assert secret not in said
