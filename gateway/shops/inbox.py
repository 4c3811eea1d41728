"""What shops sent, kept sealed and untouched until it is read. Functions take a connection."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import delete, func, select, update

from connectors.base import Payload
from gateway.ids import first_id, new_id
from gateway.shops.tables import Shops

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, RowMapping

    from gateway.vault import Vault

_P = Shops.push.c


def sealed(vault: Vault, account: RowMapping, headers: Mapping[str, str], body: bytes, now: int) -> dict[str, object]:
    """Return a push's row; `account` is that of its shop."""
    push_id = new_id("push", now)
    return {
        "merchant_id": account["merchant_id"],
        "id": push_id,
        "account_id": account["id"],
        "shop": account["shop"],
        "headers": orjson.dumps(dict(headers)),
        "received_at": now,
        "body": vault.seal(account["merchant_id"], f"push:{push_id}", body),
        "state": "kept",
        "reason": "",
        "waits_for": None,
    }


def keep(conn: Connection, row: Mapping[str, object]) -> None:
    """Keep a push."""
    conn.execute(Shops.push.insert().values(**row))


def payload(vault: Vault, row: RowMapping) -> Payload:
    """Return a push as its shop's connector reads it."""
    return Payload(
        carrier=row["shop"],
        body=vault.open(row["merchant_id"], f"push:{row['id']}", row["body"]),
        source="push",
        received_at=datetime.fromtimestamp(row["received_at"] / 1000, UTC),
        headers=orjson.loads(row["headers"]),
        id=row["id"],
    )


def next_kept(conn: Connection, after: str, limit: int) -> list[RowMapping]:
    """Return pushes nobody has read yet, the oldest first."""
    statement = select(Shops.push).where(_P.state == "kept", _P.id > after).order_by(_P.id).limit(limit)
    return list(conn.execute(statement).mappings())


def mark(conn: Connection, row: RowMapping, state: str, reason: str = "", waits_for: str | None = None) -> None:
    """Note what became of a push."""
    conn.execute(
        update(Shops.push)
        .where(_P.merchant_id == row["merchant_id"], _P.id == row["id"])
        .values(state=state, reason=reason, waits_for=waits_for)
    )


def wake(conn: Connection, merchant_id: str, account_id: str, shop_order: str) -> int:
    """Have pushes read again that waited for an order; return how many."""
    statement = (
        update(Shops.push)
        .where(
            _P.merchant_id == merchant_id,
            _P.account_id == account_id,
            _P.waits_for == shop_order,
            _P.state == "waiting",
        )
        .values(state="kept", waits_for=None)
    )
    return conn.execute(statement).rowcount


def count_unreadable(conn: Connection) -> int:
    """Return how many pushes are not as documented."""
    return conn.execute(select(func.count()).where(_P.state == "unreadable")).scalar_one()


def again(conn: Connection, shop: str | None = None, *, account: tuple[str, str] | None = None) -> int:
    """Have unreadable pushes read again, of one kind of shop or of one account (merchant, id); return how many."""
    statement = update(Shops.push).where(_P.state == "unreadable")
    if shop is not None:
        statement = statement.where(_P.shop == shop)
    if account is not None:
        statement = statement.where(_P.merchant_id == account[0], _P.account_id == account[1])
    return conn.execute(statement.values(state="kept", reason="")).rowcount


def drop_before(conn: Connection, at: int) -> None:
    """Drop pushes received before an instant, those not read yet excepted."""
    conn.execute(delete(Shops.push).where(_P.id < first_id("push", at), _P.state != "kept"))
