"""The paths of an endpoint's filter and fields, held against what messages hold.

The delivery engine takes any path, since it does not know what it carries. A misspelt one matches nothing for ever, and
its merchant would wait for messages that never come: so it is refused here, where the names are known.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from gateway.api import answers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PARTS: dict[str, frozenset[str] | None] = {
    "shipment": frozenset(answers.Shipment.model_fields),
    "event": frozenset(answers.Event.model_fields) | frozenset(answers.OrderEvent.model_fields),
    "order": frozenset(answers.Order.model_fields),
    "rating": frozenset(answers.RatingOut.model_fields),
    "conversation": None,
    "previous": None,
    "arriving": None,
    "position": None,
    "endpoint": None,
    "account": None,
    "reason": None,
}
"""The members of a message's `data`, and those of each that are known by name (None: not looked into)."""


def misspelt(given: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Yield (JSON pointer, reason) for each path of a filter and of fields that no message can have."""
    for path in given.get("filter") or {}:
        if reason := _wrong(path):
            yield f"/filter/{path.replace('~', '~0').replace('/', '~1')}", reason
    for index, path in enumerate(given.get("fields") or ()):
        if reason := _wrong(path):
            yield f"/fields/{index}", reason


def _wrong(path: str) -> str | None:
    part, _, below = path.partition(".")
    if part not in PARTS:
        inside = [f"{whole}.{part}" for whole in ("shipment", "order") if part in (PARTS[whole] or ())]
        near = inside or get_close_matches(part, PARTS, n=1)
        advice = f"did you mean {' or '.join(near)}?" if near else f"a path begins with {', '.join(PARTS)}"
        return f"no message holds {part[:40]!r}; {advice}"
    known, name = PARTS[part], below.partition(".")[0]
    if known is None or not name or name in known:
        return None
    near = get_close_matches(name, known, n=1)
    return f"{part} has no {name[:40]!r}" + (f"; did you mean {part}.{near[0]}?" if near else "")
