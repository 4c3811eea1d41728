"""SF Express (China): one signed form for up to ten waybills; the answer is JSON inside JSON."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote_plus, urlencode
from uuid import uuid4

import orjson

from connectors.auth import FilledBody
from connectors.base import Connector, Payload, Polls, rows, text_of
from connectors.errors import CarrierError, Rejected, Unavailable, Unreadable
from connectors.soap import is_web_page
from normalizer.clock import iso
from normalizer.model import Missing, Place, Scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

PATH = "/std/service"
SERVICE_CODE = "EXP_RECE_SEARCH_ROUTES"

PASSED, DONE = "A1000", "S0000"
REFUSED = frozenset({"A1002", "A1003", "A1004", "A1006"})
"""Platform codes for a used-up token, a foreign address, a missing permission and a wrong digest."""

TOO_FAST = "A1005"
THEIR_TROUBLE = frozenset({"A1009", "A1010", "A1099"})


class Carrier(Connector, Polls):
    """The route query of the Fengqiao platform."""

    def auth(self, secrets: Mapping[str, str]) -> FilledBody:
        """Customer code, a fresh stamp and the digest over both question and stamp, put into the form."""
        return FilledBody(signing(secrets["partner_id"], secrets["checkword"]))

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask for all routes of up to ten waybills."""
        wanted = {"language": "zh-CN", "trackingType": "1", "trackingNumber": list(numbers), "methodType": "1"}
        form = {"serviceCode": SERVICE_CODE, "msgData": orjson.dumps(wanted).decode()}
        answer = await http.post(PATH, form=form, repeatable=True)
        if is_web_page(answer):
            raise Unavailable("a web page came instead of an answer")
        refusal = _refusal(answer.body)
        if refusal is not None:
            raise refusal
        return answer

    def parts(self, payload: Payload) -> Iterator[Any]:
        """One waybill a part. Raises `Unreadable` for a refusal of the platform or of the service behind it."""
        outer = payload.json()
        if outer["apiResultCode"] != PASSED:
            raise Unreadable(f"the platform answers with {outer['apiResultCode']}")
        inner = orjson.loads(outer["apiResultData"])
        if inner["success"] not in (True, "true"):
            raise Unreadable(f"the service answers with {inner['errorCode']}")
        yield from rows(inner["msgData"]["routeResps"])

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:  # noqa: ARG002 - all is in the part
        """Yield one waybill's routes as they stand."""
        number = part["mailNo"]
        routes = rows(part, "routes")
        if not routes:
            yield Missing(number=number)
        for route in routes:
            code, secondary = route["opCode"], text_of(route, "secondaryStatusCode")
            address = text_of(route, "acceptAddress")
            names = {
                name: text
                for name, key in (("first_status", "firstStatusName"), ("secondary_status", "secondaryStatusName"))
                if (text := text_of(route, key))
            }
            yield Scan(
                number=number,
                at=iso(route["acceptTime"]),
                codes=(f"{code}/{secondary}", code) if secondary else (code,),
                text=text_of(route, "remark") or "",
                place=Place(city=address),
                extra=names,
            )


def signing(partner_id: str, checkword: str) -> Callable[[bytes], bytes]:
    """Return how a form is completed: the platform wants the moment of asking and a digest that covers it."""

    def fill(body: bytes) -> bytes:
        form = dict(parse_qsl(body.decode("ascii"), strict_parsing=True))
        stamp = str(round(datetime.now(UTC).timestamp() * 1000))
        return urlencode(
            form
            | {
                "partnerID": partner_id,
                "requestID": str(uuid4()),
                "timestamp": stamp,
                "msgDigest": digest(form["msgData"], stamp, checkword),
            }
        ).encode("ascii")

    return fill


def digest(message: str, stamp: str, checkword: str) -> str:
    """Return Base64 of MD5 over message, stamp and check word, URL-encoded as the carrier's Java side does it."""
    encoded = quote_plus(message + stamp + checkword, safe="*").replace("~", "%7E")
    return b64encode(hashlib.md5(encoded.encode("ascii")).digest()).decode("ascii")  # noqa: S324 - the carrier's scheme


def _refusal(body: bytes) -> CarrierError | None:
    """Return what a refusal of the platform means; None for an answer to keep, readable or not."""
    try:
        said = orjson.loads(body)
        code, reason = text_of(said, "apiResultCode"), text_of(said, "apiResultData")
        inner = text_of(orjson.loads(reason), "errorCode") if reason else None
    except (orjson.JSONDecodeError, TypeError):
        return None
    if code in REFUSED:
        return Rejected(f"the carrier refuses the account ({code})")
    if code == TOO_FAST or code in THEIR_TROUBLE:
        return Unavailable(f"the carrier cannot answer now ({code})")
    if code != PASSED or inner not in (None, DONE):
        return Unreadable(f"the carrier refuses the question ({inner or code})")
    return None
