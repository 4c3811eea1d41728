"""The rating on the tracking page: stars after the delivery, once, and the shop's answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.clock import now_ms
from gateway.pages import links
from gateway.pages.parts import fields, one
from gateway.pages.tries import Tries
from gateway.ratings import ratings
from gateway.ratings.ratings import LONGEST, MOST_STARS, REASONS, NotYet, Rating, Twice
from gateway.talk.conversation import clean
from gateway.texts import choose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web
    from sqlalchemy import Connection, RowMapping

    from gateway.app import Gateway
    from gateway.pages.parts import Pages, Visit
    from gateway.pages.views import View
    from gateway.texts import Speech
    from webhooks.log import Entry

_TRIES, _TRIES_SECONDS = 6, 600


class RatingPart:
    """The part of the tracking page that asks how it was."""

    name = "rating"

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._tries = Tries(_TRIES, _TRIES_SECONDS)
        self._pages: Pages

    def add_to(self, app: web.Application, pages: Pages) -> None:
        """Add the route of its form."""
        self._pages = pages
        path = f"/t/{links.PATTERN}/rate"
        app.router.add_post(path, self.rate)
        app.router.add_get(path, pages.back)

    async def rate(self, request: web.Request) -> web.StreamResponse:
        """Take a rating."""
        opened = await self._pages.opened(request)
        if opened is None:
            return self._pages.gone(request)
        form = await fields(request)
        stars, words = one(form, "stars"), clean(one(form, "words"))
        reasons = tuple(name for name in REASONS if name in form.get("reason", []))
        problem, status = "", 422
        if stars not in {str(count) for count in range(1, MOST_STARS + 1)}:
            problem = "stars"
        elif len(words) > LONGEST:
            problem = "long"
        elif not self._tries.allow(request.match_info["token"]):
            problem, status = "too_often", 429
        if not problem:
            speech = choose(request.query.get("lang"), request.headers.get("Accept-Language", ""))
            rating = Rating(stars=int(stars), reasons=reasons, words=words, language=speech.language)
            try:
                await self._keep(opened.row, rating)
            except (NotYet, Twice) as trouble:
                problem, status = ("not_yet" if isinstance(trouble, NotYet) else "twice"), 409
        if problem:
            typed = {"stars": stars, "words": words} | dict.fromkeys(reasons, "on")
            return await self._pages.answer(request, opened, problem=f"rate.{problem}", status=status, typed=typed)
        return await self._pages.back(request)

    async def _keep(self, row: RowMapping, rating: Rating) -> None:
        gateway = self._gateway

        def work(conn: Connection) -> dict[str, list[Entry]]:
            return ratings.rate(conn, gateway.vault, row, rating, now_ms())[1]

        gateway.tell(await gateway.store.write(work))

    def read(self, conn: Connection, visit: Visit) -> RowMapping | None:
        """Read the rating there is."""
        return ratings.of(conn, visit.opened.merchant_id, visit.opened.shipment_id)

    async def shown(self, read: RowMapping | None, visit: Visit, view: View) -> None:
        """Nothing follows from a look."""

    def words(
        self,
        read: RowMapping | None,
        visit: Visit,
        view: View,  # noqa: ARG002 - the seam's
        speech: Speech,
    ) -> Mapping[str, Any] | None:
        """Return what the template says."""
        where, _, problem = visit.problem.partition(".")
        told = speech.say(f"rating.problem.{problem}") if where == "rate" else ""
        if read is None and not ratings.may_be_rated(visit.opened.row):
            return {"ask": False, "stars": 0, "problem": told} if told else None
        return {
            "ask": read is None,
            "stars": 0 if read is None else read["stars"],
            "given": "" if read is None else speech.say("rating.given", count=read["stars"]),
            "answer": None if read is None else ratings.answer_of(self._gateway.vault, read),
            "choices": [(count, speech.say("rating.stars", count=count)) for count in range(1, MOST_STARS + 1)],
            "reasons": REASONS,
            "longest": LONGEST,
            "problem": told,
            "typed": visit.typed if told else {},
        }
