"""X12 interchanges taken apart into transactions, their counts and control numbers checked. Pure.

The first segment, ISA, is of fixed length and shows the separators: the fourth character parts elements, the last
one ends segments (ANSI X12.5). Nothing is taken on trust: a count or control number that differs is told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connectors.errors import Unreadable
from connectors.generic.counts import figure, need

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

Segment = list[str]

ISA_LENGTH = 106
_ISA_PARTS = (3, 6, 17, 20, 31, 34, 50, 53, 69, 76, 81, 83, 89, 99, 101, 103)
"""Where the element separators of ISA stand."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction set without its ST and SE.

    `kind` is ST01, `sent` the group's date (GS04). `trouble` says what is wrong with its ends, empty if nothing is.
    """

    kind: str
    sent: str
    segments: tuple[Segment, ...]
    trouble: str = ""


def element(segment: Segment, at: int) -> str:
    """Return an element without its padding; empty where the segment is shorter."""
    return segment[at].strip() if at < len(segment) else ""


def transactions(text: str) -> Iterator[Transaction]:
    """Yield the transactions of all interchanges of a body. Raises `Unreadable`, after all that could be read."""
    at = _past_blanks(text, 0)
    while at < len(text):
        at = _past_blanks(text, (yield from _interchange(text, at)))


def _past_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _interchange(text: str, at: int) -> Generator[Transaction, None, int]:
    separator, terminator = _signs(text, at)
    envelope = _Envelope()
    while not envelope.closed:
        end = text.find(terminator, at)
        if end < 0:
            # A line end that ends segments may be missing at the end of a file.
            if terminator not in "\r\n" or at >= len(text):
                raise Unreadable("the interchange ends before its IEA")
            end = len(text)
        raw = text[at:end].strip("\r\n ")
        at = end + 1
        if raw:
            done = envelope.take(raw.split(separator))
            if done is not None:
                yield done
    return at


def _signs(text: str, at: int) -> tuple[str, str]:
    isa = text[at : at + ISA_LENGTH]
    if len(isa) < ISA_LENGTH or not isa.startswith("ISA"):
        raise Unreadable("an interchange does not begin with a whole ISA")
    separator, component, terminator = isa[3], isa[104], isa[105]
    if any(isa[place] != separator for place in _ISA_PARTS):
        raise Unreadable("ISA is not of its fixed length")
    signs = {separator, component, terminator}
    if len(signs) != 3 or any(sign.isalnum() or sign == " " for sign in signs):  # noqa: PLR2004 - three different ones
        raise Unreadable("the separators that ISA shows are no separators")
    return separator, terminator


@dataclass(slots=True)
class _Envelope:
    """Where in an interchange the reading stands: ISA, GS, ST ... SE, GE, IEA."""

    closed: bool = False
    control: str | None = None
    group: Segment | None = None
    start: Segment | None = None
    inside: list[Segment] = field(default_factory=list)
    groups: int = 0
    in_group: int = 0

    def take(self, segment: Segment) -> Transaction | None:
        """Take the next segment; return the transaction it ends. Raises `Unreadable`."""
        tag = segment[0]
        if tag == "SE":
            return self._end(segment)
        if tag in _STEPS:
            need(self.start is None, "a transaction does not end with SE")
            _STEPS[tag](self, segment)
        else:
            need(self.start is not None, "a segment stands outside of every transaction")
            self.inside.append(segment)
        return None

    def _end(self, segment: Segment) -> Transaction:
        if self.start is None or self.group is None:
            raise Unreadable("a transaction ends that never began")
        trouble = ""
        if _count(segment) != len(self.inside) + 2:
            trouble = "a transaction has another number of segments than its SE says"
        elif element(segment, 2) != element(self.start, 2):
            trouble = "a transaction's SE carries another control number than its ST"
        kind, self.in_group = element(self.start, 1), self.in_group + 1
        done = Transaction(kind, element(self.group, 4), tuple(self.inside), trouble)
        self.start, self.inside = None, []
        return done

    def isa(self, segment: Segment) -> None:
        need(self.control is None, "an interchange begins before the one before has ended")
        self.control = element(segment, 13)

    def gs(self, segment: Segment) -> None:
        need(self.group is None, "a group begins before the one before has ended")
        self.group, self.in_group = segment, 0

    def st(self, segment: Segment) -> None:
        need(self.group is not None, "a transaction stands outside of every group")
        self.start = segment

    def ge(self, segment: Segment) -> None:
        if self.group is None:
            raise Unreadable("a group ends that never began")
        need(_count(segment) == self.in_group, "a group has another number of transactions than its GE says")
        same = element(segment, 2).lstrip("0") == element(self.group, 6).lstrip("0")
        need(same, "a group's GE carries another control number than its GS")
        self.group, self.groups = None, self.groups + 1

    def iea(self, segment: Segment) -> None:
        need(self.group is None, "a group does not end with GE")
        need(_count(segment) == self.groups, "there is another number of groups than IEA says")
        need(element(segment, 2) == self.control, "IEA carries another control number than ISA")
        self.closed = True


_STEPS = {
    "ISA": _Envelope.isa,
    "GS": _Envelope.gs,
    "ST": _Envelope.st,
    "GE": _Envelope.ge,
    "IEA": _Envelope.iea,
}


def _count(segment: Segment) -> int:
    return figure(element(segment, 1))
