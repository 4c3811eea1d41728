"""The operator's proxy for everything that goes to merchants' endpoints.

It is asked for an address that the guard has looked at, never for a name: so it cannot be led into a private network by
a name that says something else to it. What fails on the way to it or inside it is our own trouble.
"""

from __future__ import annotations

import base64
import socket
import time
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from yarl import URL

from webhooks.guard import Guard, RefusedError, current_dial

if TYPE_CHECKING:
    from webhooks.outcome import Target

REMEMBERED = 10.0
"""Seconds an address found for a name is used again."""
_MOST = 10_000
UPSTREAM = frozenset({502, 503, 504})
"""What proxies answer when they did not reach where they were sent: its fault or theirs."""


class BadProxy(ValueError):  # noqa: N818 - it names what is bad
    """An address that can be no proxy. The text repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where the proxy is, and how we log in."""

    url: URL
    login: str = field(default="", repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """Return what the proxy gets from us."""
        return {"Proxy-Authorization": self.login} if self.login else {}


def read_proxy(text: str) -> Proxy | None:
    """Read `http://user:password@host:port`; None for an empty text. Raises `BadProxy`."""
    if not text:
        return None
    try:
        url = URL(text)
        user, password = url.user, url.password
        bare = url.with_user(None).origin()
    except ValueError:
        raise BadProxy("is no address of a proxy") from None
    if url.scheme != "http" or url.path not in {"", "/"}:
        raise BadProxy("must look like http://user:password@proxy:3128")
    login = "" if user is None else "Basic " + base64.b64encode(f"{user}:{password or ''}".encode()).decode()
    return Proxy(bare, login)


class Pinned:
    """Finds the address a proxy is to connect to, and has the guard look at it."""

    def __init__(self, guard: Guard, proxy: Proxy) -> None:
        self._guard = guard
        self._proxy = proxy
        self._known: dict[tuple[str, int], tuple[float, str]] = {}

    async def request(self, target: Target) -> dict[str, Any]:
        """Return how to ask the proxy for a target. Raises `RefusedError`, or `OSError` where a name leads nowhere."""
        url = target.url
        host, port = url.raw_host or "", url.port or 0
        plain = url.scheme == "http"
        address = await self._address(host, port)
        reason = self._guard.refusal(ip_address(address), port, plain=plain)
        dial = current_dial.get()
        if reason:
            if dial is not None:
                dial.refused = reason
            raise RefusedError(reason)
        if dial is not None:
            dial.ip = address
        request: dict[str, Any] = {
            "url": url.with_host(address),
            "proxy": self._proxy.url,
            "proxy_headers": self._proxy.headers,
        }
        if not plain:
            request["server_hostname"] = host
        return request

    def own_headers(self, target: Target) -> dict[str, str]:
        """Return the headers that go with a request for an address: the name meant, and our login where it is plain."""
        url = target.url
        headers = {"host": url.host_port_subcomponent or ""}
        if url.scheme == "http" and self._proxy.login:
            headers["proxy-authorization"] = self._proxy.login
        return headers

    async def _address(self, host: str, port: int) -> str:
        try:
            return str(ip_address(host))
        except ValueError:
            pass
        now = time.monotonic()
        until, address = self._known.get((host, port), (0.0, ""))
        if until > now:
            return address
        found = await self._guard.resolve(host, port)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        # A proxy without IPv6 is more common than a host without IPv4.
        chosen = next((one for one in found if one["family"] == socket.AF_INET), found[0])
        if len(self._known) >= _MOST:
            self._known = {}
        self._known[host, port] = (now + REMEMBERED, chosen["host"])
        return chosen["host"]


def timed_socket(info: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
    """Make the socket of a dial to the proxy, which the operator named."""
    family, kind, protocol, _name, _where = info
    dial = current_dial.get()
    if dial is not None:
        dial.began()
    return socket.socket(family, kind, protocol)
