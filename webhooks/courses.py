"""The lanes that run, by endpoint and by merchant, and how far each merchant's log has grown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from webhooks.course import Course
    from webhooks.loading import Key


class Courses:
    """All lanes of this process."""

    def __init__(self) -> None:
        self._all: dict[Key, Course] = {}
        self._theirs: dict[str, list[Course]] = {}
        self._heads: dict[str, int] = {}

    def __iter__(self) -> Iterator[Course]:
        """Iterate over the lanes as they stand now: they may come and go meanwhile."""
        return iter(list(self._all.values()))

    def __getitem__(self, key: Key) -> Course:
        """Return an endpoint's lane. Raises `KeyError`."""
        return self._all[key]

    def get(self, key: Key) -> Course | None:
        """Return an endpoint's lane, None when none runs."""
        return self._all.get(key)

    def runs(self, course: Course) -> bool:
        """Tell whether this very lane still runs (it may have been loaded anew)."""
        return self._all.get(course.key) is course

    def of(self, merchant_id: str) -> Sequence[Course]:
        """Return a merchant's lanes."""
        return self._theirs.get(merchant_id, ())

    def add(self, course: Course) -> None:
        """Take a lane in."""
        self._all[course.key] = course
        self._theirs.setdefault(course.key[0], []).append(course)

    def drop(self, course: Course) -> None:
        """Let a lane go."""
        del self._all[course.key]
        siblings = self._theirs[course.key[0]]
        siblings.remove(course)
        if not siblings:
            del self._theirs[course.key[0]]

    def head(self, merchant_id: str) -> int:
        """Return the newest sequence of a merchant's log that we know of."""
        return self._heads.get(merchant_id, 0)

    def raise_head(self, merchant_id: str, head: int) -> None:
        """Note how far a merchant's log has grown."""
        if head > self._heads.get(merchant_id, 0):
            self._heads[merchant_id] = head

    def is_behind(self, course: Course) -> bool:
        """Tell whether there is something a lane has not read yet."""
        replay = course.replay
        if replay is not None and replay.reader.position < replay.until:
            return True
        return course.lane.reader.position < self._heads.get(course.key[0], 0)
