"""Channels: the accounts a merchant writes to people with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import orjson
from aiohttp import web

from gateway.api import answers
from gateway.api.calls import MERCHANT, STAFF, Ask, Calls, answer, listing
from gateway.api.people_requests import ChannelChange, ChannelIn, ChannelTestIn
from gateway.api.problems import Problem, invalid
from gateway.ids import new_id
from gateway.people import accounts, addresses, notices, showing
from gateway.people.addresses import BadAddress
from gateway.people.planning import STOPPED
from gateway.people.sending import AccountKey
from gateway.people.wording import TEST, Facts, now_at, word
from gateway.people.writing import language_of, shop_name
from gateway.texts import LANGUAGES
from gateway.vault import Sealed
from webhooks.channels import KINDS, BadSettings, origin
from webhooks.channels.base import Outgoing, Said
from webhooks.origins import GIVE_AGAIN, moved

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, RowMapping

CALLS = Calls("Channels")


def _shown(ask: Ask, row: RowMapping) -> dict[str, Any]:
    return showing.account(ask.gateway.vault, row, ask.gateway.settings.public_url)


def _key(ask: Ask) -> AccountKey:
    return AccountKey(ask.merchant_id, ask.path("channel_id"))


async def _try(ask: Ask, kind: str, settings: Mapping[str, str], secrets: Mapping[str, str]) -> None:
    """Raise the problem that names the field without which a channel cannot work."""
    try:
        channel = ask.gateway.doors.open(kind, settings, secrets)
    except BadSettings as bad:
        name, _, reason = str(bad).partition(": ")
        secret = any(field.name == name and field.secret for field in KINDS[kind].fields)
        holder = name if name in ("settings", "secrets") else f"{'secrets' if secret else 'settings'}/{name}"
        raise invalid((f"/{holder}", reason)) from None
    await channel.close()


@CALLS.add(
    "POST",
    "/v1/channels",
    "Add an account to write to people with. Its secrets are never shown again.",
    roles=MERCHANT,
    body=ChannelIn,
    answers={201: answers.Channel},
    problems=("validation",),
)
async def create(ask: Ask) -> web.StreamResponse:
    """Keep an account, its secrets sealed."""
    wish: ChannelIn = ask.body
    await _try(ask, wish.channel, wish.settings, wish.secrets)
    key = AccountKey(ask.merchant_id, new_id("cha", ask.now))
    sealed = accounts.seal(ask.gateway.vault, *key, wish.secrets)
    row = await ask.gateway.store.write(
        lambda conn: accounts.create(
            conn,
            key,
            channel=wish.channel,
            label=wish.label,
            settings=wish.settings,
            sealed=sealed,
            now=ask.now,
        )
    )
    ask.gateway.postroom.look()
    return answer(_shown(ask, row), 201, {"Location": f"/v1/channels/{key.account_id}"})


@CALLS.add(
    "GET",
    "/v1/channels",
    "The accounts that write to people, oldest first.",
    roles=STAFF,
    answers={200: answers.Channels},
)
async def find(ask: Ask) -> web.StreamResponse:
    """List accounts."""
    rows = await ask.gateway.store.read(lambda conn: accounts.listed(conn, ask.merchant_id))
    return listing([_shown(ask, row) for row in rows])


@CALLS.add(
    "GET",
    "/v1/channels/{channel_id}",
    "An account that writes to people, and whether its provider takes it.",
    roles=STAFF,
    answers={200: answers.Channel},
    problems=("not-found",),
)
async def get(ask: Ask) -> web.StreamResponse:
    """Show one account."""
    return answer(_shown(ask, await _row(ask)))


async def _row(ask: Ask) -> RowMapping:
    row = await ask.gateway.store.read(lambda conn: accounts.get(conn, _key(ask)))
    if row is None:
        raise Problem("not-found")
    return row


@CALLS.add(
    "PATCH",
    "/v1/channels/{channel_id}",
    "Change an account. New settings or secrets make a rejected one active again.",
    roles=MERCHANT,
    body=ChannelChange,
    answers={200: answers.Channel},
    problems=("not-found", "validation"),
)
async def change(ask: Ask) -> web.StreamResponse:
    """Change label, some settings or some secrets."""
    wish: ChannelChange = ask.body
    row = await _row(ask)
    if wish.settings is not None or wish.secrets is not None:
        settings, secrets = _changed(ask, row, wish)
        await _try(ask, row["channel"], settings, secrets)

    def work(conn: Connection) -> RowMapping | None:
        current = accounts.get(conn, _key(ask))  # somebody else may have changed it meanwhile
        values: dict[str, Any] = {} if wish.label is None else {"label": wish.label}
        if current is not None and (wish.settings is not None or wish.secrets is not None):
            settings, secrets = _changed(ask, current, wish)
            values["settings"] = orjson.dumps(settings)
            values["secrets"] = accounts.seal(ask.gateway.vault, current["merchant_id"], current["id"], secrets)
        return accounts.change(conn, _key(ask), ask.now, **values) if values else current

    changed = await ask.gateway.store.write(work)
    if changed is None:
        raise Problem("not-found")
    ask.gateway.postroom.look()
    return answer(_shown(ask, changed))


def _changed(ask: Ask, row: RowMapping, wish: ChannelChange) -> tuple[dict[str, str], dict[str, str]]:
    """Return an account's settings and secrets as they would be. Secrets stay behind where the address is another."""
    old, kept, fields = accounts.settings_of(row), _secrets(ask, row), KINDS[row["channel"]].fields
    settings, given = _merged(old, wish.settings), wish.secrets or {}
    if moved(origin(fields, old), origin(fields, settings)) and (forgotten := sorted(kept.keys() - given.keys())):
        raise invalid(*((f"/secrets/{name}", GIVE_AGAIN) for name in forgotten))
    return settings, _merged(kept, given)


