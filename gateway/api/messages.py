"""Messages: what was told, to whom, with what answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from gateway.api import answers, requests
from gateway.api.calls import STAFF, Ask, Calls, answer, listing
from gateway.api.endpoints import translated
from gateway.api.problems import Problem, invalid
from gateway.people import reading, showing
from gateway.visibility import shown
from normalizer import render
from webhooks import messages, steering
from webhooks.endpoint_rows import NoEndpoint

if TYPE_CHECKING:
    from aiohttp import web
    from sqlalchemy import Connection

    from gateway.api.requests import MessagesQuery, ResendIn
    from gateway.people.reading import NoticeFacts
    from webhooks.messages import Told

CALLS = Calls("Messages")


def document(told: Told, people: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Return a message and what became of it; `people`, its notices, come with the bytes that were signed, as JSON."""
    entry = told.entry
    of_order = entry.type.startswith("order.")
    members: dict[str, Any] = {
        "id": entry.id,
        "sequence": entry.sequence,
        "type": entry.type,
        "shipment_id": None if of_order else entry.shipment_id,
        "order_id": entry.shipment_id if of_order else None,
        "shipment_version": entry.shipment_version,
        "created_at": render.millis_instant(entry.at),
        "deliveries": [
            {
                "endpoint_id": one.endpoint_id,
                "state": one.state,
                "attempts": one.attempts,
                "last_status": one.last_status,
                "last_outcome": one.last_outcome,
                "last_at": render.millis_instant(one.last_at),
                "next_at": render.millis_instant(one.next_at),
                "reason": one.reason,
            }
            for one in told.deliveries
        ],
    }
    if people is not None:
        members |= {"body": orjson.Fragment(entry.body), "notices": people}
    return members


@CALLS.add(
    "GET",
    "/v1/messages",
    "Messages, the newest first.",
    roles=STAFF,
    query=requests.MessagesQuery,
    answers={200: answers.ToldPage},
    problems=("validation",),
)
async def find(ask: Ask) -> web.StreamResponse:
    """List messages."""
    query: MessagesQuery = ask.query
    found = await ask.gateway.store.read(
        lambda conn: messages.find(
            conn,
            ask.merchant_id,
            before=query.cursor,
            limit=query.limit + 1,
            type=query.type,
            shipment_id=query.order_id or query.shipment_id,
        )
    )
    more = len(found) > query.limit
    found = found[: query.limit]
    cursor = str(found[-1].entry.sequence) if more else None
    return listing([shown(ask.principal.role, "message", document(one)) for one in found], cursor)


@CALLS.add(
    "GET",
    "/v1/messages/{message_id}",
    "A message: its body, its state at every endpoint, and the notices people got of it.",
    roles=STAFF,
    answers={200: answers.Told},
    problems=("not-found",),
    personal=True,
)
async def get(ask: Ask) -> web.StreamResponse:
    """Show one message."""
    message_id = ask.path("message_id")

    def work(conn: Connection) -> tuple[Told | None, list[NoticeFacts]]:
        told = messages.get(conn, ask.merchant_id, message_id)
        return told, reading.of_message(conn, ask.merchant_id, message_id)

    told, people = await ask.gateway.store.read(work)
    if told is None:
        raise Problem("not-found")
    return answer(shown(ask.principal.role, "message", document(told, showing.notices(ask.gateway.vault, people))))


@CALLS.add(
    "POST",
    "/v1/messages/{message_id}/resend",
    "Send a message once more: to one endpoint, or to all that want it.",
    roles=STAFF,
    body=requests.ResendIn,
    body_optional=True,
    answers={202: answers.Resent},
    problems=("not-found", "validation"),
)
async def resend(ask: Ask) -> web.StreamResponse:
    """Send a message again."""
    wish: ResendIn = ask.body
    try:
        with translated():
            told = await ask.gateway.store.write(
                lambda conn: _resend(conn, ask.merchant_id, ask.path("message_id"), ask.now, wish.endpoint)
            )
    except LookupError:
        raise Problem("not-found") from None
    for endpoint_id in told:
        ask.gateway.dispatcher.touch(ask.merchant_id, endpoint_id)
    return answer({"endpoints": told}, 202)


def _resend(conn: Any, merchant_id: str, message_id: str, now: int, endpoint_id: str | None) -> list[str]:
    try:
        return steering.resend(conn, merchant_id, message_id, now, endpoint_id)
    except NoEndpoint:
        raise invalid(("/endpoint", "you have no endpoint of that id")) from None
