"""The one way to a carrier's API: base address, auth, limits, retry, breaker, size cap. One client, one account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


@dataclass(frozen=True, slots=True)
class Answer:
    """A carrier's answer: the whole body, decompressed and within the cap; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class CarrierClient(Protocol):
    """What a connector calls. Paths are relative to the account's base address (production, test or an override)."""

    async def get(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Collection[int] = (200,),
    ) -> Answer:
        """GET; see `request`."""

    async def post(
        self,
        path: str,
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Collection[int] = (200,),
        repeatable: bool = False,
    ) -> Answer:
        """POST; tried again within the call only where `repeatable` says that asking twice does no harm."""
