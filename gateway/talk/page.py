"""The conversation on the tracking page: what was said, a form to write, and instructions before departure.

What stands in it may open a door, so it is shown to whoever told the postcode, or wrote from this browser.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateway.clock import now_ms
from gateway.lastmile import wishes
from gateway.pages import links
from gateway.pages.parts import fields, one
from gateway.pages.tries import Tries
from gateway.talk import conversation
from gateway.talk.conversation import LONGEST, NEEDS_WORDS, QUICK, Closed, Full, Saying
from gateway.texts import days
from normalizer.model import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web
    from sqlalchemy import Connection, RowMapping

    from gateway.app import Gateway
    from gateway.pages.parts import Pages, Visit
    from gateway.pages.views import View
    from gateway.talk.conversation import Kind, Quick, Said
    from gateway.texts import Speech

COOKIE = "talk"
_REMEMBERED = 30 * 86_400
_TRIES, _TRIES_SECONDS = 10, 600
_AHEAD: tuple[Quick, ...] = ("leave_with_neighbour", "safe_place", "gate_code")
"""Ready sentences that make sense before the courier leaves."""
_OUT = Status.OUT_FOR_DELIVERY.value
_BEFORE = frozenset({"pending", "ordered", "info_received", "in_transit", "attempt_failed", "exception", "unknown"})


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read."""

    is_open: bool
    said: list[dict[str, Any]]
    unseen: bool


class TalkPart:
    """The part of the tracking page where people write."""

    name = "talk"

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._tries = Tries(_TRIES, _TRIES_SECONDS)
        self._pages: Pages

    def add_to(self, app: web.Application, pages: Pages) -> None:
        """Add the route of its forms."""
        self._pages = pages
        path = f"/t/{links.PATTERN}/say"
        app.router.add_post(path, self.say)
        app.router.add_get(path, pages.back)

    async def say(self, request: web.Request) -> web.StreamResponse:
        """Take what somebody wrote."""
        opened = await self._pages.opened(request)
        if opened is None:
            return self._pages.gone(request)
        form = await fields(request)
        kind: Kind = "instruction" if one(form, "kind") == "instruction" else "words"
        where = "instruct" if kind == "instruction" else "say"
        words = conversation.clean(one(form, "words"))
        quick: Any = one(form, "quick")
        quick = quick if quick in QUICK else ""
        typed = {"words": words, "quick": quick}
        problem, status = "", 422
        if not words and (not quick or quick in NEEDS_WORDS):
            problem = "code" if quick in NEEDS_WORDS else "empty"
        elif len(words) > LONGEST:
            problem = "long"
        elif not self._tries.allow(request.match_info["token"]):
            problem, status = "too_often", 429
        if not problem:
            try:
                await self._said(opened.row, words, quick, kind)
            except (Closed, Full) as trouble:
                problem, status = ("closed" if isinstance(trouble, Closed) else "full"), 409
        if problem:
            return await self._pages.answer(request, opened, problem=f"{where}.{problem}", status=status, typed=typed)
        token = request.match_info["token"]
        back = await self._pages.back(request)
        back.set_cookie(
            COOKIE,
            self._gateway.links.prove(token, COOKIE, _REMEMBERED),
            path=f"/t/{token}",
            httponly=True,
            samesite="Strict",
            secure=self._gateway.settings.public_url.startswith("https:"),
            max_age=_REMEMBERED,
        )
        return back

    async def _said(self, row: RowMapping, words: str, quick: Any, kind: Kind) -> None:
        to_courier = kind == "instruction" or row["status"] == _OUT
        saying = Saying(
            author="recipient",
            words=words,
            quick=quick if to_courier else "",
            kind=kind,
            audience="everybody" if to_courier else "support",
        )
        gateway = self._gateway

        def work(conn: Connection) -> Said:
            return conversation.say(conn, gateway.vault, row, saying, now_ms())

        said = await gateway.store.write(work)
        gateway.tell(said.entries)

    def read(self, conn: Connection, visit: Visit) -> _Read:
        """Read what was said, as far as this browser may."""
        row = visit.opened.row
        merchant_id, shipment_id = row["merchant_id"], row["id"]
        merchant = wishes.get(conn, merchant_id)
        said = conversation.of_shipment(conn, self._gateway.vault, merchant_id, shipment_id, "recipient")
        unseen = conversation.has_unseen(conn, merchant_id, shipment_id)
        return _Read(conversation.is_open(row, merchant, visit.now), said, unseen)

    async def shown(self, read: _Read, visit: Visit, view: View) -> None:
        """Note that the recipient read what was meant for them."""
        if read.unseen and self._may_read(visit, view):
            row = visit.opened.row
            await self._gateway.store.write(lambda conn: conversation.seen(conn, row["merchant_id"], row["id"]))

    def words(self, read: _Read, visit: Visit, view: View, speech: Speech) -> Mapping[str, Any] | None:
        """Return what the template says."""
        may = self._may_read(visit, view)
        status, is_return = view.shipment["status"], view.shipment["direction"] == "return"
        if not read.is_open and not read.said:
            return None
        where, _, problem = visit.problem.partition(".")
        instruction = _instruction(read.said) if may else None
        return {
            "open": read.is_open,
            "lines": [_line(said, view, speech, visit.now) for said in read.said if _shown(said)] if may else [],
            "hidden": 0 if may else len(read.said),
            "to_courier": status == _OUT and not is_return,
            "quick": QUICK if status == _OUT and not is_return else (),
            "instruct": read.is_open and status in _BEFORE and not is_return,
            "ahead": _AHEAD,
            "instruction": instruction and _sentence(instruction, speech),
            "longest": LONGEST,
            "say_problem": speech.say(f"talk.problem.{problem}") if where == "say" else "",
            "instruct_problem": speech.say(f"talk.problem.{problem}") if where == "instruct" else "",
            "typed": visit.typed,
        }

    def _may_read(self, visit: Visit, view: View) -> bool:
        if visit.proven or not view.can_prove:
            return True
        return self._gateway.links.proved(visit.token, visit.cookies.get(COOKIE, ""), COOKIE)


