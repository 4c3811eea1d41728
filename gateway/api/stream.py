"""The live stream: a merchant's messages as Server-Sent Events, resumed by sequence without a gap."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from gateway import metrics
from gateway.api import answers, requests
from gateway.api.calls import STAFF, Ask, Calls
from gateway.api.problems import Problem, invalid
from webhooks import log
from webhooks.filters import BadPattern
from webhooks.matching import read_wish

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gateway.api.requests import StreamQuery
    from webhooks.log import Entry

CALLS = Calls("Stream")
HEARTBEAT = 15.0
"""Seconds of silence after which a comment keeps proxies from closing the line."""
_PAGE = 200
_LONGEST_POSITION = 18


@CALLS.add(
    "GET",
    "/v1/stream",
    "Messages as they happen, as Server-Sent Events. `Last-Event-ID` resumes without a gap.",
    roles=STAFF,
    query=requests.StreamQuery,
    answers={200: answers.Message},
    problems=("validation",),
    media_type="text/event-stream",
)
async def stream(ask: Ask) -> web.StreamResponse:
    """Stream messages until the client goes or the gateway stops."""
    query: StreamQuery = ask.query
    try:
        wish = read_wish(query.types)
    except BadPattern as trouble:
        raise invalid(("?types", str(trouble).partition(": ")[2])) from None
    position = _resume_from(ask)
    head = await ask.gateway.store.read(lambda conn: log.head(conn, ask.merchant_id))
    position = head if position is None else min(position, head)
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream; charset=utf-8",
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
        }
    )
    await response.prepare(ask.request)
    await response.write(b": welcome\nretry: 2000\n\n")
    live = ask.gateway.live
    metrics.STREAMS.inc()
    try:
        with live.watch(ask.merchant_id) as watch:
            spoken = time.monotonic()
            while not live.closed:
                entries = await _read(ask, position)
                lines = [
                    _event(entry)
                    for entry in entries
                    if (query.shipment_id is None or entry.shipment_id == query.shipment_id)
                    and wish.wants_type(entry.type)
                ]
                if watch.desk and ask.principal.person_id:  # for the console alone: no message, and of no number
                    lines.append(_DESK % orjson.dumps({"shipment_ids": sorted(watch.desk)}))
                watch.desk.clear()
                if entries:
                    position = entries[-1].sequence
                if lines:
                    await response.write(b"".join(lines))
                    spoken = time.monotonic()
                elif time.monotonic() - spoken >= HEARTBEAT:
                    await response.write(b": still here\n\n")
                    spoken = time.monotonic()
                if len(entries) < _PAGE:
                    await watch.news()
                    await ask.desk.keeper.who(ask.request)  # a key that ended ends what it opened
    except (ConnectionError, Problem):
        pass  # the client has gone, or its key has ended
    finally:
        metrics.STREAMS.dec()
    return response


def _resume_from(ask: Ask) -> int | None:
    """Return the sequence to go on after; None to begin with what comes now."""
    told = ask.request.headers.get("Last-Event-ID", "").strip()
    if not told:
        position: int | None = ask.query.last_event_id
        return position
    if not told.isascii() or not told.isdecimal() or len(told) > _LONGEST_POSITION:
        raise invalid(("Last-Event-ID", "is not an id of this stream"))
    return int(told)


async def _read(ask: Ask, position: int) -> list[Entry]:
    def work(conn: Connection) -> list[Entry]:
        want = log.Want(ask.merchant_id, position, log.head(conn, ask.merchant_id), _PAGE)
        return log.read_many(conn, [want])[want]

    return await ask.gateway.store.read(work)


_DESK = b"event: desk.changed\ndata: %b\n\n"


def _event(entry: Entry) -> bytes:
    # A message's JSON holds no line break, so it is one line of data.
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (entry.sequence, entry.type.encode(), entry.body)
