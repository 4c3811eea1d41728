"""A push service and the browsers behind it: it checks who calls (VAPID), and the browsers decrypt what they get.

async with PushService() as service:
    browser = service.subscribe(application_server_key)
    await channel.send(Outgoing(to=browser.subscription, ...))
    browser.shown
"""

from __future__ import annotations

import base64
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jwt
import orjson
from aiohttp import web
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.demo.providers.serving import Serving

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_BODY = 4_096
_MAX_LIFE = 24 * 3600
_AUTHORIZATION = re.compile(r"vapid t=([A-Za-z0-9_.-]+), ?k=([A-Za-z0-9_-]+)")
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,32}")
_URGENCIES = {"very-low", "low", "normal", "high"}
_HEAD = 21
"""Bytes before the sender's key: salt, record size, the key's length (RFC 8188 section 2.1)."""


class Refused(Exception):  # noqa: N818 - it names what happened
    """A push that is not taken: an HTTP status and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass
class Browser:
    """One browser's subscription, with the keys only it has, and what it was shown."""

    name: str
    endpoint: str
    server_key: str
    key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))
    auth: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    shown: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def subscription(self) -> str:
        """Return what `PushSubscription.toJSON()` gives a page."""
        keys = {"p256dh": _spell(_point(self.key.public_key())), "auth": _spell(self.auth)}
        return orjson.dumps({"endpoint": self.endpoint, "expirationTime": None, "keys": keys}).decode()


class PushService(Serving):
    """The service. `busy` calls are put off; browsers in `forgotten` have unsubscribed."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.browsers: dict[str, Browser] = {}
        self.forgotten: set[str] = set()
        self.busy = 0

    def subscribe(self, server_key: str) -> Browser:
        """Let a browser subscribe for pushes of one application server key."""
        name = secrets.token_urlsafe(12)
        self.browsers[name] = Browser(name, f"{self.address}/push/{name}", server_key)
        return self.browsers[name]

    def routes(self) -> list[web.RouteDef]:
        """Return what it answers to."""
        return [web.post("/push/{name}", self._take)]

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            self._check(request, body)
        except Refused as why:
            return web.Response(status=why.status, text=str(why), headers={"retry-after": "3"})
        return web.Response(status=201, headers={"location": f"{self.address}/message/{secrets.token_urlsafe(8)}"})

    def _check(self, request: web.Request, body: bytes) -> None:
        name, headers = request.match_info["name"], request.headers
        if self.busy:
            self.busy -= 1
            raise Refused(429, "too many")
        if name in self.forgotten:
            raise Refused(410, "unsubscribed")
        browser = self.browsers.get(name)
        if browser is None:
            raise Refused(404, "no such subscription")
        check_vapid(headers.get("authorization", ""), self.address, browser.server_key)
        if not headers.get("ttl", "").isdigit():
            raise Refused(400, "TTL is missing")
        if headers.get("urgency", "normal") not in _URGENCIES:
            raise Refused(400, "no such urgency")
        if "topic" in headers and not _TOPIC.fullmatch(headers["topic"]):
            raise Refused(400, "no topic")
        if len(body) > _MAX_BODY:
            raise Refused(413, "too large")
        if headers.get("content-encoding") != "aes128gcm":
            raise Refused(400, "not encrypted")
        try:
            plain = decrypt(body, browser.key, browser.auth)
        except (ValueError, InvalidTag):
            raise Refused(400, "cannot be decrypted") from None  # a real service could not tell, the browser would
        browser.shown.append(orjson.loads(plain))
        browser.headers.append({one: headers[one] for one in ("ttl", "urgency", "topic") if one in headers})


def check_vapid(authorization: str, origin: str, server_key: str) -> Mapping[str, Any]:
    """Check who calls, by RFC 8292; return the token's claims. Raises `Refused`."""
    found = _AUTHORIZATION.fullmatch(authorization)
    if found is None:
        raise Refused(401, "no vapid authorization")
    token, key = found.groups()
    if key != server_key:
        raise Refused(403, "the subscription belongs to another key")
    try:
        public = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), _bytes(key))
        required = ["exp", "aud", "sub"]
        claims: dict[str, Any] = jwt.decode(token, public, ["ES256"], audience=origin, options={"require": required})
    except (ValueError, jwt.InvalidTokenError) as trouble:
        raise Refused(403, f"the token is not good: {type(trouble).__name__}") from None
    if claims["exp"] > time.time() + _MAX_LIFE:
        raise Refused(403, "the token lives longer than a day")
    if not str(claims["sub"]).startswith(("mailto:", "https:")):
        raise Refused(403, "the token names no contact")
    return claims


def decrypt(body: bytes, key: EllipticCurvePrivateKey, auth: bytes) -> bytes:
    """Decrypt one record as a browser does (RFC 8291). Raises `ValueError` or `InvalidTag`."""
    salt, length = body[:16], body[_HEAD - 1] if len(body) > _HEAD else 0
    sender, record = body[_HEAD : _HEAD + length], body[_HEAD + length :]
    shared = key.exchange(ECDH(), EllipticCurvePublicKey.from_encoded_point(SECP256R1(), sender))
    info = b"WebPush: info\x00" + _point(key.public_key()) + sender
    secret = _derive(auth, shared, info, 32)
    content = _derive(salt, secret, b"Content-Encoding: aes128gcm\x00", 16)
    nonce = _derive(salt, secret, b"Content-Encoding: nonce\x00", 12)
    plain = AESGCM(content).decrypt(nonce, record, None).rstrip(b"\x00")
    if plain[-1:] != b"\x02":
        raise ValueError("the last record has no end")
    return plain[:-1]


def _derive(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


def _point(key: EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _spell(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
