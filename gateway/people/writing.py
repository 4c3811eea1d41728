"""Writes a claimed notice out: its address opened, its links made, its words said in the recipient's language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import orjson

from connectors import UnknownCarrier, connector
from gateway import shipments
from gateway.history import event_bodies
from gateway.pages import branding
from gateway.people import accounts, addresses, overrides
from gateway.people.subjects import CONFIRM, RATE
from gateway.people.wording import Facts, now_at, word
from gateway.texts import choose
from webhooks.channels.base import Outgoing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection

    from gateway.pages.links import Links
    from gateway.people.sending import AccountKey, Claimed
    from gateway.people.tickets import Tickets
    from gateway.vault import Vault
    from webhooks.store import Store

CALLBACK = "/channels/{account_id}/callback"
_WHERE = {RATE: "#rate", "conversation": "#talk"}
"""The part of the tracking page a notice leads to."""
_ANSWERING = frozenset("+0123456789")
"""A sender made of these can be answered; a name cannot."""


class Writer:
    """Writes notices. What it needs beside the claim it reads when they go, so names and links are today's."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        links: Links,
        tickets: Tickets,
        *,
        public_url: str,
        clock: Callable[[], int],
    ) -> None:
        self._store = store
        self._vault = vault
        self._links = links
        self._tickets = tickets
        self._public_url = public_url.rstrip("/")
        self._clock = clock

    async def write(self, key: AccountKey, one: Claimed) -> Outgoing:
        """Return a notice worded and addressed. Raises `gateway.vault.Sealed` where the secret key is another."""
        wish, merchant_id = one.wish, key.merchant_id
        address = addresses.opened(self._vault, merchant_id, wish["id"], wish["address"])
        ticket_url = self._tickets.url(merchant_id, wish["id"])
        link = ticket_url
        if one.subject != CONFIRM:
            link = (await self._links.urls(merchant_id, [wish["shipment_id"]]))[wish["shipment_id"]] or ""
            link += _WHERE.get(one.subject, "") if link else ""
        look, own, history, sender = await self._store.read(lambda conn: _beside(conn, key, one))
        facts = Facts(
            subject=one.subject,
            language=wish["language"],
            zone=ZoneInfo(wish["zone"]),
            now=now_at(self._clock()),
            **look,
            carrier=carrier_name(one.data.get("shipment")),
            data=one.data,
            link=link,
            unsubscribe="" if one.subject == CONFIRM else ticket_url,
            history=history,
            own=own,
            answers=_ANSWERING.issuperset(sender),
        )
        worded = word(facts, one.channel)
        return Outgoing(
            id=one.id,
            to=address,
            text=worded.text,
            subject=worded.subject,
            html=worded.html,
            language=language_of(wish["language"], one.channel),
            link=link,
            unsubscribe_url=ticket_url,
            urgent=one.urgent,
            template=worded.template,
            template_values=worded.values,
            callback_url=self.callback_url(key.account_id, one.id),
        )

    def callback_url(self, account_id: str, notice_id: str = "") -> str:
        """Return the address an account's provider reports to; of one notice where the provider takes that."""
        if not self._public_url:
            return ""
        path = CALLBACK.format(account_id=account_id)
        return f"{self._public_url}{path}" + (f"?notice={notice_id}" if notice_id else "")


def language_of(asked: str, channel: str) -> str:
    """Return the language a notice says it is in: what is spoken, or (WhatsApp) what its template is asked for in."""
    return asked if channel == "whatsapp" else choose(asked).tag


def carrier_name(shipment: Mapping[str, Any] | None) -> str:
    """Return what a shipment's carrier calls itself."""
    if not shipment:
        return ""
    try:
        return connector(shipment["carrier"]).facts.name
    except UnknownCarrier:
        return str(shipment["carrier"])


def shop(conn: Connection, merchant_id: str) -> dict[str, str]:
    """Return what people know a merchant as, and the colour of its pages: `shop` and `accent` of a notice's facts."""
    brand = branding.of(conn, merchant_id)
    return {"shop": brand.name, "accent": brand.look.accent}


def shop_name(conn: Connection, merchant_id: str) -> str:
    """Return what people know a merchant as."""
    return branding.of(conn, merchant_id).name


def history_of(conn: Connection, merchant_id: str, shipment_id: str) -> list[dict[str, Any]]:
    """Return a shipment's events, the newest first, without those of an earlier parcel of its number."""
    row = shipments.get(conn, merchant_id, shipment_id)
    if row is None:
        return []
    events = [orjson.loads(body) for body in reversed(event_bodies(conn, row))]
    return [event for event in events if not event["earlier_parcel"]]


def _beside(
    conn: Connection, key: AccountKey, one: Claimed
) -> tuple[dict[str, str], dict[str, str], list[dict[str, Any]], str]:
    """Return how the shop is known, its own words, the parcel's history where it is told, and who an SMS comes from."""
    history = []
    if one.channel == "email" and one.data:
        history = history_of(conn, key.merchant_id, one.data["shipment"]["id"])
    row = accounts.get(conn, key) if one.channel == "sms" else None
    settings = {} if row is None else accounts.settings_of(row)
    # a messaging service picks its sender itself: whether that is a number is not ours to know
    own = overrides.texts_of(conn, key.merchant_id, one.subject, one.wish["language"])
    return shop(conn, key.merchant_id), own, history, settings.get("from") or "a service"
