"""The database's side of passing on: what is due is claimed before it goes, and what came of it is noted after.

A claim lasts `CLAIM_MS`; one whose process ended is made again, so a courier may be told something twice, and never is
something lost without the desk knowing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from gateway import shipments
from gateway.talk import conversation, lines, ways
from gateway.talk.tables import TalkTables
from gateway.texts import choose
from normalizer.model import ENDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection, RowMapping

    from gateway.vault import Vault
    from webhooks.channels.base import Said

CLAIM_MS = 120_000
RETRIES = (20, 60, 300)
"""Seconds before each further try: who stands at a door does not wait for hours."""
OLD_MS = 2 * 3_600_000
"""Words of so long ago are not passed on any more."""
_ENDS = frozenset(status.value for status in ENDS)
_U = TalkTables.utterance.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Passing:
    """Something that goes to a courier now. `account`, `phone` are of an SMS."""

    row: RowMapping
    shipment: RowMapping
    text: str
    phone: str = ""
    account: RowMapping | None = None

    def __repr__(self) -> str:
        """Never show whose it is, wherever this is printed."""
        return f"Passing({self.row['id']!r})"


def next_due(conn: Connection) -> int | None:
    """Return when something is due next."""
    found: int | None = conn.execute(
        select(_U.due_at).where(_U.due_at.is_not(None)).order_by(_U.due_at).limit(1)
    ).scalar()
    return found


def depart(conn: Connection, keys: Iterable[tuple[str, str]], now: int) -> None:
    """Make due what was said to couriers of shipments that have just gone out."""
    for merchant_id, shipment_id in keys:
        conn.execute(
            update(TalkTables.utterance)
            .where(
                _U.merchant_id == merchant_id,
                _U.shipment_id == shipment_id,
                _U.state == "waiting",
                _U.through == "",
            )
            .values(due_at=now)
        )


def claim(conn: Connection, vault: Vault, now: int, room: int) -> list[Passing]:
    """Claim at most `room` things that are due, and settle those that shall not go after all."""
    statement = select(TalkTables.utterance).where(_U.due_at.is_not(None), _U.due_at <= now)
    rows = conn.execute(statement.order_by(_U.due_at, _U.id).limit(room)).mappings().all()
    claimed = []
    for row in rows:
        shipment = shipments.get(conn, row["merchant_id"], row["shipment_id"])
        passing = None if shipment is None else _prepared(conn, vault, row, shipment, now)
        if passing is not None:
            claimed.append(passing)
    return claimed


def _prepared(conn: Connection, vault: Vault, row: RowMapping, shipment: RowMapping, now: int) -> Passing | None:
    """Return what goes now; None where it was settled otherwise."""
    if row["kind"] == "instruction" and shipment["status"] != ways.OUT:
        over = shipment["status"] in _ENDS
        change(conn, row, state="replaced" if over else "waiting", due_at=None if over else now + ways.LOOK_AGAIN)
        return None
    if row["kind"] == "words" and now - row["at"] > OLD_MS:
        conversation.to_desk(conn, row, "it waited too long", now)
        return None
    possible = ways.to_courier(conn, shipment, now)
    way = row["through"] if row["through"] in possible else next(iter(possible), "")
    if not way:
        conversation.to_desk(conn, row, ways.NO_WAY, now)
        return None
    if way == "courier_page":
        change(conn, row, **ways.taking(way, now))
        return None
    whole = conversation.get(conn, row["merchant_id"], row["shipment_id"])
    account, phone, tag, language = None, "", 0, "" if whole is None else whole["courier_language"]
    if way == "sms":
        line = None if whole is None else lines.open_line(conn, whole, now)
        if line is None:
            conversation.to_desk(conn, row, ways.NO_WAY, now)
            return None
        whole, account = line
        phone, tag = lines.phone_of(vault, whole), whole["tag"]
    fresh = change(conn, row, through=way, state="waiting", due_at=now + CLAIM_MS, attempts=row["attempts"] + 1)
    text = worded(row, shipment, conversation.words_of(vault, row), language, tag)
    return Passing(row=fresh, shipment=shipment, text=text, phone=phone, account=account)


def worded(row: Mapping[Any, Any], shipment: RowMapping, words: str, language: str, tag: int) -> str:
    """Return what a courier is told, in their language."""
    speech = choose(language)
    ready = speech.say(f"talk.quick.{row['quick']}") if row["quick"] else ""
    said = speech.say("talk.both", ready=ready, words=words) if ready and words else ready or words
    who = "instruction" if row["kind"] == "instruction" else row["author"]
    text = speech.say(f"talk.relay.{who}", number=shipment["tracking_number"], words=said)
    return f"#{tag} {text}" if tag else text


def change(conn: Connection, row: RowMapping, **values: Any) -> RowMapping:
    """Change columns of something said and return its row."""
    statement = update(TalkTables.utterance).where(_U.merchant_id == row["merchant_id"], _U.id == row["id"])
    return conn.execute(statement.values(values).returning(TalkTables.utterance)).mappings().one()


def settle(conn: Connection, passing: Passing, said: Said, now: int) -> None:
    """Note what a provider or a platform answered; where it ends there, the next way is taken, the desk at last."""
    row = passing.row
    if said.kind == "accepted":
        change(conn, row, state="sent", due_at=None, reason="", provider_id=said.provider_id)
        return
    if said.kind in ("later", "ours") and row["attempts"] <= len(RETRIES):
        wait = max(RETRIES[row["attempts"] - 1], said.retry_after or 0)
        change(conn, row, due_at=now + int(wait * 1000), reason=said.reason)
        return
    possible = ways.to_courier(conn, passing.shipment, now)
    after = possible[possible.index(row["through"]) + 1 :] if row["through"] in possible else []
    if after:
        change(conn, row, **ways.taking(after[0], now) | {"attempts": 0, "reason": said.reason})
    else:
        conversation.to_desk(conn, row, said.reason or ways.NO_WAY, now)
