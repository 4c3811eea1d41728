"""A shipment as public JSON: its fields as far as the viewer may see them, and the same in the reader's words. Pure."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gateway.pages import story
from gateway.pages.shapes import shape

if TYPE_CHECKING:
    from gateway.pages.views import View
    from gateway.texts import Speech


def document(view: View, speech: Speech, now: int, *, courier: bool) -> dict[str, Any]:
    """Return what is told of a shipment. Without `courier` nothing of the last mile, not even its stage.

    Args:
        view: what the viewer may see.
        speech: the reader's language.
        now: epoch milliseconds.
        courier: whether the viewer is one that couriers are shown to at all.
    """
    return {
        **view.shipment,
        "events": list(view.events),
        "last_mile": dict(view.courier) if courier else None,
        "said": said(view, speech, now),
        "shop": {
            "name": view.brand.name,
            "help_url": view.brand.look.help_url or None,
            "privacy_url": view.brand.look.privacy_url or None,
        },
    }


def said(view: View, speech: Speech, now: int) -> dict[str, Any]:
    """Return what the tracking page says of a shipment, in the same words, with the same shape and tone."""
    told = story.tell(view.shipment, view.events, speech, view.zone, datetime.fromtimestamp(now / 1000, UTC))
    older = len(told.history) - story.OPEN_ENTRIES
    return {
        "language": speech.tag,
        "direction": speech.direction,
        "status": speech.status(view.shipment["status"]),
        "tone": told.tone,
        "shape": shape(view.shipment["status"]),
        "headline": told.headline,
        "beside": told.beside,
        "steps": [asdict(step) for step in told.steps],
        "trouble": None if told.trouble is None else asdict(told.trouble),
        "history": [asdict(entry) for entry in told.history],
        "more": speech.say("history.more", count=older) if older > 0 else "",
        "updated": told.updated,
        "pickup_until": told.pickup_until,
        "carrier": view.carrier,
    }
