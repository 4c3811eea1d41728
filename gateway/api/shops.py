"""Shops that push their orders: secrets go in, and the address to give the shop comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from connectors.shops import shop, shop_codes
from gateway.accounts import BadAccount
from gateway.api import answers, requests
from gateway.api.calls import MERCHANT, STAFF, Ask, Calls, answer, listing
from gateway.api.problems import Problem, invalid
from gateway.shops import accounts, inbox, old_secrets
from gateway.visibility import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, RowMapping

    from gateway.api.requests import ShopChange, ShopIn
    from gateway.vault import Vault

CALLS = Calls("Shops")
_HOUR_MS = 3_600_000
_OVERLAP_HOURS = 24.0


def _shown(ask: Ask, row: RowMapping, seen: Mapping[str, Any]) -> dict[str, Any]:
    public_url = ask.gateway.settings.public_url.rstrip("/")
    return shown(ask.principal.role, "shop", accounts.document(row, seen, public_url, ask.now))


def _wrong(trouble: BadAccount) -> Problem:
    return invalid(*((f"/{field}", reason) for field, reason in trouble.errors.items()))


@CALLS.add(
    "POST",
    "/v1/shops",
    "Add a shop that pushes its orders. Its secrets are never shown again.",
    roles=MERCHANT,
    body=requests.ShopIn,
    answers={201: answers.ShopAccount},
    problems=("validation",),
)
async def create(ask: Ask) -> web.StreamResponse:
    """Keep a shop's secrets, sealed."""
    wish: ShopIn = ask.body
    try:
        new = accounts.prepare(
            ask.gateway.vault,
            ask.merchant_id,
            wish.shop,
            wish.secrets,
            label=wish.label,
            order_prefix=wish.order_prefix,
            now=ask.now,
        )
    except BadAccount as trouble:
        raise _wrong(trouble) from None
    row = await ask.gateway.store.write(lambda conn: accounts.create(conn, new))
    return answer(_shown(ask, row, {}), 201, {"Location": f"/v1/shops/{row['id']}"})


@CALLS.add("GET", "/v1/shops", "All shops, oldest first.", roles=STAFF, answers={200: answers.ShopAccounts})
async def find(ask: Ask) -> web.StreamResponse:
    """List shops."""

    def work(conn: Connection) -> tuple[list[RowMapping], dict[str, dict[str, Any]]]:
        return accounts.listed(conn, ask.merchant_id), accounts.seen(conn, ask.merchant_id)

    rows, seen = await ask.gateway.store.read(work)
    return listing([_shown(ask, row, seen.get(row["id"], {})) for row in rows])


@CALLS.add(
    "GET",
    "/v1/shops/kinds",
    "Every kind of shop: which secrets it needs, and what to do in the shop.",
    roles=STAFF,
    answers={200: answers.ShopKinds},
)
async def kinds(_ask: Ask) -> web.StreamResponse:
    """List the kinds of shops, the one that fits any shop last."""
    return listing([_kind(code) for code in sorted(shop_codes(), key=lambda code: (code == "generic", code))])


def _kind(code: str) -> dict[str, Any]:
    facts = shop(code).facts
    return {
        "code": code,
        "name": facts.name,
        "website": facts.website,
        "credentials": [{"name": name, **secret.model_dump()} for name, secret in facts.secrets.items()],
        "setup": list(facts.setup),
        "unconfirmed": list(facts.unconfirmed),
    }


@CALLS.add(
    "GET",
    "/v1/shops/{shop_id}",
    "A shop: what came of its pushes, what was refused, and what does not get on.",
    roles=STAFF,
    answers={200: answers.ShopAccount},
    problems=("not-found",),
)
async def get(ask: Ask) -> web.StreamResponse:
    """Show one shop."""
    return answer(await _whole(ask))


