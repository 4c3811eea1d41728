"""The bare things our figures are held against: servers that only answer or fan out, a client that only posts."""

from __future__ import annotations

import asyncio
import sys
import time

import aiohttp
import uvloop
from aiohttp import web


async def serve(port: int) -> None:
    """Read each body and answer 200, nothing else."""

    async def take(request: web.Request) -> web.Response:
        await request.read()
        return web.Response()

    app = web.Application(client_max_size=10_000_000)
    app.router.add_post("/{path:.*}", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print(f"listening on {runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


async def fan_out(port: int) -> None:
    """Write each body posted to all open streams, nothing else."""
    streams: list[web.StreamResponse] = []

    async def live(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b": welcome\n\n")
        streams.append(response)
        await asyncio.Event().wait()
        return response

    async def position(request: web.Request) -> web.Response:
        frame = b"event: courier\ndata: %b\n\n" % await request.read()
        for stream in streams:
            await stream.write(frame)
        return web.Response()

    app = web.Application()
    app.router.add_get("/live", live)
    app.router.add_post("/position", position)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    print(f"listening on {runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


async def post(url: str, size: int, count: int, at_once: int) -> None:
    """Post `count` bodies of `size` bytes, so many at once, as a dispatcher without any duty would; print the CPU."""
    body = b"x" * size
    headers = {
        "content-type": "application/json",
        "webhook-id": "msg_bare",
        "webhook-timestamp": "1",
        "webhook-signature": "v1,x",
    }
    left = iter(range(count))
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def worker() -> None:
            for _ in left:
                async with session.post(url, data=body, headers=headers) as answer:
                    await answer.read()

        began = time.process_time()
        await asyncio.gather(*(worker() for _ in range(at_once)))
        print(time.process_time() - began)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        uvloop.run(serve(int(sys.argv[2])))
    elif sys.argv[1] == "fan-out":
        uvloop.run(fan_out(int(sys.argv[2])))
    else:
        uvloop.run(post(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])))
