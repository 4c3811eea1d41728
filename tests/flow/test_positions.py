"""Couriers on the map: seen live by whoever may, by nobody else, and gone when the parcel is there."""

import asyncio
import contextlib
import time

import pytest
from flow.roads import DOOR, NUMBER, drive, messages, open_page, place, position_push, watching
from sqlalchemy import func, select

from gateway.keys import ROLES
from gateway.lastmile import positions as positions_module
from gateway.lastmile import sight, whereabouts
from gateway.lastmile.tables import Tables as Rows
from gateway.tables import Tables
from normalizer.geo import blurred

DESTINATION = {"city": "Porto", "country": "PT", "latitude": DOOR[0], "longitude": DOOR[1]}


@pytest.fixture
async def out(house):
    """An account of the demo carrier and a shipment out for delivery, seven stops away."""
    account_id = await house.demo_account()
    shipment_id = await house.shipment(destination=DESTINATION)
    await house.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    return account_id, shipment_id


def count(table):
    return lambda conn: conn.execute(select(func.count()).select_from(table)).scalar_one()


async def test_a_courier_is_seen_live_by_all_who_watch(house, out, monkeypatch):
    monkeypatch.setattr("gateway.api.positions.HEARTBEAT", 0.1)
    account_id, shipment_id = out
    await drive(house, account_id, position_push(4_000, 60, stops_before=2, heading=180, speed=8))
    path = f"/v1/shipments/{shipment_id}/position"
    first = (await house.call("GET", path)).json
    assert (first["stage"], first["precision"], first["stale"]) == ("near", "exact", False)
    assert first["position"] | {"at": ""} == {
        "at": "",
        "latitude": pytest.approx(place(4_000)[0], abs=1e-6),
        "longitude": DOOR[1],
        "accuracy": 25,
        "heading": 180,
        "speed": 8,
        "eta": None,
        "stops_before": 2,
    }
    async with watching(house, f"{path}/stream") as one, watching(house, f"{path}/stream") as other:
        assert await one.sees() == {name: first[name] for name in ("stage", "precision", "position", "stale")}
        assert await other.sees() == await _as_streamed(house, path)
        await drive(house, account_id, position_push(3_500, 0, stops_before=1))
        seen = await one.sees()
        assert seen["position"]["latitude"] == pytest.approx(place(3_500)[0], abs=2e-5)
        assert seen["position"]["stops_before"] == 1
        assert await other.sees() == seen
    await house.until(lambda: house.gateway.positions.watching == 0)
    assert not house.gateway.positions.watched


async def _as_streamed(house, path):
    told = (await house.call("GET", path)).json
    return {name: told[name] for name in ("stage", "precision", "position", "stale")}


async def test_what_is_watched_is_told_as_the_same_bytes_to_everybody(house, out):
    account_id, shipment_id = out
    await drive(house, account_id, position_push(4_000, 60))
    positions = house.gateway.positions
    with (
        positions.watch(house.merchant_id, shipment_id, "merchant") as one,
        positions.watch(house.merchant_id, shipment_id, "support") as other,
    ):
        assert await one.news(5) is await other.news(5)


class Line:
    """What a watcher is written to; where it is jammed, nothing has left yet."""

    def __init__(self):
        self.frames, self.jammed = [], False

    def free(self):
        return not self.jammed

    def write(self, frame):
        self.frames.append(frame)


async def test_who_keeps_up_is_written_to_at_once_and_who_does_not_gets_the_latest_alone(house, out):
    account_id, shipment_id = out
    await drive(house, account_id, position_push(4_000, 60))
    positions = house.gateway.positions
    with contextlib.ExitStack() as stack:
        quick, slow = [
            stack.enter_context(positions.watch(house.merchant_id, shipment_id, "support")) for _ in range(2)
        ]
        for one in (quick, slow):
            assert await one.news(5) is not None
            one.line = Line()
        slow.line.jammed = True
        waiting = asyncio.create_task(quick.news(60))
        for metres in (3_900, 3_800, 3_700):
            await drive(house, account_id, position_push(metres, 40 - (4_000 - metres) / 10))
        await house.until(lambda: len(quick.line.frames) == 3)
        assert await slow.news(5) == quick.line.frames[-1]
        assert slow.line.frames == []
        assert not waiting.done()  # nobody had to wake it
        waiting.cancel()


