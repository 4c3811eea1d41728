"""A merchant's receiver on loopback, well-behaved or hostile by request: what it was sent, and how it answers."""

from __future__ import annotations

import asyncio
import gzip
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@dataclass(frozen=True)
class Got:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


Answer = "int | str | tuple[int, dict[str, str]] | Callable[[Got], Any]"


@dataclass
class Receiver:
    """Answers by `plan`: per path a list of answers used one after the other, then `otherwise`.

    An answer is a status, a (status, headers) pair, or a name of something hostile: `hang`, `hang_in_body`,
    `endless`, `huge`, `bomb`, `reset`, `garbage`, `many_headers`, `cut_body`, `close`.
    """

    plan: dict[str, list[Any]] = field(default_factory=dict)
    otherwise: dict[str, Any] = field(default_factory=lambda: defaultdict(lambda: 200))
    got: list[Got] = field(default_factory=list)
    port: int = 0
    bytes_sent: int = 0
    flying: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    most_flying: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    released: asyncio.Event = field(default_factory=asyncio.Event)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def on(self, path: str) -> list[Got]:
        return [one for one in self.got if one.path == path]

    async def until(self, enough: Callable[[], bool], seconds: float = 15) -> None:
        """Wait until the requests so far are enough; fails loudly after a bound that no good run comes near."""
        async with asyncio.timeout(seconds), self._news:
            await self._news.wait_for(enough)

    async def count(self, number: int, path: str = "/hook") -> list[Got]:
        await self.until(lambda: len(self.on(path)) >= number)
        return self.on(path)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        self.flying[path] += 1
        self.most_flying[path] = max(self.most_flying[path], self.flying[path])
        try:
            got = Got(path, {k.lower(): v for k, v in request.headers.items()}, await request.read())
            queue = self.plan.get(path)
            answer = queue.pop(0) if queue else self.otherwise[path]
            if callable(answer):
                answer = answer(got)
                if asyncio.iscoroutine(answer):
                    answer = await answer
            self.got.append(got)
            async with self._news:
                self._news.notify_all()
            return await self._answer(request, answer)
        finally:
            self.flying[path] -= 1

    async def _answer(self, request: web.BaseRequest, answer: Any) -> web.StreamResponse:
        if isinstance(answer, int):
            return web.Response(status=answer, text=f"answer {answer}")
        if isinstance(answer, tuple):
            return web.Response(status=answer[0], headers=answer[1])
        return await getattr(self, f"_{answer}")(request)

    async def _hang(self, request: web.BaseRequest) -> web.StreamResponse:
        await self.released.wait()
        return web.Response()

    async def _hang_in_body(self, request: web.BaseRequest) -> web.StreamResponse:
        response = await self._begin(request)
        await response.write(b"slow")
        await self.released.wait()
        return response

    async def _endless(self, request: web.BaseRequest) -> web.StreamResponse:
        return await self._pour(request, 1 << 40)

    async def _huge(self, request: web.BaseRequest) -> web.StreamResponse:
        return await self._pour(request, 100_000_000)

    async def _pour(self, request: web.BaseRequest, total: int) -> web.StreamResponse:
        response = await self._begin(request)
        block = b"x" * 8192
        while self.bytes_sent < total:
            await response.write(block)
            self.bytes_sent += len(block)
        return response

    async def _bomb(self, request: web.BaseRequest) -> web.StreamResponse:
        bomb = gzip.compress(bytes(50_000_000))
        return web.Response(body=bomb, headers={"content-encoding": "gzip", "content-type": "application/json"})

    async def _reset(self, request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def _close(self, request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async def _garbage(self, request: web.BaseRequest) -> web.StreamResponse:
        return await self._raw(request, b"\x00\xff this is no HTTP \r\n\r\n")

    async def _many_headers(self, request: web.BaseRequest) -> web.StreamResponse:
        lines = b"".join(b"X-%d: %d\r\n" % (n, n) for n in range(10_000))
        return await self._raw(request, b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n")

    async def _cut_body(self, request: web.BaseRequest) -> web.StreamResponse:
        return await self._raw(request, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")

    async def _raw(self, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(data)
        request.transport.close()
        return web.Response()

    async def _begin(self, request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        return response


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Run a receiver; it is torn down with all its connections."""
    receiver = Receiver()
    server = web.Server(receiver.handle, access_log=None)
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.port = runner.addresses[0][1]
    try:
        yield receiver
    finally:
        receiver.released.set()
        await runner.cleanup()
