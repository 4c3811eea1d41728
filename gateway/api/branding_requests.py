"""What callers send about their look."""

from __future__ import annotations

from typing import Annotated

from pydantic import Base64Bytes, Field

from gateway.api.fields import Line, Strict

Colour = Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
Web = Annotated[str, Field(pattern=r"^https://[^\s\"'<>]+$", max_length=500)]


class BrandingIn(Strict):
    """How a merchant's pages look. Colours as `#rrggbb`; ink and accent must be readable on ground and surface."""

    name: Line | None = Field(default=None, description="Left out, the merchant's own name.")
    accent: Colour | None = Field(default=None, description="Buttons, links and what moves.")
    ground: Colour | None = Field(default=None, description="Behind everything.")
    surface: Colour | None = Field(default=None, description="Cards.")
    ink: Colour | None = Field(default=None, description="Text.")
    help_url: Web | None = Field(default=None, description="Where recipients find help.")
    privacy_url: Web | None = None


class LogoIn(Strict):
    """A logo."""

    png: Base64Bytes = Field(description="Base64 of a PNG, best on a transparent ground and 80 pixels high.")
