"""Carrier accounts: credentials go in, and the address to give a carrier that pushes comes out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aiohttp import web

from connectors import connector
from connectors.base import Polls
from gateway import accounts, shipments
from gateway.accounts import BadAccount, check_secrets, opened, prepare, seal
from gateway.api import answers, requests
from gateway.api.calls import MERCHANT, STAFF, Ask, Calls, answer, listing
from gateway.api.problems import Problem, invalid
from gateway.api.shipments import wake
from gateway.visibility import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, RowMapping

    from gateway.api.requests import AccountChange, AccountIn, AccountsQuery
    from gateway.vault import Vault

CALLS = Calls("Accounts")


def _wrong(trouble: BadAccount) -> Problem:
    return invalid(*((f"/{field}", reason) for field, reason in trouble.errors.items()))


def _shown(ask: Ask, row: RowMapping) -> dict[str, Any]:
    public_url = ask.gateway.settings.public_url.rstrip("/")
    return shown(ask.principal.role, "account", accounts.document(row, public_url))


@CALLS.add(
    "POST",
    "/v1/accounts",
    "Add an account at a carrier. Its secrets are never shown again.",
    roles=MERCHANT,
    body=requests.AccountIn,
    answers={201: answers.Account},
    problems=("validation",),
)
async def create(ask: Ask) -> web.StreamResponse:
    """Keep an account's credentials, sealed."""
    wish: AccountIn = ask.body
    try:
        new = prepare(ask.gateway.vault, ask.merchant_id, wish.carrier, wish.secrets, label=wish.label, mode=wish.mode)
    except BadAccount as trouble:
        raise _wrong(trouble) from None
    new = replace(new, per_second=wish.limits.per_second, per_day=wish.limits.per_day)
    due = _first_poll(new.carrier, ask.now)

    def work(conn: Connection) -> RowMapping:
        # Parcels that waited for an account have one now.
        shipments.give_account(conn, ask.merchant_id, new.carrier, before=None, after=new.id, next_poll_at=due)
        return accounts.create(conn, ask.merchant_id, new, ask.now)

    row = await ask.gateway.store.write(work)
    wake(ask.gateway, due, ask.now)
    return answer(_shown(ask, row), 201, {"Location": f"/v1/accounts/{new.id}"})


@CALLS.add(
    "GET",
    "/v1/accounts",
    "All carrier accounts, oldest first.",
    roles=STAFF,
    query=requests.AccountsQuery,
    answers={200: answers.Accounts},
)
async def find(ask: Ask) -> web.StreamResponse:
    """List accounts."""
    query: AccountsQuery = ask.query
    rows = await ask.gateway.store.read(lambda conn: accounts.listed(conn, ask.merchant_id, query.carrier))
    return listing([_shown(ask, row) for row in rows])


@CALLS.add(
    "GET",
    "/v1/accounts/{account_id}",
    "A carrier account and whether its carrier takes it.",
    roles=STAFF,
    answers={200: answers.Account},
    problems=("not-found",),
)
async def get(ask: Ask) -> web.StreamResponse:
    """Show one account."""
    row = await ask.gateway.store.read(lambda conn: accounts.get(conn, ask.merchant_id, ask.path("account_id")))
    if row is None:
        raise Problem("not-found")
    return answer(_shown(ask, row))


@CALLS.add(
    "PATCH",
    "/v1/accounts/{account_id}",
    "Change an account. New secrets, or the other mode, make a rejected one active again.",
    roles=MERCHANT,
    body=requests.AccountChange,
    answers={200: answers.Account},
    problems=("not-found", "validation"),
)
async def change(ask: Ask) -> web.StreamResponse:
    """Change label, mode, limits or some secrets."""
    wish: AccountChange = ask.body
    account_id, vault = ask.path("account_id"), ask.gateway.vault
    values = _columns(wish)

    def work(conn: Connection) -> RowMapping | None:
        row = accounts.get(conn, ask.merchant_id, account_id)
        if row is None or not (values or wish.secrets):
            return row
        changed = dict(values)
        if wish.secrets:
            changed |= {"secrets": _with_secrets(vault, row, wish.secrets), "refused_at": None, "refusal": ""}
            shipments.subscribe_again(conn, ask.merchant_id, account_id, ask.now)
        if wish.secrets or wish.mode not in (None, row["mode"]):
            changed |= accounts.mended(ask.now)
            if row["state"] == "rejected":
                _ask_at_once(conn, row, ask.now)
        return accounts.change(conn, ask.merchant_id, account_id, ask.now, **changed)

    try:
        row = await ask.gateway.store.write(work)
    except BadAccount as trouble:
        raise _wrong(trouble) from None
    if row is None:
        raise Problem("not-found")
    ask.desk.accounts.forget(account_id)
    wake(ask.gateway, ask.now, ask.now)
    return answer(_shown(ask, row))


def _with_secrets(vault: Vault, row: RowMapping, wish: Mapping[str, str | None]) -> bytes:
    """Return an account's secrets with those that change, sealed. Raises `BadAccount`."""
    secrets = dict(opened(vault, row).secrets)
    for name, value in wish.items():
        secrets.pop(name, None)
        if value is not None:
            secrets[name] = value
    _must_fit(row["carrier"], {name: value for name, value in wish.items() if value is None}, secrets)
    return seal(vault, row["merchant_id"], row["id"], secrets)


def _ask_at_once(conn: Connection, row: RowMapping, now: int) -> None:
    """Have the carrier asked for what was put off, and for what came while there was no account to ask with."""
    due = _first_poll(row["carrier"], now)
    for before in (row["id"], None):
        shipments.give_account(
            conn, row["merchant_id"], row["carrier"], before=before, after=row["id"], next_poll_at=due
        )


def _columns(wish: AccountChange) -> dict[str, Any]:
    """Return the columns a wish changes, its secrets left aside."""
    values: dict[str, Any] = wish.model_dump(include={"label", "mode"}, exclude_none=True)
    if wish.limits is not None:
        values |= wish.limits.model_dump(exclude_unset=True)
    elif "limits" in wish.model_fields_set:
        values |= {"per_second": None, "per_day": None}
    return values


def _first_poll(carrier: str, now: int) -> int | None:
    return now if isinstance(connector(carrier), Polls) else None


def _must_fit(carrier: str, taken_away: dict[str, Any], secrets: dict[str, str]) -> None:
    of = connector(carrier)
    unknown = {name: "" for name in taken_away if name not in of.facts.secrets}
    check_secrets(of, secrets | unknown)


@CALLS.add(
    "DELETE",
    "/v1/accounts/{account_id}",
    "Delete an account and forget its secrets.",
    roles=MERCHANT,
    answers={204: None},
    problems=("not-found",),
)
async def remove(ask: Ask) -> web.StreamResponse:
    """Delete an account."""
    account_id = ask.path("account_id")

    def work(conn: Connection) -> bool:
        row = accounts.get(conn, ask.merchant_id, account_id)
        if row is None:
            return False
        accounts.delete(conn, ask.merchant_id, account_id, ask.now)
        other = accounts.for_carrier(conn, ask.merchant_id, row["carrier"])
        shipments.give_account(
            conn,
            ask.merchant_id,
            row["carrier"],
            before=account_id,
            after=None if other is None else other["id"],
            next_poll_at=None if other is None else _first_poll(row["carrier"], ask.now),
        )
        return True

    if not await ask.gateway.store.write(work):
        raise Problem("not-found")
    ask.desk.accounts.forget(account_id)
    return web.Response(status=204)
