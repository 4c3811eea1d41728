"""The delivery engine on a real SQLite file, real sockets and a receiver that answers as it pleases."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import asynccontextmanager
from dataclasses import replace

import orjson
import pytest
from faults.receiver import receiving
from sqlalchemy import func, select, update
from standardwebhooks import Webhook

from gateway.db import open_store, run_once
from gateway.vault import Vault
from webhooks import attempts, endpoints, flusher, keyring, log, messages, replays, steering
from webhooks.dispatcher import Dispatcher
from webhooks.endpoints import Wishes
from webhooks.guard import Guard, read_ranges
from webhooks.log import Draft
from webhooks.sender import Sender
from webhooks.tables import Tables

pytestmark = pytest.mark.both_databases

M = "mer_1"
SOON = (0, 0.05, 0.05, 0.05)


def now() -> int:
    return int(time.time() * 1000)


def draft(number: int, kind: str = "shipment.in_transit", shipment: str | None = None, **data) -> Draft:
    shipment = shipment or f"shp_{number}"
    return Draft(
        id=f"msg_{number}",
        type=kind,
        shipment_id=shipment,
        shipment_version=number,
        created_at=now(),
        data=orjson.dumps({"shipment": {"id": shipment, **data}, "event": None, "previous": None}),
    )


class House:
    """The engine with everything around it, on one database."""

    def __init__(self, database, receiver):
        self.receiver = receiver
        self.vault = Vault("a key for tests only")
        self.store = open_store(database)
        self.store.start()
        self.sender = Sender(Guard(read_ranges(["127.0.0.0/8"])))
        self.dispatcher = Dispatcher(self.store, self.vault, self.sender, random=lambda: 0.0)

    async def endpoint(self, path="/hook", **wishes):
        options = Wishes(url=self.receiver.url(path), **wishes)
        facts, secret = await self.store.write(lambda c: endpoints.create(c, self.vault, M, options, now()))
        self.dispatcher.touch(M, facts.id)
        return facts.id, secret

    async def tell(self, *drafts, hint=True, merchant=M):
        entries = await self.store.write(lambda c: log.append(c, merchant, drafts))
        if hint:
            self.dispatcher.hint(merchant, entries)
        return entries

    async def rows(self, table):
        return await self.store.read(lambda c: c.execute(select(table)).all())

    async def until(self, question, seconds=30):
        """Ask the database until the answer is true."""
        async with asyncio.timeout(seconds):
            while not await self.store.read(question):  # noqa: ASYNC110 - a database tells nobody
                await asyncio.sleep(0.02)

    async def settled(self, endpoint_id, cursor):
        await self.until(lambda c: endpoints.get(c, M, endpoint_id).cursor == cursor)

    async def states(self, number):
        told = await self.store.read(lambda c: messages.get(c, M, f"msg_{number}"))
        return [delivery.state for delivery in told.deliveries]

    async def close(self):
        await self.dispatcher.stop(grace=0.2)
        await self.sender.close()
        await self.store.close()


@asynccontextmanager
async def house(database, receiver):
    it = House(database, receiver)
    await it.dispatcher.start()
    try:
        yield it
    finally:
        await it.close()


@pytest.fixture
async def receiver():
    async with receiving() as it:
        yield it


@pytest.fixture
async def home(database, receiver):
    async with house(database, receiver) as it:
        yield it


async def test_every_message_arrives_once_signed_with_the_logged_bytes_in_order(home, receiver):
    endpoint_id, secret = await home.endpoint()
    entries = await home.tell(*(draft(n, shipment="one") for n in range(1, 6)))
    got = await receiver.count(5)
    assert [one.json["sequence"] for one in got] == [1, 2, 3, 4, 5]
    assert [one.body for one in got] == [entry.body for entry in entries]
    for one in got:
        Webhook(secret).verify(one.body, one.headers)
        assert one.headers["content-type"] == "application/json"
    assert got[0].json["api_version"] == "2026-11-01"
    assert list(got[0].json) == [
        "id", "type", "created_at", "sequence", "shipment_version", "api_version", "data"
    ]  # fmt: skip
    await home.settled(endpoint_id, 5)
    rows = await home.rows(Tables.attempt)
    assert [(a.sequence, a.number, a.status, a.outcome, a.ip) for a in rows] == [
        (n, 1, 200, "delivered", "127.0.0.1") for n in range(1, 6)
    ]
    assert await home.rows(Tables.retry) == []
    assert await home.states(3) == ["delivered"]


async def test_a_repeated_draft_takes_no_sequence_and_is_not_sent_again(home, receiver):
    endpoint_id, _ = await home.endpoint()
    await home.tell(draft(1), draft(1), draft(2))
    assert await home.tell(draft(2), draft(3)) != []
    assert await home.tell(draft(1)) == []
    await home.settled(endpoint_id, 3)
    assert sorted(one.id for one in receiver.got) == ["msg_1", "msg_2", "msg_3"]


async def test_several_merchants_share_a_transaction_and_see_only_their_own(home, receiver):
    await home.endpoint()
    appended = await home.store.write(
        lambda c: log.append_many(c, {M: [draft(1)], "mer_2": [draft(1), draft(2)], "mer_3": []})
    )
    assert {merchant: [e.sequence for e in entries] for merchant, entries in appended.items()} == {
        M: [1],
        "mer_2": [1, 2],
    }
    for merchant, entries in appended.items():
        home.dispatcher.hint(merchant, entries)
    await receiver.count(1)
    assert len(receiver.got) == 1


async def test_a_lost_hint_costs_half_a_second_and_no_message(home, receiver):
    endpoint_id, _ = await home.endpoint()
    await home.tell(draft(1), hint=False)
    await home.tell(draft(2), hint=False)
    await receiver.count(2)
    await home.tell(draft(3), hint=False)
    home.dispatcher.hint(M)
    await home.settled(endpoint_id, 3)


async def test_hints_out_of_order_send_nothing_twice(home, receiver):
    endpoint_id, _ = await home.endpoint()
    first = await home.tell(draft(1), hint=False)
    second = await home.tell(draft(2), draft(3), hint=False)
    home.dispatcher.hint(M, second)
    home.dispatcher.hint(M, first)
    home.dispatcher.hint(M, second)
    await home.settled(endpoint_id, 3)
    assert sorted(one.json["sequence"] for one in receiver.got) == [1, 2, 3]


async def test_what_an_endpoint_does_not_want_is_not_sent_and_the_cursor_moves_on(home, receiver):
    endpoint_id, _ = await home.endpoint(filter={"shipment.carrier": ["ups"]})
    await home.tell(
        draft(1, carrier="ups"), draft(2, carrier="dpd"), draft(3, "shipment.event", carrier="ups"), draft(4)
    )
    await home.settled(endpoint_id, 4)
    assert [one.id for one in receiver.got] == ["msg_1"]
    assert await home.states(1) == ["delivered"]
    assert await home.states(2) == ["skipped"]


async def test_a_failure_is_tried_again_with_the_same_id_and_a_valid_signature(home, receiver):
    receiver.plan["/hook"] = [500, (302, {"location": "http://127.0.0.1:1/"})]
    endpoint_id, secret = await home.endpoint(schedule=SOON)
    await home.tell(draft(1))
    got = await receiver.count(3)
    assert [one.id for one in got] == ["msg_1"] * 3
    for one in got:
        Webhook(secret).verify(one.body, one.headers)
    await home.until(lambda c: messages.get(c, M, "msg_1").deliveries[0].state == "delivered")
    told = await home.store.read(lambda c: attempts.page(c, M, endpoint_id))
    assert [(a.number, a.status, a.outcome) for a in told] == [
        (3, 200, "delivered"),
        (2, 302, "redirect"),
        (1, 500, "status"),
    ]
    assert told[2].response == "answer 500"
    assert await home.rows(Tables.retry) == []


async def test_the_first_retry_waits_five_seconds_by_the_usual_schedule(home, receiver):
    receiver.otherwise["/hook"] = 500
    await home.endpoint()
    began = now()
    await home.tell(draft(1))
    await home.until(lambda c: c.execute(select(func.count()).select_from(Tables.retry)).scalar() == 1)
    [retry] = await home.rows(Tables.retry)
    assert retry.attempts == 1
    assert 5_000 <= retry.run_at - began < 10_000
    assert await home.states(1) == ["retrying"]


async def test_after_the_last_try_a_message_is_dead_and_a_resend_brings_it_back(home, receiver):
    receiver.plan["/hook"] = [500, 500]
    endpoint_id, _ = await home.endpoint(schedule=(0, 0.01))
    await home.tell(draft(1))
    await home.until(lambda c: messages.get(c, M, "msg_1").deliveries[0].state == "dead")
    assert [(d.sequence, d.reason) for d in await home.rows(Tables.dead)] == [(1, "status 500")]
    assert await home.store.write(lambda c: steering.resend(c, M, "msg_1", now())) == [endpoint_id]
    home.dispatcher.touch(M, endpoint_id)
    await receiver.count(3)
    await home.until(lambda c: messages.get(c, M, "msg_1").deliveries[0].state == "delivered")
    assert await home.rows(Tables.dead) == []
    assert await home.rows(Tables.retry) == []


async def test_gone_disables_the_endpoint_and_the_merchant_is_told_elsewhere(home, receiver):
    receiver.otherwise["/gone"] = 410
    gone, _ = await home.endpoint("/gone")
    await home.endpoint("/hook")
    await home.tell(draft(1))
    got = await receiver.count(2)
    assert [one.json["type"] for one in got] == ["shipment.in_transit", "endpoint.paused"]
    assert got[1].json["data"]["endpoint"] == {
        "id": gone, "url": receiver.url("/gone"), "description": "", "state": "disabled", "reason": "gone",
        "failing_since": None, "disables_at": None,
    }  # fmt: skip
    facts = await home.store.read(lambda c: endpoints.get(c, M, gone))
    assert (facts.state, facts.state_reason, facts.retrying) == ("disabled", "gone", 1)
    await home.tell(draft(2))
    await receiver.count(3)
    assert len(receiver.on("/gone")) == 1


@pytest.mark.parametrize(
    ("course", "arrives"),
    [("continue", ["msg_1", "msg_2"]), ("only_failed", ["msg_1"]), ("from_now", [])],
)
async def test_enabling_again_continues_or_sends_only_the_failed_or_nothing_old(home, receiver, course, arrives):
    receiver.plan["/hook"] = [410]
    endpoint_id, _ = await home.endpoint()
    await home.tell(draft(1))
    await home.until(lambda c: endpoints.get(c, M, endpoint_id).state == "disabled")
    await home.tell(draft(2))
    receiver.got.clear()
    # the merchant is told of the pause in the log as well; that message is part of the backlog
    await home.store.write(lambda c: steering.enable(c, M, endpoint_id, course, now()))
    home.dispatcher.touch(M, endpoint_id)
    await home.tell(draft(3))
    await receiver.until(lambda: any(one.id == "msg_3" for one in receiver.got))
    head = await home.store.read(lambda c: log.head(c, M))
    await home.settled(endpoint_id, head)
    await home.until(lambda c: endpoints.get(c, M, endpoint_id).retrying == 0)
    assert sorted(one.id for one in receiver.got if one.json["type"] != "endpoint.paused") == [*arrives, "msg_3"]


async def test_retry_after_pauses_the_lane_and_only_that_lane(home, receiver):
    receiver.plan["/busy"] = [(429, {"retry-after": "3600"})]
    busy, _ = await home.endpoint("/busy")
    await home.endpoint("/hook")
    await home.tell(draft(1))
    await receiver.count(1, "/busy")
    await receiver.count(1, "/hook")
    await home.until(lambda c: endpoints.get(c, M, busy).paused_until > now() + 3_500_000)
    await home.tell(draft(2))
    await receiver.count(2, "/hook")
    assert len(receiver.on("/busy")) == 1
    facts = await home.store.read(lambda c: endpoints.get(c, M, busy))
    assert facts.cursor == 1
    assert facts.behind == 1


async def test_an_endpoint_that_hangs_holds_up_only_itself(home, receiver):
    receiver.otherwise["/hang"] = "hang"
    await home.endpoint("/hang", concurrency=3)
    await home.endpoint("/hook")
    await home.tell(*(draft(n) for n in range(1, 41)))
    await receiver.count(40, "/hook")
    assert receiver.most_flying["/hang"] == 3


async def test_strict_order_holds_back_a_shipments_followers_until_the_failed_one_arrived(home, receiver):
    receiver.plan["/hook"] = [lambda got: 500 if got.id == "msg_1" else 200]
    endpoint_id, _ = await home.endpoint(ordering="strict", schedule=SOON, concurrency=1)
    await home.tell(draft(1, shipment="a"), draft(2, shipment="a"), draft(3, shipment="b"))
    await receiver.count(4)
    assert [one.id for one in receiver.got] == ["msg_1", "msg_3", "msg_1", "msg_2"]
    await home.until(lambda c: endpoints.get(c, M, endpoint_id).retrying == 0)


async def test_a_newer_state_supersedes_a_failed_older_one(home, receiver):
    receiver.plan["/hook"] = [500]
    await home.endpoint(concurrency=1)
    await home.tell(draft(1, shipment="a"), draft(2, "shipment.delivered", shipment="a"))
    await home.until(lambda c: messages.get(c, M, "msg_2").deliveries[0].state == "delivered")
    await home.until(lambda c: messages.get(c, M, "msg_1").deliveries[0].state == "superseded")
    told = await home.store.read(lambda c: messages.get(c, M, "msg_1"))
    assert told.deliveries[0].attempts == 1
    assert told.deliveries[0].reason == "overtaken by message 2"
    assert await home.rows(Tables.retry) == []


async def test_rotation_signs_with_both_secrets_and_ed25519_comes_last(home, receiver):
    endpoint_id, old = await home.endpoint()
    fresh = await home.store.write(lambda c: keyring.rotate_secret(c, home.vault, M, endpoint_id, now()))
    await home.store.write(lambda c: keyring.switch_ed25519(c, home.vault, M, endpoint_id, now(), on=True))
    home.dispatcher.touch(M, endpoint_id)
    await home.tell(draft(1))
    [got] = await receiver.count(1)
    Webhook(old).verify(got.body, got.headers)
    Webhook(fresh).verify(got.body, got.headers)
    parts = got.headers["webhook-signature"].split(" ")
    assert [part.partition(",")[0] for part in parts] == ["v1", "v1", "v1a"]
    only_fresh = {**got.headers, "webhook-signature": parts[0]}
    Webhook(fresh).verify(got.body, only_fresh)
    assert await home.store.read(lambda c: keyring.current_secret(c, home.vault, M, endpoint_id)) == fresh


async def test_a_replay_sends_a_stretch_again_and_copies_nothing(home, receiver):
    endpoint_id, _ = await home.endpoint()
    await home.tell(draft(1), draft(2, "shipment.delivered"), draft(3), draft(4, "shipment.delivered"))
    await home.settled(endpoint_id, 4)
    receiver.got.clear()
    await home.store.write(
        lambda c: replays.start(c, M, endpoint_id, now(), since=0, event_types=["shipment.delivered"])
    )
    home.dispatcher.touch(M, endpoint_id)
    await receiver.count(2)
    await home.until(lambda c: c.execute(select(Tables.replay.c.state)).scalars().all() == ["done"])
    assert sorted(one.id for one in receiver.got) == ["msg_2", "msg_4"]
    assert (await home.store.read(lambda c: endpoints.get(c, M, endpoint_id))).cursor == 4


async def test_a_replay_of_only_the_failed_empties_the_dead(home, receiver):
    receiver.plan["/hook"] = [lambda got: 500 if got.id == "msg_1" else 200] * 2
    endpoint_id, _ = await home.endpoint(schedule=(0,), concurrency=1)
    await home.tell(draft(1), draft(2), draft(3))
    await home.until(lambda c: endpoints.get(c, M, endpoint_id).dead == 1)
    await home.settled(endpoint_id, 3)
    receiver.got.clear()
    await home.store.write(lambda c: replays.start(c, M, endpoint_id, now(), since=0, only_failed=True))
    home.dispatcher.touch(M, endpoint_id)
    await home.until(lambda c: c.execute(select(Tables.replay.c.state)).scalars().all() == ["done"])
    assert [one.id for one in receiver.got] == ["msg_1"]
    assert await home.rows(Tables.dead) == []


async def test_a_test_message_goes_at_once_beside_the_log(home, receiver):
    endpoint_id, secret = await home.endpoint()
    outcome = await home.dispatcher.test(M, endpoint_id)
    assert (outcome.kind, outcome.status) == ("delivered", 200)
    [got] = receiver.got
    Webhook(secret).verify(got.body, got.headers)
    assert (got.json["type"], got.json["sequence"]) == ("ping", 0)
    [attempt] = await home.store.read(lambda c: attempts.page(c, M, endpoint_id))
    assert (attempt.message_id, attempt.sequence) == (got.id, 0)
    with pytest.raises(KeyError):
        await home.dispatcher.test("mer_2", endpoint_id)


async def test_a_deleted_endpoint_gets_nothing_more_and_its_secrets_are_gone(home, receiver):
    endpoint_id, _ = await home.endpoint()
    await home.tell(draft(1))
    await receiver.count(1)
    await home.store.write(lambda c: endpoints.remove(c, M, endpoint_id, now()))
    home.dispatcher.touch(M, endpoint_id)
    other, _ = await home.endpoint("/other")
    await home.tell(draft(2))
    await receiver.count(1, "/other")
    assert len(receiver.on("/hook")) == 1
    assert [row.secrets for row in await home.rows(Tables.endpoint) if row.id == endpoint_id] == [b""]
    assert [facts.id for facts in await home.store.read(lambda c: endpoints.find(c, M))] == [other]


async def test_a_change_made_by_another_process_is_found_by_looking(home, receiver):
    endpoint_id, _ = await home.endpoint()
    await home.tell(draft(1))
    await receiver.count(1)
    facts = await home.store.read(lambda c: endpoints.get(c, M, endpoint_id))
    moved = replace(facts.wishes, url=receiver.url("/moved"))
    await home.store.write(lambda c: endpoints.change(c, M, endpoint_id, moved, now()))
    await home.until(lambda c: home.dispatcher._courses[M, endpoint_id].version == 2)
    await home.tell(draft(2))
    await receiver.count(1, "/moved")


async def test_polling_reads_what_the_endpoint_wants_and_moves_past_the_rest(home, receiver):
    endpoint_id, _ = await home.endpoint(event_types=["shipment.delivered"])
    await home.tell(draft(1), draft(2, "shipment.delivered"), draft(3), draft(4, "shipment.delivered"), draft(5))
    read = await home.store.read(lambda c: messages.poll(c, M, endpoint_id, limit=1))
    assert ([e.id for e in read[0]], read[1]) == (["msg_2"], 2)
    read = await home.store.read(lambda c: messages.poll(c, M, endpoint_id, cursor=read[1]))
    assert ([e.id for e in read[0]], read[1]) == (["msg_4"], 5)


async def test_a_restart_goes_on_where_it_stopped_without_loss_or_repetition(database, receiver):
    receiver.plan["/hook"] = [lambda got: 500 if got.json["sequence"] % 7 == 0 else 200] * 50
    async with house(database, receiver) as first:
        endpoint_id, _ = await first.endpoint(schedule=(0, 0.5, 0.5, 0.5))
        await first.tell(*(draft(n) for n in range(1, 51)))
        await receiver.count(20)
    # the log grows while nobody delivers
    async with house(database, receiver) as second:
        await second.tell(draft(51))
        await second.settled(endpoint_id, 51)
        await second.until(lambda c: endpoints.get(c, M, endpoint_id).retrying == 0)
        delivered = await second.store.read(
            lambda c: (
                c.execute(select(Tables.attempt.c.sequence).where(Tables.attempt.c.outcome == "delivered"))
                .scalars()
                .all()
            )
        )
    assert sorted(delivered) == list(range(1, 52))


async def test_after_a_crash_only_what_has_no_recorded_success_is_sent_again(database, receiver):
    async with house(database, receiver) as first:
        endpoint_id, _ = await first.endpoint()
        await first.tell(*(draft(n) for n in range(1, 11)))
        await first.settled(endpoint_id, 10)

    def leave(conn):  # the state a kill leaves: cursor behind, two results never written
        conn.execute(update(Tables.lane).values(cursor=3))
        conn.execute(Tables.attempt.delete().where(Tables.attempt.c.sequence.in_([5, 9])))

    run_once(database, leave)
    receiver.got.clear()
    async with house(database, receiver) as second:
        await second.settled(endpoint_id, 10)
    assert sorted(one.json["sequence"] for one in receiver.got) == [5, 9]


async def test_results_wait_while_the_database_refuses_and_are_written_after(home, receiver, monkeypatch):
    endpoint_id, _ = await home.endpoint()
    await home.tell(draft(1))
    await home.settled(endpoint_id, 1)
    real, refused = home.store.write, []

    async def full(work):
        refused.append(1)
        raise OSError(28, "no space left")

    entries = await home.tell(draft(2), hint=False)
    monkeypatch.setattr(home.store, "write", full)
    home.dispatcher.hint(M, entries)
    await receiver.count(2)
    async with asyncio.timeout(10):
        while not refused:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
    assert home.dispatcher.stats()["results_stuck"] in {0, 1}
    monkeypatch.setattr(home.store, "write", real)
    await home.settled(endpoint_id, 2)
    assert home.dispatcher.stats()["results_stuck"] == 0
    assert len(receiver.got) == 2


async def test_a_result_is_written_at_once_though_cursors_have_time(home, receiver, monkeypatch):
    """What waits for the cursors' turn would be sent again after a crash."""
    monkeypatch.setattr(flusher, "CURSOR_EVERY", 10**9)
    await home.endpoint()
    for number in (1, 2, 3):
        await home.tell(draft(number))
        await receiver.count(number)
        await home.until(lambda c, number=number: len(c.execute(select(Tables.attempt)).all()) == number)


