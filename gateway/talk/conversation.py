"""What recipient, courier and support say to each other about one shipment: one conversation, cut by who reads it.

`say` writes a thing down and tells of it, `of_shipment` reads. Both take a connection, for the page, the API, the
courier's page and the SMS relay alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

import orjson
from sqlalchemy import delete, func, select, tuple_, update

from gateway import listing, shipments
from gateway.ids import new_id
from gateway.lastmile import wishes
from gateway.people import notices
from gateway.tables import Tables
from gateway.talk import ways
from gateway.talk.tables import TalkTables
from normalizer import clock, render
from normalizer.model import ENDS
from normalizer.normalize import content_id
from webhooks import log
from webhooks.store import insert

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

    from gateway.lastmile.wishes import Wishes
    from webhooks.log import Entry
    from webhooks.store import Vault

Author = Literal["recipient", "courier", "support"]
Audience = Literal["support", "recipient", "courier", "everybody"]
Kind = Literal["words", "instruction"]
Quick = Literal["leave_with_neighbour", "gate_code", "safe_place", "be_right_there"]
QUICK: tuple[Quick, ...] = get_args(Quick)
NEEDS_WORDS = frozenset({"gate_code"})
"""Ready sentences that say nothing alone."""

LONGEST = 500
MOST = 200
"""Things said of one shipment at most."""
_HOUR = 3_600_000
_BATCH = 200
_AGAIN = 10_000
"""Milliseconds within which the same said twice is one thing: a second tap, a form sent anew."""
_U, _C = TalkTables.utterance.c, TalkTables.conversation.c
_ENDS = frozenset(status.value for status in ENDS)
_READ_BY: dict[str, frozenset[str]] = {
    "support": frozenset(get_args(Audience)),
    "recipient": frozenset({"recipient", "everybody"}),
    "courier": frozenset({"courier", "everybody"}),
}


class Closed(Exception):  # noqa: N818 - it names what it is
    """The conversation is over."""


class Full(Exception):  # noqa: N818 - it names what it is
    """So much was said of this shipment that nothing more is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """Something to be said. `words` may be empty where `quick` names a ready sentence."""

    author: Author
    words: str = field(default="", repr=False)
    quick: Quick | Literal[""] = ""
    kind: Kind = "words"
    audience: Audience = "everybody"
    came_by: str = "page"
    browser: str = ""
    """The browser a recipient writes in: it shows what was written there."""
    id: str = ""
    """Its id where it has one already: the same again is not said twice."""
    watched: bool = False
    """Whether the recipient has the page open, and needs no other sign."""


@dataclass(frozen=True, slots=True)
class Said:
    """What came of it: its row, and the messages that tell of it."""

    row: RowMapping
    entries: dict[str, list[Entry]]


def closes_at(row: Mapping[str, Any] | RowMapping, merchant: Wishes) -> int | None:
    """Return when a shipment's conversation ends; None while its end is not in sight."""
    if row["status"] not in _ENDS:
        return None
    since = clock.iso(orjson.loads(row["state"]).get("status_since") or "")
    at = int(since.timestamp() * 1000) if isinstance(since, datetime) and since.tzinfo else row["updated_at"]
    return int(at) + merchant.talk_hours * _HOUR


def is_open(row: Mapping[str, Any] | RowMapping, merchant: Wishes, now: int) -> bool:
    """Tell whether something may still be said."""
    end = closes_at(row, merchant)
    return end is None or now < end


def say(conn: Connection, vault: Vault, shipment: RowMapping, saying: Saying, now: int) -> Said:
    """Write down what somebody says and tell that they did. Twice gives the same. Raises `Closed`, `Full`."""
    merchant_id, shipment_id = shipment["merchant_id"], shipment["id"]
    known = _known(conn, vault, shipment, saying, now)
    if known is not None:
        return Said(known, {})
    merchant = wishes.get(conn, merchant_id)
    if not is_open(shipment, merchant, now):
        raise Closed
    count = select(func.count()).where(_U.merchant_id == merchant_id, _U.shipment_id == shipment_id)
    if conn.execute(count).scalar_one() >= MOST:
        raise Full
    if saying.kind == "instruction":
        _replace(conn, merchant_id, shipment_id)
    id_ = saying.id or new_id("utt", now)
    values = {
        "merchant_id": merchant_id,
        "id": id_,
        "shipment_id": shipment_id,
        "author": saying.author,
        "audience": saying.audience,
        "kind": saying.kind,
        "quick": saying.quick,
        "words": vault.seal(merchant_id, _purpose(id_), saying.words.encode()),
        "at": now,
        "came_by": saying.came_by,
        "browser": saying.browser,
        "reason": "",
        "attempts": 0,
        "provider_id": "",
    } | ways.first(conn, shipment, author=saying.author, audience=saying.audience, kind=saying.kind, now=now)
    row = conn.execute(TalkTables.utterance.insert().values(values).returning(TalkTables.utterance)).mappings().one()
    _note(conn, row, now)
    return Said(row, _tell(conn, shipment, row, saying, with_words=merchant.talk_words))


