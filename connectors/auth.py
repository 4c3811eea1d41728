"""How a request proves which account it comes from: keys, Basic, OAuth 2 tokens, signatures, filled-in bodies.

Secrets live inside these objects only; none has a readable `repr`, none appears in an error. Connectors build them
in `Polls.auth` and never touch a request themselves.
"""

from __future__ import annotations

import base64
import hashlib
import time
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

import httpx
import orjson

from connectors.errors import Rejected, Unavailable, Unreadable
from connectors.tokens import TokenAuth, TokenCache
from connectors.wire import retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

ACCOUNT = "/~account~"
"""Stands in a path for the account's own name, which the connector does not know; see `InPath`."""

DEFAULT_LIFE = 300.0
"""Seconds a token is used whose server does not say how long it lives."""


class Proof(httpx.Auth):
    """Proof that needs no extra request: it changes the request, or makes another of it, and is done."""

    def apply(self, request: httpx.Request) -> httpx.Request:
        """Return the request with the proof in it."""
        raise NotImplementedError

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request once, proved (httpx's protocol)."""
        yield self.apply(request)


class KeyAuth(Proof):
    """A key in a header of its own, such as `DHL-API-Key`."""

    def __init__(self, header: str, value: str) -> None:
        self._header, self._value = header, value

    def apply(self, request: httpx.Request) -> httpx.Request:
        """Set the header."""
        request.headers[self._header] = self._value
        return request


class Bearer(KeyAuth):
    """A long-lived token in `Authorization`, under `scheme` (Bearer, Token, ...)."""

    def __init__(self, token: str, *, scheme: str = "Bearer") -> None:
        super().__init__("Authorization", f"{scheme} {token}")


class Basic(KeyAuth):
    """User name and password after RFC 7617, in UTF-8."""

    def __init__(self, username: str, password: str) -> None:
        super().__init__("Authorization", _basic(username, password))


class QueryKey(Proof):
    """Keys in the query string. They show up in no log of ours: the client logs no query."""

    def __init__(self, **keys: str) -> None:
        self._keys = keys

    def apply(self, request: httpx.Request) -> httpx.Request:
        """Add the keys to the query."""
        for name, value in self._keys.items():
            request.url = request.url.copy_set_param(name, value)
        return request


class Signed(Proof):
    """Headers computed from each request, such as an HMAC over method, path and body.

    `sign` gets the method, the path with its query and the body, and returns the headers to set.
    """

    def __init__(self, sign: Callable[[str, str, bytes], Mapping[str, str]]) -> None:
        self._sign = sign

    def apply(self, request: httpx.Request) -> httpx.Request:
        """Set the computed headers."""
        request.headers.update(self._sign(request.method, request.url.raw_path.decode("ascii"), request.content))
        return request


class FilledBody(Proof):
    """Credentials inside the body, as SOAP headers and some JSON APIs want them.

    The connector writes the body without them; `fill` puts them in when the request leaves.
    """

    def __init__(self, fill: Callable[[bytes], bytes]) -> None:
        self._fill = fill

    def apply(self, request: httpx.Request) -> httpx.Request:
        """Return the same request with the filled body."""
        headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"content-length"]
        return httpx.Request(
            request.method,
            request.url,
            headers=headers,
            content=self._fill(request.content),
            extensions=request.extensions,
        )


class AtPath(Proof):
    """The path of a call as the account's owner was told it, where no public document names it.

    `{number}` in it stands for what is asked about, which is then the request's whole path.
    """

    def __init__(self, path: str) -> None:
        self._path = ("/" + path.lstrip("/")).encode()

    def apply(self, request: httpx.Request) -> httpx.Request:
        """Send the question there."""
        number = request.url.raw_path.removeprefix(b"/")
        request.url = request.url.copy_with(raw_path=self._path.replace(b"{number}", number))
        return request


class InPath(Proof):
    """The account's own name as a segment of the path, where the connector's path begins with `ACCOUNT`."""

    def __init__(self, name: str) -> None:
        self._name = b"/" + quote(name, safe="").encode()

    def apply(self, request: httpx.Request) -> httpx.Request:
        """Put the name into the path."""
        path = request.url.raw_path.replace(ACCOUNT.encode(), self._name, 1)
        request.url = request.url.copy_with(raw_path=path)
        return request


class Together(Proof):
    """Several proofs on one request, in the order given."""

    def __init__(self, *proofs: Proof) -> None:
        self._proofs = proofs

    def apply(self, request: httpx.Request) -> httpx.Request:
        """Apply each proof."""
        for proof in self._proofs:
            request = proof.apply(request)
        return request


