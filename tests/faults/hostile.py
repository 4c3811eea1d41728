"""A receiver that does everything a receiver must not, byte by byte, and keeps the history of what it was sent.

It speaks raw bytes on purpose: no HTTP library would write most of these answers.
"""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import struct
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"
FAILED = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\nno"
RUDE = "answers-again-later"
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it came. `answer` is `fine` or the name of what was done to it."""

    path: str
    at: float
    headers: dict[str, str]
    body: bytes
    sequence: int
    number: int
    """The shipment's version, which these tests count through the log."""
    answer: str


@dataclass(frozen=True, slots=True)
class Trick:
    """What is done to a request, and the outcomes that are right for it (kind, status)."""

    do: Callable[[asyncio.StreamWriter], Awaitable[None]]
    right: frozenset[tuple[str, int | None]]


def _says(data: bytes, *right: tuple[str, int | None], close: bool = False) -> Trick:
    async def do(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        if close:
            writer.close()

    return Trick(do, frozenset(right))


def _status(code: int, kind: str = "status", *lines: str) -> Trick:
    head = "".join(f"{line}\r\n" for line in lines)
    return _says(f"HTTP/1.1 {code} Because\r\n{head}Content-Length: 0\r\n\r\n".encode(), (kind, code))


def _busy(wait: str, code: int = 429) -> Trick:
    return _status(code, "status", f"Retry-After: {wait}")


async def _hang(_writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def _hang_in_body(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nslow")
    await asyncio.Event().wait()


def _drips(data: bytes, every: float, *right: tuple[str, int | None], size: int = 1) -> Trick:
    async def do(writer: asyncio.StreamWriter) -> None:
        for begin in range(0, len(data), size):
            writer.write(data[begin : begin + size])
            await writer.drain()
            await asyncio.sleep(every)

    return Trick(do, frozenset(right))


def _pours(head: bytes, total: int) -> Trick:
    async def do(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        for _ in range(total // 65_536):
            writer.write(b"x" * 65_536)
            await writer.drain()

    return Trick(do, frozenset({("delivered", 200)}))


def _resets(said: bytes, *right: tuple[str, int | None]) -> Trick:
    async def do(writer: asyncio.StreamWriter) -> None:
        if said:
            writer.write(said)
            await writer.drain()
            await asyncio.sleep(0.05)
        raw: socket.socket = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return Trick(do, frozenset(right))


async def _speaks_again(writer: asyncio.StreamWriter) -> None:
    """A second answer that nobody asked for, when the connection lies idle."""
    writer.write(FAILED)
    await writer.drain()
    await asyncio.sleep(0.03)
    writer.write(FINE)


async def _closes_later(writer: asyncio.StreamWriter) -> None:
    writer.write(FAILED)
    await writer.drain()
    await asyncio.sleep(0.03)
    writer.close()


def _date(seconds: int) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


_TIMEOUT, _RESET, _PROTOCOL, _GOOD = ("timeout", None), ("reset", None), ("protocol", None), ("delivered", 200)
TRICKS: dict[str, Trick] = {
    **{f"status-{code}": _status(code) for code in (400, 401, 404, 405, 408, 413, 418, 425, 500, 502, 503, 504, 599)},
    **{f"redirect-{code}": _status(code, "redirect", "Location: http://169.254.169.254/") for code in (301, 302, 303)},
    **{f"redirect-{code}": _status(code, "redirect", "Location: /fine") for code in (307, 308)},
    "hangs": Trick(_hang, frozenset({_TIMEOUT})),
    "hangs-in-body": Trick(_hang_in_body, frozenset({_TIMEOUT})),
    "drips-its-head": _drips(FINE, 0.2, _TIMEOUT),
    "drips-its-body": _drips(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" + b"x" * 900, 0.02, _TIMEOUT),
    "drips-but-ends": _drips(FINE, 0.01, _GOOD, size=9),
    "endless": _pours(b"HTTP/1.1 200 OK\r\n\r\n", 1 << 40),
    "100-megabytes": _pours(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n", 100_000_000),
    "gzip-bomb": _says(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b"
        % (len(bomb := gzip.compress(bytes(20_000_000))), bomb),
        _GOOD,
    ),
    "10000-headers": _says(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 10_000 + b"\r\n", _PROTOCOL),
    "a-header-of-a-megabyte": _says(b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * 1_000_000 + b"\r\n\r\n", _PROTOCOL, _RESET),
    "resets": _resets(b"", _RESET),
    "resets-in-body": _resets(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly", _GOOD, _RESET),
    "closes": _says(b"", _RESET, close=True),
    "closes-when-idle": Trick(_closes_later, frozenset({("status", 500)})),
    "cuts-its-body": _says(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly", _GOOD, close=True),
    "cuts-its-head": _says(b"HTTP/1.1 200 OK\r\nContent-Le", _RESET, _PROTOCOL, close=True),
    "is-no-http": _says(b"\x00\xff\xfe this is no HTTP \r\n\r\n", _PROTOCOL, close=True),
    "is-http-0.9": _says(b"<html>OK</html>", _PROTOCOL, _RESET, close=True),
    "is-http-2": _says(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", _PROTOCOL, _RESET, close=True),
    "status-of-letters": _says(b"HTTP/1.1 abc OK\r\n\r\n", _PROTOCOL, close=True),
    "status-20": _says(b"HTTP/1.1 20 OK\r\n\r\n", _PROTOCOL, close=True),
    "nul-in-a-header": _says(b"HTTP/1.1 200 OK\r\nX-A: \x00\r\nContent-Length: 0\r\n\r\n", _PROTOCOL, _GOOD),
    "two-lengths": _says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\nOK", _PROTOCOL),
    "a-negative-length": _says(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nOK", _PROTOCOL),
    "broken-chunks": _says(_CHUNKED + b"zz\r\nOK\r\n", _GOOD),
    "a-chunk-without-end": _says(_CHUNKED + b"FFFFFFFFFFFFFFFFF\r\nOK", _GOOD, close=True),
    "100-for-ever": _says(b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000 + FAILED, ("status", 500)),
    "101": _says(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", ("status", 101), _PROTOCOL),
    "204-with-a-body": _says(b"HTTP/1.1 204 None\r\nContent-Length: 2\r\n\r\nOK", ("delivered", 204)),
    "answers-twice": _says(FAILED + FINE, ("status", 500)),
    RUDE: Trick(_speaks_again, frozenset({("status", 500)})),
    "says-more-than-its-length": _says(FINE + b"xyz", _GOOD),
    "sets-cookies": _says(
        b"HTTP/1.1 500 No\r\nSet-Cookie: a=" + b"b" * 4000 + b"\r\nContent-Length: 0\r\n\r\n", ("status", 500)
    ),
    "busy-0": _busy("0"),
    "busy-1": _busy("1"),
    "busy-nonsense": _busy("soon, perhaps"),
    "busy-negative": _busy("-5"),
    "busy-fraction": _busy("1.5"),
    "busy-empty": _busy(""),
    "busy-past": _busy(_date(-1000)),
    "busy-date": _busy(_date(3)),
    "busy-no-date": _busy("Fri, 99 Foo 2026 99:99:99 GMT"),
    "busy-503": _busy("1", 503),
}
"""By name: what is done to some of the requests; all the others are answered 200."""

FOR_EVER: dict[str, Trick] = {
    "always-500": _status(500),
    "always-hangs": TRICKS["hangs"],
    "always-gone": _status(410, "gone"),
    "busy-for-a-century": _busy("3153600000"),
    "busy-beyond-numbers": _busy("9" * 5_000),
    "busy-to-the-year-9999": _busy("Fri, 31 Dec 9999 23:59:59 GMT"),
}
"""Done to each request: these endpoints never get well."""


@dataclass
class Hostile:
    """The server. The path's last part is the trick; `is_bad` says to which requests it is done."""

    is_bad: Callable[[str, int, int], bool]
    """Of path, message's number and how often it was seen on that path before."""
    history: list[Seen] = field(default_factory=list)
    port: int = 0
    rude_port: int = 0
    """For `RUDE`: what comes after the next request left cannot be told from its answer, so nobody else is here."""
    tls_ports: dict[str, int] = field(default_factory=dict)
    tls_dials: int = 0
    _times: dict[tuple[str, int], int] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def url(self, path: str) -> str:
        port = self.rude_port if path == f"/{RUDE}" else self.port
        return f"http://127.0.0.1:{port}{path}"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side has enough."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                path = head[0].split(" ")[1]
                pairs = (line.partition(": ") for line in head[1:] if line)
                headers = {name.lower(): value for name, _, value in pairs}
                body = await reader.readexactly(int(headers["content-length"]))
                await self._answer(path, headers, body, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, path: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        told = orjson.loads(body)
        sequence, number = told["sequence"], told["shipment_version"]
        before = self._times.get((path, sequence), 0)
        self._times[path, sequence] = before + 1
        name = path.rpartition("/")[2]
        trick = TRICKS.get(name) or FOR_EVER.get(name)
        bad = trick is not None and (name in FOR_EVER or self.is_bad(path, number, before))
        self.history.append(Seen(path, time.monotonic(), headers, body, sequence, number, name if bad else "fine"))
        if bad and trick is not None:
            await trick.do(writer)
        else:
            writer.write(FINE)
            await writer.drain()

    async def not_tls(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a TLS hello and say something that is none."""
        self.tls_dials += 1
        with suppress(ConnectionError):
            await reader.read(64)
            writer.write(b"\x16\x03\x03\xff\xff" + bytes(200))
            await writer.drain()
        writer.close()

    async def mute_tls(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a TLS hello and never answer."""
        self.tls_dials += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        writer.close()

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.sleep(0)


def certificate(folder: Path, name: str, days: tuple[int, int], host: str) -> ssl.SSLContext:
    """Make a server's TLS settings with a certificate that nobody signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today + timedelta(days=days[0]))
        .not_valid_after(today + timedelta(days=days[1]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@asynccontextmanager
async def hostile(folder: Path, is_bad: Callable[[str, int, int], bool]) -> AsyncIterator[Hostile]:
    """Run it with all its ports."""
    it = Hostile(is_bad)
    loop = asyncio.get_running_loop()
    usual = loop.get_exception_handler()
    loop.set_exception_handler(lambda _loop, _context: None)  # broken handshakes are what it is here for
    servers = [await asyncio.start_server(it.talk, "127.0.0.1", 0, limit=1 << 20, backlog=4_096) for _ in range(2)]
    it.port, it.rude_port = (server.sockets[0].getsockname()[1] for server in servers)
    talks = {"not-tls": it.not_tls, "mute-tls": it.mute_tls}
    signed = {"self-signed": (-1, 90), "expired": (-90, -1)}
    for name, talk in talks.items():
        servers.append(await asyncio.start_server(talk, "127.0.0.1", 0))
        it.tls_ports[name] = servers[-1].sockets[0].getsockname()[1]
    for name, days in signed.items():
        context = certificate(folder, name, days, "localhost")
        servers.append(await asyncio.start_server(it.talk, "127.0.0.1", 0, ssl=context))
        it.tls_ports[name] = servers[-1].sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        for server in servers:
            server.close()
        await it.stop()
        loop.set_exception_handler(usual)
