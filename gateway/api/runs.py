"""Runs: a merchant's own couriers get their stops, and a page to work with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import web

from gateway import registration, shipments
from gateway.api import answers, requests, run_requests
from gateway.api.calls import STAFF, Ask, Calls, answer, listing
from gateway.api.problems import Problem, invalid
from gateway.api.shipments import drafted, promise, refusal
from gateway.listing import BadCursor
from gateway.registering import Refused
from gateway.runs import stops, store
from gateway.runs.stops import CARRIER, Asks, NewStop, Private
from normalizer import render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

    from gateway.api.run_requests import RunChange, RunIn, RunLinkIn, RunsQuery, StopIn
    from gateway.registration import Registered
    from gateway.runs.stops import Standing
    from webhooks.log import Entry

CALLS = Calls("Runs")
_LIVES = timedelta(hours=36)
_MOST_BYTES = 2_000_000


@CALLS.add(
    "POST",
    "/v1/runs",
    "Send a courier of your own out: stops in order, and a page to work with.",
    roles=STAFF,
    body=run_requests.RunIn,
    answers={201: answers.Run},
    problems=("validation",),
    most_bytes=_MOST_BYTES,
)
async def create(ask: Ask) -> web.StreamResponse:
    """Make a run with its stops."""
    wish: RunIn = ask.body
    ends = datetime.combine(wish.day, time(), UTC) + _LIVES if wish.expires_at is None else wish.expires_at
    new = store.NewRun(
        courier=wish.courier.strip(),
        vehicle=wish.vehicle.strip(),
        day=wish.day.isoformat(),
        expires_at=_ahead(ask, ends),
    )

    def work(conn: Connection) -> tuple[RowMapping, list[RowMapping], dict[str, list[Entry]]]:
        run = store.create(conn, ask.gateway.run_links, ask.merchant_id, new, ask.now)
        entries = _set_stops(ask, conn, run, wish.stops)
        return run, stops.of_run(conn, run), entries

    run, rows, entries = await ask.gateway.store.write(work)
    ask.gateway.tell(entries)
    return answer(_whole(ask, run, rows), 201, {"Location": f"/v1/runs/{run['id']}"})


@CALLS.add(
    "GET",
    "/v1/runs",
    "List runs, the newest first.",
    roles=STAFF,
    query=run_requests.RunsQuery,
    answers={200: answers.Runs},
    problems=("validation",),
)
async def find(ask: Ask) -> web.StreamResponse:
    """List runs, without their stops."""
    query: RunsQuery = ask.query
    day = None if query.day is None else query.day.isoformat()

    def work(conn: Connection) -> tuple[list[RowMapping], str | None, dict[str, Standing]]:
        rows, cursor = store.page(conn, ask.merchant_id, day=day, after=query.cursor, limit=query.limit)
        return rows, cursor, stops.standing(conn, ask.merchant_id, [row["id"] for row in rows])

    try:
        rows, cursor, standing = await ask.gateway.store.read(work)
    except BadCursor as trouble:
        raise invalid(("?cursor", str(trouble))) from None
    return listing([_document(ask, row, standing[row["id"]]) for row in rows], cursor)


@CALLS.add(
    "GET",
    "/v1/runs/{run_id}",
    "A run with its stops and how each stands.",
    roles=STAFF,
    answers={200: answers.Run},
    problems=("not-found",),
)
async def get(ask: Ask) -> web.StreamResponse:
    """Show one run."""

    def work(conn: Connection) -> tuple[RowMapping, list[RowMapping]]:
        run = _found(store.get(conn, ask.merchant_id, ask.path("run_id")))
        return run, stops.of_run(conn, run)

    return answer(_whole(ask, *await ask.gateway.store.read(work)))


@CALLS.add(
    "PATCH",
    "/v1/runs/{run_id}",
    "Change a run. `stops` is the whole list in its order: those named by `id` keep their state, others are taken off.",
    roles=STAFF,
    body=run_requests.RunChange,
    answers={200: answers.Run},
    problems=("not-found", "validation"),
    most_bytes=_MOST_BYTES,
)
async def change(ask: Ask) -> web.StreamResponse:
    """Change a run and its stops."""
    wish: RunChange = ask.body
    values = _changes(ask, wish)

    def work(conn: Connection) -> tuple[RowMapping, list[RowMapping], dict[str, list[Entry]]]:
        run = _found(store.get(conn, ask.merchant_id, ask.path("run_id")))
        run = _found(store.change(conn, ask.merchant_id, run["id"], ask.now, **values))
        entries = {} if wish.stops is None else _set_stops(ask, conn, run, wish.stops)
        return run, stops.of_run(conn, run), entries

    run, rows, entries = await ask.gateway.store.write(work)
    ask.gateway.tell(entries)
    return answer(_whole(ask, run, rows))


@CALLS.add(
    "DELETE",
    "/v1/runs/{run_id}",
    "Delete a run. Its link ends; what the courier did stays in the parcels' histories.",
    roles=STAFF,
    answers={204: None},
    problems=("not-found",),
)
async def delete(ask: Ask) -> web.StreamResponse:
    """Delete a run."""
    if not await ask.gateway.store.write(lambda conn: store.drop(conn, ask.merchant_id, ask.path("run_id"))):
        raise Problem("not-found")
    return web.Response(status=204)


@CALLS.add(
    "POST",
    "/v1/runs/{run_id}/link",
    "Make a new link to the courier's page. The old one ends at once.",
    roles=STAFF,
    body=run_requests.RunLinkIn,
    body_optional=True,
    answers={201: answers.Run},
    problems=("not-found", "validation"),
)
async def renew(ask: Ask) -> web.StreamResponse:
    """Replace a run's link."""
    wish: RunLinkIn = ask.body
    given = None if wish.expires_at is None else _ahead(ask, wish.expires_at)

    def work(conn: Connection) -> tuple[RowMapping, list[RowMapping]]:
        run = _found(store.get(conn, ask.merchant_id, ask.path("run_id")))
        run = store.renew(conn, ask.gateway.run_links, run, given or run["expires_at"], ask.now)
        return run, stops.of_run(conn, run)

    return answer(_whole(ask, *await ask.gateway.store.write(work)), 201)


