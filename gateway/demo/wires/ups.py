"""UPS: a token for client credentials, then one number a call, the latest activity first."""

from __future__ import annotations

import base64
from datetime import UTC
from typing import TYPE_CHECKING, Any, ClassVar

from aiohttp import web

from gateway.demo.wires.wire import Wire, json, unauthorized

if TYPE_CHECKING:
    from gateway.demo.lives import Happened, Parcel
    from gateway.demo.world import World

TOKEN = "demo-token"  # noqa: S105 - what the simulator hands out


class Ups(Wire):
    """JSON behind OAuth 2."""

    code = "ups"
    format = "JSON, OAuth 2"
    secrets: ClassVar = {"client_id": "demo-client", "client_secret": "demo-client-secret"}
    words: ClassVar = {
        "label": ("M", "MP", "003", "The shipper made a label"),
        "picked_up": ("I", "PU", "038", "Collected from the shipper"),
        "departed": ("I", "DP", "005", "Left the building"),
        "arrived": ("I", "AR", "005", "Came into a building"),
        "duties": ("X", "1C", "013", "Duties have to be paid before it goes on"),
        "cleared": ("X", "BN", "014", "Let through by customs"),
        "depot": ("I", "AR", "071", "In the building near the receiver"),
        "out": ("I", "OF", "021", "On the vehicle for today"),
        "absent": ("X", "48", "022", "Nobody was there to take it"),
        "signed": ("D", "M4", "011", "Handed over"),
        "delivered": ("D", "M4", "011", "Handed over"),
    }

    def routes(self, world: World) -> list[web.RouteDef]:
        """The token server and tracking."""
        pair = f"{self.secrets['client_id']}:{self.secrets['client_secret']}"
        basic = "Basic " + base64.b64encode(pair.encode()).decode()

        async def token(request: web.Request) -> web.Response:
            form = await request.post()
            if request.headers.get("Authorization") != basic or form.get("grant_type") != "client_credentials":
                return unauthorized()
            return json({"token_type": "Bearer", "access_token": TOKEN, "expires_in": "14399"})

        async def details(request: web.Request) -> web.Response:
            if request.headers.get("Authorization") != f"Bearer {TOKEN}":
                return unauthorized()
            number = request.match_info["number"]
            found = world.history(self.code, number)
            if found is None:
                warning = {"code": "TW0001", "message": "No news of this number"}
                shipment: dict[str, Any] = {"inquiryNumber": number, "warnings": [warning]}
            else:
                shipment = {"inquiryNumber": number, "package": [self._package(*found)]}
            return json({"trackResponse": {"shipment": [shipment]}})

        return [web.post("/security/v1/oauth/token", token), web.get("/api/track/v1/details/{number}", details)]

    def _package(self, parcel: Parcel, so_far: list[Happened]) -> dict[str, Any]:
        said: dict[str, Any] = {
            "trackingNumber": parcel.number,
            "activity": [self._activity(one) for one in reversed(so_far)],
            "packageCount": 1,
            "service": {"code": "518", "description": "Worldwide Saver"},
            "weight": {"unitOfMeasurement": "KGS", "weight": "2.40"},
        }
        if so_far[-1].deed == "signed":
            said["deliveryInformation"] = {"location": "Reception", "receivedBy": "HOLLOWAY"}
        return said

    def _activity(self, one: Happened) -> dict[str, Any]:
        kind, code, simple, text = self.words[one.deed]
        utc = one.at.astimezone(UTC)
        return {
            "location": {
                "address": {
                    "city": one.place.city,
                    "stateProvince": one.place.region,
                    "postalCode": one.place.postal_code,
                    "countryCode": one.place.country,
                    "country": one.place.country,
                },
            },
            "status": {"type": kind, "code": code, "statusCode": simple, "description": text},
            "date": f"{one.at:%Y%m%d}",
            "time": f"{one.at:%H%M%S}",
            "gmtDate": f"{utc:%Y%m%d}",
            "gmtTime": f"{utc:%H%M%S}",
            "gmtOffset": one.at.isoformat()[-6:],
        }
