"""DHL eCommerce (Americas): asked by number, and called with the full history of a package each time."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from connectors.auth import OAuth2ClientCredentials
from connectors.base import Connector, Payload, Polls, Pushes, dig, rows, text_of
from connectors.errors import Unreadable
from connectors.signatures import require_query, require_same, require_secret
from normalizer.clock import iso, named_zone
from normalizer.model import Detail, Missing, Place, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.base import Push
    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

ZONES = {
    "ET": "America/New_York",
    "CT": "America/Chicago",
    "MT": "America/Denver",
    "PT": "America/Los_Angeles",
}
"""Names without a season; EST, EDT and their like are fixed offsets."""

GRAMS = {"G": 1.0, "KG": 1000.0, "LB": 453.59237, "OZ": 28.349523125}

IDENTIFIERS = ("trackingId", "dhlPackageId", "packageId")


class Carrier(Connector, Polls, Pushes):
    """The tracking API, version 4, and its webhooks, which send the same answer."""

    signs_body = False

    def auth(self, secrets: Mapping[str, str]) -> OAuth2ClientCredentials:
        """A token for client id and secret."""
        return OAuth2ClientCredentials(
            "/auth/v4/accesstoken", secrets["client_id"], secrets["client_secret"], style="form"
        )

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about up to ten packages by their tracking ids."""
        asked = {"trackingId": ",".join(numbers), "limit": str(self.facts.api.batch)}
        return await http.get("/tracking/v4/package/open", params=asked)

    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """The carrier documents no proof, so the address it was given carries a key of ours."""
        require_same(require_query(push.query, "key"), require_secret(secrets, "push_key"))

    def parts(self, payload: Payload) -> Iterator[Any]:
        """One part a package, and one for each number asked about that has none."""
        root = payload.json()
        if "packages" not in root:
            yield root
            return
        known: set[str] = set()
        for package in rows(root["packages"]):
            known.update(_identifiers(package))
            yield package
        yield from (Missing(number=number) for number in payload.numbers if number not in known)

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield one package's events as they stand."""
        if isinstance(part, Missing):
            yield part
        elif "body" in part:
            yield from _plain(part["body"])
        elif "events" in part and "package" in part:
            yield from _package(payload, part)
        else:
            raise Unreadable("neither packages nor a package")


def _identifiers(package: Any) -> tuple[str, ...]:
    found = (text_of(package, "package", name) for name in IDENTIFIERS)
    return tuple(identifier for identifier in found if identifier)


def _package(payload: Payload, part: dict[str, Any]) -> Iterator[Said]:
    identifiers = _identifiers(part)
    number = next((one for one in payload.numbers if one in identifiers), None) or identifiers[0]
    for event in rows(part["events"]):
        primary, secondary = text_of(event, "primaryEventId"), text_of(event, "secondaryEventId")
        words = text_of(event, "primaryEventDescription")
        more = text_of(event, "secondaryEventDescription")
        zone = text_of(event, "timeZone")
        at = iso(f"{event['date']}T{event['time']}") if text_of(event, "time") else date.fromisoformat(event["date"])
        yield Scan(
            number=number,
            at=_fixed(at, zone),
            zone=ZONES.get(zone or ""),
            codes=_codes(primary, secondary),
            text=" - ".join(word for word in (words, more) if word),
            phrase=words,
            place=_place(text_of(event, "location"), text_of(event, "postalCode")),
        )
    expected = text_of(part, "package", "expectedDelivery")
    day = date.fromisoformat(expected[:10]) if expected else None
    destination = dig(part, "recipient")
    country = text_of(destination, "country")
    yield Detail(
        number=number,
        eta=Window(day, day) if day else None,
        service=text_of(part, "package", "productName"),
        weight_grams=_grams(dig(part, "package", "weight")),
        references=tuple(one for one in identifiers if one != number) or None,
        destination=Place(
            city=text_of(destination, "city"),
            region=text_of(destination, "state"),
            postal_code=text_of(destination, "postalCode"),
            country=country if country and len(country) == 2 else None,  # noqa: PLR2004 - ISO alpha-2
        )
        if destination
        else None,
    )


def _codes(primary: str | None, secondary: str | None) -> tuple[str, ...]:
    if primary is None:
        return ()
    return (f"{primary}/{secondary}", primary) if secondary else (primary,)


def _fixed(at: datetime | date, zone: str | None) -> datetime | date:
    """Return the time with its offset where the zone is named with its season."""
    if not isinstance(at, datetime) or zone is None or zone in ZONES:
        return at
    try:
        return at.replace(tzinfo=named_zone(zone))
    except ValueError:  # a name nobody documents: the clock on the wall is all that is known
        return at


def _place(location: str | None, postal_code: str | None) -> Place:
    """Return the place of `Reno, NV, US`; any other text is kept as it is."""
    words = [word.strip() for word in (location or "").split(",")]
    if len(words) == 3 and all(words) and len(words[2]) == 2 and words[2].isupper():  # noqa: PLR2004 - city, state, country
        return Place(city=words[0], region=words[1], postal_code=postal_code, country=words[2])
    return Place(facility=location, postal_code=postal_code)


def _grams(weight: Any) -> int | None:
    value, unit = text_of(weight, "value"), text_of(weight, "unitOfMeasure")
    factor = GRAMS.get(unit.upper()) if unit else None
    return round(float(value) * factor) if value and factor else None


def _plain(body: dict[str, Any]) -> Iterator[Said]:
    """Read the other published shape: one package, its codes and words, no zone."""
    number = body["trackingNumber"]
    for event in rows(body["events"]):
        day, clock = event["eventDate"], text_of(event, "eventTime")
        code, words = text_of(event, "eventCode"), text_of(event, "eventDescription")
        yield Scan(
            number=number,
            at=iso(f"{day}T{clock}") if clock else date.fromisoformat(day),
            codes=(code,) if code else (),
            text=words or "",
            phrase=words,
            place=_place(text_of(event, "location"), None),
        )
    yield Detail(number=number, signed_by=text_of(body, "signedBy"))
