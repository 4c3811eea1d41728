"""What a shop's sample reads to, as the text of its golden."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connectors.samples import Sample
    from connectors.shops.base import Shop, ShopReading


def golden(shop: Shop, sample: Sample) -> str:
    """Return what a sample reads to. A handshake reads to nothing."""
    answer = shop.challenge(sample.push())
    said = {"answers": answer.status} if answer is not None else document(shop.read(sample.payload(shop.code)))
    return json.dumps(said, indent=2, ensure_ascii=False, default=_shown) + "\n"


def document(reading: ShopReading) -> dict[str, Any]:
    """Return a reading as JSON values."""
    said = [{"said": type(one).__name__.removesuffix("Said").lower(), **asdict(one)} for one in reading.said]
    return {"said": said} if reading.trouble is None else {"said": said, "trouble": str(reading.trouble)}


def _shown(value: Any) -> str:
    assert isinstance(value, datetime)  # noqa: S101 - nothing else in a reading is foreign to JSON
    return value.isoformat().replace("+00:00", "Z")
