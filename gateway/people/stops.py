"""STOP: nothing goes to an address by a channel any more, at once and for ever, until the person says START."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sqlalchemy import delete, select, update

from gateway.people.planning import STOPPED
from gateway.people.tables import People
from webhooks.store import insert

if TYPE_CHECKING:
    from sqlalchemy import Connection

How = Literal["inbound", "unsubscribe", "page", "blocked", "gone"]

_W, _N, _S = People.wish.c, People.notice.c, People.stop.c


class Person(NamedTuple):
    """Somebody a merchant may reach by a channel, known by the hash of their address."""

    merchant_id: str
    channel: str
    address_hash: bytes


def stop(conn: Connection, person: Person, how: How, now: int, *, account_id: str = "") -> None:
    """Stop sending to a person, by every account of the merchant or (a provider's refusal) by one of them."""
    merchant_id, channel, address_hash = person
    row = {"merchant_id": merchant_id, "channel": channel, "address_hash": address_hash, "account_id": account_id}
    conn.execute(insert(conn, People.stop).values(row | {"how": how, "at": now}).on_conflict_do_nothing())
    theirs = select(_W.shipment_id).where(
        _W.merchant_id == merchant_id, _W.channel == channel, _W.address_hash == address_hash
    )
    waiting = update(People.notice).where(
        _N.merchant_id == merchant_id,
        _N.shipment_id.in_(theirs),
        _N.due_at.is_not(None),
        _N.channel == channel,
        _N.address_hash == address_hash,
        _N.state == "queued",
    )
    if account_id:
        waiting = waiting.where(_N.account_id == account_id)
    conn.execute(waiting.values(state="skipped", reason=STOPPED, due_at=None, changed_at=now))


def start(conn: Connection, person: Person, now: int) -> None:
    """Take back a stop, because the person said so; it is consent as well for what waits to be confirmed."""
    merchant_id, channel, address_hash = person
    conn.execute(
        delete(People.stop).where(_S.merchant_id == merchant_id, _S.channel == channel, _S.address_hash == address_hash)
    )
    conn.execute(update(People.wish).where(*_pending(person)).values(confirmed_at=now, changed_at=now))


def may_start(conn: Connection, person: Person) -> bool:
    """Tell whether there is something a START of this person begins: a stop, or a wish that waits to be confirmed."""
    merchant_id, channel, address_hash = person
    stopped = select(_S.at).where(_S.merchant_id == merchant_id, _S.channel == channel, _S.address_hash == address_hash)
    waits = select(_W.id).where(*_pending(person))
    return any(conn.execute(found.limit(1)).first() is not None for found in (stopped, waits))


def _pending(person: Person) -> tuple[Any, ...]:
    merchant_id, channel, address_hash = person
    return (
        _W.merchant_id == merchant_id,
        _W.channel == channel,
        _W.address_hash == address_hash,
        _W.double_opt_in.is_(True),
        _W.confirmed_at.is_(None),
    )
