"""The post room: one lane per sending account, so that one that hangs, rests or is rejected delays nobody else."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import structlog

from gateway import metrics
from gateway.clock import now_ms
from gateway.db import NotNow
from gateway.insisting import AGAIN, insist
from gateway.people import accounts, sending
from gateway.people.sending import AccountKey, Settled
from webhooks.channels.base import Said

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy import Connection, RowMapping

    from gateway.people.sending import Claimed
    from gateway.people.ways import Ways
    from webhooks.channels.base import Channel, Outgoing
    from webhooks.log import Entry
    from webhooks.store import Store, Vault

T = TypeVar("T")
log: structlog.stdlib.BoundLogger = structlog.get_logger()

LOOK_EVERY = 30.0
"""Seconds after which a lane looks by itself: hints may be lost."""
SWEEP_EVERY = 5.0
"""Seconds after which accounts that another process changed are looked for."""
AT_ONCE = 8
"""Notices claimed and sent together: of no more than these does a crash leave it unclear whether they went."""
_BUFFER_MS = 10_000
_LONGEST_REST = 300.0
_RESTS_AFTER = 3
"""Answers of `later` in a row after which an account rests."""


def rest_after(laters: int) -> int:
    """Return the milliseconds an account rests after so many answers of `later` in a row."""
    # of a long outage the power itself would be too large for a number
    return int(min(2.0 ** min(laters, 16), _LONGEST_REST) * 1000)


class PostRoom:
    """Sends what is due, by all accounts. `write` words a claimed notice; it may raise anything."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        ways: Ways,
        *,
        write: Callable[[AccountKey, Claimed], Awaitable[Outgoing]],
        tell: Callable[[dict[str, list[Entry]]], None],
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self.store = store
        self.ways = ways
        self.write = write
        self.tell = tell
        self.clock = clock
        self._vault = vault
        self._lanes: dict[AccountKey, _Lane] = {}
        self._by_merchant: dict[str, set[AccountKey]] = {}
        self._seen = 0
        self._sweeper: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._stopping = False
        self._sweeping = asyncio.Lock()

    async def start(self) -> None:
        """Open a lane for every account that may send, and go on where the last process ended."""
        self._stopping = False
        now = self.clock()
        if left := await self.store.write(lambda conn: sending.take_over(conn, now)):
            log.warning("notices_unclear", notices=left)
        await self.sweep()
        self._sweeper = asyncio.create_task(self._sweep_for_ever())

    async def stop(self) -> None:
        """Take up nothing more, and wait for what is on its way."""
        self._stopping = True
        self._changed.set()
        if self._sweeper is not None:
            await self._sweeper
        await asyncio.gather(*(lane.close() for lane in self._lanes.values()))
        self._lanes.clear()
        self._by_merchant.clear()

    def hint(self, merchant_id: str) -> None:
        """Let a merchant's lanes look now."""
        for key in self._by_merchant.get(merchant_id, ()):
            self._lanes[key].wake()

    def look(self) -> None:
        """Look for changed accounts now: one was made, changed or deleted here."""
        self._changed.set()

    async def sweep(self) -> None:
        """Take over what changed of the accounts: new ones, new secrets, rejected and deleted ones."""
        async with self._sweeping:  # two at once would open two lanes for one account
            since = self._seen
            rows = await self.store.read(lambda conn: accounts.changed_since(conn, since))
            for row in rows:
                await self._take(row)
                self._seen = max(self._seen, row["changed_at"] - _BUFFER_MS)

    async def _take(self, row: RowMapping) -> None:
        key = AccountKey(row["merchant_id"], row["id"])
        known = self._lanes.get(key)
        if known is not None and known.made_of(row):
            return
        if known is not None:
            del self._lanes[key]
            self._by_merchant[key.merchant_id].discard(key)
            await known.close()
        if row["state"] != "active":
            return
        try:
            channel = self.ways.open(row["channel"], accounts.settings_of(row), accounts.secrets_of(self._vault, row))
        except ValueError:  # `Sealed` among them: its text repeats no value, and the account's own test tells more
            log.warning("channel_account_unusable", account=row["id"], exc_info=True)
            return
        self._lanes[key] = _Lane(self, key, row, channel)
        self._by_merchant.setdefault(key.merchant_id, set()).add(key)

    async def _sweep_for_ever(self) -> None:
        # told to end, not cancelled: Python 3.11's wait_for may swallow a cancellation that comes with a change
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), SWEEP_EVERY)
            self._changed.clear()
            if self._stopping:
                return
            try:
                await self.sweep()
            except Exception:
                log.exception("sweep_failed")


