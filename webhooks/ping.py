"""A `ping` to one endpoint now, beside its lane: a merchant sees at once what the endpoint answers."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

import orjson

from webhooks import access, keyring, log
from webhooks.endpoint_rows import BadEndpoint, NoEndpoint, find_row
from webhooks.envoy import Envoy
from webhooks.recording import Batch, attempt_of, exchange_of, record

if TYPE_CHECKING:
    from webhooks.outcome import Outcome
    from webhooks.sender import Sender
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
    keys, entrance = (
        keyring.unseal(vault, merchant_id, row.secrets),
        access.unseal(vault, merchant_id, row.access_sealed),
    )
    envoy = Envoy(row.url, row.timeout_ms, keys, entrance)
    at = int(time.time() * 1000)
    draft = log.Draft(
        id=f"msg_{secrets.token_hex(16)}",
        type="ping",
        shipment_id=None,
        shipment_version=0,
        created_at=at,
        data=orjson.dumps({"shipment": None, "event": None, "previous": None, "endpoint": {"id": endpoint_id}}),
    )
    outcome = await envoy.bring(sender, draft.id, at, log.build_body(draft, 0))
    key = (merchant_id, endpoint_id)
    batch = Batch(at, [attempt_of(key, 0, at, 1, outcome)._replace(message_id=draft.id)])
    batch.exchanges = [row for row in [exchange_of(key, 0, at, 1, outcome)] if row is not None]
    await store.write(lambda conn: record(conn, batch) and None)
    return outcome
