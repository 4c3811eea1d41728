"""Ratings in the database: given once by whoever got the parcel, answered by the merchant."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import orjson
from sqlalchemy import func, null, select, tuple_, update

from gateway import listing, shipments
from gateway.insights import ended
from gateway.ratings.tables import RatingTables
from normalizer import render
from normalizer.model import Status
from normalizer.normalize import content_id
from webhooks import log
from webhooks.store import insert

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, RowMapping

    from webhooks.log import Entry
    from webhooks.store import Vault

Reason = Literal[
    "friendly", "on_time", "careful", "as_agreed", "late", "unfriendly", "damaged", "wrong_place", "did_not_ring"
]
REASONS: tuple[Reason, ...] = get_args(Reason)
MOST_STARS = 5
LOW = 2
"""So many stars and fewer are for the desk to look at."""
LONGEST = 1_000
LONGEST_ANSWER = 1_000

_R = RatingTables.rating.c
_LATELY = 30 * 86_400_000
_DELIVERED = Status.DELIVERED.value


class NotYet(Exception):  # noqa: N818 - it names what it is
    """Nothing was delivered that could be rated."""


class Twice(Exception):  # noqa: N818 - it names what it is
    """This delivery was rated already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """What somebody says of a delivery."""

    stars: int
    reasons: tuple[Reason, ...] = ()
    words: str = field(default="", repr=False)
    language: str = ""


def may_be_rated(row: Mapping[str, Any] | RowMapping) -> bool:
    """Tell whether a shipment was delivered to somebody who could say how it was: a return goes to the merchant."""
    return bool(row["status"] == _DELIVERED and row["direction"] == "outbound")


def rate(
    conn: Connection, vault: Vault, shipment: RowMapping, rating: Rating, now: int
) -> tuple[RowMapping, dict[str, list[Entry]]]:
    """Keep a rating and tell of it. The same again changes nothing. Raises `NotYet`, and `Twice` for another one."""
    merchant_id, shipment_id = shipment["merchant_id"], shipment["id"]
    known = of(conn, merchant_id, shipment_id)
    if known is not None:
        if (known["stars"], known["reasons"]) == (rating.stars, orjson.dumps(rating.reasons)):
            return known, {}
        raise Twice
    if not may_be_rated(shipment):
        raise NotYet
    row = {
        "merchant_id": merchant_id,
        "shipment_id": shipment_id,
        "carrier": shipment["carrier"],
        "stars": rating.stars,
        "reasons": orjson.dumps(rating.reasons),
        "words": vault.seal(merchant_id, _purpose(shipment_id), rating.words.encode()) if rating.words else None,
        "language": rating.language,
        "at": now,
    }
    kept = conn.execute(insert(conn, RatingTables.rating).values(row).returning(RatingTables.rating)).mappings().one()
    ended.note(conn, [(merchant_id, shipment_id)])
    told = {
        "stars": rating.stars,
        "reasons": rating.reasons,
        "low": rating.stars <= LOW,
        "has_text": bool(rating.words),
        "at": render.millis_instant(now),
    }
    data = {"shipment": shipments.document(shipment), "event": None, "previous": {}, "rating": told}
    draft = log.Draft(
        id=content_id("msg", shipment_id, "rating"),
        type="rating.received",
        shipment_id=shipment_id,
        shipment_version=shipment["version"],
        created_at=now,
        data=orjson.dumps(data),
    )
    return kept, log.append_many(conn, {merchant_id: [draft]})


def of(conn: Connection, merchant_id: str, shipment_id: str) -> RowMapping | None:
    """Return a shipment's rating, None where there is none."""
    statement = select(RatingTables.rating).where(_R.merchant_id == merchant_id, _R.shipment_id == shipment_id)
    return conn.execute(statement).mappings().first()


def answer(conn: Connection, vault: Vault, row: RowMapping, text: str, now: int) -> RowMapping:
    """Keep the merchant's answer to a rating, in place of an earlier one."""
    sealed = vault.seal(row["merchant_id"], _purpose(row["shipment_id"]), text.encode())
    statement = (
        update(RatingTables.rating)
        .where(_R.merchant_id == row["merchant_id"], _R.shipment_id == row["shipment_id"])
        .values(answer=sealed, answered_at=now)
        .returning(RatingTables.rating)
    )
    return conn.execute(statement).mappings().one()


def document(vault: Vault, row: RowMapping) -> dict[str, Any]:
    """Return a rating as merchants see it. Raises `gateway.vault.Sealed` where the secret key is another."""
    return {
        "shipment_id": row["shipment_id"],
        "carrier": row["carrier"],
        "stars": row["stars"],
        "low": row["stars"] <= LOW,
        "reasons": orjson.loads(row["reasons"]),
        "text": _opened(vault, row, "words"),
        "language": row["language"],
        "at": render.millis_instant(row["at"]),
        "answer": answer_of(vault, row),
        "answered_at": render.millis_instant(row["answered_at"]),
    }


def answer_of(vault: Vault, row: RowMapping) -> str | None:
    """Return what the merchant answered."""
    return _opened(vault, row, "answer")


def _opened(vault: Vault, row: RowMapping, name: str) -> str | None:
    sealed = row[name]
    return None if sealed is None else vault.open(row["merchant_id"], _purpose(row["shipment_id"]), sealed).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which ratings to list. `since` in epoch milliseconds."""

    low: bool | None = None
    answered: bool | None = None
    carrier: str | None = None
    shipment_id: str | None = None
    since: int | None = None
    after: str | None = None
    limit: int = 50


def listed(conn: Connection, merchant_id: str, wanted: Wanted) -> tuple[list[RowMapping], str | None]:
    """Return one page of a merchant's ratings, the latest first, and the next cursor. Raises `listing.BadCursor`."""
    statement = select(RatingTables.rating).where(_R.merchant_id == merchant_id)
    if wanted.low is not None:
        statement = statement.where(_R.stars <= LOW if wanted.low else _R.stars > LOW)
    if wanted.answered is not None:
        statement = statement.where(_R.answered_at.is_not(None) if wanted.answered else _R.answered_at.is_(None))
    if wanted.carrier is not None:
        statement = statement.where(_R.carrier == wanted.carrier)
    if wanted.shipment_id is not None:
        statement = statement.where(_R.shipment_id == wanted.shipment_id)
    if wanted.since is not None:
        statement = statement.where(_R.at >= wanted.since)
    if wanted.after is not None:
        statement = statement.where(tuple_(_R.at, _R.shipment_id) < listing.read_cursor(wanted.after))
    statement = statement.order_by(_R.at.desc(), _R.shipment_id.desc()).limit(wanted.limit + 1)
    rows = list(conn.execute(statement).mappings())
    if len(rows) <= wanted.limit:
        return rows, None
    rows.pop()
    return rows, listing.make_cursor(rows[-1]["at"], rows[-1]["shipment_id"])


def waiting(conn: Connection, merchant_id: str, now: int) -> int:
    """Return how many low ratings of the last thirty days nobody answered."""
    mine = (_R.merchant_id == merchant_id, _R.at >= now - _LATELY, _R.stars <= LOW, _R.answered_at.is_(None))
    return conn.execute(select(func.count()).where(*mine)).scalar_one()


def forget_words(conn: Connection, *, merchant_id: str, at: int) -> bool:
    """Forget what was written in ratings from before an instant; stars and reasons stay. There is never more."""
    old = update(RatingTables.rating).where(_R.merchant_id == merchant_id, _R.at < at)
    conn.execute(old.values(words=null(), answer=null()))
    return False


def _purpose(shipment_id: str) -> str:
    return f"rating:{shipment_id}"
