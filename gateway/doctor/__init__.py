"""The doctor: looks at settings, database, clock, secret key and accounts, and says what to do about what is wrong.

It changes nothing. No finding holds a secret.
"""

from __future__ import annotations

import asyncio
import os
import stat
from datetime import timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from connectors import UnknownCarrier, carrier_codes, connector
from gateway import accounts
from gateway.clock import now_ms
from gateway.db import is_postgres, run_once
from gateway.doctor import databases
from gateway.doctor.findings import Finding
from gateway.people import accounts as channels
from gateway.people.tables import People
from gateway.proofs.places import PlaceTrouble, open_place
from gateway.registering import no_such_carrier
from gateway.settings import PREFIX, Settings
from gateway.shops.inbox import count_unreadable
from gateway.tables import Tables
from gateway.vault import Sealed, Vault, anything_sealed, secret_key
from normalizer import render
from normalizer.ahead import MOST_AHEAD
from webhooks.tables import Tables as Endpoints

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection, RowMapping

_BUILT = 1_793_491_200_000
"""Epoch milliseconds of 2026-11-01: no clock that is right shows an earlier time."""
_OTHER_KEY = "Set the GATEWAY_SECRET_KEY they were made with"
_AHEAD_MS = 60_000
_RECENT_MS = 24 * 3_600_000


def examine(settings: Settings) -> list[Finding]:
    """Look at everything; return the findings in the order of the looking."""
    database = settings.database
    findings = list(_settings(settings))
    if is_postgres(database):
        findings += databases.postgres_database(database)
    else:
        findings.append(databases.version_of_sqlite())
        path = databases.file_of(database)
        if not path.exists():
            findings.append(_clock(None))
            findings.append(
                Finding("database", "note", f"{path} does not exist yet", "carrier-gateway serve or migrate makes it")
            )
            return findings
        findings += databases.sqlite_database(database)
    if findings[-1].level == "broken":
        return findings
    findings += run_once(database, lambda conn: list(_contents(conn, settings)), read_only=True)
    findings.append(asyncio.run(_proofs(settings)))
    return findings


def _contents(conn: Connection, settings: Settings) -> Iterator[Finding]:
    yield _clock(conn)
    file = None if is_postgres(settings.database) else _key_file(databases.file_of(settings.database))
    found = _key(settings, file, sealed=anything_sealed(conn))
    yield found
    if found.level != "broken" and (settings.secret_key or (file is not None and file.exists())):
        vault = Vault(secret_key(settings))
        yield from _accounts(conn, vault)
        yield from _channels(conn, vault)
    yield from _leftovers(conn)


def _settings(settings: Settings) -> Iterator[Finding]:
    yield Finding("settings", "ok", f"roles {', '.join(settings.roles)}; listens on {settings.host}:{settings.port}")
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known):
        near = get_close_matches(name, known, n=1)
        yield Finding(name, "note", "is set, and is no setting", f"Did you mean {near[0]}?" if near else "")
    if not settings.public_url:
        yield Finding(
            "public_url", "note", "is not set, so carriers cannot be told where to push", "Set GATEWAY_PUBLIC_URL"
        )
    elif not settings.public_url.startswith("https://"):
        yield Finding("public_url", "note", "is not https; most carriers push to https only")
    else:
        yield Finding("public_url", "ok", settings.public_url)
    if settings.egress_allow:
        ranges = ", ".join(str(one) for one in settings.egress_allow)
        yield Finding("egress_allow", "note", f"webhooks may reach {ranges}, and by plain http")
    known = set(settings.carrier_base_urls) & set(carrier_codes())
    for code in sorted(set(settings.carrier_base_urls) - known):
        wrong, _, advice = no_such_carrier(code).partition("; ")
        yield Finding("carrier_base_urls", "broken", f"{code}: {wrong}", advice[:1].upper() + advice[1:])
    if known:
        who = ", ".join(sorted(known))
        yield Finding("carrier_base_urls", "note", f"{who} are not asked at their own address")


async def _proofs(settings: Settings) -> Finding:
    place = open_place(settings.proof_store, settings.database)
    try:
        return Finding("proofs", "ok", f"kept in {await place.check()}")
    except PlaceTrouble as trouble:
        return Finding("proofs", "broken", str(trouble), "Set GATEWAY_PROOF_STORE to a place that can be used")
    finally:
        await place.close()


def _key_file(path: Path) -> Path:
    return path.with_name(path.name + ".key")


def _key(settings: Settings, file: Path | None, *, sealed: bool) -> Finding:
    if settings.secret_key:
        return Finding("secret_key", "ok", "is set")
    if file is None:
        return Finding("secret_key", "broken", "is not set", "Set GATEWAY_SECRET_KEY: 32 characters that nobody knows")
    if file.exists():
        return _kept_key(settings, file)
    if sealed:
        return Finding(
            "secret_key",
            "broken",
            f"is not set, and {file} is gone; credentials and webhook secrets cannot be opened",
            "Bring the file back, or set GATEWAY_SECRET_KEY to what it held",
        )
    return Finding("secret_key", "note", f"is not set; the first start makes one in {file}")


