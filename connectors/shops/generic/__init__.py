"""Any other shop: one plain JSON shape (docs/shops.md), signed as Standard Webhooks 1.0 has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.base import dig, rows, text_of
from connectors.errors import Forged
from connectors.shops import base
from connectors.shops.base import ActSaid, LineSaid, OrderSaid, ParcelSaid, count_of, instant, key_of
from connectors.signatures import base64_key, hmac_ok, require_fresh, require_header, require_secret
from normalizer.model import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from connectors.base import Payload, Push
    from connectors.shops.base import Said
    from normalizer.order_lines import Goods

_ADDRESS = ("street", "city", "region", "postal_code", "country")
_PERSON = ("name", "email", "phone", "language")


class Shop(base.Shop):
    """See README.md."""

    signs_time = True

    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """Standard Webhooks 1.0: one of the `v1` signatures is the base64 HMAC-SHA256 of `id.timestamp.body`."""
        key = _key(require_secret(secrets, "signing_secret"))
        stamp = require_header(push.headers, "webhook-timestamp")
        signed = f"{require_header(push.headers, 'webhook-id')}.{stamp}.".encode() + push.body
        given = require_header(push.headers, "webhook-signature").split()
        theirs = [one.removeprefix("v1,") for one in given if one.startswith("v1,")]
        if not any(hmac_ok(key, signed, one, encoding="base64") for one in theirs):
            raise Forged("the signature is not this body's")
        require_fresh(stamp, push.received_at)

    def flaws(self, secrets: Mapping[str, str]) -> dict[str, str]:
        """A secret that is not base64 would refuse every push."""
        try:
            _key(secrets["signing_secret"])
        except Forged:
            return {"signing_secret": "is not base64 after `whsec_`"}
        return {}

    def parse(self, payload: Payload) -> Iterator[Said]:
        """Yield an order, its events and its parcels."""
        body = payload.json()
        told = body["order"]
        key = key_of(told["id"])
        if dig(told, "number") is not None:
            yield OrderSaid(
                order=key,
                number=told["number"],
                placed_at=instant(told["placed_at"]),
                updated_at=instant(told["updated_at"]),
                lines=tuple(
                    LineSaid(
                        id=key_of(line["id"]),
                        quantity=count_of(line["quantity"]),
                        sku=text_of(line, "sku"),
                        title=text_of(line, "title"),
                    )
                    for line in rows(told, "lines")
                ),
                address=_texts(dig(told, "destination"), _ADDRESS),
                recipient=_texts(dig(told, "recipient"), (*_PERSON, *_ADDRESS)),
            )
        for event in rows(body, "events"):
            yield ActSaid(
                order=key,
                key=key_of(event["id"]),
                status=Status(event["status"]),
                substatus=text_of(event, "substatus") or "other",
                at=instant(event["at"]),
                text=text_of(event, "text") or "",
                return_id=text_of(event, "return_id") or "",
                parcel=text_of(event, "parcel") or "",
                items=_goods(event),
            )
        for parcel in rows(body, "parcels"):
            yield ParcelSaid(
                order=key,
                number=parcel["tracking_number"],
                at=instant(parcel["at"]),
                carrier=text_of(parcel, "carrier") or "",
                items=_goods(parcel),
                is_return=dig(parcel, "return") is True,
                void=dig(parcel, "cancelled") is True,
            )


def _key(secret: str) -> bytes:
    return base64_key(secret.strip().removeprefix("whsec_"))


def _goods(node: Any) -> Goods:
    return tuple((key_of(item["line"]), count_of(item["quantity"])) for item in rows(node, "items"))


def _texts(node: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: text for name in names if (text := text_of(node or {}, name))}
