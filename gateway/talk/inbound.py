"""What people write to a merchant's number: couriers' answers go to their recipients, recipients' to the conversation.

Numbers stop here: what goes on carries only the words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from gateway.people import addresses
from gateway.people.addresses import BadAddress
from gateway.talk import conversation, lines
from gateway.talk.conversation import LONGEST, Closed, Full, Saying
from gateway.talk.tables import TalkTables
from gateway.talk.ways import OUT
from gateway.texts import choose
from normalizer.normalize import content_id
from webhooks.channels.base import Inbound, Report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, RowMapping

    from gateway.vault import Vault
    from webhooks.log import Entry

_U, _C = TalkTables.utterance.c, TalkTables.conversation.c
_RISES = {"waiting": 0, "sent": 1, "delivered": 2, "read": 3}


@dataclass(slots=True)
class Heard:
    """What came of a provider's call: messages to hand on, and what to answer whoever wrote."""

    now: int
    entries: dict[str, list[Entry]] = field(default_factory=dict)
    answer: str = ""


def hear(
    conn: Connection, vault: Vault, account: RowMapping, heard: Sequence[Report | Inbound], *, now: int, about: str = ""
) -> Heard:
    """Take in a verified call to an account. `about`: what the call was asked for. Twice gives the same."""
    told = Heard(now)
    for one in heard:
        if isinstance(one, Report):
            _report(conn, account, one, about, now)
        elif one.word is None and account["channel"] in ("sms", "whatsapp"):
            _written(conn, vault, account, one, told)
    return told


def _written(conn: Connection, vault: Vault, account: RowMapping, one: Inbound, told: Heard) -> None:
    merchant_id, now = account["merchant_id"], told.now
    try:
        sender = addresses.read(account["channel"], one.sender)
    except BadAddress:
        return  # a short code or a name: nobody we write to
    found = addresses.hashed(vault, merchant_id, account["channel"], sender)
    shipment, text, tags = lines.meant(conn, account, found, one.text, now)
    courier = shipment is not None
    if tags:
        told.answer = _which(conn, merchant_id, found, tags)
        return
    if shipment is None:
        shipment = lines.of_recipient(conn, account, found, now)
    words = conversation.clean(text)[:LONGEST]
    if shipment is None or not words:
        return
    saying = Saying(
        author="courier" if courier else "recipient",
        words=words,
        audience="everybody" if courier or shipment["status"] == OUT else "support",
        came_by="sms",
        id=content_id("utt", account["id"], one.provider_id),
    )
    try:
        said = conversation.say(conn, vault, shipment, saying, now)
    except (Closed, Full):
        return
    for merchant, entries in said.entries.items():
        told.entries.setdefault(merchant, []).extend(entries)


def _which(conn: Connection, merchant_id: str, courier_hash: bytes, tags: Sequence[int]) -> str:
    statement = select(_C.courier_language).where(_C.merchant_id == merchant_id, _C.courier_hash == courier_hash)
    speech = choose(conn.execute(statement.order_by(_C.last_at.desc())).scalars().first())
    return speech.say("talk.relay.which", tags=", ".join(f"#{tag}" for tag in tags))


def _report(conn: Connection, account: RowMapping, report: Report, about: str, now: int) -> None:
    """Note what became of an SMS to a courier."""
    mine = _U.merchant_id == account["merchant_id"]
    row = conn.execute(select(TalkTables.utterance).where(mine, _U.id == about)).mappings().first()
    if row is None or row["through"] != "sms" or row["provider_id"] not in ("", report.provider_id):
        return
    if report.state == "undelivered":
        if row["state"] in ("waiting", "sent"):
            conversation.to_desk(conn, row, report.reason or "the SMS did not arrive", now)
    elif _RISES.get(report.state, 0) > _RISES.get(row["state"], len(_RISES)):
        values = {"state": report.state, "due_at": None, "provider_id": report.provider_id}
        conn.execute(update(TalkTables.utterance).where(mine, _U.id == about).values(values))