@CALLS.add(
    "DELETE",
    "/v1/runs/{run_id}/link",
    "End the link to the courier's page. There is none until another one is asked for.",
    roles=STAFF,
    answers={204: None},
    problems=("not-found",),
)
async def revoke(ask: Ask) -> web.StreamResponse:
    """End a run's link."""
    done = await ask.gateway.store.write(
        lambda conn: store.change(conn, ask.merchant_id, ask.path("run_id"), ask.now, revoked_at=ask.now)
    )
    _found(done)
    return web.Response(status=204)


def _changes(ask: Ask, wish: RunChange) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in ("courier", "vehicle"):
        if (text := getattr(wish, name)) is not None:
            values[name] = text.strip()
    if wish.day is not None:
        values["day"] = wish.day.isoformat()
    if wish.expires_at is not None:
        values["expires_at"] = _ahead(ask, wish.expires_at)
    return values


def _ahead(ask: Ask, ends: datetime) -> int:
    at = int(ends.timestamp() * 1000)
    if at <= ask.now:
        raise invalid(("/expires_at", "is past; with a day that is over, say when the link shall end"))
    return at


def _set_stops(ask: Ask, conn: Connection, run: RowMapping, wanted: Sequence[StopIn]) -> dict[str, list[Entry]]:
    """Make a run's stops those that are wanted, and shipments of those that come with a number."""
    known = {row["id"]: row for row in stops.of_run(conn, run, removed=True)}
    ids, entries = _shipments(ask, conn, wanted, known)
    new: list[NewStop] = []
    for index, (wish, shipment_id) in enumerate(zip(wanted, ids, strict=True)):
        old = known.get(wish.id or "")
        if any(one.shipment_id == shipment_id for one in new):
            raise invalid((f"/stops/{index}", "the same parcel stands in the list twice"))
        new.append(_new_stop(ask, wish, shipment_id, old))
    store.set_stops(conn, ask.gateway.vault, run, new, ask.now)
    return entries


def _new_stop(ask: Ask, wish: StopIn, shipment_id: str, old: RowMapping | None) -> NewStop:
    """Return a stop as it shall be; of one that is kept, what is left out stays as it was."""
    window = promise(wish.window) or {}
    asks, private = Asks(), Private()
    if old is not None:
        asks, private = stops.asks_of(old), stops.private_of(ask.gateway.vault, old)
    given = wish.model_fields_set
    if "needs" in given:
        asks = replace(asks, needs=tuple(dict.fromkeys(wish.needs)))
    if "min_age" in given:
        asks = replace(asks, min_age=wish.min_age)
    if "window" in given:
        asks = replace(asks, start=window.get("from"), end=window.get("to"))
    if "note" in given:
        private = replace(private, note=(wish.note or "").strip())
    if "pin" in given:
        private = replace(private, pin=wish.pin or "")
    if "call" in given:
        private = replace(private, call=wish.call or "")
    if "pin" in asks.needs and not private.pin:
        raise invalid(("/stops", "a stop needs a `pin` and has none"))
    return NewStop(id=wish.id, shipment_id=shipment_id, asks=asks, private=private)


