"""Keeps webhooks out of private networks: every dial's concrete address is checked where the socket is made.

A check at registration alone is not enough (a name may point elsewhere later), nor is a check of resolved names (an
address written as such never meets a resolver). So there are three: `check_url` tells the merchant early and clearly,
`Guard.resolve` refuses a host if *any* of its addresses is forbidden, and `Guard.make_socket` sees every dial.
The lists are explicit because `ipaddress.is_global` of Python 3.11 calls a dozen special ranges global.
"""

from __future__ import annotations

import errno
import re
import socket
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from time import perf_counter
from typing import TYPE_CHECKING, Any

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from webhooks.names import Names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhooks.tls import TlsFacts

    Address = IPv4Address | IPv6Address
    Network = IPv4Network | IPv6Network

DEFAULT_PORTS = frozenset({443})
MAX_URL = 2_000

FORBIDDEN_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "169.254.0.0/16",  # link local, cloud metadata
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
ANYWHERE = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))
"""For what the operator names, not a merchant."""
GLOBAL_6 = IPv6Network("2000::/3")
FORBIDDEN_6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, Teredo
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 carries any IPv4 address
        "3fff::/20",  # documentation
    )
)

_LONGEST_NAME, _LONGEST_LABEL = 254, 63
_USER = re.compile(r"[^:/?#]+://[^/?#]*@")
_NUMBER = re.compile(r"(?:0[xX][0-9a-fA-F]*|[0-9]+)\Z")


class BadUrl(ValueError):  # noqa: N818 - it names what is bad
    """An address that webhooks may not go to; the text names the field and the reason."""


class RefusedError(OSError):
    """A dial to a forbidden address or port."""

    def __init__(self, reason: str) -> None:
        super().__init__(errno.EACCES, reason)


@dataclass(slots=True)
class Dial:
    """What one exchange learns of its connection. `plain` is set for http without TLS."""

    plain: bool = False
    refused: str = ""
    ip: str | None = None
    reused: bool = False
    dns: float | None = None
    """Milliseconds the address took to find, where it was looked for."""
    dialled_at: float | None = None
    shaking_at: float | None = None
    connected_at: float | None = None
    tls: TlsFacts | None = None

    def began(self) -> None:
        """Note that a socket is made; of several addresses tried the first counts."""
        if self.dialled_at is None:
            self.dialled_at = perf_counter()


current_dial: ContextVar[Dial | None] = ContextVar("current_dial", default=None)


