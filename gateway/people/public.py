"""What providers and recipients reach without a key: reports and answers, and the page behind a notice's links."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from gateway import metrics, texts
from gateway.api.calls import read_body
from gateway.api.problems import Problem
from gateway.clock import now_ms
from gateway.pages.parts import fields, one
from gateway.pages.serving import page
from gateway.pages.templates import render
from gateway.people import accounts, hearing, notices, stops, wishes
from gateway.people.tickets import PATH
from gateway.people.wishes import Book
from gateway.people.writing import CALLBACK, shop_name
from gateway.talk import inbound
from webhooks.channels.base import Forged, Hears
from webhooks.channels.whatsapp import WhatsApp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, RowMapping

    from gateway.app import Gateway
    from gateway.people.standing import WishState
    from gateway.talk.inbound import Heard
    from webhooks.channels.base import Inbound, Report

_MOST_BYTES = 262_144
_QUICKER = (0.2, 0.8)
"""Seconds waited for a send to be noted that its report has overtaken."""
_DOES = frozenset({"stop", "confirm", "start"})
_ONE_CLICK = "List-Unsubscribe"


def _apart(text: str) -> str:
    """Return a text that keeps its own direction within a sentence of the other."""
    return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"


class PublicPeople:
    """Providers' calls, and what a ticket opens."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._book = Book(gateway.vault, gateway.tickets)

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_post(CALLBACK, self.call)
        app.router.add_get(CALLBACK, self.greet, allow_head=False)
        app.router.add_get(PATH, self.show)
        app.router.add_post(PATH, self.act)

    async def call(self, request: web.Request) -> web.StreamResponse:
        """Take a provider's call: verified first, answered once what it tells is on disk."""
        row, channel = await self._account(request)
        body = await read_body(request, _MOST_BYTES)
        headers = dict(request.headers)
        try:
            channel.verify(self._as_called(request), headers, body)
        except Forged:
            metrics.provider_calls(row["channel"], "forged").inc()
            raise Problem("forged") from None
        heard = channel.hear(headers, body)
        notice_id = request.query.get("notice", "")
        if not notice_id:
            await self._wait_for(row, heard)
        now, vault = now_ms(), self._gateway.vault

        def work(conn: Connection) -> tuple[list[Inbound], Heard]:
            told = hearing.told_apart(conn, vault, row, heard)
            asked = hearing.hear(conn, vault, row, told, now, notice_id=notice_id)
            return asked, inbound.hear(conn, vault, row, told, now=now, about=notice_id)

        asked, told = await self._gateway.store.write(work)
        self._gateway.tell(told.entries)
        metrics.provider_calls(row["channel"], "taken").inc()
        answer, media_type = channel.answer(await self._help(row, asked) or told.answer)
        return web.Response(body=answer, content_type=media_type, charset="utf-8")

    async def greet(self, request: web.Request) -> web.StreamResponse:
        """Answer a provider's check that the address is ours."""
        _row, channel = await self._account(request)
        if not isinstance(channel, WhatsApp):
            raise Problem("not-found")
        try:
            return web.Response(text=channel.challenge(request.query))
        except Forged:
            raise Problem("forged") from None

    async def _account(self, request: web.Request) -> tuple[RowMapping, Hears]:
        account_id = request.match_info["account_id"]
        row = await self._gateway.store.read(lambda conn: accounts.by_id(conn, account_id))
        if row is None:
            raise Problem("not-found")
        secrets = accounts.secrets_of(self._gateway.vault, row)
        channel = self._gateway.doors.open(row["channel"], accounts.settings_of(row), secrets)
        if not isinstance(channel, Hears):
            raise Problem("not-found")
        return row, channel

    def _as_called(self, request: web.Request) -> str:
        """Return the address as the provider knows it, which is what it signs."""
        base = self._gateway.settings.public_url.rstrip("/") or f"{request.scheme}://{request.host}"
        return base + request.raw_path

    async def _wait_for(self, row: RowMapping, heard: Sequence[Report | Inbound]) -> None:
        for seconds in _QUICKER:
            if not await self._gateway.store.read(lambda conn: hearing.waits_for(conn, row, heard)):
                return
            await asyncio.sleep(seconds)

    async def _help(self, row: RowMapping, asked: Sequence[Inbound]) -> str:
        """Return what to tell somebody who asks for help, nothing where nobody does."""
        if not asked:
            return ""
        sender, vault = asked[0].sender, self._gateway.vault

        def work(conn: Connection) -> tuple[str, str]:
            return shop_name(conn, row["merchant_id"]), hearing.language_of(conn, vault, row, sender)

        shop, language = await self._gateway.store.read(work)
        return texts.choose(language).say("notice.foot.help", shop=shop)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show what goes to the holder of a ticket. Looking changes nothing: mail scanners look at every link."""
        return await self._page(request)

    async def act(self, request: web.Request) -> web.StreamResponse:
        """Stop, confirm or start again: by the page's buttons, or by a mail program's one click (RFC 8058)."""
        form = await fields(request)
        do = one(form, "do") or ("stop" if one(form, _ONE_CLICK) == "One-Click" else "")
        if do not in _DOES:
            raise Problem("malformed", "`do` is stop, confirm or start")
        ticket, now = request.match_info["ticket"], now_ms()

        def work(conn: Connection) -> bool:
            row = self._gateway.tickets.find(conn, ticket)
            if row is None:
                return False
            if do == "stop":
                stops.stop(conn, wishes.person_of(row), "unsubscribe" if _ONE_CLICK in form else "page", now)
            elif do == "start":
                stops.start(conn, wishes.person_of(row), now)
                wishes.confirm(conn, row, now)
            else:
                wishes.confirm(conn, row, now)
            return True

        if not await self._gateway.store.write(work):
            return await self._page(request)
        if _ONE_CLICK in form:
            return web.Response(text="")
        return web.Response(status=303, headers={"Location": request.path})

    async def _page(self, request: web.Request) -> web.StreamResponse:
        ticket = request.match_info["ticket"]

        def work(conn: Connection) -> tuple[RowMapping, WishState, str] | None:
            row = self._gateway.tickets.find(conn, ticket)
            if row is None:
                return None
            state: WishState = notices.state_of(row, is_stopped=wishes.is_stopped(conn, row))
            return row, state, shop_name(conn, row["merchant_id"])

        found = await self._gateway.store.read(work)
        header = request.headers.get("Accept-Language", "")
        if found is None:
            html = render("wish.html", texts.choose(None, header), found=False)
            return page(request, html, status=404)
        row, state, shop = found
        ended = row["removed_at"] is not None and not await self._gateway.store.read(
            lambda conn: wishes.is_stopped(conn, row)
        )
        html = render(
            "wish.html",
            texts.choose(row["language"], header),
            found=True,
            shop=shop,
            address=_apart(self._book.masked(row)),
            state="ended" if ended else state,
        )
        return page(request, html)
