"""Subscriptions: what recipients want to hear of a shipment, by which channel, with whose consent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from gateway import shipments
from gateway.api import answers
from gateway.api.calls import STAFF, Ask, Calls, answer, listing
from gateway.api.people_requests import SubscriptionIn
from gateway.api.problems import Problem, invalid
from gateway.api.shipments import found
from gateway.people import addresses, reading, showing, wishes
from gateway.people.addresses import BadAddress
from gateway.people.quiet import Quiet
from gateway.people.wishes import Book, NewWish
from gateway.texts import LANGUAGES
from normalizer import places, render
from normalizer.model import Place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, RowMapping

    from gateway.people.reading import NoticeFacts
    from gateway.vault import Vault

CALLS = Calls("Subscriptions")
PATH = "/v1/shipments/{shipment_id}/subscriptions"


def book(ask: Ask) -> Book:
    """Return the book of wishes."""
    return Book(ask.gateway.vault, ask.gateway.tickets)


@CALLS.add(
    "POST",
    PATH,
    "Take down what somebody wants to hear of a shipment. The same person again changes it.",
    roles=STAFF,
    body=SubscriptionIn,
    answers={201: answers.Subscription, 200: answers.Subscription},
    problems=("not-found", "validation"),
)
async def create(ask: Ask) -> web.StreamResponse:
    """Keep a wish, and ask the person first where that is wanted."""
    gateway, merchant_id, now = ask.gateway, ask.merchant_id, ask.now
    row = found(await gateway.store.read(lambda conn: shipments.get(conn, merchant_id, ask.path("shipment_id"))))
    if ask.body.double_opt_in and not gateway.settings.public_url:
        raise invalid(("/double_opt_in", "there is no link to confirm by: GATEWAY_PUBLIC_URL is not set"))
    new = new_wish(ask.body, row, gateway.vault, now)
    pages = book(ask)

    def work(conn: Connection) -> tuple[dict[str, Any], bool]:
        wish, fresh = pages.add(conn, merchant_id, new, now)
        wishes.ask(conn, wish, now)
        return pages.document(conn, wish), fresh

    document, fresh = await gateway.store.write(work)
    gateway.postroom.hint(merchant_id)
    headers = {"Location": f"/v1/shipments/{row['id']}/subscriptions/{document['id']}"}
    return answer(document, 201 if fresh else 200, headers)


def new_wish(wish: SubscriptionIn, row: RowMapping, vault: Vault, now: int) -> NewWish:
    """Read a request; what it leaves out follows from the shipment. Raises the problem naming the field."""
    destination = {} if row["destination"] is None else orjson.loads(row["destination"])
    written = wish.address if isinstance(wish.address, str) else orjson.dumps(wish.address).decode()
    try:
        address = addresses.read(wish.channel, written, wish.country or destination.get("country") or "")
    except BadAddress as bad:
        raise invalid(("/address", str(bad))) from None
    quiet = Quiet()
    if wish.quiet_hours is not None:
        quiet = Quiet(_minutes(wish.quiet_hours.start), _minutes(wish.quiet_hours.end))
    elif "quiet_hours" in wish.model_fields_set:
        quiet = Quiet(0, 0)
    consent = wish.consent
    at = now if consent.at is None else int(consent.at.timestamp() * 1000)
    return NewWish(
        shipment_id=row["id"],
        channel=wish.channel,
        address=address,
        language=wish.language or _language(row, vault),
        zone=wish.zone or _zone(destination),
        quiet=quiet,
        event_types=wish.event_types,
        consent={"how": consent.how, "at": render.millis_instant(at), "wording": consent.wording},
        double_opt_in=wish.double_opt_in,
    )


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


def _language(row: RowMapping, vault: Vault) -> str:
    recipient = shipments.recipient(vault, row) or {}
    return str(recipient.get("language") or LANGUAGES[0])


def _zone(destination: Mapping[str, Any]) -> str:
    place = Place(city=destination.get("city"), region=destination.get("region"), country=destination.get("country"))
    known = places.find(place)
    return known.zone if known is not None else places.assumed_zone(place) or "UTC"


@CALLS.add(
    "GET",
    PATH,
    "The wishes of a shipment, oldest first.",
    roles=STAFF,
    answers={200: answers.Subscriptions},
    problems=("not-found",),
    personal=True,
)
async def find(ask: Ask) -> web.StreamResponse:
    """List wishes."""
    merchant_id, shipment_id, pages = ask.merchant_id, ask.path("shipment_id"), book(ask)

    def work(conn: Connection) -> list[dict[str, Any]] | None:
        if shipments.get(conn, merchant_id, shipment_id) is None:
            return None
        return pages.listed(conn, merchant_id, shipment_id)

    documents = await ask.gateway.store.read(work)
    if documents is None:
        raise Problem("not-found")
    return listing(documents)


@CALLS.add(
    "DELETE",
    PATH + "/{subscription_id}",
    "Remove a wish; what waits for it is not sent.",
    roles=STAFF,
    answers={204: None},
    problems=("not-found",),
)
async def remove(ask: Ask) -> web.StreamResponse:
    """Remove a wish."""
    shipment_id, wish_id = ask.path("shipment_id"), ask.path("subscription_id")
    if not await ask.gateway.store.write(
        lambda conn: wishes.remove(conn, ask.merchant_id, shipment_id, wish_id, ask.now)
    ):
        raise Problem("not-found")
    return web.Response(status=204)


@CALLS.add(
    "GET",
    "/v1/shipments/{shipment_id}/notices",
    "The notices people got about a shipment, oldest first: by which channel, and what became of each.",
    roles=STAFF,
    answers={200: answers.Notices},
    problems=("not-found",),
    personal=True,
)
async def told(ask: Ask) -> web.StreamResponse:
    """List notices."""
    shipment_id = ask.path("shipment_id")

    def work(conn: Connection) -> list[NoticeFacts]:
        found(shipments.get(conn, ask.merchant_id, shipment_id))
        return reading.of_shipment(conn, ask.merchant_id, shipment_id)

    return listing(showing.notices(ask.gateway.vault, await ask.gateway.store.read(work)))
