"""Conversations of recipient, courier and support: the desk reads along, answers, and sees who waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from gateway import shipments
from gateway.api import answers, talk_requests
from gateway.api.calls import STAFF, Ask, Calls, answer, listing
from gateway.api.problems import Problem, invalid
from gateway.api.shipments import found
from gateway.lastmile import wishes
from gateway.listing import BadCursor
from gateway.people import addresses
from gateway.people.addresses import BadAddress
from gateway.talk import conversation, lines, ways
from gateway.talk.conversation import Closed, Full, Saying, Wanted
from normalizer import render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web
    from sqlalchemy import Connection, RowMapping

    from gateway.api.talk_requests import ConversationsQuery, CourierLineIn, UtteranceIn
    from gateway.talk.conversation import Said

CALLS = Calls("Conversations")
_PATH = "/v1/shipments/{shipment_id}/conversation"


@CALLS.add(
    "GET",
    "/v1/conversations",
    "Conversations, the latest first; or those that wait for the desk.",
    roles=STAFF,
    query=talk_requests.ConversationsQuery,
    answers={200: answers.Conversations},
    problems=("validation",),
)
async def find(ask: Ask) -> web.StreamResponse:
    """List conversations."""
    query: ConversationsQuery = ask.query
    wanted = Wanted(waiting=query.waiting, after=query.cursor, limit=query.limit)
    try:
        rows, cursor = await ask.gateway.store.read(lambda conn: conversation.listed(conn, ask.merchant_id, wanted))
    except BadCursor as trouble:
        raise invalid(("?cursor", str(trouble))) from None
    of = ("carrier", "tracking_number")
    return listing([_summary(row) | {name: row[name] for name in of} for row in rows], cursor)


@CALLS.add(
    "GET",
    _PATH,
    "What recipient, courier and support said of a shipment, oldest first.",
    roles=STAFF,
    answers={200: answers.Conversation},
    problems=("not-found",),
    personal=True,
)
async def show(ask: Ask) -> web.StreamResponse:
    """Show a conversation."""
    gateway, merchant_id, shipment_id = ask.gateway, ask.merchant_id, ask.path("shipment_id")

    def work(conn: Connection) -> dict[str, Any]:
        row = found(shipments.get(conn, merchant_id, shipment_id))
        merchant = wishes.get(conn, merchant_id)
        whole = conversation.get(conn, merchant_id, shipment_id)
        summary = (
            {"shipment_id": shipment_id, "last_at": None, "waits_since": None} if whole is None else _summary(whole)
        )
        return summary | {
            "open": conversation.is_open(row, merchant, ask.now),
            "courier_by": next(iter(ways.to_courier(conn, row, ask.now)), None),
            "closes_at": render.millis_instant(conversation.closes_at(row, merchant)),
            "utterances": conversation.of_shipment(conn, gateway.vault, merchant_id, shipment_id, "support"),
        }

    return answer(await gateway.store.read(work))


@CALLS.add(
    "POST",
    _PATH,
    "Say something as support: to the recipient, the courier, or both.",
    roles=STAFF,
    body=talk_requests.UtteranceIn,
    answers={201: answers.Utterance},
    problems=("not-found", "validation", "conflict"),
)
async def say(ask: Ask) -> web.StreamResponse:
    """Write down what support says and pass it on."""
    wish: UtteranceIn = ask.body
    gateway, merchant_id, shipment_id = ask.gateway, ask.merchant_id, ask.path("shipment_id")
    saying = Saying(
        author="support",
        words=wish.text,
        audience=wish.to,
        came_by="api",
        watched=gateway.positions.watchers((merchant_id, shipment_id)) > 0,
    )

    def work(conn: Connection) -> Said:
        row = found(shipments.get(conn, merchant_id, shipment_id))
        return conversation.say(conn, gateway.vault, row, saying, ask.now)

    try:
        said = await gateway.store.write(work)
    except Closed:
        raise Problem("conflict", "the conversation is closed") from None
    except Full:
        raise Problem("conflict", "so much was said of this shipment that nothing more is taken") from None
    gateway.tell(said.entries)
    return answer(conversation.document(gateway.vault, said.row), 201)


@CALLS.add(
    "PUT",
    _PATH + "/courier",
    "Give the courier's number, so that SMS from your own number stand between them and the recipient.",
    roles=STAFF,
    body=talk_requests.CourierLineIn,
    answers={200: answers.CourierLine},
    problems=("not-found", "validation"),
)
async def set_courier(ask: Ask) -> web.StreamResponse:
    """Keep the courier's number, sealed."""
    wish: CourierLineIn = ask.body
    gateway, merchant_id, shipment_id = ask.gateway, ask.merchant_id, ask.path("shipment_id")

    def work(conn: Connection) -> None:
        row = found(shipments.get(conn, merchant_id, shipment_id))
        destination = {} if row["destination"] is None else orjson.loads(row["destination"])
        phone = None
        if wish.phone is not None:
            try:
                phone = addresses.read("sms", wish.phone, wish.country or destination.get("country") or "")
            except BadAddress as bad:
                raise invalid(("/phone", str(bad))) from None
        lines.set_courier(conn, gateway.vault, merchant_id, shipment_id, phone=phone, language=wish.language or "")

    await gateway.store.write(work)
    return answer({"has_phone": wish.phone is not None, "language": wish.language})


def _summary(row: RowMapping | Mapping[str, Any]) -> dict[str, Any]:
    return {
        "shipment_id": row["shipment_id"],
        "last_at": render.millis_instant(row["last_at"] or None),
        "waits_since": render.millis_instant(row["waits_since"]),
    }
