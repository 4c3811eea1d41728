"""How an endpoint's lane goes: try it, enable it, replay to it, see every attempt, or ask in place of being called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from gateway.api import answers, requests
from gateway.api.calls import MERCHANT, STAFF, Ask, Calls, answer, listing
from gateway.api.endpoints import seen, translated
from gateway.api.problems import Problem, invalid
from gateway.listing import BadCursor, make_cursor, read_cursor
from normalizer import render
from webhooks import attempts as attempts_of
from webhooks import endpoints, messages, steering

if TYPE_CHECKING:
    from aiohttp import web
    from sqlalchemy import Connection

    from gateway.api.requests import PageQuery, PollQuery, ReplayIn
    from webhooks.attempts import AttemptFacts

CALLS = Calls("Endpoints")


@CALLS.add(
    "POST",
    "/v1/endpoints/{endpoint_id}/test",
    "Send a `ping` now and see what the endpoint answers.",
    roles=MERCHANT,
    answers={200: answers.TestResult},
    problems=("not-found",),
)
async def test(ask: Ask) -> web.StreamResponse:
    """Send a ping."""
    try:
        outcome = await ask.gateway.dispatcher.test(ask.merchant_id, ask.path("endpoint_id"))
    except KeyError:
        raise Problem("not-found") from None
    return answer(
        {
            "outcome": outcome.kind,
            "status": outcome.status,
            "ms": outcome.ms,
            "ip": outcome.ip,
            "response": outcome.response,
        }
    )


@CALLS.add(
    "POST",
    "/v1/endpoints/{endpoint_id}/enable",
    "Enable an endpoint again: with all that waited, with what failed, or from now.",
    roles=MERCHANT,
    body=requests.EnableIn,
    body_optional=True,
    answers={200: answers.Endpoint},
    problems=("not-found", "validation"),
)
async def enable(ask: Ask) -> web.StreamResponse:
    """Enable an endpoint."""
    with translated():
        enabled = await ask.gateway.store.write(
            lambda conn: steering.enable(conn, ask.merchant_id, ask.path("endpoint_id"), ask.body.course, ask.now)
        )
    ask.gateway.dispatcher.touch(ask.merchant_id, enabled.id)
    return answer(seen(ask, enabled))


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
    until = None if wish.until is None else int(wish.until.timestamp() * 1000)
    with translated():
        replay_id = await ask.gateway.store.write(
            lambda conn: steering.replay(
                conn,
                ask.merchant_id,
                endpoint_id,
                ask.now,
                since=int(wish.since.timestamp() * 1000),
                until=until,
                event_types=wish.event_types,
                only_failed=wish.only_failed,
            )
        )
    ask.gateway.dispatcher.touch(ask.merchant_id, endpoint_id)
    return answer({"id": replay_id}, 202)


@CALLS.add(
    "GET",
    "/v1/endpoints/{endpoint_id}/attempts",
    "Every request to the endpoint and its answer, the newest first.",
    roles=STAFF,
    query=requests.PageQuery,
    answers={200: answers.Attempts},
    problems=("not-found", "validation"),
)
async def attempts(ask: Ask) -> web.StreamResponse:
    """List attempts."""
    query: PageQuery = ask.query
    before: tuple[int, int, int] | None = None
    if query.cursor is not None:
        try:
            at, place = read_cursor(query.cursor)
            sequence, _, number = place.partition(".")
            before = (at, int(sequence), int(number))
        except (BadCursor, ValueError):
            raise invalid(("?cursor", "it is no cursor of this list")) from None

    def work(conn: Connection) -> list[AttemptFacts]:
        endpoint = endpoints.get(conn, ask.merchant_id, ask.path("endpoint_id"))
        return attempts_of.page(conn, ask.merchant_id, endpoint.id, before=before, limit=query.limit + 1)

    with translated():
        found = await ask.gateway.store.read(work)
    more = len(found) > query.limit
    found = found[: query.limit]
    last = found[-1] if more else None
    cursor = None if last is None else make_cursor(last.at, f"{last.sequence}.{last.number}")
    return listing([_attempt(one) for one in found], cursor)


def _attempt(of: AttemptFacts) -> dict[str, Any]:
    return {
        "message_id": of.message_id,
        "sequence": of.sequence,
        "number": of.number,
        "at": render.millis_instant(of.at),
        "status": of.status,
        "outcome": of.outcome,
        "ms": of.ms,
        "ip": of.ip,
        "response": of.response,
    }


@CALLS.add(
    "GET",
    "/v1/endpoints/{endpoint_id}/poll",
    "Read what the endpoint wants, in place of (or beside) being called.",
    roles=STAFF,
    query=requests.PollQuery,
    answers={200: answers.Polled},
    problems=("not-found", "validation"),
)
async def poll(ask: Ask) -> web.StreamResponse:
    """Read messages by cursor."""
    query: PollQuery = ask.query
    with translated():
        entries, cursor = await ask.gateway.store.read(
            lambda conn: messages.poll(
                conn, ask.merchant_id, ask.path("endpoint_id"), cursor=query.cursor, limit=query.limit
            )
        )
    return listing([orjson.Fragment(entry.body) for entry in entries], str(cursor))
