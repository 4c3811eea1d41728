"""The merchant itself: its name, and where it is written to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway import keys
from gateway.api import answers, requests
from gateway.api.calls import MERCHANT, STAFF, Ask, Calls, answer
from gateway.api.problems import invalid
from normalizer import render
from webhooks.channels.letter import BadAddress, read_address

if TYPE_CHECKING:
    from aiohttp import web
    from sqlalchemy import RowMapping

    from gateway.api.requests import MerchantChange

CALLS = Calls("Merchant")


def _document(row: RowMapping) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "contact_email": row["contact_email"],
        "created_at": render.millis_instant(row["created_at"]),
    }


@CALLS.add("GET", "/v1/merchant", "Who you are to the gateway.", roles=STAFF, answers={200: answers.Merchant})
async def get(ask: Ask) -> web.StreamResponse:
    """Show the merchant."""
    return answer(_document(await ask.gateway.store.read(lambda conn: keys.merchant(conn, ask.merchant_id))))


@CALLS.add(
    "PATCH",
    "/v1/merchant",
    "Change your name, or where you are written to when an endpoint fails.",
    roles=MERCHANT,
    body=requests.MerchantChange,
    answers={200: answers.Merchant},
    problems=("validation",),
)
async def change(ask: Ask) -> web.StreamResponse:
    """Change the merchant."""
    wish: MerchantChange = ask.body
    given = wish.model_dump(include=wish.model_fields_set)
    if "name" in given and given["name"] is None:
        raise invalid(("/name", "cannot be null"))
    if wish.contact_email is not None:
        try:
            given["contact_email"] = read_address(wish.contact_email)
        except BadAddress as bad:
            raise invalid(("/contact_email", str(bad))) from None
    return answer(
        _document(await ask.gateway.store.write(lambda conn: keys.change_merchant(conn, ask.merchant_id, given)))
    )
