"""The conversation on the tracking page: what was said, a form to write, and instructions before departure.

What stands in it may open a door, so it is shown to whoever told the postcode. A browser without it shows what was
written there and the answers since: a word written on somebody else's page opens nothing that was said before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from gateway import shipments
from gateway.clock import now_ms
from gateway.lastmile import wishes
from gateway.pages import links, views
from gateway.pages.parts import fields, one
from gateway.pages.tries import Tries
from gateway.talk import conversation
from gateway.talk.conversation import LONGEST, NEEDS_WORDS, QUICK, Closed, Full, Saying
from gateway.texts import days
from normalizer.model import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    hidden: int
    """How many more there are for whoever tells the postcode."""
    unseen: list[str]
    """The ids of those shown that waited for the recipient's eyes."""


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
        token = request.match_info["token"]
        browser = self._browser(token, request.cookies) or token_hex(8)
        problem, status = "", 422
        if not words and (not quick or quick in NEEDS_WORDS):
            problem = "code" if quick in NEEDS_WORDS else "empty"
        elif len(words) > LONGEST:
            problem = "long"
        elif not self._tries.allow(token):
            problem, status = "too_often", 429
        if not problem:
            try:
                await self._said(opened.row, words, quick, kind, browser)
            except (Closed, Full) as trouble:
                problem, status = ("closed" if isinstance(trouble, Closed) else "full"), 409
        if problem:
            return await self._pages.answer(request, opened, problem=f"{where}.{problem}", status=status, typed=typed)
        back = await self._pages.back(request)
        back.set_cookie(
            COOKIE,
            f"{browser}.{self._gateway.links.prove(token, f'{COOKIE} {browser}', _REMEMBERED)}",
            path=f"/t/{token}",
            httponly=True,
            samesite="Strict",
            secure=self._gateway.settings.public_url.startswith("https:"),
            max_age=_REMEMBERED,
        )
        return back

    async def _said(self, row: RowMapping, words: str, quick: Any, kind: Kind, browser: str) -> None:
        to_courier = kind == "instruction" or row["status"] == _OUT
        saying = Saying(
            author="recipient",
            words=words,
            quick=quick if to_courier else "",
            kind=kind,
            audience="everybody" if to_courier else "support",
            browser=browser,
        )
        gateway = self._gateway

        def work(conn: Connection) -> Said:
            return conversation.say(conn, gateway.vault, row, saying, now_ms())

        said = await gateway.store.write(work)
        gateway.tell(said.entries)

    def read(self, conn: Connection, visit: Visit) -> _Read:
        """Read what was said, as far as this browser may."""
        row, vault = visit.opened.row, self._gateway.vault
        is_open = conversation.is_open(row, wishes.get(conn, row["merchant_id"]), visit.now)
        rows = conversation.rows_of(conn, row["merchant_id"], row["id"], "recipient")
        may = visit.proven or not views.postcodes(shipments.document(row), shipments.recipient(vault, row))
        shown = rows if may else _of_browser(rows, self._browser(visit.token, visit.cookies))
        unseen = [one["id"] for one in shown if conversation.is_unread(one)]
        return _Read(is_open, [conversation.document(vault, one) for one in shown], len(rows) - len(shown), unseen)

    async def shown(self, read: _Read, visit: Visit, view: View) -> None:  # noqa: ARG002 - the seam's
        """Note that the recipient read what was meant for them."""
        if read.unseen:
            merchant_id = visit.opened.merchant_id
            await self._gateway.store.write(lambda conn: conversation.seen(conn, merchant_id, read.unseen))

    def words(self, read: _Read, visit: Visit, view: View, speech: Speech) -> Mapping[str, Any] | None:
        """Return what the template says."""
        status, is_return = view.shipment["status"], view.shipment["direction"] == "return"
        if not read.is_open and not read.said and not read.hidden:
            return None
        where, _, problem = visit.problem.partition(".")
        instruction = _instruction(read.said)
        return {
            "open": read.is_open,
            "lines": [_line(said, view, speech, visit.now) for said in read.said if _shown(said)],
            "hidden": read.hidden,
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

    def _browser(self, token: str, cookies: Mapping[str, str]) -> str:
        """Return which browser wrote on this page before, by its cookie; empty where none did."""
        browser, _, proof = cookies.get(COOKIE, "").partition(".")
        return browser if browser and self._gateway.links.proved(token, proof, f"{COOKIE} {browser}") else ""


def _of_browser(rows: Sequence[RowMapping], browser: str) -> list[RowMapping]:
    """Return what was written in a browser, and what others than recipients said since."""
    since = next((row["at"] for row in rows if browser and row["browser"] == browser), None)
    if since is None:
        return []
    return [row for row in rows if row["browser"] == browser or (row["author"] != "recipient" and row["at"] >= since)]


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
