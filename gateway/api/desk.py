"""The support desk: queues, who takes care of what, notes, saved lists, and the carrier's own bytes."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web
from sqlalchemy import delete, select

from gateway import listing, shipments, spreadsheet
from gateway.api import answers, desk_requests
from gateway.api.calls import STAFF, Ask, Calls, answer
from gateway.api.calls import listing as list_of
from gateway.api.problems import Problem, invalid
from gateway.api.shipments import found
from gateway.desk import work
from gateway.desk.tables import DeskTables
from gateway.ids import new_id
from gateway.ratings import ratings
from gateway.staff import people
from gateway.tables import Tables
from gateway.talk import conversation
from gateway.visibility import shown
from normalizer import render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, RowMapping

    from gateway.api.desk_requests import FilterIn, HandlingChange, HandlingIn, ManyHandlingIn, NoteIn, WorkQuery

CALLS = Calls("Desk")
_AT_ONCE = 1_000
"""Lines of an export read at once."""
_MOST_BODY = 500_000
_COLUMNS = (
    "since",
    "tracking_number",
    "carrier",
    "order_number",
    "status",
    "substatus",
    "assignee",
    "snoozed_until",
    "id",
)


@CALLS.add("GET", "/v1/desk/queues", "How much waits in each queue.", roles=STAFF, answers={200: answers.Queues})
async def queues(ask: Ask) -> web.StreamResponse:
    """Count the queues."""
    merchant_id, who, now = ask.merchant_id, ask.principal.person_id, ask.now

    def count(conn: Connection) -> dict[str, Any]:
        return {
            "counts": work.counts(conn, merchant_id, who, now),
            "conversations": conversation.waiting(conn, merchant_id),
            "low_ratings": ratings.waiting(conn, merchant_id, now),
        }

    return answer(await ask.gateway.store.read(count))


@CALLS.add(
    "GET",
    "/v1/desk/work",
    "A queue, what waits longest first; `format=csv` gives all of it as a table.",
    roles=STAFF,
    query=desk_requests.WorkQuery,
    answers={200: answers.WorkPage},
    problems=("validation",),
)
async def find(ask: Ask) -> web.StreamResponse:
    """List a queue."""
    query: WorkQuery = ask.query
    wanted = work.Work(
        queue=query.queue,
        person_id=ask.principal.person_id,
        carrier=query.carrier,
        assignee=ask.principal.person_id if query.assignee == "me" else query.assignee,
    )
    try:
        if query.format == "csv":
            return await _table(ask, wanted)
        rows, cursor = await _page(ask, wanted, query.cursor, query.limit)
    except listing.BadCursor as trouble:
        raise invalid(("?cursor", str(trouble))) from None
    urls = await ask.gateway.links.urls(ask.merchant_id, [row["id"] for row, _ in rows])
    items = [
        {
            "since": render.millis_instant(row["since"]),
            "shipment": shown(
                ask.principal.role, "shipment", shipments.document(row) | {"tracking_url": urls[row["id"]]}
            ),
            "handling": handling,
        }
        for row, handling in rows
    ]
    return list_of(items, cursor)


async def _page(
    ask: Ask, wanted: work.Work, after: str | None, limit: int
) -> tuple[list[tuple[RowMapping, dict[str, Any]]], str | None]:
    return await ask.gateway.store.read(
        lambda conn: work.page(conn, ask.merchant_id, wanted, after=after, limit=limit, now=ask.now)
    )


async def _table(ask: Ask, wanted: work.Work) -> web.StreamResponse:
    """Answer with all of a queue, piece by piece: it may be long."""
    rows, cursor = await _page(ask, wanted, ask.query.cursor, _AT_ONCE)
    names = await ask.gateway.store.read(lambda conn: people.names(conn, ask.merchant_id))
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{wanted.queue}.csv"',
        }
    )
    await response.prepare(ask.request)
    await response.write(spreadsheet.lines([_COLUMNS]))
    while True:
        await response.write(spreadsheet.lines(_told(row, handling, names) for row, handling in rows))
        if cursor is None:
            break
        rows, cursor = await _page(ask, wanted, cursor, _AT_ONCE)
    await response.write_eof()
    return response


def _told(row: RowMapping, handling: Mapping[str, Any], names: Mapping[str, str]) -> list[Any]:
    assignee = handling["assignee"] or ""
    since = render.millis_instant(row["since"])
    told = {**row, **handling, "since": since, "assignee": names.get(assignee, assignee)}
    return [told[name] for name in _COLUMNS]


def _values(ask: Ask, wish: HandlingChange) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if wish.assignee is not None:
        me = ask.principal.person_id
        if wish.assignee == "me" and not me:
            raise invalid(("/assignee", "a key is nobody: name a person's id"))
        values["assignee"] = {"me": me, "none": ""}.get(wish.assignee, wish.assignee)
    if wish.snoozed_until is not None:
        values["snoozed_until"] = int(wish.snoozed_until.timestamp() * 1000)
    if wish.awake:
        values["snoozed_until"] = 0
    if not values:
        raise invalid(("", "says nothing to be changed"))
    return values


def _checked(conn: Connection, ask: Ask, values: dict[str, Any]) -> None:
    assignee = values.get("assignee")
    if assignee and people.get(conn, ask.merchant_id, assignee) is None:
        raise invalid(("/assignee", "is none of your people"))


@CALLS.add(
    "PUT",
    "/v1/shipments/{shipment_id}/handling",
    "Take a shipment, hand it to somebody, or let it sleep.",
    roles=STAFF,
    body=desk_requests.HandlingIn,
    answers={200: answers.Handling},
    problems=("not-found", "validation", "conflict"),
)
async def handle(ask: Ask) -> web.StreamResponse:
    """Change who takes care, unless somebody else did meanwhile."""
    wish: HandlingIn = ask.body
    values, shipment_id = _values(ask, wish), ask.path("shipment_id")

    def change(conn: Connection) -> dict[str, Any]:
        found(shipments.get(conn, ask.merchant_id, shipment_id))
        _checked(conn, ask, values)
        by = ask.principal.person_id or ask.principal.key_id
        return work.handle(conn, ask.merchant_id, shipment_id, by=by, now=ask.now, expected=wish.version, **values)

    try:
        told = await ask.gateway.store.write(change)
    except work.Changed as changed:
        raise Problem("conflict", str(changed), handling=changed.now) from None
    ask.gateway.live.tell_desk(ask.merchant_id, [shipment_id])
    return answer(told)


@CALLS.add(
    "GET",
    "/v1/shipments/{shipment_id}/handling",
    "Who takes care of a shipment.",
    roles=STAFF,
    answers={200: answers.Handling},
    problems=("not-found",),
)
async def handled(ask: Ask) -> web.StreamResponse:
    """Show who takes care."""
    shipment_id = ask.path("shipment_id")

    def look(conn: Connection) -> dict[str, Any]:
        found(shipments.get(conn, ask.merchant_id, shipment_id))
        return work.handling(conn, ask.merchant_id, [shipment_id])[shipment_id]

    return answer(await ask.gateway.store.read(look))


@CALLS.add(
    "POST",
    "/v1/desk/handling",
    "The same change for many shipments; one that does not exist, or was changed meanwhile, harms no other.",
    roles=STAFF,
    body=desk_requests.ManyHandlingIn,
    answers={200: answers.ManyHandled},
    problems=("validation",),
)
async def handle_many(ask: Ask) -> web.StreamResponse:
    """Change who takes care of many."""
    wish: ManyHandlingIn = ask.body
    values = _values(ask, wish)
    by = ask.principal.person_id or ask.principal.key_id

    def change(conn: Connection) -> list[dict[str, Any]]:
        _checked(conn, ask, values)
        known = shipments.get_many(conn, ask.merchant_id, wish.shipment_ids)
        done = []
        for id_ in dict.fromkeys(wish.shipment_ids):
            if id_ not in known:
                done.append({"shipment_id": id_, "problem": Problem("not-found").body()})
                continue
            seen = wish.versions.get(id_)
            try:
                told = work.handle(conn, ask.merchant_id, id_, by=by, now=ask.now, expected=seen, **values)
                done.append({"shipment_id": id_, "handling": told})
            except work.Changed as changed:
                conflict = Problem("conflict", str(changed)).body()
                done.append({"shipment_id": id_, "handling": changed.now, "problem": conflict})
        return done

    told = await ask.gateway.store.write(change)
    ask.gateway.live.tell_desk(ask.merchant_id, wish.shipment_ids)
    return answer({"data": told})


@CALLS.add(
    "GET",
    "/v1/shipments/{shipment_id}/notes",
    "The desk's notes about a shipment, oldest first.",
    roles=STAFF,
    answers={200: answers.Notes},
    problems=("not-found",),
    personal=True,
)
async def notes(ask: Ask) -> web.StreamResponse:
    """List notes."""
    shipment_id, vault = ask.path("shipment_id"), ask.gateway.vault

    def look(conn: Connection) -> list[dict[str, Any]]:
        found(shipments.get(conn, ask.merchant_id, shipment_id))
        names = people.names(conn, ask.merchant_id)
        told = work.notes(conn, vault, ask.merchant_id, shipment_id)
        return [one | {"person": names.get(one["person_id"], "")} for one in told]

    return list_of(await ask.gateway.store.read(look))


@CALLS.add(
    "POST",
    "/v1/shipments/{shipment_id}/notes",
    "Write a note for the desk alone. It is never told to merchants' systems or recipients.",
    roles=STAFF,
    body=desk_requests.NoteIn,
    answers={201: answers.Note},
    problems=("not-found", "validation"),
)
async def add_note(ask: Ask) -> web.StreamResponse:
    """Keep a note, sealed."""
    wish: NoteIn = ask.body
    shipment_id, note_id = ask.path("shipment_id"), new_id("nte", ask.now)
    by = ask.principal.person_id or ask.principal.key_id
    sealed = ask.gateway.vault.seal(ask.merchant_id, work.note_purpose(note_id), wish.text.encode())

    def keep(conn: Connection) -> str:
        found(shipments.get(conn, ask.merchant_id, shipment_id))
        row = {"merchant_id": ask.merchant_id, "id": note_id, "shipment_id": shipment_id, "person_id": by}
        conn.execute(DeskTables.note.insert().values(**row, text=sealed, at=ask.now))
        return people.names(conn, ask.merchant_id).get(by, "")

    name = await ask.gateway.store.write(keep)
    ask.gateway.live.tell_desk(ask.merchant_id, [shipment_id])
    at = render.millis_instant(ask.now)
    return answer({"id": note_id, "at": at, "person_id": by, "person": name, "text": wish.text}, 201)


@CALLS.add(
    "GET",
    "/v1/payloads/{payload_id}",
    "What a carrier sent, byte for byte, as it was kept: an event's `payload_id` names it.",
    roles=STAFF,
    answers={200: answers.KeptPayload},
    problems=("not-found",),
    personal=True,
)
async def payload(ask: Ask) -> web.StreamResponse:
    """Show a kept payload."""
    c = Tables.payload.c
    statement = select(Tables.payload).where(c.merchant_id == ask.merchant_id, c.id == ask.path("payload_id"))
    row = await ask.gateway.store.read(lambda conn: conn.execute(statement).mappings().first())
    if row is None:
        raise Problem("not-found")
    body = bytes(row["body"])[:_MOST_BODY]
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = "base64:" + base64.b64encode(body).decode()
    told = {name: row[name] for name in ("id", "carrier", "source", "state", "reason")}
    told |= {"received_at": render.millis_instant(row["received_at"]), "headers": orjson.loads(row["headers"])}
    return answer(told | {"body": text})


@CALLS.add("GET", "/v1/desk/filters", "One's saved work lists.", roles=STAFF, answers={200: answers.SavedFilters})
async def filters(ask: Ask) -> web.StreamResponse:
    """List saved work lists."""
    return list_of(await ask.gateway.store.read(lambda conn: _filters(conn, ask)))


def _filters(conn: Connection, ask: Ask) -> list[dict[str, Any]]:
    c = DeskTables.saved_filter.c
    statement = select(c.id, c.name, c.query).where(
        c.merchant_id == ask.merchant_id, c.person_id == (ask.principal.person_id or ask.principal.key_id)
    )
    return [dict(row) for row in conn.execute(statement.order_by(c.name, c.id)).mappings()]


@CALLS.add(
    "POST",
    "/v1/desk/filters",
    "Save a work list.",
    roles=STAFF,
    body=desk_requests.FilterIn,
    answers={201: answers.SavedFilter},
    problems=("validation",),
)
async def save_filter(ask: Ask) -> web.StreamResponse:
    """Save a work list."""
    wish: FilterIn = ask.body
    told = {"id": new_id("flt", ask.now), "name": wish.name, "query": wish.query}
    row = told | {"merchant_id": ask.merchant_id, "person_id": ask.principal.person_id or ask.principal.key_id}
    await ask.gateway.store.write(
        lambda conn: conn.execute(DeskTables.saved_filter.insert().values(**row, created_at=ask.now)).rowcount
    )
    return answer(told, 201)


@CALLS.add(
    "DELETE",
    "/v1/desk/filters/{filter_id}",
    "Forget a saved work list.",
    roles=STAFF,
    answers={204: None},
    problems=("not-found",),
)
async def forget_filter(ask: Ask) -> web.StreamResponse:
    """Forget one of one's own saved work lists."""
    c = DeskTables.saved_filter.c
    gone = delete(DeskTables.saved_filter).where(
        c.merchant_id == ask.merchant_id,
        c.id == ask.path("filter_id"),
        c.person_id == (ask.principal.person_id or ask.principal.key_id),
    )
    if not await ask.gateway.store.write(lambda conn: conn.execute(gone).rowcount):
        raise Problem("not-found")
    return web.Response(status=204)
