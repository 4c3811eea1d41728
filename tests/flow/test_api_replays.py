"""What went wrong is made good over the API: the dead listed and requeued, replays watched, readers that poll."""

import asyncio

import pytest
from faults.receiver import receiving

pytestmark = pytest.mark.both_databases


@pytest.fixture
async def receiver():
    async with receiving() as it:
        yield it


SOON = [0.0]
"""A schedule of one try: what fails is dead at once."""


async def lane_of(house, endpoint_id):
    return (await house.call("GET", f"/v1/endpoints/{endpoint_id}")).json["lane"]


@pytest.fixture
async def failing(house, receiver):
    """An endpoint with dead messages of two parcels: in_transit and out_for_delivery each."""
    receiver.otherwise["/hook"] = 500
    wish = {"url": receiver.url(), "schedule": SOON, "concurrency": 1, "ordering": "none"}
    made = (await house.call("POST", "/v1/endpoints", wish)).json
    account_id = await house.demo_account()
    for number in ("DEMO100200302", "DEMO770044006"):
        await house.tell(account_id, number, "PICKED_UP", "OUT")

    async def all_dead():
        lane = await lane_of(house, made["id"])
        return (lane["dead"], lane["behind"]) == (4, 0)

    await house.until(all_dead)
    receiver.got.clear()
    receiver.otherwise["/hook"] = 200
    return made["id"]


async def replay_done(house, endpoint_id, replay_id):
    async def done():
        return (await house.call("GET", f"/v1/endpoints/{endpoint_id}/replays/{replay_id}")).json["state"] == "done"

    await house.until(done)
    return (await house.call("GET", f"/v1/endpoints/{endpoint_id}/replays/{replay_id}")).json