def read_ranges(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read the operator's allowed private ranges, such as `127.0.0.0/8`. Raises `ValueError` naming the range."""
    return tuple(ip_network(text.strip()) for text in texts if text.strip())


class Guard(AbstractResolver):
    """Decides which addresses and ports may be dialled; resolver and socket factory of the webhooks' connector.

    Args:
        allow: private ranges the operator opens; plain http and every port are allowed inside them.
        ports: ports that may be dialled elsewhere.
    """

    def __init__(self, allow: Iterable[Network] = (), ports: Iterable[int] = DEFAULT_PORTS) -> None:
        self._allow = tuple(allow)
        self._ports = frozenset(ports)
        self._names = Names()

    def opened(self, address: Address) -> bool:
        """Tell whether the operator opened the range this address lies in."""
        address = _unwrap(address)
        return any(address.version == network.version and address in network for network in self._allow)

    def allows(self, address: Address) -> bool:
        """Tell whether an address may be dialled at all."""
        if self.opened(address):
            return True
        address = _unwrap(address)
        if isinstance(address, IPv4Address):
            return not any(address in network for network in FORBIDDEN_4)
        return address in GLOBAL_6 and not any(address in network for network in FORBIDDEN_6)

    def refusal(self, address: Address, port: int, *, plain: bool) -> str:
        """Return why an address may not be dialled; empty when it may."""
        if self.opened(address):
            return ""
        if not self.allows(address):
            return f"{address} is not a public address"
        if plain:
            return "plain http is not allowed there"
        if port not in self._ports:
            return f"port {port} is not allowed"
        return ""

    def make_socket(self, info: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
        """Make the socket of one dial, after a look at where it goes. Raises `RefusedError`."""
        family, kind, protocol, _name, where = info
        dial = current_dial.get()
        if dial is not None:
            dial.began()
        try:
            reason = self.refusal(_read(str(where[0])), int(where[1]), plain=dial is not None and dial.plain)
        except ValueError:
            reason = "not an address"
        if reason:
            if dial is not None:
                dial.refused = reason
            raise RefusedError(reason)
        return socket.socket(family, kind, protocol)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Resolve a name; refuse it as a whole when one of its addresses is forbidden. Raises `OSError`."""
        begun = perf_counter()
        found = await self._names.look_up(host, port, family)
        asking = current_dial.get()
        if asking is not None:
            asking.dns = (perf_counter() - begun) * 1000
        results: list[ResolveResult] = []
        for kind, _type, protocol, _name, where in found:
            address = str(where[0])
            if not self.allows(_read(address)):
                dial = current_dial.get()
                reason = f"{host} has the address {address}, which is not public"
                if dial is not None:
                    dial.refused = reason
                raise RefusedError(reason)
            results.append(
                ResolveResult(
                    hostname=host,
                    host=address,
                    port=port,
                    family=kind,
                    proto=protocol,
                    flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                )
            )
        return results

    async def close(self) -> None:
        """Let the resolving threads go."""
        self._names.close()

    async def check_url(self, url: str, field: str = "url") -> None:
        """Check an endpoint's address when it is registered. Raises `BadUrl`, naming the field.

        A name that does not resolve yet is accepted over https; every dial is checked again anyway.
        """
        parsed = parse_url(url, field)
        plain = parsed.scheme == "http"
        host, port = str(parsed.raw_host), int(parsed.port or 0)
        try:
            addresses = [_read(host)]
        except ValueError:
            try:
                found = await self._names.look_up(host, port)
            except (OSError, UnicodeError):
                if plain:
                    raise BadUrl(f"{field}: plain http is allowed only inside the ranges the operator opened") from None
                if port not in self._ports:
                    raise BadUrl(f"{field}: port {port} is not allowed") from None
                return
            addresses = [_read(str(info[4][0])) for info in found]
        for address in addresses:
            reason = self.refusal(address, port, plain=plain)
            if reason:
                raise BadUrl(f"{field}: {reason}")


def parse_url(url: str, field: str = "url") -> URL:
    """Check the spelling of an endpoint's address, without any look-up. Raises `BadUrl`."""
    if len(url) > MAX_URL:
        raise BadUrl(f"{field}: longer than {MAX_URL} characters")
    if any(character <= " " or character in "\\\x7f" for character in url):
        raise BadUrl(f"{field}: blanks, control characters and backslashes are not allowed")
    try:
        parsed = URL(url)
        host, port = parsed.raw_host, parsed.port
    except (ValueError, UnicodeError):
        raise BadUrl(f"{field}: not a web address") from None
    if parsed.scheme not in {"http", "https"}:
        raise BadUrl(f"{field}: it must start with https://")
    if not host or not port:
        raise BadUrl(f"{field}: it names no host")
    if parsed.raw_user is not None or parsed.raw_password is not None or _USER.match(url):
        raise BadUrl(f"{field}: a user or password in the address is not allowed")
    if parsed.raw_fragment:
        raise BadUrl(f"{field}: a fragment is never sent; leave it out")
    labels = host.removesuffix(".").split(".")
    if len(host) > _LONGEST_NAME or not all(0 < len(label) <= _LONGEST_LABEL for label in labels):
        raise BadUrl(f"{field}: no host can have that name")
    if ":" not in host and _NUMBER.match(host.rstrip(".").rpartition(".")[2]) and not _canonical_4(host):
        raise BadUrl(f"{field}: an IPv4 address is written as four plain decimal numbers")
    return parsed


def _canonical_4(host: str) -> bool:
    try:
        return str(IPv4Address(host)) == host
    except ValueError:
        return False


def _read(text: str) -> Address:
    return ip_address(text.partition("%")[0])


def _unwrap(address: Address) -> Address:
    """An IPv4 address dressed as IPv6 is dialled as IPv4 by the system, so it is judged as such."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
