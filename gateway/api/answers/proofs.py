"""Proofs of delivery whose bytes are here or shall be."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field


class ProofFile(BaseModel, extra="forbid"):
    """One proof that is a file. `state` says whether it can be read at `/v1/shipments/{id}/proofs/{proof_id}`."""

    id: str
    kind: Literal["signature", "photo", "document"]
    state: Literal["wanted", "kept", "absent", "refused"] = Field(
        description="wanted: it is still asked for. absent: the carrier does not have it. refused: see `reason`."
    )
    reason: str | None
    media_type: str | None
    size: int | None
    sha256: str | None = Field(description="Of the bytes as they are kept.")
    created_at: datetime
    kept_at: datetime | None


class ProofFiles(BaseModel, extra="forbid"):
    """A shipment's proofs, the oldest first."""

    data: list[ProofFile]
    next_cursor: str | None
