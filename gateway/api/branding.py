"""How a merchant's pages look to recipients: name, colours, logo, and where help is."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aiohttp import web

from gateway.api import answers, branding_requests
from gateway.api.calls import MERCHANT, STAFF, Ask, Calls, answer
from gateway.api.problems import invalid
from gateway.pages import branding

if TYPE_CHECKING:
    from gateway.api.branding_requests import BrandingIn, LogoIn
    from gateway.pages.branding import Brand

CALLS = Calls("Branding")


@CALLS.add("GET", "/v1/branding", "How recipients' pages look.", roles=STAFF, answers={200: answers.BrandingOut})
async def show(ask: Ask) -> web.StreamResponse:
    """Show the merchant's branding."""
    return answer(_shown(await ask.gateway.store.read(lambda conn: branding.of(conn, ask.merchant_id))))


@CALLS.add(
    "PUT",
    "/v1/branding",
    "Set how recipients' pages look; what is left out goes back to the usual. The logo stays.",
    roles=MERCHANT,
    body=branding_requests.BrandingIn,
    answers={200: answers.BrandingOut},
    problems=("validation",),
)
async def put(ask: Ask) -> web.StreamResponse:
    """Keep the merchant's branding, if it can be read."""
    wish: BrandingIn = ask.body
    look = branding.Branding(**{name: value or "" for name, value in wish.model_dump().items()})
    if (why := branding.too_faint(look)) is not None:
        raise invalid(("/ink" if "`ink`" in why else "/accent", why))
    await ask.gateway.store.write(lambda conn: branding.keep(conn, ask.merchant_id, look, ask.now))
    return answer(_shown(await ask.gateway.store.read(lambda conn: branding.of(conn, ask.merchant_id))))


@CALLS.add(
    "PUT",
    "/v1/branding/logo",
    "Set the logo: a PNG of at most 200 kB, as base64.",
    roles=MERCHANT,
    body=branding_requests.LogoIn,
    answers={204: None},
    problems=("validation",),
)
async def put_logo(ask: Ask) -> web.StreamResponse:
    """Keep the merchant's logo."""
    wish: LogoIn = ask.body
    png = wish.png
    if len(png) > branding.MOST_LOGO_BYTES:
        raise invalid(("/png", f"is {len(png)} bytes; at most {branding.MOST_LOGO_BYTES}"))
    if not branding.is_png(png):
        raise invalid(("/png", "is no PNG"))
    await ask.gateway.store.write(lambda conn: branding.keep_logo(conn, ask.merchant_id, png, ask.now))
    return web.Response(status=204)


@CALLS.add("DELETE", "/v1/branding/logo", "Take the logo away.", roles=MERCHANT, answers={204: None})
async def delete_logo(ask: Ask) -> web.StreamResponse:
    """Forget the merchant's logo."""
    await ask.gateway.store.write(lambda conn: branding.keep_logo(conn, ask.merchant_id, None, ask.now))
    return web.Response(status=204)


def _shown(brand: Brand) -> dict[str, Any]:
    told = {name: value or None for name, value in asdict(brand.look).items()}
    return told | {"name": brand.name, "has_logo": brand.has_logo}
