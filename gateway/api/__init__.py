"""The HTTP face: one file per resource, one list of calls, one middleware around all of it."""

from __future__ import annotations

import re
import time
from functools import cache
from secrets import token_hex
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from gateway import metrics
from gateway.accounts import Accounts
from gateway.api import (
    account_codes,
    accounts,
    branding,
    carriers,
    channels,
    connectors_health,
    conversations,
    corrections,
    desk,
    docs,
    endpoints,
    events,
    health,
    imports,
    insights,
    keys,
    lanes,
    lookup,
    merchant,
    messages,
    openapi,
    orders,
    positions,
    problems,
    proofs,
    push,
    ratings,
    replays,
    runs,
    search,
    shipments,
    shop_push,
    shops,
    staff,
    stream,
    subscriptions,
    templates,
    tracking_links,
)
from gateway.api.auth import LIMITS, Doorkeeper
from gateway.api.calls import Desk, runner
from gateway.api.problems import Problem
from gateway.console.pages import ConsolePages
from gateway.db import NotNow
from gateway.lastmile.public import PublicCourier
from gateway.log import REQUEST_ID, logger
from gateway.pages import statics
from gateway.pages.tracking import TrackingPages
from gateway.people.public import PublicPeople
from gateway.people.wishing import PublicWishes
from gateway.runs.page import CourierPages
from gateway.staff.audit import Looks
from gateway.staff.signing import Staff
from gateway.storefront import element, public
from gateway.storefront.counting import Counts
from gateway.vault import secret_key

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.api.calls import Call
    from gateway.app import Gateway

log = logger("gateway.api")

# The order matters where a fixed path could be read as a variable one: `/v1/carriers/detect`, `/v1/shipments/batch`.
CALLS: tuple[Call, ...] = (
    *imports.CALLS.all,
    *search.CALLS.all,
    *desk.CALLS.all,
    *connectors_health.CALLS.all,
    *shipments.CALLS.all,
    *corrections.CALLS.all,
    *tracking_links.CALLS.all,
    *subscriptions.CALLS.all,
    *events.CALLS.all,
    *orders.CALLS.all,
    *endpoints.CALLS.all,
    *lanes.CALLS.all,
    *replays.CALLS.all,
    *messages.CALLS.all,
    *channels.CALLS.all,
    *templates.CALLS.all,
    *accounts.CALLS.all,
    *shops.CALLS.all,
    *account_codes.CALLS.all,
    *carriers.CALLS.all,
    *keys.CALLS.all,
    *staff.CALLS.all,
    *merchant.CALLS.all,
    *stream.CALLS.all,
    *positions.CALLS.all,
    *branding.CALLS.all,
    *lookup.CALLS.all,
    *runs.CALLS.all,
    *conversations.CALLS.all,
    *proofs.CALLS.all,
    *ratings.CALLS.all,
    *insights.CALLS.all,
)

PUSH_PATH = "/carriers/{carrier}/push/{account_id}"
_ID: web.RequestKey[str] = web.RequestKey("request_id", str)
_GIVEN_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_BUSY_SECONDS = "5"


def build(gateway: Gateway) -> web.Application:
    """Return the application that answers for a gateway. The gateway is started and stopped by its owner."""
    desk = Desk(
        gateway,
        Doorkeeper(gateway.store, gateway.settings.requests_per_minute),
        Accounts(gateway.store, gateway.vault),
        Counts(),
        Staff(gateway.store, gateway.vault, secret_key(gateway.settings)),
        Looks(),
    )
    # Each call reads its body by its own bound; this one only guards what nobody reads.
    app = web.Application(middlewares=[_around], client_max_size=gateway.settings.max_body_bytes)
    for call in CALLS:
        _add(app, call.method, call.path, runner(desk, call))
    _let_browsers_ask(app)
    take = push.handler(desk)
    app.router.add_post(PUSH_PATH, take)
    app.router.add_get(PUSH_PATH, take, allow_head=False)
    app.router.add_get("/embed.js", element.serve)
    app.router.add_get(public.PATH, public.PublicShipments(desk).show)
    app.router.add_post(shop_push.PATH, shop_push.handler(gateway))
    PublicCourier(gateway).add_to(app)
    TrackingPages(gateway).add_to(app)
    ConsolePages(desk).add_to(app)
    CourierPages(gateway).add_to(app)
    PublicPeople(gateway).add_to(app)
    PublicWishes(gateway).add_to(app)
    app.router.add_get("/healthz", health.alive(gateway))
    app.router.add_get("/readyz", health.ready(gateway))
    app.router.add_get("/metrics", health.measured(gateway))
    app.router.add_get(statics.ROUTE, statics.statics().serve)
    _add_documents(app)
    app.on_response_prepare.append(_finish_headers)

    async def end_streams(_app: web.Application) -> None:
        gateway.live.close()
        gateway.positions.close()

    app.on_shutdown.append(end_streams)
    return app


