"""Access to carriers: one HTTP client, one rate limiter and one breaker per account.

The client is kept while the account stays as it is; limiter and breaker outlive its changes, so a new label or a new
secret neither forgets what was asked today nor wakes a carrier that is out of order.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from sqlalchemy import bindparam, select, update

from connectors import connector
from connectors.base import Asks
from connectors.client import HttpClient, shared_transport
from connectors.errors import Rejected
from connectors.limits import Breaker, RateLimiter
from gateway import metrics
from gateway.clock import now_ms
from gateway.tables import Tables
from normalizer.normalize import content_id
from webhooks import log as message_log

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx
    from sqlalchemy import Connection, RowMapping

    from connectors.base import Connector
    from connectors.facts import Api
    from connectors.limits import State
    from gateway.vault import Vault
    from webhooks.log import Entry
    from webhooks.store import Store

log: structlog.stdlib.BoundLogger = structlog.get_logger()

AccountKey = tuple[str, str, str | None]
"""(merchant, carrier, account)."""
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Opened:
    """An account ready to be asked with. `secrets` are for the connector alone."""

    client: HttpClient
    secrets: Mapping[str, str]

    def __repr__(self) -> str:
        """Never show the secrets, wherever this is printed."""
        return "Opened(...)"


@dataclass(slots=True)
class _Limits:
    """An account's limiter, the allowance it was made for, and how much of the day was noted in the database."""

    limiter: RateLimiter
    per_second: float | None
    per_day: int | None
    noted: int


def secrets_purpose(account_id: str) -> str:
    """Return the purpose an account's secrets are sealed for."""
    return f"account:{account_id}"


