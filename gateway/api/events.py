"""A shipment's events: the story as the carrier told it, and what the merchant adds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from gateway import shipments
from gateway.api import answers, requests
from gateway.api.calls import STAFF, Ask, Calls, answer, listing
from gateway.api.problems import Problem, invalid
from gateway.api.shipments import found
from gateway.history import event_bodies
from gateway.merchant_events import BadEvent, merchant_event
from gateway.visibility import shown

if TYPE_CHECKING:
    from aiohttp import web
    from sqlalchemy import Connection

    from gateway.api.requests import EventIn

CALLS = Calls("Shipments")


@CALLS.add(
    "GET",
    "/v1/shipments/{shipment_id}/events",
    "All events of a shipment, oldest first.",
    roles=("merchant", "support", "storefront"),
    answers={200: answers.Events},
    problems=("not-found",),
)
async def events(ask: Ask) -> web.StreamResponse:
    """List the events."""
    merchant_id, shipment_id = ask.merchant_id, ask.path("shipment_id")
    bodies = await ask.gateway.store.read(lambda conn: _bodies(conn, merchant_id, shipment_id))
    if ask.principal.role == "merchant":
        data: list[Any] = [orjson.Fragment(body) for body in bodies]
    else:
        data = [shown(ask.principal.role, "event", orjson.loads(body)) for body in bodies]
    return listing(data)


@CALLS.add(
    "POST",
    "/v1/shipments/{shipment_id}/events",
    "Add an event by hand or from a system of your own: same road, same messages.",
    roles=STAFF,
    body=requests.EventIn,
    answers={201: answers.Event},
    problems=("not-found", "conflict", "validation"),
    repeatable=True,
)
async def add(ask: Ask) -> web.StreamResponse:
    """Take a merchant's own event."""
    wish: EventIn = ask.body
    merchant_id, shipment_id = ask.merchant_id, ask.path("shipment_id")
    row = found(await ask.gateway.store.read(lambda conn: shipments.get(conn, merchant_id, shipment_id)))
    if not row["tracking"]:
        raise Problem("conflict", "it is not tracked any more; register it again to track it")
    try:
        event = merchant_event(
            carrier=row["carrier"],
            tracking_number=row["tracking_number"],
            status=wish.status,
            substatus=wish.substatus,
            at=wish.at,
            now=datetime.fromtimestamp(ask.now / 1000, UTC),
            text=wish.text,
            place=None if wish.place is None else wish.place.model_dump(),
        )
    except BadEvent as trouble:
        raise invalid((f"/{trouble.field}", trouble.reason)) from None
    await ask.gateway.ingest.add_events(merchant_id, [(shipment_id, event)])
    bodies = await ask.gateway.store.read(lambda conn: _bodies(conn, merchant_id, shipment_id))
    document = next(body for body in map(orjson.loads, bodies) if body["id"] == event.id)
    return answer(shown(ask.principal.role, "event", document), 201)


def _bodies(conn: Connection, merchant_id: str, shipment_id: str) -> list[bytes]:
    return event_bodies(conn, found(shipments.get(conn, merchant_id, shipment_id)))
