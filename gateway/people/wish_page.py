"""Notice wishes on the tracking page: by which way its reader wants to hear, and of what. Nothing goes unconfirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from pydantic import ValidationError

from gateway.api.people_requests import PublicSubscriptionIn
from gateway.api.problems import Problem
from gateway.pages import links
from gateway.pages.callers import address_of
from gateway.pages.parts import fields, one
from gateway.people.subjects import SUBJECTS
from gateway.people.wishing import PublicWishes
from gateway.texts import choose
from normalizer.model import ENDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web
    from sqlalchemy import Connection

    from gateway.app import Gateway
    from gateway.pages.links import Opened
    from gateway.pages.parts import Pages, Visit
    from gateway.pages.views import View
    from gateway.texts import Speech

COOKIE = "wished"
_SHOWN = 120
"""Seconds the page thanks for a wish."""
_TYPED = ("email", "sms", "whatsapp")
"""Ways whose address people type; a browser gives its own."""
_ENDS = frozenset(status.value for status in ENDS)
_PROBLEMS = {"rate-limited": ("too_often", 429), "conflict": ("full", 409)}


class WishPart:
    """The part of the tracking page that offers news."""

    name = "wishes"

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._desk = PublicWishes(gateway)
        self._pages: Pages

    def add_to(self, app: web.Application, pages: Pages) -> None:
        """Add the route of its form."""
        self._pages = pages
        path = f"/t/{links.PATTERN}/wish"
        app.router.add_post(path, self.wish)
        app.router.add_get(path, pages.back)

    async def wish(self, request: web.Request) -> web.StreamResponse:
        """Take down a wish."""
        opened = await self._pages.opened(request)
        if opened is None:
            return self._pages.gone(request)
        form = await fields(request)
        channel, address = one(form, "channel"), one(form, "address").strip()
        about = [name for name in SUBJECTS if name in form.get("about", [])]
        problem, status = "", 422
        if not about:
            problem = "nothing"
        else:
            problem, status = await self._taken(request, opened, channel, address, about)
        if problem:
            typed = {"channel": channel, "address": address} | dict.fromkeys(about, "on")
            return await self._pages.answer(request, opened, problem=f"wish.{problem}", status=status, typed=typed)
        back = await self._pages.back(request)
        asked = "browser" if channel == "push" else "asked"
        path = f"/t/{request.match_info['token']}"
        back.set_cookie(COOKIE, asked, path=path, httponly=True, samesite="Strict", max_age=_SHOWN)
        return back

    async def _taken(
        self, request: web.Request, opened: Opened, channel: str, address: str, about: list[str]
    ) -> tuple[str, int]:
        """Take a wish down; return what was wrong with it and the status that says so."""
        try:
            told = PublicSubscriptionIn.model_validate(
                {
                    "channel": channel,
                    "address": orjson.loads(address) if channel == "push" else address,
                    "language": choose(request.query.get("lang"), request.headers.get("Accept-Language", "")).language,
                    "event_types": about,
                }
            )
            caller = address_of(request, forwarded=self._gateway.settings.trust_forwarded_for)
            await self._desk.take(opened, told, caller)
        except (ValidationError, orjson.JSONDecodeError):
            return "address", 422
        except Problem as trouble:
            return _PROBLEMS.get(trouble.kind.name, ("address", 422))
        return "", 200

    def read(self, conn: Connection, visit: Visit) -> list[dict[str, Any]]:
        """Read the ways there are."""
        return self._desk.ways(conn, visit.opened.merchant_id)

    async def shown(self, read: list[dict[str, Any]], visit: Visit, view: View) -> None:
        """Nothing follows from a look."""

    def words(self, read: list[dict[str, Any]], visit: Visit, view: View, speech: Speech) -> Mapping[str, Any] | None:
        """Return what the template says."""
        if not read or view.shipment["status"] in _ENDS or view.shipment["direction"] == "return":
            return None
        where, _, problem = visit.problem.partition(".")
        problem = problem if where == "wish" else ""
        keys = {way["channel"]: way["public_key"] for way in read}
        typed = [name for name in _TYPED if name in keys]
        return {
            "ways": typed,
            "label": typed[0] if len(typed) == 1 else "email_or_phone" if "email" in typed else "phone",
            "push_key": keys.get("push") or "",
            "about": [
                (name, speech.say(f"wishes.about.{name}"), name in visit.typed if problem else subject.on)
                for name, subject in SUBJECTS.items()
            ],
            "problem": speech.say(f"wishes.problem.{problem}") if problem else "",
            "typed": visit.typed if problem else {},
            "thanks": visit.cookies.get(COOKIE, "") if not problem else "",
        }
