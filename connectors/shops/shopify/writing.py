"""What is written back to Shopify: an event of a fulfilment, by GraphQL's `fulfillmentEventCreate`."""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from connectors.auth import KeyAuth
from connectors.errors import NotFound, Rejected, Unavailable, Unreadable
from connectors.shops.base import BadAddress, WritesBack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.client import Answer, CarrierClient
    from connectors.shops.base import ParcelNews

VERSION = "2026-10"
_DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]{0,60}\.myshopify\.com")
_CREATE = (
    "mutation told($fulfillmentEvent: FulfillmentEventInput!) {"
    " fulfillmentEventCreate(fulfillmentEvent: $fulfillmentEvent) {"
    " fulfillmentEvent { id } userErrors { field message } } }"
)


@cache
def events() -> dict[tuple[str, str], str]:
    """Return (status, substatus) -> Shopify's word; `*` stands for any substatus."""
    with Path(__file__).with_name("events.csv").open(encoding="utf-8", newline="") as file:
        return {(row["status"], row["substatus"]): row["event"] for row in csv.DictReader(file)}


class Writing(WritesBack):
    """Writes to the shop's own address with an app's access token."""

    def writes(self, secrets: Mapping[str, str]) -> bool:
        """Whether the account has what it takes."""
        return bool(secrets.get("domain") and secrets.get("access_token"))

    def address(self, secrets: Mapping[str, str]) -> str:
        """Return the shop's address, which is always Shopify's."""
        domain = secrets.get("domain", "").strip().lower().removeprefix("https://").rstrip("/")
        if not _DOMAIN.fullmatch(domain):
            raise BadAddress("domain", "is no shop's own domain, such as example.myshopify.com")
        return f"https://{domain}"

    def auth(self, secrets: Mapping[str, str]) -> KeyAuth:
        """A token in a header."""
        return KeyAuth("X-Shopify-Access-Token", secrets["access_token"])

    def word(self, status: str, substatus: str) -> str | None:
        """Return Shopify's word for a status, None where it has none."""
        return events().get((status, substatus)) or events().get((status, "*"))

    async def write_back(self, http: CarrierClient, news: ParcelNews) -> None:
        """Tell of a status once. Not tried again by itself: it would be a second event."""
        event = {
            "fulfillmentId": f"gid://shopify/Fulfillment/{news.fulfilment}",
            "status": self.word(news.status, news.substatus),
        }
        if news.at is not None:
            event["happenedAt"] = news.at
        body = {"query": _CREATE, "variables": {"fulfillmentEvent": event}}
        _check(await http.post(f"/admin/api/{VERSION}/graphql.json", json=body))


def _check(answer: Answer) -> None:
    """Raise where the answer says that nothing came of it: GraphQL answers 200 to everything."""
    try:
        said: Any = orjson.loads(answer.body)
        errors = said.get("errors") or []
        codes = {(one.get("extensions") or {}).get("code") for one in errors} if isinstance(errors, list) else {"?"}
        done = (said.get("data") or {}).get("fulfillmentEventCreate")
    except (orjson.JSONDecodeError, AttributeError):
        raise Unreadable("the answer is not GraphQL's") from None
    if "ACCESS_DENIED" in codes:
        raise Rejected("the token may not write fulfilments")
    if codes & {"THROTTLED", "INTERNAL_SERVER_ERROR"}:
        raise Unavailable("the shop is busy")
    if errors or not isinstance(done, dict):
        raise Unreadable("the shop did not take the event")
    if done.get("userErrors"):
        raise NotFound("the shop takes no event of this fulfilment")
