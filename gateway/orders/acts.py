"""An order's own event, from the merchant, the support desk or the shop: checked and written out. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from gateway.merchant_events import MOST_AHEAD, NOT_SAID, BadEvent
from normalizer.model import SUBSTATUSES, Status
from normalizer.normalize import content_id
from normalizer.order import Act
from normalizer.render import millis_instant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import RowMapping

    from normalizer.order_lines import Goods


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAct:
    """What is told of an order. `at` in epoch milliseconds; `key` is the teller's own id of it, where it has one."""

    status: Status
    substatus: str = "other"
    at: int
    text: str = ""
    return_id: str = ""
    parcel: str = ""
    items: Goods = ()
    source: str = "merchant"
    key: str = ""


def checked(act: NewAct, lines: Mapping[str, int], now: int) -> NewAct:
    """Return the act. Raises `BadEvent` naming the field that is wrong."""
    if act.status in NOT_SAID:
        raise BadEvent("status", f"{act.status.value} is not something that happens to an order")
    if act.substatus not in SUBSTATUSES[act.status]:
        raise BadEvent("substatus", f"{act.status.value} has {', '.join(SUBSTATUSES[act.status])}")
    if act.at > now + MOST_AHEAD.total_seconds() * 1000:
        raise BadEvent("at", "lies in the future")
    check_items(act.items, lines)
    return act


def check_items(items: Goods, lines: Mapping[str, int]) -> None:
    """Check that the order has these lines, and as much of them. Raises `BadEvent` naming the first that is not."""
    left = dict(lines)
    for index, (line, quantity) in enumerate(items):
        if line not in left:
            raise BadEvent(f"items/{index}/line", "the order has no such line")
        left[line] -= quantity
        if left[line] < 0:
            raise BadEvent(f"items/{index}/quantity", f"the order has only {lines[line]} of it")


def act_row(order: RowMapping | Mapping[str, Any], act: NewAct, now: int) -> dict[str, Any]:
    """Return the row of an act. Its id is made of its content, so that the same told twice is the same event."""
    told = (act.key,) if act.key else (str(act.at // 1000), act.text.casefold().strip(), items_text(act.items))
    parts = (act.status.value, act.substatus, act.return_id, act.parcel)
    id_ = content_id("oev", order["order_number"], act.source, *parts, *told)
    body = {
        "id": id_,
        "order_id": order["id"],
        "status": act.status.value,
        "substatus": act.substatus,
        "at": millis_instant(act.at),
        "text": act.text,
        "return_id": act.return_id or None,
        "parcel": act.parcel or None,
        "items": items_shown(act.items),
        "source": act.source,
        "received_at": millis_instant(now),
    }
    return {
        "merchant_id": order["merchant_id"],
        "order_id": order["id"],
        "id": id_,
        "at": act.at,
        "status": act.status.value,
        "substatus": act.substatus,
        "case_name": act.return_id,
        "parcel": act.parcel,
        "items": orjson.dumps(act.items),
        "body": orjson.dumps(body),
    }


def act_of(row: RowMapping) -> Act:
    """Return an act as the fold needs it."""
    return Act(
        row["at"], row["id"], Status(row["status"]), row["substatus"], row["case_name"], row["parcel"],
        items_of(row["items"]),
    )  # fmt: skip


def items_of(kept: bytes) -> Goods:
    """Return items as kept in the database."""
    return tuple((line, quantity) for line, quantity in orjson.loads(kept))


def items_shown(items: Goods) -> list[dict[str, Any]]:
    """Return items as everybody sees them."""
    return [{"line": line, "quantity": quantity} for line, quantity in items]


def items_text(items: Goods) -> str:
    """Return items as one text, the same for the same items in any order."""
    return orjson.dumps(sorted(items)).decode()


def millis(at: datetime) -> int:
    """Return an aware instant in epoch milliseconds."""
    return int(at.astimezone(UTC).timestamp() * 1000)
