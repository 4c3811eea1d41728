"""How a merchant's pages look."""

from __future__ import annotations

from pydantic import BaseModel


class BrandingOut(BaseModel, extra="forbid"):
    """A merchant's branding; null where the usual holds."""

    name: str
    accent: str | None
    ground: str | None
    surface: str | None
    ink: str | None
    help_url: str | None
    privacy_url: str | None
    has_logo: bool
