"""Who sees what, cell by cell: every field of the table of visibility, for every viewer, over every face there is.

Each field holds a word that stands nowhere else, so a field that leaks is found wherever it comes out.
"""

import re

import orjson
import pytest
from flow.conftest import SHOP
from flow.roads import DOOR, NUMBER, drive, place, position_push, watching
from flow.test_storefront import SAID
from flow.test_tracking_page import post
from sqlalchemy import update

from gateway.lastmile import sight
from gateway.tables import Tables
from gateway.visibility import TABLE, sees
from normalizer.geo import blurred

RECIPIENT = {
    "name": "Wrenname",
    "street": "Larkstreet 12",
    "city": "Porto",
    "postal_code": "4050-262",
    "country": "PT",
    "email": "finch@mail.example",
    "phone": "+351999888777",
}
DESTINATION = {"street": "Robinstreet 5", "city": "Porto", "country": "PT", "postal_code": "4050-263"}
PLANTED = {
    "signed_by": "Kestrelsigner",
    "service_code": "PLOVERCODE",
    "weight_grams": 987_123,
    "dimensions_mm": [771, 772, 773],
    "references": ["Swiftreference"],
    "origin": {"city": "Heronorigin", "country": "PT"},
    "carrier_destination": {"street": "Owlstreet 3", "country": "PT"},
    "proofs": [{"kind": "photo", "reference": "Falconproof", "inline": False, "text": None}],
    "courier": "Siskin",
    "courier_vehicle": "Teal van",
    "returns_as": "DEMOSTORKRETURN",
    "extra": {"said": "Bitternextra"},
}
PLANTED_EVENT = {
    "piece": "PIECECRANE",
    "code": "CODEGULL",
    "codes": ["CODEGULL", "CODETERN"],
    "signed_by": "Merlinsigner",
    "proofs": [{"kind": "photo", "reference": "Harrierproof", "inline": False, "text": None}],
    "place": {"city": "Egrettown", "country": "PT"},
    "payload_id": "pay_osprey",
    "extra": {"said": "Avocetextra"},
    "told_time": "2099-11-07T05:03:01Z",
}
WORDS = {
    "shipment": {
        "account": "acc_",
        "order_number": "ORDER-RAVEN",
        "destination": "Robinstreet",
        "metadata": "Jackdawmeta",
        "recipient": "Larkstreet",
        "signed_by": "Kestrelsigner",
        "service_code": "PLOVERCODE",
        "weight_grams": "987123",
        "dimensions_mm": "772",
        "references": "Swiftreference",
        "origin": "Heronorigin",
        "carrier_destination": "Owlstreet",
        "proofs": "Falconproof",
        "courier": "Siskin",
        "courier_vehicle": "Teal van",
        "returns_as": "DEMOSTORKRETURN",
        "extra": "Bitternextra",
    },
    "event": {
        "piece": "PIECECRANE",
        "code": "CODEGULL",
        "codes": "CODETERN",
        "signed_by": "Merlinsigner",
        "proofs": "Harrierproof",
        "place": "Egrettown",
        "payload_id": "pay_osprey",
        "extra": "Avocetextra",
        "told_time": "2099-11-07T05:03:01Z",
    },
}
"""A word of each field that not everybody sees; the others are held by the names of the fields."""
ON_THE_PAGE = {
    "recipient": {"courier", "courier_vehicle", "order_number", "place"},
    "proven": {"courier", "courier_vehicle", "order_number", "recipient", "signed_by"},
}
"""Fields the tracking page must show, so that the test would see if it showed nothing."""


@pytest.fixture
async def planted(house):
    """A parcel on the road whose every field holds a word of its own; its id and its page's token."""
    return await plant(house)


async def plant(house):
    account_id = await house.demo_account()
    wish = {"destination": DESTINATION, "recipient": RECIPIENT, "order_number": "ORDER-RAVEN"}
    shipment_id = await house.shipment(metadata={"note": "Jackdawmeta"}, **wish)
    await house.tell(account_id, NUMBER, "PICKED_UP", "OUT")

    def work(conn):
        table, events = Tables.shipment, Tables.event
        row = conn.execute(table.select().where(table.c.id == shipment_id)).mappings().one()
        state = orjson.dumps(orjson.loads(row["state"]) | PLANTED)
        conn.execute(update(table).where(table.c.id == shipment_id).values(state=state))
        for one in conn.execute(events.select().where(events.c.shipment_id == shipment_id)).mappings().all():
            body = orjson.dumps(orjson.loads(one["body"]) | PLANTED_EVENT)
            conn.execute(update(events).where(events.c.id == one["id"]).values(body=body))

    await house.gateway.store.write(work)
    url = (await house.call("GET", f"/v1/shipments/{shipment_id}")).json["tracking_url"]
    return shipment_id, url.rpartition("/")[2]