def _add(
    app: web.Application, method: str, path: str, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> None:
    if method == "GET" and not path.endswith("/stream"):
        app.router.add_get(path, handler)
    else:
        app.router.add_route(method, path, handler)


def _let_browsers_ask(app: web.Application) -> None:
    paths = dict.fromkeys(call.path for call in CALLS if "storefront" in call.roles)
    for path in (*paths, public.PATH):
        app.router.add_route("OPTIONS", path, _preflight)


@cache
def _documents() -> tuple[bytes, str]:
    """Return what the API says of itself, as JSON and as a page: they say the same for every gateway."""
    document = openapi.build(CALLS)
    return orjson.dumps(document), docs.page(document)


def _add_documents(app: web.Application) -> None:
    as_json, as_page = _documents()
    page_headers = {
        "Content-Security-Policy": docs.CONTENT_SECURITY_POLICY,
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "public, max-age=300",
    }

    async def show_json(_request: web.Request) -> web.StreamResponse:
        return web.Response(
            body=as_json, content_type="application/json", headers={"Cache-Control": "public, max-age=300"}
        )

    async def show_page(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=as_page, content_type="text/html", headers=page_headers)

    async def show_problem(request: web.Request) -> web.StreamResponse:
        text = docs.problem_page(request.match_info["name"])
        if text is None:
            raise Problem("not-found")
        return web.Response(text=text, content_type="text/html", headers=page_headers)

    async def lead_in(_request: web.Request) -> web.StreamResponse:
        """Lead on who opens the address that `serve` printed."""
        return web.Response(status=302, headers={"Location": "/docs"})

    app.router.add_get("/", lead_in)
    app.router.add_get("/openapi.json", show_json)
    app.router.add_get("/docs", show_page)
    app.router.add_get("/problems/{name}", show_problem)


@web.middleware
async def _around(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Give every request an id, turn every error into a problem, count and log what was answered."""
    started = time.perf_counter()
    given = request.headers.get("X-Request-Id")
    request_id = given if given is not None and _GIVEN_ID.fullmatch(given) else f"req_{token_hex(10)}"
    request[_ID] = request_id
    token = REQUEST_ID.set(request_id)
    resource = request.match_info.route.resource
    route = "none" if resource is None else resource.canonical
    status = 500
    try:
        response = await _answered(request, handler, request_id)
        status = response.status
        return response
    finally:
        took = time.perf_counter() - started
        metrics.requests(route, request.method if resource is not None else "any", status).inc()
        metrics.request_seconds(route).observe(took)
        if route != PUSH_PATH:
            log.info("answered", method=request.method, route=route, status=status, ms=round(took * 1000, 1))
        REQUEST_ID.reset(token)


async def _answered(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]], request_id: str
) -> web.StreamResponse:
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response(request_id)
    except NotNow:
        return Problem("busy", headers={"Retry-After": _BUSY_SECONDS}).response(request_id)
    except web.HTTPException as trouble:
        return problems.from_http(trouble).response(request_id)
    except Exception:
        log.exception("failed")
        return Problem("internal").response(request_id)


async def _finish_headers(request: web.Request, response: web.StreamResponse) -> None:
    headers = response.headers
    headers["X-Request-Id"] = request.get(_ID, "")
    headers["Server"] = "carrier-gateway"
    headers["X-Content-Type-Options"] = "nosniff"
    headers.setdefault("Cache-Control", "no-store")
    for name, value in request.get(LIMITS, {}).items():
        headers.setdefault(name, value)


async def _preflight(_request: web.Request) -> web.StreamResponse:
    """Let a browser ask: whether the key's origin is right is seen with the request itself, which carries the key."""
    return web.Response(
        status=204,
        headers={
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Methods": "GET, POST",
            "Access-Control-Allow-Headers": "Authorization, Content-Type",
            "Access-Control-Max-Age": "3600",
        },
    )


__all__ = ["CALLS", "build"]
