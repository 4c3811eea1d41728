"""Notices and sending accounts as merchants see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.people import accounts, addresses
from gateway.people.writing import CALLBACK
from normalizer import render
from webhooks.channels.push import public_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping

    from gateway.people.reading import NoticeFacts
    from gateway.vault import Vault

HEARING = frozenset({"sms", "whatsapp"})
"""Channels whose providers call us."""


def notices(vault: Vault, found: Sequence[NoticeFacts]) -> list[dict[str, Any]]:
    """Return notices, their addresses masked."""
    return [_notice(vault, one) for one in found]


def _notice(vault: Vault, one: NoticeFacts) -> dict[str, Any]:
    row = one.row
    address = None
    if one.address is not None:
        opened = addresses.opened(vault, row["merchant_id"], row["wish_id"], one.address)
        address = addresses.masked(row["channel"], opened)
    return {
        "id": row["id"],
        "channel": row["channel"],
        "channel_id": row["account_id"] or None,
        "subscription_id": row["wish_id"],
        "message_id": one.message_id,
        "address": address,
        "language": one.language,
        "subject": row["subject"],
        "state": row["state"],
        "reason": row["reason"],
        "code": row["code"],
        "attempts": row["attempts"],
        "segments": row["segments"],
        "provider_id": row["provider_id"] or None,
        "created_at": render.millis_instant(row["created_at"]),
        "updated_at": render.millis_instant(row["changed_at"]),
        "next_at": render.millis_instant(row["due_at"]) if row["state"] == "queued" else None,
    }


def account(vault: Vault, row: RowMapping, public_url: str) -> dict[str, Any]:
    """Return a sending account without its secrets; the public half of a push account's key is shown."""
    kind = row["channel"]
    hears = kind in HEARING and public_url
    key = public_key(accounts.secrets_of(vault, row)["vapid_private_key"]) if kind == "push" else None
    return {
        "id": row["id"],
        "channel": kind,
        "label": row["label"],
        "settings": accounts.settings_of(row),
        "state": row["state"],
        "state_reason": row["state_reason"],
        "state_since": render.millis_instant(row["state_at"]),
        "paused_until": render.millis_instant(row["paused_until"] or None),
        "callback_url": public_url.rstrip("/") + CALLBACK.format(account_id=row["id"]) if hears else None,
        "public_key": key,
        "created_at": render.millis_instant(row["created_at"]),
        "updated_at": render.millis_instant(row["changed_at"]),
    }