def may(viewer, kind):
    return {field for field in TABLE[kind] if sees(viewer, kind, field)}


def leaks(viewer, text):
    """The cells of fields a viewer must not see whose word stands in a text."""
    found = []
    for kind, words in WORDS.items():
        other = "event" if kind == "shipment" else "shipment"
        for field, word in words.items():
            hidden = not sees(viewer, kind, field) and word not in WORDS[other].values()
            if hidden and word in text:
                found.append(f"{kind}.{field}")
    return found


def test_every_field_that_not_everybody_sees_has_a_word_or_is_held_by_its_name():
    for kind, words in WORDS.items():
        assert set(words) <= set(TABLE[kind])
        for field, word in words.items():
            assert not all(sees(viewer, kind, field) for viewer in ("storefront", "recipient", "proven")), field
            assert sum(word in other for others in WORDS.values() for other in others.values()) == 1, word


async def _json_faces(house, shipment_id, token):
    """Every face that answers JSON: viewer, name, the shipment's fields, the events'."""
    origin = {"Origin": SHOP}
    for role in ("merchant", "support", "storefront"):
        key = await house.key_of(role)
        path = f"/v1/shipments/{shipment_id}"
        one = (await house.call("GET", path, key=key, headers=origin)).json
        events = (await house.call("GET", f"{path}/events", key=key, headers=origin)).json["data"]
        yield role, "API", one, events
    storefront = await house.key_of("storefront")
    for viewer, key in (("recipient", None), ("storefront", storefront)):
        one = (await house.call("GET", f"/v1/public/shipments/{token}", key=key, headers=origin)).json
        yield viewer, "token", one, one["events"]
    facts = {"number": NUMBER, "postal_code": "4050-262"}
    (one,) = (await house.call("POST", "/v1/public/lookup", facts, key=storefront, headers=origin)).json["data"]
    yield "storefront", "lookup", one, one["events"]


async def test_json_shows_each_viewer_exactly_its_fields(house, planted):
    seen = set()
    async for viewer, face, shipment, events in _json_faces(house, *planted):
        seen.add((viewer, face))
        assert set(shipment) - SAID == may(viewer, "shipment"), (viewer, face)
        for event in events:
            assert set(event) == may(viewer, "event"), (viewer, face)
        text = orjson.dumps([shipment, events]).decode()
        assert leaks(viewer, text) == [], (viewer, face)
        for kind, words in WORDS.items():
            for field, word in words.items():
                if sees(viewer, kind, field) and viewer in ("merchant", "support"):
                    assert word in text, (viewer, face, field)
    assert len(seen) == 6


async def test_an_operator_and_strangers_see_no_parcel_on_any_face(house, planted):
    shipment_id, token = planted
    operator = await house.key_of("operator")
    paths = (
        f"/v1/shipments/{shipment_id}",
        f"/v1/public/shipments/{token}",
        "/v1/stream",
        "/v1/public/lookup?number=1",
    )
    for path in paths:
        answer = await house.call("GET", path, key=operator, headers={"Origin": SHOP})
        assert answer.status == 403, path
    for path in (
        f"/v1/shipments/{shipment_id}",
        "/v1/stream",
        f"/v1/public/lookup?number={NUMBER}&postal_code=4050-262",
    ):
        assert (await house.call("GET", path, key=None)).status == 401, path


@pytest.mark.parametrize("viewer", ["recipient", "proven"])
async def test_the_page_shows_each_viewer_no_other_field(house, planted, viewer):
    path = f"/t/{planted[1]}"
    cookie = {}
    if viewer == "proven":
        status, _, headers = await post(house, f"{path}/postcode", postcode="4050-262")
        assert status == 303
        cookie = {"Cookie": headers["Set-Cookie"].split(";")[0]}
    html = (await house.call("GET", path, key=None, headers={"Accept-Language": "en"} | cookie)).body.decode()
    assert leaks(viewer, html) == []
    words = WORDS["event"] | WORDS["shipment"]
    assert [field for field in ON_THE_PAGE[viewer] if words[field] not in html] == []
    for identity in (planted[0], house.merchant_id):
        assert identity not in html
    for file in ("app.webmanifest", "brand.css"):
        assert leaks("storefront", (await house.call("GET", f"{path}/{file}", key=None)).body.decode()) == []


