"""What a shop says becomes orders, their events and shipments, in the caller's transaction. Twice gives the same."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import BaseModel, ValidationError
from sqlalchemy import select, update

from connectors.shops.base import ActSaid, OrderSaid, ParcelSaid
from connectors.shops.companies import carriers_called
from gateway import accounts, registration, shipments
from gateway.api.orders import RECIPIENT as ORDER_RECIPIENT
from gateway.api.requests import Address, Recipient
from gateway.orders import handing_down, refolding, store
from gateway.orders.acts import NewAct, millis
from gateway.registering import Refused, choose_carrier, spell
from gateway.shops import inbox, numbers
from gateway.shops.tables import Shops
from normalizer.model import Status
from webhooks.store import insert

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

    from connectors.shops.base import Said
    from gateway.pages.links import Links
    from gateway.vault import Vault
    from normalizer.order_lines import Goods
    from webhooks.log import Entry

_L = Shops.order.c


class WaitsForOrder(Exception):  # noqa: N818 - it names what is the matter
    """What was said is of an order nobody has told us of yet."""

    def __init__(self, shop_order: str) -> None:
        super().__init__(shop_order)
        self.shop_order = shop_order


class NumberTaken(Exception):  # noqa: N818 - it names what is the matter
    """Another shop's order has that number: the account needs an `order_prefix`."""


@dataclass(slots=True)
class Taken:
    """What came of a push: the log's new entries by merchant, and whether a carrier is to be asked now."""

    entries: dict[str, list[Entry]] = field(default_factory=dict)
    asks: bool = False

    def tell(self, more: Mapping[str, list[Entry]]) -> None:
        """Add entries, in their order."""
        for merchant_id, theirs in more.items():
            self.entries.setdefault(merchant_id, []).extend(theirs)


