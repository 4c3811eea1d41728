"""The command that looks for what is wrong: doctor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.commands import say, settings_of, show
from gateway.doctor import examine

if TYPE_CHECKING:
    from argparse import Namespace

_MARKS = {"ok": "ok     ", "note": "note   ", "broken": "BROKEN "}


def doctor(given: Namespace) -> int:
    """Print the findings; exit code 1 if something is broken."""
    findings = examine(settings_of(given))
    if given.json:
        show([{"of": one.of, "level": one.level, "text": one.text, "advice": one.advice} for one in findings])
    else:
        for one in findings:
            say(f"{_MARKS[one.level]}{one.of}: {one.text}" + (f". {one.advice}" if one.advice else ""))
    return 1 if any(one.level == "broken" for one in findings) else 0
