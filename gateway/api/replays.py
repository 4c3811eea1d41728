"""What went wrong and is made good: the dead of an endpoint, and replays of them or of a stretch of the log."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gateway.api import answers, requests
from gateway.api.calls import MERCHANT, STAFF, Ask, Calls, answer, listing
from gateway.api.endpoints import translated
from gateway.api.problems import Problem, invalid
from gateway.listing import BadCursor, make_cursor, read_cursor
from normalizer import render
from webhooks import dead, replays
from webhooks.dead import Which
from webhooks.endpoint_rows import find_row
from webhooks.filters import BadPattern
from webhooks.replays import NoReplay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from aiohttp import web
    from sqlalchemy import Connection

    from gateway.api.requests import DeadQuery, PageQuery, ReplayIn, RequeueIn
    from webhooks.dead import DeadFacts
    from webhooks.replays import ReplayFacts

CALLS = Calls("Endpoints")


def _millis(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)


def _which(asked: DeadQuery | RequeueIn, mark: str) -> Which:
    since, until = _millis(asked.since), _millis(asked.until)
    if since is not None and until is not None and until < since:
        raise invalid((f"{mark}until", "it lies before since"))
    which = Which(
        event_types=asked.event_types,
        shipment_id=asked.shipment_id,
        reason=asked.reason,
        since=since,
        until=until,
    )
    try:
        which.conditions()
    except BadPattern as trouble:
        raise invalid((f"{mark}event_types", str(trouble).partition(": ")[2])) from None
    return which


def document(of: ReplayFacts) -> dict[str, Any]:
    """Return a replay as its merchant sees it."""
    return {
        "id": of.id,
        "state": of.state,
        "only_failed": of.only_failed,
        "event_types": of.event_types,
        "progress": of.progress,
        "left": of.until - of.cursor if of.state == "running" else 0,
        "created_at": render.millis_instant(of.created_at),
        "ended_at": render.millis_instant(of.ended_at),
    }


@contextmanager
def _found() -> Iterator[None]:
    try:
        with translated():
            yield
    except NoReplay:
        raise Problem("not-found") from None


@CALLS.add(
    "GET",
    "/v1/endpoints/{endpoint_id}/dead",
    "Messages given up for this endpoint, the newest first.",
    roles=STAFF,
    query=requests.DeadQuery,
    answers={200: answers.DeadPage},
    problems=("not-found", "validation"),
)
async def find_dead(ask: Ask) -> web.StreamResponse:
    """List the dead."""
    query: DeadQuery = ask.query
    which = _which(query, "?")

    def work(conn: Connection) -> list[DeadFacts]:
        endpoint = find_row(conn, ask.merchant_id, ask.path("endpoint_id"))
        return dead.page(conn, ask.merchant_id, endpoint.id, which, before=query.cursor, limit=query.limit + 1)

    with translated():
        found = await ask.gateway.store.read(work)
    more = len(found) > query.limit
    found = found[: query.limit]
    return listing([_dead(one) for one in found], str(found[-1].sequence) if more else None)


def _dead(of: DeadFacts) -> dict[str, Any]:
    return {
        "message_id": of.message_id,
        "sequence": of.sequence,
        "type": of.type,
        "shipment_id": of.shipment_id,
        "given_up_at": render.millis_instant(of.at),
        "reason": of.reason,
    }


@CALLS.add(
    "POST",
    "/v1/endpoints/{endpoint_id}/dead/requeue",
    "Send dead messages once more: all of them, or those a filter names.",
    roles=MERCHANT,
    body=requests.RequeueIn,
    body_optional=True,
    answers={202: answers.Requeued},
    problems=("not-found", "validation"),
)
async def requeue(ask: Ask) -> web.StreamResponse:
    """Bring the dead back."""
    which = _which(ask.body, "/")
    endpoint_id = ask.path("endpoint_id")
    with translated():
        facts, count = await ask.gateway.store.write(
            lambda conn: replays.requeue(conn, ask.merchant_id, endpoint_id, ask.now, which)
        )
    ask.gateway.dispatcher.touch(ask.merchant_id, endpoint_id)
    return answer(document(facts) | {"messages": count}, 202)


@CALLS.add(
    "POST",
    "/v1/endpoints/{endpoint_id}/replay",
    "Send a stretch of the log once more.",
    roles=MERCHANT,
    body=requests.ReplayIn,
    answers={202: answers.Replay},
    problems=("not-found", "validation"),
)
async def replay(ask: Ask) -> web.StreamResponse:
    """Start a replay."""
    wish: ReplayIn = ask.body
    endpoint_id = ask.path("endpoint_id")
    with translated():
        facts = await ask.gateway.store.write(
            lambda conn: replays.start(
                conn,
                ask.merchant_id,
                endpoint_id,
                ask.now,
                since=int(wish.since.timestamp() * 1000),
                until=_millis(wish.until),
                event_types=wish.event_types,
                only_failed=wish.only_failed,
            )
        )
    ask.gateway.dispatcher.touch(ask.merchant_id, endpoint_id)
    return answer(document(facts), 202)


@CALLS.add(
    "GET",
    "/v1/endpoints/{endpoint_id}/replays",
    "Replays and how far they have got, the newest first.",
    roles=STAFF,
    query=requests.PageQuery,
    answers={200: answers.Replays},
    problems=("not-found", "validation"),
)
async def find(ask: Ask) -> web.StreamResponse:
    """List replays."""
    query: PageQuery = ask.query
    before: tuple[int, str] | None = None
    if query.cursor is not None:
        try:
            before = read_cursor(query.cursor)
        except BadCursor:
            raise invalid(("?cursor", "it is no cursor of this list")) from None
    with translated():
        found = await ask.gateway.store.read(
            lambda conn: replays.find(
                conn, ask.merchant_id, ask.path("endpoint_id"), before=before, limit=query.limit + 1
            )
        )
    more = len(found) > query.limit
    found = found[: query.limit]
    cursor = make_cursor(found[-1].created_at, found[-1].id) if more else None
    return listing([document(one) for one in found], cursor)


@CALLS.add(
    "GET",
    "/v1/endpoints/{endpoint_id}/replays/{replay_id}",
    "A replay and how far it has got.",
    roles=STAFF,
    answers={200: answers.Replay},
    problems=("not-found",),
)
async def get(ask: Ask) -> web.StreamResponse:
    """Show one replay."""
    with _found():
        found = await ask.gateway.store.read(
            lambda conn: replays.get(conn, ask.merchant_id, ask.path("endpoint_id"), ask.path("replay_id"))
        )
    return answer(document(found))


@CALLS.add(
    "DELETE",
    "/v1/endpoints/{endpoint_id}/replays/{replay_id}",
    "End a replay; what it has in flight still arrives.",
    roles=MERCHANT,
    answers={200: answers.Replay},
    problems=("not-found",),
)
async def cancel(ask: Ask) -> web.StreamResponse:
    """End a replay."""
    endpoint_id = ask.path("endpoint_id")
    with _found():
        ended = await ask.gateway.store.write(
            lambda conn: replays.cancel(conn, ask.merchant_id, endpoint_id, ask.path("replay_id"), ask.now)
        )
    ask.gateway.dispatcher.touch(ask.merchant_id, endpoint_id)
    return answer(document(ended))
