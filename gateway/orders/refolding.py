"""Orders are refolded where one of their shipments or something told of them changed, in the same transaction.

Running it twice changes nothing the second time: a message's id is made of the order, the status and its run.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import bindparam, update

from gateway.orders import documents, store
from gateway.orders.acts import act_of, items_of
from gateway.orders.tables import Orders
from gateway.refold import journey_of
from gateway.steps import by_merchant, steps_of
from normalizer.normalize import content_id
from normalizer.order import Parcel, fold
from webhooks import log
from webhooks.log import Draft
from webhooks.store import Many

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

    from normalizer.order import OrderChange, OrderJourney
    from webhooks.log import Entry

    Members = Sequence[tuple[RowMapping, Parcel]]

Number = tuple[str, str]
"""(merchant, order number)."""


def follow(conn: Connection, numbers: Iterable[Number], now: int) -> dict[str, list[Entry]]:
    """Refold orders and write the messages that follow; hand the entries to `Gateway.tell` after the commit."""
    return log.append_many(conn, refold(conn, numbers, now))


def refold(conn: Connection, numbers: Iterable[Number], now: int) -> dict[str, list[Draft]]:
    """Refold the orders of these numbers, where there are any; return the messages that follow, by merchant."""
    drafts: dict[str, list[Draft]] = {}
    for merchant_id, theirs in by_merchant(set(numbers)):
        orders = store.by_numbers(conn, merchant_id, theirs)
        if not orders:
            continue
        members = _members(conn, merchant_id, sorted(orders))
        acts = store.acts_of(conn, merchant_id, [row["id"] for row in orders.values()])
        updates = []
        for number, row in sorted(orders.items()):
            written, told = _refold(row, acts.get(row["id"], []), members.get(number, []), now)
            if written is not None:
                updates.append(written)
            drafts.setdefault(merchant_id, []).extend(told)
        if updates:
            _UPDATE(conn, updates)
    return drafts


def _members(conn: Connection, merchant_id: str, numbers: Sequence[str]) -> dict[str, Members]:
    """Return the orders' shipments as rows and as the fold needs them."""
    rows = store.shipments_of(conn, merchant_id, numbers)
    ids = [row["id"] for theirs in rows.values() for row in theirs]
    packed = store.packed(conn, merchant_id, ids)
    steps = steps_of(conn, ((merchant_id, id_) for id_ in ids))
    members: dict[str, list[tuple[RowMapping, Parcel]]] = defaultdict(list)
    for number, theirs in rows.items():
        for row in theirs:
            known = packed.get(row["id"])
            parcel = Parcel(
                id=row["id"],
                created_at=row["created_at"],
                changes=journey_of(row, steps.get((merchant_id, row["id"]), {}).values()).changes,
                is_return=row["direction"] == "return",
                after=row["continued_from_id"],
                case="" if known is None else known["case_name"],
                items=() if known is None else items_of(known["items"]),
            )
            members[number].append((row, parcel))
    return dict(members)


def _refold(
    row: RowMapping, acts: Sequence[RowMapping], members: Members, now: int
) -> tuple[dict[str, Any] | None, list[Draft]]:
    journey = fold(map(act_of, acts), (parcel for _, parcel in members), store.quantities(row))
    state = documents.state_of(journey, members, acts)
    runs: dict[str, int] = orjson.loads(row["runs"])
    untold = [change for change in journey.changes if change.run > runs.get(change.status.value, 0)]
    kept, again = orjson.dumps(state), row["told_again"]
    if kept == row["state"] and not untold:
        return None, []
    if state["status"] != row["told_status"] and journey.changes[-1] not in untold:
        # A parcel whose scans are older than its registration changes what was before: the log still ends in the state.
        again = row["told_again"] + 1
        untold.append(journey.changes[-1]._replace(run=-again))
    version = row["version"] + 1
    written = {
        "key_merchant": row["merchant_id"],
        "key_id": row["id"],
        "status": state["status"],
        "version": version,
        "state": kept,
        "runs": orjson.dumps(runs | {change.status.value: change.run for change in untold if change.run > 0}),
        "told_status": state["status"],
        "told_again": again,
        "updated_at": now,
    }
    if not untold:
        return written, []
    causes: dict[str, tuple[str, bytes]] = {act["id"]: ("event", act["body"]) for act in acts}
    for parcel_row, parcel in members:
        causes[parcel.id] = ("shipment", orjson.dumps(documents.shipment(parcel_row, parcel)))
    document = documents.order({**row, "version": version, "updated_at": now}, state)
    return written, list(_drafts(document, journey, untold, causes, last=row["told_status"], now=now))


def _drafts(
    document: Mapping[str, Any],
    journey: OrderJourney,
    untold: Sequence[OrderChange],
    causes: Mapping[str, tuple[str, bytes]],
    *,
    last: str | None,
    now: int,
) -> Iterator[Draft]:
    """`order.<status>` for each entry into a status that was not told yet, with what brought it about.

    `last` is the status told last.
    """
    before: dict[OrderChange, str | None] = dict(
        zip(journey.changes, [None, *(change.status.value for change in journey.changes)], strict=False)
    )
    before[untold[-1]] = before.get(untold[-1], last)
    order_id, whole = document["id"], orjson.dumps(document)
    for change in untold:
        kind, cause = causes[change.cause]
        data = b'{"order":%b,"shipment":%b,"event":%b,"previous":%b}' % (
            whole,
            cause if kind == "shipment" else b"null",
            cause if kind == "event" else b"null",
            orjson.dumps({"status": before[change]}),
        )
        yield Draft(
            id=content_id("msg", order_id, "status", change.status.value, str(change.run)),
            type=f"order.{change.status.value}",
            shipment_id=order_id,  # the key by which lanes keep an order's messages in order
            shipment_version=document["version"],
            created_at=now,
            data=data,
        )


_UPDATED = ("status", "version", "state", "runs", "told_status", "told_again", "updated_at")
_UPDATE = Many.running(
    update(Orders.order)
    .where(Orders.order.c.merchant_id == bindparam("key_merchant"), Orders.order.c.id == bindparam("key_id"))
    .values({name: bindparam(name) for name in _UPDATED}),
    (),
)
