"""What both SOAP carriers share: reading what is asked for, and the envelope of an answer."""

from __future__ import annotations

from aiohttp import web
from lxml import etree


async def asked(request: web.Request, element: str) -> str:
    """Return the text of the first element of a local name in the request's envelope. Raises a 400."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(await request.read(), parser)
    except etree.XMLSyntaxError:
        raise web.HTTPBadRequest(text="the body is not XML") from None
    text = root.findtext(f".//{{*}}{element}")
    if not text:
        raise web.HTTPBadRequest(text=f"the envelope has no {element}")
    return text


def envelope(body: str, header: str = "") -> web.Response:
    """Answer with a SOAP 1.1 envelope."""
    head = f"<s:Header>{header}</s:Header>" if header else ""
    text = (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">{head}<s:Body>{body}</s:Body></s:Envelope>'
    )
    return web.Response(body=text.encode(), content_type="text/xml", charset="utf-8")
