"""Carrier accounts: a merchant's credentials at a carrier. Secrets go in and never come out, except to connectors."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import orjson
import structlog
from sqlalchemy import select, update

from connectors import UnknownCarrier, carrier_codes, connector
from connectors.base import Polls, Pushes
from gateway.db import NotNow
from gateway.ids import new_id
from gateway.registering import AccountChoice, no_such_carrier
from gateway.tables import Tables
from normalizer import render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, RowMapping

    from connectors.base import Connector
    from connectors.shops.base import Shop
    from gateway.vault import Vault
    from webhooks.store import Store

log: structlog.stdlib.BoundLogger = structlog.get_logger()

Mode = Literal["production", "test"]

LONGEST_SECRET = 10_000
_FRESH_SECONDS = 5.0
_NOTED_AGAIN_SECONDS = 10.0
_MOST_REMEMBERED = 50_000


class BadAccount(ValueError):  # noqa: N818 - it names what is bad
    """What was given makes no account: each field with the reason, never with the value."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {reason}" for field, reason in errors.items()))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """An account with its secrets open, for this process's memory only."""

    merchant_id: str
    id: str
    carrier: str
    mode: str
    state: str
    changed_at: int
    secrets: Mapping[str, str]

    def __repr__(self) -> str:
        """Never show the secrets, wherever this is printed."""
        return f"OpenAccount({self.id!r}, {self.carrier!r}, {self.state!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """An account checked and ready to be kept. Make it with `prepare`."""

    id: str
    carrier: str
    label: str
    mode: str
    sealed: bytes
    per_second: float | None = None
    per_day: int | None = None


def check_secrets(of: Connector | Shop, given: Mapping[str, str], *, whole: bool = True) -> None:
    """Check the names of secrets against the carrier's facts. Raises `BadAccount` naming each unknown or missing one.

    `whole` is False for a change of some of them.
    """
    known = of.facts.secrets
    errors: dict[str, str] = {}
    for name, value in given.items():
        if name not in known:
            choice = ", ".join(sorted(known)) or "none at all"
            errors[f"secrets/{name}"] = f"{of.facts.name} has no such credential; it takes {choice}"
        elif not value.strip():
            errors[f"secrets/{name}"] = "is empty"
        elif not value.isprintable():
            errors[f"secrets/{name}"] = "holds a line break or another character that cannot be seen"
        elif len(value) > LONGEST_SECRET:
            errors[f"secrets/{name}"] = f"is longer than {LONGEST_SECRET} characters"
    if whole:
        for name, secret in known.items():
            if not secret.optional and name not in given:
                errors[f"secrets/{name}"] = f"is missing: {secret.title}. {secret.help}".strip()
    if errors:
        raise BadAccount(errors)


def prepare(
    vault: Vault,
    merchant_id: str,
    carrier: str,
    given: Mapping[str, str],
    *,
    label: str = "",
    mode: Mode = "production",
) -> NewAccount:
    """Check what was given and seal it. Raises `BadAccount`."""
    try:
        of = connector(carrier)
    except UnknownCarrier:
        raise BadAccount({"carrier": no_such_carrier(carrier)}) from None
    check_secrets(of, given)
    if not given and of.facts.secrets and not isinstance(of, Polls):
        # It is only ever pushed to, and no push could prove itself.
        choice = " or ".join(sorted(of.facts.secrets))
        raise BadAccount({"secrets": f"hold none, so that every push would be refused: give {choice}"})
    account_id = new_id("acc")
    return NewAccount(
        id=account_id, carrier=carrier, label=label, mode=mode, sealed=seal(vault, merchant_id, account_id, given)
    )


def seal(vault: Vault, merchant_id: str, account_id: str, given: Mapping[str, str]) -> bytes:
    """Seal an account's secrets for the database."""
    return vault.seal(merchant_id, f"account:{account_id}", orjson.dumps(dict(given)))


def opened(vault: Vault, row: RowMapping) -> OpenAccount:
    """Open an account's row. Raises `gateway.vault.Sealed` where the key is another."""
    secrets: dict[str, str] = orjson.loads(vault.open(row["merchant_id"], f"account:{row['id']}", row["secrets"]))
    return OpenAccount(
        row["merchant_id"], row["id"], row["carrier"], row["mode"], row["state"], row["changed_at"], secrets
    )


def create(conn: Connection, merchant_id: str, new: NewAccount, now: int) -> RowMapping:
    """Keep an account."""
    return (
        conn.execute(
            Tables.account.insert()
            .values(
                merchant_id=merchant_id,
                id=new.id,
                carrier=new.carrier,
                label=new.label,
                mode=new.mode,
                per_second=new.per_second,
                per_day=new.per_day,
                secrets=new.sealed,
                state="active",
                state_reason="",
                state_at=now,
                created_at=now,
                changed_at=now,
            )
            .returning(Tables.account)
        )
        .mappings()
        .one()
    )


def get(conn: Connection, merchant_id: str, account_id: str) -> RowMapping | None:
    """Return a merchant's account, None where it has none of that id."""
    table = Tables.account
    statement = select(table).where(
        table.c.merchant_id == merchant_id, table.c.id == account_id, table.c.state != "deleted"
    )
    return conn.execute(statement).mappings().first()


