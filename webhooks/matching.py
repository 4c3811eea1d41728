"""Which messages an endpoint wants: patterns of types and a filter on fields (`filters`). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from normalizer.model import OrderStatus, Status
from normalizer.trouble import Trouble
from webhooks.filters import EVERYTHING, BadPattern, Filter, read_filter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_OTHERS = (
    "shipment.event",
    "shipment.eta_changed",
    "shipment.carrier_changed",
    "shipment.proof_added",
    "courier.assigned",
    "courier.arriving",
    "courier.position",
    "rating.received",
    "conversation.message",
    "endpoint.paused",
    "account.rejected",
    "ping",
)

STATUS_TYPES = frozenset(f"shipment.{status}" for status in Status)
TROUBLE_TYPES = frozenset(f"shipment.{trouble}" for trouble in Trouble)
TYPES: frozenset[str] = STATUS_TYPES | TROUBLE_TYPES | {f"order.{status}" for status in OrderStatus} | set(_OTHERS)
"""Every type a message can have."""

ON_DEMAND = frozenset({"shipment.event", "courier.position"})
"""Types that come only to endpoints that name them."""

FAMILIES = frozenset(name.partition(".")[0] for name in TYPES if "." in name)


def topic(message_type: str) -> str | None:
    """Return what this message is the latest state of, or None when every single one matters.

    A newer status makes an older one stale, a newer arrival time an older one, a newer position an older one.
    A conversation's message, a proof or a bare event says something no later message repeats.
    """
    if message_type in STATUS_TYPES:
        return "shipment.status"
    if message_type in {"shipment.eta_changed", "courier.position"} or message_type.startswith("order."):
        return "order.status" if message_type.startswith("order.") else message_type
    return None


@dataclass(frozen=True, slots=True)
class Wish:
    """What one endpoint wants. `types` is None for the default: everything but the types on demand."""

    types: frozenset[str] | None = None
    families: frozenset[str] = frozenset()
    everything: bool = False
    filter: Filter = EVERYTHING

    def wants_type(self, message_type: str) -> bool:
        """Tell whether messages of this type are wanted at all."""
        if self.everything:
            return True
        if self.types is None:
            return message_type not in ON_DEMAND
        return message_type in self.types or message_type.partition(".")[0] in self.families

    def wants(self, message_type: str, body: Callable[[], Any]) -> bool:
        """Tell whether a message is wanted. `body` gives its parsed `data`, asked for only where a filter needs it."""
        if not self.wants_type(message_type):
            return False
        return not self.filter or self.filter.passes(body())


def read_wish(event_types: Sequence[str] | None, filters: Mapping[str, Any] | None = None) -> Wish:
    """Check the words of an endpoint and return what it wants. Raises `BadPattern`."""
    wanted = read_filter(filters)
    if event_types is None:
        return Wish(filter=wanted)
    if not event_types:
        raise BadPattern("event_types: an empty list would want nothing; leave it out for the default")
    types: set[str] = set()
    families: set[str] = set()
    everything = False
    for index, pattern in enumerate(event_types):
        if pattern == "*":
            everything = True
        elif pattern.endswith(".*") and pattern[:-2] in FAMILIES:
            families.add(pattern[:-2])
        elif pattern in TYPES:
            types.add(pattern)
        else:
            near = get_close_matches(pattern, TYPES, n=1)
            raise BadPattern(
                f"event_types[{index}]: {pattern!r} is neither a type, nor a family such as 'shipment.*', nor '*'"
                + (f"; did you mean {near[0]}?" if near else "")
            )
    return Wish(frozenset(types), frozenset(families), everything, wanted)
