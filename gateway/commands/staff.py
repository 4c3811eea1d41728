"""Commands about people at the console."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from sqlalchemy import select

from gateway.cli import Refusal
from gateway.clock import now_ms
from gateway.commands import make_ready, must_exist, settings_of, show
from gateway.db import run_once
from gateway.staff import people, sessions
from gateway.tables import Tables
from webhooks.channels.letter import BadAddress, read_address

if TYPE_CHECKING:
    from argparse import Namespace

    from sqlalchemy import Connection

    from gateway.keys import KeyRole


def shut_out(given: Namespace) -> None:
    """Shut somebody out: an operator, or one of a merchant's people."""
    settings = settings_of(given)
    email, now = people.plain_email(given.email), now_ms()

    def end(conn: Connection) -> str:
        person = people.by_email(conn, email)
        if person is None:
            raise Refusal(f"nobody signs in as {email}")
        sessions.end(conn, person["merchant_id"], person["id"])
        people.withdraw(conn, person["merchant_id"], now, email=email)
        people.change(conn, person["merchant_id"], person["id"], disabled_at=now)
        role: str = person["role"]
        return role

    must_exist(settings.database)
    make_ready(settings.database)
    show({"email": email, "role": run_once(settings.database, end), "shut_out": True})


def invite(given: Namespace) -> None:
    """Print a link with which somebody sets a password."""
    settings = settings_of(given)
    try:
        email = read_address(given.email)
    except BadAddress as bad:
        raise Refusal(f"EMAIL: {bad}") from None
    merchant_id = given.merchant or ""
    if given.role and not merchant_id:
        raise Refusal(f"--role {given.role} is of a merchant's people: name the merchant with --merchant")
    wanted: KeyRole = (given.role or "merchant") if merchant_id else "operator"

    def make(conn: Connection) -> people.Invited:
        known = select(Tables.merchant.c.id).where(Tables.merchant.c.id == merchant_id)
        if merchant_id and conn.execute(known).first() is None:
            raise Refusal(f"there is no merchant {merchant_id}")
        try:
            return people.invite(conn, merchant_id, email, wanted, by="command line", now=now_ms())
        except people.Taken:
            raise Refusal(f"{email} is somebody of another merchant already") from None

    if merchant_id:
        must_exist(settings.database)
    make_ready(settings.database)
    made = run_once(settings.database, make)
    base = settings.public_url.rstrip("/") or f"http://{settings.host}:{settings.port}"
    show({"email": made.email, "role": wanted, "link": f"{base}/console/invitation/{made.token}"})
    if not settings.public_url:
        sys.stderr.write(f"the link leads to {base}: set GATEWAY_PUBLIC_URL where people reach the gateway elsewhere\n")
