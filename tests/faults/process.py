"""A real gateway in a process of its own, started by its command, killed as a machine would lose it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from ports import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.demo.providers.sms import SmsProvider

SECRET = "a signing secret of the demo carrier"
SENDER = "+15005550006"


@dataclass
class Gateway:
    """`carrier-gateway serve` on one database and one port, over any number of lives."""

    folder: Path
    database: str = ""
    """A SQLite file in the folder where none is named; another must be migrated already."""
    port: int = field(default_factory=free_port)
    process: asyncio.subprocess.Process | None = None
    key: str = ""
    account_id: str = ""
    lives: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(sys.path),
            "GATEWAY_DATABASE": self.database or f"sqlite:///{self.folder}/gateway.db",
            "GATEWAY_PROOF_STORE": f"{self.folder}/proofs",
            "GATEWAY_SECRET_KEY": "a key for fault tests and nothing else",
            "GATEWAY_EGRESS_ALLOW": "127.0.0.0/8",
            "GATEWAY_LOG_LEVEL": "error",
            "GATEWAY_PORT": str(self.port),
        }

    async def _command(self, *words: str) -> asyncio.subprocess.Process:
        with self._errors.open("ab") as errors:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", "gateway", *words,
                env=self._environment, stdout=asyncio.subprocess.PIPE, stderr=errors,
            )  # fmt: skip

    @property
    def _errors(self) -> Path:
        return self.folder / "errors.log"

    async def prepare(self) -> None:
        """Make the merchant, by the command people use."""
        made = await self._command("merchant", "create", "Fault Shop")
        out, _ = await made.communicate()
        self.key = json.loads(out)["api_key"]

    async def start(self) -> None:
        """Start it and wait until it answers."""
        self.process = await self._command("serve")
        self.lives += 1
        async with aiohttp.ClientSession() as session:
            for _ in range(1000):
                try:
                    async with session.get(f"{self.url}/readyz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                if self.process.returncode is not None:
                    raise RuntimeError(self._errors.read_text()[-2000:])
                await asyncio.sleep(0.02)
        raise RuntimeError("the gateway did not become ready")

    async def kill(self) -> None:
        """Take it away without a word."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def __aenter__(self) -> Self:
        await self.prepare()
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process is not None and self.process.returncode is None:
            await self.kill()

    async def stop(self) -> int:
        """Ask it to stop; return its exit status."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.terminate()
        return await self.process.wait()

    async def readiness(self, session: aiohttp.ClientSession) -> tuple[int, list[str]]:
        """Ask whether it takes work; return the answer's status and the reasons against it."""
        async with session.get(f"{self.url}/readyz") as answer:
            return answer.status, (await answer.json())["reasons"]

    async def call(self, session: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"}
        async with session.request(method, self.url + path, json=body, headers=headers) as answer:
            text = await answer.text()
            assert answer.status < 300, f"{method} {path}: {answer.status} {text}"
            return json.loads(text) if text else None

    async def open_account(self, session: aiohttp.ClientSession) -> None:
        secrets = {"api_key": "k", "signing_secret": SECRET}
        account = await self.call(session, "POST", "/v1/accounts", {"carrier": "demo", "secrets": secrets})
        self.account_id = account["id"]

    async def open_channel(self, session: aiohttp.ClientSession, provider: SmsProvider) -> None:
        """Add an account at an SMS provider."""
        settings = {"account_sid": provider.account_sid, "from": SENDER, "base_url": provider.address}
        wish = {"channel": "sms", "settings": settings, "secrets": {"auth_token": provider.token}}
        await self.call(session, "POST", "/v1/channels", wish)

    async def expect(self, session: aiohttp.ClientSession, number: str, phone: str) -> None:
        """Register a parcel whose recipient wants to hear of it by SMS."""
        today = datetime.now(UTC).date().isoformat()
        parcel = {"tracking_number": number, "carrier": "demo", "ship_date": today}
        made = await self.call(session, "POST", "/v1/shipments", parcel)
        wish = {"channel": "sms", "address": phone, "consent": {"how": "checkout"}, "quiet_hours": None}
        await self.call(session, "POST", f"/v1/shipments/{made['id']}/subscriptions", wish)

    async def push(self, session: aiohttp.ClientSession, number: str, scan: int) -> bool:
        """Push one scan as the demo carrier would; return whether it was accepted."""
        hour, minute = divmod(scan, 60)
        at = f"2026-03-{1 + hour // 24:02}T{hour % 24:02}:{minute:02}:00+01:00"
        said = {"id": f"s{scan}", "at": at, "code": "SORTED", "text": f"Scan {scan}", "place": {"country": "PT"}}
        return await self.push_scan(session, number, said)

    async def push_news(self, session: aiohttp.ClientSession, number: str) -> bool:
        """Push that a parcel is out for delivery now: what recipients hear of."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        return await self.push_scan(session, number, {"id": "out", "at": at, "code": "OUT", "text": "Out"})

    async def push_scan(self, session: aiohttp.ClientSession, number: str, said: dict[str, Any]) -> bool:
        """Push a scan of one parcel; return whether it was accepted."""
        body = json.dumps({"parcels": [{"number": number, "scans": [said]}]}).encode()
        stamp = str(int(time.time()))
        signature = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {"Demo-Signature": f"t={stamp},v1={signature}", "Content-Type": "application/json"}
        try:
            path = f"/carriers/demo/push/{self.account_id}"
            async with session.post(self.url + path, data=body, headers=headers) as answer:
                return answer.status < 300
        except (aiohttp.ClientError, OSError):
            return False
