"""Shipments that are there: correct them, stop them, ask their carrier now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web
from sqlalchemy.exc import IntegrityError

from connectors import carrier_codes
from gateway import accounts, shipments
from gateway.api import answers, requests
from gateway.api.calls import STAFF, Ask, Calls, answer
from gateway.api.problems import Problem, invalid
from gateway.api.shipments import found, linked, order_number, plain, promise, refusal, sealed_recipient, wake, whole
from gateway.orders import refolding
from gateway.registering import Refused, can_be_asked, choose_account, choose_carrier
from gateway.telling import Teller
from gateway.visibility import shown
from webhooks import log as message_log

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

    from gateway.api.requests import ShipmentChange
    from gateway.vault import Vault
    from webhooks.log import Entry

CALLS = Calls("Shipments")


class _Changed(Exception):  # noqa: N818 - it names what happened
    """A shipment is not at the version that was seen; `row` is how it stands."""

    def __init__(self, row: RowMapping) -> None:
        super().__init__("it was changed meanwhile")
        self.row = row


@CALLS.add(
    "PATCH",
    "/v1/shipments/{shipment_id}",
    "Correct a shipment. Another carrier starts its history afresh.",
    roles=STAFF,
    body=requests.ShipmentChange,
    answers={200: answers.Shipment},
    problems=("not-found", "validation", "conflict"),
)
async def change(ask: Ask) -> web.StreamResponse:
    """Change what the merchant said of a shipment."""
    gateway, merchant_id, shipment_id = ask.gateway, ask.merchant_id, ask.path("shipment_id")
    wish: ShipmentChange = ask.body
    values = _changes(gateway.vault, merchant_id, wish)

    def work(conn: Connection) -> tuple[RowMapping, list[Entry]]:
        row = found(shipments.get(conn, merchant_id, shipment_id))
        if wish.version not in (None, row["version"]):
            raise _Changed(row)
        return _correct(conn, row, wish, values, ask.now)

    try:
        row, entries = await gateway.store.write(work)
    except _Changed as changed:
        raise Problem("conflict", str(changed), shipment=await whole(ask, changed.row)) from None
    except IntegrityError:
        raise Problem("conflict", "you track that number at that carrier already") from None
    except Refused as trouble:
        raise refusal(trouble) from None
    if entries:
        gateway.tell({merchant_id: entries})
    wake(gateway, row["next_poll_at"], ask.now)
    return answer(await whole(ask, row))


def _correct(
    conn: Connection, row: RowMapping, wish: ShipmentChange, values: dict[str, Any], now: int
) -> tuple[RowMapping, list[Entry]]:
    """Correct a shipment; return its row and the messages that follow. Each correction raises its version by one."""
    merchant_id, shipment_id = row["merchant_id"], row["id"]
    before, order_before = row["carrier"], row["order_number"]
    corrected = wish.carrier is not None and wish.carrier != before
    columns = dict(values)
    if wish.carrier is not None and corrected:
        row = shipments.start_afresh(conn, row, wish.carrier, now)
    elif columns or "account" in wish.model_fields_set:
        columns["version"] = row["version"] + 1
    if corrected or "account" in wish.model_fields_set:
        columns |= _asked_with(conn, row, wish.account, now)
    if columns:
        row = found(shipments.change(conn, merchant_id, shipment_id, now, **columns))
    entries: list[Entry] = []
    if corrected:
        teller = Teller(shipment_id, row["version"], shipments.document(row), now)
        entries += message_log.append(conn, merchant_id, [teller.carrier_changed(before)])
    if corrected or "order_number" in columns:
        orders = {(merchant_id, number) for number in (order_before, row["order_number"]) if number is not None}
        entries += refolding.follow(conn, orders, now).get(merchant_id, [])
    return row, entries


def _changes(vault: Vault, merchant_id: str, wish: ShipmentChange) -> dict[str, Any]:
    """Return the columns a wish changes, account and what another carrier changes left aside."""
    given = wish.model_fields_set
    if "carrier" in given:
        if wish.carrier is None:
            raise invalid(("/carrier", "cannot be cleared: name the carrier it is"))
        try:
            wish.carrier, _ = choose_carrier("", wish.carrier)
        except Refused as trouble:
            raise refusal(trouble) from None
    values: dict[str, Any] = {"carrier_set_by": "merchant"} if "carrier" in given else {}
    if "order_number" in given:
        values["order_number"] = order_number(wish.order_number)
    if "destination" in given:
        values["destination"] = _json(plain(wish.destination))
    if "recipient" in given:
        values["recipient"] = sealed_recipient(vault, merchant_id, wish.recipient)
    if "promised" in given:
        values["promised"] = _json(promise(wish.promised))
    if "metadata" in given:
        values["attributes"] = orjson.dumps(wish.metadata or {})
    return values


def _json(value: dict[str, Any] | None) -> bytes | None:
    return None if value is None else orjson.dumps(value)


def _account_of(conn: Connection, row: RowMapping, given: str | None) -> str | None:
    account = choose_account(accounts.choices(conn, row["merchant_id"]), row["carrier"], given)
    return None if account is None else account.id


def _asked_with(conn: Connection, row: RowMapping, given: str | None, now: int) -> dict[str, Any]:
    """Return the columns that say with which account to ask and when, now that carrier or account changed."""
    account_id = _account_of(conn, row, given)
    columns: dict[str, Any] = {"account_id": account_id, "next_poll_at": None, "subscribe_at": None}
    if row["tracking"]:
        columns |= {"subscribe_at": shipments.subscribe_from(row["carrier"], account_id, now), "subscribed_until": None}
        if not _why_not(conn, row, account_id):
            columns |= {"next_poll_at": now, "poll_failures": 0}
    return columns


def _why_not(conn: Connection, row: RowMapping, account_id: str | None) -> str:
    """Return why a shipment's carrier cannot be asked; empty where it can."""
    if row["carrier"] not in carrier_codes():
        return "there is no connector for this carrier any more"
    choice = next((one for one in accounts.choices(conn, row["merchant_id"]) if one.id == account_id), None)
    return can_be_asked(row["carrier"], choice)


