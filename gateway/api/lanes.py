"""How an endpoint's lane goes: try it, enable it, see every attempt, or ask in place of being called."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from gateway.api import answers, requests
from gateway.api.calls import MERCHANT, STAFF, Ask, Calls, answer, listing
from gateway.api.endpoints import seen, translated
from gateway.api.problems import Problem, invalid
from gateway.listing import BadCursor, make_cursor, read_cursor
from gateway.live import LOOK_EVERY
from normalizer import render
from webhooks import attempts as attempts_of
from webhooks import endpoints, messages, steering
from webhooks.messages import NoPlace

if TYPE_CHECKING:
    from aiohttp import web
    from sqlalchemy import Connection

    from gateway.api.requests import PageQuery, PollQuery
    from webhooks.attempts import AttemptFacts
    from webhooks.messages import Polled

CALLS = Calls("Endpoints")


@CALLS.add(
    "POST",
    "/v1/endpoints/{endpoint_id}/test",
    "Send a `ping` now and see what the endpoint answers.",
    roles=MERCHANT,
    answers={200: answers.TestResult},
    problems=("not-found", "validation"),
)
async def test(ask: Ask) -> web.StreamResponse:
    """Send a ping."""
    try:
        with translated():
            outcome = await ask.gateway.dispatcher.test(ask.merchant_id, ask.path("endpoint_id"))
    except KeyError:
        raise Problem("not-found") from None
    exchange = None if outcome.exchange is None else outcome.exchange.pack()
    return answer(
        {
            "outcome": outcome.kind,
            "status": outcome.status,
            "ms": outcome.ms,
            "ip": outcome.ip,
            **_seen(outcome.status, outcome.response, exchange),
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


_NOT_KEPT = dict.fromkeys(("request_headers", "response_headers", "phases", "tls"))


def _seen(status: int | None, response: str, exchange: bytes | None) -> dict[str, Any]:
    """Return what a request looked like, as far as it is kept; without an answer `response` says why."""
    seen: dict[str, Any] = dict(_NOT_KEPT) if exchange is None else orjson.loads(exchange)
    if status is None or exchange is None:
        seen |= {"response": response, "response_cut": False}
    return seen


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
        **_seen(of.status, of.response, of.exchange),
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
    """Read messages by cursor, waiting for news where asked to; the cursor confirms what came before it."""
    query: PollQuery = ask.query
    try:
        found = await _read_on(ask, query)
    except NoPlace:
        raise invalid(("?cursor", "it is no cursor of this list: the log does not reach so far")) from None
    return listing([orjson.Fragment(body) for body in found.bodies], str(found.cursor))


async def _read_on(ask: Ask, query: PollQuery) -> Polled:
    endpoint_id, merchant_id, store = ask.path("endpoint_id"), ask.merchant_id, ask.gateway.store
    deadline = time.monotonic() + query.wait
    cursor = query.cursor
    with translated():
        if cursor is not None and ask.principal.role == "merchant":
            confirmed = cursor
            await store.write(lambda conn: messages.confirm(conn, merchant_id, endpoint_id, confirmed))
        with ask.gateway.live.watch(merchant_id) as watch:
            while True:
                found = await store.read(
                    partial(_poll, merchant_id=merchant_id, endpoint_id=endpoint_id, cursor=cursor, limit=query.limit)
                )
                left = deadline - time.monotonic()
                if found.entries or left <= 0 or ask.gateway.live.closed:
                    return found
                if found.cursor == cursor:
                    await watch.news(min(left, LOOK_EVERY))
                cursor = found.cursor


def _poll(conn: Connection, *, merchant_id: str, endpoint_id: str, cursor: int | None, limit: int) -> Polled:
    return messages.poll(conn, merchant_id, endpoint_id, cursor=cursor, limit=limit)