def _secrets(ask: Ask, row: RowMapping) -> dict[str, str]:
    try:
        return accounts.secrets_of(ask.gateway.vault, row)
    except Sealed:
        return {}  # the secret key is another: only new ones can be used


def _merged(old: Mapping[str, str], wish: Mapping[str, str | None] | None) -> dict[str, str]:
    merged = {**old, **(wish or {})}
    return {name: value for name, value in merged.items() if value is not None}


@CALLS.add(
    "DELETE",
    "/v1/channels/{channel_id}",
    "Delete an account and forget its secrets; what waits for it is not sent.",
    roles=MERCHANT,
    answers={204: None},
    problems=("not-found",),
)
async def remove(ask: Ask) -> web.StreamResponse:
    """Delete an account."""
    if not await ask.gateway.store.write(lambda conn: accounts.delete(conn, _key(ask), ask.now)):
        raise Problem("not-found")
    ask.gateway.postroom.look()
    return web.Response(status=204)


@CALLS.add(
    "POST",
    "/v1/channels/{channel_id}/test",
    "Send a test now, and tell what the provider said.",
    roles=MERCHANT,
    body=ChannelTestIn,
    answers={200: answers.ChannelTest},
    problems=("not-found", "validation"),
)
async def test(ask: Ask) -> web.StreamResponse:
    """Send a test to somebody who expects it."""
    wish: ChannelTestIn = ask.body
    row = await _row(ask)
    written = wish.to if isinstance(wish.to, str) else orjson.dumps(wish.to).decode()
    try:
        address = addresses.read(row["channel"], written, wish.country or "")
    except BadAddress as bad:
        raise invalid(("/to", str(bad))) from None
    language = wish.language or LANGUAGES[0]
    person = (row["channel"], addresses.hashed(ask.gateway.vault, ask.merchant_id, row["channel"], address))

    def work(conn: Connection) -> tuple[str, frozenset[str]]:
        return shop_name(conn, ask.merchant_id), notices.stopped(conn, ask.merchant_id, [person]).get(
            person, frozenset()
        )

    shop, scopes = await ask.gateway.store.read(work)
    if scopes & {"", row["id"]}:
        return answer(_said(Said(kind="blocked", reason=STOPPED)))
    facts = Facts(subject=TEST, language=language, zone=ZoneInfo("UTC"), now=now_at(ask.now), shop=shop)
    worded = word(facts, row["channel"])
    try:
        channel = ask.gateway.doors.open(row["channel"], accounts.settings_of(row), _secrets(ask, row))
    except BadSettings as bad:
        raise Problem("conflict", str(bad)) from None
    try:
        said = await channel.send(
            Outgoing(
                id=new_id("ntc", ask.now),
                to=address,
                text=worded.text,
                subject=worded.subject,
                html=worded.html,
                language=language_of(language, row["channel"]),
                template=worded.template,
                template_values=worded.values,
            )
        )
    finally:
        await channel.close()
    return answer(_said(said))


def _said(said: Said) -> dict[str, Any]:
    return {
        "outcome": said.kind,
        "code": said.code,
        "reason": said.reason,
        "provider_id": said.provider_id or None,
        "segments": said.segments,
    }
