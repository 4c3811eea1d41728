"""EDIFACT interchanges taken apart into messages, their counts and references checked. Pure.

UNA, where it stands, shows the separators and the release character (ISO 9735); else they are `:+.? '`. What a
release character stands before is text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from connectors.errors import Unreadable
from connectors.generic.counts import figure, need

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

Segment = list[list[str]]
"""A segment's elements, each with its components; the first element is the tag."""

_UNA_LENGTH = 9


class Signs(NamedTuple):
    """The separators of an interchange; `release` is empty where there is none."""

    component: str = ":"
    element: str = "+"
    release: str = "?"
    terminator: str = "'"


@dataclass(frozen=True, slots=True)
class Message:
    """One message without its UNH and UNT.

    `kind` and `directory` are from UNH, such as `IFTSTA` and `D96A`. `trouble` says what is wrong with its ends.
    """

    kind: str
    directory: str
    segments: tuple[Segment, ...]
    trouble: str = ""


def value(segment: Segment, element: int, component: int = 0) -> str:
    """Return a component without blanks around it; empty where the segment is shorter."""
    if element >= len(segment) or component >= len(segment[element]):
        return ""
    return segment[element][component].strip()


def messages(text: str) -> Iterator[Message]:
    """Yield the messages of all interchanges of a body. Raises `Unreadable`, after all that could be read."""
    at = _past_blanks(text, 0)
    while at < len(text):
        at = _past_blanks(text, (yield from _interchange(text, at)))


def _past_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _interchange(text: str, at: int) -> Generator[Message, None, int]:
    signs = Signs()
    if text.startswith("UNA", at):
        signs = _signs(text[at : at + _UNA_LENGTH])
        at = _past_blanks(text, at + _UNA_LENGTH)
    if not text.startswith("UNB" + signs.element, at):
        raise Unreadable("an interchange does not begin with UNB")
    envelope = _Envelope()
    while not envelope.closed:
        end = _find(text, signs.terminator, at, signs.release)
        if end < 0:
            # A line end that ends segments may be missing at the end of a file.
            if signs.terminator not in "\r\n" or at >= len(text):
                raise Unreadable("the interchange ends before its UNZ")
            end = len(text)
        raw = text[at:end].strip("\r\n ")
        at = end + 1
        if raw:
            done = envelope.take(_segment(raw, signs))
            if done is not None:
                yield done
    return at


def _signs(una: str) -> Signs:
    if len(una) < _UNA_LENGTH:
        raise Unreadable("UNA is cut")
    component, element, release, terminator = una[3], una[4], una[6], una[8]  # 5 is the decimal mark, 7 is reserved
    marks = [component, element, terminator, *([] if release == " " else [release])]
    if len(set(marks)) != len(marks) or any(mark.isalnum() or mark == " " for mark in marks):
        raise Unreadable("the separators that UNA shows are no separators")
    return Signs(component, element, release.strip(" "), terminator)


def _segment(raw: str, signs: Signs) -> Segment:
    return [
        [_plain(part, signs.release) for part in _split(element, signs.component, signs.release)]
        for element in _split(raw, signs.element, signs.release)
    ]


def _find(text: str, sign: str, at: int, release: str) -> int:
    """Return where `sign` stands next as a separator, from `at` on; -1 where it does not."""
    end = text.find(sign, at)
    while end >= 0 and release:
        before = end
        while before > at and text[before - 1] == release:
            before -= 1
        if (end - before) % 2 == 0:
            return end
        end = text.find(sign, end + 1)
    return end


def _split(text: str, sign: str, release: str) -> list[str]:
    if not release or release not in text:
        return text.split(sign)
    parts, at = [], 0
    while (end := _find(text, sign, at, release)) >= 0:
        parts.append(text[at:end])
        at = end + 1
    parts.append(text[at:])
    return parts


def _plain(text: str, release: str) -> str:
    """Return a text without its release characters."""
    if not release or release not in text:
        return text
    first, *rest = text.split(release)
    told, released = [first], False
    for part in rest:
        # An empty part between two release characters is the second of a pair, which stands for itself.
        if part or released:
            told.append(part)
            released = False
        else:
            told.append(release)
            released = True
    return "".join(told)


@dataclass(slots=True)
class _Envelope:
    """Where in an interchange the reading stands: UNB, [UNG,] UNH ... UNT, [UNE,] UNZ."""

    closed: bool = False
    reference: str | None = None
    group: Segment | None = None
    start: Segment | None = None
    inside: list[Segment] = field(default_factory=list)
    groups: int = 0
    messages: int = 0
    in_group: int = 0

    def take(self, segment: Segment) -> Message | None:
        """Take the next segment; return the message it ends. Raises `Unreadable`."""
        tag = value(segment, 0)
        if tag == "UNT":
            return self._end(segment)
        if tag in _STEPS:
            need(self.start is None, "a message does not end with UNT")
            _STEPS[tag](self, segment)
        else:
            need(self.start is not None, "a segment stands outside of every message")
            self.inside.append(segment)
        return None

    def _end(self, segment: Segment) -> Message:
        if self.start is None:
            raise Unreadable("a message ends that never began")
        trouble = ""
        if _count(segment) != len(self.inside) + 2:
            trouble = "a message has another number of segments than its UNT says"
        elif value(segment, 2) != value(self.start, 1):
            trouble = "a message's UNT carries another reference than its UNH"
        directory = value(self.start, 2, 1) + value(self.start, 2, 2)
        done = Message(value(self.start, 2), directory, tuple(self.inside), trouble)
        self.start, self.inside = None, []
        self.messages, self.in_group = self.messages + 1, self.in_group + 1
        return done

    def unb(self, segment: Segment) -> None:
        need(self.reference is None, "an interchange begins before the one before has ended")
        self.reference = value(segment, 5)

    def ung(self, segment: Segment) -> None:
        need(self.group is None, "a group begins before the one before has ended")
        self.group, self.in_group = segment, 0

    def unh(self, segment: Segment) -> None:
        self.start = segment

    def une(self, segment: Segment) -> None:
        if self.group is None:
            raise Unreadable("a group ends that never began")
        need(_count(segment) == self.in_group, "a group has another number of messages than its UNE says")
        need(value(segment, 2) == value(self.group, 5), "a group's UNE carries another reference than its UNG")
        self.group, self.groups = None, self.groups + 1

    def unz(self, segment: Segment) -> None:
        need(self.group is None, "a group does not end with UNE")
        counted = self.groups or self.messages
        need(_count(segment) == counted, "there is another number of messages or groups than UNZ says")
        need(value(segment, 2) == self.reference, "UNZ carries another reference than UNB")
        self.closed = True


_STEPS = {
    "UNB": _Envelope.unb,
    "UNG": _Envelope.ung,
    "UNH": _Envelope.unh,
    "UNE": _Envelope.une,
    "UNZ": _Envelope.unz,
}


def _count(segment: Segment) -> int:
    return figure(value(segment, 1))
