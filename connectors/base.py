"""What a connector is: facts, words and behaviour of one carrier, behind one reading function.

A connector is a folder `connectors/<code>/` with `carrier.toml` (facts), `codes.csv` (words) and an `__init__.py`
(behaviour) that defines `class Carrier(Connector, ...)`. The folder is the registration. Capabilities are base
classes, so a connector cannot claim one that it does not have.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import orjson
from lxml import etree

from connectors.errors import Unreadable
from connectors.sane import check
from normalizer.model import Detail, Missing, Position, Said, Scan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    import httpx

    from connectors.client import Answer, CarrierClient
    from connectors.facts import Facts
    from normalizer.codes import CodeTable

Secrets = "Mapping[str, str]"

TROUBLE = (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError, LookupError)
"""What reading a body of another shape than documented can raise; `ValueError` covers bad dates and encodings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """Bytes from a carrier exactly as received, and what is needed to read them again years later.

    `numbers` is what was asked, for answers that do not repeat it. `headers` are lower-case and hold no secrets.
    """

    carrier: str
    body: bytes
    source: Literal["poll", "push"]
    received_at: datetime
    numbers: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    id: str | None = None

    def json(self) -> Any:
        """Return the body as JSON. Raises `Unreadable`."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as trouble:
            raise Unreadable(f"the body is not JSON: {trouble}") from None

    def xml(self) -> etree._Element:
        """Return the body's root element, read without entities, DTDs or network. Raises `Unreadable`."""
        try:
            root = etree.fromstring(self.body, _safe_parser())
        except (etree.XMLSyntaxError, ValueError) as trouble:
            raise Unreadable(f"the body is not XML: {trouble}") from None
        if root.getroottree().docinfo.doctype:
            raise Unreadable("the body carries a document type, which no carrier sends")
        return root


@dataclass(frozen=True, slots=True)
class Push:
    """A carrier's call to us before anything is kept: what a carrier's scheme needs to prove its origin.

    `path` is that of the address the carrier was given, for schemes that sign it.
    """

    method: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    received_at: datetime
    path: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a carrier wants to hear back."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain"


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The answer to a subscription: which numbers the carrier took, which it refused, and until when it lives."""

    accepted: tuple[str, ...]
    refused: Mapping[str, str] = field(default_factory=dict)
    until: datetime | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """Bytes fetched from a carrier on purpose; `media_type` is told from the bytes, not taken from the sender."""

    body: bytes
    media_type: str


@dataclass(slots=True)
class Reading:
    """Everything read from one payload. `trouble` is set where reading stopped; what stands before it counts."""

    scans: list[Scan] = field(default_factory=list)
    details: list[Detail] = field(default_factory=list)
    positions: list[Position] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    trouble: Unreadable | None = None


class Connector(ABC):
    """One carrier. Stateless: one instance serves every account, task and thread."""

    def __init__(self, facts: Facts, codes: CodeTable) -> None:
        self.facts = facts
        self.codes = codes

    @property
    def code(self) -> str:
        """The carrier's code: the name of its folder."""
        return self.facts.code

    @abstractmethod
    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield what the carrier says in one part of a payload, in the carrier's order. Pure.

        Required fields are read with `[]`, optional ones with `dig`; nothing is caught: `read` turns a missing or odd
        node into `Unreadable`. The same function reads poll answers and pushes, told apart by their shape.
        """

    def parts(self, payload: Payload) -> Iterable[Any]:
        """Split a payload into parts that may fail alone: one by default, one a parcel where an answer is a batch."""
        return (payload.json(),)

    def enclosed(self, payload: Payload, kind: str, reference: str | None) -> bytes | None:  # noqa: ARG002
        """Return the bytes of a proof that stand in a payload (`Proof.inline`), None where they do not. Pure."""
        return None

    def read(self, payload: Payload) -> Reading:
        """Read a payload whole. Never raises: trouble is in the reading, beside all that was read before and after."""
        reading = Reading()
        try:
            parts = iter(self.parts(payload))
        except Unreadable as trouble:
            reading.trouble = trouble
            return reading
        except TROUBLE as trouble:
            reading.trouble = unreadable(trouble)
            return reading
        while True:
            try:
                part = next(parts)
            except StopIteration:
                return reading
            except (Unreadable, *TROUBLE) as trouble:
                reading.trouble = unreadable(trouble)
                return reading
            try:
                for said in self.parse(payload, part):
                    _sort_in(reading, said)
            except (Unreadable, *TROUBLE) as trouble:
                reading.trouble = reading.trouble or unreadable(trouble)


def _safe_parser() -> etree.XMLParser[etree._Element]:
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True
    )


def _sort_in(reading: Reading, said: Said) -> None:
    check(said)
    if isinstance(said, Scan):
        reading.scans.append(said)
    elif isinstance(said, Detail):
        reading.details.append(said)
    elif isinstance(said, Position):
        reading.positions.append(said)
    else:
        reading.missing.append(said)


def unreadable(trouble: Exception) -> Unreadable:
    """Return why a body cannot be read: the field or the kind of trouble, and never a value."""
    if isinstance(trouble, Unreadable):
        return trouble
    where = trouble.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    line = f" (connector line {where.tb_lineno})" if where is not None else ""
    if isinstance(trouble, KeyError):
        return Unreadable(f"the field {trouble.args[0]!r} is missing{line}")
    # The text of other errors may quote a value, and a value may be a recipient's: only the kind is told.
    return Unreadable(f"a field is not of the documented kind: {type(trouble).__name__}{line}")


class Asks(ABC):
    """The carrier can be asked something."""

    @abstractmethod
    def auth(self, secrets: Mapping[str, str]) -> httpx.Auth | None:
        """Return how a request proves the account (see `connectors.auth`)."""


class Polls(Asks):
    """The carrier can be asked about numbers."""

    @abstractmethod
    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask once about at most `facts.api.batch` numbers and hand over the answer's bytes.

        Raises `Unavailable`, `Rejected` or `NotFound`; the client already does so for the usual HTTP statuses.
        """


