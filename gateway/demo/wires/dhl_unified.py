"""DHL Shipment Tracking - Unified: one shape for polls and pushes; here the division `express`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import orjson
from aiohttp import web

from gateway.demo.wires.wire import JSON, Wire, json, unauthorized

if TYPE_CHECKING:
    from gateway.demo.lives import Happened, Parcel
    from gateway.demo.world import World


class DhlUnified(Wire):
    """JSON behind a key; pushes carry a word the merchant chose."""

    code = "dhl-unified"
    format = "JSON push"
    secrets: ClassVar = {
        "api_key": "demo-dhl-key",
        "push_header": "X-Demo-Proof",
        "push_token": "demo-push-token-of-our-own-choice",
    }
    words: ClassVar = {
        "label": ("pre-transit", "104", "Announced by the sender"),
        "picked_up": ("transit", "PU", "Picked up"),
        "sorted": ("transit", "PL", "Sorted"),
        "departed": ("transit", "DF", "Left the facility"),
        "arrived": ("transit", "AF", "Came into a facility"),
        "depot": ("transit", "AR", "At the delivery facility"),
        "out": ("transit", "WC", "With the courier"),
        "absent": ("failure", "NH", "Nobody was at home"),
        "delivered": ("delivered", "OK", "Handed over"),
        "refused": ("failure", "RD", "The recipient refused it"),
        "returning": ("failure", "RT", "It goes back to the sender"),
        "returned": ("delivered", "OK", "Handed over to the sender"),
    }

    def routes(self, world: World) -> list[web.RouteDef]:
        """Tracking."""

        async def shipments(request: web.Request) -> web.Response:
            if request.headers.get("DHL-API-Key") != self.secrets["api_key"]:
                return unauthorized()
            number = request.query.get("trackingNumber", "")
            found = world.history(self.code, number)
            if found is None:
                said = {"title": "No result found", "status": 404, "detail": "Nothing is known of this number."}
                return json(said | {"instance": f"/shipment/{number}"}, 404)
            return json({"shipments": [self._shipment(found[0], found[1])]})

        return [web.get("/track/shipments", shipments)]

    def push(self, parcel: Parcel, so_far: list[Happened], one: Happened, now: float) -> tuple[dict[str, str], bytes]:  # noqa: ARG002 - the scheme has no time stamp
        """Tell of one event; the shipment's status is the event's."""
        body = {"scope": "subscription.push", "shipments": [self._shipment(parcel, [one])]}
        headers = {"Content-Type": JSON, self.secrets["push_header"]: self.secrets["push_token"]}
        return headers, orjson.dumps(body)

    def _shipment(self, parcel: Parcel, scans: list[Happened]) -> dict[str, Any]:
        events = [self._event(one) for one in reversed(scans)]
        return {
            "id": parcel.number,
            "service": "express",
            "status": events[0],
            "details": {"totalNumberOfPieces": 1, "weight": {"value": 3.2, "unitText": "kg"}},
            "events": events,
        }

    def _event(self, one: Happened) -> dict[str, Any]:
        coarse, status, text = self.words[one.deed]
        address = {
            "countryCode": one.place.country,
            "postalCode": one.place.postal_code,
            "addressLocality": one.place.city,
        }
        return {
            "timestamp": one.at.isoformat(),
            "location": {"address": address},
            "statusCode": coarse,
            "status": status,
            "description": text,
        }
