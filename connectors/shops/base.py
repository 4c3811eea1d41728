"""What a shop's connector is: it proves that a push is the shop's own and reads what it says of orders. Pure.

It repeats what the shop said (`OrderSaid`, `ActSaid`, `ParcelSaid`); what a word of the shop's means is a row in its
`codes.csv`, and a word without a row says nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from connectors.base import TROUBLE, unreadable
from connectors.errors import Unreadable
from connectors.sane import EARLIEST, LATEST
from normalizer.model import SUBSTATUSES, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx

    from connectors.base import Payload, Push, Reply
    from connectors.client import CarrierClient
    from connectors.facts import Facts
    from normalizer.codes import Meaning
    from normalizer.order_lines import Goods


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSaid:
    """Something ordered, by the shop's own id of the line."""

    id: str
    quantity: int
    sku: str | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSaid:
    """An order as it stands. `order` is the shop's own id, `number` what people call it.

    `address` and `recipient` hold what is known, by the field names of the API.
    """

    order: str
    number: str
    placed_at: datetime
    updated_at: datetime
    lines: tuple[LineSaid, ...] = ()
    address: Mapping[str, Any] = field(default_factory=dict)
    recipient: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActSaid:
    """Something that happened to an order, to one of its returns, or to a parcel without a number.

    `key` is the shop's own name of it: the same key is the same event. `items` empty means all of the order. `stands`
    where the shop says how the order stands now: it is news where that is not how it stood before.
    """

    order: str
    key: str
    status: Status
    substatus: str
    at: datetime
    text: str = ""
    return_id: str = ""
    parcel: str = ""
    items: Goods = ()
    stands: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelSaid:
    """A parcel of an order with its tracking number; `void` where it was called off.

    `company` is the carrier as the shop calls it, `fulfilment` the shop's own id of what it came with: a newer word on
    the order that names other numbers of that fulfilment takes the place of this one.
    """

    order: str
    number: str
    at: datetime
    company: str = ""
    carrier: str = ""
    """Our own code of the carrier, where the shop says that."""
    fulfilment: str = ""
    items: Goods = ()
    is_return: bool = False
    void: bool = False


Said = OrderSaid | ActSaid | ParcelSaid


@dataclass(slots=True)
class ShopReading:
    """Everything read from one push. `trouble` is set where reading stopped; what stands before it counts."""

    said: list[Said] = field(default_factory=list)
    trouble: Unreadable | None = None


class Shop(ABC):
    """One kind of shop. Stateless: one instance serves every account."""

    signs_time: ClassVar[bool] = False
    """True where the scheme carries a time stamp, so that a push kept and sent again later is refused."""

    def __init__(self, facts: Facts, codes: Mapping[str, Meaning]) -> None:
        self.facts = facts
        self.codes = codes

    @property
    def code(self) -> str:
        """The shop's code: the name of its folder."""
        return self.facts.code

    @abstractmethod
    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """Return if the push is the shop's own. Raises `Forged`."""

    def flaws(self, secrets: Mapping[str, str]) -> dict[str, str]:  # noqa: ARG002
        """Return what is wrong with an account's secrets, by their names: nothing could be verified with them."""
        return {}

    def challenge(self, push: Push) -> Reply | None:  # noqa: ARG002
        """Answer a handshake that carries no news; None where this is an ordinary push."""
        return None

    @abstractmethod
    def parse(self, payload: Payload) -> Iterator[Said]:
        """Yield what the shop says, the order before what happened to it. Nothing is caught: `read` does so."""

    def read(self, payload: Payload) -> ShopReading:
        """Read a push whole. Never raises."""
        reading = ShopReading()
        try:
            for said in self.parse(payload):
                _check(said)
                reading.said.append(said)
        except (Unreadable, *TROUBLE) as trouble:
            reading.trouble = unreadable(trouble)
        return reading

    def means(self, word: str) -> Meaning | None:
        """Return what a word of the shop's means, None where nobody has said so."""
        return self.codes.get(word)


class BadAddress(ValueError):  # noqa: N818 - it names what is bad
    """A secret that names where the shop is does not: its name and the reason."""

    def __init__(self, secret: str, reason: str) -> None:
        super().__init__(reason)
        self.secret = secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelNews:
    """A parcel's new status, to be told to its shop. `at` in RFC 3339, None where no clock tells it."""

    fulfilment: str
    status: str
    substatus: str
    at: str | None = None


class WritesBack(ABC):
    """The shop can be told what becomes of its parcels."""

    @abstractmethod
    def writes(self, secrets: Mapping[str, str]) -> bool:
        """Whether an account's secrets are enough to tell it."""

    @abstractmethod
    def address(self, secrets: Mapping[str, str]) -> str:
        """Return where the shop is. Raises `BadAddress`: never an address of anybody else."""

    @abstractmethod
    def auth(self, secrets: Mapping[str, str]) -> httpx.Auth:
        """Return how a request proves the account."""

    @abstractmethod
    def word(self, status: str, substatus: str) -> str | None:
        """Return the shop's word for a status, None where it has none and is not told."""

    @abstractmethod
    async def write_back(self, http: CarrierClient, news: ParcelNews) -> None:
        """Tell the shop. Raises `Unavailable`, `Rejected`, `NotFound` or `Unreadable`."""


def instant(text: Any) -> datetime:
    """Return a time that carries its offset. Raises `ValueError` or `TypeError` where it is none."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without its offset")
    return at.astimezone(UTC)


def key_of(node: Any) -> str:
    """Return an id as text. Raises `TypeError` where it is neither a number nor a text, or empty."""
    if isinstance(node, bool) or not isinstance(node, int | str) or node == "":
        raise TypeError("an id is a number or a text")
    return str(node)


def count_of(node: Any) -> int:
    """Return a quantity. Raises `TypeError` or `ValueError`."""
    if isinstance(node, bool) or not isinstance(node, int):
        raise TypeError("a quantity is a whole number")
    if not 0 <= node <= _MOST:
        raise ValueError("a quantity is from 0 to a million")
    return node


_MOST = 1_000_000
_LONGEST = 100


def _check(said: Said) -> None:
    names = [said.order]
    if isinstance(said, OrderSaid):
        names += [said.number, *(line.id for line in said.lines)]
        if len({line.id for line in said.lines}) != len(said.lines):
            raise ValueError("a line stands twice")
        _times(said.placed_at, said.updated_at)
        for value in (*said.address.values(), *said.recipient.values()):
            if not isinstance(value, str | float):
                raise TypeError("an address is made of texts and coordinates")
    elif isinstance(said, ActSaid):
        names += [said.key]
        _times(said.at)
        if said.substatus not in SUBSTATUSES[said.status]:
            raise ValueError("the status has no such substatus")
    else:
        names += [said.number]
        _times(said.at)
    if not all(isinstance(name, str) and name.strip() and len(name) <= _LONGEST for name in names):
        raise ValueError("an id or a number is a text of 1 to 100 characters")


def _times(*several: datetime) -> None:
    for at in several:
        if not EARLIEST <= at.year <= LATEST:
            raise ValueError("the year is impossible")
