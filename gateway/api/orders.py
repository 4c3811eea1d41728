"""Orders: kept, found, told of, and their returns begun."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from gateway import registration, shipments
from gateway.api import answers, order_requests
from gateway.api.calls import STAFF, Ask, Calls, answer, listing
from gateway.api.problems import Problem, invalid
from gateway.api.shipments import plain, promise, refusal, wake
from gateway.history import event_bodies
from gateway.ids import new_id
from gateway.listing import BadCursor
from gateway.merchant_events import BadEvent
from gateway.orders import documents, handing_down, refolding, store
from gateway.orders.acts import NewAct, check_items, checked, millis
from gateway.registering import Refused, choose_carrier, spell
from gateway.shipments import NewShipment
from gateway.visibility import shown
from normalizer.model import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp import web
    from sqlalchemy import Connection, RowMapping

    from gateway.api.order_requests import OrderChange, OrderEventIn, OrderIn, OrdersQuery, ReturnIn
    from gateway.api.requests import ItemIn, Recipient
    from gateway.vault import Vault
    from normalizer.order_lines import Goods
    from webhooks.log import Entry

CALLS = Calls("Orders")
RECIPIENT = shipments.RECIPIENT
"""The purpose orders' recipients are sealed for: their shipments', which take them over as they are."""


def drafted(vault: Vault, merchant_id: str, wish: OrderIn, now: int) -> store.NewOrder:
    """Return the order a merchant tells of."""
    return store.NewOrder(
        order_number=wish.order_number.strip(),
        placed_at=now if wish.placed_at is None else millis(wish.placed_at),
        lines=[line.model_dump(exclude_none=True) for line in wish.lines],
        destination=plain(wish.destination),
        recipient=_sealed(vault, merchant_id, wish.recipient),
        promised=promise(wish.promised),
        metadata=wish.metadata,
    )


def _sealed(vault: Vault, merchant_id: str, recipient: Recipient | None) -> bytes | None:
    told = plain(recipient)
    return None if told is None else vault.seal(merchant_id, RECIPIENT, orjson.dumps(told))


def _goods(items: Sequence[ItemIn]) -> Goods:
    return tuple((item.line, item.quantity) for item in items)


def make(
    conn: Connection, merchant_id: str, drafts: Sequence[store.NewOrder], now: int
) -> tuple[list[tuple[RowMapping, bool]], dict[str, list[Entry]]]:
    """Make orders and fold them with the shipments they have already; return (row, made now) for each."""
    made = store.create(conn, merchant_id, drafts, now)
    rows = store.by_numbers(conn, merchant_id, [draft.order_number for draft in drafts])
    for draft, (_, new) in zip(drafts, made, strict=True):
        if new:
            handing_down.hand_down(conn, rows[draft.order_number], now)
    fresh = {(merchant_id, draft.order_number) for draft, (_, new) in zip(drafts, made, strict=True) if new}
    entries = refolding.follow(conn, fresh, now)
    rows = store.by_numbers(conn, merchant_id, [draft.order_number for draft in drafts])
    return [(rows[draft.order_number], new) for draft, (_, new) in zip(drafts, made, strict=True)], entries


@CALLS.add(
    "POST",
    "/v1/orders",
    "Keep an order. The same number again answers 200 with the same id.",
    roles=STAFF,
    body=order_requests.OrderIn,
    answers={201: answers.Order, 200: answers.Order},
    problems=("validation",),
    repeatable=True,
)
async def create(ask: Ask) -> web.StreamResponse:
    """Keep one order."""
    gateway = ask.gateway
    draft = drafted(gateway.vault, ask.merchant_id, ask.body, ask.now)
    ((row, new),), entries = await gateway.store.write(lambda conn: make(conn, ask.merchant_id, [draft], ask.now))
    gateway.tell(entries)
    headers = {"Location": f"/v1/orders/{row['id']}"} if new else None
    return answer(_whole(ask, row), 201 if new else 200, headers)


@CALLS.add(
    "GET",
    "/v1/orders",
    "Find orders, the latest changed first.",
    roles=STAFF,
    query=order_requests.OrdersQuery,
    answers={200: answers.OrderPage},
    problems=("validation",),
)
async def find(ask: Ask) -> web.StreamResponse:
    """List orders."""
    query: OrdersQuery = ask.query
    wanted = store.Filter(
        order_number=None if query.order_number is None else query.order_number.strip(),
        statuses=[status.value for status in query.status or ()],
        updated_since=None if query.updated_since is None else millis(query.updated_since),
    )
    try:
        rows, cursor = await ask.gateway.store.read(
            lambda conn: store.page(conn, ask.merchant_id, wanted, after=query.cursor, limit=query.limit)
        )
    except BadCursor as trouble:
        raise invalid(("?cursor", str(trouble))) from None
    return listing([shown(ask.principal.role, "order", documents.order(row)) for row in rows], cursor)


@CALLS.add(
    "GET",
    "/v1/orders/{order_id}",
    "An order: one journey of its own events and of all its shipments, there and back.",
    roles=STAFF,
    answers={200: answers.Order},
    problems=("not-found",),
    personal=True,
)
async def get(ask: Ask) -> web.StreamResponse:
    """Show one order, with its recipient."""
    return answer(_whole(ask, await _found(ask)))


@CALLS.add(
    "PATCH",
    "/v1/orders/{order_id}",
    "Correct an order.",
    roles=STAFF,
    body=order_requests.OrderChange,
    answers={200: answers.Order},
    problems=("not-found", "validation"),
)
async def change(ask: Ask) -> web.StreamResponse:
    """Change what was said of an order."""
    gateway, merchant_id, order_id = ask.gateway, ask.merchant_id, ask.path("order_id")
    values = _changes(gateway.vault, merchant_id, ask.body)

    def work(conn: Connection) -> tuple[RowMapping, dict[str, list[Entry]]]:
        row = _there(store.get(conn, merchant_id, order_id))
        if not values:
            return row, {}
        changed = store.change(conn, merchant_id, order_id, ask.now, version=row["version"] + 1, **values)
        handing_down.hand_down(conn, _there(changed), ask.now, before=row)
        entries = refolding.follow(conn, {(merchant_id, row["order_number"])}, ask.now)
        return _there(store.get(conn, merchant_id, order_id)), entries

    row, entries = await gateway.store.write(work)
    gateway.tell(entries)
    return answer(_whole(ask, row))


def _changes(vault: Vault, merchant_id: str, wish: OrderChange) -> dict[str, Any]:
    given = wish.model_fields_set
    values: dict[str, Any] = {}
    if "lines" in given:
        values["lines"] = orjson.dumps([line.model_dump(exclude_none=True) for line in wish.lines or ()])
    if "destination" in given:
        values["destination"] = store.dumped(plain(wish.destination))
    if "recipient" in given:
        values["recipient"] = _sealed(vault, merchant_id, wish.recipient)
    if "promised" in given:
        values["promised"] = store.dumped(promise(wish.promised))
    if "metadata" in given:
        values["attributes"] = orjson.dumps(wish.metadata or {})
    return values


@CALLS.add(
    "GET",
    "/v1/orders/{order_id}/events",
    "An order's own events, oldest first; those of its shipments are theirs.",
    roles=STAFF,
    answers={200: answers.OrderEvents},
    problems=("not-found",),
)
async def events(ask: Ask) -> web.StreamResponse:
    """List an order's own events."""
    merchant_id, order_id = ask.merchant_id, ask.path("order_id")

    def work(conn: Connection) -> list[RowMapping]:
        _there(store.get(conn, merchant_id, order_id))
        return store.acts_of(conn, merchant_id, [order_id]).get(order_id, [])

    rows = await ask.gateway.store.read(work)
    return listing([shown(ask.principal.role, "order_event", orjson.loads(row["body"])) for row in rows])


