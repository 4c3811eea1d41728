"""UPS: REST tracking one number a call, Track Alert pushes of single scans, proofs inside the tracking answer."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

from connectors.auth import OAuth2ClientCredentials
from connectors.base import Connector, Document, Payload, Polls, Proves, Pushes, Subscribed, Subscribes, dig, rows
from connectors.errors import NotFound, Rejected, Unreadable
from connectors.signatures import require_header, require_same, require_secret
from connectors.ups import reading
from normalizer.model import Missing, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.base import Push
    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

SUBSCRIBABLE = ("1Z", "1R")
"""Track Alert takes no other numbers."""

PARTLY_REFUSED = frozenset({"VSS210", "VSS215"})
"""Refusals of a subscription that are about its numbers and not about the account."""

_BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF8": "image/gif",
    b"\xff\xd8\xff": "image/jpeg",
    b"%PDF-": "application/pdf",
    b"<": "text/html",
}


class Carrier(Connector, Polls, Pushes, Subscribes, Proves):
    """Tracking v1, Track Alert v2 and the proofs that the tracking answer carries."""

    signs_body = False

    def auth(self, secrets: Mapping[str, str]) -> OAuth2ClientCredentials:
        """Client credentials in a Basic header; the token serves tracking and subscriptions alike."""
        account = secrets.get("account_number")
        return OAuth2ClientCredentials(
            "/security/v1/oauth/token",
            secrets["client_id"],
            secrets["client_secret"],
            headers={"x-merchant-id": account} if account else None,
        )

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask for one number, without images."""
        return await _details(http, numbers[0], proofs=False)

    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """Check `x-api-key`: the client id, or the key entered as the webhook's credential. Nothing is signed."""
        require_same(
            require_header(push.headers, "x-api-key"), secrets.get("push_key") or require_secret(secrets, "client_id")
        )

    async def subscribe(
        self,
        http: CarrierClient,
        numbers: Sequence[str],
        callback: str,  # noqa: ARG002 - version 2 keeps the address in the developer portal
        secrets: Mapping[str, str],  # noqa: ARG002 - as above for the webhook's credential
    ) -> Subscribed:
        """Ask for every event of these numbers over the next 14 days. Asking again only renews."""
        asked = [number for number in numbers if number.startswith(SUBSCRIBABLE)]
        refused = {number: "only 1Z and 1R numbers can be subscribed" for number in numbers if number not in asked}
        if not asked:
            return Subscribed((), refused)
        answer = await http.post(
            "/api/track/v2/subscription/standard/package",
            json={"locale": "en_US", "trackingNumberList": asked},
            headers=_headers(),
            expect=(200, 400),
            repeatable=True,
        )
        said = _json(answer)
        codes = {str(dig(error, "code")) for error in rows(said, "response", "errors")}
        if answer.status != 200 and not codes & PARTLY_REFUSED:  # noqa: PLR2004 - OK
            raise Rejected(f"the carrier refuses the subscription ({', '.join(sorted(codes)) or answer.status})")
        accepted = tuple(str(number) for number in rows(said, "validTrackingNumbers"))
        refused |= {number: ", ".join(sorted(codes)) or "refused" for number in asked if number not in accepted}
        until = datetime.now(UTC) + timedelta(days=self.facts.push.lives_days or 14)
        return Subscribed(accepted, refused, until if accepted else None)

    async def prove(self, http: CarrierClient, number: str, reference: str | None) -> Document:
        """Fetch `pod`, `signature` or `photo`; without a reference the first of them that there is."""
        said = _json(await _details(http, number, proofs=True))
        packages = [one for shipment in rows(said, "trackResponse", "shipment") for one in rows(shipment, "package")]
        packages.sort(key=lambda one: dig(one, "trackingNumber") != number)
        for package in packages:
            kept = reading.proof_texts(dig(package, "deliveryInformation"))
            for name in (reference,) if reference else reading.PROOFS:
                if name in kept:
                    return _document(kept[name])
        raise NotFound("the carrier shows this account no such proof of the parcel")

    def parts(self, payload: Payload) -> list[Any]:
        """One shipment of an answer at a time; a push is one scan of one parcel."""
        body = payload.json()
        if "activityStatus" in body:
            return [body]
        shipments = rows(body["trackResponse"], "shipment")
        if not shipments:
            raise Unreadable("the answer holds no shipment")
        return shipments

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield a push's scan, or a shipment's scans newest first, and what is said of the parcel as a whole."""
        if "activityStatus" in part:
            yield from reading.pushed(part)
            return
        number = reading.words(part, "inquiryNumber") or payload.numbers[0]
        packages = rows(part, "package")
        if not packages:
            yield Missing(number=number, text=reading.words(rows(part["warnings"])[0], "message") or "")
            return
        several = len(packages) > 1
        for package in packages:
            yield from self._scans(number, package, reading.words(package, "trackingNumber") if several else None)
        yield reading.detail(number, packages)

    def _scans(self, number: str, package: Any, piece: str | None) -> Iterator[Scan]:
        activities = rows(package, "activity")
        for later, activity in enumerate(activities, start=1):
            yield reading.scan(number, package, activity, piece=piece, order=len(activities) - later)


async def _details(http: CarrierClient, number: str, *, proofs: bool) -> Answer:
    wanted = "true" if proofs else "false"
    return await http.get(
        f"/api/track/v1/details/{quote(number, safe='')}",
        params={"locale": "en_US", "returnSignature": wanted, "returnPOD": wanted},
        headers=_headers(),
    )


def _headers() -> dict[str, str]:
    return {"transId": uuid4().hex, "transactionSrc": "carrier-gateway"}


def _json(answer: Answer) -> Any:
    return Payload(carrier="ups", body=answer.body, source="poll", received_at=datetime.now(UTC)).json()


def _document(text: str) -> Document:
    try:
        body = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable("the proof is not base64") from None
    kind = next((kind for start, kind in _BEGINNINGS.items() if body.startswith(start)), "application/octet-stream")
    return Document(body, kind)
