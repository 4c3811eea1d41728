"""The recipient's tracking page: made here, whole without a script, and live with one.

Unknown, revoked and expired links get the same page. Who tells the postcode sees the address, the name and the proofs
for an hour.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import orjson
from aiohttp import web

from gateway import shipments
from gateway.api.positions import follow
from gateway.clock import now_ms
from gateway.pages import branding, links, story, views
from gateway.pages.parts import Visit, fields, one
from gateway.pages.serving import page, policy
from gateway.pages.statics import answer, statics
from gateway.pages.templates import render
from gateway.pages.tries import Tries
from gateway.people.wish_page import WishPart
from gateway.proofs.page import ProofPart
from gateway.ratings.page import RatingPart
from gateway.talk import conversation
from gateway.talk.page import TalkPart
from gateway.texts import LANGUAGES, choose, days, speech

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, RowMapping

    from gateway.app import Gateway
    from gateway.pages.links import Opened
    from gateway.pages.parts import Part
    from gateway.pages.views import View
    from gateway.texts import Speech
    from gateway.visibility import Viewer

ROOT = f"/t/{links.PATTERN}"
COOKIE = "proof"
_TRIES, _TRIES_SECONDS = 5, 900
_NOT_KEPT = {"Cache-Control": "private, no-store"}
_BRAND_FILES = "private, max-age=86400"


class TrackingPages:
    """The pages behind tracking links."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._tries = Tries(_TRIES, _TRIES_SECONDS)
        settings = gateway.settings
        self._secure = settings.public_url.startswith("https:")
        self._policy = policy(images=origins(settings.map_tiles))
        self._parts: tuple[Part, ...] = (ProofPart(gateway), RatingPart(gateway), TalkPart(gateway), WishPart(gateway))

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_get("/t/worker.js", self.worker)
        app.router.add_get(ROOT, self.show)
        app.router.add_post(f"{ROOT}/postcode", self.postcode)
        app.router.add_get(f"{ROOT}/postcode", self.back)
        app.router.add_get(f"{ROOT}/live", self.live, allow_head=False)
        app.router.add_get(f"{ROOT}/brand.css", self.brand_css)
        app.router.add_get(f"{ROOT}/logo.png", self.logo)
        app.router.add_get(f"{ROOT}/app.webmanifest", self.manifest)
        for part in self._parts:
            part.add_to(app, self)
        app.router.add_get("/t/{rest:.*}", self.nothing)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show the page."""
        opened = await self.opened(request)
        return self.gone(request) if opened is None else await self.answer(request, opened)

    async def postcode(self, request: web.Request) -> web.StreamResponse:
        """Take a postcode: the right one is remembered for an hour, by a cookie of this page alone."""
        opened = await self.opened(request)
        if opened is None:
            return self.gone(request)
        told = one(await fields(request), "postcode")
        token = request.match_info["token"]
        if not self._tries.allow(token):
            return await self.answer(request, opened, problem="too_often", status=429)
        row = opened.row
        good = views.postcodes(shipments.document(row), self._recipient(row))
        if views.plain_postcode(told) not in good:
            return await self.answer(request, opened, problem="wrong", status=422)
        self._tries.forgive(token)
        back = web.Response(status=303, headers={"Location": _address(request), **_NOT_KEPT})
        back.set_cookie(
            COOKIE,
            self._gateway.links.prove(token),
            path=f"/t/{token}",
            httponly=True,
            samesite="Strict",
            secure=self._secure,
            max_age=links.PROOF_SECONDS,
        )
        return back

    async def back(self, request: web.Request) -> web.Response:
        """Lead who asks for a form's address again (a reload, a bookmark) to the page."""
        return web.Response(status=303, headers={"Location": _address(request), **_NOT_KEPT})

    async def live(self, request: web.Request) -> web.StreamResponse:
        """Stream the courier, and that there is news, for as long as the link is good."""
        opened = await self.opened(request)
        if opened is None:
            raise web.HTTPNotFound
        key = (opened.merchant_id, opened.shipment_id)
        known = {"changed": opened.row["version"], "talk": await self._said(key)}

        async def still_good() -> bool:
            """Look whether the link is good, and for what another process brought."""
            now = await self.opened(request)
            if now is None:
                return False
            for event, value in (("changed", now.row["version"]), ("talk", await self._said(key))):
                if value != known[event]:
                    known[event] = value
                    self._gateway.positions.note(key, event, value)
            return True

        return await follow(request, self._gateway.positions, key, "recipient", still_good, changes=True)

    async def _said(self, key: tuple[str, str]) -> int:
        return await self._gateway.store.read(lambda conn: conversation.latest(conn, *key))

    async def brand_css(self, request: web.Request) -> web.StreamResponse:
        """Answer with the merchant's colours."""
        brand = await self._brand(request)
        headers = {"Cache-Control": _BRAND_FILES}
        return web.Response(text=branding.css(brand.look), content_type="text/css", headers=headers)

    async def logo(self, request: web.Request) -> web.StreamResponse:
        """Answer with the merchant's logo."""
        opened = await self.opened(request)
        png = None
        if opened is not None:
            merchant_id = opened.merchant_id
            png = await self._gateway.store.read(lambda conn: branding.logo(conn, merchant_id))
        if png is None:
            raise web.HTTPNotFound
        return web.Response(body=png, content_type="image/png", headers={"Cache-Control": _BRAND_FILES})

    async def manifest(self, request: web.Request) -> web.StreamResponse:
        """Answer with what a phone needs to put the page on its home screen."""
        brand = await self._brand(request)
        spoken = _speech(request)
        told = {
            "name": spoken.say("page.title", shop=brand.name),
            "short_name": brand.name[:24],
            "start_url": _address(request),
            "scope": "/t/",
            "display": "standalone",
            "lang": spoken.tag,
            "dir": spoken.direction,
            "background_color": brand.look.ground or "#f4f5f7",
            "theme_color": brand.look.ground or "#f4f5f7",
            "icons": [{"src": statics().url("parcel.svg"), "sizes": "any", "type": "image/svg+xml"}],
        }
        return web.Response(body=orjson.dumps(told), content_type="application/manifest+json")

    async def worker(self, request: web.Request) -> web.StreamResponse:
        """Answer with the script that keeps the last state; it may look after the pages alone."""
        found = statics().files["tracking-worker.js"]
        return answer(request, found, "no-cache", **{"Service-Worker-Allowed": "/t/"})

    async def nothing(self, request: web.Request) -> web.StreamResponse:
        """Answer what is no link as what is none any more."""
        return self.gone(request)

    def gone(self, request: web.Request) -> web.StreamResponse:
        """Answer what opens nothing."""
        html = render("gone.html", _speech(request))
        return page(request, html, status=404, csp=self._policy, headers=_NOT_KEPT)

    async def opened(self, request: web.Request) -> Opened | None:
        """Return what a request's link opens."""
        return await self._gateway.links.opened(request.match_info["token"])

    async def _brand(self, request: web.Request) -> branding.Brand:
        opened = await self.opened(request)
        if opened is None:
            raise web.HTTPNotFound
        merchant_id = opened.merchant_id
        return await self._gateway.store.read(lambda conn: branding.of(conn, merchant_id))

    def _recipient(self, row: RowMapping) -> Mapping[str, Any] | None:
        return shipments.recipient(self._gateway.vault, row)

    async def answer(
        self,
        request: web.Request,
        opened: Opened,
        *,
        problem: str = "",
        status: int = 200,
        typed: Mapping[str, str] | None = None,
    ) -> web.StreamResponse:
        """Answer with the page. `problem` says what was wrong with a form, `typed` what stood in it."""
        token = request.match_info["token"]
        visit = Visit(
            opened=opened,
            token=token,
            path=f"/t/{token}",
            cookies=request.cookies,
            proven=self._gateway.links.proved(token, request.cookies.get(COOKIE, "")),
            now=now_ms(),
            problem=problem,
            typed=typed or {},
        )

        def work(conn: Connection) -> tuple[View, list[Any]]:
            viewer: Viewer = "proven" if visit.proven else "recipient"
            view = views.look(conn, opened.row, viewer, visit.now, self._recipient)
            return view, [part.read(conn, visit) for part in self._parts]

        view, read = await self._gateway.store.read(work)
        spoken = _speech(request, (view.recipient or {}).get("language") if visit.proven else None)
        parts = tuple(zip(self._parts, read, strict=True))
        more = {part.name: part.words(found, visit, view, spoken) for part, found in parts}
        html = self._written(view, spoken, request, visit, more)
        for part, found in parts:
            await part.shown(found, visit, view)
        kept = None if not visit.proven and not problem else _NOT_KEPT
        return page(request, html, status=status, csp=self._policy, headers=kept)

    def _written(self, view: View, spoken: Speech, request: web.Request, visit: Visit, more: Mapping[str, Any]) -> str:
        at = datetime.fromtimestamp(visit.now / 1000, UTC)
        told = story.tell(view.shipment, view.events, spoken, view.zone, at)
        drawn = self._map(view, spoken)
        return render(
            "tracking.html",
            spoken,
            view=view,
            story=told,
            title=spoken.say("page.title", shop=view.brand.name),
            path=visit.path,
            own_address=_address(request),
            brand_css=bool(branding.css(view.brand.look)),
            map=bool(drawn["position"] or drawn["places"] or drawn["door"]),
            map_json=orjson.dumps(drawn).decode(),
            stale_words=_stale(view, spoken, at),
            pickup=_pickup(view),
            address=_lines(view.recipient or {}, view.shipment.get("destination") or {}),
            proofs=_proofs(view, spoken),
            carrier_link=_web_address(view.shipment.get("carrier_tracking_url")),
            problem="" if "." in visit.problem else visit.problem,
            open_entries=story.OPEN_ENTRIES,
            languages=[speech(language) for language in LANGUAGES],
            **more,
        )

    def _map(self, view: View, spoken: Speech) -> dict[str, Any]:
        """Return what the map shows. The door is the address: it takes the postcode, or the delivery there."""
        destination = view.shipment.get("destination") or {}
        door = view.courier["proof_place"] or (destination if destination.get("latitude") is not None else None)
        names = ("courier", "door", "place", "zoom_in", "zoom_out")
        return {
            "position": view.courier["position"],
            "stale": view.courier["stale"],
            "precision": view.courier["precision"],
            "door": door and {"latitude": door["latitude"], "longitude": door["longitude"]},
            "places": _places(view),
            "tiles": self._gateway.settings.map_tiles,
            "attribution": self._gateway.settings.map_attribution,
            "words": {name: spoken.say(f"map.{name}") for name in names},
        }