async def test_what_many_watchers_find_new_is_told_once(house, out):
    _, shipment_id = out
    key, positions = (house.merchant_id, shipment_id), house.gateway.positions
    with (
        positions.watch(*key, "recipient", changes=True) as one,
        positions.watch(*key, "recipient", changes=True) as other,
    ):
        for watcher in (one, other):
            assert await watcher.news(5) is not None
        for value in (7, 7):
            positions.note(key, "changed", value)
        assert await one.news(5) == b"event: changed\ndata: {}\n\n"
        positions.note(key, "changed", 7)
        assert one.fresh() is None
        positions.note(key, "changed", 8)
        assert one.fresh() == other.fresh() == b"event: changed\ndata: {}\n\n"


async def test_a_position_that_is_older_jumps_or_lies_in_the_future_moves_nobody(house, out):
    account_id, shipment_id = out
    path = f"/v1/shipments/{shipment_id}/position"
    await drive(house, account_id, position_push(4_000, 60))
    first = (await house.call("GET", path)).json
    await drive(house, account_id, position_push(3_900, 90))
    await drive(house, account_id, position_push(40_000, 30))
    await drive(house, account_id, position_push(3_900, -600))
    assert (await house.call("GET", path)).json == first
    await drive(house, account_id, position_push(3_900, 4_000))
    await drive(house, account_id, position_push(3_800, 10))
    assert (await house.call("GET", path)).json["position"]["latitude"] == pytest.approx(place(3_800)[0], abs=1e-4)


async def test_who_was_silent_too_long_is_shown_as_stale_and_the_stream_says_so(house, out, monkeypatch):
    account_id, shipment_id = out
    path = f"/v1/shipments/{shipment_id}/position"
    await drive(house, account_id, position_push(4_000, 60))
    async with watching(house, f"{path}/stream") as eyes:
        assert (await eyes.sees())["stale"] is False
        monkeypatch.setattr(whereabouts, "STALE_AFTER", 50_000)
        seen = await eyes.sees()
        assert seen["stale"] is True
        assert seen["position"]["at"]
    assert (await house.call("GET", path)).json["stale"] is True


async def test_after_the_delivery_the_position_is_gone_from_view_and_from_disk(house, out):
    account_id, shipment_id = out
    page = await open_page(house, shipment_id)
    await drive(house, account_id, position_push(4_000, 60, stops_before=1))
    path = f"/v1/shipments/{shipment_id}/position"
    async with watching(house, f"{path}/stream") as support, watching(house, f"{page}/stream", None) as recipient:
        assert (await support.sees())["position"] is not None
        assert (await recipient.sees())["position"] is not None
        await house.tell(account_id, NUMBER, "PICKED_UP", "OUT", "DELIVERED")
        over = {"stage": "over", "precision": "proof", "position": None, "stale": False}
        assert await support.sees() == over
        assert await recipient.sees() == over
        await drive(house, account_id, position_push(100, 0))
    assert await house.gateway.store.read(count(Tables.position)) == 0
    assert (await house.call("GET", path)).json["position"] is None


async def test_bytes_that_told_only_where_a_courier_was_are_not_kept(house, out):
    account_id, _ = out
    before = await house.gateway.store.read(count(Tables.payload))
    await drive(house, account_id, position_push(4_000, 60), position_push(3_900, 30))
    assert await house.gateway.store.read(count(Tables.payload)) == before


