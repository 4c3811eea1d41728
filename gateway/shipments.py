"""Shipments: making them, finding them, showing them. Functions take a connection; one document shape for all faces."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select, update

from connectors import carrier_codes, connector
from connectors.base import Subscribes
from gateway import trouble
from gateway.ids import new_id
from gateway.insights import ended, foretelling
from gateway.lastmile.tables import Tables as LastMile
from gateway.proofs import store as proofs
from gateway.search import index as search
from gateway.tables import Tables
from normalizer import render
from normalizer.journey import Journey
from normalizer.model import ENDS
from normalizer.numbers import normal_number
from webhooks.store import insert

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection, RowMapping

    from normalizer.order_lines import Goods
    from webhooks.store import Vault

_IDS_A_STATEMENT = 400
_FOUND_BY = frozenset({"tracking_number", "order_number", "destination", "recipient"})
"""Columns by which people find a shipment."""
RECIPIENT = "recipient"
"""What recipients are sealed for."""
_EMPTY_STATE = orjson.dumps(render.journey(Journey(), {}))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewShipment:
    """What a merchant (or a push for a number nobody registered) says of a shipment to track.

    `tracking_number` is spelled as the carrier wants it. `recipient` is already sealed.
    """

    carrier: str
    tracking_number: str
    account_id: str | None = None
    order_number: str | None = None
    direction: str = "outbound"
    destination: Mapping[str, Any] | None = None
    recipient: bytes | None = None
    promised: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    ship_date: str | None = None
    carrier_set_by: str = "merchant"
    next_poll_at: int | None = None
    """When to ask the carrier first; None where it cannot be asked."""
    items: Goods = ()
    """What is in it of its order, and below the return it belongs to: kept with the order (`gateway.orders`)."""
    return_id: str = ""


def create(conn: Connection, merchant_id: str, new: Iterable[NewShipment], now: int) -> list[tuple[str, bool]]:
    """Make shipments in one go; return (id, made now) for each, in order. A number that exists keeps its id."""
    wanted = list(new)
    table = Tables.shipment
    rows = [_row(merchant_id, one, now) for one in wanted]
    if not rows:
        return []
    statement = insert(conn, table).on_conflict_do_nothing(index_elements=["merchant_id", "carrier", "number_key"])
    conn.execute(statement, rows)
    keys = [(row["carrier"], row["number_key"]) for row in rows]
    ids = find(conn, merchant_id, set(keys))
    found = [ids[key] for key in keys]
    search.note(conn, merchant_id, {id_ for id_, row in zip(found, rows, strict=True) if id_ == row["id"]})
    return [(id_, id_ == row["id"]) for id_, row in zip(found, rows, strict=True)]


def find(conn: Connection, merchant_id: str, numbers: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return the ids of (carrier, number key) pairs; pairs nobody registered are left out."""
    table = Tables.shipment
    by_carrier: dict[str, list[str]] = {}
    for carrier, number in numbers:
        by_carrier.setdefault(carrier, []).append(number)
    found: dict[tuple[str, str], str] = {}
    for carrier, theirs in by_carrier.items():
        statement = select(table.c.number_key, table.c.id).where(
            table.c.merchant_id == merchant_id,
            table.c.carrier == carrier,
            table.c.number_key.in_(theirs),
        )
        for number, shipment_id in conn.execute(statement):
            found[carrier, number] = shipment_id
    return found