class Pushes(ABC):
    """The carrier calls us. `verify` runs over the raw bytes, in constant time, before anything is kept."""

    signs_body: ClassVar[bool] = True
    """False where the carrier's scheme is a shared word only, so that a changed body goes unnoticed by design."""

    signs_time: ClassVar[bool] = False
    """True where the scheme carries a time stamp, so that a push kept and sent again later is refused."""

    proved_in_body: ClassVar[bool] = False
    """True where the proof stands in the body, so that headers and query prove nothing."""

    @abstractmethod
    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """Return if the push is the carrier's own. Raises `Forged`."""

    def challenge(self, push: Push, secrets: Mapping[str, str]) -> Reply | None:  # noqa: ARG002
        """Answer a handshake that carries no news; None where this is an ordinary push."""
        return None

    def kept(self, push: Push) -> bytes:
        """Return the bytes to keep of a verified push: all of them, but for a secret that stands in the body."""
        return push.body

    def answer(self, push: Push) -> Reply:  # noqa: ARG002
        """Return what the carrier wants to hear once its bytes are on disk."""
        return Reply()


class Subscribes(Asks):
    """Pushes are asked for number by number; `facts.push.lives_days` says how long one lives."""

    @abstractmethod
    async def subscribe(
        self, http: CarrierClient, numbers: Sequence[str], callback: str, secrets: Mapping[str, str]
    ) -> Subscribed:
        """Ask the carrier to push news of these numbers to `callback`."""


class Locates(Asks):
    """The courier's live position can be asked for."""

    @abstractmethod
    async def locate(self, http: CarrierClient, number: str) -> Answer:
        """Fetch an answer from which `parse` yields a `Position`."""


class Proves(Asks):
    """Proof of delivery can be fetched."""

    @abstractmethod
    async def prove(self, http: CarrierClient, number: str, reference: str | None) -> Document:
        """Fetch one proof: the one a `Proof.reference` names, or the carrier's proof of this number."""


class Contacts(Asks):
    """The courier can be reached through the platform."""

    @abstractmethod
    async def contact(self, http: CarrierClient, number: str, text: str) -> None:
        """Send the courier a message."""


CAPABILITIES: dict[str, type] = {
    "polls": Polls,
    "pushes": Pushes,
    "subscribes": Subscribes,
    "locates": Locates,
    "proves": Proves,
    "contacts": Contacts,
}


def json_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object an answer is. Raises `Unreadable`."""
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        read = None
    if not isinstance(read, dict):
        raise Unreadable("the answer is not a JSON object")
    return read


def dig(node: Any, *path: str | int) -> Any:
    """Return the value at a path of keys and indexes, or None where any step is missing, null or empty.

    An empty string, list or object counts as nothing said: carriers send them for absent values. A step through a
    value of another kind raises, so that a changed body is `Unreadable` and not silently poorer.
    """
    for step in path:
        if node is None:
            return None
        if isinstance(step, int):
            if not isinstance(node, list):
                raise TypeError("expected a list")
            node = node[step] if -len(node) <= step < len(node) else None
        else:
            if node in ("", []):
                return None
            if not isinstance(node, dict):
                raise TypeError("expected an object")
            node = node.get(step)
    return None if node in ("", [], {}) else node


def text_of(node: Any, *path: str | int) -> str | None:
    """Return the text at a path, stripped; None where nothing is said. A number counts as its digits."""
    value = node.get(path[0]) if len(path) == 1 and type(node) is dict else dig(node, *path)
    if type(value) is str:
        return value.strip() or None
    if value is None or value in ([], {}):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("expected a text")
    return str(value)


def rows(node: Any, *path: str | int) -> list[Any]:
    """Return the list at a path; a lone object counts as a list of one (carriers that turned XML into JSON)."""
    value = dig(node, *path)
    if value is None:
        return []
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return [value]
    raise TypeError("expected a list")