@CALLS.add(
    "DELETE",
    "/v1/shipments/{shipment_id}",
    "Stop tracking. What is known stays and can still be read.",
    roles=STAFF,
    answers={204: None},
    problems=("not-found",),
)
async def stop(ask: Ask) -> web.StreamResponse:
    """Stop tracking a shipment."""
    done = await ask.gateway.store.write(
        lambda conn: shipments.stop(conn, ask.merchant_id, ask.path("shipment_id"), ask.now)
    )
    if not done:
        raise Problem("not-found")
    return web.Response(status=204)


@CALLS.add(
    "POST",
    "/v1/shipments/{shipment_id}/refresh",
    "Ask the carrier now.",
    roles=STAFF,
    answers={202: answers.Shipment},
    problems=("not-found", "cannot-ask-carrier"),
    repeatable=True,
)
async def refresh(ask: Ask) -> web.StreamResponse:
    """Make a shipment due at once."""
    merchant_id, shipment_id = ask.merchant_id, ask.path("shipment_id")

    def work(conn: Connection) -> RowMapping:
        row = found(shipments.get(conn, merchant_id, shipment_id))
        if not row["tracking"]:
            raise Problem("cannot-ask-carrier", "it is not tracked any more; register it again to track it")
        chosen = row["account_id"]
        reason = _why_not(conn, row, chosen)
        if reason:  # an account may have come since, or the one it had may be gone
            chosen = _account_of(conn, row, None)
            reason = _why_not(conn, row, chosen)
        if reason:
            raise Problem("cannot-ask-carrier", reason)
        return found(shipments.change(conn, merchant_id, shipment_id, ask.now, next_poll_at=ask.now, account_id=chosen))

    row = await ask.gateway.store.write(work)
    wake(ask.gateway, ask.now, ask.now)
    return answer(shown(ask.principal.role, "shipment", await linked(ask, row)), 202)
