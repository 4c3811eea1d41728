"""Channel accounts: a merchant's ways to send. Secrets go in and never come out, except to the channel itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select, update

from gateway.people.tables import People

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, RowMapping

    from gateway.people.sending import AccountKey
    from webhooks.store import Vault

_A = People.account.c


def seal(vault: Vault, merchant_id: str, account_id: str, secrets: Mapping[str, str]) -> bytes:
    """Seal an account's secrets for the database."""
    return vault.seal(merchant_id, f"channel:{account_id}", orjson.dumps(dict(secrets)))


def secrets_of(vault: Vault, row: RowMapping) -> dict[str, str]:
    """Open an account's secrets. Raises `gateway.vault.Sealed` where the key is another."""
    opened: dict[str, str] = orjson.loads(vault.open(row["merchant_id"], f"channel:{row['id']}", row["secrets"]))
    return opened


def settings_of(row: RowMapping) -> dict[str, str]:
    """Return an account's settings."""
    told: dict[str, str] = orjson.loads(row["settings"])
    return told


def create(
    conn: Connection,
    key: AccountKey,
    *,
    channel: str,
    label: str,
    settings: Mapping[str, str],
    sealed: bytes,
    now: int,
) -> RowMapping:
    """Keep an account."""
    statement = People.account.insert().values(
        merchant_id=key.merchant_id,
        id=key.account_id,
        channel=channel,
        label=label,
        settings=orjson.dumps(dict(settings)),
        secrets=sealed,
        state="active",
        state_reason="",
        state_at=now,
        paused_until=0,
        created_at=now,
        changed_at=now,
    )
    return conn.execute(statement.returning(People.account)).mappings().one()


def get(conn: Connection, key: AccountKey) -> RowMapping | None:
    """Return a merchant's account, None where it has none of that id."""
    statement = select(People.account).where(
        _A.merchant_id == key.merchant_id, _A.id == key.account_id, _A.state != "deleted"
    )
    return conn.execute(statement).mappings().first()


def by_id(conn: Connection, account_id: str) -> RowMapping | None:
    """Return an account whose merchant is not known yet: a provider's call names only the account."""
    statement = select(People.account).where(_A.id == account_id, _A.state != "deleted")
    return conn.execute(statement).mappings().first()


def listed(conn: Connection, merchant_id: str) -> list[RowMapping]:
    """Return a merchant's accounts, oldest first."""
    statement = select(People.account).where(_A.merchant_id == merchant_id, _A.state != "deleted")
    return list(conn.execute(statement.order_by(_A.created_at, _A.id)).mappings())


def changed_since(conn: Connection, at: int) -> list[RowMapping]:
    """Return all merchants' accounts that changed at or after an instant, deleted ones among them."""
    return list(conn.execute(select(People.account).where(_A.changed_at >= at).order_by(_A.changed_at)).mappings())


def change(conn: Connection, key: AccountKey, now: int, **values: Any) -> RowMapping | None:
    """Change columns of an account; new secrets or settings make a rejected one active again."""
    if "secrets" in values or "settings" in values:
        values |= {"state": "active", "state_reason": "", "state_at": now, "paused_until": 0}
    statement = (
        update(People.account)
        .where(_A.merchant_id == key.merchant_id, _A.id == key.account_id, _A.state != "deleted")
        .values(changed_at=now, **values)
        .returning(People.account)
    )
    return conn.execute(statement).mappings().first()


def delete(conn: Connection, key: AccountKey, now: int) -> bool:
    """Delete an account and forget its secrets; what waits for it goes nowhere."""
    gone = update(People.account).where(
        _A.merchant_id == key.merchant_id, _A.id == key.account_id, _A.state != "deleted"
    )
    found = conn.execute(gone.values(state="deleted", state_reason="", state_at=now, changed_at=now, secrets=b""))
    c = People.notice.c
    waiting = update(People.notice).where(
        c.merchant_id == key.merchant_id, c.account_id == key.account_id, c.due_at.is_not(None)
    )
    conn.execute(waiting.values(state="skipped", reason="its sending account was deleted", due_at=None, changed_at=now))
    return found.rowcount == 1
