"""What the channels' tests share: the way outside with loopback opened, and a provider that does as it is told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from contract.channels.peers import LOOPBACK, Peer

from webhooks.channels.outside import Outside

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    one = Peer()
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    yield one
    server.close()
    await server.wait_closed()


@pytest.fixture
async def outside() -> AsyncIterator[Outside]:
    one = Outside(LOOPBACK, timeout=0.5)
    yield one
    await one.close()
