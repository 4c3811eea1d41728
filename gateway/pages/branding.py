"""A merchant's look: its name, four colours, a logo, and where its help is. What cannot be read is refused."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import select

from gateway.pages.tables import PageTables
from gateway.tables import Tables
from webhooks.store import insert

if TYPE_CHECKING:
    from sqlalchemy import Connection

MOST_LOGO_BYTES = 200_000
COLOUR = re.compile(r"#[0-9a-f]{6}")
LEAST_CONTRAST = 4.5
"""What WCAG 2.2 asks of small text."""
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Branding:
    """How a merchant's pages look; what is empty is the house's own."""

    name: str = ""
    accent: str = ""
    ground: str = ""
    surface: str = ""
    ink: str = ""
    help_url: str = ""
    privacy_url: str = ""


@dataclass(frozen=True, slots=True)
class Brand:
    """A merchant's branding as its pages use it: `name` is never empty, `version` changes with the look."""

    name: str
    look: Branding
    has_logo: bool
    version: int


def of(conn: Connection, merchant_id: str) -> Brand:
    """Return a merchant's brand."""
    m, b = Tables.merchant.c, PageTables.branding.c
    statement = (
        select(m.name, b.body, b.logo.is_not(None).label("has_logo"), b.changed_at)
        .select_from(Tables.merchant)
        .outerjoin(PageTables.branding, b.merchant_id == m.id)
        .where(m.id == merchant_id)
    )
    row = conn.execute(statement).one()
    look = Branding(**orjson.loads(row.body)) if row.body is not None else Branding()
    return Brand(look.name or row.name, look, bool(row.has_logo), row.changed_at or 0)


def logo(conn: Connection, merchant_id: str) -> bytes | None:
    """Return a merchant's logo, a PNG."""
    b = PageTables.branding.c
    found: bytes | None = conn.execute(select(b.logo).where(b.merchant_id == merchant_id)).scalar()
    return found


def keep(conn: Connection, merchant_id: str, look: Branding, now: int) -> None:
    """Keep a merchant's branding; its logo stays."""
    _put(conn, merchant_id, now, body=orjson.dumps(asdict(look)))


def keep_logo(conn: Connection, merchant_id: str, png: bytes | None, now: int) -> None:
    """Keep a merchant's logo, None for none."""
    _put(conn, merchant_id, now, logo=png)


def _put(conn: Connection, merchant_id: str, now: int, **values: bytes | None) -> None:
    row = {"merchant_id": merchant_id, "body": b"{}", "logo": None, "changed_at": now} | values
    statement = insert(conn, PageTables.branding).values(row)
    newer = values | {"changed_at": now}
    conn.execute(statement.on_conflict_do_update(index_elements=["merchant_id"], set_=newer))


def too_faint(look: Branding) -> str | None:
    """Return which colour cannot be read on which, None where all can."""
    surface, ground = look.surface or "#ffffff", look.ground or "#f4f5f7"
    for name, colour in (("ink", look.ink), ("accent", look.accent)):
        for beneath, under in (("surface", surface), ("ground", ground)):
            shown = colour or {"ink": "#14181f", "accent": "#1f5fd0"}[name]
            if contrast(shown, under) < LEAST_CONTRAST:
                return f"`{name}` {shown} cannot be read on `{beneath}` {under}: their contrast is below 4.5 to 1"
    return None


def is_png(body: bytes) -> bool:
    """Tell whether bytes begin as a PNG does."""
    return body.startswith(_PNG)


def css(look: Branding) -> str:
    """Return the look as a style sheet that goes over the house's tokens. Colours are for light; dark keeps its own."""
    lines = [f"--{name}: {value};" for name in ("accent", "ground", "surface", "ink") if (value := getattr(look, name))]
    if look.accent:
        lines += [f"--on-accent: {_readable_on(look.accent)};", f"--move: {look.accent};"]
    if not lines:
        return ""
    dark = f"--accent: color-mix(in srgb, {look.accent} 45%, white); --move: var(--accent);" if look.accent else ""
    return (
        f"@media (prefers-color-scheme: light) {{ :root {{ {' '.join(lines)} }} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
    )


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours (`#rrggbb`), 1 to 21, as WCAG 2.2 defines it."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)  # noqa: PLR2004 - sRGB's own figures
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _readable_on(colour: str) -> str:
    return max("#ffffff", "#14181f", key=lambda one: contrast(one, colour))
