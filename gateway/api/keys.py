"""API keys: a merchant makes and ends keys for its systems, its support desk and its storefronts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from gateway import keys
from gateway.api import answers, requests
from gateway.api.calls import MERCHANT, Ask, Calls, answer, listing
from gateway.api.problems import Problem
from normalizer import render

if TYPE_CHECKING:
    from gateway.api.requests import KeyIn

CALLS = Calls("Keys")


@CALLS.add(
    "POST",
    "/v1/keys",
    "Make a key. This is the only time it is shown.",
    roles=MERCHANT,
    body=requests.KeyIn,
    answers={201: answers.NewKey},
    problems=("validation",),
)
async def create(ask: Ask) -> web.StreamResponse:
    """Make a key."""
    wish: KeyIn = ask.body
    key = keys.make_key(wish.role, ask.merchant_id, label=wish.name, origins=wish.origins)
    await ask.gateway.store.write(lambda conn: keys.store_key(conn, key, ask.now))
    return answer(
        {
            "id": key.id,
            "role": key.role,
            "name": key.label,
            "origins": list(key.origins),
            "created_at": render.millis_instant(ask.now),
            "key": key.text,
        },
        201,
    )


@CALLS.add("GET", "/v1/keys", "All keys in force, oldest first.", roles=MERCHANT, answers={200: answers.Keys})
async def find(ask: Ask) -> web.StreamResponse:
    """List keys."""
    return listing(await ask.gateway.store.read(lambda conn: keys.listed(conn, ask.merchant_id)))


@CALLS.add(
    "DELETE",
    "/v1/keys/{key_id}",
    "End a key. It stops working at once (within seconds in other processes).",
    roles=MERCHANT,
    answers={204: None},
    problems=("not-found",),
)
async def revoke(ask: Ask) -> web.StreamResponse:
    """End a key; also the one this request came with."""
    revoked = await ask.gateway.store.write(
        lambda conn: keys.revoke(conn, ask.merchant_id, ask.path("key_id"), ask.now)
    )
    if revoked is None:
        raise Problem("not-found")
    ask.desk.keeper.forget(revoked)
    return web.Response(status=204)
