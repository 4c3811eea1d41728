"""GLS Canada, formerly Dicom: one JSON question a number; activities with a code and its detail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from connectors.auth import AtPath, Basic, Together
from connectors.base import Connector, Payload, Polls, rows, text_of
from normalizer.clock import iso
from normalizer.model import Detail, Missing, Place, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

KILOGRAMS = "K"
"""The only unit of measurement the published sample shows."""


class Carrier(Connector, Polls):
    """The API, version 1."""

    def auth(self, secrets: Mapping[str, str]) -> Together:
        """User name and password by HTTP Basic, at the path the account names."""
        return Together(Basic(secrets["username"], secrets["password"]), AtPath(secrets["path"]))

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about one number."""
        return await http.get(f"/{quote(numbers[0], safe='')}")

    def parts(self, payload: Payload) -> Iterator[Any]:
        """One part a shipment; an empty list knows nothing of the number."""
        shipments = rows(payload.json()["tracking"])
        yield from shipments or (Missing(number=number) for number in payload.numbers)

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:  # noqa: ARG002 - all is in the part
        """Yield one shipment's activities as they stand, and what they tell of it as a whole."""
        if isinstance(part, Missing):
            yield part
            return
        number = part["trackingNumber"]
        activities = rows(part, "activities")
        listed, scanned = len(rows(part, "parcels")), {text_of(activity, "parcelId") for activity in activities}
        several = listed > 1 or len(scanned - {None}) > 1
        for activity in activities:
            yield _scan(number, activity)
        weight = next((told for activity in activities if (told := text_of(activity, "weight"))), None)
        reference = text_of(part, "custRefNum")
        yield Detail(
            number=number,
            service_code=text_of(part, "deliveryType"),
            pieces_total=listed if listed > 1 else None,
            weight_grams=round(float(weight) * 1000)
            if weight and not several and text_of(part, "unitOfMeasurement") == KILOGRAMS
            else None,
            references=(reference,) if reference else None,
        )


def _scan(number: str, activity: dict[str, Any]) -> Scan:
    code, detail = text_of(activity, "code"), text_of(activity, "codeDetail")
    words, more = text_of(activity, "status"), text_of(activity, "statusDetail")
    latitude, longitude = text_of(activity, "latitude"), text_of(activity, "longitude")
    point = (float(latitude), float(longitude)) if latitude and longitude else (None, None)
    group = text_of(activity, "group")
    return Scan(
        number=number,
        at=iso(activity["activityDate"]),
        codes=_codes(code, detail),
        text=" - ".join(word for word in (words, more) if word),
        phrase=words,
        place=Place(facility_id=text_of(activity, "terminal"), latitude=point[0], longitude=point[1]),
        piece=text_of(activity, "parcelId"),  # always: an event keeps its id when another parcel is scanned
        extra={"group": group} if group else {},
    )


def _codes(code: str | None, detail: str | None) -> tuple[str, ...]:
    if code is None:
        return ()
    return (f"{code}/{detail}", code) if detail else (code,)
