"""Australia Post: up to ten numbers a question; events have words and no codes, articles a status beside them.

An event is read by its words (phrases.csv). Where the newest event's words were never reviewed, the article's own
status tells in its place, as an event of its own, so that an unseen wording does not hide a delivery.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from connectors.auth import Basic, KeyAuth, Together
from connectors.base import Connector, Polls, dig, rows, text_of
from connectors.errors import Rejected, Unavailable, Unreadable
from normalizer.clock import iso
from normalizer.codes import normal_phrase
from normalizer.model import NOWHERE, Detail, Missing, Place, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.base import Payload
    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

THROTTLED = b'"API_002"'
THROTTLE_SECONDS = 60.0
NOT_KNOWN = "ESB-10001"
COARSE = "status/In transit"
"""Also said of a parcel on the vehicle, so it tells only where no event at all could be read."""

_ABROAD = re.compile(r"(.+?)\s*\(([A-Z]{2})\)")
_AT_HOME = re.compile(r"(.+?) (ACT|NSW|NT|QLD|SA|TAS|VIC|WA)")
_FORBIDDEN = 403


class Carrier(Connector, Polls):
    """The tracking call of the Shipping and Tracking APIs."""

    def auth(self, secrets: Mapping[str, str]) -> Together:
        """Key and password, and the account they act for."""
        return Together(
            Basic(secrets["api_key"], secrets["password"]), KeyAuth("Account-Number", secrets["account_number"])
        )

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about up to ten numbers, articles and consignments alike."""
        answer = await http.get("/track", params={"tracking_ids": ",".join(numbers)}, expect=(200, _FORBIDDEN))
        if THROTTLED in answer.body and b'"tracking_results"' not in answer.body:
            raise Unavailable("the carrier throttles this account", retry_after=THROTTLE_SECONDS)
        if answer.status == _FORBIDDEN:
            raise Rejected("the carrier answered 403")
        return answer

    def parts(self, payload: Payload) -> Iterator[Any]:
        """One number a part. Raises `Unreadable` for an answer without results."""
        results = rows(payload.json(), "tracking_results")
        if not results:
            raise Unreadable("the answer holds no results")
        yield from results

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:  # noqa: ARG002 - all is in the part
        """Yield one number's articles with their events, newest first as they come."""
        number = part["tracking_id"]
        errors = rows(part, "errors")
        if errors:
            codes = [text_of(error, "code") for error in errors]
            if codes != [NOT_KNOWN]:
                raise Unreadable(f"the carrier answers a number with the errors {codes}")
            yield Missing(number=number, text=text_of(errors[0], "name") or "")
            return
        articles = [article for item in rows(part, "trackable_items") for article in _articles(item)]
        for article in articles:
            name = text_of(article, "article_id")
            yield from self._events(number, article, piece=name if name != number else None)
        pieces = tuple(name for article in articles if (name := text_of(article, "article_id")) and name != number)
        yield Detail(
            number=number,
            service=next((text for one in articles if (text := text_of(one, "product_type"))), None),
            pieces_total=len(articles) if len(articles) > 1 else None,
            pieces=pieces or None,
        )

    def _events(self, number: str, article: dict[str, Any], piece: str | None) -> Iterator[Scan]:
        events = rows(article, "events")
        for later, event in enumerate(events, start=1):
            words = event["description"]
            yield Scan(
                number=number,
                at=iso(event["date"]),
                text=words,
                phrase=words,
                place=_place(text_of(event, "location")),
                piece=piece,
                order=len(events) - later,
            )
        code = f"status/{text_of(article, 'status')}"
        reviewed = [normal_phrase(event["description"]) in self.codes.phrases for event in events]
        silent = code == COARSE and any(reviewed)
        if events and code in self.codes.codes and not reviewed[0] and not silent:
            yield Scan(
                number=number,
                at=iso(events[0]["date"]),
                codes=(code,),
                text=article["status"],
                piece=piece,
                order=len(events),
            )


def _articles(item: dict[str, Any]) -> list[dict[str, Any]]:
    """Return an article itself, or those of a consignment, which stand one level deeper."""
    return rows(item, "items") if dig(item, "items") is not None else [item]


def _place(said: str | None) -> Place:
    """Read `TOWN NSW`, and `TOWN (AU)` or `AIRPORT/TOWN (NL)` of scans between countries."""
    if said is None:
        return NOWHERE
    if found := _ABROAD.fullmatch(said):
        facility, slash, city = found[1].rpartition("/")
        return Place(facility=facility if slash else None, city=city, country=found[2])
    if found := _AT_HOME.fullmatch(said):
        return Place(city=found[1], region=found[2], country="AU")
    return Place(facility=said)
