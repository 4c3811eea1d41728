"""Chronopost: SOAP without an account; the meaning stands in French labels."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, ClassVar

from aiohttp import web

from gateway.demo.wires.soap import asked, envelope
from gateway.demo.wires.wire import Wire

if TYPE_CHECKING:
    from gateway.demo.lives import Happened
    from gateway.demo.world import World


class Chronopost(Wire):
    """SOAP 1.1."""

    code = "chronopost"
    format = "SOAP"
    words: ClassVar = {
        "label": ("DC", "Colis en cours de préparation chez l'expéditeur"),
        "picked_up": ("DB", "Colis déposé par l'expéditeur"),
        "sorted": ("SC", "Tri effectué dans l'agence de départ"),
        "departed": ("TS", "Colis en cours d'acheminement"),
        "depot": ("SD", "Tri effectué dans l'agence de distribution"),
        "delayed": ("RD", "Colis retardé à l'agence de distribution"),
        "out": ("TA", "Colis en cours de livraison"),
        "absent": ("P", "Echec de livraison suite à l'absence du destinataire"),
        "at_shop": ("RI", "Colis mis à disposition au point de retrait"),
        "delivered": ("D", "Livraison effectuée"),
        "collected": ("D", "Livraison effectuée"),
    }

    def routes(self, world: World) -> list[web.RouteDef]:
        """trackSkybillV2."""

        async def track(request: web.Request) -> web.Response:
            number = await asked(request, "skybillNumber")
            found = world.history(self.code, number)
            events = "".join(self._event(one) for one in found[1]) if found else ""
            return envelope(
                '<n:trackSkybillV2Response xmlns:n="http://cxf.tracking.soap.chronopost.fr/"><return>'
                f"<errorCode>0</errorCode><listEventInfoComp>{events}"
                f"<skybillNumber>{escape(number)}</skybillNumber></listEventInfoComp></return>"
                "</n:trackSkybillV2Response>"
            )

        return [web.post("/tracking-cxf/TrackingServiceWS", track)]

    def _event(self, one: Happened) -> str:
        code, label = self.words[one.deed]
        return (
            f"<events><code>{code}</code><eventDate>{one.at.isoformat()}</eventDate>"
            f"<eventLabel>{escape(label)}</eventLabel><highPriority>false</highPriority><NPC/>"
            f"<officeLabel>{escape(one.place.facility)}</officeLabel><zipCode>{one.place.postal_code}</zipCode></events>"
        )
