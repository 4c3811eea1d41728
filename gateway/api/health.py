"""Is it alive, is it ready, and how does it fare: for supervisors and dashboards. No merchant's data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import delete, insert, text

from gateway import metrics, schema
from gateway.api.calls import answer
from gateway.db import NotNow
from gateway.log import logger
from webhooks.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy import Connection

    from gateway.app import Gateway

log = logger("gateway.api.health")


def alive(_gateway: Gateway) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """`/healthz`: the process answers."""

    async def answer_alive(_request: web.Request) -> web.StreamResponse:
        return answer({"status": "ok"})

    return answer_alive


def ready(gateway: Gateway) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """`/readyz`: the database takes writes, the inbox has room and the schema is this program's."""
    newest = schema.newest()

    async def answer_ready(_request: web.Request) -> web.StreamResponse:
        reasons = []
        try:
            await gateway.store.write(_touch)
        except NotNow as trouble:
            reasons.append(str(trouble))
        except Exception:
            log.exception("not_ready")
            reasons.append("the database takes no writes")
        else:
            at = await gateway.store.read(_revision)
            if at != newest:
                reasons.append(f"the schema is at {at}, this program needs {newest}: run `carrier-gateway migrate`")
        if gateway.inbox.waiting >= gateway.settings.inbox_most_waiting:
            reasons.append("the inbox is full: carriers are told to wait")
        if gateway.live.closed:
            reasons.append("it is stopping")
        return answer({"status": "unavailable" if reasons else "ok", "reasons": reasons}, 503 if reasons else 200)

    return answer_ready


def _touch(conn: Connection) -> None:
    # Both leave nothing behind and yet make the commit write: a full disk is known by nothing less.
    conn.execute(insert(Tables.stream).values(merchant_id="", head=0, moved_at=0))
    conn.execute(delete(Tables.stream).where(Tables.stream.c.merchant_id == ""))


def _revision(conn: Connection) -> str | None:
    return conn.execute(text("select version_num from alembic_version")).scalar()


def measured(gateway: Gateway) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """`/metrics` in Prometheus' text format."""

    async def answer_measured(_request: web.Request) -> web.StreamResponse:
        metrics.INBOX_WAITING.set(gateway.inbox.waiting)
        metrics.STORE_WAITING.set(gateway.store.waiting)
        return web.Response(body=generate_latest(metrics.REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return answer_measured
