"""Commands on a database: migrate, merchant create, replay, codes. They may run beside a gateway that serves."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from connectors import UnknownCarrier, carrier_codes, connector
from gateway import keys, schema
from gateway.cli import Refusal
from gateway.clock import now_ms
from gateway.commands import make_ready, must_exist, say, settings_of, show, table
from gateway.db import is_postgres, open_store, run_once, shown
from gateway.ids import new_id
from gateway.log import configure
from gateway.pages.links import Links
from gateway.replay import replay as replay_all
from gateway.shops import inbox as shop_pushes
from gateway.shops.reader import ShopReader
from gateway.tables import Tables
from gateway.vault import Vault, secret_key
from normalizer import render
from webhooks.channels.letter import BadAddress, read_address

if TYPE_CHECKING:
    from argparse import Namespace

    from sqlalchemy import Connection

    from gateway.settings import Settings

_AGO = re.compile(r"(\d{1,5})\s*([mhd])")
_UNIT_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}


def migrate(given: Namespace) -> None:
    """Bring the schema up to date."""
    database = settings_of(given).database
    before = schema.revision_of(database)
    after = schema.migrate(database)
    say(f"{shown(database)} is at {after}" + (", as before" if before == after else ""))


def new_merchant(database: str, name: str, contact_email: str | None = None) -> dict[str, str]:
    """Make a merchant with a first key; return `merchant_id` and `api_key`, which is shown this once."""
    merchant_id, now = new_id("mer"), now_ms()
    key = keys.make_key("merchant", merchant_id, label="first key")

    def make(conn: Connection) -> None:
        keys.create_merchant(conn, merchant_id, name, now, contact_email=contact_email)
        keys.store_key(conn, key, now)

    make_ready(database)
    run_once(database, make)
    return {"merchant_id": merchant_id, "api_key": key.text}


def create_merchant(given: Namespace) -> None:
    """Print a new merchant's id and key."""
    name = " ".join(given.name.split())
    if not name:
        raise Refusal("a merchant needs a name")
    try:
        email = None if given.email is None else read_address(given.email)
    except BadAddress as bad:
        raise Refusal(f"--email: {bad}") from None
    show(new_merchant(settings_of(given).database, name, email))


def replay(given: Namespace) -> None:
    """Read kept payloads again."""
    database = _existing(given)
    if given.shops:
        before, after = asyncio.run(_replay_shops(settings_of(given)))
        say(f"{before} pushes of shops read again, {before - after} of them are read now")
        return
    if given.carrier is not None and given.carrier not in carrier_codes():
        raise Refusal(f"there is no carrier {given.carrier!r}; there are {', '.join(carrier_codes())}")
    since = None if given.since is None else _since(given.since)
    payloads, events = asyncio.run(_replay(database, given.carrier, since, only_unreadable=given.unreadable))
    say(f"{payloads} payloads read again, {events} new events")


async def _replay(database: str, carrier: str | None, since: int | None, *, only_unreadable: bool) -> tuple[int, int]:
    store = open_store(database)
    store.start()
    payloads = events = 0
    try:
        async for read, new, _ in replay_all(store, carrier=carrier, since=since, only_unreadable=only_unreadable):
            payloads += read
            events += new
    finally:
        await store.close()
    return payloads, events


async def _replay_shops(settings: Settings) -> tuple[int, int]:
    configure(settings.log_level, settings.log_format)
    key, store = secret_key(settings), open_store(settings.database)
    store.start()
    try:
        count = await store.write(shop_pushes.again)
        links = Links(key, settings.public_url, settings.tracking_link_days, store)
        await ShopReader(store, Vault(key), links, tell=lambda _told: None, wake=lambda: None).tick()
        return count, await store.read(shop_pushes.count_unreadable)
    finally:
        await store.close()


def _since(text: str) -> int:
    if ago := _AGO.fullmatch(text.strip()):
        return now_ms() - int(ago[1]) * _UNIT_MS[ago[2]]
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(f"{text!r} is no time: write 2026-11-01, 2026-11-01T08:00:00Z, 36h or 7d") from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def codes(given: Namespace) -> None:
    """Print the codes without a row, or a carrier's table."""
    if given.unlisted:
        _unlisted(given)
        return
    if given.carrier is None:
        raise Refusal("say which: --unlisted, or --carrier CODE")
    try:
        known = connector(given.carrier).codes.codes
    except UnknownCarrier:
        raise Refusal(f"there is no carrier {given.carrier!r}; there are {', '.join(carrier_codes())}") from None
    rows = [(code, one.status.value, one.substatus, one.moves) for code, one in known.items()]
    if given.json:
        show([dict(zip(("code", "status", "substatus", "moves"), row, strict=True)) for row in rows])
    else:
        table(rows, ("CODE", "STATUS", "SUBSTATUS", "MOVES"))


def _unlisted(given: Namespace) -> None:
    database = _existing(given)
    c = Tables.unlisted_code.c
    statement = select(c.carrier, c.code, func.sum(c.count), func.max(c.example), func.max(c.last_at))
    if given.carrier is not None:
        statement = statement.where(c.carrier == given.carrier)
    statement = statement.group_by(c.carrier, c.code).order_by(func.sum(c.count).desc(), c.carrier, c.code)
    found = [
        {"carrier": carrier, "code": code, "count": int(count), "example": text, "last_at": render.millis_instant(at)}
        for carrier, code, count, text, at in run_once(
            database, lambda conn: conn.execute(statement).all(), read_only=True
        )
    ]
    if given.json:
        show(found)
    elif not found:
        say("every code that carriers sent has a row")
    else:
        rows = [(one["carrier"], one["code"], str(one["count"]), one["last_at"] or "", one["example"]) for one in found]
        table(rows, ("CARRIER", "CODE", "COUNT", "LAST", "EXAMPLE"))


def _existing(given: Namespace) -> str:
    database = settings_of(given).database
    if is_postgres(database):
        make_ready(database)
        return database
    must_exist(database)
    at = schema.revision_of(database)
    if at != schema.newest():
        what = "run carrier-gateway migrate" if schema.is_known(at) else schema.NEWER
        raise Refusal(f"{database} is of another version: {what}", 1)
    return database
