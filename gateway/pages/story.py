"""A shipment as its recipient reads it: one sentence on top, a line of steps, trouble, and the history. Pure.

All days and times are said on the clock of the place they are about: an arrival on that of where the parcel goes, a
scan on that of where it happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Literal

from gateway.pages import trouble
from gateway.people import arrival
from gateway.texts import days
from normalizer import clock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.pages.trouble import Trouble
    from gateway.texts import Speech

Tone = Literal["move", "wait", "good", "bad", "still"]
"""How a status feels: each has a colour and a shape."""
StepState = Literal["done", "now", "next"]

TONES: dict[str, Tone] = {
    "pending": "still",
    "ordered": "still",
    "info_received": "still",
    "in_transit": "move",
    "out_for_delivery": "move",
    "attempt_failed": "bad",
    "available_for_pickup": "wait",
    "delivered": "good",
    "exception": "bad",
    "returning": "move",
    "returned": "good",
    "refunded": "good",
    "cancelled": "still",
    "expired": "bad",
    "unknown": "still",
}

OPEN_ENTRIES = 3
"""Entries of the history that are seen at once; the older ones are folded."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the line."""

    words: str
    state: StepState


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history. `at` is for machines: RFC 3339, empty where only the words are known."""

    words: str
    when: str
    at: str
    place: str
    carrier_words: str
    tone: Tone
    earlier: bool


@dataclass(frozen=True, slots=True)
class Story:
    """What the page says of a shipment."""

    headline: str
    beside: str
    """A second, smaller line; may be empty."""
    tone: Tone
    steps: tuple[Step, ...]
    trouble: Trouble | None
    history: tuple[Entry, ...]
    """The newest first."""
    updated: str
    """How old the last news is; empty where there is none."""
    pickup_until: str


class _Teller:
    """Says things of one shipment, in one language, as of one instant."""

    def __init__(self, shipment: Mapping[str, Any], speech: Speech, zone: tzinfo, now: datetime) -> None:
        self.of = shipment
        self.speech = speech
        self.zone = zone
        self.now = now.astimezone(zone)
        self.today = self.now.date()
        self.is_return = shipment["direction"] == "return"

    def say(self, name: str, **values: Any) -> str:
        return self.speech.say(name, **values)

    def headline(self) -> str:
        status = self.of["status"]
        told = getattr(self, f"_{status}", None)
        words: str = self.say("say.news") if told is None else told()
        return words[:1].upper() + words[1:]

    def beside(self) -> str:
        """Return what is worth a second line: how many come first, or what exactly the status means."""
        status, stops = self.of["status"], self.of.get("stops_before")
        if status == "out_for_delivery" and isinstance(stops, int) and stops > 0:
            return self.say("say.stops", count=stops)
        if status in ("attempt_failed", "exception", "expired", "unknown"):
            return ""
        words = self.speech.status(status, self.of["substatus"])
        return "" if words.casefold() in self.headline().casefold() else words

    def window(self, of: Mapping[str, Any] | None) -> str | None:
        """Return a window that is not past, in words."""
        span = arrival.span(of, self.zone)
        if of is None or span is None or span[1] < self.now.timestamp() * 1000:
            return None
        start, end = (of.get(name) and arrival.moment(of[name], self.zone) for name in ("from", "to"))
        return days.window(self.speech, start or None, end or None, self.today)

    def when(self, instant: str | None) -> str | None:
        """Return an instant in a sentence."""
        if instant is None:
            return None
        at = arrival.moment(instant, self.zone)
        return days.window(self.speech, at, at, self.today)

    def _ahead(self, otherwise: str) -> str:
        """Return the arrival: the carrier's, else the shop's promise, else ours; or that it is late, or `otherwise`."""
        if (when := self.window(self.of.get("eta"))) is not None:
            return self.say("say.arrives", when=when)
        if self.of.get("eta") is not None and arrival.span(self.of["eta"], self.zone) is not None:
            return self.say("say.late")
        if (when := self.window(self.of.get("promised"))) is not None:
            return self.say("say.expected", when=when)
        if self.of.get("promised") is None and (when := self._foretold()) is not None:
            return self.say("say.expected", when=when)
        return self.say(otherwise)

    def _foretold(self) -> str | None:
        """Return the days we think it arrives on: to tell hours would be to promise."""
        if (of := self.of.get("predicted")) is None:
            return None
        first, last = (arrival.day(of[name], self.zone) for name in ("p50", "p90"))
        return self.window({"from": first.isoformat(), "to": last.isoformat()})

    def _pending(self) -> str:
        return self.say("say.return_waiting" if self.is_return else "say.waiting")

    def _ordered(self) -> str:
        return self.say("say.return_waiting" if self.is_return else "say.ordered")

    def _info_received(self) -> str:
        return self.say("say.return_waiting") if self.is_return else self._ahead("say.announced")

    def _in_transit(self) -> str:
        return self.say("say.return_way") if self.is_return else self._ahead("say.on_its_way")

    def _out_for_delivery(self) -> str:
        if self.is_return:
            return self.say("say.return_way")
        if (name := _AT_THE_END.get(self.of["substatus"])) is not None:
            return self.say(name)
        if (when := self.window(self.of.get("eta"))) is not None:
            return self.say("say.arrives", when=when)
        return self.say("say.out")

    def _attempt_failed(self) -> str:
        when = self.window(self.of.get("eta"))
        return self.say("say.failed") if when is None else self.say("say.comes_again", when=when)

    def _available_for_pickup(self) -> str:
        if (last := _day(self.of.get("pickup_until"))) is not None and last >= self.today:
            return self.say("say.pickup_until", until=days.until(self.speech, last, self.today))
        return self.say("say.pickup")

    def _delivered(self) -> str:
        if self.is_return:
            return self.say("say.return_there")
        when = self.when(self.of.get("delivered_at"))
        if when is None:
            return self.say("say.delivered")
        collected = self.of["substatus"] == "collected"
        return self.say("say.collected_when" if collected else "say.delivered_when", when=when)

    def _exception(self) -> str:
        when = self.window(self.of.get("eta"))
        return self.say("say.held") if when is None else self.say("say.held_expected", when=when)

    def _returning(self) -> str:
        if self.is_return:
            waits = self.of["substatus"] in ("requested", "approved", "label_created")
            return self.say("say.return_waiting" if waits else "say.return_way")
        return self.say("say.back")

    def _returned(self) -> str:
        return self.say("say.return_there" if self.is_return else "say.back_there")

    def _refunded(self) -> str:
        return self.say("say.done")

    def _cancelled(self) -> str:
        return self.say("say.cancelled")

    def _expired(self) -> str:
        return self.say("say.silent")

    def steps(self) -> tuple[Step, ...]:
        names, now = _line(self.of)
        if now == len(names) - 1:
            return tuple(Step(self.say(f"steps.{name}"), "done") for name in names)
        states: list[StepState] = ["done" if at < now else "now" if at == now else "next" for at in range(len(names))]
        return tuple(Step(self.say(f"steps.{name}"), state) for name, state in zip(names, states, strict=True))

    def entry(self, event: Mapping[str, Any]) -> Entry:
        local, at = event.get("local_time"), event.get("at")
        read = event.get("counts_as") or event
        words = self.speech.status(read["status"], read["substatus"])
        text = (event.get("text") or "").strip()
        return Entry(
            words=words,
            when=self._when(local, at, event.get("utc_offset")),
            at=at or "",
            place=_place(event.get("place") or {}),
            carrier_words=text if text.casefold() != words.casefold() else "",
            tone=TONES[read["status"]],
            earlier=bool(event.get("earlier_parcel")),
        )

    def _when(self, local: str | None, at: str | None, offset: str | None) -> str:
        if local is None:
            return "" if at is None else days.moment(self.speech, arrival.moment(at, self.zone), self.today)
        there = clock.iso(local)
        today = self.today
        if offset is not None and isinstance(there, datetime):
            today = self.now.astimezone(clock.offset_of(offset)).date()
        return days.moment(self.speech, there, today)

    def updated(self) -> str:
        last = self.of.get("last_event_at")
        if last is None:
            return ""
        age = self.now.astimezone(UTC) - _instant(last)
        return self.say("page.updated", ago=days.ago(self.speech, max(age, timedelta())))


_AT_THE_END = {"next_stop": "say.next_stop", "arriving": "say.arriving", "arrived_at_door": "say.at_door"}

_OUTBOUND = ("ordered", "shipped", "on_way", "out", "delivered")
_COLLECTED = ("ordered", "shipped", "on_way", "collect", "delivered")
_RETURN = ("registered", "handed_in", "on_way", "arrived", "completed")
_SENT_BACK = ("ordered", "shipped", "sent_back", "with_sender")
_AT: dict[str, int] = {
    "pending": 0,
    "ordered": 0,
    "info_received": 0,
    "in_transit": 2,
    "exception": 2,
    "unknown": 2,
    "expired": 2,
    "out_for_delivery": 3,
    "attempt_failed": 3,
    "available_for_pickup": 3,
    "delivered": 4,
}
_SHIPPED_WORDS = frozenset({"picked_up", "accepted"})


def _line(of: Mapping[str, Any]) -> tuple[tuple[str, ...], int]:
    """Return the steps of a shipment's line and the one it is at."""
    status, milestones = of["status"], of.get("milestones") or {}
    if of["direction"] == "return":
        return _RETURN, _return_step(status, of["substatus"])
    if status in ("returning", "returned", "refunded") or of.get("returning"):
        return _SENT_BACK, 2 if status not in ("returned", "refunded") else 3
    names = _COLLECTED if status == "available_for_pickup" or milestones.get("available_for_pickup_at") else _OUTBOUND
    at = _AT.get(status, 0)
    if status == "in_transit" and of["substatus"] in _SHIPPED_WORDS:
        at = 1
    if status in ("exception", "unknown", "expired", "cancelled"):
        at = 2 if milestones.get("shipped_at") else 0
    return names, at