def _speech(request: web.Request, own: str | None = None) -> Speech:
    return choose(request.query.get("lang") or own, request.headers.get("Accept-Language", ""))


def _address(request: web.Request) -> str:
    token, language = request.match_info["token"], request.query.get("lang", "")
    return f"/t/{token}?lang={quote(language)}" if language else f"/t/{token}"


def origins(tiles: str) -> tuple[str, ...]:
    """Return the origin of tiles that lie elsewhere; `{s}` stands for any name there."""
    parts = urlsplit(tiles)
    return (f"{parts.scheme}://{parts.netloc.replace('{s}', '*')}",) if parts.netloc else ()


def _places(view: View) -> list[dict[str, Any]]:
    """Return the places on the way, each once, in order; of the earlier parcel of the number none."""
    found: dict[tuple[float, float], dict[str, Any]] = {}
    for event in view.events:
        place = event.get("place") or {}
        if place.get("latitude") is None or event.get("earlier_parcel"):
            continue
        at = (place["latitude"], place["longitude"])
        name = place.get("city") or place.get("facility") or ""
        found.setdefault(at, {"latitude": at[0], "longitude": at[1], "name": name})
    return list(found.values())


def _stale(view: View, spoken: Speech, at: datetime) -> str:
    position = view.courier["position"]
    if not view.courier["stale"] or position is None:
        return ""
    seen = datetime.fromisoformat(position["at"])
    return spoken.say("page.stale", ago=days.ago(spoken, at - seen))


