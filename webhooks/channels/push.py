"""Web push: a notice in a person's browser, encrypted for it alone (RFC 8030, RFC 8291, VAPID in RFC 8292)."""

from __future__ import annotations

import base64
import time
from hashlib import sha256
from typing import TYPE_CHECKING

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from pydantic import ValidationError
from webpush import WebPush, WebPushSubscription
from webpush.vapid import VAPID
from yarl import URL

from webhooks.channels.base import Kind, Outgoing, Said
from webhooks.channels.fields import BadSettings, Field
from webhooks.channels.letter import direction
from webhooks.channels.meanings import answered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import AnyHttpUrl

    from webhooks.channels.caller import Caller

FIELDS = (
    Field(
        name="vapid_private_key",
        help="Our key towards push services: 32 bytes in base64url. Browsers subscribe with its public half",
        secret=True,
        required=True,
        pattern=r"[A-Za-z0-9_-]{43}=?",
    ),
    Field(
        name="contact",
        help="Where a push service reaches us in trouble: mailto: and an address, or an https address",
        required=True,
        pattern=r"mailto:[^\s@]+@[^\s@]+|https://\S+",
    ),
    Field(
        name="ttl",
        help="Seconds a push service keeps a notice for a browser that is off",
        default="43200",
        pattern=r"[0-9]{1,7}",
    ),
)
MAX_PLAIN = 3_993
"""Bytes that fit one encrypted record of 4096, which is all a push service must take (RFC 8291 section 4)."""
_AUTH_BYTES, _POINT_BYTES = 16, 65
_TOKEN_LIFE = 12 * 3600
_MAX_ORIGINS = 200
_TAKEN = range(200, 300)


class BadSubscription(ValueError):  # noqa: N818 - it names what is bad
    """Not what a browser's `PushSubscription.toJSON()` gives. The text repeats nothing of it."""


def new_private_key() -> str:
    """Make a key for `vapid_private_key`."""
    return _spell(generate(SECP256R1()).private_numbers().private_value.to_bytes(32, "big"))


def public_key(private: str) -> str:
    """Return the public half, the `applicationServerKey` a page subscribes with. Raises `BadSettings`."""
    return _spell(_private(private).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def read_subscription(text: str) -> WebPushSubscription:
    """Read a browser's subscription; where its endpoint leads is the guard's matter. Raises `BadSubscription`."""
    try:
        subscription = WebPushSubscription.model_validate_json(text)
    except ValidationError:
        raise BadSubscription("not a browser's push subscription") from None
    try:
        point, auth = _bytes(subscription.keys.p256dh), _bytes(subscription.keys.auth)
    except ValueError:
        raise BadSubscription("the subscription's keys are not base64url") from None
    if len(point) != _POINT_BYTES or len(auth) != _AUTH_BYTES:
        raise BadSubscription("the subscription's keys have another length")
    return subscription


class Push:
    """Notices to browsers that subscribed with our key.

    Args:
        values: as `FIELDS` names them.
        caller: carries the calls; it stays its owner's.
    """

    kind: Kind = "push"

    def __init__(self, values: Mapping[str, str], caller: Caller) -> None:
        private = _private(values["vapid_private_key"])
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self._pusher = WebPush(pem, public, values["contact"], int(values["ttl"]), expiration=_TOKEN_LIFE)
        self._pusher.vapid = _Proof(pem, public)
        self._caller = caller

    async def send(self, notice: Outgoing) -> Said:
        """Send one notice. It takes the place of one about the same parcel that still waits for the browser."""
        try:
            subscription = read_subscription(notice.to)
            message = self._pusher.get(_payload(notice), subscription)
        except ValueError as bad:  # a point that is not on the curve among them
            told = str(bad) if isinstance(bad, BadSubscription | _TooLong) else "the subscription's keys are no keys"
            return Said(kind="refused", code="subscription", reason=told)
        headers = {
            **message.headers,
            "content-type": "application/octet-stream",
            "urgency": "high" if notice.urgent else "normal",
            "topic": topic(notice),
        }
        answer = await self._caller.post(str(subscription.endpoint), headers, message.encrypted, forbidden="refused")
        if isinstance(answer, Said):
            return answer
        if answer.status in _TAKEN:
            return Said(kind="accepted")
        return answered("webpush", answer.status, retry_after=answer.retry_after)

    async def close(self) -> None:
        """Nothing of its own to give back."""


class _TooLong(ValueError):  # noqa: N818 - it names what is wrong
    """What is to be said besides the text leaves no room."""


class _Proof(VAPID):  # type: ignore[misc]  # the library brings no types
    """Signs who we are once per push service and half a token's life, and names it with its port (RFC 8292)."""

    def __init__(self, private: bytes, public: bytes) -> None:
        super().__init__(private, public)
        self.made: dict[str, tuple[str, float]] = {}
        """Push service -> the header it gets, and until when."""

    def get_authorization_header(self, endpoint: AnyHttpUrl, subscriber: str, expiration: int) -> str:
        """Return the header for a push service; `expiration` in seconds from now."""
        origin, now = str(URL(str(endpoint)).origin()), time.time()
        header, until = self.made.get(origin, ("", 0.0))
        if now >= until:
            claims = {"aud": origin, "exp": int(now) + expiration, "sub": subscriber}
            token = jwt.encode(claims, self.private_key, algorithm="ES256")
            header = f"vapid t={token}, k={self.get_application_server_key(self.public_key)}"
            if len(self.made) >= _MAX_ORIGINS:
                self.made.clear()
            self.made[origin] = (header, now + expiration / 2)
        return header


def topic(notice: Outgoing) -> str:
    """Return what a notice is the newest word on, as a push service's `Topic`: where its tap leads."""
    return _spell(sha256((notice.link or notice.id).encode("utf-8", "replace")).digest()[:24])


def _payload(notice: Outgoing) -> bytes:
    """Return what the browser's worker shows: id, title, body, link, lang, dir, tag; a long text is cut."""
    body = notice.text
    while True:
        shown = {
            "id": notice.id,
            "title": notice.subject,
            "body": body if body == notice.text else body + "…",
            "link": notice.link,
            "lang": notice.language,
            "dir": direction(notice.language),
            "tag": topic(notice),
        }
        try:
            plain = orjson.dumps(shown)
        except TypeError:  # half a surrogate pair
            raise _TooLong("the text cannot be encoded") from None
        if len(plain) <= MAX_PLAIN:
            return plain
        if not body:
            raise _TooLong("the notice is too long for a push service")
        body = body[: min(len(body) - 1, max(0, len(body) - (len(plain) - MAX_PLAIN) // 4 - 1))]


def _private(text: str) -> EllipticCurvePrivateKey:
    try:
        return derive_private_key(int.from_bytes(_bytes(text), "big"), SECP256R1())
    except ValueError:
        raise BadSettings("vapid_private_key: not a key of the curve P-256") from None


def _bytes(text: str) -> bytes:
    return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)


def _spell(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
