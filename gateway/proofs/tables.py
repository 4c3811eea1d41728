"""The table of proofs: what there is or shall be. The bytes themselves lie elsewhere (`gateway.proofs.places`)."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import BigInteger, Index, Table
from sqlmodel import Field, SQLModel

from webhooks.store import core_table, partial_index


class Proof(SQLModel, table=True):
    """One proof of one shipment. Its id is made of what it is, so that it is noted, fetched and kept once."""

    __tablename__ = "proof"
    __table_args__ = (
        partial_index("proof_due", "due_at", where="due_at is not null"),
        Index("proof_age", "created_at"),
    )

    merchant_id: str = Field(primary_key=True)
    shipment_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    kind: str
    reference: str = ""
    """The carrier's name for it; empty where it has none."""
    payload_id: str | None = None
    """The kept payload that encloses the bytes; None where they are asked for."""
    state: str
    """wanted, kept, absent (the carrier does not have it) or refused (it is nothing that may be shown)."""
    reason: str = ""
    media_type: str = ""
    size: int = 0
    digest: str = ""
    """SHA-256 of what is kept, in hex: it stands on the proof sheet."""
    tries: int = 0
    due_at: int | None = Field(default=None, sa_type=BigInteger)
    created_at: int = Field(sa_type=BigInteger)
    kept_at: int | None = Field(default=None, sa_type=BigInteger)


class ProofTables:
    """The Core table behind the model."""

    proof: ClassVar[Table] = core_table(Proof)