def _shown(said: Mapping[str, Any]) -> bool:
    return bool(said["kind"] == "words" or said["state"] != "replaced")


def _instruction(said: list[dict[str, Any]]) -> dict[str, Any] | None:
    standing = [one for one in said if one["kind"] == "instruction" and one["state"] != "replaced"]
    return standing[-1] if standing else None


def _line(said: Mapping[str, Any], view: View, speech: Speech, now: int) -> dict[str, Any]:
    """Return one thing said as it is shown."""
    at = datetime.fromisoformat(said["at"]).astimezone(view.zone)
    today = datetime.fromtimestamp(now / 1000, view.zone).date()
    mine = said["author"] == "recipient"
    who = speech.say("talk.you")
    if not mine:
        courier = view.shipment.get("courier") or speech.say("courier.unnamed")
        who = courier if said["author"] == "courier" else view.brand.name
    state = ""
    if mine:
        failed = said["state"] == "failed"
        state = "desk" if failed or said["through"] == "desk" else "waiting" if said["state"] == "waiting" else "sent"
    return {
        "mine": mine,
        "who": who,
        "what": speech.say("talk.instruction") if said["kind"] == "instruction" else "",
        "words": _sentence(said, speech),
        "when": days.moment(speech, at, today),
        "at": said["at"],
        "state": speech.say(f"talk.state.{state}") if state else "",
    }


def _sentence(said: Mapping[str, Any], speech: Speech) -> str:
    """Return what was said, a ready sentence in the reader's language before the words."""
    ready = speech.say(f"talk.quick.{said['quick']}") if said["quick"] else ""
    if ready and said["text"]:
        return speech.say("talk.both", ready=ready, words=said["text"])
    return ready or str(said["text"])
