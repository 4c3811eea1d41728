"""Imports: a file of orders or shipments is sent once, and watched while it is taken in."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, cast

from aiohttp import web

from gateway import spreadsheet
from gateway.api import answers, requests
from gateway.api.calls import STAFF, Ask, Calls, answer, listing
from gateway.api.problems import Problem, invalid
from gateway.imports import documents, files, store
from gateway.imports.columns import COLUMNS

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

    from gateway.api.requests import ImportLinesQuery, PageQuery
    from gateway.imports.columns import Kind
    from gateway.imports.files import Form

CALLS = Calls("Imports")
_AT_ONCE = 1_000
FORMS: dict[str, Form] = {"text/csv": "csv", "application/x-ndjson": "ndjson"}


async def _begin(ask: Ask, kind: Kind) -> web.StreamResponse:
    form = FORMS[ask.request.content_type]
    body = cast("bytes", ask.body)
    try:
        items = await asyncio.to_thread(files.read, kind, form, body)
    except files.BadFile as trouble:
        raise invalid(("", f"the file {trouble}")) from None
    gateway, merchant_id, import_id = ask.gateway, ask.merchant_id, store.fresh_id(ask.now)
    sealed = store.sealed(gateway.vault, merchant_id, import_id, body)
    filename = files.plain_name(ask.query.filename)
    begin = partial(store.begin, kind=kind, form=form, filename=filename, body=sealed, total=len(items), now=ask.now)
    try:
        row = await gateway.store.write(lambda conn: begin(conn, merchant_id, import_id))
    except store.TooMany:
        raise Problem("conflict", f"{store.MOST_OPEN} imports are under way: wait until one is finished") from None
    gateway.take_in()
    return answer(store.document(row), 202, {"Location": f"/v1/imports/{import_id}"})


@CALLS.add(
    "POST",
    "/v1/orders/import",
    "Take in a file of orders: CSV, or JSON a line, each as `POST /v1/orders` takes it.",
    roles=STAFF,
    query=requests.ImportQuery,
    takes=tuple(FORMS),
    most_bytes=files.MOST_BYTES,
    answers={202: answers.Import},
    problems=("validation", "conflict"),
)
async def orders(ask: Ask) -> web.StreamResponse:
    """Begin an import of orders."""
    return await _begin(ask, "orders")


@CALLS.add(
    "POST",
    "/v1/shipments/import",
    "Take in a file of shipments: CSV, or JSON a line, each as `POST /v1/shipments` takes it.",
    roles=STAFF,
    query=requests.ImportQuery,
    takes=tuple(FORMS),
    most_bytes=files.MOST_BYTES,
    answers={202: answers.Import},
    problems=("validation", "conflict"),
)
async def shipments(ask: Ask) -> web.StreamResponse:
    """Begin an import of shipments."""
    return await _begin(ask, "shipments")


@CALLS.add(
    "GET",
    "/v1/imports",
    "Imports, the newest first.",
    roles=STAFF,
    query=requests.PageQuery,
    answers={200: answers.ImportPage},
)
async def find(ask: Ask) -> web.StreamResponse:
    """List imports."""
    query: PageQuery = ask.query
    rows, cursor = await ask.gateway.store.read(
        lambda conn: store.page(conn, ask.merchant_id, before=query.cursor, limit=query.limit)
    )
    return listing([store.document(row) for row in rows], cursor)


@CALLS.add(
    "GET",
    "/v1/imports/kinds",
    "What a file of orders or shipments may hold: its columns, and how large it may be.",
    roles=STAFF,
    answers={200: answers.ImportKinds},
)
async def kinds(_ask: Ask) -> web.StreamResponse:
    """List what files may hold."""
    return listing([documents.kind_document(kind) for kind in COLUMNS])


@CALLS.add(
    "GET",
    "/v1/imports/sample",
    "A file to fill in. It is taken in as it is, too.",
    roles=STAFF,
    query=requests.SampleQuery,
    answers={200: None},
    files=tuple(FORMS),
)
async def sample(ask: Ask) -> web.StreamResponse:
    """Answer with a sample."""
    kind, form = ask.query.kind, ask.query.form
    media_type = next(name for name, of in FORMS.items() if of == form)
    headers = {"Content-Disposition": f'attachment; filename="{kind}.{form}"'}
    body = documents.sample(kind, form)
    return web.Response(body=body, content_type=media_type, charset="utf-8", headers=headers)


@CALLS.add(
    "GET",
    "/v1/imports/{import_id}",
    "How far an import has got.",
    roles=STAFF,
    answers={200: answers.Import},
    problems=("not-found",),
)
async def get(ask: Ask) -> web.StreamResponse:
    """Show one import."""
    row = await ask.gateway.store.read(lambda conn: store.get(conn, ask.merchant_id, ask.path("import_id")))
    return answer(store.document(_there(row)))


@CALLS.add(
    "GET",
    "/v1/imports/{import_id}/lines",
    "What became of each line of an import, in the order of the file.",
    roles=STAFF,
    query=requests.ImportLinesQuery,
    answers={200: answers.ImportLines},
    problems=("not-found", "validation"),
)
async def lines(ask: Ask) -> web.StreamResponse:
    """List what became of an import's lines."""
    query: ImportLinesQuery = ask.query
    merchant_id, import_id = ask.merchant_id, ask.path("import_id")

    def work(conn: Connection) -> tuple[list[RowMapping], int | None]:
        _there(store.get(conn, merchant_id, import_id))
        return store.lines(
            conn, merchant_id, import_id, after=query.cursor or 0, limit=query.limit, refused=query.refused
        )

    rows, cursor = await ask.gateway.store.read(work)
    return listing([store.line_document(row) for row in rows], None if cursor is None else str(cursor))


@CALLS.add(
    "GET",
    "/v1/imports/{import_id}/refused",
    "What was refused, as a CSV file: line, field, reason.",
    roles=STAFF,
    answers={200: None},
    files=("text/csv",),
    problems=("not-found",),
)
async def refused(ask: Ask) -> web.StreamResponse:
    """Answer with all that was refused, piece by piece: it may be long."""
    merchant_id, import_id = ask.merchant_id, ask.path("import_id")
    row = _there(await ask.gateway.store.read(lambda conn: store.get(conn, merchant_id, import_id)))
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{row["id"]}-refused.csv"',
        }
    )
    await response.prepare(ask.request)
    await response.write(spreadsheet.lines([documents.HEAD]))
    after: int | None = 0
    while after is not None:
        piece = partial(store.lines, merchant_id=merchant_id, import_id=import_id, limit=_AT_ONCE, refused=True)
        rows, after = await ask.gateway.store.read(partial(piece, after=after))
        told = [one for line in rows for one in documents.refusals(row["form"], store.line_document(line))]
        await response.write(spreadsheet.lines(told))
    await response.write_eof()
    return response


def _there(row: RowMapping | None) -> RowMapping:
    if row is None:
        raise Problem("not-found")
    return row
