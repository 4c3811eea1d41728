"""Couriers on the map: where one is, live, and how near is near."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from aiohttp import web

from gateway import metrics, shipments
from gateway.api import answers, lastmile_requests
from gateway.api.calls import MERCHANT, STAFF, Ask, Calls, answer, listing
from gateway.api.problems import Problem
from gateway.api.shipments import found
from gateway.lastmile import dropping, fleet, seeing, wishes
from gateway.lastmile.sight import Near

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from sqlalchemy import Connection

    from gateway.api.lastmile_requests import ArrivingIn, DropOffIn, LastMileIn
    from gateway.lastmile.positions import Positions
    from gateway.lastmile.sight import Viewer
    from gateway.lastmile.wishes import Wishes

CALLS = Calls("Last mile")
HEARTBEAT = 15.0
"""Seconds of silence after which a comment keeps proxies from closing the line."""
MOST_WATCHING = 3_000
"""Streams of one shipment at once."""


@CALLS.add(
    "GET",
    "/v1/shipments/{shipment_id}/position",
    "Where the courier is, as exactly as this role may know.",
    roles=STAFF,
    answers={200: answers.Courier},
    problems=("not-found",),
)
async def position(ask: Ask) -> web.StreamResponse:
    """Show a shipment's courier."""
    merchant_id, shipment_id, role = ask.merchant_id, ask.path("shipment_id"), ask.principal.role
    document = await ask.gateway.store.read(lambda conn: seeing.courier(conn, merchant_id, shipment_id, role, ask.now))
    if document is None:
        raise Problem("not-found")
    return answer(document)


@CALLS.add(
    "GET",
    "/v1/shipments/{shipment_id}/position/stream",
    "The courier live, as Server-Sent Events named `courier`: the place, the stage, and when it gets stale.",
    roles=STAFF,
    answers={200: answers.Courier},
    problems=("not-found",),
    media_type="text/event-stream",
)
async def position_stream(ask: Ask) -> web.StreamResponse:
    """Stream a shipment's courier until the client goes, the key ends or the gateway stops."""
    merchant_id, shipment_id = ask.merchant_id, ask.path("shipment_id")
    found(await ask.gateway.store.read(lambda conn: shipments.get(conn, merchant_id, shipment_id)))

    async def may_go_on() -> bool:
        await ask.desk.keeper.who(ask.request)
        return True

    role = ask.principal.role
    return await follow(ask.request, ask.gateway.positions, (merchant_id, shipment_id), role, may_go_on)


async def follow(
    request: web.Request,
    positions: Positions,
    key: tuple[str, str],
    viewer: Viewer,
    may_go_on: Callable[[], Awaitable[bool]],
    *,
    changes: bool = False,
) -> web.StreamResponse:
    """Answer with a courier's event stream for a viewer, for as long as `may_go_on` says so at every silence.

    With `changes` the stream also says, as `changed`, that the shipment has. Raises the 503 problem where more watch
    one shipment than people would.
    """
    if positions.watchers(key) >= MOST_WATCHING:
        raise Problem("busy", headers={"Retry-After": "60"})
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream; charset=utf-8",
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
        }
    )
    await response.prepare(request)
    metrics.STREAMS.inc()
    try:
        await response.write(b": welcome\nretry: 2000\n\n")
        with positions.watch(*key, viewer, changes=changes) as watcher:
            watcher.line = _Line(request, response)
            checked = time.monotonic()
            while not positions.closed:
                frame = await watcher.news(HEARTBEAT)
                if frame is None and not positions.closed:
                    frame = b": still here\n\n"
                if frame is not None:
                    await response.write(frame)
                if time.monotonic() - checked >= HEARTBEAT:
                    checked = time.monotonic()
                    if not await may_go_on():
                        break
    except (ConnectionError, Problem):
        pass  # the client has gone, or its key has ended
    finally:
        metrics.STREAMS.dec()
    return response


class _Line:
    """An open event stream that events are written to without a task of its own."""

    __slots__ = ("_is_chunked", "_transport")

    def __init__(self, request: web.Request, response: web.StreamResponse) -> None:
        self._transport = request.transport
        self._is_chunked = response.headers.get("Transfer-Encoding") == "chunked"

    def free(self) -> bool:
        """Tell whether it is open and all that was written has left."""
        transport = self._transport
        return transport is not None and not transport.is_closing() and transport.get_write_buffer_size() == 0

    def write(self, frame: bytes) -> None:
        """Write an event."""
        assert self._transport is not None  # noqa: S101 - it is free
        self._transport.write(_chunk(frame) if self._is_chunked else frame)


@lru_cache(64)
def _chunk(frame: bytes) -> bytes:
    """Return an event as HTTP/1.1 transfers a piece of a body (RFC 9112, 7.1): the same bytes for all who get it."""
    return b"%x\r\n%b\r\n" % (len(frame), frame)


