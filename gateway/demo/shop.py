"""A sample shop's own page, on an origin of its own and under a strict content policy, with `<parcel-status>` on it."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Self

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Ordered:
    """A parcel on the shop's page. `url` is its tracking page's, whose end is the token."""

    name: str
    url: str

    @property
    def token(self) -> str:
        """The token of its tracking page."""
        return self.url.rpartition("/")[2]


class SampleShop:
    """The shop's web server. What its page shows is set once the gateway has told it."""

    def __init__(self, hub: str) -> None:
        self.hub = hub
        self.origin = ""
        self.key = ""
        self.hint = ""
        self.orders: Sequence[Ordered] = ()
        self.live: Ordered | None = None
        """The parcel whose timeline is shown."""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/", self._page)
        app.router.add_get("/shop.css", self._style)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.origin = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def page(self) -> str:
        """Return the page."""
        rows = "\n".join(
            f"    <li><span>{escape(one.name)}</span> {self._tag('badge', one)}</li>" for one in self.orders
        )
        timeline = "" if self.live is None else f"  {self._tag('timeline', self.live)}"
        whole = Template((HERE / "shop.html").read_text("utf-8"))
        return whole.substitute(
            hub=self.hub, key=escape(self.key), rows=rows, timeline=timeline, hint=escape(self.hint)
        )

    def _tag(self, mode: str, one: Ordered) -> str:
        attributes = f'mode="{mode}" store-key="{escape(self.key)}" token="{escape(one.token)}"'
        return f'<parcel-status {attributes}><a href="{escape(one.url)}">Track {escape(one.name)}</a></parcel-status>'

    async def _page(self, _request: web.Request) -> web.Response:
        policy = (
            f"default-src 'none'; style-src 'self'; script-src {self.hub}/embed.js; connect-src {self.hub}; "
            "form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
            "require-trusted-types-for 'script'; trusted-types 'none'"
        )
        return web.Response(text=self.page(), content_type="text/html", headers={"Content-Security-Policy": policy})

    async def _style(self, _request: web.Request) -> web.Response:
        return web.Response(text=(HERE / "shop.css").read_text("utf-8"), content_type="text/css")
