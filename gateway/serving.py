"""A gateway at work: its roles started, its HTTP face on a socket, and all of it stopped in order."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator

    from gateway.app import Gateway
    from gateway.settings import Settings

_LAST_REQUESTS = 10.0
"""Seconds that requests under way get at the end."""


def address_of(bound: socket.socket) -> str:
    """Return the address people type for a socket."""
    host, port = bound.getsockname()[:2]
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


@asynccontextmanager
async def running(settings: Settings, bound: socket.socket, *more: web.AbstractRouteDef) -> AsyncIterator[Gateway]:
    """Run a gateway with its roles; its HTTP face is on the socket where it has the role `api`, with `more` routes."""
    from gateway.api import build  # noqa: PLC0415 - the whole API, needed only here
    from gateway.app import Gateway  # noqa: PLC0415

    gateway = Gateway(settings)
    try:
        await gateway.start()
    except BaseException:
        bound.close()
        raise
    app = build(gateway)
    app.add_routes(more)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_LAST_REQUESTS)
    try:
        if "api" in settings.roles:
            await runner.setup()
            await web.SockSite(runner, bound, backlog=1024).start()
        yield gateway
    finally:
        await runner.cleanup()
        await gateway.stop()
        bound.close()