async def test_positions_are_told_by_message_only_to_those_who_ask(house, out):
    account_id, _ = out
    await drive(house, account_id, position_push(4_000, 60))
    assert await messages(house, "courier.position") == []
    wish = {"url": f"{house.url}/hook", "event_types": ["courier.position"]}
    assert (await house.call("POST", "/v1/endpoints", wish)).status == 201
    await drive(house, account_id, position_push(3_900, 40), position_push(3_850, 39), position_push(3_500, 10))
    told = await messages(house, "courier.position")
    assert 2 <= len(told) <= 3  # those of one quarter of a minute are one message
    assert told[-1]["data"]["position"]["latitude"] == pytest.approx(place(3_500)[0], abs=2e-4)
    assert told[-1]["data"]["shipment"]["status"] == "out_for_delivery"


async def test_another_process_s_news_are_found_within_seconds(house, out):
    """As it is where ingest runs elsewhere: nobody tells this process."""
    account_id, shipment_id = out
    house.gateway.ingest.on_seen = lambda _seen: None
    await drive(house, account_id, position_push(4_000, 60))
    async with watching(house, f"/v1/shipments/{shipment_id}/position/stream") as eyes:
        await eyes.sees()
        began = time.monotonic()
        await drive(house, account_id, position_push(3_000, 5))
        assert (await eyes.sees())["position"]["latitude"] == pytest.approx(place(3_000)[0], abs=1e-4)
        assert time.monotonic() - began < positions_module.LOOK_EVERY + 5


@pytest.mark.parametrize("stage", sight.STAGES)
async def test_the_table_of_sight_holds_over_every_way_out(house, stage):
    """Cell by cell: each stage, each viewer; by call, by stream, and by the recipient's page."""
    account_id = await house.demo_account()
    shipment_id = await house.shipment(destination=DESTINATION)
    page = await open_page(house, shipment_id)
    words = {"before": (), "far": ("OUT",), "near": ("OUT",), "door": ("OUT",), "over": ("OUT", "DELIVERED")}
    codes = ("PICKED_UP", *words[stage])
    await house.tell(account_id, NUMBER, *codes[: 2 if stage == "over" else None])
    here = {"before": 6_000, "far": 6_000, "near": 1_500, "door": 20, "over": 20}[stage]
    where = {"stops_before": 7} if stage == "far" else {}
    await drive(house, account_id, position_push(here, 60, **where), position_push(here, 30, **where))
    await house.tell(account_id, NUMBER, *codes)

    exact = place(here)
    for viewer in (*ROLES, "recipient"):
        wanted = sight.SIGHT[viewer][stage]
        path = page if viewer == "recipient" else f"/v1/shipments/{shipment_id}/position"
        key = None if viewer == "recipient" else await house.key_of(viewer)
        headers = {"Origin": "https://shop.example"}
        answer = await house.call("GET", path, key=key, headers=headers)
        stream = await house.call("HEAD", f"{path}/stream", key=key, headers=headers)
        if wanted == "none" and viewer in ("storefront", "operator"):
            assert answer.status == 403
            assert stream.status in (403, 405)
            assert b"latitude" not in answer.body
            continue
        async with watching(house, f"{path}/stream", key) as eyes:
            streamed = await eyes.sees()
        for told in (answer.json, streamed):
            assert (told["stage"], told["precision"]) == (stage, wanted), viewer
            if wanted in ("proof", "none"):
                assert told["position"] is None
            elif wanted == "blurred":
                seen = told["position"]
                assert (seen["latitude"], seen["longitude"]) == blurred(*exact)
                assert (seen["heading"], seen["speed"], seen["accuracy"]) == (None, None, None)
                assert seen["at"].endswith(":00Z")
            else:
                assert told["position"]["latitude"] == pytest.approx(exact[0], abs=1e-5)


def test_the_table_of_sight_has_a_cell_for_everybody_at_every_stage():
    assert {viewer: tuple(row) for viewer, row in sight.SIGHT.items()} == dict.fromkeys(sight.VIEWERS, sight.STAGES)
    assert set(ROLES) | {"recipient"} == set(sight.VIEWERS)
    assert sight.precision("stranger", "near") == "none"


