"""Commands for pages made of the program itself: docs and openapi."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli import Refusal
from gateway.commands import say, show

if TYPE_CHECKING:
    from argparse import Namespace


def docs(given: Namespace) -> int:
    """Write the generated pages, or say which are out of date."""
    from gateway.reference import PAGES  # noqa: PLC0415 - loads every connector

    root = Path(given.folder)
    if not (root / "docs").is_dir():
        raise Refusal(f"there is no folder {root / 'docs'}: run it where the repository is, or give --folder")
    stale = 0
    for name, write in PAGES.items():
        file = root / name
        old = file.read_text("utf-8") if file.exists() else ""
        text = write(old)
        if old == text:
            continue
        stale += 1
        if given.check:
            say(f"{name} is out of date: run make docs")
        else:
            file.write_text(text, "utf-8")
            say(f"{name} written")
    return 1 if stale and given.check else 0


def openapi(_given: Namespace) -> None:
    """Print the API's description."""
    from gateway.api import CALLS  # noqa: PLC0415 - the whole API, needed only here
    from gateway.api.openapi import build  # noqa: PLC0415

    show(build(CALLS))
