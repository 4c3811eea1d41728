"""The gateway as the demo's merchant calls it: the public HTTP API, with the merchant's key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from typing import Self


class CallFailed(Exception):  # noqa: N818 - it names what happened
    """The gateway answered a call of the merchant's with an error."""


class Hub:
    """Makes a merchant's calls."""

    def __init__(self, address: str, key: str) -> None:
        self.address = address
        self.key = key
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(trust_env=False, headers={"Authorization": f"Bearer {self.key}"})
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call and return what is answered. Raises `CallFailed`."""
        assert self._session is not None  # noqa: S101 - only within the context
        async with self._session.request(method, self.address + path, json=body) as answer:
            said = await answer.json(content_type=None)
            if not answer.ok:
                raise CallFailed(f"{method} {path} answered {answer.status}: {said.get('detail') or said.get('title')}")
            return said
