"""WooCommerce's webhooks: an order as its REST API shows it, signed over the raw body."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from connectors.base import Reply, dig, rows, text_of
from connectors.shops import base
from connectors.shops.base import ActSaid, LineSaid, OrderSaid, ParcelSaid, count_of, key_of
from connectors.signatures import require_header, require_hmac, require_secret
from normalizer.model import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from connectors.base import Payload, Push
    from connectors.shops.base import Said

# A new webhook is tried with a form of its own id, unsigned; without a 2xx it is not switched on.
_PING = re.compile(rb"webhook_id=[0-9]{1,12}")
_NUMBERS = "_wc_shipment_tracking_items"


class Shop(base.Shop):
    """See README.md."""

    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """Base64 HMAC-SHA256 of the raw body with the webhook's secret."""
        key = require_secret(secrets, "signing_secret").encode()
        require_hmac(key, push.body, require_header(push.headers, "x-wc-webhook-signature"), encoding="base64")

    def challenge(self, push: Push) -> Reply | None:
        """Answer the trial of a new webhook, which tells nothing."""
        return Reply() if _PING.fullmatch(push.body) else None

    def parse(self, payload: Payload) -> Iterator[Said]:
        """Yield an order, what its status says, and its parcels."""
        if payload.headers["x-wc-webhook-topic"] not in ("order.created", "order.updated", "order.restored"):
            return
        order = payload.json()
        key, changed = key_of(order["id"]), _gmt(order["date_modified_gmt"])
        yield OrderSaid(
            order=key,
            number=order["number"],
            placed_at=_gmt(order["date_created_gmt"]),
            updated_at=changed,
            lines=tuple(_line(item) for item in order["line_items"] if count_of(item["quantity"])),
            address=_address(order),
            recipient=_recipient(order),
        )
        meaning = self.means(order["status"])
        if meaning is not None:
            whole = meaning.status is Status.REFUNDED
            yield ActSaid(
                order=key,
                key=f"status:{order['status']}:{changed:%Y-%m-%dT%H:%M:%S}",
                stands=True,
                status=meaning.status,
                substatus=meaning.substatus,
                at=changed,
                return_id="refund" if whole else "",
            )
        for meta in rows(order, "meta_data"):
            if text_of(meta, "key") == _NUMBERS:
                yield from (_parcel(key, one, changed) for one in rows(meta, "value"))


def _gmt(text: Any) -> datetime:
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _line(item: Any) -> LineSaid:
    return LineSaid(
        id=key_of(item["id"]),
        quantity=count_of(item["quantity"]),
        sku=text_of(item, "sku"),
        title=text_of(item, "name"),
    )


def _parcel(order: str, told: Any, changed: datetime) -> ParcelSaid:
    shipped = text_of(told, "date_shipped")
    return ParcelSaid(
        order=order,
        number=told["tracking_number"].strip(),
        at=changed if shipped is None else datetime.fromtimestamp(int(shipped), UTC),
        company=text_of(told, "tracking_provider") or text_of(told, "custom_tracking_provider") or "",
        fulfilment=order,  # an order shows all its numbers
    )


_ADDRESS = {"city": "city", "region": "state", "postal_code": "postcode", "country": "country"}


def _where(order: Any) -> Any:
    """Return the shipping address; an order without one goes to the billing address."""
    shipping = order["shipping"]
    return shipping if dig(shipping, "address_1") or dig(shipping, "city") else order["billing"]


def _address(order: Any) -> dict[str, Any]:
    where = _where(order)
    street = " ".join(part for name in ("address_1", "address_2") if (part := text_of(where, name)))
    found: dict[str, Any] = {"street": street} if street else {}
    return found | {ours: text for ours, theirs in _ADDRESS.items() if (text := text_of(where, theirs))}


def _recipient(order: Any) -> dict[str, Any]:
    where, billing = _where(order), order["billing"]
    name = " ".join(part for one in ("first_name", "last_name") if (part := text_of(where, one)))
    told = {
        "name": name or text_of(where, "company"),
        "email": text_of(billing, "email"),
        "phone": text_of(where, "phone") or text_of(billing, "phone"),
    }
    return _address(order) | {field: value for field, value in told.items() if value}