class Taker:
    """Takes what shops say."""

    def __init__(self, vault: Vault, links: Links) -> None:
        self._vault = vault
        self._links = links

    def take(self, conn: Connection, account: RowMapping, said: Sequence[Said], now: int) -> Taken:
        """Take what one push says. Raises `WaitsForOrder` or `NumberTaken`; then nothing of it is kept."""
        taken = Taken()
        orders: dict[str, RowMapping] = {}
        newer: dict[str, int] = {}
        for one in said:
            if isinstance(one, OrderSaid):
                link = _link(conn, account, one.order)
                newer[one.order] = 1 if link is None else millis(one.updated_at) - link["told_at"]
                orders[one.order] = self._order(conn, account, one, now)
            elif one.order not in orders:
                orders[one.order] = _known_order(conn, account, one.order)
        for shop_order, row in orders.items():
            theirs = [one for one in said if one.order == shop_order]
            happened = [one for one in theirs if isinstance(one, ActSaid) and not one.stands]
            acts = [act for one in happened if (act := _act(row, one)) is not None]
            by = newer.get(shop_order, -1)
            if by >= 0:
                stands = [one for one in theirs if isinstance(one, ActSaid) and one.stands]
                acts += [act for one in stands if (act := _standing(conn, row, one)) is not None]
            parcels = [one for one in theirs if isinstance(one, ParcelSaid)]
            acts += self._parcels(conn, account, row, parcels, newer=by > 0, taken=taken, now=now)
            store.add_acts(conn, row, acts, now)
            taken.tell(refolding.follow(conn, {(row["merchant_id"], row["order_number"])}, now))
        return taken

    def _order(self, conn: Connection, account: RowMapping, said: OrderSaid, now: int) -> RowMapping:
        merchant_id, told_at = account["merchant_id"], millis(said.updated_at)
        recipient = fitting(Recipient, said.recipient)
        facts: dict[str, Any] = {
            "lines": [
                {name: value for name, value in told.items() if value is not None}
                for told in (
                    {"id": line.id, "sku": _cut(line.sku, 100), "title": _cut(line.title), "quantity": line.quantity}
                    for line in said.lines
                )
            ],
            "destination": fitting(Address, said.address) or None,
            "recipient": self._vault.seal(merchant_id, ORDER_RECIPIENT, orjson.dumps(recipient)) if recipient else None,
        }
        link = _link(conn, account, said.order)
        if link is None:
            return self._first(conn, account, said, facts, told_at=told_at, now=now)
        before = _there(store.get(conn, merchant_id, link["order_id"]))
        if told_at >= link["told_at"]:
            changed = store.change(
                conn,
                merchant_id,
                link["order_id"],
                now,
                lines=orjson.dumps(facts["lines"]),
                destination=store.dumped(facts["destination"]),
                recipient=facts["recipient"],
            )
            handing_down.hand_down(conn, _there(changed), now, before=before)
            conn.execute(update(Shops.order).where(*_of(account, said.order)).values(told_at=told_at))
        return _there(store.get(conn, merchant_id, link["order_id"]))

    def _first(
        self,
        conn: Connection,
        account: RowMapping,
        said: OrderSaid,
        facts: Mapping[str, Any],
        *,
        told_at: int,
        now: int,
    ) -> RowMapping:
        merchant_id, number = account["merchant_id"], account["order_prefix"] + said.number.strip()
        new = store.NewOrder(order_number=number, placed_at=millis(said.placed_at), source=account["shop"], **facts)
        ((order_id, _),) = store.create(conn, merchant_id, [new], now)
        others = select(_L.shop_order).where(_L.merchant_id == merchant_id, _L.order_id == order_id)
        if conn.execute(others).first() is not None:
            raise NumberTaken(number)
        conn.execute(
            insert(conn, Shops.order).values(
                merchant_id=merchant_id,
                account_id=account["id"],
                shop_order=said.order,
                order_id=order_id,
                told_at=told_at,
            )
        )
        inbox.wake(conn, merchant_id, account["id"], said.order)
        row = _there(store.get(conn, merchant_id, order_id))
        handing_down.hand_down(conn, row, now)
        return row

    def _parcels(
        self,
        conn: Connection,
        account: RowMapping,
        row: RowMapping,
        parcels: Sequence[ParcelSaid],
        *,
        newer: bool,
        taken: Taken,
        now: int,
    ) -> list[NewAct]:
        """Register parcels; return acts in place of those that no carrier of ours can tell of.

        `newer` where the order as a whole is told, later than before: then these are all numbers of their fulfilments.
        """
        if not parcels:
            return []
        merchant_id = account["merchant_id"]
        acts: list[NewAct] = []
        drafts: list[tuple[ParcelSaid, shipments.NewShipment]] = []
        choices = accounts.choices(conn, merchant_id)
        mine = {choice.carrier for choice in choices if choice.state == "active"}
        for parcel in parcels:
            try:
                drafts.append((parcel, _draft(row, parcel, mine, now)))
            except Refused:
                acts.append(_untracked(row, parcel))
        # What was called off is registered too: the push that made it may still be under way.
        made, told = registration.register(self._links, conn, merchant_id, [draft for _, draft in drafts], now)
        taken.asks |= any(not isinstance(one, Refused) and one.row["next_poll_at"] is not None for one in made)
        taken.tell(told)
        void: list[RowMapping] = []
        for (parcel, _), one in zip(drafts, made, strict=True):
            if isinstance(one, Refused):  # pragma: no cover - only a given account is refused, and none is given
                continue
            if parcel.fulfilment:
                _note_fulfilment(conn, account, one.row["id"], parcel.fulfilment)
            if parcel.void:
                void.append(one.row)
        taken.tell(numbers.call_off(conn, void, now))
        if newer:
            there = [one.row for one in made if not isinstance(one, Refused) and one.row not in void]
            fulfilments = {parcel.fulfilment for parcel in parcels}
            taken.tell(numbers.follow(conn, account, row, fulfilments, there, now=now))
        return acts


def _draft(row: RowMapping, parcel: ParcelSaid, mine: set[str], now: int) -> shipments.NewShipment:
    number = spell(parcel.number)
    carrier, set_by = _carrier(number, parcel, mine)
    return shipments.NewShipment(
        carrier=carrier,
        tracking_number=number,
        order_number=row["order_number"],
        direction="return" if parcel.is_return else "outbound",
        ship_date=_ship_date(parcel, now),
        carrier_set_by=set_by,
        items=_known_items(row, parcel.items) or (),
    )


def _ship_date(parcel: ParcelSaid, now: int) -> str | None:
    """Return the day a parcel of long ago was sent, so that its journey is not taken for an earlier parcel's.

    Of young ones it is not told: some shops say so only after the delivery, and then nothing would be theirs.
    """
    return parcel.at.date().isoformat() if now - millis(parcel.at) > _LONG_AGO else None


