"""Wishes in the database: who wants to hear of a shipment, by which channel, since when and by whose word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import func, select, update

from gateway.ids import new_id
from gateway.people import addresses, notices
from gateway.people.planning import STOPPED
from gateway.people.quiet import Quiet
from gateway.people.stops import Person
from gateway.people.subjects import CONFIRM, CONFIRM_LIVES
from gateway.people.tables import People
from normalizer import render
from webhooks.store import insert

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, RowMapping

    from gateway.people.tickets import Tickets
    from gateway.vault import Vault

_W, _N = People.wish.c, People.notice.c
_DAY = 86_400_000
_MOST_ASKED = 3
"""Confirmations one address is asked for in a day, by one merchant: nobody is pestered through a public page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWish:
    """A wish as it is told, its address read."""

    shipment_id: str
    channel: str
    address: str
    language: str
    zone: str
    quiet: Quiet
    event_types: list[str] | None
    consent: Mapping[str, Any]
    double_opt_in: bool = False

    def __repr__(self) -> str:
        """Never show whose it is, wherever this is printed."""
        return f"NewWish({self.shipment_id!r}, {self.channel!r})"


class Book:
    """Writes wishes down and reads them."""

    def __init__(self, vault: Vault, tickets: Tickets) -> None:
        self._vault = vault
        self._tickets = tickets

    def add(
        self, conn: Connection, merchant_id: str, new: NewWish, now: int, *, keep: bool = False
    ) -> tuple[RowMapping, bool]:
        """Keep a wish; return it and whether it is new. One that is there already takes over what is told now.

        A person who is asked to confirm stays asked, and one who confirmed or was believed stays believed, until the
        wish is removed. `keep` leaves a wish that holds as it is: whoever tells it may be anybody.
        """
        found = addresses.hashed(self._vault, merchant_id, new.channel, new.address)
        told = {
            "language": new.language,
            "zone": new.zone,
            "quiet_from": new.quiet.start,
            "quiet_to": new.quiet.end,
            "event_types": None if new.event_types is None else orjson.dumps(new.event_types),
            "consent": orjson.dumps(dict(new.consent)),
            "changed_at": now,
        }
        known = _find(conn, merchant_id, new, found)
        if known is not None and keep and known["removed_at"] is None:
            return known, False
        if known is not None:
            if known["removed_at"] is not None:
                told |= {
                    "removed_at": None,
                    "double_opt_in": new.double_opt_in,
                    "confirmed_at": None,
                    "eta_told": None,
                    "created_at": now,
                }
            again = update(People.wish).where(_W.merchant_id == merchant_id, _W.id == known["id"]).values(told)
            row = conn.execute(again.returning(People.wish)).mappings().one()
            return row, known["removed_at"] is not None
        id_ = new_id("wsh", now)
        made = {
            "merchant_id": merchant_id,
            "id": id_,
            "shipment_id": new.shipment_id,
            "channel": new.channel,
            "address": addresses.seal(self._vault, merchant_id, id_, new.address),
            "address_hash": found,
            "double_opt_in": new.double_opt_in,
            "created_at": now,
            "ticket_hash": self._tickets.hash(self._tickets.of(merchant_id, id_)),
        }
        statement = People.wish.insert().values(made | told).returning(People.wish)
        return conn.execute(statement).mappings().one(), True

    def listed(self, conn: Connection, merchant_id: str, shipment_id: str) -> list[dict[str, Any]]:
        """Return the wishes of a shipment as they are shown, oldest first."""
        statement = (
            select(People.wish)
            .where(_W.merchant_id == merchant_id, _W.shipment_id == shipment_id, _W.removed_at.is_(None))
            .order_by(_W.created_at, _W.id)
        )
        rows = conn.execute(statement).mappings().all()
        return [self.document(conn, row) for row in rows]

    def document(self, conn: Connection, row: RowMapping) -> dict[str, Any]:
        """Return a wish as it is shown: its address masked."""
        quiet = Quiet(row["quiet_from"], row["quiet_to"])
        return {
            "id": row["id"],
            "shipment_id": row["shipment_id"],
            "channel": row["channel"],
            "address": self.masked(row),
            "language": row["language"],
            "zone": row["zone"],
            "event_types": None if row["event_types"] is None else orjson.loads(row["event_types"]),
            "quiet_hours": None if quiet.start == quiet.end else {"from": _clock(quiet.start), "to": _clock(quiet.end)},
            "consent": orjson.loads(row["consent"]),
            "double_opt_in": row["double_opt_in"],
            "confirmed_at": render.millis_instant(row["confirmed_at"]),
            "state": notices.state_of(row, is_stopped=is_stopped(conn, row)),
            "created_at": render.millis_instant(row["created_at"]),
            "updated_at": render.millis_instant(row["changed_at"]),
        }

    def masked(self, row: RowMapping | Mapping[str, Any]) -> str:
        """Return a wish's address as it may be shown."""
        opened = addresses.opened(self._vault, row["merchant_id"], row["id"], row["address"])
        return addresses.masked(row["channel"], opened)