class _Lane:
    """One account's sender: claims what is due, sends some at once, notes what came of it, rests when told to."""

    def __init__(self, room: PostRoom, key: AccountKey, row: RowMapping, channel: Channel) -> None:
        self._room = room
        self._key = key
        self._channel = channel
        self._version = self._facts(row)
        self._rests_until: int = row["paused_until"]
        self._laters = 0
        self._halted = False
        self._closing = False
        self._woken = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    @staticmethod
    def _facts(row: RowMapping) -> tuple[object, ...]:
        return row["settings"], row["secrets"], row["state"], row["state_at"]

    def made_of(self, row: RowMapping) -> bool:
        """Tell whether the account is still as this lane was made."""
        return self._version == self._facts(row)

    def wake(self) -> None:
        """Look now."""
        self._woken.set()

    async def close(self) -> None:
        """End after what is on its way."""
        self._closing = True
        self._woken.set()
        await self._task
        await self._channel.close()

    async def _run(self) -> None:
        while not self._closing and not self._halted:
            self._woken.clear()
            try:
                wait = await self._round()
            except NotNow as trouble:
                log.warning("lane_waits", account=self._key.account_id, reason=str(trouble))
                wait = AGAIN
            except Exception:
                log.exception("lane_failed", account=self._key.account_id)
                wait = LOOK_EVERY
            if wait > 0 and not self._closing:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), min(wait, LOOK_EVERY))

    async def _round(self) -> float:
        """Send what is due; return the seconds after which there may be more."""
        room, now = self._room, self._room.clock()
        if self._rests_until > now:
            return (self._rests_until - now) / 1000
        due = await room.store.read(lambda conn: sending.next_due(conn, self._key))
        if due is None:
            return LOOK_EVERY
        if due > now:
            return (due - now) / 1000
        claimed = await room.store.write(lambda conn: sending.claim(conn, self._key, now, AT_ONCE))
        await asyncio.gather(*(self._one(notice) for notice in claimed))
        return 0.0

    async def _one(self, notice: Claimed) -> None:
        room, now = self._room, self._room.clock()
        if self._halted or self._closing or self._rests_until > now:
            at = max(now, self._rests_until)
            await self._insist(lambda conn: sending.release(conn, self._key, notice, at, now))
            return
        said = await self._send(notice)
        now = room.clock()
        settled = await self._insist(lambda conn: sending.settle(conn, self._key, notice, said, now))
        self._note(said, settled, now)
        if settled.entries:
            room.tell(settled.entries)

    async def _insist(self, work: Callable[[Connection], T]) -> T:
        return await insist(self._room.store, work, gives_up=lambda: self._closing)

    async def _send(self, notice: Claimed) -> Said:
        try:
            outgoing = await self._room.write(self._key, notice)
        except Exception:
            log.exception("wording_failed", notice=notice.id, subject=notice.subject)
            return Said(kind="refused", code="wording", reason="its wording cannot be filled in")
        try:
            return await self._channel.send(outgoing)
        except Exception:
            log.exception("channel_failed", notice=notice.id, channel=notice.channel)
            return Said(kind="later", code="failed", reason="a fault of ours while sending")

    def _note(self, said: Said, settled: Settled, now: int) -> None:
        metrics.notices(self._channel.kind, said.kind).inc()
        self._laters = self._laters + 1 if said.kind == "later" else 0
        rest = settled.paused_until
        if self._laters >= _RESTS_AFTER:
            rest = max(rest, now + rest_after(self._laters))
        self._rests_until = max(self._rests_until, rest)
        if settled.halted:
            self._halted = True
            log.warning("channel_account_rejected", account=self._key.account_id, channel=self._channel.kind)