async def test_a_blurred_eye_gets_one_place_a_minute_however_often_it_looks(house, out):
    account_id, shipment_id = out
    page = await open_page(house, shipment_id)
    since = time.time() % 60 + 60  # seconds ago a whole minute began
    async with watching(house, f"{page}/stream", None) as eyes:
        await drive(house, account_id, position_push(9_000, since - 1, stops_before=8))
        first = await eyes.sees()
        if first["position"] is None:  # it looked before the courier was known
            first = await eyes.sees()
        for metres, second in ((8_700, 11), (8_300, 21), (7_900, 31), (7_500, 41)):
            await drive(house, account_id, position_push(metres, since - second, stops_before=8))
            assert (await house.call("GET", page, key=None)).json["position"] == first["position"]
        await drive(house, account_id, position_push(7_000, 0, stops_before=2))
        assert (await eyes.sees())["precision"] == "exact"


async def test_a_token_that_opens_nothing_looks_like_any_other(house, out):
    _, shipment_id = out
    await open_page(house, shipment_id)
    for path in ("/v1/public/shipments/x/courier", "/v1/public/shipments/x/courier/stream"):
        answer = await house.call("GET", path, key=None)
        assert (answer.status, answer.json["type"]) == (404, "/problems/not-found")


async def test_a_stream_ends_with_the_key_or_the_token_that_opened_it(house, out, monkeypatch):
    _, shipment_id = out
    page = await open_page(house, shipment_id)
    monkeypatch.setattr("gateway.api.positions.HEARTBEAT", 0.05)
    made = (await house.call("POST", "/v1/keys", {"role": "support"})).json
    path = f"/v1/shipments/{shipment_id}/position/stream"
    async with watching(house, path, made["key"]) as agent, watching(house, f"{page}/stream", None) as recipient:
        await agent.sees()
        await recipient.sees()
        await house.call("DELETE", f"/v1/keys/{made['id']}")
        await open_page(house, shipment_id)
        for eyes in (agent, recipient):
            with pytest.raises(EOFError):
                await asyncio.wait_for(eyes.rest(), 10)


async def test_arriving_is_told_once_and_what_happened_at_the_door_is_kept(house, out):
    account_id, shipment_id = out
    await drive(house, account_id, position_push(4_000, 400), position_push(560, 300), position_push(470, 280))
    (told,) = await messages(house, "courier.arriving")
    assert told["data"]["arriving"]["attempt"] == 1
    assert told["data"]["shipment"]["id"] == shipment_id
    near = [position_push(metres, ago) for metres, ago in ((520, 270), (430, 260), (20, 200), (10, 170), (400, 60))]
    await drive(house, account_id, *near)
    assert await messages(house, "courier.arriving") == [told]
    approach = (await house.call("GET", f"/v1/shipments/{shipment_id}/position")).json["approach"]
    assert approach["dwell_seconds"] == 140
    assert approach["arriving_at"] == told["data"]["arriving"]["at"]


async def test_jitter_and_a_jump_fire_nothing(house, out):
    account_id, _ = out
    for ago, metres in ((200, 505), (190, 490), (180, 510), (170, 480), (160, 505)):
        await drive(house, account_id, position_push(metres, ago))  # the demo's fixes are 25 m vague
    await drive(house, account_id, position_push(3_000, 100), position_push(0, 99), position_push(2_950, 90))
    assert await messages(house, "courier.arriving") == []