def _find(conn: Connection, merchant_id: str, new: NewWish, address_hash: bytes) -> RowMapping | None:
    statement = select(People.wish).where(
        _W.merchant_id == merchant_id,
        _W.shipment_id == new.shipment_id,
        _W.channel == new.channel,
        _W.address_hash == address_hash,
    )
    return conn.execute(statement).mappings().first()


def count(conn: Connection, merchant_id: str, shipment_id: str) -> int:
    """Return how many wishes a shipment has, removed ones among them."""
    mine = (_W.merchant_id == merchant_id, _W.shipment_id == shipment_id)
    return conn.execute(select(func.count()).select_from(People.wish).where(*mine)).scalar_one()


def person_of(row: RowMapping) -> Person:
    """Return whose wish it is."""
    return Person(row["merchant_id"], row["channel"], row["address_hash"])


def is_stopped(conn: Connection, row: RowMapping) -> bool:
    """Tell whether nothing goes to the person of a wish, by the account that would send."""
    merchant_id, channel, address_hash = person_of(row)
    scopes = notices.stopped(conn, merchant_id, {(channel, address_hash)}).get((channel, address_hash), frozenset())
    account_id = notices.sending_accounts(conn, merchant_id).get(channel, "")
    return bool(scopes & {"", account_id})


def ask(conn: Connection, row: RowMapping, now: int) -> bool:
    """Ask the person of a pending wish whether they want it, at most once a day for each; tell whether they are."""
    merchant_id, channel, address_hash = person_of(row)
    if notices.state_of(row, is_stopped=is_stopped(conn, row)) != "pending":
        return False
    asked = select(func.count()).where(
        _W.merchant_id == merchant_id,
        _W.channel == channel,
        _W.address_hash == address_hash,
        _W.double_opt_in.is_(True),
        _W.confirmed_at.is_(None),
        _W.created_at > now - _DAY,
        _W.id != row["id"],
    )
    account_id = notices.sending_accounts(conn, merchant_id).get(channel)
    if account_id is None or conn.execute(asked).scalar_one() >= _MOST_ASKED:
        return False
    notice = {
        "merchant_id": merchant_id,
        "id": new_id("ntc", now),
        "message_id": f"confirm:{row['id']}:{now // _DAY}",
        "sequence": 0,
        "shipment_id": row["shipment_id"],
        "shipment_version": 0,
        "wish_id": row["id"],
        "account_id": account_id,
        "channel": channel,
        "address_hash": address_hash,
        "subject": CONFIRM,
        "state": "queued",
        "due_at": now,
        "expires_at": now + CONFIRM_LIVES,
        "created_at": now,
        "changed_at": now,
    }
    statement = insert(conn, People.notice).values(_DEFAULTS | notice).on_conflict_do_nothing()
    return conn.execute(statement).rowcount == 1


_DEFAULTS = {"reason": "", "code": "", "attempts": 0, "unclear": 0, "provider_id": "", "segments": None}


def confirm(conn: Connection, row: RowMapping, now: int) -> None:
    """Note that the person of a wish said yes."""
    conn.execute(
        update(People.wish)
        .where(_W.merchant_id == row["merchant_id"], _W.id == row["id"], _W.confirmed_at.is_(None))
        .values(confirmed_at=now, changed_at=now)
    )


def remove(conn: Connection, merchant_id: str, shipment_id: str, wish_id: str, now: int) -> bool:
    """Remove a wish; what waits for it goes nowhere. Tell whether there was one."""
    gone = update(People.wish).where(
        _W.merchant_id == merchant_id,
        _W.shipment_id == shipment_id,
        _W.id == wish_id,
        _W.removed_at.is_(None),
    )
    if conn.execute(gone.values(removed_at=now, changed_at=now)).rowcount == 0:
        return False
    waiting = update(People.notice).where(
        _N.merchant_id == merchant_id,
        _N.shipment_id == shipment_id,
        _N.due_at.is_not(None),
        _N.wish_id == wish_id,
        _N.state == "queued",
    )
    conn.execute(waiting.values(state="skipped", reason=STOPPED, due_at=None, changed_at=now))
    return True


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
