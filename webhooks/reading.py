"""Reading the log for lanes that are behind: many in one visit, and lanes of one merchant at one place once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhooks import dead
from webhooks.log import Want, read_many

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from webhooks.course import Course
    from webhooks.log import Entry

READ_AT_ONCE = 256
LANES_AT_ONCE = 64

Stretch = tuple["list[Entry]", int]
"""Entries, and the sequence up to which nothing else stands."""


class Visit:
    """What some lanes want of the log now. `read` runs in the database's thread, `hand_over` in the loop's."""

    def __init__(self, courses: Sequence[Course], head: Callable[[str], int]) -> None:
        self.courses = courses
        self._wants: dict[Course, Want] = {}
        for course in courses:
            merchant, position = course.key[0], course.lane.reader.position
            until = head(merchant)
            if position < until:
                self._wants[course] = Want(merchant, position, until, READ_AT_ONCE)
        self._again = [
            course for course in courses if course.replay and course.replay.reader.position < course.replay.until
        ]

    def read(self, conn: Connection) -> tuple[dict[Want, list[Entry]], dict[Course, Stretch]]:
        """Read all of it."""
        entries = read_many(conn, dict.fromkeys(self._wants.values()))
        return entries, {course: _read_again(conn, course) for course in self._again}

    def hand_over(self, found: tuple[dict[Want, list[Entry]], dict[Course, Stretch]]) -> None:
        """Offer the lanes what was read; one that was touched meanwhile is loaded anew and reads for itself."""
        entries, replays = found
        for course, want in self._wants.items():
            if not course.stale:
                read = entries[want]
                course.offer(read, want.until if len(read) < want.limit else read[-1].sequence)
        for course, (again, upto) in replays.items():
            if not course.stale:
                course.offer_again(again, upto)


def _read_again(conn: Connection, course: Course) -> Stretch:
    replay = course.replay
    assert replay is not None  # noqa: S101 - the caller chose courses with a replay
    position, until = replay.reader.position, replay.until
    if replay.only_failed:
        found = dead.read(
            conn,
            course.key,
            replay.which,
            position=position,
            until=until,
            given_up_by=replay.created_at,
            limit=READ_AT_ONCE,
        )
    else:
        want = Want(course.key[0], position, until, READ_AT_ONCE)
        found = read_many(conn, [want])[want]
    return found, until if len(found) < READ_AT_ONCE else found[-1].sequence
