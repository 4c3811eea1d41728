"""Passes on to couriers what recipients and support say: by the platform, or by SMS from the shop's number."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import structlog

from connectors import connector
from connectors.base import Contacts
from connectors.errors import CarrierError, NotFound, Unavailable
from gateway.clock import now_ms
from gateway.db import NotNow
from gateway.insisting import AGAIN, insist
from gateway.people import accounts
from gateway.people.writing import CALLBACK
from gateway.talk import claims
from webhooks.channels.base import Outgoing, Said

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.carriers import CarrierAccess
    from gateway.people.ways import Ways
    from gateway.talk.claims import Passing
    from gateway.vault import Vault
    from webhooks.store import Store

log: structlog.stdlib.BoundLogger = structlog.get_logger()

LOOK_EVERY = 10.0
"""Seconds after which the relay looks by itself: another process may have taken something in."""
_ROOM = 16
_PATIENCE = 60.0
"""Seconds a platform may take."""


class Relay:
    """Sends what is due to couriers. `said` is told of each conversation that changed."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        carriers: CarrierAccess,
        doors: Ways,
        *,
        public_url: str,
        said: Callable[[tuple[str, str]], None],
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._store = store
        self._vault = vault
        self._carriers = carriers
        self._doors = doors
        self._public_url = public_url.rstrip("/")
        self._said = said
        self._clock = clock
        self._departed: set[tuple[str, str]] = set()
        self._woken = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, and go on where the last process ended."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End after what is on its way."""
        self._closing = True
        self._woken.set()
        if self._task is not None:
            await self._task

    def wake(self) -> None:
        """Look now: something was said."""
        self._woken.set()

    def depart(self, merchant_id: str, shipment_id: str) -> None:
        """A shipment went out: its courier hears what was said before."""
        self._departed.add((merchant_id, shipment_id))
        self._woken.set()

    async def _run(self) -> None:
        while not self._closing:
            self._woken.clear()
            try:
                wait = await self._round()
            except NotNow as trouble:
                log.warning("relay_waits", reason=str(trouble))
                wait = AGAIN
            except Exception:
                log.exception("relay_failed")
                wait = LOOK_EVERY
            if wait > 0 and not self._closing:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), min(wait, LOOK_EVERY))

    async def _round(self) -> float:
        """Pass on what is due; return the seconds after which there may be more."""
        now = self._clock()
        if self._departed:
            keys, self._departed = self._departed, set()
            try:
                await self._store.write(lambda conn: claims.depart(conn, keys, now))
            except BaseException:
                self._departed |= keys
                raise
        due = await self._store.read(claims.next_due)
        if due is None:
            return LOOK_EVERY
        if due > now:
            return (due - now) / 1000
        claimed = await self._store.write(lambda conn: claims.claim(conn, self._vault, now, _ROOM))
        await asyncio.gather(*(self._pass(one) for one in claimed))
        return 0.0

    async def _pass(self, one: Passing) -> None:
        try:
            said = await (self._by_platform(one) if one.row["through"] == "platform" else self._by_sms(one))
        except Exception:
            log.exception("passing_failed", utterance=one.row["id"], through=one.row["through"])
            said = Said(kind="later", reason="a fault of ours while sending")
        now = self._clock()
        settle = partial(claims.settle, passing=one, said=said, now=now)
        await insist(self._store, settle, gives_up=lambda: self._closing)
        self._said((one.row["merchant_id"], one.row["shipment_id"]))

    async def _by_platform(self, one: Passing) -> Said:
        shipment = one.shipment
        carrier, account_id = shipment["carrier"], shipment["account_id"]
        by = connector(carrier)
        assert isinstance(by, Contacts)  # noqa: S101 - the way was chosen so
        try:
            http = await self._carriers.client(shipment["merchant_id"], carrier, account_id)
            async with asyncio.timeout(_PATIENCE):
                await by.contact(http, shipment["tracking_number"], one.text)
        except NotFound:
            return Said(kind="refused", reason="the platform knows no courier of this parcel")
        except Unavailable as trouble:
            return Said(kind="later", reason="the platform cannot be reached", retry_after=trouble.retry_after)
        except TimeoutError:
            return Said(kind="later", reason="the platform does not answer")
        except CarrierError:
            return Said(kind="refused", reason="the platform did not take it")
        return Said(kind="accepted")

    async def _by_sms(self, one: Passing) -> Said:
        assert one.account is not None  # noqa: S101 - an SMS has one
        secrets = accounts.secrets_of(self._vault, one.account)
        channel = self._doors.open("sms", accounts.settings_of(one.account), secrets)
        callback = ""
        if self._public_url:
            path = CALLBACK.format(account_id=one.account["id"])
            callback = f"{self._public_url}{path}?notice={one.row['id']}"
        outgoing = Outgoing(id=one.row["id"], to=one.phone, text=one.text, urgent=True, callback_url=callback)
        try:
            return await channel.send(outgoing)
        finally:
            await channel.close()
