"""Amazon Shipping: one parcel a call of the Selling Partner API; each event says which leg it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.auth import KeyAuth, OAuth2ClientCredentials
from connectors.base import Connector, Payload, Polls, dig, rows, text_of
from connectors.errors import Unreadable
from normalizer.clock import iso
from normalizer.model import Detail, Place, Proof, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import httpx

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

TOKEN_URL = "https://api.amazon.com/auth/o2/token"  # noqa: S105 - an address

OWN_NETWORK = "ATS"
"""The carrier id of Amazon's own network."""

UNITED_KINGDOM = "AmazonShipping_UK"
"""The documented default business."""

UNAUTHORIZED, FORBIDDEN = 401, 403
"""The model names an expired token among the reasons of a 403."""

FORWARD = "FORWARD"
DELIVERED = "Delivered"


class LoginWithAmazon(OAuth2ClientCredentials):
    """A token of Login with Amazon, which the API refuses by 403 once it has expired."""

    async def _refuses(self, response: httpx.Response, *, last: bool) -> bool:  # noqa: ARG002 - a fresh one as well
        return response.status_code in (UNAUTHORIZED, FORBIDDEN)


class Carrier(Connector, Polls):
    """getTracking of the Shipping API, version 2."""

    def auth(self, secrets: Mapping[str, str]) -> LoginWithAmazon:
        """A Login with Amazon token for the account's refresh token, bare in a header of its own."""
        return LoginWithAmazon(
            TOKEN_URL,
            secrets["client_id"],
            secrets["client_secret"],
            style="form",
            fields={"grant_type": "refresh_token", "refresh_token": secrets["refresh_token"]},
            header="x-amz-access-token",
            scheme="",
            beside=KeyAuth("x-amzn-shipping-business-id", secrets.get("business_id") or UNITED_KINGDOM),
        )

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about one parcel of Amazon's own network."""
        return await http.get("/shipping/v2/tracking", params={"trackingId": numbers[0], "carrierId": OWN_NETWORK})

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:  # noqa: ARG002 - all is in the part
        """Yield the parcel's events, newest first as they come, and what is told of it as a whole; both may be little.

        An unknown number is a 404, so one without events is known and has not begun.
        """
        told = dig(part, "payload") or part
        if dig(told, "errors"):
            raise Unreadable(f"the carrier answers with the errors {[error['code'] for error in told['errors']]}")
        number = told["trackingId"]
        summary = dig(told, "summary")
        events = rows(told["eventHistory"])
        forward = [text_of(code) for code in rows(summary, "trackingDetailCodes", "forward")]
        proof = dig(summary, "proofOfDelivery")
        for place_in_list, event in enumerate(events):
            yield _scan(number, event, -place_in_list, forward, proof)
        promised = text_of(told, "promisedDeliveryDate")
        image = text_of(proof, "deliveryImageURL")
        codes = {leg: rows(summary, "trackingDetailCodes", leg) for leg in ("forward", "returns")}
        yield Detail(
            number=number,
            eta=Window(None, iso(promised)) if promised else None,
            signed_by=text_of(proof, "receivedBy"),
            proofs=(Proof(kind="photo", reference=image),) if image else None,
            returns_as=text_of(told, "alternateLegTrackingId"),
            extra={"detail_codes": codes} if any(codes.values()) else None,
        )


def _scan(number: str, event: dict[str, Any], order: int, forward: Sequence[str | None], proof: Any) -> Scan:
    code = event["eventCode"]
    onward = (text_of(event, "shipmentType") or FORWARD).upper() == FORWARD
    # Detail codes are the leg's last word: they surely belong to a delivery, which ends it, and to no other event.
    end = onward and code == DELIVERED
    refined = tuple(f"{code}/{detail}" for detail in forward if detail) if end else ()
    where = dig(event, "location")
    point = dig(proof, "deliveryLocationCoordinates") if end else None
    return Scan(
        number=number,
        at=iso(event["eventTime"]),
        codes=(*refined, code),
        place=Place(
            city=text_of(where, "city"),
            region=text_of(where, "stateOrRegion"),
            postal_code=text_of(where, "postalCode"),
            country=text_of(where, "countryCode"),
            latitude=dig(point, "latitude"),
            longitude=dig(point, "longitude"),
        ),
        order=order,
        returning=not onward,
    )
