"""The demo carrier's own format: see connectors/demo/README.md."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import orjson
from aiohttp import web

from gateway.demo.pictures import doorstep
from gateway.demo.wires.wire import JSON, Wire, json, unauthorized

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.demo.lives import Happened, Parcel, Place
    from gateway.demo.world import World

    Answers = Callable[[World, web.Request], Awaitable[web.Response]]


WITH_COURIER = {"out": 9, "near": 2}
"""Deeds after which a courier has the parcel, and the stops before it."""
PROMISED = 1, 3
"""The window told with a courier: hours after the deed."""


class Demo(Wire):
    """JSON, a key in a header, batches of twenty, signed pushes."""

    code = "demo"
    format = "JSON"
    secrets: ClassVar = {"api_key": "demo-key", "signing_secret": "demo-secret"}
    words: ClassVar = {
        "ordered": ("ORDER_PLACED", "The order is placed"),
        "label": ("LABEL", "The label is printed"),
        "picked_up": ("PICKED_UP", "Picked up at the sender"),
        "sorted": ("SORTED", "Sorted"),
        "departed": ("DEPARTED", "Left the hub"),
        "arrived": ("ARRIVED", "Arrived at a hub"),
        "customs": ("CUSTOMS", "At customs"),
        "duties": ("CUSTOMS_DUTIES", "Duties are to be paid"),
        "cleared": ("CUSTOMS_CLEARED", "Cleared by customs"),
        "depot": ("DEPOT", "At the depot near the recipient"),
        "delayed": ("WEATHER", "Held up by the weather"),
        "out": ("OUT", "With the courier"),
        "near": ("ARRIVING", "Two stops before you"),
        "absent": ("NOBODY_HOME", "Nobody opened"),
        "at_shop": ("AT_SHOP", "Waits at the shop"),
        "collected": ("COLLECTED", "Collected"),
        "delivered": ("DELIVERED", "Handed over"),
        "safe": ("DELIVERED_SAFE", "Left at the door"),
        "signed": ("DELIVERED_SIGNED", "Handed over and signed for"),
        "refused": ("REFUSED", "The recipient did not take it"),
        "returning": ("RETURNING", "On its way back"),
        "returned": ("RETURNED", "Back at the sender"),
        "return_label": ("RETURN_LABEL", "A return label is printed"),
        "return_moving": ("RETURNING", "On its way back to the shop"),
        "return_received": ("RETURN_RECEIVED", "The shop has it back"),
        "lost": ("LOST", "The search has ended without it"),
    }

    def routes(self, world: World) -> list[web.RouteDef]:
        """Parcels, positions, proofs, subscriptions."""

        def keyed(answer: Answers) -> Callable[[web.Request], Awaitable[web.Response]]:
            async def handler(request: web.Request) -> web.Response:
                allowed = request.headers.get("Demo-Key") == self.secrets["api_key"]
                return await answer(world, request) if allowed else unauthorized()

            return handler

        return [
            web.get("/v1/parcels", keyed(self._parcels)),
            web.get("/v1/parcels/{number}/position", keyed(self._position)),
            web.get("/v1/parcels/{number}/proofs/{name}", keyed(self._proof)),
            web.post("/v1/subscriptions", keyed(self._subscribe)),
        ]

    async def _parcels(self, world: World, request: web.Request) -> web.Response:
        known, unknown = [], []
        for number in request.query.get("numbers", "").split(","):
            if found := world.history(self.code, number):
                known.append(self.parcel(found[0], found[1], found[1]))
            else:
                unknown.append(number)
        return json({"parcels": known, "unknown": unknown})

    async def _position(self, world: World, request: web.Request) -> web.Response:
        found = world.history(self.code, request.match_info["number"])
        if found is None or found[1][-1].deed not in WITH_COURIER:
            return json({"error": "no courier has it"}, 404)
        parcel, last = found[0], found[1][-1]
        position = {
            "at": world.clock().isoformat(),
            "latitude": last.place.latitude,
            "longitude": last.place.longitude,
            "stops_before": WITH_COURIER[last.deed],
        }
        return json({"number": parcel.number, "position": position})

    async def _proof(self, world: World, request: web.Request) -> web.Response:
        found = world.history(self.code, request.match_info["number"])
        if found is None or request.match_info["name"] not in _proof_names(found[1][-1]):
            return json({"error": "no such proof"}, 404)
        return web.Response(body=doorstep(), content_type="image/png")

    async def _subscribe(self, world: World, request: web.Request) -> web.Response:
        wanted = orjson.loads(await request.read())
        accepted = [one for one in wanted["numbers"] if world.parcel(self.code, one)]
        refused = {one: "unknown" for one in wanted["numbers"] if one not in accepted}
        world.callbacks[self.code] = wanted["callback"]
        until = (world.clock() + timedelta(days=30)).isoformat()
        return json({"id": "sub-1", "accepted": accepted, "refused": refused, "until": until})

    def push(self, parcel: Parcel, so_far: list[Happened], one: Happened, now: float) -> tuple[dict[str, str], bytes]:
        """Tell of one scan."""
        body = orjson.dumps({"parcels": [self.parcel(parcel, so_far, [one])]})
        return {"Content-Type": JSON, "Demo-Signature": sign(self.secrets["signing_secret"], body, now)}, body

    def parcel(self, parcel: Parcel, so_far: list[Happened], scans: list[Happened]) -> dict[str, Any]:
        """Return a parcel with these scans; what is said of the whole follows from all that happened so far."""
        said: dict[str, Any] = {"number": parcel.number, "service": "Standard", "grams": 1250}
        said["scans"] = [self._scan(one) for one in scans]
        destination = parcel.beats[-1].place
        said["destination"] = {name: getattr(destination, name) for name in ("city", "postal_code", "country")}
        if (last := so_far[-1]).deed in WITH_COURIER:
            said["courier"] = {"name": "Marta", "vehicle": "bicycle", "stops_before": WITH_COURIER[last.deed]}
            said["promised"] = {
                "from": (last.at + timedelta(hours=PROMISED[0])).isoformat(),
                "to": (last.at + timedelta(hours=PROMISED[1])).isoformat(),
            }
        return said

    def _scan(self, one: Happened) -> dict[str, Any]:
        code, text = self.words[one.deed]
        said: dict[str, Any] = {"id": f"s{one.order}", "at": one.at.isoformat(), "code": code, "text": text}
        if one.deed not in ("ordered", "label", "return_label"):
            said["place"] = _place(one.place)
        if names := _proof_names(one):
            said["proofs"] = [{"kind": kind, "name": name} for name, kind in names.items()]
        if one.deed == "signed":
            said["signed_by"] = "R. Sousa"
        return said


def sign(secret: str, body: bytes, now: float) -> str:
    """Return the header that proves a push: good for five minutes around `now` (epoch seconds)."""
    stamp = str(int(now))
    made = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={made}"


def _proof_names(one: Happened) -> dict[str, str]:
    return {"safe": {"door": "photo"}, "signed": {"ink": "signature"}}.get(one.deed, {})


def _place(place: Place) -> dict[str, Any]:
    return {name: getattr(place, name) for name in ("city", "postal_code", "country", "latitude", "longitude")}
