"""A real gateway in its own process, and what it takes to load it: a merchant, an account, an endpoint."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import re
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from load import request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECRET = "benchmark-signing-secret"
_PORT = re.compile(r"(?:127\.0\.0\.1:|listening on )(\d+)")


@dataclass(slots=True)
class Process:
    """A process that listens."""

    pid: int
    port: int
    ready_after: float


@asynccontextmanager
async def listening(*command: str, env: dict[str, str] | None = None) -> AsyncIterator[Process]:
    """Run a command until the block ends; it says its port in a line ending in a number."""
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE, env={**os.environ, **(env or {})}
    )
    assert process.stdout is not None
    try:
        while line := (await asyncio.wait_for(process.stdout.readline(), 30)).decode():
            if said := _PORT.search(line):
                port = int(said[1])
                break
        else:
            raise RuntimeError(f"{command} ended before it listened")
        drain = asyncio.create_task(process.stdout.read())
        yield Process(process.pid, port, time.perf_counter() - began)
        drain.cancel()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@dataclass(slots=True)
class House:
    """A gateway under load."""

    process: Process
    session: aiohttp.ClientSession
    account_id: str = ""

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API."""
        async with self.session.request(method, f"http://127.0.0.1:{self.process.port}{path}", json=body) as answer:
            text = await answer.text()
            if answer.status >= 300:
                raise RuntimeError(f"{method} {path}: {answer.status} {text}")
            return json.loads(text) if text else None

    def push(self, parcel: int, scan: int, code: str = "SORTED") -> bytes:
        """Return a signed push of one scan of one parcel."""
        hour, minute = divmod(scan, 60)
        at = f"2026-03-{1 + hour // 24:02}T{hour % 24:02}:{minute:02}:00+01:00"
        place = {"city": "Porto", "country": "PT"}
        said = {"id": f"s{scan}", "at": at, "code": code, "text": "Sorted at the depot", "place": place}
        return self.signed({"parcels": [{"number": f"DEMO{parcel:09}", "service": "Parcel", "scans": [said]}]})

    def signed(self, said: dict[str, Any]) -> bytes:
        """Return a signed push of the demo carrier."""
        body = json.dumps(said).encode()
        stamp = str(int(time.time()))
        signature = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {"Demo-Signature": f"t={stamp},v1={signature}"}
        return request(self.process.port, f"/carriers/demo/push/{self.account_id}", body, headers)


@asynccontextmanager
async def house(**settings: str) -> AsyncIterator[House]:
    """Run a gateway on a fresh SQLite file, with a merchant and an account of the demo carrier."""
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder:
        env = {
            "GATEWAY_DATABASE": f"sqlite:///{folder}/gateway.db",
            "GATEWAY_EGRESS_ALLOW": "127.0.0.0/8",
            "GATEWAY_SECRET_KEY": "a key for benchmarks and nothing else",
            "GATEWAY_LOG_LEVEL": "warning",
            "GATEWAY_PORT": "0",
        } | settings
        made = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", "merchant", "create", "Bench",
            stdout=asyncio.subprocess.PIPE, env={**os.environ, **env},
        )  # fmt: skip
        out, _ = await made.communicate()
        key = json.loads(out)["api_key"]
        headers = {"Authorization": f"Bearer {key}"}
        async with (
            listening("-m", "gateway", "serve", env=env) as process,
            aiohttp.ClientSession(headers=headers) as session,
        ):
            made_house = House(process, session)
            secrets = {"api_key": "k", "signing_secret": SECRET}
            account = await made_house.call("POST", "/v1/accounts", {"carrier": "demo", "secrets": secrets})
            made_house.account_id = account["id"]
            yield made_house


def repository() -> Path:
    """Return the project's folder."""
    return Path(__file__).resolve().parent.parent
