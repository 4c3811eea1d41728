"""Endpoints: where a merchant wants to be told, of what, and what that is signed with."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aiohttp import web

from gateway.api import answers, requests
from gateway.api.calls import MERCHANT, STAFF, Ask, Calls, answer, listing
from gateway.api.paths import misspelt
from gateway.api.problems import Problem, invalid
from gateway.visibility import shown
from normalizer import render
from webhooks import access, endpoints, keyring, origins
from webhooks.endpoint_rows import BadEndpoint, NoEndpoint, find_row
from webhooks.endpoints import Wishes
from webhooks.filters import BadPattern
from webhooks.guard import BadUrl
from webhooks.origins import origin_of
from webhooks.signing import BadSecret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from gateway.api.requests import EndpointChange, EndpointIn, PublicKeyIn, RotateIn
    from webhooks.access import Access
    from webhooks.endpoints import EndpointFacts

CALLS = Calls("Endpoints")
_HOUR_MS = 3_600_000


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the delivery engine refuses into problems that name the field."""
    try:
        yield
    except NoEndpoint:
        raise Problem("not-found") from None
    except (BadEndpoint, BadPattern, BadSecret, BadUrl) as trouble:
        field, _, reason = str(trouble).partition(": ")
        if reason.endswith("is not a public address"):
            reason += "; who runs the gateway may let it through (GATEWAY_EGRESS_ALLOW)"
        raise invalid((_pointer(field), reason or str(trouble))) from None


def _pointer(field: str) -> str:
    """Return a field's pointer: `event_types[2]` is `/event_types/2`, `filter.a.b` the filter's member `a.b`."""
    name, dot, path = field.partition(".")
    return "/" + re.sub(r"\[(\d+)\]", r"/\1", name) + (f"/{path}" if dot else "")


def _lane_state(of: EndpointFacts, now: int) -> str:
    if of.state != "enabled":
        return "disabled"
    if not of.wishes.url:
        return "polled"
    if of.paused_until > now:
        return "paused"
    if of.breaker != "closed":
        return "open" if of.breaker == "open" else "recovering"
    return "throttled" if of.pace is not None else "active"


def document(of: EndpointFacts, now: int) -> dict[str, Any]:
    """Return an endpoint as its merchant sees it, without secrets; `now` in epoch milliseconds."""
    wishes = of.wishes
    return {
        "id": of.id,
        "url": wishes.url or None,
        "description": wishes.description,
        "event_types": wishes.event_types,
        "filter": wishes.filter,
        "fields": wishes.fields,
        "ordering": wishes.ordering,
        "rate_per_second": wishes.rate_per_second,
        "concurrency": wishes.concurrency,
        "timeout_ms": wishes.timeout_ms,
        "schedule": wishes.schedule,
        **of.access,
        "state": of.state,
        "state_reason": of.state_reason,
        "state_since": render.millis_instant(of.state_at),
        "lane": {
            "state": _lane_state(of, now),
            "behind": of.behind,
            "breaker": of.breaker,
            "throttled_to": of.pace,
            "paused_until": render.millis_instant(of.paused_until or None),
            "failing_since": render.millis_instant(of.failing_since or None),
            "retrying": of.retrying,
            "dead": of.dead,
        },
        "version": of.version,
        "created_at": render.millis_instant(of.created_at),
    }


def seen(ask: Ask, of: EndpointFacts) -> dict[str, Any]:
    """Return an endpoint as far as the asking role sees it."""
    return shown(ask.principal.role, "endpoint", document(of, ask.now))


