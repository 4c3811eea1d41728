"""Asendia Sync: a login for a day's token, then one JSON question a parcel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.auth import AtPath, OAuth2ClientCredentials
from connectors.base import Connector, Payload, Polls, rows, text_of
from connectors.errors import Unreadable
from normalizer.clock import iso
from normalizer.model import Missing, Place, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

LOGIN = "/api/authenticate"
TOKEN_FIELD = "id_token"  # noqa: S105 - the name of a field


class Login(OAuth2ClientCredentials):
    """A token for user name and password, asked for with these two and nothing of OAuth."""

    def __init__(self, username: str, password: str, *, token_field: str, path: str) -> None:
        super().__init__(LOGIN, username, password, style="json", token_field=token_field, beside=AtPath(path))
        self._fields = {"username": username, "password": password}


class Carrier(Connector, Polls):
    """The tracking call of Asendia Sync."""

    def auth(self, secrets: Mapping[str, str]) -> Login:
        """The portal's login gives a bearer token."""
        field = secrets.get("token_field") or TOKEN_FIELD
        return Login(secrets["username"], secrets["password"], token_field=field, path=secrets["path"])

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about one parcel."""
        return await http.post("/", json={"trackingNumbers": list(numbers)}, repeatable=True)

    def parts(self, payload: Payload) -> Iterator[Any]:
        """One part a parcel."""
        root = payload.json()
        if not isinstance(root, dict | list):
            raise Unreadable("the body is neither a parcel nor a list of them")
        yield from root if isinstance(root, list) else (root,)
        if root == []:
            yield from (Missing(number=number) for number in payload.numbers)

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:  # noqa: ARG002 - all is in the part
        """Yield one parcel's events, oldest first as they come."""
        if isinstance(part, Missing):
            yield part
            return
        number = part["trackingNumber"]
        events = rows(part["trackingEvents"])
        if not events:
            yield Missing(number=number)
        for order, event in enumerate(events):
            code = text_of(event, "code")
            yield Scan(
                number=number,
                at=iso(event["time"]),
                codes=(code,) if code else (),
                text=text_of(event, "carrierEventDescription") or "",
                place=Place(city=text_of(event, "locationName"), country=text_of(event, "locationCountry")),
                order=order,
            )
