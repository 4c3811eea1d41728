"""What the commands do: one module per kind, imported only when one of its commands runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.cli import Refusal

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Collection, Iterable, Sequence

    from pydantic_core import ErrorDetails

    from gateway.settings import Settings


def say(text: str = "") -> None:
    """Write a line on standard output, at once: a supervisor may be reading."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def show(value: Any) -> None:
    """Write a value as indented JSON on standard output."""
    import orjson  # noqa: PLC0415 - most commands never need it

    say(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def settings_of(given: Namespace, **more: Any) -> Settings:
    """Return the settings a command runs with. Raises `Refusal` naming each bad one."""
    import tomllib  # noqa: PLC0415 - as below, only where settings are read

    from pydantic import ValidationError  # noqa: PLC0415

    from gateway.settings import load  # noqa: PLC0415

    file = Path(given.config) if given.config else None
    try:
        settings = load(file, database=given.database, **more)
    except ValidationError as trouble:
        bad = "; ".join(_said(one, file, {name for name in more if more[name] is not None}) for one in trouble.errors())
        raise Refusal(f"bad settings: {bad}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as trouble:
        raise Refusal(f"{file} is not TOML: {trouble}") from None
    except OSError as trouble:
        raise Refusal(f"{file} cannot be read: {trouble.strerror}") from None
    except ValueError as trouble:
        raise Refusal(f"bad settings: {trouble}") from None
    if not settings.database.startswith(("sqlite:///", "postgresql://")):
        raise Refusal("the database must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME")
    if settings.database.startswith("sqlite:///"):
        _must_have_place(settings.database)
    return settings


def _said(one: ErrorDetails, file: Path | None, options: Collection[str]) -> str:
    """Return what is wrong with a setting, named as it was given: as an option, a variable, or in a file."""
    from gateway import plainly  # noqa: PLC0415 - as above
    from gateway.settings import PREFIX, Settings  # noqa: PLC0415

    reason = plainly.said(one, Settings.model_fields, what="setting")
    if not one["loc"]:  # of several together; it names them itself
        return reason
    name, *inside = (str(at) for at in one["loc"])
    variable = PREFIX + name.upper()
    if name in options:
        shown = f"--{name}"
    elif name in Settings.model_fields and variable in os.environ:
        shown = variable
    else:
        shown = f"{name} in {file}" if file is not None else variable
    return f"{shown}{''.join(f'[{at}]' for at in inside)} {reason}"


def _must_have_place(database: str) -> None:
    from sqlalchemy.engine import make_url  # noqa: PLC0415 - as above

    path = Path(make_url(database).database or "")
    if not path.name or path.is_dir():
        raise Refusal(f"the database {database} names no file")
    if not path.parent.is_dir():
        raise Refusal(f"there is no folder {path.parent} for the database")


def must_exist(database: str) -> None:
    """Raise `Refusal` where there is no such SQLite file: a command on what is in it would make an empty one."""
    from gateway.db import SqliteStore, is_postgres  # noqa: PLC0415 - as above

    if not is_postgres(database) and not SqliteStore(database).path.exists():
        raise Refusal(f"there is no database {database}: name it with --database, or run carrier-gateway where it lies")


def make_ready(database: str) -> None:
    """Bring a SQLite file up to date; raise `Refusal` for a PostgreSQL database that is not."""
    from gateway import schema  # noqa: PLC0415 - as above
    from gateway.db import is_postgres, shown  # noqa: PLC0415

    if is_postgres(database):
        at, newest = schema.revision_of(database), schema.newest()
        if at != newest and schema.is_known(at):
            where = shown(database)
            how = f"--database {where}" if where == database else "on the same database"
            raise Refusal(
                f"the schema of {where} is {f'at {at}' if at else 'not there yet'}, this program needs {newest}: run "
                f"carrier-gateway migrate {how}",
                1,
            )
    schema.migrate(database)  # it leaves the newest alone, and says of one it does not know


def table(rows: Iterable[Sequence[str]], head: Sequence[str] = ()) -> None:
    """Write rows in columns as wide as they need to be."""
    lines = [tuple(head), *map(tuple, rows)] if head else list(map(tuple, rows))
    if not lines:
        return
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    for line in lines:
        say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
