"""Proofs in the database: noted when a carrier names them, due until they are fetched, dropped when they are old."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, delete, select, update

from connectors import connector
from connectors.base import Proves
from gateway.proofs.tables import ProofTables
from gateway.tables import Tables
from normalizer.normalize import content_id
from webhooks.store import insert

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

    from gateway.steps import Key
    from normalizer.model import Proof

_P = ProofTables.proof.c
FILES = frozenset({"photo", "signature", "document"})
"""Kinds of proofs that are bytes; the others are words a carrier tells."""
CLAIM_MS = 180_000
"""Longer than any exchange with a carrier and its store."""
_BATCH = 200
_GONE = 0
"""When a proof was noted that is not the shipment's any more: long ago, so it is dropped next."""


class Named(NamedTuple):
    """A proof as a carrier names it; `payload_id` where its bytes stand in that payload."""

    kind: str
    reference: str
    payload_id: str | None


def named(of: Iterable[Proof], payload_id: str | None) -> Iterable[Named]:
    """Return which of a carrier's proofs are bytes to be had."""
    for one in of:
        if one.kind in FILES:
            yield Named(one.kind, one.reference or "", payload_id if one.inline else None)


def proof_id(merchant_id: str, shipment_id: str, kind: str, reference: str) -> str:
    """Return the id of a proof: the same for the same."""
    return content_id("prf", merchant_id, shipment_id, kind, reference)


def note(conn: Connection, news: Mapping[Key, Iterable[Named]], carriers: Mapping[Key, str], now: int) -> None:
    """Note the proofs that can be had, due now; those noted before stay as they are."""
    rows: list[dict[str, Any]] = []
    for of, proofs in news.items():
        proves = isinstance(connector(carriers[of]), Proves)
        wanted = (one for one in proofs if proves or one.payload_id is not None)
        rows += [_row(*of, one, now) | {"due_at": now} for one in wanted]
    if rows:
        statement = insert(conn, ProofTables.proof)
        afresh = {name: statement.excluded[name] for name in rows[0]}
        key = ["merchant_id", "shipment_id", "id"]
        conn.execute(
            statement.on_conflict_do_update(index_elements=key, set_=afresh, where=_P.created_at == _GONE), rows
        )


def disown(conn: Connection, merchant_id: str, shipment_id: str) -> None:
    """Show a shipment's proofs no more, as they are another parcel's; the next `drop_old` drops them."""
    conn.execute(
        update(ProofTables.proof)
        .where(_P.merchant_id == merchant_id, _P.shipment_id == shipment_id)
        .values(state="refused", reason="it is of another carrier's parcel", due_at=None, created_at=_GONE)
    )


def keep(
    conn: Connection,
    merchant_id: str,
    shipment_id: str,
    one: Named,
    now: int,
    *,
    media_type: str,
    size: int,
    digest: str,
) -> None:
    """Note that a proof's bytes are kept, unless it is the shipment's no more."""
    kept = {
        "state": "kept",
        "reason": "",
        "media_type": media_type,
        "size": size,
        "digest": digest,
        "due_at": None,
        "kept_at": now,
    }
    statement = insert(conn, ProofTables.proof).values(_row(merchant_id, shipment_id, one, now) | kept)
    key = ["merchant_id", "shipment_id", "id"]
    conn.execute(statement.on_conflict_do_update(index_elements=key, set_=kept, where=_P.created_at != _GONE))


def claim(conn: Connection, now: int, most: int) -> list[RowMapping]:
    """Return proofs that are due, with their shipments' carriers and accounts, and make them due again much later."""
    s = Tables.shipment.c
    statement = (
        select(ProofTables.proof, s.carrier, s.tracking_number, s.account_id)
        .join(Tables.shipment, and_(s.merchant_id == _P.merchant_id, s.id == _P.shipment_id))
        .where(_P.due_at.is_not(None), _P.due_at <= now)
        .order_by(_P.due_at)
        .limit(most)
    )
    rows = list(conn.execute(statement).mappings())
    for row in rows:
        settle(conn, row, due_at=now + CLAIM_MS, tries=row["tries"] + 1)
    return rows


def settle(conn: Connection, row: Mapping[Any, Any], **values: Any) -> None:
    """Change columns of a proof, unless it is the shipment's no more."""
    mine = (_P.merchant_id == row["merchant_id"], _P.shipment_id == row["shipment_id"], _P.id == row["id"])
    conn.execute(update(ProofTables.proof).where(*mine, _P.created_at != _GONE).values(values))


def of_shipment(conn: Connection, merchant_id: str, shipment_id: str) -> list[RowMapping]:
    """Return a shipment's proofs, the oldest first."""
    statement = (
        select(ProofTables.proof)
        .where(_P.merchant_id == merchant_id, _P.shipment_id == shipment_id)
        .order_by(_P.created_at, _P.id)
    )
    return list(conn.execute(statement).mappings())


def kept_ids(conn: Connection, merchant_id: str, shipment_ids: Sequence[str]) -> set[str]:
    """Return the ids of all proofs of some shipments that are kept."""
    statement = select(_P.id).where(_P.merchant_id == merchant_id, _P.shipment_id.in_(shipment_ids), _P.state == "kept")
    return set(conn.execute(statement).scalars())


def get(conn: Connection, merchant_id: str, shipment_id: str, id_: str) -> RowMapping | None:
    """Return a proof, None where the shipment has none of that id."""
    statement = select(ProofTables.proof).where(
        _P.merchant_id == merchant_id, _P.shipment_id == shipment_id, _P.id == id_
    )
    return conn.execute(statement).mappings().first()


def old(conn: Connection, before: int) -> list[RowMapping]:
    """Return some proofs noted before an instant."""
    statement = select(ProofTables.proof).where(_P.created_at < before).order_by(_P.created_at).limit(_BATCH)
    return list(conn.execute(statement).mappings())


def forget(conn: Connection, rows: Iterable[Mapping[Any, Any]]) -> None:
    """Delete the rows of proofs whose bytes are gone."""
    for row in rows:
        conn.execute(
            delete(ProofTables.proof).where(
                _P.merchant_id == row["merchant_id"], _P.shipment_id == row["shipment_id"], _P.id == row["id"]
            )
        )


def _row(merchant_id: str, shipment_id: str, one: Named, now: int) -> dict[str, Any]:
    return {
        "merchant_id": merchant_id,
        "shipment_id": shipment_id,
        "id": proof_id(merchant_id, shipment_id, one.kind, one.reference),
        "kind": one.kind,
        "reference": one.reference,
        "payload_id": one.payload_id,
        "state": "wanted",
        "reason": "",
        "media_type": "",
        "size": 0,
        "digest": "",
        "tries": 0,
        "due_at": None,
        "created_at": now,
        "kept_at": None,
    }
