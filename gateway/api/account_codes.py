"""Own codes of an account: a merchant says what a code of its carrier means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway import accounts, own_codes
from gateway.api import answers, requests
from gateway.api.calls import MERCHANT, STAFF, Ask, Calls, answer
from gateway.api.problems import Problem, invalid
from normalizer import render

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aiohttp import web
    from sqlalchemy import Connection, RowMapping

    from gateway.api.requests import CodeIn, CodesIn

CALLS = Calls("Accounts")

_FIELDS = ("code", "status", "substatus", "moves", "note")


@CALLS.add(
    "GET",
    "/v1/accounts/{account_id}/codes",
    "What the merchant says this account's codes mean, and the codes of its carrier that nothing is known of.",
    roles=STAFF,
    answers={200: answers.AccountCodes},
    problems=("not-found",),
)
async def get(ask: Ask) -> web.StreamResponse:
    """Show an account's own codes."""
    merchant_id, account_id = ask.merchant_id, ask.path("account_id")

    def work(conn: Connection) -> dict[str, Any] | None:
        account = accounts.get(conn, merchant_id, account_id)
        if account is None:
            return None
        return _document(conn, account, own_codes.listed(conn, merchant_id, account_id))

    return _found(await ask.gateway.store.read(work))


@CALLS.add(
    "PUT",
    "/v1/accounts/{account_id}/codes",
    "Say what this account's codes mean: these rows in place of all it had. They come before the carrier's table.",
    roles=MERCHANT,
    body=requests.CodesIn,
    answers={200: answers.AccountCodes},
    problems=("not-found", "validation"),
)
async def put(ask: Ask) -> web.StreamResponse:
    """Replace an account's own codes."""
    wish: CodesIn = ask.body
    merchant_id, account_id = ask.merchant_id, ask.path("account_id")
    if repeated := list(_repeated(wish.codes)):
        raise invalid(*repeated)
    rows = [one.model_dump(mode="json") for one in wish.codes]

    def work(conn: Connection) -> dict[str, Any] | None:
        account = accounts.get(conn, merchant_id, account_id)
        if account is None:
            return None
        return _document(conn, account, own_codes.replace(conn, merchant_id, account_id, rows, ask.now))

    document = await ask.gateway.store.write(work)
    ask.gateway.ingest.own_codes.forget(merchant_id, account_id)
    return _found(document)


def _repeated(codes: Sequence[CodeIn]) -> Iterable[tuple[str, str]]:
    first: dict[str, int] = {}
    for index, one in enumerate(codes):
        if (before := first.setdefault(one.code, index)) != index:
            yield f"/codes/{index}/code", f"is the code of /codes/{before} again"


def _document(conn: Connection, account: RowMapping, rows: Sequence[RowMapping]) -> dict[str, Any]:
    unlisted = own_codes.unlisted(conn, account["merchant_id"], account["id"], account["carrier"])
    return {
        "data": [{name: row[name] for name in _FIELDS} for row in rows],
        "unlisted": [dict(row) | {"last_at": render.millis_instant(row["last_at"])} for row in unlisted],
    }


def _found(document: dict[str, Any] | None) -> web.Response:
    if document is None:
        raise Problem("not-found")
    return answer(document)