async def test_a_breaker_opens_in_front_of_a_dead_endpoint_and_its_backlog_costs_nothing(home, receiver, monkeypatch):
    receiver.otherwise["/dead"] = 500
    endpoint_id, _ = await home.endpoint("/dead", concurrency=5)
    await home.tell(*(draft(n) for n in range(1, 3_001)))
    await home.until(lambda c: endpoints.get(c, M, endpoint_id).breaker == "open")
    # five failures opened it; with five in flight at once, four more had left by then
    await home.until(lambda c: endpoints.get(c, M, endpoint_id).retrying == 9)
    assert len(receiver.on("/dead")) == 9
    assert len(home.dispatcher._courses[M, endpoint_id].lane.items) <= 3_000
    assert home.dispatcher.stats()["lanes_open"] == 1
    await home.settled(endpoint_id, 9)
    facts = await home.store.read(lambda c: endpoints.get(c, M, endpoint_id))
    assert facts.behind == 2_991


async def test_while_results_wait_for_the_database_little_more_is_sent_that_a_crash_would_repeat(home, receiver):
    ids = [(await home.endpoint(f"/{name}", ordering="none"))[0] for name in "abcd"]
    writing, free = threading.Event(), threading.Event()

    def hold(_conn):
        writing.set()
        assert free.wait(60)

    many = 3 * flusher.MOST_UNWRITTEN
    entries = await home.tell(*[draft(number) for number in range(1, many + 1)], hint=False)
    held = asyncio.create_task(home.store.write(hold))
    await asyncio.to_thread(writing.wait)
    try:
        home.dispatcher.hint(M, entries)
        most = flusher.MOST_UNWRITTEN + len(ids) * endpoints.CONCURRENCY
        await receiver.until(lambda: home.dispatcher.stats()["unwritten"] >= flusher.MOST_UNWRITTEN)
        while home.dispatcher.stats()["in_flight"]:  # noqa: ASYNC110 - they end by themselves
            await asyncio.sleep(0.01)
        assert flusher.MOST_UNWRITTEN <= len(receiver.got) <= most
    finally:
        free.set()
    await held
    for endpoint_id in ids:
        await home.settled(endpoint_id, many)
    assert len(receiver.got) == len(ids) * many