@CALLS.add(
    "GET",
    "/v1/orders/{order_id}/journey",
    "An order's whole journey as one line: its own events and those of all its shipments, there and back.",
    roles=STAFF,
    answers={200: answers.Journey},
    problems=("not-found",),
)
async def journey(ask: Ask) -> web.StreamResponse:
    """List all that happened, oldest first. What is told of an earlier parcel of a number is left out."""
    merchant_id, order_id, role = ask.merchant_id, ask.path("order_id"), ask.principal.role

    def work(conn: Connection) -> list[dict[str, Any]]:
        row = _there(store.get(conn, merchant_id, order_id))
        number = row["order_number"]
        steps = []
        for act in store.acts_of(conn, merchant_id, [order_id]).get(order_id, []):
            event = shown(role, "order_event", orjson.loads(act["body"]))
            steps.append(_step(event["at"], order_event=event))
        for shipment in store.shipments_of(conn, merchant_id, [number]).get(number, []):
            for body in event_bodies(conn, shipment):
                event = orjson.loads(body)
                if not event["earlier_parcel"]:
                    steps.append(_step(event["at"], shipment=shipment, event=shown(role, "event", event)))
        return sorted(steps, key=lambda step: step["at"] or "")

    return listing(await ask.gateway.store.read(work))


def _step(at: str | None, *, shipment: RowMapping | None = None, **told: Any) -> dict[str, Any]:
    whose = {"shipment_id": None, "direction": None}
    if shipment is not None:
        whose = {"shipment_id": shipment["id"], "direction": shipment["direction"]}
    return {"at": at, **whose, "order_event": None, "event": None, **told}


