"""Work that nobody waits for: what becomes of it is told to the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from gateway.db import NotNow

if TYPE_CHECKING:
    import asyncio

log: structlog.stdlib.BoundLogger = structlog.get_logger()


def tell_trouble(task: asyncio.Task[Any]) -> None:
    """Log why a task failed, to be given to `add_done_callback`. What waits for the database is due again by itself."""
    trouble = None if task.cancelled() else task.exception()
    if isinstance(trouble, NotNow):
        log.warning("work_waits", task=task.get_name(), reason=str(trouble))
    elif trouble is not None:
        log.error("work_failed", task=task.get_name(), exc_info=trouble)
