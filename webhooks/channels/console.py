"""For development: writes notices to a stream. The log learns that there was one, never to whom or what."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

import structlog

from webhooks.channels.base import Kind, Outgoing, Said
from webhooks.channels.segments import count

if TYPE_CHECKING:
    from webhooks.channels.fields import Field

FIELDS: tuple[Field, ...] = ()

_log = structlog.get_logger(__name__)


class Console:
    """Accepts every notice.

    Args:
        stream: where notices are written in full; None for nowhere.
    """

    kind: Kind = "console"

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    async def send(self, notice: Outgoing) -> Said:
        """Write one notice."""
        counted = count(notice.text)
        _log.info("notice", id=notice.id, language=notice.language, urgent=notice.urgent, segments=counted.segments)
        if self._stream is not None:
            title = f"{notice.subject}\n" if notice.subject else ""
            link = f"{notice.link}\n" if notice.link else ""
            self._stream.write(f"--- to {notice.to} ({notice.id})\n{title}{notice.text}\n{link}")
            self._stream.flush()
        return Said(kind="accepted", provider_id=notice.id, segments=counted.segments)

    async def close(self) -> None:
        """The stream stays its owner's."""
