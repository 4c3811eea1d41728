"""Looking a parcel up from a shop's page: both facts must match, and whoever knows one of them learns nothing."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from gateway import shipments
from gateway.api import answers, lookup_requests
from gateway.api.calls import Ask, Calls, listing
from gateway.api.orders import RECIPIENT as ORDERS_RECIPIENT
from gateway.api.problems import Problem
from gateway.pages import views
from gateway.pages.callers import address_of
from gateway.storefront import finding, telling
from gateway.texts import choose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web
    from sqlalchemy import Connection, RowMapping

    from gateway.keys import KeyRole
    from gateway.texts import Speech
    from gateway.vault import Vault

CALLS = Calls("Storefront")
PATH = "/v1/public/lookup"
SAME_TIME = 0.25
"""Seconds every answer takes that finds nothing: more than any of the reasons needs, so that none can be told apart."""
_ROLES: tuple[KeyRole, ...] = ("storefront",)


@CALLS.add(
    "GET",
    PATH,
    "Look a parcel up by its number and the postcode or e-mail address it goes to. Wrong looks like unknown.",
    roles=_ROLES,
    query=lookup_requests.LookupQuery,
    answers={200: answers.LookedUp},
    problems=("not-found", "validation"),
)
async def look_up(ask: Ask) -> web.StreamResponse:
    """Look up, the facts in the query."""
    return await _answered(ask, ask.query)


@CALLS.add(
    "POST",
    PATH,
    "The same with the facts in the body, where no proxy writes them down.",
    roles=_ROLES,
    query=lookup_requests.LanguageQuery,
    body=lookup_requests.LookupIn,
    answers={200: answers.LookedUp},
    problems=("not-found", "validation"),
    repeatable=True,
)
async def look_up_quietly(ask: Ask) -> web.StreamResponse:
    """Look up, the facts in the body."""
    return await _answered(ask, ask.body)


async def _answered(ask: Ask, wish: lookup_requests.LookupQuery | lookup_requests.LookupIn) -> web.StreamResponse:
    began = time.monotonic()
    known = finding.Known(
        tracking_number=wish.tracking_number or wish.number,
        order_number=wish.order_number or wish.number,
        postal_code=wish.postal_code,
        email=wish.email,
    )
    settings = ask.gateway.settings
    address = address_of(ask.request, forwarded=settings.trust_forwarded_for)
    keys = (address, f"{ask.merchant_id}\x1f{known.number_key}", ask.principal.key_id)
    ask.desk.counts.lookup(keys)
    vault = ask.gateway.vault
    openers = (partial(shipments.recipient, vault), partial(_of_order, vault))
    rows = await ask.gateway.store.read(lambda conn: finding.find(conn, ask.merchant_id, known, *openers))
    if not rows:
        await asyncio.sleep(began + SAME_TIME - time.monotonic())
        raise Problem("not-found")
    ask.desk.counts.found(keys)
    spoken = choose(ask.query.lang, ask.request.headers.get("Accept-Language", ""))
    return listing(await _told(ask, rows, spoken))


async def _told(ask: Ask, rows: list[RowMapping], spoken: Speech) -> list[dict[str, Any]]:
    urls = await ask.gateway.links.urls(ask.merchant_id, [row["id"] for row in rows])
    open_recipient = partial(shipments.recipient, ask.gateway.vault)

    def work(conn: Connection) -> list[views.View]:
        return [views.look(conn, row, "storefront", ask.now, open_recipient, url=urls[row["id"]]) for row in rows]

    seen = await ask.gateway.store.read(work)
    return [telling.document(view, spoken, ask.now, courier=False) for view in seen]


def _of_order(vault: Vault, row: RowMapping) -> Mapping[str, Any] | None:
    if row["recipient"] is None:
        return None
    told: dict[str, Any] = orjson.loads(vault.open(row["merchant_id"], ORDERS_RECIPIENT, row["recipient"]))
    return told