async def test_the_dead_are_listed_by_type_parcel_reason_and_time_page_by_page(house, failing):
    path = f"/v1/endpoints/{failing}/dead"
    everything = (await house.call("GET", path)).json
    types = [one["type"] for one in everything["data"]]
    assert types == ["shipment.out_for_delivery", "shipment.in_transit"] * 2
    assert {one["reason"] for one in everything["data"]} == {"status 500"}
    first = (await house.call("GET", f"{path}?limit=3")).json
    rest = (await house.call("GET", f"{path}?limit=3&cursor={first['next_cursor']}")).json
    assert (first["data"] + rest["data"], rest["next_cursor"]) == (everything["data"], None)
    parcel = everything["data"][0]["shipment_id"]
    for query, count in (
        ("event_types=shipment.in_transit", 2),
        ("event_types=order.*", 0),
        (f"shipment_id={parcel}", 2),
        (f"shipment_id={parcel}&event_types=shipment.in_transit,shipment.delivered", 1),
        ("reason=status%20500", 4),
        ("reason=timeout", 0),
        ("since=2026-01-01T00:00:00Z", 4),
        ("until=2026-01-01T00:00:00Z", 0),
    ):
        assert len((await house.call("GET", f"{path}?{query}")).json["data"]) == count, query
    for query, pointer in (
        ("event_types=nonsense", "?event_types"),
        ("since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "?until"),
        ("colour=red", "?colour"),
    ):
        wrong = await house.call("GET", f"{path}?{query}")
        assert (wrong.status, wrong.pointers) == (422, [pointer])
    assert (await house.call("GET", "/v1/endpoints/ep_of_nobody/dead")).status == 404
    _, stranger = await house.merchant()
    assert (await house.call("GET", path, key=stranger)).status == 404


async def test_a_filtered_requeue_sends_those_and_leaves_the_others_dead(house, receiver, failing):
    path = f"/v1/endpoints/{failing}/dead"
    answer = await house.call("POST", f"{path}/requeue", {"event_types": ["shipment.in_transit"]})
    assert (answer.status, answer.json["messages"], answer.json["only_failed"]) == (202, 2, True)
    done = await replay_done(house, failing, answer.json["id"])
    assert (done["progress"], done["left"]) == (1.0, 0)
    assert done["ended_at"] is not None
    assert len(receiver.got) == 2
    left = (await house.call("GET", path)).json["data"]
    assert [one["type"] for one in left] == ["shipment.out_for_delivery"] * 2
    everything = await house.call("POST", f"{path}/requeue")
    assert everything.json["messages"] == 2
    await replay_done(house, failing, everything.json["id"])
    assert (await house.call("GET", path)).json["data"] == []
    nothing = (await house.call("POST", f"{path}/requeue")).json
    assert (nothing["messages"], nothing["state"]) == (0, "done")
    assert len(receiver.got) == 4


async def test_what_is_requeued_and_fails_again_is_dead_again_and_not_sent_for_ever(house, receiver, failing):
    receiver.otherwise["/hook"] = 503
    answer = await house.call("POST", f"/v1/endpoints/{failing}/dead/requeue")
    await replay_done(house, failing, answer.json["id"])
    dead = (await house.call("GET", f"/v1/endpoints/{failing}/dead")).json["data"]
    assert {one["reason"] for one in dead} == {"status 503"}
    assert (len(dead), len(receiver.got)) == (4, 4)


async def test_replays_run_one_after_the_other_and_are_listed_with_their_progress(house, receiver, failing):
    path = f"/v1/endpoints/{failing}"
    ids = []
    for kind in ("shipment.in_transit", "shipment.delivered", "shipment.out_for_delivery"):
        wish = {"since": "2026-01-01T00:00:00Z", "event_types": [kind]}
        ids.append((await house.call("POST", f"{path}/replay", wish)).json["id"])
    for one in ids:
        await replay_done(house, failing, one)
    kinds = [one.json["type"] for one in receiver.got]
    assert kinds == ["shipment.in_transit"] * 2 + ["shipment.out_for_delivery"] * 2
    page = (await house.call("GET", f"{path}/replays?limit=2")).json
    rest = (await house.call("GET", f"{path}/replays?limit=2&cursor={page['next_cursor']}")).json
    assert sorted(one["id"] for one in page["data"] + rest["data"]) == sorted(ids)
    assert (await house.call("GET", f"{path}/replays?cursor=nonsense")).pointers == ["?cursor"]
    assert (await house.call("GET", f"{path}/replays/rp_of_nobody")).status == 404


async def test_a_cancelled_replay_sends_no_more(house, receiver, failing):
    path = f"/v1/endpoints/{failing}"
    await house.call("PATCH", path, {"rate_per_second": 0.01})  # so that it cannot be over before it is cancelled
    started = (await house.call("POST", f"{path}/replay", {"since": "2026-01-01T00:00:00Z"})).json
    ended = await house.call("DELETE", f"{path}/replays/{started['id']}")
    assert (ended.status, ended.json["state"], ended.json["left"]) == (200, "cancelled", 0)
    assert (await house.call("DELETE", f"{path}/replays/{started['id']}")).json["ended_at"] == ended.json["ended_at"]
    await house.call("PATCH", path, {"rate_per_second": None})
    await house.call("POST", f"{path}/test")
    await asyncio.sleep(0.7)  # longer than the lane takes to save how far it has got
    assert (await house.call("GET", f"{path}/replays/{started['id']}")).json["state"] == "cancelled"
    assert len(receiver.got) <= 2  # the ping, and what was in flight


async def test_a_receiver_nobody_can_call_polls_and_confirms_by_asking_for_more(house):
    made = await house.call("POST", "/v1/endpoints", {"url": None, "event_types": ["shipment.*"]})
    assert (made.status, made.json["url"]) == (201, None)
    path = f"/v1/endpoints/{made.json['id']}"
    account_id = await house.demo_account()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP", "OUT")
    first = (await house.call("GET", f"{path}/poll?limit=1")).json
    again = (await house.call("GET", f"{path}/poll?limit=1")).json
    assert first == again  # what was not confirmed comes again
    message_id = first["data"][0]["id"]

    async def state():
        return (await house.call("GET", f"/v1/messages/{message_id}")).json["deliveries"][0]["state"]

    assert await state() == "pending"
    support = await house.key_of("support")
    await house.call("GET", f"{path}/poll?cursor={first['next_cursor']}", key=support)
    assert await state() == "pending"  # who only looks confirms nothing
    rest = (await house.call("GET", f"{path}/poll?cursor={first['next_cursor']}")).json
    assert await state() == "delivered"
    assert (await lane_of(house, made.json["id"]))["behind"] == 3
    assert [one["sequence"] for one in first["data"] + rest["data"]] == [1, 2, 3, 4]
    await house.call("GET", f"{path}/poll?cursor={rest['next_cursor']}")
    assert (await house.call("GET", f"{path}/poll")).json["data"] == []
    for call, body in (("test", None), ("replay", {"since": "2026-01-01T00:00:00Z"}), ("dead/requeue", None)):
        wrong = await house.call("POST", f"{path}/{call}", body)
        assert (wrong.status, wrong.pointers) == (422, ["/url"]), call


@pytest.mark.parametrize("role", ["merchant", "support"])
async def test_a_cursor_beyond_the_log_confirms_nothing_and_passes_over_nothing(house, role):
    made = (await house.call("POST", "/v1/endpoints", {"url": None, "event_types": ["shipment.*"]})).json
    path, key = f"/v1/endpoints/{made['id']}/poll", await house.key_of(role)
    account_id = await house.demo_account()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")
    wrong = await house.call("GET", f"{path}?cursor=99999999999", key=key)
    assert (wrong.status, wrong.pointers) == (422, ["?cursor"])
    assert [one["sequence"] for one in (await house.call("GET", path)).json["data"]] == [1, 2]


async def test_a_message_is_sent_again_only_where_somebody_is_called(house, receiver):
    receiver.otherwise["/gone"] = 410
    account_id = await house.demo_account()
    made = {
        name: (await house.call("POST", "/v1/endpoints", {"url": url})).json["id"]
        for name, url in (("polled", None), ("gone", receiver.url("/gone")), ("called", receiver.url()))
    }
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")

    async def disabled():
        return (await house.call("GET", f"/v1/endpoints/{made['gone']}")).json["state"] == "disabled"

    await house.until(disabled)
    (told, *_) = (await house.call("GET", "/v1/messages?type=shipment.in_transit")).json["data"]
    path = f"/v1/messages/{told['id']}/resend"
    assert (await house.call("POST", path)).json == {"endpoints": [made["called"]]}
    for name in ("polled", "gone"):
        wrong = await house.call("POST", path, {"endpoint": made[name]})
        assert (wrong.status, wrong.pointers) == (422, ["/endpoint"]), name


async def test_a_poll_that_waits_answers_as_soon_as_there_is_news(house):
    made = (await house.call("POST", "/v1/endpoints", {"url": None, "event_types": ["shipment.in_transit"]})).json
    account_id = await house.demo_account()
    waiting = asyncio.create_task(house.call("GET", f"/v1/endpoints/{made['id']}/poll?wait=8"))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")
    assert [one["type"] for one in (await waiting).json["data"]] == ["shipment.in_transit"]
    wrong = await house.call("GET", f"/v1/endpoints/{made['id']}/poll?wait=9")
    assert (wrong.status, wrong.pointers) == (422, ["?wait"])


async def test_an_endpoint_that_turns_to_polling_loses_nothing_that_was_still_to_be_tried(house, receiver):
    receiver.otherwise["/hook"] = 500
    made = (await house.call("POST", "/v1/endpoints", {"url": receiver.url()})).json
    path = f"/v1/endpoints/{made['id']}"
    account_id = await house.demo_account()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")

    async def waits():
        return (await lane_of(house, made["id"]))["retrying"] == 1

    await house.until(waits)
    turned = await house.call("PATCH", path, {"url": None})
    assert (turned.status, turned.json["url"], turned.json["lane"]["retrying"]) == (200, None, 0)
    polled = (await house.call("GET", f"{path}/poll")).json["data"]
    assert [one["type"] for one in polled] == ["shipment.in_transit"]
    receiver.otherwise["/hook"] = 200
    receiver.got.clear()
    await house.call("PATCH", path, {"url": receiver.url()})
    await house.until(lambda: len(receiver.got) == 1)  # not confirmed, so it is told