@CALLS.add(
    "POST",
    "/v1/endpoints",
    "Register an address for webhooks, or (with `url` null) a reader that polls. The answer holds the secret.",
    roles=MERCHANT,
    body=requests.EndpointIn,
    answers={201: answers.NewEndpoint},
    problems=("validation",),
)
async def create(ask: Ask) -> web.StreamResponse:
    """Make an endpoint that is told everything from now on."""
    wish: EndpointIn = ask.body
    gateway = ask.gateway
    with translated():
        if wish.url is not None:
            await ask.gateway.guard.check_url(wish.url)
        given = wish.model_dump(exclude={"secret"}) | {"url": wish.url or ""}
        _check_paths(given)
        entrance = access.read(_access(given), access.NONE, ask.now)
        await _check_token_url(ask, entrance)
        wishes = Wishes(**given)
        made, secret = await gateway.store.write(
            lambda conn: endpoints.create(
                conn, gateway.vault, ask.merchant_id, wishes, ask.now, secret=wish.secret, entrance=entrance
            )
        )
    gateway.dispatcher.touch(ask.merchant_id, made.id)
    return answer(seen(ask, made) | {"secret": secret}, 201, {"Location": f"/v1/endpoints/{made.id}"})


def _access(given: dict[str, Any]) -> dict[str, Any]:
    """Take out of what was given what `webhooks.access` reads."""
    return {name: given.pop(name) for name in access.FIELDS & given.keys()}


def _check_paths(given: dict[str, Any]) -> None:
    if wrong := list(misspelt(given)):
        raise invalid(*wrong)


async def _check_token_url(ask: Ask, entrance: Access) -> None:
    if entrance.client is not None:
        await ask.gateway.guard.check_url(entrance.client.url, "auth.token_url")


@CALLS.add("GET", "/v1/endpoints", "All endpoints, oldest first.", roles=STAFF, answers={200: answers.Endpoints})
async def find(ask: Ask) -> web.StreamResponse:
    """List endpoints."""
    found = await ask.gateway.store.read(lambda conn: endpoints.find(conn, ask.merchant_id))
    return listing([seen(ask, one) for one in found])


@CALLS.add(
    "GET",
    "/v1/endpoints/{endpoint_id}",
    "An endpoint: what it wants, and how its lane fares.",
    roles=STAFF,
    answers={200: answers.Endpoint},
    problems=("not-found",),
)
async def get(ask: Ask) -> web.StreamResponse:
    """Show one endpoint."""
    with translated():
        found = await ask.gateway.store.read(lambda conn: endpoints.get(conn, ask.merchant_id, ask.path("endpoint_id")))
    return answer(seen(ask, found))


@CALLS.add(
    "PATCH",
    "/v1/endpoints/{endpoint_id}",
    "Change an endpoint; what is left out stays.",
    roles=MERCHANT,
    body=requests.EndpointChange,
    answers={200: answers.Endpoint},
    problems=("not-found", "validation"),
)
async def change(ask: Ask) -> web.StreamResponse:
    """Change what is wished of an endpoint."""
    wish: EndpointChange = ask.body
    given = wish.model_dump(include=wish.model_fields_set)
    for name in ("description", "ordering", "concurrency", "timeout_ms"):
        if name in given and given[name] is None:
            raise invalid((f"/{name}", "cannot be null"))
    if "url" in given:
        given["url"] = wish.url or ""
    _check_paths(given)

    entering, vault = _access(given), ask.gateway.vault

    def entrance(conn: Connection) -> Access:
        row = find_row(conn, ask.merchant_id, ask.path("endpoint_id"))
        moved = origins.moved(origin_of(row.url), origin_of(given.get("url", row.url)))
        return access.read(entering, access.unseal(vault, ask.merchant_id, row.access_sealed), ask.now, moved=moved)

    def work(conn: Connection) -> EndpointFacts:
        before = endpoints.get(conn, ask.merchant_id, ask.path("endpoint_id"))
        columns = access.columns(vault, ask.merchant_id, entrance(conn)) if entering or "url" in given else {}
        wishes = replace(before.wishes, **given)
        return endpoints.change(conn, ask.merchant_id, before.id, wishes, ask.now, **columns)

    with translated():
        if wish.url is not None:
            await ask.gateway.guard.check_url(wish.url)
        if "auth" in entering:
            await _check_token_url(ask, await ask.gateway.store.read(entrance))
        changed = await ask.gateway.store.write(work)
    ask.gateway.dispatcher.touch(ask.merchant_id, changed.id)
    return answer(seen(ask, changed))


