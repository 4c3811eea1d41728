"""What an endpoint wants from us beside our signature: headers, a login, a client certificate, another vendor's proof.

All of it is kept sealed, but for what may be shown: names, and masks in place of secrets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import orjson

from webhooks.compat import HEADERS, STYLES, Style
from webhooks.endpoint_rows import BadEndpoint
from webhooks.origins import GIVE_AGAIN
from webhooks.tls import Identity, read_identity
from webhooks.tokens import Client

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhooks.store import Vault

PURPOSE = "endpoint-access"
"""The purpose under which it is sealed."""
MASK = "***"
FIELDS = frozenset({"headers", "auth", "client_certificate", "signature_compat", "compat_secret"})
MOST_HEADERS, LONGEST_NAME, LONGEST_VALUE = 20, 100, 2_000
RESERVED = frozenset(
    {
        *("accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect", "host"),
        *("keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "user-agent"),
        *HEADERS.values(),
    }
)
RESERVED_BEGINNINGS = ("webhook-", "proxy-")
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_WORD = re.compile(r"[\x21-\x7e]+")
_AUTH: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "bearer": ((), ("token",), ()),
    "basic": (("username",), ("password",), ()),
    "oauth2": (("token_url", "client_id"), ("client_secret",), ("scope", "audience", "client_auth")),
}
"""Kind -> what it needs that may be shown, what it needs that may not, what it may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What lets us in. `auth` has its `kind`; what is secret in it `_AUTH` says."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    auth: Mapping[str, str] | None = field(default=None, repr=False)
    identity: Identity | None = None
    shown_identity: Mapping[str, str] | None = None
    compat: Style | None = None
    compat_secret: str = field(default="", repr=False)

    @property
    def client(self) -> Client | None:
        """Return who asks for tokens where the endpoint wants them."""
        auth = self.auth
        if auth is None or auth["kind"] != "oauth2":
            return None
        return Client(
            auth["token_url"],
            auth["client_id"],
            auth["client_secret"],
            scope=auth.get("scope", ""),
            audience=auth.get("audience", ""),
            in_body=auth.get("client_auth") == "body",
        )

    @property
    def sent(self) -> tuple[str, ...]:
        """The fields whose secrets go to the endpoint, or prove there who we are."""
        held = (("headers", self.headers), ("auth", self.auth), ("client_certificate", self.identity))
        return tuple(name for name, value in held if value)

    def shown(self) -> dict[str, Any]:
        """Return what its merchant may see of it."""
        auth = self.auth
        hidden = _AUTH[auth["kind"]][1] if auth is not None else ()
        return {
            "headers": dict.fromkeys(self.headers, MASK),
            "auth": None if auth is None else {name: MASK if name in hidden else auth[name] for name in auth},
            "client_certificate": self.shown_identity,
            "signature_compat": self.compat,
        }


NONE = Access()
NONE_SHOWN = NONE.shown()


def read(given: Mapping[str, Any], before: Access, now: int, *, moved: bool = False) -> Access:
    """Return an access with the given fields changed. A mask in place of a secret keeps it. Raises `BadEndpoint`.

    `moved` where it lets us in at another origin (`origins.moved`): whatever is sent there must then be given anew.
    What only signs stays, for it never leaves us.
    """
    after = before
    if moved and (forgotten := [name for name in before.sent if name not in given]):
        raise BadEndpoint(f"{forgotten[0]}: {GIVE_AGAIN}")
    if "headers" in given:
        after = replace(after, headers=_headers(given["headers"] or {}, before.headers, moved=moved))
    if "auth" in given:
        after = replace(after, auth=None if given["auth"] is None else _auth(given["auth"], before.auth, moved=moved))
    if "client_certificate" in given:
        after = _with_identity(after, given["client_certificate"], now)
    if "signature_compat" in given or "compat_secret" in given:
        after = _with_compat(after, given)
    if after.auth is not None and any(name.lower() == "authorization" for name in after.headers):
        raise BadEndpoint("headers: Authorization is set by `auth`; leave one of them out")
    return after


def _headers(given: Mapping[str, str], before: Mapping[str, str], *, moved: bool) -> dict[str, str]:
    if len(given) > MOST_HEADERS:
        raise BadEndpoint(f"headers: at most {MOST_HEADERS}")
    headers: dict[str, str] = {}
    seen: set[str] = set()
    for name, value in given.items():
        at, low = f"headers.{name}", name.lower()
        if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
            raise BadEndpoint(f"{at}: not a header's name")
        if low in RESERVED or low.startswith(RESERVED_BEGINNINGS):
            raise BadEndpoint(f"{at}: this header is ours")
        if low in seen:
            raise BadEndpoint(f"{at}: named twice")
        seen.add(low)
        value = _kept(at, name, value, before, moved=moved)  # noqa: PLW2901 - the mask is replaced by what it stands for
        if len(value) > LONGEST_VALUE or not _VALUE.fullmatch(value):
            raise BadEndpoint(f"{at}: expected 1 to {LONGEST_VALUE} visible ASCII characters, blanks inside only")
        headers[name] = value
    return headers