_LONG_AGO = 30 * 86_400_000


def _note_fulfilment(conn: Connection, account: RowMapping, shipment_id: str, fulfilment: str) -> None:
    statement = insert(conn, Shops.fulfilment).values(
        merchant_id=account["merchant_id"], shipment_id=shipment_id, account_id=account["id"], fulfilment=fulfilment
    )
    conn.execute(statement.on_conflict_do_nothing(index_elements=["merchant_id", "shipment_id"]))


def _carrier(number: str, parcel: ParcelSaid, mine: set[str]) -> tuple[str, str]:
    """Return the carrier of a parcel: as the shop calls it, one the merchant has an account at first, else detected.

    Raises `Refused` where nobody can say.
    """
    if parcel.carrier:
        return choose_carrier(number, parcel.carrier)
    if called := carriers_called(parcel.company):
        return next((one for one in called if one in mine), called[0]), "merchant"
    return choose_carrier(number, None)


def _untracked(row: RowMapping, parcel: ParcelSaid) -> NewAct:
    status, substatus = (Status.CANCELLED, "by_merchant") if parcel.void else (Status.IN_TRANSIT, "other")
    back = parcel.is_return
    return NewAct(
        status=Status.RETURNING if back and not parcel.void else status,
        substatus="in_transit" if back and not parcel.void else substatus,
        at=millis(parcel.at),
        source=row["source"],
        key=f"parcel:{parcel.number}:{'void' if parcel.void else 'sent'}",
        return_id=f"parcel {parcel.number}"[:100] if back else "",
        parcel="" if back else parcel.number,
        items=_known_items(row, parcel.items) or (),
    )


def _act(row: RowMapping, said: ActSaid) -> NewAct | None:
    items = _known_items(row, said.items)
    if items is None:
        return None
    return NewAct(
        status=said.status,
        substatus=said.substatus,
        at=millis(said.at),
        text=said.text[:1_000],
        return_id=said.return_id[:100],
        parcel=said.parcel[:100],
        items=items,
        source=row["source"],
        key=said.key,
    )


def _standing(conn: Connection, row: RowMapping, said: ActSaid) -> NewAct | None:
    """Return how the shop says the order stands, None where it stood so before."""
    act = _act(row, said)
    before = [
        one
        for one in store.acts_of(conn, row["merchant_id"], [row["id"]]).get(row["id"], [])
        if not one["parcel"] and orjson.loads(one["body"])["source"] == row["source"]
    ]
    if act is None or not before:
        return act
    last = before[-1]
    if (last["status"], last["substatus"]) == (act.status, act.substatus):
        return None
    return replace(act, at=max(act.at, last["at"] + 1))  # both may be of one second


def _known_items(row: RowMapping, items: Goods) -> Goods | None:
    """Return the items that are of the order's lines; None where there were some and none of them is.

    Lines that are not sent, such as gift cards, are no lines of ours.
    """
    lines = store.quantities(row)
    known = tuple((line, quantity) for line, quantity in items if line in lines)
    return None if items and not known else known


def _link(conn: Connection, account: RowMapping, shop_order: str) -> RowMapping | None:
    return conn.execute(select(Shops.order).where(*_of(account, shop_order))).mappings().first()


def _of(account: RowMapping, shop_order: str) -> tuple[Any, ...]:
    return _L.merchant_id == account["merchant_id"], _L.account_id == account["id"], _L.shop_order == shop_order


def _known_order(conn: Connection, account: RowMapping, shop_order: str) -> RowMapping:
    link = _link(conn, account, shop_order)
    if link is None:
        raise WaitsForOrder(shop_order)
    return _there(store.get(conn, account["merchant_id"], link["order_id"]))


def _there(row: RowMapping | None) -> RowMapping:
    assert row is not None  # noqa: S101 - orders are never deleted
    return row


def _cut(text: str | None, longest: int = 200) -> str | None:
    return None if text is None else text[:longest]


def fitting(model: type[BaseModel], told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a shop's address fits the API's own fields; the rest is no address we could use."""
    found: dict[str, Any] = {}
    for name, value in told.items():
        text = value[:200] if isinstance(value, str) else value
        try:
            found |= model.model_validate({name: text}).model_dump(mode="json", exclude_none=True)
        except ValidationError:
            continue
    return found
