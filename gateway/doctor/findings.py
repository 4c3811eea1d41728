"""What a look found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found. `broken` means it cannot work so; `note` means somebody should know."""

    of: str
    level: Literal["ok", "note", "broken"]
    text: str
    advice: str = ""
