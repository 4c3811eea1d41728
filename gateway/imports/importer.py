"""Takes imports in, a piece and one transaction at a time: what is made and how far it has got are one commit.

So a crash costs nothing, and a file sent twice makes nothing twice. Each merchant's oldest import goes on in turn.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
import structlog

from gateway import registration
from gateway.api import orders as order_calls
from gateway.api import shipments as shipment_calls
from gateway.api.calls import parse
from gateway.api.order_requests import OrderIn
from gateway.api.problems import Problem, invalid
from gateway.api.requests import ShipmentIn
from gateway.clock import now_ms
from gateway.imports import files, store
from gateway.registering import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection, RowMapping

    from gateway.imports.files import Item
    from gateway.orders.store import NewOrder
    from gateway.pages.links import Links
    from gateway.shipments import NewShipment
    from gateway.vault import Vault
    from webhooks.log import Entry
    from webhooks.store import Store

log: structlog.stdlib.BoundLogger = structlog.get_logger()

PIECE = 100
"""Items in one transaction: short enough that nobody waits behind it."""
_FILES_AT_HAND = 8
_AGAIN_AFTER = 60.0
"""Seconds after which an import that failed on our side is tried again."""

Told = dict[str, list["Entry"]]
Line = dict[str, Any]
"""What became of an item: `status`, `made_id` and `problem`."""


class OvertakenError(Exception):
    """Another process, such as the command, has gone on with this import."""


class Importer:
    """Takes in what waits."""

    def __init__(
        self, database: Store, vault: Vault, links: Links, tell: Callable[[Told], None], wake: Callable[[], None]
    ) -> None:
        self._store = database
        self._vault = vault
        self._links = links
        self._tell = tell
        self._wake = wake
        self._one_at_a_time = asyncio.Lock()
        self._put_off: dict[tuple[str, str], float] = {}
        self._read: OrderedDict[tuple[str, str], list[Item]] = OrderedDict()

    async def tick(self) -> None:
        """Go on with every merchant's oldest import, in turn, until nothing waits that can be gone on with."""
        async with self._one_at_a_time:
            self._put_off = {one: until for one, until in self._put_off.items() if until > time.monotonic()}
            while waiting := [one for one in await self._store.read(store.open_ones) if one not in self._put_off]:
                for one in waiting:
                    try:
                        row = await self.go_on(*one)
                    except Exception:
                        log.exception("import_failed", import_id=one[1])
                        self._put_off[one] = time.monotonic() + _AGAIN_AFTER
                        continue
                    if row is not None and row["finished_at"] is not None:
                        log.info("imported", kind=row["kind"], items=row["total"], refused=row["refused"])

    async def go_on(self, merchant_id: str, import_id: str) -> RowMapping | None:
        """Take in the next piece of an import; return how far it is, None where there is none."""
        row = await self._store.read(partial(store.get, merchant_id=merchant_id, import_id=import_id))
        if row is None or row["finished_at"] is not None:
            return row
        items = await self._items(row)
        piece = items[row["done"] : row["done"] + PIECE]
        work = self._orders(row, piece) if row["kind"] == "orders" else self._shipments(row, piece)
        try:
            after, told = await self._store.write(work)
        except OvertakenError:
            return row
        self._tell(told)
        if row["kind"] == "shipments":
            self._wake()
        if after["finished_at"] is not None:
            self._read.pop((merchant_id, import_id), None)
        return after

    async def _items(self, row: RowMapping) -> list[Item]:
        key = (row["merchant_id"], row["id"])
        items = self._read.get(key)
        if items is None:
            body = store.opened(self._vault, row)
            items = await asyncio.to_thread(files.read, row["kind"], row["form"], body)
            self._read[key] = items
            while len(self._read) > _FILES_AT_HAND:
                self._read.popitem(last=False)
        return items

    def _orders(self, row: RowMapping, piece: Sequence[Item]) -> Callable[[Connection], tuple[RowMapping, Told]]:
        merchant_id, now = row["merchant_id"], now_ms()
        results: list[Line | NewOrder] = []
        for item in piece:
            try:
                results.append(order_calls.drafted(self._vault, merchant_id, parse(OrderIn, _body(item)), now))
            except Problem as problem:
                results.append(_refused(problem))

        def work(conn: Connection) -> tuple[RowMapping, Told]:
            drafts = [one for one in results if not isinstance(one, dict)]
            made, told = order_calls.make(conn, merchant_id, drafts, now)
            done = iter(made)
            lines = [one if isinstance(one, dict) else _made(*_first_id(next(done))) for one in results]
            return _noted(conn, row, piece, lines, now), told

        return work

    def _shipments(self, row: RowMapping, piece: Sequence[Item]) -> Callable[[Connection], tuple[RowMapping, Told]]:
        merchant_id, now = row["merchant_id"], now_ms()
        results: list[Line | NewShipment] = []
        for item in piece:
            try:
                results.append(shipment_calls.drafted(self._vault, merchant_id, parse(ShipmentIn, _body(item))))
            except Refused as trouble:
                results.append(_refused(shipment_calls.refusal(trouble)))
            except Problem as problem:
                results.append(_refused(problem))

        def work(conn: Connection) -> tuple[RowMapping, Told]:
            drafts = [one for one in results if not isinstance(one, dict)]
            made, told = registration.register(self._links, conn, merchant_id, drafts, now)
            done = iter(made)
            lines: list[Line] = []
            for one in results:
                if isinstance(one, dict):
                    lines.append(one)
                    continue
                result = next(done)
                if isinstance(result, Refused):
                    lines.append(_refused(shipment_calls.refusal(result)))
                else:
                    lines.append(_made(result.row["id"], new=result.new))
            return _noted(conn, row, piece, lines, now), told

        return work


def _body(item: Item) -> bytes:
    if item.trouble is not None:
        raise invalid(item.trouble)
    return orjson.dumps(item.value)


def _first_id(made: tuple[RowMapping, bool]) -> tuple[str, bool]:
    return made[0]["id"], made[1]


def _made(made_id: str, new: bool) -> Line:  # noqa: FBT001 - the pair as it comes
    return {"status": 201 if new else 200, "made_id": made_id, "problem": None}


def _refused(problem: Problem) -> Line:
    return {"status": 422, "made_id": None, "problem": orjson.dumps(problem.body())}


def _noted(conn: Connection, row: RowMapping, piece: Sequence[Item], results: Sequence[Line], now: int) -> RowMapping:
    fresh = store.get(conn, row["merchant_id"], row["id"])
    if fresh is None or fresh["done"] != row["done"]:
        raise OvertakenError  # nothing of this piece is kept
    lines = [
        {"merchant_id": row["merchant_id"], "import_id": row["id"], "line": number, "first": not place} | result
        for item, result in zip(piece, results, strict=True)
        for place, number in enumerate(item.lines)
    ]
    return store.note(conn, row, lines, len(piece), now)