class OAuth2ClientCredentials(TokenAuth):
    """An OAuth 2 token fetched, shared, renewed ahead of its end, and renewed once where the API refuses it.

    Args:
        token_url: a path under the account's base address, or a whole address; a mapping from mode (`production`,
            `test`) to either where the two differ. With an overridden base address the token is asked for there too.
        client_id: the account's id at the token server.
        client_secret: its secret.
        style: where id and secret go: a Basic header, the form, or a JSON body.
        scope: sent if given.
        fields: further fields of the token request; they win over the ones made here (`grant_type` for one).
        headers: further headers of the token request.
        token_field: the token's name in the answer.
        header: the header of API requests that carries the token, under `scheme`; an empty scheme means bare.
        scheme: the word before the token.
        beside: a further proof on every API request, such as a key header.
        cache: for tests; all accounts of a process share one.
        clock: for tests; seconds.

    The token server's 400, 401 and 403 raise `Rejected`, all else but a token `Unavailable`.
    """

    grant = "client_credentials"

    def __init__(
        self,
        token_url: str | Mapping[str, str],
        client_id: str,
        client_secret: str,
        *,
        style: Literal["basic", "form", "json"] = "basic",
        scope: str | None = None,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        token_field: str = "access_token",  # noqa: S107 - the name of a field
        header: str = "Authorization",
        scheme: str = "Bearer",
        beside: Proof | None = None,
        cache: TokenCache | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(token_url, cache=cache, clock=clock)
        self._style = style
        self._headers = {"Accept": "application/json", **(headers or {})}
        self._fields = {"grant_type": self.grant}
        if scope is not None:
            self._fields["scope"] = scope
        if style == "basic":
            self._headers["Authorization"] = _basic(client_id, client_secret)
        else:
            self._fields |= {"client_id": client_id, "client_secret": client_secret}
        self._fields |= fields or {}
        self.token_field = token_field
        self._header, self._scheme = header, scheme
        self._beside = beside

    def sample_answer(self) -> httpx.Response:
        """Return an answer of a token server that grants a token, for samples played back."""
        return httpx.Response(200, json={self.token_field: "sample-token", "expires_in": "3600"})

    def _key(self, url: httpx.URL) -> bytes:
        parts = (str(url), self._style, sorted(self._headers.items()), sorted(self._fields.items()), self.token_field)
        return hashlib.sha256(repr(parts).encode()).digest()

    def _token_request(self, url: httpx.URL, request: httpx.Request) -> httpx.Request:
        headers = {"User-Agent": request.headers.get("user-agent", ""), "Accept-Encoding": "gzip"} | self._headers
        extensions = {"timeout": request.extensions["timeout"]} if "timeout" in request.extensions else {}
        if self._style == "json":
            return httpx.Request("POST", url, headers=headers, json=self._fields, extensions=extensions)
        return httpx.Request("POST", url, headers=headers, data=self._fields, extensions=extensions)

    def _take(self, answer: httpx.Response) -> tuple[str, float]:
        """Return the token and its life in seconds."""
        status = answer.status_code
        if status in (400, 401, 403):
            raise Rejected(f"the carrier's token server refuses the account's credentials ({status})")
        if not answer.is_success:
            wait = retry_after(answer.headers.get("retry-after"))
            raise Unavailable(f"the carrier's token server answered {status}", retry_after=wait)
        try:
            said: Any = orjson.loads(answer.content)
            token, life = said[self.token_field], said.get("expires_in")
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            raise Unreadable("the carrier's token server answered without a token") from None
        if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
            raise Unreadable("the carrier's token server answered with a token that is none")
        return token, _life(life)

    def _proved(self, request: httpx.Request, token: str) -> httpx.Request:
        request.headers[self._header] = f"{self._scheme} {token}" if self._scheme else token
        return self._beside.apply(request) if self._beside else request


class OAuth2Password(OAuth2ClientCredentials):
    """The same with a person's user name and password (grant type `password`)."""

    grant = "password"

    def __init__(
        self,
        token_url: str | Mapping[str, str],
        client_id: str,
        client_secret: str,
        *,
        username: str,
        password: str,
        fields: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        login = {"username": username, "password": password}
        super().__init__(token_url, client_id, client_secret, fields=login | dict(fields or {}), **options)


def _basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


def _life(said: object) -> float:
    """Return a token's life in seconds; some servers (UPS) send it as text."""
    try:
        seconds = float(said)  # type: ignore[arg-type] # what is no number raises below
    except (TypeError, ValueError):
        return DEFAULT_LIFE
    return seconds if 0 < seconds < 366 * 86_400 else DEFAULT_LIFE