def by_id(conn: Connection, account_id: str) -> RowMapping | None:
    """Return an account whose merchant is not known yet: a carrier's call names only the account."""
    table = Tables.account
    statement = select(table).where(table.c.id == account_id, table.c.state != "deleted")
    return conn.execute(statement).mappings().first()


def listed(conn: Connection, merchant_id: str, carrier: str | None = None) -> list[RowMapping]:
    """Return a merchant's accounts, oldest first."""
    table = Tables.account
    statement = select(table).where(table.c.merchant_id == merchant_id, table.c.state != "deleted")
    if carrier is not None:
        statement = statement.where(table.c.carrier == carrier)
    return list(conn.execute(statement.order_by(table.c.created_at, table.c.id)).mappings())


def choices(conn: Connection, merchant_id: str) -> list[AccountChoice]:
    """Return a merchant's accounts as far as choosing needs them."""
    return [AccountChoice(row["id"], row["carrier"], row["state"]) for row in listed(conn, merchant_id)]


def for_carrier(conn: Connection, merchant_id: str, carrier: str) -> RowMapping | None:
    """Return the account a merchant's parcels of a carrier are asked with: the oldest active one."""
    return next((row for row in listed(conn, merchant_id, carrier) if row["state"] == "active"), None)


def change(conn: Connection, merchant_id: str, account_id: str, now: int, **values: Any) -> RowMapping | None:
    """Change columns of an account. None where there is none."""
    table = Tables.account
    statement = (
        update(table)
        .where(table.c.merchant_id == merchant_id, table.c.id == account_id, table.c.state != "deleted")
        .values(changed_at=now, **values)
        .returning(table)
    )
    return conn.execute(statement).mappings().first()


def mended(now: int) -> dict[str, Any]:
    """Return the columns of an account that may be asked with again."""
    return {"state": "active", "state_reason": "", "state_at": now}


def note_refusal(conn: Connection, account: OpenAccount, reason: str, now: int) -> None:
    """Note that a push to an account's address was refused."""
    table = Tables.account
    mine = (table.c.merchant_id == account.merchant_id, table.c.id == account.id)
    conn.execute(update(table).where(*mine).values(refused_at=now, refusal=reason))


def delete(conn: Connection, merchant_id: str, account_id: str, now: int) -> bool:
    """Delete an account and forget its secrets; the row stays, so that what it brought can still be explained."""
    table = Tables.account
    statement = (
        update(table)
        .where(table.c.merchant_id == merchant_id, table.c.id == account_id, table.c.state != "deleted")
        .values(state="deleted", state_reason="", state_at=now, changed_at=now, secrets=b"")
    )
    return conn.execute(statement).rowcount == 1


def document(row: RowMapping, public_url: str = "") -> dict[str, Any]:
    """Return an account as merchants see it: which secrets it has no answer ever tells, only what it is for."""
    pushes = row["carrier"] in carrier_codes() and isinstance(connector(row["carrier"]), Pushes)
    return {
        "id": row["id"],
        "carrier": row["carrier"],
        "label": row["label"],
        "mode": row["mode"],
        "state": row["state"],
        "state_reason": row["state_reason"],
        "state_since": render.millis_instant(row["state_at"]),
        "limits": {"per_second": row["per_second"], "per_day": row["per_day"]},
        "push_url": f"{public_url}/carriers/{row['carrier']}/push/{row['id']}" if pushes else None,
        "last_refused_at": render.millis_instant(row["refused_at"]),
        "last_refusal": row["refusal"],
        "created_at": render.millis_instant(row["created_at"]),
        "updated_at": render.millis_instant(row["changed_at"]),
    }


class Accounts:
    """Accounts for the pushes' way in: opened once per change and kept for a moment. Unknown ids are not remembered."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault
        self._known: dict[str, tuple[float, OpenAccount]] = {}
        self._noted: dict[str, float] = {}

    async def get(self, account_id: str) -> OpenAccount | None:
        """Return an account by its id; what another process changed is seen within seconds."""
        known = self._known.get(account_id)
        now = time.monotonic()
        if known is not None and now - known[0] < _FRESH_SECONDS:
            return known[1]
        row = await self._store.read(lambda conn: by_id(conn, account_id))
        if row is None:
            self._known.pop(account_id, None)
            return None
        if known is not None and known[1].changed_at == row["changed_at"]:
            account = replace(known[1], state=row["state"])
        else:
            account = opened(self._vault, row)
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[account_id] = (now, account)
        return account

    def forget(self, account_id: str) -> None:
        """Look an account up afresh next time: it was changed."""
        self._known.pop(account_id, None)
        self._noted.pop(account_id, None)

    async def note_refusal(self, account: OpenAccount, reason: str, now: int) -> None:
        """Note a refused push for the account's owner, one at a time: its sender may be anybody with the address."""
        moment = time.monotonic()
        if moment - self._noted.get(account.id, -_NOTED_AGAIN_SECONDS) < _NOTED_AGAIN_SECONDS:
            return
        if len(self._noted) >= _MOST_REMEMBERED:
            self._noted.clear()
        self._noted[account.id] = moment
        log.warning("push_refused", carrier=account.carrier, account=account.id, reason=reason)
        with suppress(NotNow):  # it is refused in any case
            await self._store.write(lambda conn: note_refusal(conn, account, reason, now))
