"""The number between courier and recipient: a merchant's SMS account stands in for both, so neither sees the other's.

One courier may bring many parcels by one number, so each conversation has a tag there (`#2`), and what comes back
without one goes to the only conversation there is or to none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from gateway.lastmile import wishes
from gateway.people import accounts, addresses
from gateway.people.tables import People
from gateway.tables import Tables
from gateway.talk import conversation
from gateway.talk.tables import TalkTables
from gateway.talk.ways import OUT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, RowMapping

    from gateway.vault import Vault

_C, _S, _P, _W = TalkTables.conversation.c, Tables.shipment.c, People.account.c, People.wish.c
_NUMBER = re.compile(r"\+[0-9]{4,15}|[0-9]{3,8}")
"""Senders that can be answered; a name cannot, and a service's number is not ours to know."""
_TAG = re.compile(r"\s*#\s?([0-9]{1,6})\b[\s:,.-]*")


def set_courier(
    conn: Connection, vault: Vault, merchant_id: str, shipment_id: str, *, phone: str | None, language: str
) -> None:
    """Keep the number of a shipment's courier, or forget it. `phone` in E.164."""
    conversation.ensure(conn, merchant_id, shipment_id)
    sealed = found = None
    if phone is not None:
        sealed = vault.seal(merchant_id, _purpose(shipment_id), phone.encode())
        found = addresses.hashed(vault, merchant_id, "sms", phone)
    conn.execute(
        update(TalkTables.conversation)
        .where(_C.merchant_id == merchant_id, _C.shipment_id == shipment_id)
        .values(courier_phone=sealed, courier_hash=found, courier_language=language, account_id="", tag=0)
    )


def phone_of(vault: Vault, whole: RowMapping) -> str:
    """Return the number of a conversation's courier."""
    return vault.open(whole["merchant_id"], _purpose(whole["shipment_id"]), whole["courier_phone"]).decode()


def open_line(conn: Connection, whole: RowMapping, now: int) -> tuple[RowMapping, RowMapping] | None:
    """Return a conversation with its account and tag, and the account's row; None where no account can send.

    An account is taken by which this courier brings nothing else, if there is one.
    """
    merchant_id = whole["merchant_id"]
    usable = [row for row in accounts.listed(conn, merchant_id) if row["channel"] == "sms" and row["state"] == "active"]
    by_id = {row["id"]: row for row in usable}
    if whole["account_id"] in by_id:
        return whole, by_id[whole["account_id"]]
    if not usable:
        return None
    others = [one for one in _of_courier(conn, merchant_id, whole["courier_hash"]) if one["id"] != whole["shipment_id"]]
    others = [one for one in others if is_live(conn, one, now)]
    taken = {one["line"] for one in others}
    best = min(usable, key=lambda row: (not _answerable(row), row["id"] in taken, row["created_at"], row["id"]))
    tags = {one["line_tag"] for one in others if one["line"] == best["id"]}
    tag = next(number for number in range(1, len(tags) + 2) if number not in tags)
    statement = (
        update(TalkTables.conversation)
        .where(_C.merchant_id == merchant_id, _C.shipment_id == whole["shipment_id"])
        .values(account_id=best["id"], tag=tag)
        .returning(TalkTables.conversation)
    )
    return conn.execute(statement).mappings().one(), best


def _answerable(account: RowMapping) -> bool:
    return _NUMBER.fullmatch(accounts.settings_of(account).get("from", "")) is not None


def is_live(conn: Connection, shipment: RowMapping, now: int) -> bool:
    """Tell whether a shipment's courier may still write."""
    return conversation.is_open(shipment, wishes.get(conn, shipment["merchant_id"]), now)


def _of_courier(conn: Connection, merchant_id: str, courier_hash: bytes) -> Sequence[RowMapping]:
    """Return the shipments a courier can be written to about, with `line` and `line_tag` of each."""
    statement = (
        select(Tables.shipment, _C.account_id.label("line"), _C.tag.label("line_tag"))
        .join(TalkTables.conversation, (_C.merchant_id == _S.merchant_id) & (_C.shipment_id == _S.id))
        .where(_C.merchant_id == merchant_id, _C.courier_hash == courier_hash, _C.tag > 0)
    )
    return conn.execute(statement).mappings().all()


def meant(
    conn: Connection, account: RowMapping, sender_hash: bytes, text: str, now: int
) -> tuple[RowMapping | None, str, list[int]]:
    """Return of which shipment a courier writes, the text without its tag, and the tags it may be where unclear."""
    rows = _of_courier(conn, account["merchant_id"], sender_hash)
    live = [row for row in rows if row["line"] == account["id"] and is_live(conn, row, now)]
    tagged = _TAG.match(text)
    if tagged is not None:
        found = [row for row in live if row["line_tag"] == int(tagged[1])]
        if found:
            return found[0], text[tagged.end() :], []
    if len(live) == 1:
        return live[0], text, []
    return None, text, sorted(row["line_tag"] for row in live)


def of_recipient(conn: Connection, account: RowMapping, sender_hash: bytes, now: int) -> RowMapping | None:
    """Return the shipment a recipient answers a notice about: the one that is out, else the one last changed."""
    merchant_id = account["merchant_id"]
    theirs = select(_W.shipment_id).where(
        _W.merchant_id == merchant_id,
        _W.channel == account["channel"],
        _W.address_hash == sender_hash,
        _W.removed_at.is_(None),
    )
    statement = select(Tables.shipment).where(_S.merchant_id == merchant_id, _S.id.in_(theirs))
    rows = [row for row in conn.execute(statement).mappings() if is_live(conn, row, now)]
    return max(rows, key=lambda row: (row["status"] == OUT, row["updated_at"], row["id"]), default=None)


def _purpose(shipment_id: str) -> str:
    return f"courier phone:{shipment_id}"
