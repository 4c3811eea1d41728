"""Commands that run until they are told to stop: serve and demo."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from gateway.cli import Refusal
from gateway.commands import make_ready, say, settings_of
from gateway.serving import address_of, running

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Coroutine


def listen(host: str, port: int) -> socket.socket:
    """Return a socket bound to an address. Raises `Refusal` where that is taken or none of ours."""
    bound = None
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as trouble:
        if bound is not None:
            bound.close()
        raise Refusal(f"cannot listen on {host}:{port}: {trouble.strerror}; choose another with --port", 1) from None
    return bound


def run(work: Callable[[asyncio.Event], Coroutine[Any, Any, int]]) -> int:
    """Run until the work is done; SIGINT and SIGTERM set its event. On uvloop where that is installed."""
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    with suppress(ImportError):
        import uvloop  # noqa: PLC0415 - not on Windows

        factory = uvloop.new_event_loop

    async def supervised() -> int:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        return await work(stop)

    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(supervised())


def rest_the_collector() -> None:
    """Let the garbage collector pass over what stands for good: code, tables and connectors, and look less often.

    Requests and messages are freed by their counts; what is left for the collector is little and can wait.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def serve(given: Namespace) -> int:
    """Run the gateway."""
    from gateway import log  # noqa: PLC0415 - with the rest of the gateway
    from gateway.db import is_postgres  # noqa: PLC0415 - as above

    settings = settings_of(given, host=given.host, port=given.port, roles=given.roles)
    log.configure(settings.log_level, settings.log_format)
    if is_postgres(settings.database):  # a SQLite file is brought up to date as the gateway starts
        make_ready(settings.database)
    bound = listen(settings.host, settings.port)
    address = address_of(bound)
    if not settings.public_url:
        settings = settings.model_copy(update={"public_url": address})

    async def work(stop: asyncio.Event) -> int:
        async with running(settings, bound) as gateway:
            rest_the_collector()
            if "api" in settings.roles:
                say(f"carrier gateway on {address}, its API described at {address}/docs")
                say("make a merchant: carrier-gateway merchant create NAME" + _database(given))
            else:
                say(f"carrier gateway with the roles {', '.join(settings.roles)}")
            await _either(stop, gateway.taken)
            if gateway.taken.is_set():
                # Nothing may be written any more, so there is nothing to finish: as if it had been killed.
                sys.stderr.write(f"carrier-gateway: {gateway.store.away}; it ends here\n")
                sys.stderr.flush()
                os._exit(1)
        return 0

    with bound:  # also where the gateway refuses to start
        return run(work)


async def _either(*events: asyncio.Event) -> None:
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


def _database(given: Namespace) -> str:
    return f" --database {given.database}" if given.database else ""


def demo(given: Namespace) -> int:
    """Play the demo's story."""
    try:
        from gateway.demo.story import SHORTEST, play  # noqa: PLC0415 - needs the extra `demo`
    except ModuleNotFoundError as trouble:
        raise Refusal(f"the demo needs {trouble.name}: pip install 'carrier-gateway[demo]'", 1) from None

    if given.seconds is not None and given.seconds < SHORTEST:
        raise Refusal(f"the story needs at least {SHORTEST:g} seconds")
    bound = listen("127.0.0.1", given.port)
    return run(lambda stop: play(bound, given.seconds, stop))
