"""The way something said takes: to the recipient by the page, to the courier by what there is, else to the desk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from normalizer.model import Status

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

_OUT = Status.OUT_FOR_DELIVERY.value


def first(shipment: RowMapping, author: str, audience: str, kind: str) -> dict[str, Any]:
    """Return the columns `through`, `state` and `due_at` of something just said."""
    if author != "courier" and audience in ("courier", "everybody"):
        if kind == "instruction" and shipment["status"] != _OUT:
            return {"through": "", "state": "waiting", "due_at": None}
        through = "page" if author == "support" else "desk"
        return {"through": through, "state": "sent", "due_at": None}
    return {"through": "desk" if audience == "support" else "page", "state": "sent", "due_at": None}