@CALLS.add(
    "PATCH",
    "/v1/shops/{shop_id}",
    "Change a shop. `secrets` replaces those it names; null takes an optional one away. Old ones count for a while.",
    roles=MERCHANT,
    body=requests.ShopChange,
    answers={200: answers.ShopAccount},
    problems=("not-found", "validation"),
)
async def change(ask: Ask) -> web.StreamResponse:
    """Change label, prefix or some secrets."""
    wish: ShopChange = ask.body
    if wish.overlap_hours and not wish.secrets:
        raise invalid(("/overlap_hours", "goes with new secrets; without them, 0 ends the old ones"))
    shop_id, vault = ask.path("shop_id"), ask.gateway.vault

    def work(conn: Connection) -> None:
        row = accounts.get(conn, ask.merchant_id, shop_id)
        if row is None:
            raise Problem("not-found")
        values: dict[str, Any] = wish.model_dump(include={"label", "order_prefix"}, exclude_none=True)
        if wish.secrets:
            values |= _with_secrets(vault, row, wish.secrets, wish.overlap_hours, ask.now)
        elif wish.overlap_hours is not None:
            values |= old_secrets.columns(vault, row, [])
        if values:
            accounts.change(conn, ask.merchant_id, shop_id, ask.now, **values)
        if wish.order_prefix is not None:  # a number that was another shop's may be free now
            inbox.again(conn, account=(ask.merchant_id, shop_id))

    try:
        await ask.gateway.store.write(work)
    except BadAccount as trouble:
        raise _wrong(trouble) from None
    except old_secrets.TooMany as trouble:
        raise invalid(("/overlap_hours", str(trouble))) from None
    ask.gateway.read_shops()
    return answer(await _whole(ask))


def _with_secrets(
    vault: Vault, row: RowMapping, wish: Mapping[str, str | None], overlap_hours: float | None, now: int
) -> dict[str, Any]:
    """Return the columns of a shop with new secrets. Raises `BadAccount` and `old_secrets.TooMany`."""
    before, of = accounts.opened(vault, row).secrets, shop(row["shop"])
    kept = {name: value for name, value in {**before, **wish}.items() if value is not None}
    unknown = {name: "" for name, value in wish.items() if value is None and name not in of.facts.secrets}
    accounts.check(of, kept | unknown)
    accounts.check_moved(of, before, kept, wish)
    tells = accounts.writes_back(of, kept)
    overlap_ms = int((_OVERLAP_HOURS if overlap_hours is None else overlap_hours) * _HOUR_MS)
    return {
        "secrets": accounts.seal(vault, row["merchant_id"], row["id"], kept),
        "tell_at": now if tells else None,
        "tell_failures": 0,
        "told_trouble": "",
        **({} if tells else {"told_until": None}),
        "refused_at": None,
        "refusal": "",
        **old_secrets.after_change(vault, row, before, kept, overlap_ms=overlap_ms, now=now),
    }


@CALLS.add(
    "DELETE",
    "/v1/shops/{shop_id}",
    "Delete a shop and forget its secrets. Its orders stay.",
    roles=MERCHANT,
    answers={204: None},
    problems=("not-found",),
)
async def remove(ask: Ask) -> web.StreamResponse:
    """Delete a shop."""
    gone = await ask.gateway.store.write(
        lambda conn: accounts.change(conn, ask.merchant_id, ask.path("shop_id"), ask.now, **accounts.FORGOTTEN)
    )
    if gone is None:
        raise Problem("not-found")
    return web.Response(status=204)


async def _whole(ask: Ask) -> dict[str, Any]:
    def work(conn: Connection) -> tuple[RowMapping | None, dict[str, dict[str, Any]]]:
        return accounts.get(conn, ask.merchant_id, ask.path("shop_id")), accounts.seen(conn, ask.merchant_id)

    row, seen = await ask.gateway.store.read(work)
    if row is None:
        raise Problem("not-found")
    return _shown(ask, row, seen.get(row["id"], {}))