@CALLS.add(
    "DELETE",
    "/v1/endpoints/{endpoint_id}",
    "Delete an endpoint: nothing more is sent to it.",
    roles=MERCHANT,
    answers={204: None},
    problems=("not-found",),
)
async def remove(ask: Ask) -> web.StreamResponse:
    """Delete an endpoint."""
    endpoint_id = ask.path("endpoint_id")
    with translated():
        await ask.gateway.store.write(lambda conn: endpoints.remove(conn, ask.merchant_id, endpoint_id, ask.now))
    ask.gateway.dispatcher.touch(ask.merchant_id, endpoint_id)
    return web.Response(status=204)


@CALLS.add(
    "GET",
    "/v1/endpoints/{endpoint_id}/secret",
    "Show the secret once more.",
    roles=MERCHANT,
    answers={200: answers.Secret},
    problems=("not-found",),
    personal=True,
)
async def secret(ask: Ask) -> web.StreamResponse:
    """Show the newest secret."""
    with translated():
        found = await ask.gateway.store.read(
            lambda conn: keyring.current_secret(conn, ask.gateway.vault, ask.merchant_id, ask.path("endpoint_id"))
        )
    return answer({"secret": found})


@CALLS.add(
    "POST",
    "/v1/endpoints/{endpoint_id}/rotate-secret",
    "Change the secret; both sign until the overlap ends.",
    roles=MERCHANT,
    body=requests.RotateIn,
    body_optional=True,
    answers={200: answers.Secret},
    problems=("not-found", "validation"),
)
async def rotate(ask: Ask) -> web.StreamResponse:
    """Give an endpoint a new secret."""
    wish: RotateIn = ask.body
    endpoint_id = ask.path("endpoint_id")
    with translated():
        fresh = await ask.gateway.store.write(
            lambda conn: keyring.rotate_secret(
                conn,
                ask.gateway.vault,
                ask.merchant_id,
                endpoint_id,
                ask.now,
                secret=wish.secret,
                overlap_ms=int(wish.overlap_hours * _HOUR_MS),
            )
        )
    ask.gateway.dispatcher.touch(ask.merchant_id, endpoint_id)
    return answer({"secret": fresh})


@CALLS.add(
    "GET",
    "/v1/endpoints/{endpoint_id}/public-key",
    "Show the public key that verifies the Ed25519 signature, where that is switched on.",
    roles=MERCHANT,
    answers={200: answers.PublicKey},
    problems=("not-found",),
)
async def show_public_key(ask: Ask) -> web.StreamResponse:
    """Show the newest public key."""
    with translated():
        found = await ask.gateway.store.read(
            lambda conn: keyring.current_public_key(conn, ask.gateway.vault, ask.merchant_id, ask.path("endpoint_id"))
        )
    return answer({"public_key": found or None})


@CALLS.add(
    "POST",
    "/v1/endpoints/{endpoint_id}/public-key",
    "Switch a second, Ed25519 signature on, or off. On again is a fresh key; both sign until the overlap ends.",
    roles=MERCHANT,
    body=requests.PublicKeyIn,
    answers={200: answers.PublicKey},
    problems=("not-found", "validation"),
)
async def switch_public_key(ask: Ask) -> web.StreamResponse:
    """Let an endpoint's requests be verified without a shared secret as well."""
    wish: PublicKeyIn = ask.body
    endpoint_id, vault, merchant_id = ask.path("endpoint_id"), ask.gateway.vault, ask.merchant_id
    with translated():
        key = await ask.gateway.store.write(
            lambda conn: keyring.switch_ed25519(
                conn,
                vault,
                merchant_id,
                endpoint_id,
                ask.now,
                on=wish.on,
                overlap_ms=int(wish.overlap_hours * _HOUR_MS),
            )
        )
    ask.gateway.dispatcher.touch(merchant_id, endpoint_id)
    return answer({"public_key": key or None})
