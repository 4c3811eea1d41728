"""Couriers on the road, for flow tests: real pushes of positions, and streams that are read as they come."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from gateway.clock import now_ms
from normalizer.geo import METRES_A_DEGREE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DOOR = (41.1496, -8.6110)
NUMBER = "DEMO100200302"
NOWHERE_NEAR = 9_000.0


def place(metres: float) -> tuple[float, float]:
    """A place so many metres north of the door."""
    return DOOR[0] + metres / METRES_A_DEGREE, DOOR[1]


def position_push(metres: float, ago: float = 0.0, number: str = NUMBER, **more: Any) -> bytes:
    """The demo carrier's push of a courier so many metres from the door, so many seconds ago."""
    latitude, longitude = place(metres)
    at = datetime.fromtimestamp(time.time() - ago, UTC).isoformat()
    where = {"at": at, "latitude": latitude, "longitude": longitude} | more
    return orjson.dumps({"number": number, "position": where})


async def drive(house, account_id: str, *pushes: bytes) -> None:
    """Let the demo carrier push positions one after the other, and wait until they are read."""
    for push in pushes:
        answer = await house.push(account_id, push)
        assert answer.status == 200, answer.body
        await house.read_all()


class Eyes:
    """Reads the events of one courier's stream."""

    def __init__(self, response: Any) -> None:
        self._response = response

    async def line(self) -> str:
        read = await asyncio.wait_for(self._response.content.readline(), 10)
        if not read:
            raise EOFError
        return read.decode().rstrip("\n")

    async def rest(self) -> None:
        """Read to the end, which raises `EOFError`."""
        while True:
            await self.line()

    async def sees(self) -> Any:
        """Return the next event."""
        while True:
            line = await self.line()
            if line.startswith("data: "):
                return orjson.loads(line.removeprefix("data: "))


@asynccontextmanager
async def watching(house, path: str, key: str | None = "") -> AsyncIterator[Eyes]:
    """Open a courier's stream."""
    headers = {} if key is None else {"Authorization": f"Bearer {key or house.key}"}
    async with house.session.get(house.url + path, headers=headers) as response:
        assert response.status == 200, await response.text()
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        yield Eyes(response)


async def open_page(house, shipment_id: str) -> str:
    """Make a new link to the shipment's tracking page, which ends the old one; return the path of its courier."""
    links, now = house.gateway.links, now_ms()
    token = await house.gateway.store.write(lambda conn: links.renew(conn, house.merchant_id, shipment_id, None, now))
    return f"/v1/public/shipments/{token}/courier"


async def messages(house, kind: str) -> list[Any]:
    """Return the bodies of all messages of a type, the oldest first."""
    page = (await house.call("GET", "/v1/messages?limit=200")).json["data"]
    bodies = [(await house.call("GET", f"/v1/messages/{one['id']}")).json["body"] for one in page]
    return [body for body in reversed(bodies) if body["type"] == kind]
