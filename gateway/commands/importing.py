"""The import command: a file goes the way of `POST /v1/orders/import`, with its progress on standard error."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select

from gateway.cli import Refusal
from gateway.clock import now_ms
from gateway.commands import make_ready, must_exist, say, settings_of
from gateway.db import open_store
from gateway.imports import files, store
from gateway.imports.importer import Importer
from gateway.pages.links import Links
from gateway.tables import Tables
from gateway.vault import Vault, secret_key

if TYPE_CHECKING:
    from argparse import Namespace

    from sqlalchemy import RowMapping

    from gateway.imports.columns import Kind
    from gateway.imports.files import Form
    from gateway.settings import Settings
    from webhooks.store import Store

_FORMS: dict[str, Form] = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}
_PAGE = 200


def take_in(given: Namespace) -> int:
    """Take in a file; print what was refused, line by line."""
    settings = settings_of(given)
    form: Form | None = given.format or _FORMS.get(Path(given.file).suffix.lower())
    if form is None:
        raise Refusal("say which it is: --format csv or --format ndjson")
    try:
        body = sys.stdin.buffer.read() if given.file == "-" else Path(given.file).read_bytes()
    except OSError as trouble:
        raise Refusal(f"{given.file} cannot be read: {trouble.strerror}") from None
    if len(body) > files.MOST_BYTES:
        raise Refusal(f"{given.file} is larger than {files.MOST_BYTES} bytes: split it")
    try:
        items = files.read(given.kind, form, body)
    except files.BadFile as trouble:
        other: Kind = "orders" if given.kind == "shipments" else "shipments"
        try:
            files.read(other, form, body)
        except files.BadFile:
            raise Refusal(f"{given.file} {trouble}") from None
        raise Refusal(f"{given.file} holds no {given.kind}, it seems, but {other}: say --kind {other}") from None
    must_exist(settings.database)
    make_ready(settings.database)
    done = asyncio.run(_take_in(settings, given, form, body, len(items)))
    say(f"{done['done']} {given.kind}: {done['created']} new, {done['known']} there already, {done['refused']} refused")
    return 1 if done["refused"] else 0


async def _take_in(settings: Settings, given: Namespace, form: Form, body: bytes, total: int) -> RowMapping:
    merchant_id, filename = given.merchant, files.plain_name("" if given.file == "-" else given.file)
    key = secret_key(settings)
    vault, database = Vault(key), open_store(settings.database)
    links = Links(key, settings.public_url, settings.tracking_link_days, database)
    database.start()
    try:
        known = select(Tables.merchant.c.id).where(Tables.merchant.c.id == merchant_id)
        if (await database.read(lambda conn: conn.execute(known).first())) is None:
            raise Refusal(f"there is no merchant {merchant_id!r}")
        now = now_ms()
        import_id = store.fresh_id(now)
        sealed = store.sealed(vault, merchant_id, import_id, body)
        try:
            begin = partial(
                store.begin, kind=given.kind, form=form, filename=filename, body=sealed, total=total, now=now
            )
            await database.write(lambda conn: begin(conn, merchant_id, import_id))
        except store.TooMany:
            raise Refusal(f"{store.MOST_OPEN} imports of this merchant are under way", 1) from None
        importer = Importer(database, vault, links, tell=lambda _told: None, wake=lambda: None)
        return await _watched(importer, database, merchant_id, import_id)
    finally:
        await database.close()


async def _watched(importer: Importer, database: Store, merchant_id: str, import_id: str) -> RowMapping:
    shown = sys.stderr.isatty()
    while True:
        row = await importer.go_on(merchant_id, import_id)
        assert row is not None  # noqa: S101 - it was begun just now
        if shown:
            sys.stderr.write(f"\r{row['done']} of {row['total']}")
            sys.stderr.flush()
        if row["finished_at"] is not None:
            break
    if shown:
        sys.stderr.write("\n")
    after: int | None = 0
    while after is not None:
        lines, after = await database.read(
            lambda conn, after=after: store.lines(  # type: ignore[misc]
                conn, merchant_id, import_id, after=after or 0, limit=_PAGE, refused=True
            )
        )
        for line in lines:
            say(f"line {line['line']}: {_why(orjson.loads(line['problem']))}")
    return row


def _why(problem: dict[str, Any]) -> str:
    errors = [f"{one['pointer'].lstrip('/') or 'it'}: {one['detail']}" for one in problem.get("errors", [])]
    return "; ".join(errors) or problem.get("detail") or problem["title"]