def _known(conn: Connection, vault: Vault, shipment: RowMapping, saying: Saying, now: int) -> RowMapping | None:
    """Return what was said already, if this is it."""
    mine = (_U.merchant_id == shipment["merchant_id"], _U.shipment_id == shipment["id"], _U.author == saying.author)
    if saying.id:
        return conn.execute(select(TalkTables.utterance).where(*mine, _U.id == saying.id)).mappings().first()
    lately = select(TalkTables.utterance).where(
        *mine, _U.at > now - _AGAIN, _U.kind == saying.kind, _U.quick == saying.quick, _U.audience == saying.audience
    )
    for row in conn.execute(lately).mappings():
        if words_of(vault, row) == saying.words:
            return row
    return None


def _replace(conn: Connection, merchant_id: str, shipment_id: str) -> None:
    """Take back instructions: newer ones come."""
    conn.execute(
        update(TalkTables.utterance)
        .where(
            _U.merchant_id == merchant_id,
            _U.shipment_id == shipment_id,
            _U.kind == "instruction",
            _U.state != "replaced",
        )
        .values(state="replaced", due_at=None)
    )


def _note(conn: Connection, row: RowMapping, now: int) -> None:
    """Note in the conversation as a whole that something was said, and who waits for the desk."""
    told: dict[str, Any] = {"last_at": now}
    if row["author"] == "support":
        told["waits_since"] = None
    elif row["author"] == "recipient" and row["through"] == "desk":
        told["waits_since"] = func.coalesce(_C.waits_since, now)
    ensure(conn, row["merchant_id"], row["shipment_id"])
    conn.execute(
        update(TalkTables.conversation)
        .where(_C.merchant_id == row["merchant_id"], _C.shipment_id == row["shipment_id"])
        .values(told)
    )


def ensure(conn: Connection, merchant_id: str, shipment_id: str) -> None:
    """Make the row of a shipment's conversation where there is none."""
    row = {
        "merchant_id": merchant_id,
        "shipment_id": shipment_id,
        "last_at": 0,
        "courier_language": "",
        "account_id": "",
        "tag": 0,
    }
    conn.execute(insert(conn, TalkTables.conversation).values(row).on_conflict_do_nothing())


def to_desk(conn: Connection, row: RowMapping, reason: str, now: int) -> None:
    """Leave to the desk what does not reach the courier: it stands first among what waits there."""
    conn.execute(
        update(TalkTables.utterance)
        .where(_U.merchant_id == row["merchant_id"], _U.id == row["id"])
        .values(state="failed", reason=reason, due_at=None)
    )
    conn.execute(
        update(TalkTables.conversation)
        .where(_C.merchant_id == row["merchant_id"], _C.shipment_id == row["shipment_id"])
        .values(waits_since=func.coalesce(_C.waits_since, now))
    )


def _tell(
    conn: Connection, shipment: RowMapping, row: RowMapping, saying: Saying, *, with_words: bool
) -> dict[str, list[Entry]]:
    told: dict[str, Any] = {
        "id": row["id"],
        "author": row["author"],
        "audience": row["audience"],
        "kind": row["kind"],
        "quick": row["quick"] or None,
        "at": render.millis_instant(row["at"]),
        "page_open": saying.watched,
    }
    if with_words:
        told["text"] = saying.words
    data = {"shipment": shipments.document(shipment), "event": None, "previous": {}, "conversation": told}
    draft = log.Draft(
        id=content_id("msg", row["id"], "conversation"),
        type="conversation.message",
        shipment_id=shipment["id"],
        shipment_version=shipment["version"],
        created_at=row["at"],
        data=orjson.dumps(data),
    )
    entries = log.append_many(conn, {shipment["merchant_id"]: [draft]})
    notices.follow(conn, entries, row["at"])
    return entries


def of_shipment(
    conn: Connection, vault: Vault, merchant_id: str, shipment_id: str, reader: Author
) -> list[dict[str, Any]]:
    """Return what was said of a shipment as far as a reader reads it, oldest first."""
    return [document(vault, row) for row in rows_of(conn, merchant_id, shipment_id, reader)]


def rows_of(conn: Connection, merchant_id: str, shipment_id: str, reader: Author) -> list[RowMapping]:
    """Return the rows of what was said of a shipment as far as a reader reads it, oldest first."""
    statement = (
        select(TalkTables.utterance)
        .where(_U.merchant_id == merchant_id, _U.shipment_id == shipment_id)
        .order_by(_U.at, _U.id)
    )
    return [row for row in conn.execute(statement).mappings() if reads(reader, row)]


def reads(reader: str, row: RowMapping) -> bool:
    """Tell whether a reader reads this: what is meant for them, and what they said."""
    return row["audience"] in _READ_BY[reader] or row["author"] == reader


