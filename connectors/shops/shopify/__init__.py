"""Shopify's webhooks: orders, fulfilments and refunds as the Admin API shows them, signed over the raw body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.base import dig, rows, text_of
from connectors.shops import base
from connectors.shops.base import ActSaid, LineSaid, OrderSaid, ParcelSaid, count_of, instant, key_of
from connectors.shops.shopify.writing import Writing
from connectors.signatures import require_header, require_hmac, require_secret
from normalizer.model import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from connectors.base import Payload, Push
    from connectors.shops.base import Said
    from normalizer.order_lines import Goods

# `orders/edited` tells of the edit and not of the order, which `orders/updated` shows; a deleted order has an id alone.
_NO_ORDER = frozenset({"orders/delete", "orders/edited"})
_CALLED_OFF = frozenset({"cancelled", "error", "failure"})


class Shop(base.Shop, Writing):
    """See README.md."""

    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """Base64 HMAC-SHA256 of the raw body with the client secret."""
        key = require_secret(secrets, "signing_secret").encode()
        require_hmac(key, push.body, require_header(push.headers, "x-shopify-hmac-sha256"), encoding="base64")

    def parse(self, payload: Payload) -> Iterator[Said]:
        """Yield an order with its fulfilments and refunds, or one of these alone, by the topic."""
        topic = payload.headers["x-shopify-topic"]
        family = topic.partition("/")[0]
        if family == "orders" and topic not in _NO_ORDER:
            yield from self._order(payload.json())
        elif family == "fulfillments":
            yield from self._fulfilment(payload.json())
        elif family == "refunds":
            yield from self._refund(payload.json())

    def _order(self, order: Any) -> Iterator[Said]:
        key = key_of(order["id"])
        where = dig(order, "shipping_address")
        yield OrderSaid(
            order=key,
            number=order["name"],
            placed_at=instant(order["created_at"]),
            updated_at=instant(order["updated_at"]),
            lines=tuple(_lines(order["line_items"])),
            address=_address(where),
            recipient=_recipient(order, where),
        )
        if (at := text_of(order, "cancelled_at")) is not None:
            meaning = self.means(f"cancel:{text_of(order, 'cancel_reason') or 'other'}")
            substatus = "other" if meaning is None else meaning.substatus
            yield ActSaid(order=key, key="cancelled", status=Status.CANCELLED, substatus=substatus, at=instant(at))
        for fulfilment in rows(order, "fulfillments"):
            yield from self._fulfilment(fulfilment)
        for refund in rows(order, "refunds"):
            yield from self._refund(refund)

    def _fulfilment(self, told: Any) -> Iterator[Said]:
        order, key, at = key_of(told["order_id"]), key_of(told["id"]), instant(told["created_at"])
        numbers = [text for one in rows_of_texts(told, "tracking_numbers") if (text := one.strip())]
        items = _goods((line["id"], line["quantity"]) for line in told["line_items"])
        void = told["status"] in _CALLED_OFF
        for number in dict.fromkeys(numbers):
            yield ParcelSaid(
                order=order,
                number=number,
                at=at,
                company=text_of(told, "tracking_company") or "",
                fulfilment=key,
                items=items if len(numbers) == 1 else (),
                void=void,
            )
        if not numbers:
            yield from self._without_number(told, items, void=void)

    def _without_number(self, told: Any, items: Goods, *, void: bool) -> Iterator[Said]:
        """Goods that no carrier tells of: what Shopify itself says of them is all there is."""
        order, key = key_of(told["order_id"]), key_of(told["id"])
        said = text_of(told, "shipment_status")
        meaning = None if said is None else self.means(f"shipment:{said}")
        if void:
            status, substatus = Status.CANCELLED, "by_merchant"
        elif meaning is not None:
            status, substatus = meaning.status, meaning.substatus
        elif said is None:
            status, substatus = Status.IN_TRANSIT, "other"
        else:
            return  # a word nobody has listed says nothing
        at = instant(told["updated_at"] if void or said else told["created_at"])
        yield ActSaid(
            order=order,
            key=f"fulfilment:{key}:{'void' if void else said or 'sent'}",
            status=status,
            substatus=substatus,
            at=at,
            parcel=f"fulfilment {key}",
            items=items,
        )

    def _refund(self, told: Any) -> Iterator[Said]:
        order, key = key_of(told["order_id"]), key_of(told["id"])
        at = instant(told["created_at"])
        by_kind: dict[str, list[tuple[Any, Any]]] = {}
        for line in told["refund_line_items"]:
            by_kind.setdefault(line["restock_type"], []).append((line["line_item_id"], line["quantity"]))
        for kind, lines in sorted(by_kind.items()):
            meaning = self.means(f"restock:{kind}")
            if meaning is None:
                continue
            money = meaning.status is Status.REFUNDED
            yield ActSaid(
                order=order,
                key=f"refund:{key}:{kind}",
                status=meaning.status,
                substatus=meaning.substatus,
                at=at,
                text=text_of(told, "note") or "" if money else "",
                return_id=f"refund {key}" if money else "",
                items=_goods(lines),
            )


def rows_of_texts(node: Any, name: str) -> list[str]:
    """Return a list of texts; a list of anything else raises `TypeError`."""
    several = rows(node, name)
    if not all(isinstance(one, str) for one in several):
        raise TypeError("expected texts")
    return several


def _lines(items: Any) -> Iterator[LineSaid]:
    for item in items:
        quantity = count_of(item["quantity"])
        if quantity and dig(item, "requires_shipping") is not False:
            yield LineSaid(
                id=key_of(item["id"]), quantity=quantity, sku=text_of(item, "sku"), title=text_of(item, "name")
            )


def _goods(pairs: Any) -> Goods:
    counted: dict[str, int] = {}
    for line, quantity in pairs:
        counted[key_of(line)] = counted.get(key_of(line), 0) + count_of(quantity)
    return tuple((line, quantity) for line, quantity in counted.items() if quantity)


_ADDRESS = {"city": "city", "region": "province_code", "postal_code": "zip", "country": "country_code"}


def _address(where: Any) -> dict[str, Any]:
    street = " ".join(part for name in ("address1", "address2") if (part := text_of(where or {}, name)))
    found: dict[str, Any] = {"street": street} if street else {}
    found |= {ours: text for ours, theirs in _ADDRESS.items() if (text := text_of(where or {}, theirs))}
    for name in ("latitude", "longitude"):
        value = dig(where, name)
        if value is not None:
            found[name] = float(value)
    return found


def _recipient(order: Any, where: Any) -> dict[str, Any]:
    told = {
        "name": text_of(where or {}, "name"),
        "email": text_of(order, "email"),
        "phone": text_of(where or {}, "phone") or text_of(order, "phone"),
        "language": text_of(order, "customer_locale"),
    }
    return _address(where) | {name: value for name, value in told.items() if value}
