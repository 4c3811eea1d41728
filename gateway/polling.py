"""Polling: whoever is due is asked, in batches, within the account's limits; the answer goes to the inbox.

What is due is a column (`next_poll_at`); a tick only looks (`gateway.due`). Hours-scale retry is that column again
(`gateway.cadence`), seconds-scale retry is inside the client.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import structlog

from connectors import connector
from connectors.base import Polls
from connectors.errors import CarrierError, NotFound, Rejected, Unavailable, Unreadable
from gateway import cadence, due, metrics, shipments
from gateway.apply import apply
from gateway.beside import tell_trouble
from gateway.clock import now_ms
from gateway.inbox import NewPayload, digest_of
from gateway.ingest import can_poll
from gateway.refold import News
from gateway.second_guess import SecondGuess

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from connectors.client import Answer
    from gateway.carriers import AccountKey, CarrierAccess
    from gateway.due import Due
    from gateway.inbox import Inbox
    from webhooks.log import Entry
    from webhooks.store import Store

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_PER_ACCOUNT = 4
"""Calls of one account under way at once: a carrier that hangs holds no more than these."""
_GUESSES = 16
"""Numbers of one group that other carriers are asked for at once."""
_REJECTED_WAIT_MS = 6 * 3_600_000


class Poller:
    """Asks carriers. `tick` is called by the scheduler and by whoever made a shipment due right now."""

    def __init__(
        self,
        store: Store,
        inbox: Inbox,
        access: CarrierAccess,
        tell: Callable[[dict[str, list[Entry]]], None],
        concurrency: int,
    ) -> None:
        self._store = store
        self._inbox = inbox
        self._access = access
        self._tell = tell
        self._second_guess = SecondGuess(store, inbox, access, tell)
        self._slots = asyncio.Semaphore(concurrency)
        self._account_slots: dict[AccountKey, asyncio.Semaphore] = {}
        self._ticking = asyncio.Lock()
        self._calls: set[asyncio.Task[None]] = set()
        self._busy: Counter[AccountKey] = Counter()
        self._full: set[AccountKey] = set()
        self._most = concurrency * 4
        self._stopping = False

    def wake(self) -> None:
        """Look for due shipments now, without waiting for the next tick."""
        if not self._stopping:
            self._spawn(self.tick())

    async def tick(self) -> None:
        """Claim what is due and start asking. Does nothing while enough is under way."""
        async with self._ticking:
            room = self._most - self._busy.total()
            if room <= 0 or self._stopping:
                return
            now = now_ms()
            if not await self._store.read(lambda conn: due.any_due(conn, now)):
                return
            held, busy = Counter(self._busy), dict(self._busy)
            for group in await self._store.write(lambda conn: due.claim(conn, now, room, busy)):
                key = group[0].account
                held[key] += 1
                self._busy[key] += 1
                if held[key] >= due.MOST_OF_AN_ACCOUNT:  # there may be more of it
                    self._full.add(key)
                self._spawn(self._take(group))

    async def stop(self) -> None:
        """Let the calls under way finish, for a while; what does not is due again after its claim."""
        self._stopping = True
        if self._calls:
            _, late = await asyncio.wait(self._calls, timeout=10)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        task.add_done_callback(tell_trouble)

    async def _take(self, group: Sequence[Due]) -> None:
        """See a claimed group through; when its account has room again, look for more of it at once."""
        key = group[0].account
        slot = self._account_slots.setdefault(key, asyncio.Semaphore(_PER_ACCOUNT))
        try:
            async with slot, self._slots:
                if left := await self._without_moved(group):
                    await self._ask(left)
        finally:
            self._busy[key] -= 1
            if self._busy[key] <= _PER_ACCOUNT and key in self._full:
                self._full.discard(key)
                self.wake()
            if not self._busy[key]:
                del self._busy[key]

    async def _without_moved(self, group: Sequence[Due]) -> list[Due]:
        """Return the group without those that turn out to be another carrier's; some at a time, to keep the claim."""
        now = now_ms()
        doubtful = [one for one in group if one.doubtful(now)][:_GUESSES]
        moved = await asyncio.gather(*(self._second_guess.moves(one) for one in doubtful))
        gone = {one.id for one, is_gone in zip(doubtful, moved, strict=True) if is_gone}
        return [one for one in group if one.id not in gone]

    async def _ask(self, group: Sequence[Due]) -> None:
        first = group[0]
        started = now_ms()
        numbers = tuple(one.tracking_number for one in group)
        try:
            by = connector(first.carrier)
            if not isinstance(by, Polls):
                raise Rejected("this carrier cannot be asked")  # noqa: TRY301 - ends this group alike
            client = await self._access.client(*first.account)
            answer = await by.poll(client, numbers)
        except CarrierError as trouble:
            if len(group) > 1 and isinstance(trouble, NotFound | Unreadable):
                # Refused as a whole: one number may have spoiled the question, so each gets its own.
                for one in group:
                    await self._ask([one])
                return
            await self._note_trouble(group, trouble, started)
        except Exception:
            log.exception("poll_failed", carrier=first.carrier)
            await self._note_trouble(group, Unavailable("a fault of our own"), started)
        else:
            metrics.poll_seconds(first.carrier).observe((now_ms() - started) / 1000)
            await self._note_answer(group, numbers, answer)

    async def _note_answer(self, group: Sequence[Due], numbers: tuple[str, ...], answer: Answer) -> None:
        now = now_ms()
        first = group[0]
        digest = digest_of(answer.body)
        metrics.polls(first.carrier, "answered").inc()
        same = all(one.poll_digest == digest for one in group)
        rows = []
        for one in group:
            # The same answer again: a number that was unknown still is, and nobody will read it a second time.
            not_found = one.not_found + 1 if same and one.not_found else one.not_found
            next_at = cadence.next_poll(one.asked(now, not_found=not_found), now)
            rows.append(one.after(now, digest=digest, not_found=not_found, next_poll_at=next_at))
        payload = NewPayload(
            merchant_id=first.merchant_id,
            carrier=first.carrier,
            account_id=first.account_id,
            source="poll",
            received_at=now,
            body=answer.body,
            numbers=numbers,
            headers={name: value for name, value in answer.headers.items() if name == "content-type"},
        )
        await self._inbox.keep_with(None if same else payload, lambda conn: due.note(conn, rows))

    async def _note_trouble(self, group: Sequence[Due], trouble: CarrierError, started: int) -> None:
        now = now_ms()
        first = group[0]
        metrics.polls(first.carrier, type(trouble).__name__.lower()).inc()
        metrics.poll_seconds(first.carrier).observe((now - started) / 1000)
        if isinstance(trouble, NotFound):
            rows = [
                one.after(now, next_poll_at=cadence.next_poll(one.asked(now, not_found=one.not_found + 1), now))
                for one in group
            ]

            def missing(conn: Connection) -> dict[str, list[Entry]]:
                due.note(conn, rows)
                known = shipments.get_many(conn, first.merchant_id, [one.id for one in group])
                news = {
                    (first.merchant_id, id_): News(missing=True)
                    for id_, row in known.items()
                    if row["carrier"] == first.carrier  # it may have been corrected meanwhile
                }
                return apply(conn, news, can_poll, now).entries

            self._tell(await self._store.write(missing))
            return
        if isinstance(trouble, Rejected) and await self._access.rejected(
            *first.account, str(trouble), asked_at=started
        ):
            rows = [
                one.after(now, failures=one.poll_failures + 1, next_poll_at=now + _REJECTED_WAIT_MS) for one in group
            ]
        else:
            wait = trouble.retry_after if isinstance(trouble, Unavailable) else None
            rows = []
            for one in group:
                asked = one.asked(now, failures=one.poll_failures + 1, retry_after=wait)
                next_at = cadence.next_poll(asked, now)
                rows.append(one.after(now, failures=one.poll_failures + 1, next_poll_at=next_at))
        log.debug("poll_trouble", carrier=first.carrier, kind=type(trouble).__name__, ms=now - started)
        await self._store.write(lambda conn: due.note(conn, rows))
