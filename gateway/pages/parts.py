"""Parts of the tracking page that live elsewhere: each reads with the page, says its piece and takes its own forms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from gateway.pages.links import Opened
    from gateway.pages.views import View
    from gateway.texts import Speech

LARGEST_FORM = 16_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One look at a page. `problem` names what was wrong with a form, `typed` is what stood in it."""

    opened: Opened
    token: str
    path: str
    cookies: Mapping[str, str] = field(repr=False)
    proven: bool
    now: int
    problem: str = ""
    typed: Mapping[str, str] = field(default_factory=dict, repr=False)


class Pages(Protocol):
    """What a part needs of the tracking pages, to answer its forms."""

    async def opened(self, request: web.Request) -> Opened | None:
        """Return what a request's link opens."""
        ...

    async def answer(
        self,
        request: web.Request,
        opened: Opened,
        *,
        problem: str = "",
        status: int = 200,
        typed: Mapping[str, str] | None = None,
    ) -> web.StreamResponse:
        """Answer with the page."""
        ...

    def gone(self, request: web.Request) -> web.StreamResponse:
        """Answer what is no link."""
        ...

    async def back(self, request: web.Request) -> web.Response:
        """Lead back to the page."""
        ...


class Part(Protocol):
    """A part of the tracking page; its template finds what `words` returns under `name`."""

    name: str

    def add_to(self, app: web.Application, pages: Pages) -> None:
        """Add the routes of its forms."""
        ...

    def read(self, conn: Connection, visit: Visit) -> Any:
        """Read what it shows, in the page's transaction."""
        ...

    def words(self, read: Any, visit: Visit, view: View, speech: Speech) -> Mapping[str, Any] | None:
        """Return what its template says; None where there is nothing to say."""
        ...

    async def shown(self, read: Any, visit: Visit, view: View) -> None:
        """Note what follows from its having been shown."""
        ...


async def fields(request: web.Request) -> dict[str, list[str]]:
    """Return the fields of a small form; none of one that is too large or cannot be read, and no files."""
    if (request.content_length or LARGEST_FORM) > LARGEST_FORM:
        return {}
    try:
        form = await request.post()
    # What the framework raises for odd bytes, and for a body that grows beyond what it told.
    except (ValueError, LookupError, RuntimeError, HttpProcessingError, web.HTTPRequestEntityTooLarge):
        return {}
    return {name: [one for one in form.getall(name) if isinstance(one, str)] for name in form}


def one(form: Mapping[str, list[str]], name: str) -> str:
    """Return a field that stands once in a form; empty where it does not."""
    values = form.get(name, [])
    return values[0] if len(values) == 1 else ""
