"""Purolator: SOAP with the credentials in a Basic header; scans are told apart by their type."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING, ClassVar

from aiohttp import web

from gateway.demo.wires.soap import asked, envelope
from gateway.demo.wires.wire import Wire, unauthorized

if TYPE_CHECKING:
    from gateway.demo.lives import Happened, Parcel
    from gateway.demo.world import World

_NAMESPACES = 'xmlns:d="http://purolator.com/pws/datatypes/v1" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'
_TEXTS = (
    "<d:PremiumServiceText>Not known or specified</d:PremiumServiceText>"
    "<d:ProductTypeText>Express</d:ProductTypeText><d:SpecialHandlingText/><d:PaymentTypeText>Sender</d:PaymentTypeText>"
)


class Purolator(Wire):
    """SOAP 1.1."""

    code = "purolator"
    format = "SOAP"
    secrets: ClassVar = {"key": "demo-key", "password": "demo-password"}
    words: ClassVar = {
        "picked_up": (
            "ProofOfPickUp",
            "Picked up from the sender",
            "<d:PickUpConfirmationNumber>00417733</d:PickUpConfirmationNumber><d:PickUpAddress i:nil='true'/>"
            "<d:PickUpContactName/><d:PickUpCompanyName/><d:PickUpLocation/><d:CommitedDeliveryDate/>" + _TEXTS,
        ),
        "sorted": ("", "Arrived at sort facility", ""),
        "out": ("OnDelivery", "On the vehicle", "<d:DeliveryAddress/>"),
        "signed": (
            "Delivery",
            "Delivered",
            "<d:DeliverySignature>L ARSENAULT</d:DeliverySignature><d:SignatureImage i:nil='true'/>"
            "<d:SignatureImageSize>1840</d:SignatureImageSize><d:SignatureImageFormat>GIF</d:SignatureImageFormat>"
            "<d:DeliveryAddress/><d:DeliveryCompanyName/>" + _TEXTS,
        ),
    }

    def routes(self, world: World) -> list[web.RouteDef]:
        """TrackPackagesByPin."""
        pair = f"{self.secrets['key']}:{self.secrets['password']}"
        basic = "Basic " + base64.b64encode(pair.encode()).decode()

        async def track(request: web.Request) -> web.Response:
            if request.headers.get("Authorization") != basic:
                return unauthorized()
            pin = await asked(request, "Value")
            return envelope(
                f"<d:TrackPackagesByPinResponse {_NAMESPACES}>"
                "<d:ResponseInformation><d:Errors/><d:InformationalMessages i:nil='true'/></d:ResponseInformation>"
                f"<d:TrackingInformationList>{self._information(pin, world.history(self.code, pin))}"
                "</d:TrackingInformationList></d:TrackPackagesByPinResponse>",
                f"<d:ResponseContext {_NAMESPACES}><d:ResponseReference>demo</d:ResponseReference></d:ResponseContext>",
            )

        return [web.post("/EWS/V1/Tracking/TrackingService.asmx", track)]

    def _information(self, pin: str, found: tuple[Parcel, list[Happened]] | None) -> str:
        scans = "".join(self._scan(pin, one) for one in reversed(found[1])) if found else ""
        error = (
            "<d:Error><d:Code>9999001</d:Code><d:Description>no such parcel, an invented code</d:Description>"
            "<d:AdditionalInformation i:nil='true'/></d:Error>"
        )
        return (
            f"<d:TrackingInformation><d:PIN><d:Value>{escape(pin)}</d:Value></d:PIN><d:Scans>{scans}</d:Scans>"
            f"<d:ResponseInformation><d:Errors>{'' if found else error}</d:Errors>"
            "<d:InformationalMessages i:nil='true'/></d:ResponseInformation></d:TrackingInformation>"
        )

    def _scan(self, pin: str, one: Happened) -> str:
        kind, text, details = self.words[one.deed]
        typed = f' i:type="d:{kind}Scan"' if kind else ""
        return (
            f"<d:Scan{typed}><d:ScanType>{kind or 'Other'}</d:ScanType><d:PIN><d:Value>{escape(pin)}</d:Value></d:PIN>"
            f"<d:Depot><d:Name>{one.place.city}, {one.place.region}</d:Name></d:Depot>"
            f"<d:ScanDate>{one.at:%Y-%m-%d}</d:ScanDate><d:ScanTime>{one.at:%H%M%S}</d:ScanTime>"
            f"<d:Description>{text}</d:Description><d:Comment i:nil='true'/>"
            "<d:SummaryScanIndicator>false</d:SummaryScanIndicator>"
            f"{f'<d:ScanDetails>{details}</d:ScanDetails>' if details else ''}</d:Scan>"
        )