@CALLS.add(
    "POST",
    "/v1/orders/{order_id}/events",
    "Tell what happened to an order, to one of its returns, or to goods that travel without a number.",
    roles=STAFF,
    body=order_requests.OrderEventIn,
    answers={201: answers.OrderEvent},
    problems=("not-found", "validation"),
    repeatable=True,
)
async def add(ask: Ask) -> web.StreamResponse:
    """Take an event of an order."""
    wish: OrderEventIn = ask.body
    act = NewAct(
        status=wish.status,
        substatus=wish.substatus or "other",
        at=millis(wish.at),
        text=wish.text,
        return_id=wish.return_id or "",
        parcel=wish.parcel or "",
        items=_goods(wish.items),
    )

    def work(conn: Connection) -> tuple[bytes, dict[str, list[Entry]]]:
        row = _there(store.get(conn, ask.merchant_id, ask.path("order_id")))
        (kept,) = store.add_acts(conn, row, [checked(act, store.quantities(row), ask.now)], ask.now)
        return kept["body"], refolding.follow(conn, {(ask.merchant_id, row["order_number"])}, ask.now)

    try:
        body, entries = await ask.gateway.store.write(work)
    except BadEvent as trouble:
        raise invalid((f"/{trouble.field}", trouble.reason)) from None
    ask.gateway.tell(entries)
    return answer(shown(ask.principal.role, "order_event", orjson.loads(body)), 201)


@CALLS.add(
    "POST",
    "/v1/orders/{order_id}/returns",
    "Begin a return. The same id again answers 200; a shipment told then is added to it.",
    roles=STAFF,
    body=order_requests.ReturnIn,
    body_optional=True,
    answers={201: answers.OrderReturn, 200: answers.OrderReturn},
    problems=("not-found", "validation", "carrier-unclear"),
)
async def begin_return(ask: Ask) -> web.StreamResponse:
    """Begin a return, with the parcel that brings the goods back where there is one."""
    wish: ReturnIn = ask.body
    gateway, merchant_id = ask.gateway, ask.merchant_id
    return_id = wish.id or new_id("ret", ask.now)
    act = NewAct(
        status=Status.RETURNING,
        substatus=wish.status,
        at=ask.now if wish.at is None else millis(wish.at),
        text=wish.reason,
        return_id=return_id,
        items=_goods(wish.items),
    )

    def work(conn: Connection) -> tuple[RowMapping, bool, int | None, list[Entry]]:
        row = _there(store.get(conn, merchant_id, ask.path("order_id")))
        check_items(act.items, store.quantities(row))
        acts = store.acts_of(conn, merchant_id, [row["id"]]).get(row["id"], [])
        new = all(known["case_name"] != return_id for known in acts)
        if new:
            store.add_acts(conn, row, [checked(act, store.quantities(row), ask.now)], ask.now)
        entries: list[Entry] = []
        due = None
        if wish.shipment is not None:
            draft = _back(wish, row, return_id)
            (made,), told = registration.register(gateway.links, conn, merchant_id, [draft], ask.now)
            if isinstance(made, Refused):
                raise made
            if (made.row["direction"], made.row["order_number"]) != ("return", row["order_number"]):
                reason = "is a parcel you track already, and none that brings back goods of this order"
                raise Refused([("/tracking_number", reason)])
            due = made.row["next_poll_at"]
            entries += told.get(merchant_id, [])
        entries += refolding.follow(conn, {(merchant_id, row["order_number"])}, ask.now).get(merchant_id, [])
        return _there(store.get(conn, merchant_id, row["id"])), new, due, entries

    try:
        row, new, due, entries = await gateway.store.write(work)
    except BadEvent as trouble:
        raise invalid((f"/{trouble.field}", trouble.reason)) from None
    except Refused as trouble:
        trouble.errors = tuple((f"/shipment{pointer}", reason) for pointer, reason in trouble.errors)
        raise refusal(trouble) from None
    gateway.tell({merchant_id: entries})
    wake(gateway, due, ask.now)
    found = next(one for one in orjson.loads(row["state"])["returns"] if one["id"] == return_id)
    return answer(found, 201 if new else 200)


def _back(wish: ReturnIn, order: RowMapping, return_id: str) -> NewShipment:
    assert wish.shipment is not None  # noqa: S101 - the caller has looked
    number = spell(wish.shipment.tracking_number, wish.shipment.carrier)
    carrier, set_by = choose_carrier(number, wish.shipment.carrier)
    return NewShipment(
        carrier=carrier,
        tracking_number=number,
        account_id=wish.shipment.account,
        order_number=order["order_number"],
        direction="return",
        carrier_set_by=set_by,
        items=_goods(wish.items),
        return_id=return_id,
    )


def _there(row: RowMapping | None) -> RowMapping:
    if row is None:
        raise Problem("not-found")
    return row


async def _found(ask: Ask) -> RowMapping:
    return _there(await ask.gateway.store.read(lambda conn: store.get(conn, ask.merchant_id, ask.path("order_id"))))


def _whole(ask: Ask, row: RowMapping) -> dict[str, Any]:
    document = documents.order(row)
    sealed = row["recipient"]
    opened = None if sealed is None else ask.gateway.vault.open(ask.merchant_id, RECIPIENT, sealed)
    document["recipient"] = None if opened is None else orjson.loads(opened)
    return shown(ask.principal.role, "order", document)
