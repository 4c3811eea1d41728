"""What carriers say of a shipment as a whole, merged: for each field the latest saying wins.

A register per field with its time merges the same in any order and any number of times, so details may come from poll
and push, late and twice. Pure.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from typing import TYPE_CHECKING, Any

import orjson

from normalizer import render
from normalizer.model import Detail, Place, Window

if TYPE_CHECKING:
    from collections.abc import Mapping

    from normalizer.model import Event

Told = dict[str, tuple[int, Any]]
"""Field name -> (epoch milliseconds of the saying, JSON value)."""

_FIELDS = tuple(one.name for one in fields(Detail) if one.name not in ("number", "extra"))


def said(detail: Detail) -> dict[str, Any]:
    """Return the fields a detail really says, as JSON values; its `extra` facts stand under `extra.<name>`."""
    told = {
        name: _json(name, value) for name in _FIELDS if (value := getattr(detail, name)) is not None and value != ()
    }
    for name, value in (detail.extra or {}).items():
        told[f"extra.{name}"] = value
    return told


def said_at_scan(event: Event) -> dict[str, Any]:
    """Return what an event adds to its shipment's details: the promise, the name and the proofs told with it."""
    told: dict[str, Any] = {}
    if event.eta is not None:
        told["eta"] = render.window(event.eta)
    if event.signed_by:
        told["signed_by"] = event.signed_by
    if event.proofs:
        told["proofs"] = render.proofs(event.proofs)
    return told


def merge(told: Mapping[str, tuple[int, Any]], news: Mapping[str, Any], at: int) -> Told:
    """Return `told` with `news` said at `at` (epoch milliseconds). An older saying never replaces a newer one."""
    merged: Told = dict(told)
    for name, value in news.items():
        old = merged.get(name)
        if old is None or (at, _canonical(value)) > (old[0], _canonical(old[1])):
            merged[name] = (at, value)
    return merged


def values(told: Mapping[str, tuple[int, Any]]) -> dict[str, Any]:
    """Return the present value of every field."""
    return {name: value for name, (_, value) in told.items()}


def _json(name: str, value: Any) -> Any:
    if isinstance(value, Window):
        return render.window(value)
    if isinstance(value, Place):
        return render.place(value)
    if name == "proofs":
        return render.proofs(value)
    if isinstance(value, date):
        return render.instant(value)
    return list(value) if isinstance(value, tuple) else value


def _canonical(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
