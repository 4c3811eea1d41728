"""The seam to the channels: what kinds there are, and one opened of an account's settings and secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhooks.channels.base import Channel


class Ways(Protocol):
    """Opens channels. Built by the gateway over all kinds there are."""

    def open(self, kind: str, settings: Mapping[str, str], secrets: Mapping[str, str]) -> Channel:
        """Make a channel without dialling anything. Raises `ValueError` naming the field that is missing or wrong."""
        ...

    async def close(self) -> None:
        """Close what all channels share."""
        ...