async def test_a_fence_of_its_own_in_metres_or_minutes(house, out):
    account_id, shipment_id = out
    path = f"/v1/shipments/{shipment_id}/drop-off"
    given = {"latitude": place(2_000)[0], "longitude": DOOR[1], "arriving": {"metres": 100}}
    kept = (await house.call("PUT", path, given)).json
    assert kept == (await house.call("GET", path)).json
    assert kept == given | {"arriving": {"metres": 100, "minutes": None}}
    await drive(house, account_id, position_push(1_000, 300), position_push(300, 200))
    assert await messages(house, "courier.arriving") == []
    await drive(house, account_id, position_push(1_970, 20))
    assert len(await messages(house, "courier.arriving")) == 1
    assert (await house.call("PUT", path, {"arriving": {"metres": 100, "minutes": 5}})).pointers == ["/arriving"]
    assert (await house.call("PUT", path, {"latitude": 41.0})).status == 422


async def test_the_merchant_s_own_fence_holds_for_shipments_without_one(house, out):
    account_id, _ = out
    wish = {"arriving": {"metres": 3_000}, "near": {"stops": 1}}
    kept = (await house.call("PUT", "/v1/last-mile", wish)).json
    assert kept == {
        "arriving": {"metres": 3_000, "minutes": None},
        "near": {"stops": 1, "minutes": 30, "metres": 2_000},
        "conversation": {"hours": 24, "text_in_messages": False},
        "rating": {"ask": False, "hours": 3},
        "arrival": {"moved_minutes": 60},
    }
    assert (await house.call("GET", "/v1/last-mile")).json == kept
    await drive(house, account_id, position_push(2_900, 60))
    assert len(await messages(house, "courier.arriving")) == 1
    assert (await house.call("PUT", "/v1/last-mile", {"arriving": {"minutes": 10}})).json["arriving"] == {
        "metres": None,
        "minutes": 10.0,
    }


async def test_a_carrier_that_says_arriving_itself_is_told_on_once(house, out):
    account_id, shipment_id = out
    await house.tell(account_id, NUMBER, "PICKED_UP", "OUT", "ARRIVING")
    await house.tell(account_id, NUMBER, "PICKED_UP", "OUT", "ARRIVING", "NOTE")
    await drive(house, account_id, position_push(100, 10))
    assert len(await messages(house, "courier.arriving")) == 1
    assert (await house.call("GET", f"/v1/shipments/{shipment_id}/position")).json["stage"] == "near"


async def test_a_second_attempt_arrives_again(house, out):
    account_id, _ = out
    await drive(house, account_id, position_push(300, 100))
    await house.tell(account_id, NUMBER, "PICKED_UP", "OUT", "NOBODY_HOME")
    await drive(house, account_id, position_push(300, 50))  # nobody's business: this attempt is over
    await house.tell(account_id, NUMBER, "PICKED_UP", "OUT", "NOBODY_HOME", "OUT")
    await drive(house, account_id, position_push(300, 10))
    assert [told["data"]["arriving"]["attempt"] for told in await messages(house, "courier.arriving")] == [1, 2]
    rows = await house.gateway.store.read(lambda conn: conn.execute(select(Rows.approach)).mappings().all())
    assert [row["attempt"] for row in rows] == [1, 2]


async def test_no_door_is_guessed_from_a_town(house):
    account_id = await house.demo_account()
    await house.shipment(destination={"city": "Porto", "country": "PT"})
    await house.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    await drive(house, account_id, position_push(100, 60), position_push(10, 30))
    assert await messages(house, "courier.arriving") == []


async def test_the_place_of_the_hand_over_is_what_remains(house, out):
    account_id, shipment_id = out
    page = await open_page(house, shipment_id)
    event = {"status": "delivered", "at": "2026-11-04T10:00:00Z", "place": {"latitude": DOOR[0], "longitude": DOOR[1]}}
    assert (await house.call("POST", f"/v1/shipments/{shipment_id}/events", event)).status == 201
    remains = {"latitude": DOOR[0], "longitude": DOOR[1]}
    for path, key in ((f"/v1/shipments/{shipment_id}/position", ""), (page, None)):
        assert (await house.call("GET", path, key=key)).json["proof_place"] == remains
    await drive(house, account_id, position_push(100, 0))
    assert (await house.call("GET", page, key=None)).json["position"] is None
