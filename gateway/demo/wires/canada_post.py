"""Canada Post: one XML answer a parcel, the clock on the wall with the short name of its zone."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING, ClassVar

from aiohttp import web

from gateway.demo.wires.wire import Wire, unauthorized

if TYPE_CHECKING:
    from gateway.demo.lives import Happened, Parcel
    from gateway.demo.world import World

MEDIA_TYPE = "application/vnd.cpc.track-v2+xml"


class CanadaPost(Wire):
    """XML behind Basic authentication."""

    code = "canada-post"
    format = "XML"
    secrets: ClassVar = {"username": "demo-user", "password": "demo-password"}
    words: ClassVar = {
        "label": ("3000", "The sender printed a label"),
        "picked_up": ("2300", "Collected from the sender"),
        "sorted": ("0100", "Sorted"),
        "departed": ("0410", "Left the plant"),
        "arrived": ("0400", "Came into a plant"),
        "out": ("0500", "On the vehicle"),
        "absent": ("1435", "Nobody answered; a card was left"),
        "at_shop": ("1701", "Waits at the post office"),
        "collected": ("1408", "Handed over and signed for"),
        "signed": ("1408", "Handed over and signed for"),
        "delivered": ("1496", "Delivered"),
    }

    def routes(self, world: World) -> list[web.RouteDef]:
        """Tracking details by PIN."""
        pair = f"{self.secrets['username']}:{self.secrets['password']}"
        basic = "Basic " + base64.b64encode(pair.encode()).decode()

        async def detail(request: web.Request) -> web.Response:
            if request.headers.get("Authorization") != basic:
                return unauthorized()
            if request.headers.get("Accept") != MEDIA_TYPE:
                return _xml(_messages("E001", "another media type was asked for"), 406)
            found = world.history(self.code, request.match_info["pin"])
            if found is None:
                return _xml(_messages("004", "Nothing is known of it"), 404)
            return _xml(self._detail(*found))

        return [web.get("/vis/track/pin/{pin}/detail", detail)]

    def _detail(self, parcel: Parcel, so_far: list[Happened]) -> str:
        events = "".join(self._occurrence(one) for one in reversed(so_far))
        destination = parcel.beats[-1].place.postal_code.replace(" ", "")
        return (
            '<tracking-detail xmlns="http://www.canadapost.ca/ws/track">'
            f"<pin>{parcel.number}</pin><active-exists>1</active-exists><changed-expected-date/>"
            f"<destination-postal-id>{escape(destination)}</destination-postal-id><expected-delivery-date/>"
            "<original-pin/><service-name>Expedited Parcel</service-name><return-pin/>"
            "<signature-image-exists>false</signature-image-exists>"
            f"<significant-events>{events}</significant-events></tracking-detail>"
        )

    def _occurrence(self, one: Happened) -> str:
        code, text = self.words[one.deed]
        signer = "M ROY" if one.deed in ("collected", "signed") else ""
        return (
            f"<occurrence><event-identifier>{code}</event-identifier><event-date>{one.at:%Y-%m-%d}</event-date>"
            f"<event-time>{one.at:%H:%M:%S}</event-time><event-time-zone>{one.at:%Z}</event-time-zone>"
            f"<event-description>{escape(text)}</event-description><signatory-name>{signer}</signatory-name>"
            f"<event-site>{escape(one.place.city.upper())}</event-site>"
            f"<event-province>{one.place.region}</event-province>"
            "<event-retail-location-id/><event-retail-name/></occurrence>"
        )


def _messages(code: str, text: str) -> str:
    message = f"<message><code>{code}</code><description>{escape(text)}</description></message>"
    return f'<messages xmlns="http://www.canadapost.ca/ws/messages">{message}</messages>'


def _xml(text: str, status: int = 200) -> web.Response:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
    return web.Response(status=status, body=body, content_type=MEDIA_TYPE)
