"""Landmark Global: one XML question a number, sent as a form field, with the login inside the document."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode

from lxml import etree

from connectors.auth import FilledBody
from connectors.base import Connector, Payload, Polls
from connectors.errors import Rejected, Unavailable, Unreadable
from connectors.soap import elements, is_web_page
from normalizer.clock import iso, twelve_hour
from normalizer.model import Detail, Missing, Place, Scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

FIELD = "RQXML"

REFUSALS = (
    "the username/password combination",
    "does not have permissions",
    "unable to determine desired client",
    "required element login not found",
)
"""Parts of the documented messages that speak of the account, not of a number."""

OUR_FAULT = "required element"
"""How the documented message begins that says what our question lacks; it ends in "not found" as well."""


class Carrier(Connector, Polls):
    """The Track API of Mercury, version 2."""

    def auth(self, secrets: Mapping[str, str]) -> FilledBody:
        """User name, password and, where one is needed, the client's id go into the document."""
        fill = elements(
            Username=secrets["username"], Password=secrets["password"], ClientID=secrets.get("client_id", "")
        )
        return FilledBody(_inside_the_form(fill))

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask for the whole history of one number."""
        request = etree.Element("TrackRequest")
        login = etree.SubElement(request, "Login")
        etree.SubElement(login, "Username")
        etree.SubElement(login, "Password")
        etree.SubElement(request, "ClientID")
        etree.SubElement(request, "TrackingNumber").text = numbers[0]
        etree.SubElement(request, "RetrievalType").text = "Historical"
        form = {FIELD: etree.tostring(request, encoding="unicode")}
        answer = await http.post("/v2/Track.php", form=form, repeatable=True)
        if is_web_page(answer):
            raise Unavailable("a web page came instead of an answer")
        if any(part in answer.body.lower() for part in _REFUSALS):
            raise Rejected("the carrier refuses the account's login")
        if _TEST_MODE.search(answer.body):
            raise Rejected("the account is in Landmark's test mode, whose answers are random")
        return answer

    def parts(self, payload: Payload) -> Iterator[etree._Element]:
        """One answer, one shipment; its packages are its pieces."""
        yield payload.xml()

    def parse(self, payload: Payload, part: etree._Element) -> Iterator[Said]:
        """Yield the events of the number asked about, and of the shipment's other packages as its pieces."""
        asked = payload.numbers[0] if payload.numbers else None
        errors = [(error.findtext("ErrorCode"), error.findtext("ErrorMessage")) for error in part.iter("Error")]
        if errors:
            yield from _errors(asked, errors)
            return
        result = part.find("Result")
        if part.tag != "TrackResponse" or result is None:
            raise Unreadable("the answer is no TrackResponse")
        if _is_true(_text(part, "Test")):
            raise Unreadable("the answer of a client in test mode is random")
        packages = result.findall("Packages/Package")
        if not packages:
            if asked is None or _is_true(_required(result, "Success")):
                raise Unreadable("a successful answer without a package")
            yield Missing(number=asked)
            return
        own = [_required(package, "LandmarkTrackingNumber") for package in packages]
        for package in packages:
            yield from _package(asked, package, own, _text(result, "ShipmentDetails/EndDeliveryCarrier"))


def _inside_the_form(fill: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Return how a document inside a form field is filled in."""

    def filled(body: bytes) -> bytes:
        (document,) = parse_qs(body.decode("ascii"))[FIELD]
        return urlencode({FIELD: fill(document.encode()).decode()}).encode()

    return filled


_REFUSALS = tuple(part.encode() for part in REFUSALS)
_TEST_MODE = re.compile(rb"<Test>\s*(?:true|1)\s*</Test>", re.IGNORECASE)


def _errors(asked: str | None, errors: Sequence[tuple[str | None, str | None]]) -> Iterator[Missing]:
    words = [(text or "").strip().casefold().rstrip(" .") for _, text in errors]
    if asked is not None and any(one.endswith("not found") and not one.startswith(OUR_FAULT) for one in words):
        yield Missing(number=asked)
        return
    raise Unreadable(f"the carrier answers with the errors {[code for code, _ in errors]}")


def _package(
    asked: str | None, package: etree._Element, all_own: Sequence[str], end_carrier: str | None
) -> Iterator[Said]:
    own, theirs = _required(package, "LandmarkTrackingNumber"), _required(package, "TrackingNumber")
    number = asked or own
    several, another = len(all_own) > 1, number not in (own, theirs)
    # The package asked about is a piece among the others: an event without a piece would be told of all of them.
    piece = own if several or another else None
    events = package.find("Events")
    if events is None:
        raise KeyError("Events")
    for event in events.iterfind("Event"):
        yield Scan(
            number=number,
            at=_at(_required(event, "DateTime")),
            codes=(_required(event, "EventCode"),),
            text=_text(event, "Status") or "",
            place=Place(facility=_text(event, "Location")),
            piece=piece,
        )
    if another:
        return
    yield Detail(
        number=number,
        pieces_total=len(all_own) if several else None,
        pieces=tuple(all_own) if several else None,
        references=(reference,) if (reference := _text(package, "PackageReference")) else None,
        continues_as=(None, theirs) if theirs not in (own, number) else None,
        extra={"end_carrier": end_carrier} if end_carrier else None,
    )


def _at(text: str) -> datetime | date:
    """Read `2026-03-01 19:48:02`, or the American `03/01/2026 07:48 PM`."""
    day, _, clock = text.partition(" ")
    if "/" not in day:
        return iso(text)
    month, day_of_month, year = day.split("/")
    return twelve_hour(date(int(year), int(month), int(day_of_month)), clock)


def _is_true(text: str | None) -> bool:
    return (text or "").casefold() in ("true", "1")


def _text(node: etree._Element, path: str) -> str | None:
    return (node.findtext(path) or "").strip() or None


def _required(node: etree._Element, path: str) -> str:
    text = _text(node, path)
    if text is None:
        raise KeyError(path)
    return text