def _kept_key(settings: Settings, file: Path) -> Finding:
    try:
        secret_key(settings)
    except ValueError as trouble:
        return Finding("secret_key", "broken", str(trouble))
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        return Finding("secret_key", "note", f"{file} can be read by others", f"chmod 600 {file}")
    return Finding(
        "secret_key", "note", f"lies in {file}, beside the database", "In production set GATEWAY_SECRET_KEY instead"
    )


def _clock(conn: Connection | None) -> Finding:
    now = now_ms()
    latest = None if conn is None else conn.execute(select(func.max(Tables.payload.c.received_at))).scalar()
    shown = render.millis_instant(now)
    if now < _BUILT:
        return Finding("clock", "broken", f"shows {shown}, before this program was made", "Set the clock, use NTP")
    if latest is not None and latest > now + _AHEAD_MS:
        return Finding(
            "clock", "broken", f"shows {shown}, and payloads came at {render.millis_instant(latest)}", "Set the clock"
        )
    return Finding("clock", "ok", f"{shown}")


def _accounts(conn: Connection, vault: Vault) -> Iterator[Finding]:
    statement = select(Tables.account).where(Tables.account.c.state != "deleted").order_by(Tables.account.c.id)
    count = 0
    for row in conn.execute(statement).mappings():
        count += 1
        found = _account(row, vault)
        if found is not None:
            yield found
    yield Finding("accounts", "ok", f"{count} looked at")


def _account(row: RowMapping, vault: Vault) -> Finding | None:
    name = f"account {row['id']} ({row['carrier']})"
    try:
        facts = connector(row["carrier"]).facts
        opened = accounts.opened(vault, row)
    except UnknownCarrier:
        return Finding(name, "broken", "there is no connector of that code", "Delete the account")
    except Sealed:
        return Finding(name, "broken", "its credentials were sealed with another key", _OTHER_KEY)
    missing = [key for key, one in facts.secrets.items() if not one.optional and not opened.secrets.get(key)]
    if missing:
        return Finding(name, "broken", f"lacks {', '.join(missing)}", "Enter them again (PATCH /v1/accounts)")
    if row["state"] != "active":
        return Finding(name, "note", f"is {row['state']}: {row['state_reason']}", "Its owner has to enter new ones")
    if (at := row["refused_at"]) is not None and now_ms() - at < _RECENT_MS:
        why = f"a push to it was refused at {render.millis_instant(at)}: {row['refusal']}"
        return Finding(name, "note", why, "If its carrier sent it, give both the same secret (PATCH /v1/accounts)")
    return None


def _channels(conn: Connection, vault: Vault) -> Iterator[Finding]:
    """Look at the accounts that write to people, where there are any."""
    c = People.account.c
    rows = conn.execute(select(People.account).where(c.state != "deleted").order_by(c.id)).mappings().all()
    for row in rows:
        name = f"channel {row['id']} ({row['channel']})"
        try:
            channels.secrets_of(vault, row)
        except Sealed:
            yield Finding(name, "broken", "its secrets were sealed with another key", _OTHER_KEY)
            continue
        if row["state"] != "active":
            yield Finding(name, "note", f"is {row['state']}: {row['state_reason']}", "Its owner has to enter new ones")
    if rows:
        yield Finding("channels", "ok", f"{len(rows)} looked at")


def _leftovers(conn: Connection) -> Iterator[Finding]:
    e = Endpoints.endpoint.c
    disabled = select(e.id, e.state_reason).where(e.state == "disabled").order_by(e.id)
    for endpoint, reason in conn.execute(disabled):
        yield Finding(f"endpoint {endpoint}", "note", f"is disabled: {reason}", "POST /v1/endpoints/{id}/enable")
    c = Tables.payload.c
    unreadable = conn.execute(select(func.count()).where(c.state == "unreadable")).scalar_one()
    if unreadable:
        yield Finding(
            "inbox",
            "note",
            f"{unreadable} payloads could not be read",
            "Mend the connector, then carrier-gateway replay --unreadable",
        )
    pushes = count_unreadable(conn)
    if pushes:
        yield Finding(
            "shops",
            "note",
            f"{pushes} pushes of shops could not be read",
            "GET /v1/shops says of which; mend the connector, then carrier-gateway replay --shops",
        )
    codes = conn.execute(select(func.count()).select_from(Tables.unlisted_code)).scalar_one()
    if codes:
        yield Finding("codes", "note", f"{codes} codes have no row", "See carrier-gateway codes --unlisted")
    yield from _clocks_ahead(conn)


def _clocks_ahead(conn: Connection) -> Iterator[Finding]:
    a = Tables.clock_ahead.c
    statement = (
        select(a.carrier, func.sum(a.count), func.max(a.last_at), func.max(a.payload_id))
        .group_by(a.carrier)
        .order_by(a.carrier)
    )
    hours = MOST_AHEAD // timedelta(hours=1)
    for carrier, count, last, payload in conn.execute(statement):
        yield Finding(
            f"clock of {carrier}",
            "note",
            f"{count} events were dated more than {hours} hours after their receipt, which stands for their time; the "
            f"last at {render.millis_instant(last)} in {payload}",
            "Tell the carrier, or mend its [clock] in carrier.toml",
        )
