"""Reads what providers say in JSON without trusting its shape."""

from __future__ import annotations

from typing import Any

import orjson


def parse(body: bytes) -> Any:
    """Return what a body says, None where it is no JSON."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def dig(told: Any, *path: str | int) -> Any:
    """Return what lies at the end of a path of names and positions, None where the path breaks off."""
    for step in path:
        if isinstance(step, str) and isinstance(told, dict):
            told = told.get(step)
        elif isinstance(step, int) and isinstance(told, list) and len(told) > step:
            told = told[step]
        else:
            return None
    return told


def code_of(value: Any) -> str:
    """Return a provider's code as text: a short number, and empty where it is anything else."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return text if text.isascii() and text.isdigit() and len(text) < 10 else ""  # noqa: PLR2004 - codes have up to six
