"""How the demo looks: one calm line a webhook, and a table at the end. Colour only where a person is watching."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from gateway.demo.merchant import Told

STATUS_WORDS = {
    "pending": "nothing known yet",
    "ordered": "ordered",
    "info_received": "announced to the carrier",
    "in_transit": "on its way",
    "out_for_delivery": "out for delivery",
    "attempt_failed": "delivery attempt failed",
    "available_for_pickup": "waits to be collected",
    "delivered": "delivered",
    "exception": "in trouble",
    "returning": "on its way back",
    "returned": "back at the sender",
    "refunded": "refunded",
    "cancelled": "cancelled",
    "expired": "no news for long",
    "unknown": "not understood",
}
FINER_WORDS = {
    ("returning", "label_created"): "return announced: label created",
    ("returned", "received"): "back at the shop",
}
"""Where status and detail side by side would read oddly."""
OTHER_WORDS = {
    "courier.arriving": "the courier is nearly there",
    "shipment.eta_changed": "new arrival time",
    "shipment.proof_added": "proof of delivery added",
    "shipment.carrier_changed": "belongs to another carrier",
    "conversation.message": "somebody wrote",
    "rating.received": "rated by the recipient",
}
_GREEN, _YELLOW, _BLUE, _DIM, _RED = "32", "33", "34", "2", "31"
_COLOURS = {
    "delivered": _GREEN,
    "returned": _GREEN,
    "attempt_failed": _YELLOW,
    "available_for_pickup": _YELLOW,
    "exception": _RED,
    "returning": _YELLOW,
    "out_for_delivery": _BLUE,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one parcel's story went: what the script says against what came about."""

    number: str
    carrier: str
    wire: str
    events: int
    events_scripted: int
    webhooks: int
    expected: int
    """Changes of status the script holds, each told by a webhook."""
    told: int
    """Those of them that were told and verified."""
    status: str
    missing: tuple[str, ...]


class Teller:
    """Writes to people."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._colours = self._out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._latest: dict[str, str] = {}

    def line(self, text: str = "", colour: str = "") -> None:
        """Write one line."""
        self._out.write((self._in(colour, text) if colour else text) + "\n")
        self._out.flush()

    def _in(self, colour: str, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colours and colour else text

    def head(self) -> None:
        """Write the head of the story."""
        self.line(_columns("LOCAL TIME", "PARCEL", "CARRIER", "WHAT THE MERCHANT IS TOLD", "WEBHOOK").rstrip(), _DIM)

    def told(self, told: Told, carrier_name: str) -> None:
        """Write what one webhook said."""
        status = str(told.shipment.get("status", ""))
        kind = told.type.removeprefix("shipment.")
        event, colour = told.event, ""
        if kind in STATUS_WORDS:
            words = _in_words(kind, "other" if event is None else event["substatus"])
            colour = _COLOURS.get(kind, "")
            if event is not None and self._is_late(told.number, event):
                words += f" (told late; it stays {STATUS_WORDS[status]})"
        else:
            words, colour = OTHER_WORDS.get(told.type, told.type), _DIM
        at = "" if event is None else _short(event["local_time"])
        self.line(_columns(at, told.number, carrier_name, self._in(colour, words.ljust(_WORDS)), "verified"))

    def heard(self, way: str, text: str) -> None:
        """Write what reached the recipient."""
        self.seen("to the recipient", _WAYS[way], text)

    def seen(self, parcel: str, where: str, what: str) -> None:
        """Write what was seen of a parcel beside its webhooks, and where."""
        self.line(f"{'':<10}  {parcel:<18}  {where:<12}  {what}", _BLUE)

    def _is_late(self, number: str, event: dict[str, str]) -> bool:
        at, latest = event["at"] or "", self._latest.get(number, "")
        self._latest[number] = max(at, latest)
        return bool(at) and at < latest

    def summary(self, outcomes: Sequence[Outcome]) -> None:
        """Write the table at the end."""
        self.line()
        rows = [("PARCEL", "CARRIER", "WIRE FORMAT", "EVENTS", "WEBHOOKS", "CHANGES TOLD", "END", "")]
        rows += [
            (
                one.number,
                one.carrier,
                one.wire,
                f"{one.events} of {one.events_scripted}",
                f"{one.webhooks} verified",
                f"{one.told} of {one.expected}",
                STATUS_WORDS[one.status],
                "MISSING" if one.missing else "ok",
            )
            for one in outcomes
        ]
        widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
        for count, row in enumerate(rows):
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            colour = _DIM if count == 0 else _RED if row[-1] == "MISSING" else ""
            self.line("  ".join(cells).rstrip(), colour)
        for one in outcomes:
            for what in one.missing:
                self.line(f"missing: {one.number} ({one.carrier}): {what}", _RED)


_WORDS = 58
_WAYS = {"sms": "SMS", "email": "e-mail", "push": "web push"}


def _in_words(status: str, substatus: str) -> str:
    words = STATUS_WORDS[status]
    return FINER_WORDS.get((status, substatus)) or (
        words if substatus == "other" else f"{words}: {substatus.replace('_', ' ')}"
    )


def _columns(at: str, number: str, carrier: str, words: str, hook: str) -> str:
    return f"{at:<10}  {number:<18}  {carrier:<12}  {words:<{_WORDS}}  {hook}"


def _short(local: str | None) -> str:
    """Return a wall clock as `Tue 14:05`."""
    if not local:
        return ""
    at: datetime | date = datetime.fromisoformat(local)
    return f"{at:%a %H:%M}"