def _shipments(
    ask: Ask, conn: Connection, wanted: Sequence[StopIn], known: Mapping[str, RowMapping]
) -> tuple[list[str], dict[str, list[Entry]]]:
    """Return the shipment of each stop; those told by a number are registered."""
    drafts = {}
    for index, wish in enumerate(wanted):
        if wish.tracking_number is not None and wish.id is None:
            drafts[index] = _draft(ask, index, wish)
    results, entries = registration.register(ask.gateway.links, conn, ask.merchant_id, list(drafts.values()), ask.now)
    made = dict(zip(drafts, results, strict=True))
    there = shipments.get_many(conn, ask.merchant_id, [one.shipment_id for one in wanted if one.shipment_id])
    ids: list[str] = []
    for index, wish in enumerate(wanted):
        if wish.id is not None:
            if wish.id not in known:
                raise invalid((f"/stops/{index}/id", "is no stop of this run"))
            ids.append(known[wish.id]["shipment_id"])
        elif wish.shipment_id is not None:
            ids.append(_fits(there.get(wish.shipment_id), f"/stops/{index}/shipment_id")["id"])
        else:
            ids.append(_registered(made[index], index).row["id"])
    return ids, entries


def _draft(ask: Ask, index: int, wish: StopIn) -> shipments.NewShipment:
    """Return the shipment a stop's number becomes."""
    body = requests.ShipmentIn(
        tracking_number=wish.tracking_number or "",
        carrier=CARRIER,
        order_number=wish.order_number,
        recipient=wish.recipient,
        destination=wish.destination,
        promised=wish.window,
    )
    try:
        return drafted(ask.gateway.vault, ask.merchant_id, body)
    except Refused as trouble:
        raise invalid(*((f"/stops/{index}{field}", reason) for field, reason in trouble.errors)) from None


def _registered(one: Registered | Refused, index: int) -> Registered:
    if isinstance(one, Refused):
        problem = refusal(one)
        raise invalid((f"/stops/{index}", problem.detail))
    return one


def _fits(row: RowMapping | None, pointer: str) -> RowMapping:
    if row is None:
        raise invalid((pointer, "you have no shipment of that id"))
    if row["carrier"] != CARRIER:
        raise invalid((pointer, f"is a parcel of {row['carrier']}; a run takes those of the carrier {CARRIER}"))
    return row


def _found(row: RowMapping | None) -> RowMapping:
    if row is None:
        raise Problem("not-found")
    return row


def _document(ask: Ask, run: Mapping[Any, Any], standing: Standing) -> dict[str, Any]:
    return {
        "id": run["id"],
        "courier": run["courier"],
        "vehicle": run["vehicle"],
        "day": run["day"],
        "courier_url": ask.gateway.run_links.url(run),
        "expires_at": render.millis_instant(run["expires_at"]),
        "stops_total": standing.total,
        "stops_done": standing.done,
        "created_at": render.millis_instant(run["created_at"]),
        "updated_at": render.millis_instant(run["changed_at"]),
    }


def _whole(ask: Ask, run: Mapping[Any, Any], rows: Sequence[Mapping[Any, Any]]) -> dict[str, Any]:
    standing = stops.Standing(len(rows), sum(row["state"] in stops.DONE for row in rows))
    return _document(ask, run, standing) | {"stops": [_stop(ask, row) for row in rows]}


def _stop(ask: Ask, row: Mapping[Any, Any]) -> dict[str, Any]:
    asks, private = stops.asks_of(row), stops.private_of(ask.gateway.vault, row)
    window = {"from": asks.start, "to": asks.end}
    return {
        "id": row["id"],
        "shipment_id": row["shipment_id"],
        "tracking_number": row["tracking_number"],
        "state": row["state"],
        "state_since": render.millis_instant(row["state_at"] or None),
        "window": window if asks.start or asks.end else None,
        "needs": asks.needs,
        "min_age": asks.min_age,
        "has_note": bool(private.note),
        "has_call": bool(private.call),
        "has_pin": bool(private.pin),
    }
