"""The channels there are, opened for the post room and for tests of an account."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from webhooks.channels import build
from webhooks.channels.outside import Outside

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ipaddress import IPv4Network, IPv6Network

    from webhooks.channels.base import Channel


class Doors:
    """Opens channels of all kinds over one way outside, which is made with the first of them.

    Args:
        allow: private ranges the operator opens.
        console: where the console channel writes notices in full; None for nowhere.
    """

    def __init__(self, allow: tuple[IPv4Network | IPv6Network, ...], console: TextIO | None = None) -> None:
        self._allow = allow
        self._console = console
        self._outside: Outside | None = None

    def open(self, kind: str, settings: Mapping[str, str], secrets: Mapping[str, str]) -> Channel:
        """Make a channel. Raises `webhooks.channels.BadSettings` naming the field that is missing or wrong."""
        if self._outside is None:
            self._outside = Outside(self._allow, console=self._console)
        return build(kind, settings, secrets, self._outside)

    async def close(self) -> None:
        """Close what all channels share."""
        if self._outside is not None:
            await self._outside.close()
            self._outside = None
