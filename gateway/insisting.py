"""What came of something that must not be done twice is written down, however long the database takes no work."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import structlog

from gateway.db import NotNow

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from webhooks.store import Store

log: structlog.stdlib.BoundLogger = structlog.get_logger()
T = TypeVar("T")

AGAIN = 1.0
"""Seconds between two tries while the database takes no work."""


async def insist(store: Store, work: Callable[[Connection], T], *, gives_up: Callable[[], bool]) -> T:
    """Run work in a transaction until one is kept. Raises `NotNow` once `gives_up()`, and what the work raised."""
    said = False
    while True:
        try:
            return await store.write(work)
        except NotNow as trouble:
            if gives_up():
                raise
            if not said:
                log.warning("result_waits", reason=str(trouble))
            said = True
        await asyncio.sleep(AGAIN)
