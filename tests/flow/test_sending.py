"""Sending, by hand and by the clock: claims, answers, retries, quiet hours, and processes that end in the middle."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from flow.conftest import demo_push
from flow.people import CONSENT, MAIL, PHONE, SENDER
from sqlalchemy import select, update

from gateway.clock import now_ms
from gateway.people import accounts, hearing, sending
from gateway.people.sending import CLAIM_MS, RETRIES, AccountKey
from gateway.people.tables import People
from webhooks.channels.base import Report, Said

NUMBER = "DEMO100200302"
SECOND, HOUR = 1_000, 3_600_000


@pytest.fixture
def settings(settings):
    """A house whose post room does not open: the tests send by hand."""
    return settings.model_copy(update={"roles": ("api", "ingest")})


class Hand:
    """Sends for one account as the post room would."""

    def __init__(self, house, channel_id):
        self.house, self.key = house, AccountKey(house.merchant_id, channel_id)
        self.store = house.gateway.store

    async def claim(self, now):
        return await self.store.write(lambda conn: sending.claim(conn, self.key, now, 10))

    async def settle(self, one, now, kind, **more):
        return await self.store.write(lambda conn: sending.settle(conn, self.key, one, Said(kind=kind, **more), now))

    async def report(self, now, *reports, notice_id=""):
        def work(conn):
            row = accounts.get(conn, self.key)
            return hearing.hear(conn, self.house.gateway.vault, row, reports, now, notice_id=notice_id)

        return await self.store.write(work)

    async def rows(self):
        statement = select(People.notice).order_by(People.notice.c.created_at, People.notice.c.id)
        return await self.store.read(lambda conn: conn.execute(statement).mappings().all())

    async def row(self):
        (row,) = await self.rows()
        return row


async def setting(house, channel="sms", address=PHONE, **more):
    """A parcel out for delivery whose recipient wished to hear; return the hand that sends."""
    secrets = {"auth_token": "x"} if channel == "sms" else {}
    names = {"account_sid": "AC1", "from": SENDER}
    if channel == "email":
        names = {"host": "mx.example", "from": "a@shop.example"}
    made = await house.call("POST", "/v1/channels", {"channel": channel, "settings": names, "secrets": secrets})
    account_id = await house.demo_account()
    shipment_id = await house.shipment()
    wish = {"channel": channel, "address": address, "consent": CONSENT, "quiet_hours": None, "zone": "UTC"} | more
    assert (await house.call("POST", f"/v1/shipments/{shipment_id}/subscriptions", wish)).status == 201
    began = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds")
    await house.push(account_id, demo_push(NUMBER, "PICKED_UP", "OUT", start=began))
    await house.read_all()
    return Hand(house, made.json["id"])


async def test_what_is_claimed_is_claimed_once_and_what_came_of_it_stays(house):
    hand, now = await setting(house), now_ms()
    (one,) = await hand.claim(now)
    assert await hand.claim(now) == []
    assert PHONE not in repr(one)
    await hand.settle(one, now + 5, "accepted", provider_id="SM1", segments=2)
    row = await hand.row()
    assert (row["state"], row["provider_id"], row["segments"], row["due_at"]) == ("sent", "SM1", 2, None)
    assert await hand.claim(now + 10 * HOUR) == []


async def test_a_process_that_ends_in_the_middle_is_repeated_once_and_then_given_up(house):
    hand, now = await setting(house), now_ms()
    assert len(await hand.claim(now)) == 1
    assert await hand.claim(now + CLAIM_MS - 1) == []
    assert len(await hand.claim(now + CLAIM_MS)) == 1
    assert await hand.claim(now + 2 * CLAIM_MS) == []
    row = await hand.row()
    assert (row["state"], row["reason"]) == ("undelivered", "it is unclear whether it went: the process ended twice")


async def test_a_report_that_overtakes_its_send_has_the_last_word_and_nothing_goes_twice(house):
    hand, now = await setting(house), now_ms()
    (one,) = await hand.claim(now)
    await hand.report(now + 1, Report(provider_id="SM1", state="delivered"), notice_id=one.id)
    # the process ends here: the claim's time passes, and the person is not told again
    assert await hand.claim(now + CLAIM_MS) == []
    await hand.settle(one, now + 2, "accepted", provider_id="SM1")
    assert (await hand.row())["state"] == "delivered"


async def test_what_the_provider_puts_off_is_tried_again_ever_later_until_it_is_old(house):
    hand, now = await setting(house), now_ms()
    waits = []
    while True:
        (one,) = await hand.claim(now)
        settled = await hand.settle(one, now, "later", code="30001", reason="the provider's queue is full")
        assert settled.paused_until == 0
        row = await hand.row()
        if row["due_at"] is None:
            break
        waits.append((row["due_at"] - now) // SECOND)
        now = row["due_at"]
    # out for delivery is worth telling for twelve hours
    assert waits == list(RETRIES)
    assert (row["state"], row["code"], row["reason"]) == ("undelivered", "30001", "the provider's queue is full")


async def test_a_retry_after_rests_the_whole_account(house):
    hand, now = await setting(house), now_ms()
    (one,) = await hand.claim(now)
    settled = await hand.settle(one, now, "later", code="20429", retry_after=90.0)
    assert settled.paused_until == now + 90 * SECOND
    assert (await hand.row())["due_at"] == now + 90 * SECOND
    shown = (await house.call("GET", f"/v1/channels/{hand.key.account_id}")).json
    assert shown["paused_until"] is not None


async def test_our_own_fault_counts_no_try(house):
    hand, now = await setting(house), now_ms()
    for _ in range(10):
        (one,) = await hand.claim(now)
        await hand.settle(one, now, "ours", code="network")
        row = await hand.row()
        assert (row["state"], row["attempts"]) == ("queued", 0)
        now = row["due_at"]


@pytest.mark.parametrize(("kind", "how"), [("blocked", "blocked"), ("gone", "gone")])
async def test_who_cannot_be_reached_any_more_is_not_tried_for_the_next_parcel(house, kind, how):
    hand, now = await setting(house, "email", MAIL), now_ms()
    (one,) = await hand.claim(now)
    await hand.settle(one, now, kind, code="550 5.1.1")
    stops = await hand.store.read(lambda conn: conn.execute(select(People.stop)).mappings().all())
    assert [(row["how"], row["account_id"]) for row in stops] == [(how, hand.key.account_id)]
    shipments = (await house.call("GET", "/v1/shipments")).json["data"]
    (wish,) = (await house.call("GET", f"/v1/shipments/{shipments[0]['id']}/subscriptions")).json["data"]
    assert wish["state"] == "stopped"


async def test_a_stop_between_claim_and_retry_is_kept(house):
    hand, now = await setting(house), now_ms()
    (one,) = await hand.claim(now)
    await hand.settle(one, now, "later")
    (asked,) = (await house.call("GET", "/v1/shipments")).json["data"]
    (wish,) = (await house.call("GET", f"/v1/shipments/{asked['id']}/subscriptions")).json["data"]
    ticket = house.gateway.tickets.of(house.merchant_id, wish["id"])
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await house.call("POST", f"/n/{ticket}", data=b"do=stop", headers=headers, key=None)).status == 200
    assert await hand.claim(now + HOUR) == []
    row = await hand.row()
    assert (row["state"], row["reason"]) == ("skipped", "the person said stop")


async def test_quiet_hours_hold_what_is_not_urgent_and_only_that(house):
    hand = await setting(house)
    now = now_ms()
    minute = datetime.now(UTC).hour * 60 + datetime.now(UTC).minute
    around = {"quiet_from": (minute - 120) % 1440, "quiet_to": (minute + 120) % 1440}
    await hand.store.write(lambda conn: conn.execute(update(People.wish).values(around)))
    assert len(await hand.claim(now)) == 1  # out for delivery is urgent
    await hand.store.write(
        lambda conn: conn.execute(
            update(People.notice).values(subject="delivered", state="queued", due_at=now, expires_at=now + 72 * HOUR)
        )
    )
    assert await hand.claim(now) == []
    row = await hand.row()
    assert row["state"] == "queued"
    assert 119 * 60 <= (row["due_at"] - now) // SECOND <= 121 * 60
    assert len(await hand.claim(row["due_at"])) == 1


async def test_what_got_old_while_it_waited_is_not_told(house):
    hand, now = await setting(house), now_ms()
    assert await hand.claim(now + 13 * HOUR) == []
    row = await hand.row()
    assert (row["state"], row["reason"]) == ("skipped", "it would be old news")


async def test_what_waits_for_a_deleted_account_goes_nowhere(house):
    hand = await setting(house)
    assert (await house.call("DELETE", f"/v1/channels/{hand.key.account_id}")).status == 204
    row = await hand.row()
    assert (row["state"], row["reason"]) == ("skipped", "its sending account was deleted")
    secrets = await hand.store.read(lambda conn: conn.execute(select(People.account.c.secrets)).scalar_one())
    assert secrets == b""


async def test_the_same_message_twice_gives_no_second_notice(house):
    hand, now = await setting(house), now_ms()
    (one,) = await hand.claim(now)
    await hand.settle(one, now, "accepted", provider_id="SM1")
    await house.call("POST", "/v1/shipments", {"tracking_number": NUMBER, "carrier": "demo"})
    (account,) = (await house.call("GET", "/v1/accounts")).json["data"]
    began = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds")
    await house.push(account["id"], demo_push(NUMBER, "PICKED_UP", "OUT", start=began))
    await house.read_all()
    assert [row["state"] for row in await hand.rows()] == ["sent"]


async def test_a_new_process_goes_on_at_once_with_what_the_last_one_left_unclear(house):
    hand, now = await setting(house), now_ms()
    assert len(await hand.claim(now)) == 1
    assert await hand.store.write(lambda conn: sending.take_over(conn, now + 1)) == 1
    (one,) = await hand.claim(now + 1)
    await hand.settle(one, now + 2, "accepted", provider_id="SM2")
    assert await hand.store.write(lambda conn: sending.take_over(conn, now + 3)) == 0
    row = await hand.row()
    assert (row["state"], row["unclear"], row["attempts"]) == ("sent", 1, 2)


@pytest.mark.parametrize("turns", range(4))
async def test_the_post_room_ends_though_an_account_was_changed_at_the_same_moment(house, turns):
    room = house.gateway.postroom
    await room.start()
    await asyncio.sleep(0.01)
    room.look()
    for _ in range(turns):
        await asyncio.sleep(0)
    ending = asyncio.create_task(room.stop())
    done, _ = await asyncio.wait({ending}, timeout=3)
    assert done