def _kept(at: str, name: str, value: str, before: Mapping[str, str], *, moved: bool) -> str:
    if value != MASK:
        return value
    if name not in before:
        raise BadEndpoint(f"{at}: {MASK} stands for a secret that is there already, and there is none")
    if moved:
        raise BadEndpoint(f"{at}: {GIVE_AGAIN}")
    return before[name]


def _auth(given: Mapping[str, Any], before: Mapping[str, str] | None, *, moved: bool) -> dict[str, str]:
    kind = given.get("kind")
    if kind not in _AUTH:
        raise BadEndpoint(f"auth.kind: expected one of {', '.join(_AUTH)}")
    open_ones, secret_ones, optional = _AUTH[kind]
    told = {name: value for name, value in given.items() if value is not None}
    for name in told:
        if name not in {"kind", *open_ones, *secret_ones, *optional}:
            raise BadEndpoint(f"auth.{name}: {kind} knows no such thing")
    old = before if before is not None and before["kind"] == kind else {}
    moved = moved or told.get("token_url") != old.get("token_url")  # whose path may name somebody else's server
    auth = {"kind": str(kind)}
    for name in (*open_ones, *secret_ones):
        if name not in told:
            raise BadEndpoint(f"auth.{name}: {kind} needs it")
    for name in (*open_ones, *secret_ones, *optional):
        if name in told:
            value = _kept(f"auth.{name}", name, told[name], old, moved=moved) if name in secret_ones else told[name]
            auth[name] = _checked(f"auth.{name}", name, value)
    return auth


def _checked(at: str, name: str, value: str) -> str:
    if not value or len(value) > LONGEST_VALUE or not value.isprintable():
        raise BadEndpoint(f"{at}: expected 1 to {LONGEST_VALUE} printable characters")
    if name == "token" and not _WORD.fullmatch(value):
        raise BadEndpoint(f"{at}: expected visible ASCII characters without blanks")
    if name == "username" and ":" in value:
        raise BadEndpoint(f"{at}: a colon ends it")
    if name == "client_auth" and value not in {"header", "body"}:
        raise BadEndpoint(f"{at}: expected header or body")
    return value


def _with_identity(access: Access, given: Mapping[str, str] | None, now: int) -> Access:
    if given is None:
        return replace(access, identity=None, shown_identity=None)
    identity, shown = read_identity(given["certificate"], given["key"], now)
    return replace(access, identity=identity, shown_identity=shown)


def _with_compat(access: Access, given: Mapping[str, Any]) -> Access:
    style = given.get("signature_compat", access.compat)
    if style is None:
        if given.get("compat_secret") is not None:
            raise BadEndpoint("compat_secret: it goes with `signature_compat`")
        return replace(access, compat=None, compat_secret="")
    if style not in STYLES:
        raise BadEndpoint(f"signature_compat: expected one of {', '.join(STYLES)}")
    secret = given.get("compat_secret") or (access.compat_secret if style == access.compat else "")
    if not secret:
        raise BadEndpoint("compat_secret: the secret your receiver verifies with today is needed")
    return replace(access, compat=style, compat_secret=secret)


def columns(vault: Vault, merchant_id: str, access: Access) -> dict[str, bytes | None]:
    """Return an access as an endpoint's row keeps it."""
    if access == NONE:
        return {"access": None, "access_sealed": None}
    identity = access.identity
    plain = {
        "headers": dict(access.headers),
        "auth": access.auth,
        "identity": None if identity is None else [identity.certificate, identity.key],
        "shown_identity": access.shown_identity,
        "compat": access.compat,
        "compat_secret": access.compat_secret,
    }
    return {
        "access": orjson.dumps(access.shown()),
        "access_sealed": vault.seal(merchant_id, PURPOSE, orjson.dumps(plain)),
    }


def unseal(vault: Vault, merchant_id: str, sealed: bytes | None) -> Access:
    """Return the access of an endpoint's row."""
    if sealed is None:
        return NONE
    plain = orjson.loads(vault.open(merchant_id, PURPOSE, sealed))
    identity = plain.pop("identity")
    return Access(identity=None if identity is None else Identity(*identity), **plain)


def shown(column: bytes | None) -> dict[str, Any]:
    """Return what a row's `access` shows."""
    return NONE_SHOWN if column is None else orjson.loads(column)
