"""The console's pages: signing in and out, accepting an invitation, and the shell its scripts fill."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import orjson
from aiohttp import web

from gateway.clock import now_ms
from gateway.pages.callers import address_of
from gateway.pages.parts import fields
from gateway.pages.serving import page, policy
from gateway.pages.templates import render
from gateway.pages.tracking import origins
from gateway.staff import audit, passwords, people, sessions
from gateway.texts import HERE, speech, tree_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, RowMapping

    from gateway.api.calls import Desk
    from gateway.staff.signing import Outcome

_MOST_FORM_BYTES = 8_000
_NOT_KEPT = {"Cache-Control": "no-store"}
_HOME = "/console"
_LONGEST_NAME = 100


@cache
def words() -> dict[str, Any]:
    """Return the console's words."""
    return tomllib.loads((HERE / "console.toml").read_text("utf-8"))


@cache
def _words() -> dict[str, Any]:
    """Return what the scripts call statuses, queues and what people did."""
    told = tree_of("en")
    acts = tomllib.loads((HERE / "acts.toml").read_text("utf-8"))
    return {"status": told["status"], "substatus": told["substatus"], "queues": words()["queues"], "acts": acts}


class ConsolePages:
    """The pages of the console."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._gateway = desk.gateway
        settings = desk.gateway.settings
        self._secure = settings.public_url.startswith("https:")
        self._policy = policy(images=origins(settings.map_tiles))

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_get("/console/sign-in", self.show_sign_in)
        app.router.add_post("/console/sign-in", self.sign_in)
        app.router.add_post("/console/sign-out", self.sign_out)
        app.router.add_get("/console/invitation/{token}", self.show_invitation)
        app.router.add_post("/console/invitation/{token}", self.accept)
        app.router.add_get(_HOME, self.shell)
        app.router.add_get("/console/{rest:.*}", self.shell)

    async def shell(self, request: web.Request) -> web.StreamResponse:
        """Answer with the shell to who is signed in, and lead all others to the door."""
        secret = request.cookies.get(sessions.COOKIE, "")
        now = now_ms()
        found = await self._gateway.store.read(lambda conn: sessions.find(conn, people.digest(secret), now))
        if found is None:
            back = quote(request.path_qs, safe="/")
            return _lead(f"/console/sign-in?next={back}" if request.path != _HOME else "/console/sign-in")
        told = {"role": found[0].role, "person_id": found[0].person_id, "tiles": self._map(), "words": _words()}
        return self._page(request, "console/shell.html", words=words()["shell"], who=orjson.dumps(told).decode())

    def _map(self) -> dict[str, str]:
        settings = self._gateway.settings
        return {"tiles": settings.map_tiles, "attribution": settings.map_attribution}

    async def show_sign_in(self, request: web.Request) -> web.StreamResponse:
        """Show the door."""
        return self._door(request, said=words()["sign_in"]["out"] if "out" in request.query else "")

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        """Take an e-mail and a password, or the code after them."""
        form = await _form(request)
        agent = request.headers.get("User-Agent", "")
        address = address_of(request, forwarded=self._gateway.settings.trust_forwarded_for)
        staff = self._desk.staff
        if "ticket" in form:
            outcome = await staff.second_step(form["ticket"], form.get("code", ""), agent=agent, address=address)
        else:
            outcome = await staff.sign_in(form.get("email", ""), form.get("password", ""), agent=agent, address=address)
        return self._after(request, form, outcome)

    def _after(self, request: web.Request, form: Mapping[str, str], outcome: Outcome) -> web.StreamResponse:
        if outcome.kind == "in":
            return self._let_in(outcome.secret, request.query.get("next", ""))
        if outcome.kind == "code":
            return self._code(request, outcome.secret)
        if outcome.kind == "wrong" and "ticket" in form:
            return self._code(request, form["ticket"], words()["code"]["wrong"])
        status = 429 if outcome.kind == "too_often" else 401
        return self._door(request, problem=words()["sign_in"][outcome.kind], email=form.get("email", ""), status=status)

    async def sign_out(self, request: web.Request) -> web.StreamResponse:
        """End this browser's session."""
        secret = request.cookies.get(sessions.COOKIE, "")
        now = now_ms()

        def work(conn: Connection) -> None:
            found = sessions.find(conn, people.digest(secret), now)
            if found is not None:
                who = found[0]
                sessions.end(conn, who.merchant_id, who.person_id, who.key_id)
                audit.note(conn, who.merchant_id, who.person_id, "sign out", subject=who.person_id, now=now)

        if _own(request):
            await self._gateway.store.write(work)
            self._desk.keeper.forget_people()
        back = _lead("/console/sign-in?out")
        back.del_cookie(sessions.COOKIE, path="/")
        return back

    async def show_invitation(self, request: web.Request) -> web.StreamResponse:
        """Show an invitation, or that it is over."""
        return await self._invitation(request)

    async def accept(self, request: web.Request) -> web.StreamResponse:
        """Set name and password, and sign in."""
        form, token, now = await _form(request), request.match_info["token"], now_ms()
        found = await self._gateway.store.read(lambda conn: people.invitation(conn, token, now))
        if found is None:
            return await self._invitation(request)
        told, name = words()["invitation"], " ".join(form.get("name", "").split())[:_LONGEST_NAME]
        if not name:
            return await self._invitation(request, told["nameless"])
        if (why := passwords.weakness(form.get("password", ""), found["email"])) is not None:
            return await self._invitation(request, told["weak"].format(why=why), name)
        kept = await self._desk.staff.passwords.hash(form["password"])

        def work(conn: Connection) -> str | None:
            person = people.accept(conn, token, name, kept, now)
            if person is None:
                return None
            sessions.end(conn, person["merchant_id"], person["id"])
            audit.note(conn, person["merchant_id"], person["id"], "accept an invitation", subject=person["id"], now=now)
            return sessions.make(conn, person, request.headers.get("User-Agent", ""), now)

        secret = await self._gateway.store.write(work)
        if secret is None:
            return await self._invitation(request)
        self._desk.keeper.forget_people()
        return self._let_in(secret, "")

    async def _invitation(self, request: web.Request, problem: str = "", name: str = "") -> web.StreamResponse:
        token, now, told = request.match_info["token"], now_ms(), words()["invitation"]
        found: RowMapping | None = await self._gateway.store.read(lambda conn: people.invitation(conn, token, now))
        if found is None:
            return self._form_page(request, told, says=told["gone"], status=404)
        fields = (
            _field("name", told["name"], "text", "name", value=name, focus=not problem),
            _field("password", told["password"], "password", "new-password"),
        )
        says = told["says"].format(email=found["email"])
        return self._form_page(request, told, says=says, problem=problem, fields=fields, status=422 if problem else 200)

    def _door(
        self, request: web.Request, *, problem: str = "", email: str = "", said: str = "", status: int = 200
    ) -> web.StreamResponse:
        told = words()["sign_in"]
        fields = (
            _field("email", told["email"], "email", "username", value=email, focus=not email),
            _field("password", told["password"], "password", "current-password", focus=bool(email)),
        )
        beneath = told["forgotten"]
        return self._form_page(request, told, says=said, problem=problem, fields=fields, beneath=beneath, status=status)

    def _code(self, request: web.Request, ticket: str, problem: str = "") -> web.StreamResponse:
        told = words()["code"]
        fields = (
            _field("ticket", "", "hidden", "", value=ticket),
            _field("code", told["code"], "text", "one-time-code", focus=True) | {"numeric": True},
        )
        status = 401 if problem else 200
        return self._form_page(request, told, says=told["says"], problem=problem, fields=fields, status=status)

    def _form_page(
        self, request: web.Request, told: Mapping[str, str], *, status: int, **more: Any
    ) -> web.StreamResponse:
        values = {"says": "", "problem": "", "fields": (), "beneath": ""} | more
        return self._page(request, "console/sign_in.html", status=status, words=told, **values)

    def _page(self, request: web.Request, name: str, *, status: int = 200, **values: Any) -> web.StreamResponse:
        html = render(name, speech("en"), **values)
        return page(request, html, status=status, csp=self._policy, headers=_NOT_KEPT)

    def _let_in(self, secret: str, wanted: str) -> web.StreamResponse:
        back = _lead(_inside(wanted))
        back.set_cookie(
            sessions.COOKIE,
            secret,
            path="/",
            httponly=True,
            samesite="Strict",
            secure=self._secure,
            max_age=sessions.LONGEST_MS // 1000,
        )
        return back


def _lead(where: str) -> web.Response:
    return web.Response(status=303, headers={"Location": where, **_NOT_KEPT})


def _inside(wanted: str) -> str:
    """Return where somebody wanted to go, as long as that is a page of the console."""
    parts = urlsplit(wanted)
    inside = not parts.scheme and not parts.netloc and (parts.path == _HOME or parts.path.startswith(f"{_HOME}/"))
    return wanted if inside and "\\" not in wanted and ".." not in wanted else _HOME


def _own(request: web.Request) -> bool:
    """Tell whether a form was sent from a page of ours."""
    return request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")


async def _form(request: web.Request) -> dict[str, str]:
    """Return a small form of our own; nothing of a form another site sent."""
    if not _own(request) or (request.content_length or 0) > _MOST_FORM_BYTES:
        return {}
    return {name: values[-1] for name, values in (await fields(request)).items() if values}


def _field(
    name: str, label: str, kind: str, autocomplete: str, *, value: str = "", focus: bool = False
) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "type": kind,
        "autocomplete": autocomplete,
        "value": value,
        "focus": focus,
        "numeric": False,
    }
