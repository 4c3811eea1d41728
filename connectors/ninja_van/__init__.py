"""Ninja Van (south-east Asia): signed pushes of one event each, and a poll of the whole history.

The event's text is its code: version 2 of the push says `Delivered, Left at Doorstep`, version 1 `Successful Delivery`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from connectors.auth import OAuth2ClientCredentials
from connectors.auth import Proof as RequestProof
from connectors.base import Connector, Payload, Polls, Pushes, dig, rows, text_of
from connectors.errors import Unreadable
from connectors.signatures import require_header, require_hmac, require_secret
from normalizer.clock import iso
from normalizer.model import Detail, Missing, Place, Proof, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import httpx

    from connectors.base import Push
    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

PATH = "/country/1.0/orders/tracking-events/"
"""The account's country stands in the address; `_InPath` puts it there when the request leaves."""

SANDBOX_COUNTRY = "sg"
"""The sandbox of every country."""

HUBS = (
    "arrived_at_origin_hub_information",
    "arrived_at_transit_hub_information",
    "arrived_at_destination_hub_information",
    "in_transit_to_next_sorting_hub_information",
)
TRIALS = ("delivery_exception", "pickup_exception")
PROOFS = ("delivery_information", *TRIALS, "picked_up_information", "arrived_at_pudo_information")


class Carrier(Connector, Polls, Pushes):
    """Webhooks (v1 and v2) and the tracking events of the order API."""

    def auth(self, secrets: Mapping[str, str]) -> httpx.Auth:
        """A token of the account's country; the sandbox has one country for all."""
        country = quote(secrets["country"].strip().lower(), safe="")
        address = "/{}/2.0/oauth/access_token"
        return OAuth2ClientCredentials(
            {"production": address.format(country), "test": address.format(SANDBOX_COUNTRY)},
            secrets["client_id"],
            secrets["client_secret"],
            style="json",
            beside=_InPath(country),
        )

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask for all events of one parcel."""
        return await http.get(PATH + quote(numbers[0], safe=""))

    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """Base64 HMAC-SHA256 over the raw body with the client secret."""
        key = require_secret(secrets, "client_secret").encode()
        require_hmac(key, push.body, require_header(push.headers, "x-ninjavan-hmac-sha256"), encoding="base64")

    def parts(self, payload: Payload) -> Iterator[Any]:
        """One event a part: a push is one, an answer lists them under each parcel."""
        body = payload.json()
        if "tracking_id" in body:
            yield body
            return
        if "data" not in body:
            raise Unreadable("neither a push nor an answer")
        listed = [event for parcel in rows(body, "data") for event in rows(parcel, "events")]
        yield from listed
        if not listed:
            yield from (Missing(number=number) for number in payload.numbers)

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:  # noqa: ARG002 - all is in the part
        """Yield one event, and what a push tells of the parcel besides."""
        if isinstance(part, Missing):
            yield part
            return
        number = text_of(part, "tracking_id") or part["tracking_number"]
        status, event = text_of(part, "status"), text_of(part, "event")
        codes = tuple(dict.fromkeys(one for one in (event, status) if one))
        if not codes:
            raise Unreadable("neither event nor status")
        proofs, signer = _proofs(part)
        yield Scan(
            number=number,
            at=iso(part["timestamp"]),
            codes=codes,
            text=_words(part, codes[0]),
            place=_place(part),
            returning=dig(part, "is_parcel_on_rts_leg") is True,
            signed_by=signer,
            proofs=proofs,
            extra=_extra(part),
        )
        reference = text_of(part, "shipper_order_ref_no")
        if reference:
            yield Detail(number=number, references=(reference,))


def _words(event: dict[str, Any], code: str) -> str:
    """Return the text with the reason the courier gave, which is free text and decides nothing."""
    reason = next((text for name in TRIALS if (text := text_of(event, name, "failure_reason"))), None)
    reason = reason or text_of(event, "rts_reason") or text_of(event, "cancellation_information", "reason")
    return f"{code}: {reason}" if reason else code


def _place(event: dict[str, Any]) -> Place:
    """Return the hub; its country is given by two letters or by name, and only letters count."""
    for name in HUBS:
        hub = dig(event, name)
        if hub is not None:
            country = text_of(hub, "country")
            return Place(
                facility=text_of(hub, "hub"),
                city=text_of(hub, "city"),
                country=country.upper() if country and len(country) == 2 and country.isalpha() else None,  # noqa: PLR2004 - ISO 3166
            )
    return Place()


def _proofs(event: dict[str, Any]) -> tuple[tuple[Proof, ...], str | None]:
    """Return the proofs and who signed; telephone and kinship are the recipient's and are not read."""
    for name in PROOFS:
        proof = dig(event, name, "proof")
        if proof is None:
            continue
        signature = text_of(proof, "signature_uri")
        images = [text_of(image) for image in rows(proof, "image_uris")]
        found = (
            *((Proof(kind="signature", reference=signature),) if signature else ()),
            *(Proof(kind="photo", reference=image) for image in images if image),
        )
        return found, text_of(proof, "signed_by", "name") if name == "delivery_information" else None
    return (), None


def _extra(event: dict[str, Any]) -> dict[str, Any]:
    told = {
        "rescheduled_on": next((day for name in TRIALS if (day := text_of(event, name, "rescheduled_date"))), None),
        "carrier_liable": next((True for name in TRIALS if dig(event, name, "is_liable") is True), None),
        "measured_weight": dig(event, "parcel_measurements_information", "weight"),
        "measured_dimensions": dig(event, "parcel_measurements_information", "dimensions"),
        "linehaul": dig(event, "international_transit_information", "linehaul_information"),
    }
    return {name: value for name, value in told.items() if value is not None}


class _InPath(RequestProof):
    """The account's country in the request's path."""

    def __init__(self, country: str) -> None:
        self._country = country

    def apply(self, request: httpx.Request) -> httpx.Request:
        """Put the country into the path; the sandbox knows one only."""
        country = SANDBOX_COUNTRY if request.extensions.get("mode") == "test" else self._country
        before, _, after = request.url.raw_path.partition(PATH.encode())
        path = PATH.replace("country", country, 1).encode()
        request.url = request.url.copy_with(raw_path=before + path + after)
        return request
