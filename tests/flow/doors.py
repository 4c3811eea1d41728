"""What stands before merchants' endpoints, on loopback: TLS with client certificates, a token server, a proxy."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import ssl
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


def pem_of(key: Any) -> str:
    """Return a private key as PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


class Authority:
    """Signs certificates for servers on loopback and for who calls them."""

    def __init__(self, folder: Path, name: str = "An authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        built = self._build(self._name, self._key.public_key(), days=30)
        built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self._own = built.sign(self._key, hashes.SHA256())
        self.file = folder / f"{name.replace(' ', '-')}.pem"
        self.file.write_bytes(self._own.public_bytes(Encoding.PEM))

    def _build(self, subject: x509.Name, public: Any, *, days: float) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + timedelta(days=days))
        )

    def sign(self, name: str, *, days: float = 7, curve: ec.EllipticCurve | None = None) -> tuple[str, str]:
        """Return a certificate for a name and 127.0.0.1, and its key, as PEM."""
        key = ec.generate_private_key(curve or ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        built = self._build(subject, key.public_key(), days=days)
        built = built.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return built.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM).decode(), pem_of(key)

    def server(self, *, callers: bool = False, name: str = "shop.example") -> ssl.SSLContext:
        """Return a server's TLS settings; with `callers` it lets in only who shows a certificate of ours."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        both = self._folder / f"server-{name}.pem"
        both.write_text("".join(self.sign(name)))
        context.load_cert_chain(both)
        if callers:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.file)
        return context


@dataclass
class Door:
    """A receiver that keeps what it was sent, with what the caller showed of itself."""

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: str = "thank you"
    token: str = ""
    """The only token it takes, where it wants one."""
    hangs: float = 0.0
    """Seconds before it answers."""
    got: list[tuple[dict[str, str], bytes, str]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        sent = {name.lower(): value for name, value in request.headers.items()}
        shown = request.transport.get_extra_info("peercert") if request.transport is not None else None
        caller = dict(pair[0] for pair in (shown or {}).get("subject", ())).get("commonName", "")
        self.got.append((sent, await request.read(), caller))
        await asyncio.sleep(self.hangs)
        if self.token and sent.get("authorization") != f"Bearer {self.token}":
            return web.Response(status=401, text="who are you?")
        return web.Response(status=self.status, headers=self.headers, text=self.body)


@asynccontextmanager
async def door(tls: ssl.SSLContext | None = None) -> AsyncIterator[Door]:
    """Run a receiver."""
    made = Door()
    app = web.Application()
    app.router.add_post("/hook", made.take)
    async with _serving(app, tls) as port:
        made.url = f"http{'s' if tls else ''}://127.0.0.1:{port}/hook"
        yield made


@dataclass
class TokenServer:
    """Gives a new token each time it is asked."""

    url: str = ""
    status: int = 200
    asked: list[tuple[dict[str, str], str]] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=lambda: {"token_type": "Bearer", "expires_in": 3600})
    on_token: Any = lambda _token: None

    async def take(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append((form, request.headers.get("Authorization", "")))
        if self.status != 200:
            return web.json_response({"error": "invalid_client"}, status=self.status)
        token = f"token-number-{len(self.asked)}"
        self.on_token(token)
        return web.json_response({"access_token": token} | self.more)


@asynccontextmanager
async def token_server() -> AsyncIterator[TokenServer]:
    """Run a token server."""
    made = TokenServer()
    app = web.Application()
    app.router.add_post("/token", made.take)
    async with _serving(app, None) as port:
        made.url = f"http://127.0.0.1:{port}/token"
        yield made


@asynccontextmanager
async def _serving(app: web.Application, tls: ssl.SSLContext | None) -> AsyncIterator[int]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@dataclass
class ForwardProxy:
    """A proxy that tunnels (CONNECT) where it is told to, or answers what it is told to."""

    port: int = 0
    answer: str = ""
    """Its answer in place of a tunnel: a status and its words."""
    login: str = ""
    asked: list[str] = field(default_factory=list)
    hangs: bool = False
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            line, _, rest = head.partition("\r\n")
            self.asked.append(line)
            if self.hangs:
                await self.closing.wait()
            wanted = f"Basic {base64.b64encode(self.login.encode()).decode()}" if self.login else ""
            if wanted and f"Proxy-Authorization: {wanted}" not in rest:
                await self._say(writer, "407 Proxy Authentication Required")
            elif self.answer:
                await self._say(writer, self.answer)
            else:
                host, _, port = line.split()[1].rpartition(":")
                await self._tunnel(host, int(port), reader, writer)
        writer.close()

    async def _say(self, writer: asyncio.StreamWriter, answer: str) -> None:
        writer.write(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()

    async def _tunnel(self, host: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(host, port)
        except OSError:
            return await self._say(writer, "503 Service Unavailable")
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_copy(reader, back), _copy(there, writer))
        return None


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    sink.close()


@asynccontextmanager
async def forward_proxy() -> AsyncIterator[ForwardProxy]:
    """Run a proxy."""
    made = ForwardProxy()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        made.tasks.add(task)
        try:
            await made.serve(reader, writer)
        except asyncio.CancelledError:
            writer.close()
        finally:
            made.tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    made.closing.set()
    server.close()
    for task in list(made.tasks):
        task.cancel()
    await asyncio.gather(*made.tasks, return_exceptions=True)
    await server.wait_closed()
