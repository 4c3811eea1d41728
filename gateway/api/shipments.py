"""Shipments: register them, find them, show one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gateway import listing, registration, shipments
from gateway.api import answers, requests
from gateway.api.calls import STAFF, Ask, Calls, answer, parse
from gateway.api.calls import listing as list_of
from gateway.api.problems import Problem, invalid
from gateway.registering import Refused, choose_carrier, spell
from gateway.registration import Registered
from gateway.shipments import NewShipment
from gateway.visibility import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp import web
    from sqlalchemy import RowMapping

    from gateway.api.requests import Promise, ShipmentIn, ShipmentsQuery
    from gateway.app import Gateway
    from gateway.keys import KeyRole
    from gateway.vault import Vault

CALLS = Calls("Shipments")
_READERS: tuple[KeyRole, ...] = ("merchant", "support", "storefront")
_MOST_BATCH_BYTES = 8_000_000


def refusal(trouble: Refused) -> Problem:
    """Return the problem of a wish that cannot be met."""
    if trouble.candidates is None:
        return invalid(*trouble.errors)
    return Problem("carrier-unclear", str(trouble), errors=trouble.errors, candidates=trouble.candidates)


def drafted(vault: Vault, merchant_id: str, wish: ShipmentIn) -> NewShipment:
    """Return the shipment a merchant wishes for, without its account. Raises `Refused`."""
    number = spell(wish.tracking_number, wish.carrier)
    carrier, set_by = choose_carrier(number, wish.carrier)
    return NewShipment(
        carrier=carrier,
        tracking_number=number,
        account_id=wish.account,
        order_number=order_number(wish.order_number),
        direction=wish.direction,
        destination=plain(wish.destination),
        recipient=sealed_recipient(vault, merchant_id, wish.recipient),
        promised=promise(wish.promised),
        metadata=wish.metadata,
        ship_date=None if wish.ship_date is None else wish.ship_date.isoformat(),
        carrier_set_by=set_by,
        items=tuple((item.line, item.quantity) for item in wish.items),
        return_id=wish.return_id or "",
    )


def order_number(given: str | None) -> str | None:
    """Return an order number as orders spell theirs: without spaces around it; blank is none."""
    return None if given is None else given.strip() or None


def plain(of: requests.Address | None) -> dict[str, Any] | None:
    """Return an address or a recipient as JSON values, what was not told left out."""
    return None if of is None else of.model_dump(mode="json", exclude_none=True)


def promise(of: Promise | None) -> dict[str, Any] | None:
    """Return a promised window as JSON values."""
    return None if of is None else of.model_dump(mode="json", by_alias=True)


def sealed_recipient(vault: Vault, merchant_id: str, recipient: requests.Recipient | None) -> bytes | None:
    """Return a recipient sealed for the database."""
    return shipments.sealed_recipient(vault, merchant_id, plain(recipient))


def wake(gateway: Gateway, due: int | None, now: int) -> None:
    """Have what is due asked at once, where this process asks; another one sees it at its next tick."""
    if due is not None and due <= now and "poll" in gateway.settings.roles:
        gateway.poller.wake()


def _made(ask: Ask, one: Registered) -> dict[str, Any]:
    document = shown(ask.principal.role, "shipment", shipments.document(one.row) | {"tracking_url": one.url})
    return document | {"warnings": list(one.plan.warnings)} if one.plan.warnings else document


async def register(ask: Ask, drafts: Sequence[NewShipment]) -> list[Registered | Refused]:
    """Register drafts, tell what follows, and have what is due asked."""
    gateway = ask.gateway
    results, entries = await gateway.store.write(
        lambda conn: registration.register(gateway.links, conn, ask.merchant_id, drafts, ask.now)
    )
    gateway.tell(entries)
    due = [one.row["next_poll_at"] for one in results if isinstance(one, Registered)]
    wake(gateway, min((at for at in due if at is not None), default=None), ask.now)
    return results


@CALLS.add(
    "POST",
    "/v1/shipments",
    "Track a parcel. The same number again answers 200 with the same id.",
    roles=STAFF,
    body=requests.ShipmentIn,
    answers={201: answers.Shipment, 200: answers.Shipment},
    problems=("validation", "carrier-unclear"),
    repeatable=True,
)
async def create(ask: Ask) -> web.StreamResponse:
    """Register one shipment."""
    try:
        draft = drafted(ask.gateway.vault, ask.merchant_id, ask.body)
    except Refused as trouble:
        raise refusal(trouble) from None
    (result,) = await register(ask, [draft])
    if isinstance(result, Refused):
        raise refusal(result)
    headers = {"Location": f"/v1/shipments/{result.row['id']}"} if result.new else None
    return answer(_made(ask, result), 201 if result.new else 200, headers)


@CALLS.add(
    "POST",
    "/v1/shipments/batch",
    "Track up to 1,000 parcels; one bad item harms no other. 207 where some were refused.",
    roles=STAFF,
    body=requests.BatchIn,
    answers={200: answers.Batch, 207: answers.Batch},
    problems=("validation",),
    most_bytes=_MOST_BATCH_BYTES,
    repeatable=True,
)
async def create_batch(ask: Ask) -> web.StreamResponse:
    """Register many shipments in one transaction."""
    gateway, merchant_id = ask.gateway, ask.merchant_id
    results: list[dict[str, Any]] = []
    drafts: list[tuple[int, NewShipment]] = []
    for index, item in enumerate(ask.body.shipments):
        results.append({"index": index})
        try:
            drafts.append(
                (index, drafted(gateway.vault, merchant_id, parse(requests.ShipmentIn, json.dumps(item).encode())))
            )
        except Refused as trouble:
            results[index] |= _failed(refusal(trouble))
        except Problem as problem:
            results[index] |= _failed(problem)
    made = await register(ask, [draft for _, draft in drafts])
    for (index, _), result in zip(drafts, made, strict=True):
        if isinstance(result, Refused):
            results[index] |= _failed(refusal(result))
        else:
            results[index] |= {"status": 201 if result.new else 200, "shipment": _made(ask, result)}
    whole = all("shipment" in result for result in results)
    return answer({"data": results}, 200 if whole else 207)


def _failed(problem: Problem) -> dict[str, Any]:
    return {"status": problem.kind.status, "problem": problem.body()}


@CALLS.add(
    "GET",
    "/v1/shipments",
    "Find shipments, the latest changed first.",
    roles=STAFF,
    query=requests.ShipmentsQuery,
    answers={200: answers.Shipments},
    problems=("validation",),
)
async def find(ask: Ask) -> web.StreamResponse:
    """List shipments."""
    query: ShipmentsQuery = ask.query
    wanted = listing.Filter(
        tracking_number=query.tracking_number,
        order_number=order_number(query.order_number),
        statuses=[status.value for status in query.status or ()],
        carrier=query.carrier,
        beginning=query.q,
        troubles=query.trouble or (),
        stalled=query.stalled,
        updated_since=None if query.updated_since is None else int(query.updated_since.timestamp() * 1000),
    )
    try:
        rows, cursor = await ask.gateway.store.read(
            lambda conn: listing.page(conn, ask.merchant_id, wanted, after=query.cursor, limit=query.limit)
        )
    except listing.BadCursor as trouble:
        raise invalid(("?cursor", str(trouble))) from None
    urls = await ask.gateway.links.urls(ask.merchant_id, [row["id"] for row in rows])
    documents = [shipments.document(row) | {"tracking_url": urls[row["id"]]} for row in rows]
    return list_of([shown(ask.principal.role, "shipment", document) for document in documents], cursor)


@CALLS.add(
    "GET",
    "/v1/shipments/{shipment_id}",
    "A shipment with its status, milestones, arrival time and proofs.",
    roles=_READERS,
    answers={200: answers.Shipment},
    problems=("not-found",),
    personal=True,
)
async def get(ask: Ask) -> web.StreamResponse:
    """Show one shipment; merchants and their support desk see the recipient too."""
    row = await ask.gateway.store.read(lambda conn: shipments.get(conn, ask.merchant_id, ask.path("shipment_id")))
    return answer(await whole(ask, found(row)))


def found(row: RowMapping | None) -> RowMapping:
    """Return the row, or raise the 404 problem: also for what is another merchant's."""
    if row is None:
        raise Problem("not-found")
    return row


async def linked(ask: Ask, row: RowMapping) -> dict[str, Any]:
    """Return a shipment with the address of its tracking page."""
    urls = await ask.gateway.links.urls(ask.merchant_id, [row["id"]])
    return shipments.document(row) | {"tracking_url": urls[row["id"]]}


async def whole(ask: Ask, row: RowMapping) -> dict[str, Any]:
    """Return a shipment with its recipient, as far as the asking role sees it."""
    document = await linked(ask, row)
    document["recipient"] = shipments.recipient(ask.gateway.vault, row)
    return shown(ask.principal.role, "shipment", document)