def _pickup(view: View) -> dict[str, Any] | None:
    """Return where a parcel waits: its address in lines, and the way there for the phone's own map."""
    place = view.shipment.get("pickup_point")
    if view.shipment["status"] != "available_for_pickup" or not place:
        return None
    lines = [line for line in (place.get("facility"), *_lines(place)) if line]
    way = None
    if place.get("latitude") is not None:
        way = f"geo:{place['latitude']},{place['longitude']}"
    return {"lines": lines, "way": way}


def _lines(*places: Mapping[str, Any]) -> list[str]:
    """Return the first address that says anything, in lines, with the name where one is told."""
    for place in places:
        town = " ".join(part for part in (place.get("postal_code"), place.get("city")) if part)
        lines = [line for line in (place.get("name"), place.get("street"), town, place.get("country")) if line]
        if lines:
            return lines
    return []


def _proofs(view: View, spoken: Speech) -> list[str]:
    """Return what proofs there are, each kind once."""
    kinds = dict.fromkeys(one["kind"] for one in view.shipment.get("proofs") or [])
    return [spoken.say(f"proof.{kind}") for kind in kinds]


def _web_address(told: str | None) -> str | None:
    """Return a carrier's address if it is one of the web: what a carrier says is not a script."""
    return told if told is not None and urlsplit(told).scheme in ("https", "http") else None
