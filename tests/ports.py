"""Ports for servers that are started later, and again on the same one."""

from __future__ import annotations

import random
import socket
from contextlib import suppress

# Below those that systems hand out by themselves: between this look and the server's start no connection takes one.
_OURS = range(20_000, 32_000)


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    while True:
        port = random.SystemRandom().choice(_OURS)  # not a seeded one: workers that share a seed would meet
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