def document(row: RowMapping | Mapping[str, Any], state: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a shipment as merchants see it. `row` is of the shipment table; `state` its rendered journey if at hand.

    The recipient is not part of it: whoever may see that gets it added by the API, by role.
    """
    state = orjson.loads(row["state"]) if state is None else state
    if (onward := state.get("continues_as")) is not None:
        state = {**state, "continues_as": {**onward, "shipment_id": row["continues_id"]}}
    return {
        "id": row["id"],
        "carrier": row["carrier"],
        "tracking_number": row["tracking_number"],
        "account": row["account_id"],
        "order_number": row["order_number"],
        "direction": row["direction"],
        "destination": _loads(row["destination"]),
        "promised": _loads(row["promised"]),
        "metadata": _loads(row["attributes"]) or {},
        "ship_date": row["ship_date"],
        "continued_from": row["continued_from_id"],
        "tracking": bool(row["tracking"]),
        "trouble": [
            {"kind": kind, "since": render.millis_instant(since)} for kind, (since, _) in trouble.known(row).items()
        ],
        "version": row["version"],
        "created_at": render.millis_instant(row["created_at"]),
        "updated_at": render.millis_instant(row["updated_at"]),
        **state,
        **foretelling.shown(row["predicted"]),
    }


def sealed_recipient(vault: Vault, merchant_id: str, told: Mapping[str, Any] | None) -> bytes | None:
    """Return a recipient sealed for the database."""
    return None if told is None else vault.seal(merchant_id, RECIPIENT, orjson.dumps(told))


def recipient(vault: Vault, row: RowMapping) -> dict[str, Any] | None:
    """Return a shipment's recipient, opened. Raises `gateway.vault.Sealed` where the key is another."""
    sealed = row["recipient"]
    opened: dict[str, Any] | None = (
        None if sealed is None else orjson.loads(vault.open(row["merchant_id"], RECIPIENT, sealed))
    )
    return opened


def get(conn: Connection, merchant_id: str, shipment_id: str) -> RowMapping | None:
    """Return a merchant's shipment, None where it has none of that id."""
    table = Tables.shipment
    statement = select(table).where(table.c.merchant_id == merchant_id, table.c.id == shipment_id)
    return conn.execute(statement).mappings().first()


def get_many(conn: Connection, merchant_id: str, ids: Iterable[str]) -> dict[str, RowMapping]:
    """Return a merchant's shipments by id."""
    wanted = list(dict.fromkeys(ids))
    table = Tables.shipment
    found: dict[str, RowMapping] = {}
    for start in range(0, len(wanted), _IDS_A_STATEMENT):
        some = wanted[start : start + _IDS_A_STATEMENT]
        statement = select(table).where(table.c.merchant_id == merchant_id, table.c.id.in_(some))
        found |= {row["id"]: row for row in conn.execute(statement).mappings()}
    return found


def adopt(conn: Connection, row: RowMapping, new: NewShipment, now: int) -> bool:
    """Take over what a merchant says of a shipment that is there already; return whether anything changed.

    One that only a push had made known gets the merchant's facts; one that was stopped is tracked again; one without
    an account or an order gets it; a carrier that was detected and is named now is the merchant's word. What the
    merchant said before stays: it is changed by PATCH alone.
    """
    values: dict[str, Any] = {}
    if row["carrier_set_by"] == "push":
        values = {
            "carrier_set_by": new.carrier_set_by,
            "order_number": new.order_number,
            "direction": new.direction,
            "destination": _dumps(new.destination),
            "recipient": new.recipient,
            "promised": _dumps(new.promised),
            "attributes": orjson.dumps(dict(new.metadata)),
            "ship_date": new.ship_date,
            "account_id": new.account_id or row["account_id"],
        }
    if not row["tracking"]:
        at = subscribe_from(row["carrier"], new.account_id, now)
        values |= {"tracking": True, "account_id": new.account_id, "subscribe_at": at}
    elif row["account_id"] is None and new.account_id is not None:
        values["account_id"] = new.account_id
    if values:
        values["next_poll_at"] = new.next_poll_at
    if (row["carrier_set_by"], new.carrier_set_by) == ("detected", "merchant"):
        values["carrier_set_by"] = "merchant"
    if row["order_number"] is None and new.order_number is not None and "order_number" not in values:
        values["order_number"] = new.order_number
        said = {
            "destination": _dumps(new.destination),
            "recipient": new.recipient,
            "promised": _dumps(new.promised),
        }
        values |= {name: value for name, value in said.items() if value is not None and row[name] is None}
    if not values:
        return False
    change(conn, row["merchant_id"], row["id"], now, **values)
    return True


def change(conn: Connection, merchant_id: str, shipment_id: str, now: int, **values: Any) -> RowMapping | None:
    """Change columns of a shipment and return its row; None where there is none.

    What its trouble follows from has it looked at anew, soon and by the job that does.
    """
    table = Tables.shipment
    if not values.keys().isdisjoint(("promised", "tracking", "carrier", "continues_id")):
        values["trouble_at"] = now
    if not _FOUND_BY.isdisjoint(values):
        search.note(conn, merchant_id, [shipment_id])
    statement = (
        update(table)
        .where(table.c.merchant_id == merchant_id, table.c.id == shipment_id)
        .values(updated_at=now, **values)
        .returning(table)
    )
    row = conn.execute(statement).mappings().first()
    if row is not None and row["status"] in ended.ARRIVED and not ended.JUDGED_BY.isdisjoint(values):
        ended.note(conn, [(merchant_id, shipment_id)])
    return row


def stop(conn: Connection, merchant_id: str, shipment_id: str, now: int) -> bool:
    """Stop tracking: nobody asks and nobody is told any more. What is known stays."""
    return change(conn, merchant_id, shipment_id, now, tracking=False, next_poll_at=None, subscribe_at=None) is not None


def give_account(
    conn: Connection, merchant_id: str, carrier: str, *, before: str | None, after: str | None, next_poll_at: int | None
) -> int:
    """Move a carrier's shipments from one account (None: without any) to another; return how many.

    They fall due at `next_poll_at` where they are still tracked and not over.
    """
    c = Tables.shipment.c
    statement = (
        update(Tables.shipment)
        .where(
            c.merchant_id == merchant_id,
            c.carrier == carrier,
            c.account_id.is_(None) if before is None else c.account_id == before,
            c.tracking.is_(True),
            c.status.not_in([status.value for status in ENDS]),
        )
        .values(
            account_id=after,
            next_poll_at=next_poll_at,
            poll_failures=0,
            subscribe_at=None if next_poll_at is None else subscribe_from(carrier, after, next_poll_at),
            subscribed_until=None,
        )
    )
    return conn.execute(statement).rowcount


def subscribe_from(carrier: str, account_id: str | None, now: int) -> int | None:
    """Return when to ask a carrier for pushes of a number first: now where it takes such wishes, else None."""
    if account_id is None or carrier not in carrier_codes():
        return None
    return now if isinstance(connector(carrier), Subscribes) else None


def subscribe_again(conn: Connection, merchant_id: str, account_id: str, now: int) -> None:
    """Ask for pushes of an account's refused numbers now: its credentials changed."""
    c = Tables.shipment.c
    refused = update(Tables.shipment).where(
        c.merchant_id == merchant_id,
        c.account_id == account_id,
        c.subscribe_at.is_not(None),
        c.subscription_refused.is_not(None),
    )
    conn.execute(refused.values(subscribe_at=now))


def start_afresh(conn: Connection, row: RowMapping, carrier: str, now: int, *, set_by: str = "merchant") -> RowMapping:
    """Give a shipment to another carrier: what was read as the wrong one's is not this parcel's history.

    The carrier's bytes stay in the inbox; only what was drawn from them goes. Raises `sqlalchemy.exc.IntegrityError`
    where the merchant tracks that number at that carrier already.
    """
    if row["status"] in ended.ARRIVED:
        ended.note(conn, [(row["merchant_id"], row["id"])])
    for table in (Tables.event, Tables.position, LastMile.approach):
        conn.execute(table.delete().where(table.c.merchant_id == row["merchant_id"], table.c.shipment_id == row["id"]))
    proofs.disown(conn, row["merchant_id"], row["id"])
    if row["continues_id"] is not None:
        s = Tables.shipment.c
        onward = (s.merchant_id == row["merchant_id"], s.id == row["continues_id"], s.continued_from_id == row["id"])
        conn.execute(update(Tables.shipment).where(*onward).values(continued_from_id=None))
    fresh = change(
        conn,
        row["merchant_id"],
        row["id"],
        now,
        carrier=carrier,
        carrier_set_by=set_by,
        status="pending",
        substatus="registered",
        version=row["version"] + 1,
        state=_EMPTY_STATE,
        told=b"{}",
        runs=b"{}",
        last_event_at=None,
        polled_at=None,
        poll_failures=0,
        not_found=0,
        poll_digest=None,
        pushed_at=None,
        subscribe_at=None,
        subscribed_until=None,
        subscribe_failures=0,
        subscription_refused=None,
        earlier_until=None,
        continues_id=None,
        predicted=None,
    )
    assert fresh is not None  # noqa: S101 - its row was just read in this transaction
    return fresh


def _row(merchant_id: str, new: NewShipment, now: int) -> dict[str, Any]:
    row = {
        "merchant_id": merchant_id,
        "id": new_id("shp", now),
        "carrier": new.carrier,
        "tracking_number": new.tracking_number,
        "number_key": normal_number(new.tracking_number),
        "account_id": new.account_id,
        "order_number": new.order_number,
        "direction": new.direction,
        "destination": _dumps(new.destination),
        "recipient": new.recipient,
        "promised": _dumps(new.promised),
        "attributes": orjson.dumps(dict(new.metadata)),
        "status": "pending",
        "substatus": "registered",
        "version": 0,
        "state": _EMPTY_STATE,
        "told": b"{}",
        "runs": b"{}",
        "last_event_at": None,
        "carrier_set_by": new.carrier_set_by,
        "tracking": True,
        "next_poll_at": new.next_poll_at,
        "polled_at": None,
        "poll_failures": 0,
        "not_found": 0,
        "poll_digest": None,
        "pushed_at": None,
        "subscribe_at": subscribe_from(new.carrier, new.account_id, now),
        "ship_date": new.ship_date,
        "trouble": None,
        "predicted": None,
        "created_at": now,
        "updated_at": now,
    }
    return row | {"trouble_at": trouble.first_look({**row, "continues_id": None}, now)}


def _dumps(value: Mapping[str, Any] | None) -> bytes | None:
    return None if value is None else orjson.dumps(value)


def _loads(value: bytes | None) -> Any:
    return None if value is None else orjson.loads(value)
