"""docs/notices.md tells what the program does."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.people.subjects import ETA_MOVES_LEAST, ETA_MOVES_MINUTES, ETA_MOVES_MOST, SUBJECTS
from gateway.people.wording import PLACEHOLDERS
from gateway.texts import LANGUAGES

PAGE = (Path(__file__).parents[3] / "docs" / "notices.md").read_text("utf-8")
MINUTE = 60_000
UNITS = {"minutes": MINUTE, "hours": 60 * MINUTE, "days": 24 * 60 * MINUTE}
WORDS = {True: "yes", False: "no"}


def test_every_kind_of_notice_stands_there_with_its_defaults():
    rows = re.findall(r"^\| `([\w.]+)` \| `([\w.]+)` \| (yes|no) \| (yes|no) \| (\d+) (\w+) \|$", PAGE, re.MULTILINE)
    told = {row[0]: (row[1], row[2], row[3], int(row[4]) * UNITS[row[5]]) for row in rows}
    assert told == {name: (one.told_by, WORDS[one.on], WORDS[one.urgent], one.lives) for name, one in SUBJECTS.items()}
    bounds = f"{ETA_MOVES_MINUTES} minutes usually, {ETA_MOVES_LEAST} to {ETA_MOVES_MOST} as `arrival.moved_minutes`"
    assert bounds in " ".join(PAGE.split())


def test_every_placeholder_and_language_stands_there():
    assert dict(re.findall(r"^\| `\{(\w+)\}` \| (.+) \|$", PAGE, re.MULTILINE)) == dict(PLACEHOLDERS)
    assert f"Languages: {', '.join(f'`{one}`' for one in LANGUAGES)};" in PAGE