@CALLS.add(
    "GET",
    "/v1/fleet",
    "Every courier who is out now: where, with which parcels, and how many of them are late.",
    roles=STAFF,
    answers={200: answers.Fleet},
)
async def fleet_now(ask: Ask) -> web.StreamResponse:
    """Show the fleet."""
    merchant_id, role = ask.merchant_id, ask.principal.role
    return listing(await ask.gateway.store.read(lambda conn: fleet.out(conn, merchant_id, role, ask.now)), None)


@CALLS.add(
    "GET",
    "/v1/last-mile",
    "The merchant's wishes for the last mile: how near is near, and how people write to each other.",
    roles=STAFF,
    answers={200: answers.LastMile},
)
async def last_mile(ask: Ask) -> web.StreamResponse:
    """Show the merchant's wishes."""
    kept = await ask.gateway.store.read(lambda conn: wishes.get(conn, ask.merchant_id))
    return answer(_wishes(kept))


@CALLS.add(
    "PUT",
    "/v1/last-mile",
    "Set how near is near; what is left out goes back to the usual.",
    roles=MERCHANT,
    body=lastmile_requests.LastMileIn,
    answers={200: answers.LastMile},
    problems=("validation",),
)
async def set_last_mile(ask: Ask) -> web.StreamResponse:
    """Keep the merchant's wishes."""
    wish: LastMileIn = ask.body
    metres, seconds = _fence(wish.arriving, wishes.NONE.metres, None)
    near = Near() if wish.near is None else Near(wish.near.stops, wish.near.minutes, wish.near.metres)
    new = wishes.Wishes(metres=metres, seconds=seconds, near=near)
    if wish.conversation is not None:
        talk = wish.conversation
        new = replace(new, talk_hours=talk.hours, talk_words=talk.text_in_messages)
    if wish.rating is not None:
        new = replace(new, rating_asks=wish.rating.ask, rating_hours=wish.rating.hours)
    if wish.arrival is not None:
        new = replace(new, eta_minutes=wish.arrival.moved_minutes)
    await ask.gateway.store.write(lambda conn: wishes.put(conn, ask.merchant_id, new, ask.now))
    return answer(_wishes(new))


@CALLS.add(
    "GET",
    "/v1/shipments/{shipment_id}/drop-off",
    "Where a shipment is handed over and how near is near there, where that was given for it.",
    roles=STAFF,
    answers={200: answers.DropOff},
    problems=("not-found",),
)
async def drop_off(ask: Ask) -> web.StreamResponse:
    """Show a shipment's drop-off."""
    merchant_id, shipment_id = ask.merchant_id, ask.path("shipment_id")

    def work(conn: Connection) -> Mapping[Any, Any] | None:
        found(shipments.get(conn, merchant_id, shipment_id))
        return dropping.get(conn, merchant_id, shipment_id)

    return answer(_drop_off(await ask.gateway.store.read(work)))


@CALLS.add(
    "PUT",
    "/v1/shipments/{shipment_id}/drop-off",
    "Give the door's place and how near is near there, in place of what was given before.",
    roles=STAFF,
    body=lastmile_requests.DropOffIn,
    answers={200: answers.DropOff},
    problems=("not-found", "validation"),
)
async def set_drop_off(ask: Ask) -> web.StreamResponse:
    """Keep a shipment's drop-off."""
    wish: DropOffIn = ask.body
    merchant_id, shipment_id = ask.merchant_id, ask.path("shipment_id")
    metres, seconds = _fence(wish.arriving, None, None)
    given = {"latitude": wish.latitude, "longitude": wish.longitude, "metres": metres, "seconds": seconds}

    def work(conn: Connection) -> None:
        found(shipments.get(conn, merchant_id, shipment_id))
        dropping.put(conn, merchant_id, shipment_id, ask.now, **given)

    await ask.gateway.store.write(work)
    return answer(_drop_off(given))


def _fence(wish: ArrivingIn | None, metres: int | None, seconds: int | None) -> tuple[int | None, int | None]:
    return (metres, seconds) if wish is None else (wish.metres, wish.seconds)


def _arriving(metres: int | None, seconds: int | None) -> dict[str, Any]:
    return {"metres": metres, "minutes": None if seconds is None else round(seconds / 60, 2)}


def _wishes(of: Wishes) -> dict[str, Any]:
    near = {"stops": of.near.stops, "minutes": of.near.minutes, "metres": of.near.metres}
    return {
        "arriving": _arriving(of.metres, of.seconds),
        "near": near,
        "conversation": {"hours": of.talk_hours, "text_in_messages": of.talk_words},
        "rating": {"ask": of.rating_asks, "hours": of.rating_hours},
        "arrival": {"moved_minutes": of.eta_minutes},
    }


def _drop_off(of: Mapping[Any, Any] | None) -> dict[str, Any]:
    if of is None:
        return {"latitude": None, "longitude": None, "arriving": None}
    fence = _arriving(of["metres"], of["seconds"])
    return {
        "latitude": of["latitude"],
        "longitude": of["longitude"],
        "arriving": fence if any(value is not None for value in fence.values()) else None,
    }
