"""A running gateway: a database of its own, a free loopback port, a merchant with a key."""

from __future__ import annotations

import asyncio
import hmac
import io
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from sqlalchemy import inspect

from gateway import keys, log
from gateway.api import build
from gateway.app import Gateway
from gateway.clock import now_ms
from gateway.db import SqliteStore, sqlite
from gateway.ids import new_id
from gateway.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from gateway.keys import KeyRole

SECRET_KEY = "a secret key for tests, long enough"
SHOP = "https://shop.example"

DEMO_SECRETS = {"api_key": "the demo carrier's key", "signing_secret": "the word we sign with"}


def demo_push(number: str, *codes: str, start: str = "2026-11-03T09:00:00+01:00") -> bytes:
    """Return a push's body: one parcel with a scan an hour per code."""
    first = datetime.fromisoformat(start)
    scans = [
        {
            "id": f"{number}-{index}-{code}",
            "at": (first + timedelta(hours=index)).isoformat(),
            "code": code,
            "text": code,
        }
        for index, code in enumerate(codes)
    ]
    return orjson.dumps({"parcels": [{"number": number, "scans": scans}]})


def demo_signature(body: bytes, *, secret: str = DEMO_SECRETS["signing_secret"], at: float | None = None) -> str:
    """Sign a push as the demo carrier does."""
    stamp = str(int(time.time() if at is None else at))
    return f"t={stamp},v1={hmac.digest(secret.encode(), stamp.encode() + b'.' + body, 'sha256').hex()}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway answered."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def pointers(self) -> list[str]:
        """The fields a problem names."""
        return [error["pointer"] for error in self.json["errors"]]


@dataclass(slots=True)
class House:
    """A gateway and its callers."""

    gateway: Gateway
    url: str
    session: aiohttp.ClientSession
    merchant_id: str = ""
    key: str = ""
    made_keys: dict[tuple[str, str], str] = field(default_factory=dict)

    async def call(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        key: str | None = "",
        headers: dict[str, str] | None = None,
        data: bytes | None = None,
    ) -> Answer:
        """Ask as the merchant, or with another key, or (None) without one."""
        sent = dict(headers or {})
        if key is not None:
            sent.setdefault("Authorization", f"Bearer {key or self.key}")
        if json is not None:
            data = orjson.dumps(json)
            sent.setdefault("Content-Type", "application/json")
        sending = io.BytesIO(data) if data is not None and len(data) > 500_000 else data
        async with self.session.request(method, self.url + path, headers=sent, data=sending) as response:
            return Answer(response.status, response.headers, await response.read())

    async def merchant(self, name: str = "Another shop") -> tuple[str, str]:
        """Make another merchant; return its id and key."""
        merchant_id, now = new_id("mer"), now_ms()
        key = keys.make_key("merchant", merchant_id)

        def work(conn: Any) -> None:
            keys.create_merchant(conn, merchant_id, name, now)
            keys.store_key(conn, key, now)

        await self.gateway.store.write(work)
        return merchant_id, key.text

    async def key_of(self, role: KeyRole) -> str:
        """Return a key of that role, of this house's merchant (an operator's belongs to none)."""
        merchant_id = None if role == "operator" else self.merchant_id
        known = self.made_keys.get((merchant_id or "", role))
        if known is not None:
            return known
        key = keys.make_key(role, merchant_id, origins=(SHOP,) if role == "storefront" else ())
        await self.gateway.store.write(lambda conn: keys.store_key(conn, key, now_ms()))
        self.made_keys[merchant_id or "", role] = key.text
        return key.text

    async def demo_account(self, key: str = "") -> str:
        """Make an account at the demo carrier; return its id."""
        made = await self.call("POST", "/v1/accounts", {"carrier": "demo", "secrets": DEMO_SECRETS}, key=key)
        assert made.status == 201, made.body
        account_id: str = made.json["id"]
        return account_id

    async def shipment(self, number: str = "DEMO100200302", **more: Any) -> str:
        """Register a parcel of the demo carrier; return its id."""
        # The ship date goes with `demo_push`'s dates: without it they would one day be an earlier parcel's.
        wish = {"tracking_number": number, "carrier": "demo", "ship_date": "2026-11-01"} | more
        made = await self.call("POST", "/v1/shipments", wish)
        assert made.status == 201, made.body
        shipment_id: str = made.json["id"]
        return shipment_id

    async def push(self, account_id: str, body: bytes, signature: str | None = None) -> Answer:
        """Call the gateway as the demo carrier does."""
        headers = {"Content-Type": "application/json", "Demo-Signature": signature or demo_signature(body)}
        return await self.call("POST", f"/carriers/demo/push/{account_id}", data=body, headers=headers, key=None)

    async def tell(self, account_id: str, number: str, *codes: str) -> None:
        """Let the demo carrier tell of a parcel, and wait until it is read."""
        answer = await self.push(account_id, demo_push(number, *codes))
        assert answer.status == 200, answer.body
        await self.read_all()

    async def until(self, true: Callable[[], bool | Awaitable[bool]], seconds: float = 30.0) -> None:
        """Wait until something is true."""
        deadline = time.monotonic() + seconds
        while True:
            found = true()
            if not isinstance(found, bool):
                found = await found
            if found:
                return
            assert time.monotonic() < deadline, "it did not come true"
            await asyncio.sleep(0.005)

    async def read_all(self) -> None:
        """Wait until every kept payload was read."""
        await self.until(lambda: self.gateway.inbox.waiting == 0)

    async def kept(self) -> bytes:
        """Return all that lies in the database: each value of each table, and a SQLite file as it is on the disk."""
        store = self.gateway.store
        kept = await store.read(_all_values)
        assert self.merchant_id.encode() in kept
        if isinstance(store, SqliteStore):
            files = [file.read_bytes() for file in store.path.parent.glob(f"{store.path.name}*")]
            assert any(self.merchant_id.encode() in file for file in files)
            kept += b"".join(files)
        return kept


def _all_values(conn: Connection) -> bytes:
    tables = set(inspect(conn).get_table_names())
    if conn.dialect.name == "sqlite":
        tables.discard("search_index")  # it cannot be read as a whole; what it holds lies in the tables beside it
    values = [value for one in tables for row in conn.exec_driver_sql(f'select * from "{one}"') for value in row]
    return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in values)


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    """Settings of the house; a test module may override this fixture."""
    return Settings(
        database=database,
        proof_store=str(tmp_path / "proofs"),
        secret_key=SECRET_KEY,
        egress_allow=("127.0.0.0/8",),
        roles=("api", "ingest", "dispatch"),
        public_url="https://hub.example",
    )


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the writer wait a moment only for a SQLite file that is locked. Ask for it before the house."""
    monkeypatch.setattr(sqlite, "_WRITE_PRAGMAS", (*sqlite._WRITE_PRAGMAS, "busy_timeout=50"))


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    """Everything logged while the test runs."""
    stream = io.StringIO()
    handler = log.configure("debug", "json", stream)
    yield stream
    handler.close()


@pytest.fixture
async def house(settings: Settings, logs: io.StringIO) -> AsyncIterator[House]:
    """A running gateway with one merchant."""
    gateway = Gateway(settings)
    await gateway.start()
    runner = web.AppRunner(build(gateway), access_log=None, shutdown_timeout=2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        made = House(gateway, url, session)
        made.merchant_id, made.key = await made.merchant("A shop")
        yield made
    await runner.cleanup()
    await gateway.stop()
