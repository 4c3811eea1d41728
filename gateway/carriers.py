"""Access to carriers: one HTTP client per account, kept while the account stays as it is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from sqlalchemy import select, update

from connectors import connector
from connectors.base import Polls
from connectors.client import HttpClient, shared_transport
from connectors.errors import Rejected
from connectors.limits import Breaker
from gateway.tables import Tables
from normalizer.normalize import content_id
from webhooks import log as message_log

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection, RowMapping

    from gateway.db import SqliteStore
    from gateway.vault import Vault
    from webhooks.log import Entry

log: structlog.stdlib.BoundLogger = structlog.get_logger()


def secrets_purpose(account_id: str) -> str:
    """Return the purpose an account's secrets are sealed for."""
    return f"account:{account_id}"


class CarrierAccess:
    """Makes and keeps the clients through which accounts ask their carriers."""

    def __init__(
        self,
        store: SqliteStore,
        vault: Vault,
        base_urls: Mapping[str, str],
        tell: Callable[[dict[str, list[Entry]]], None],
    ) -> None:
        self._store = store
        self._vault = vault
        self._base_urls = base_urls
        self._tell = tell
        self._transport: Any = None
        self._clients: dict[tuple[str, str, str | None], tuple[int, HttpClient]] = {}
        self._breakers: dict[str, Breaker] = {}

    async def client(self, merchant_id: str, carrier: str, account_id: str | None) -> HttpClient:
        """Return the client of an account (None: a carrier that needs none). Raises `Rejected` for a stopped one."""
        account = None
        if account_id is not None:
            account = await self._store.read(lambda conn: _account(conn, merchant_id, account_id))
            if account is None or account["state"] != "active":
                raise Rejected("the account is not active")
        key = (merchant_id, carrier, account_id)
        changed_at = 0 if account is None else account["changed_at"]
        known = self._clients.get(key)
        if known is not None and known[0] == changed_at:
            return known[1]
        client = self._make(carrier, account)
        self._clients[key] = (changed_at, client)
        return client

    def _make(self, carrier: str, account: RowMapping | None) -> HttpClient:
        by = connector(carrier)
        secrets: dict[str, str] = {}
        if account is not None:
            purpose = secrets_purpose(account["id"])
            secrets = orjson.loads(self._vault.open(account["merchant_id"], purpose, account["secrets"]))
        missing = [name for name, one in by.facts.secrets.items() if not one.optional and one.use != "push"]
        missing = [name for name in missing if name not in secrets]
        if missing:
            raise Rejected(f"the account lacks {', '.join(missing)}")
        if self._transport is None:
            self._transport = shared_transport()
        breaker = self._breakers.get(carrier)
        if breaker is None:
            breaker = Breaker(on_change=lambda state: log.warning("carrier_state", carrier=carrier, state=state))
            self._breakers[carrier] = breaker
        return HttpClient(
            by.facts,
            by.auth(secrets) if isinstance(by, Polls) else None,
            mode="test" if account is not None and account["mode"] == "test" else "production",
            base_url=self._base_urls.get(carrier),
            breaker=breaker,
            transport=self._transport,
        )

    async def rejected(self, merchant_id: str, carrier: str, account_id: str | None, reason: str) -> None:
        """Stop an account the carrier refuses and tell its owner, once."""
        if account_id is None:
            return
        now = time.time_ns() // 1_000_000

        def work(conn: Connection) -> dict[str, list[Entry]]:
            c = Tables.account.c
            stopped = conn.execute(
                update(Tables.account)
                .where(c.merchant_id == merchant_id, c.id == account_id, c.state == "active")
                .values(state="rejected", state_reason=reason, state_at=now, changed_at=now)
            )
            if stopped.rowcount == 0:
                return {}
            draft = message_log.Draft(
                id=content_id("msg", account_id, "rejected", str(now)),
                type="account.rejected",
                shipment_id=None,
                shipment_version=0,
                created_at=now,
                data=orjson.dumps({"account": {"id": account_id, "carrier": carrier}, "reason": reason}),
            )
            return message_log.append_many(conn, {merchant_id: [draft]})

        entries = await self._store.write(work)
        if entries:
            log.warning("account_rejected", carrier=carrier, account=account_id, reason=reason)
        self._tell(entries)

    async def close(self) -> None:
        """Close all connections."""
        for _, client in self._clients.values():
            await client.aclose()
        if self._transport is not None:
            await self._transport.aclose()


def _account(conn: Connection, merchant_id: str, account_id: str) -> RowMapping | None:
    c = Tables.account.c
    statement = select(Tables.account).where(c.merchant_id == merchant_id, c.id == account_id)
    return conn.execute(statement).mappings().first()
