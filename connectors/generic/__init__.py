"""Any carrier without an API of its own: it pushes our JSON, an X12 214 or an EDIFACT IFTSTA through one door."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from connectors.base import Connector, Payload, Pushes
from connectors.errors import Forged, Unreadable
from connectors.generic import edifact, iftsta, own, status214, x12
from connectors.signatures import require_header, require_hmac, require_same

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from connectors.base import Push
    from normalizer.model import Said

_MARK = b"\xef\xbb\xbf"
"""A byte order mark, which some editors put before a text."""

_SYNTAX = re.compile(rb"UNB[^A-Za-z0-9]UNO([A-Z])")
_CHARSETS = {
    b"C": "iso8859-1",
    b"D": "iso8859-2",
    b"E": "iso8859-5",
    b"F": "iso8859-7",
    b"G": "iso8859-3",
    b"H": "iso8859-4",
    b"I": "iso8859-6",
    b"J": "iso8859-8",
    b"K": "iso8859-9",
    b"W": "utf-8",
    b"Y": "utf-8",
}
"""Character sets by the syntax identifier of UNB (ISO 9735); A and B are ASCII, and X none that is read here."""


class Carrier(Connector, Pushes):
    """The documented push shapes, told apart by their first bytes."""

    signs_body = False
    """An account may go by a token alone; where it has a signing secret, the body is signed."""

    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """Ask for every proof the account names: the token, the signature over the raw body, or both."""
        token, secret = secrets.get("token", ""), secrets.get("signing_secret", "")
        if not token and not secret:
            raise Forged("the account has neither a token nor a signing secret, so no push can be proved", owners=True)
        if secret:
            require_hmac(secret.encode("utf-8"), push.body, require_header(push.headers, "x-signature"))
        if token:
            given = list(_tokens(push.headers))
            if not given:
                raise Forged("the push carries no token: neither X-Gateway-Token nor Authorization")
            for one in given:
                require_same(one, token)

    def parts(self, payload: Payload) -> Iterator[Any]:
        """Yield (reader, part): a shipment of ours, a transaction of X12, a consignment of EDIFACT."""
        body = payload.body.removeprefix(_MARK)
        first = body.lstrip()[:3]
        if first[:1] in (b"{", b"["):
            for shipment in own.shipments(replace(payload, body=body).json()):
                yield own.read, shipment
        elif first == b"ISA":
            for transaction in x12.transactions(_text(body)):
                yield status214.read, transaction
        elif first in (b"UNA", b"UNB"):
            for message in edifact.messages(_text(body)):
                for consignment in iftsta.consignments(message):
                    yield iftsta.read, consignment
        else:
            raise Unreadable("the body is neither JSON nor an X12 nor an EDIFACT interchange")

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:  # noqa: ARG002 - each part knows its reader
        """Yield what one part says."""
        reader, said = part
        yield from reader(said)


def _tokens(headers: Mapping[str, str]) -> Iterator[str]:
    """Yield each token a push carries: our header, a bearer, the password of Basic credentials."""
    own_header = headers.get("x-gateway-token", "")
    if own_header:
        yield own_header.strip()
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        yield value.strip()
    elif kind.lower() == "basic":
        try:
            yield base64.b64decode(value.strip(), validate=True).decode("utf-8").partition(":")[2]
        except (binascii.Error, ValueError):
            raise Forged("the Basic credentials are none") from None
    elif kind:
        raise Forged("the push is authorised in a way this door does not know")


def _text(body: bytes) -> str:
    """Decode as UNB says; without a word about it as UTF-8, else byte for byte."""
    found = _SYNTAX.search(body[:64])
    declared = _CHARSETS.get(found[1]) if found else None
    if declared:
        return body.decode(declared)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("iso8859-1")