class CarrierAccess:
    """Makes and keeps the clients through which accounts ask their carriers.

    `transport` is the network all of them share, by default a pool of its own; `clock` (seconds) is what their
    breakers rest by. A simulated day gives both.
    """

    def __init__(
        self,
        store: Store,
        vault: Vault,
        base_urls: Mapping[str, str],
        tell: Callable[[dict[str, list[Entry]]], None],
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._vault = vault
        self._base_urls = base_urls
        self._tell = tell
        self._transport = transport
        self._clock = clock
        self._clients: dict[AccountKey, tuple[int, Opened]] = {}
        self._limits: dict[AccountKey, _Limits] = {}
        self._breakers: dict[AccountKey, Breaker] = {}

    async def client(self, merchant_id: str, carrier: str, account_id: str | None) -> HttpClient:
        """Return the client of an account (None: a carrier that needs none). Raises `Rejected` for a stopped one."""
        return (await self.opened(merchant_id, carrier, account_id)).client

    async def opened(self, merchant_id: str, carrier: str, account_id: str | None) -> Opened:
        """Return the client of an account with its secrets, as `client`."""
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
        made = self._make(key, account)
        self._clients[key] = (changed_at, made)
        return made

    def _make(self, key: AccountKey, account: RowMapping | None) -> Opened:
        carrier = key[1]
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
        client = HttpClient(
            by.facts,
            _auth(by, secrets),
            mode="test" if account is not None and account["mode"] == "test" else "production",
            base_url=self._base_urls.get(carrier),
            limiter=self._limiter(key, by.facts.api, account),
            breaker=self._breaker(key),
            transport=self._transport,
        )
        return Opened(client, secrets)

    def _limiter(self, key: AccountKey, api: Api, account: RowMapping | None) -> RateLimiter:
        """Return the account's limiter: its own limits where it has some, the carrier's documented ones elsewhere."""
        per_second, per_day, used = api.per_second, api.per_day, 0
        if account is not None:
            per_second, per_day = account["per_second"] or per_second, account["per_day"] or per_day
            if account["used_on"] == int(time.time()) // _DAY:
                used = account["used_today"] or 0
        known = self._limits.get(key)
        if known is not None:
            if (known.per_second, known.per_day) == (per_second, per_day):
                return known.limiter
            used = known.limiter.used_today
        limiter = RateLimiter(per_second=per_second, per_day=per_day, used_today=used)
        self._limits[key] = _Limits(limiter, per_second, per_day, noted=used)
        return limiter

    def _breaker(self, key: AccountKey) -> Breaker:
        breaker = self._breakers.get(key)
        if breaker is None:
            breaker = self._breakers[key] = Breaker(clock=self._clock, on_change=partial(_say, key[1], key[2]))
        return breaker

    def resting(self, merchant_id: str | None = None) -> Counter[str]:
        """Return by carrier how many accounts' breakers are not closed, of one merchant or of all."""
        return Counter(
            carrier
            for (whose, carrier, _), breaker in self._breakers.items()
            if merchant_id in (None, whose) and breaker.state != "closed"
        )

    def used_up(self, merchant_id: str | None = None) -> dict[str, float]:
        """Return by carrier the part of a day's allowance the busiest account has used (0 to 1)."""
        found: dict[str, float] = {}
        for (whose, carrier, _), limits in self._limits.items():
            if merchant_id in (None, whose) and limits.per_day:
                found[carrier] = max(found.get(carrier, 0.0), min(limits.limiter.used_today / limits.per_day, 1.0))
        return found

    async def note_usage(self) -> None:
        """Note how much of a day's allowance is used up, so that a restart does not begin it anew.

        Called now and then and at the end: a crash forgets the calls since, at most a minute's worth.
        """
        today = int(time.time()) // _DAY
        rows = []
        for (merchant_id, _, account_id), limits in self._limits.items():
            used = limits.limiter.used_today
            if account_id is not None and limits.per_day is not None and used != limits.noted:
                limits.noted = used
                rows.append({"key_merchant": merchant_id, "key_id": account_id, "used_today": used, "used_on": today})
        if rows:
            await self._store.write(lambda conn: _note_usage(conn, rows))

    async def rejected(
        self, merchant_id: str, carrier: str, account_id: str | None, reason: str, *, asked_at: int
    ) -> bool:
        """Stop an account the carrier refuses and tell its owner, once; return whether it is stopped now.

        `asked_at` (epoch milliseconds) is when the question was asked: of an account that was changed since, the
        refusal says nothing.
        """
        if account_id is None:
            return True
        now = now_ms()

        def work(conn: Connection) -> dict[str, list[Entry]] | None:
            account = _account(conn, merchant_id, account_id)
            if account is None or account["state"] != "active":
                return {}
            if account["changed_at"] > asked_at:
                return None
            c = Tables.account.c
            conn.execute(
                update(Tables.account)
                .where(c.merchant_id == merchant_id, c.id == account_id)
                .values(state="rejected", state_reason=reason, state_at=now, changed_at=now)
            )
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
        if entries is None:
            return False
        if entries:
            log.warning("account_rejected", carrier=carrier, account=account_id, reason=reason)
        self._tell(entries)
        return True

    async def close(self) -> None:
        """Close all connections."""
        await self.note_usage()
        for _, opened in self._clients.values():
            await opened.client.aclose()
        if self._transport is not None:
            await self._transport.aclose()


def _auth(by: Connector, secrets: Mapping[str, str]) -> httpx.Auth | None:
    """Return how requests prove the account. Raises `Rejected` where that takes a credential the account may lack."""
    if not isinstance(by, Asks):
        return None
    try:
        return by.auth(secrets)
    except KeyError as lacking:
        raise Rejected(f"the account lacks {lacking.args[0]}") from None


def _say(carrier: str, account_id: str | None, state: State) -> None:
    """Say once that a carrier is gone for an account, and once that it is back."""
    if state == "open":
        log.warning("carrier_gone", carrier=carrier, account=account_id)
        metrics.carriers_gone(carrier).inc()
    else:
        log.info("carrier_back", carrier=carrier, account=account_id)
        metrics.carriers_gone(carrier).dec()


_USAGE = (
    update(Tables.account)
    .where(Tables.account.c.merchant_id == bindparam("key_merchant"), Tables.account.c.id == bindparam("key_id"))
    .values(used_today=bindparam("used_today"), used_on=bindparam("used_on"))
)


def _note_usage(conn: Connection, rows: list[dict[str, Any]]) -> None:
    conn.execute(_USAGE, rows)


def _account(conn: Connection, merchant_id: str, account_id: str) -> RowMapping | None:
    c = Tables.account.c
    statement = select(Tables.account).where(c.merchant_id == merchant_id, c.id == account_id)
    return conn.execute(statement).mappings().first()
