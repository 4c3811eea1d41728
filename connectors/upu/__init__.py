"""The postal operators' common event codes (EMSEVT): asked at the UPU's service, or pushed in a shape of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from connectors.auth import Proof
from connectors.base import Connector, Payload, Polls, Pushes, dig, rows, text_of
from connectors.errors import Unreadable
from connectors.signatures import require_header, require_hmac, require_secret
from normalizer.clock import dotnet, iso
from normalizer.model import Detail, Missing, Place, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import httpx

    from connectors.base import Push
    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

PATH = "/PTT.API/Service.svc/rest/itemTTExt"

NOTHING_KNOWN = 1
"""The whole body of an answer about an unknown item."""

ORIGIN = frozenset({"EMA", "EMB", "EMC", "EXA", "EXB", "EXC", "EXD", "EXX"})
TRANSIT = frozenset({"EMJ", "EMK"})
"""Events of countries on the way, which no answer names; all others happen in the country of destination."""

SIGNATURE = "X-Signature"


class TokenInPath(Proof):
    """A token as the last step of the path."""

    def __init__(self, token: str) -> None:
        self._step = b"/" + quote(token, safe="").encode("ascii")

    def apply(self, request: httpx.Request) -> httpx.Request:
        """Add the step."""
        request.url = request.url.copy_with(raw_path=request.url.raw_path + self._step)
        return request


class Carrier(Connector, Polls, Pushes):
    """PTT.API of the UPU's Postal Technology Centre, and pushes of EMSEVT events."""

    def auth(self, secrets: Mapping[str, str]) -> TokenInPath:
        """The operator's token ends the path."""
        return TokenInPath(secrets["token"])

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about one item."""
        return await http.get(f"{PATH}/{quote(numbers[0], safe='')}", headers={"Accept": "application/json"})

    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """Hex HMAC-SHA256 over the raw body: the scheme is ours."""
        key = require_secret(secrets, "push_secret").encode()
        require_hmac(key, push.body, require_header(push.headers, SIGNATURE))

    def parts(self, payload: Payload) -> Iterator[Any]:
        """One part an item; some answers are a list of one."""
        root = payload.json()
        if root == NOTHING_KNOWN and payload.numbers:
            yield from (Missing(number=number) for number in payload.numbers)
        elif isinstance(root, dict) and "items" in root:
            yield from rows(root["items"])
        else:
            yield from root if isinstance(root, list) else (root,)

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:  # noqa: ARG002 - all is in the part
        """Yield one item's events as they stand."""
        if isinstance(part, Missing):
            yield part
        elif "ID" in part:
            yield from _answered(part)
        elif "item" in part:
            yield from _pushed(part)
        else:
            raise Unreadable("neither an answer of PTT.API nor a pushed item")


def _answered(part: dict[str, Any]) -> Iterator[Said]:
    number = part["ID"]
    origin, destination = text_of(part, "OriginCountryCd"), text_of(part, "DestinationCountryCd")
    for event in rows(part, "Events"):
        code = event["EventCd"]
        country = origin if code in ORIGIN else None if code in TRANSIT else destination
        yield Scan(
            number=number,
            # The number inside is the clock on the wall, whatever the notation says.
            at=dotnet(event["EventDT"]).replace(tzinfo=None),
            codes=(code,),
            text=text_of(event, "EventNm") or "",
            place=Place(city=text_of(event, "EventLocation"), country=country),
        )
    yield Detail(
        number=number,
        origin=Place(country=origin) if origin else None,
        destination=Place(country=destination) if destination else None,
    )


def _pushed(part: dict[str, Any]) -> Iterator[Scan]:
    for event in rows(part["events"]):
        told = {name: text_of(event, name) for name in ("reason", "action")}
        yield Scan(
            number=part["item"],
            at=iso(event["time"]),
            codes=(event["code"],),
            text=text_of(event, "text") or "",
            place=Place(facility=text_of(event, "office"), city=text_of(event, "city"), country=dig(event, "country")),
            signed_by=text_of(event, "signed_by"),
            extra={name: value for name, value in told.items() if value},
        )