def document(vault: Vault, row: RowMapping) -> dict[str, Any]:
    """Return one thing said, as it is shown. Raises `gateway.vault.Sealed` where the secret key is another."""
    return {
        "id": row["id"],
        "author": row["author"],
        "audience": row["audience"],
        "kind": row["kind"],
        "quick": row["quick"] or None,
        "text": words_of(vault, row),
        "at": render.millis_instant(row["at"]),
        "came_by": row["came_by"],
        "through": row["through"] or None,
        "state": row["state"],
        "reason": row["reason"] or None,
    }


def words_of(vault: Vault, row: RowMapping) -> str:
    """Return the words of what was said."""
    return vault.open(row["merchant_id"], _purpose(row["id"]), row["words"]).decode()


def seen(conn: Connection, merchant_id: str, ids: Sequence[str]) -> None:
    """Note that the recipient read these."""
    unread = (_U.merchant_id == merchant_id, _U.id.in_(ids), _U.state == "sent")
    conn.execute(update(TalkTables.utterance).where(*unread).values(state="read"))


def is_unread(row: Mapping[str, Any] | RowMapping) -> bool:
    """Tell whether this waits for the recipient's eyes."""
    return row["through"] == "page" and row["state"] == "sent" and row["audience"] in _READ_BY["recipient"]


def has_unseen(conn: Connection, merchant_id: str, shipment_id: str) -> bool:
    """Tell whether something waits for the recipient's eyes."""
    mine = (_U.merchant_id == merchant_id, _U.shipment_id == shipment_id)
    waits = (*mine, _U.through == "page", _U.state == "sent", _U.audience.in_(_READ_BY["recipient"]))
    return conn.execute(select(_U.id).where(*waits).limit(1)).first() is not None


def latest(conn: Connection, merchant_id: str, shipment_id: str) -> int:
    """Return when something was said last, 0 where nothing was."""
    statement = select(_C.last_at).where(_C.merchant_id == merchant_id, _C.shipment_id == shipment_id)
    return conn.execute(statement).scalar() or 0


def clean(text: str) -> str:
    """Return what somebody typed without characters nobody sees, its ends trimmed."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(one for one in lines if one == "\n" or (one >= " " and one != "\x7f")).strip()


def _purpose(id_: str) -> str:
    return f"utterance:{id_}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which conversations to list."""

    waiting: bool | None = None
    """Those in which the desk is waited for, the longest waiting first; or those in which it is not."""
    after: str | None = None
    limit: int = 50


def listed(conn: Connection, merchant_id: str, wanted: Wanted) -> tuple[list[RowMapping], str | None]:
    """Return one page of a merchant's conversations and the cursor of the next. Raises `listing.BadCursor`."""
    s = Tables.shipment.c
    statement = (
        select(TalkTables.conversation, s.carrier, s.tracking_number)
        .join(Tables.shipment, (s.merchant_id == _C.merchant_id) & (s.id == _C.shipment_id))
        .where(_C.merchant_id == merchant_id, _C.last_at > 0)
    )
    by: Any = _C.last_at
    if wanted.waiting:
        by = _C.waits_since
        statement = statement.where(by.is_not(None)).order_by(by, _C.shipment_id)
    else:
        statement = statement.order_by(by.desc(), _C.shipment_id.desc())
    if wanted.waiting is False:
        statement = statement.where(_C.waits_since.is_(None))
    if wanted.after is not None:
        place = listing.read_cursor(wanted.after)
        here = tuple_(by, _C.shipment_id)
        statement = statement.where(here > place if wanted.waiting else here < place)
    rows = list(conn.execute(statement.limit(wanted.limit + 1)).mappings())
    if len(rows) <= wanted.limit:
        return rows, None
    rows.pop()
    return rows, listing.make_cursor(rows[-1][by.name], rows[-1]["shipment_id"])


def waiting(conn: Connection, merchant_id: str) -> int:
    """Return in how many conversations the desk is waited for."""
    where = (_C.merchant_id == merchant_id, _C.waits_since.is_not(None))
    return conn.execute(select(func.count()).where(*where)).scalar_one()


def get(conn: Connection, merchant_id: str, shipment_id: str) -> RowMapping | None:
    """Return a shipment's conversation as a whole, None where there is none yet."""
    statement = select(TalkTables.conversation).where(_C.merchant_id == merchant_id, _C.shipment_id == shipment_id)
    return conn.execute(statement).mappings().first()


def drop_before(conn: Connection, *, merchant_id: str, at: int) -> bool:
    """Drop a merchant's conversations that ended before an instant; tell if more may wait."""
    old = select(_C.shipment_id).where(_C.merchant_id == merchant_id, _C.last_at.between(1, at - 1)).limit(_BATCH)
    ids = list(conn.execute(old).scalars())
    for table, c in ((TalkTables.utterance, _U), (TalkTables.conversation, _C)):
        conn.execute(delete(table).where(c.merchant_id == merchant_id, c.shipment_id.in_(ids)))
    return len(ids) == _BATCH