@pytest.mark.parametrize("kind", [kind for kind in TABLE if kind not in ("shipment", "event")])
def test_what_is_no_parcel_is_on_no_public_face(kind):
    for viewer in ("storefront", "recipient", "proven"):
        assert may(viewer, kind) == set()


async def test_a_stream_of_messages_is_for_the_merchant_s_own_people(house, planted):
    for role in ("storefront", "operator"):
        answer = await house.call("GET", "/v1/stream", key=await house.key_of(role), headers={"Origin": SHOP})
        assert answer.status == 403, role


HERE = {"before": 6_000, "far": 6_000, "near": 1_500, "door": 20, "over": 20}


@pytest.mark.parametrize("stage", sight.STAGES)
async def test_where_the_courier_is_stands_on_the_public_faces_as_the_table_of_sight_says(house, stage):
    """The page, its stream, the token's JSON and its stream, the storefront's JSON; tests/flow/test_positions.py has
    the calls with a key."""
    account_id = await house.demo_account()
    door = {"city": "Porto", "country": "PT", "latitude": DOOR[0], "longitude": DOOR[1]}
    shipment_id = await house.shipment(destination=door, recipient=RECIPIENT)
    token = (await house.call("GET", f"/v1/shipments/{shipment_id}")).json["tracking_url"].rpartition("/")[2]
    codes = ("PICKED_UP", *{"before": (), "over": ("OUT", "DELIVERED")}.get(stage, ("OUT",)))
    await house.tell(account_id, NUMBER, *codes[: 2 if stage == "over" else None])
    where = {"stops_before": 7} if stage == "far" else {}
    await drive(house, account_id, position_push(HERE[stage], 60, **where), position_push(HERE[stage], 30, **where))
    await house.tell(account_id, NUMBER, *codes)

    exact = place(HERE[stage])
    wanted = sight.SIGHT["recipient"][stage]
    public = (await house.call("GET", f"/v1/public/shipments/{token}", key=None)).json["last_mile"]
    html = (await house.call("GET", f"/t/{token}", key=None)).body.decode()
    drawn = orjson.loads(re.search(r'data-map="([^"]*)"', html)[1].replace("&#34;", '"').replace("&amp;", "&"))
    seen = [public, drawn]
    for stream in (f"/t/{token}/live", f"/v1/public/shipments/{token}/courier/stream"):
        async with watching(house, stream, None) as eyes:
            seen.append(await eyes.sees())
    for told in seen:
        assert told["precision"] == wanted
        position = told["position"]
        if wanted in ("none", "proof"):
            assert position is None
        elif wanted == "blurred":
            assert (position["latitude"], position["longitude"]) == blurred(*exact)
        else:
            assert position["latitude"] == pytest.approx(exact[0], abs=1e-5)

    assert sight.SIGHT["storefront"][stage] == "none"
    key, origin = await house.key_of("storefront"), {"Origin": SHOP}
    facts = {"number": NUMBER, "postal_code": "4050-262"}
    for answer in (
        await house.call("GET", f"/v1/public/shipments/{token}", key=key, headers=origin),
        await house.call("POST", "/v1/public/lookup", facts, key=key, headers=origin),
    ):
        assert answer.status == 200
        assert b'"last_mile":null' in answer.body
        assert b"latitude" not in answer.body
        assert b"stage" not in answer.body


async def test_how_many_come_first_is_said_as_the_newest_news_has_it(house):
    account_id = await house.demo_account()
    shipment_id = await house.shipment(recipient=RECIPIENT)
    await house.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    table = Tables.shipment

    def nine(conn):
        row = conn.execute(table.select().where(table.c.id == shipment_id)).mappings().one()
        state = orjson.dumps(orjson.loads(row["state"]) | {"stops_before": 9})
        conn.execute(update(table).where(table.c.id == shipment_id).values(state=state))

    await house.gateway.store.write(nine)
    token = (await house.call("GET", f"/v1/shipments/{shipment_id}")).json["tracking_url"].rpartition("/")[2]
    path = f"/v1/public/shipments/{token}?lang=en"
    assert (await house.call("GET", path, key=None)).json["said"]["beside"] == "9 stops before you"
    await drive(house, account_id, position_push(1_500, 10, stops_before=2))
    for key in (None, await house.key_of("storefront")):
        told = (await house.call("GET", path, key=key, headers={"Origin": SHOP})).json
        assert (told["stops_before"], told["said"]["beside"]) == (2, "2 stops before you")
