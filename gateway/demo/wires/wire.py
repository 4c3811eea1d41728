"""What a wire format is: its name for people, its account, its HTTP calls and, where it pushes, its pushes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import orjson
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.demo.lives import Happened, Parcel
    from gateway.demo.world import World

JSON = "application/json"


class Wire(ABC):
    """One carrier's way of talking. Stateless: the world is handed in."""

    code: ClassVar[str]
    format: ClassVar[str]
    """As the summary names it: JSON, XML, SOAP."""
    secrets: ClassVar[Mapping[str, str]] = {}
    """What an account at this carrier needs to be let in here; invented."""
    words: ClassVar[Mapping[str, Any]]
    """Deed -> this carrier's words for it. A life may only use deeds its carrier has words for."""

    @abstractmethod
    def routes(self, world: World) -> list[web.RouteDef]:
        """Return the calls this carrier answers."""

    def push(self, parcel: Parcel, so_far: list[Happened], one: Happened, now: float) -> tuple[dict[str, str], bytes]:
        """Return headers and body of a push that tells of `one`. `now` is the wall clock in epoch seconds."""
        raise NotImplementedError


def json(body: Any, status: int = 200) -> web.Response:
    """Answer with JSON."""
    return web.Response(status=status, body=orjson.dumps(body), content_type=JSON)


def unauthorized() -> web.Response:
    """Answer a request with wrong credentials."""
    return web.Response(status=401)
