"""The keeper of proofs' bytes: cleans them, seals them, puts them in their place, and gives them back."""

from __future__ import annotations

import asyncio
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from gateway.proofs import store
from gateway.proofs.content import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.proofs.places import Place
    from gateway.proofs.store import Named
    from gateway.vault import Vault
    from webhooks.store import Store

_DAY = 86_400_000


class Keeper:
    """Keeps proofs. A proof is there once its bytes are in their place and its row says so, in this order."""

    def __init__(self, db: Store, vault: Vault, place: Place) -> None:
        self._db = db
        self._vault = vault
        self._place = place

    async def keep(self, merchant_id: str, shipment_id: str, one: Named, body: bytes, now: int) -> str:
        """Keep a proof; return its id. Raises `BadProof` or `PlaceTrouble`. The same again changes nothing."""
        found = await asyncio.to_thread(clean, body)
        id_ = store.proof_id(merchant_id, shipment_id, one.kind, one.reference)
        sealed = self._vault.seal(merchant_id, _purpose(id_), found.body)
        await self._place.put(_name(merchant_id, id_), sealed)
        facts = {
            "media_type": found.media_type,
            "size": len(found.body),
            "digest": sha256(found.body).hexdigest(),
        }
        await self._db.write(
            partial(_kept, merchant_id=merchant_id, shipment_id=shipment_id, one=one, now=now, **facts)
        )
        return id_

    async def read(self, row: Mapping[Any, Any]) -> bytes | None:
        """Return the bytes of a proof that is kept; None where they are gone. Raises `PlaceTrouble`."""
        sealed = await self._place.get(_name(row["merchant_id"], row["id"]))
        return None if sealed is None else self._vault.open(row["merchant_id"], _purpose(row["id"]), sealed)

    async def drop_old(self, now: int, days: int) -> None:
        """Drop proofs older than they are kept: first their bytes, then their rows."""
        while rows := await self._db.read(lambda conn: store.old(conn, now - days * _DAY)):
            for row in rows:
                await self._place.delete(_name(row["merchant_id"], row["id"]))
            await self._db.write(partial(store.forget, rows=rows))

    async def close(self) -> None:
        """Let go of the place."""
        await self._place.close()


def _kept(conn: Any, *, merchant_id: str, shipment_id: str, one: Named, now: int, **facts: Any) -> None:
    store.keep(conn, merchant_id, shipment_id, one, now, **facts)


def _purpose(id_: str) -> str:
    return f"proof:{id_}"


def _name(merchant_id: str, id_: str) -> str:
    return f"{merchant_id}/{id_[-2:]}/{id_}"
