"""A `ping` to one endpoint now, beside its lane: a merchant sees at once what the endpoint answers."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

import orjson
from yarl import URL

from webhooks import keyring, log
from webhooks.endpoint_rows import BadEndpoint, NoEndpoint, find_row
from webhooks.recording import attempt_of
from webhooks.sender import Target
from webhooks.signing import Signer
from webhooks.tables import Tables

if TYPE_CHECKING:
    from webhooks.sender import Outcome, Sender
    from webhooks.store import Store, Vault


async def ping(store: Store, vault: Vault, sender: Sender, merchant_id: str, endpoint_id: str) -> Outcome:
    """Send a `ping` and record it as an attempt with a message id of its own.

    Raises `KeyError` for no endpoint, `BadEndpoint` for one without an address.
    """
    try:
        row = await store.read(lambda conn: find_row(conn, merchant_id, endpoint_id))
    except NoEndpoint:
        raise KeyError(endpoint_id) from None
    if not row.url:
        raise BadEndpoint("url: this endpoint has none and is read by polling")
    signer = Signer(keyring.unseal(vault, merchant_id, row.secrets))
    at = int(time.time() * 1000)
    draft = log.Draft(
        id=f"msg_{secrets.token_hex(16)}",
        type="ping",
        shipment_id=None,
        shipment_version=0,
        created_at=at,
        data=orjson.dumps({"shipment": None, "event": None, "previous": None, "endpoint": {"id": endpoint_id}}),
    )
    body = log.build_body(draft, 0)
    target = Target(URL(row.url), row.timeout_ms / 1000)
    outcome = await sender.post(target, signer.headers(draft.id, at // 1000, body), body)
    attempt = attempt_of((merchant_id, endpoint_id), 0, at, 1, outcome)._replace(message_id=draft.id)
    await store.write(lambda conn: conn.execute(Tables.attempt.insert(), attempt._asdict()) and None)
    return outcome