def _return_step(status: str, substatus: str) -> int:
    if status == "refunded":
        return 4
    if status in ("delivered", "returned"):
        return 3
    if status in ("in_transit", "out_for_delivery", "attempt_failed", "available_for_pickup", "exception", "unknown"):
        return 1 if substatus in _SHIPPED_WORDS else 2
    if status == "returning":
        return 0 if substatus in ("requested", "approved", "label_created") else 2
    return 0


def tell(
    shipment: Mapping[str, Any], events: Sequence[Mapping[str, Any]], speech: Speech, zone: tzinfo, now: datetime
) -> Story:
    """Return the story of a shipment.

    Args:
        shipment: its document, as far as the reader may see it.
        events: its events likewise, oldest first.
        speech: the reader's language.
        zone: the clock of where the parcel goes.
        now: an aware instant.
    """
    teller = _Teller(shipment, speech, zone, now)
    last_day = _day(shipment.get("pickup_until"))
    return Story(
        headline=teller.headline(),
        beside=teller.beside(),
        tone=TONES[shipment["status"]],
        steps=teller.steps(),
        trouble=trouble.of(shipment, speech),
        history=tuple(teller.entry(event) for event in reversed(events)),
        updated=teller.updated(),
        pickup_until="" if last_day is None else days.day(speech, last_day, teller.today),
    )


def _place(of: Mapping[str, Any]) -> str:
    """Return a place in a line: the depot or shop, the town, the country where no town is told."""
    town = of.get("city") or of.get("country")
    return ", ".join(dict.fromkeys(part for part in (of.get("facility"), town) if part))


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    found = clock.iso(text)
    return found.date() if isinstance(found, datetime) else found


def _instant(text: str) -> datetime:
    found = clock.iso(text)
    assert isinstance(found, datetime)  # noqa: S101 - the API's instants are no days
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
