"""A token from a SOAP login service, shown in a header of the envelope: as DPD's web services want it."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any

import httpx

from connectors.auth import FilledBody
from connectors.errors import CarrierError, Rejected, Unavailable, Unreadable
from connectors.soap import Service, SoapFault, elements, envelope_of
from connectors.tokens import TokenAuth, TokenCache
from connectors.wire import retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ANSWERED = (200, 400, 500)
"""The statuses of a SOAP answer, faults included."""


class SoapLogin(TokenAuth):
    """A token fetched by a SOAP operation and put into the elements of each question's envelope.

    Args:
        service: describes the login operation; the connector's own where one file holds both.
        path: the login service's path under the account's base address.
        operation: the login operation.
        arguments: what it is asked with, secrets included.
        token_element: the local name of the reply's element that holds the token.
        filled: returns the elements of a question that hold the proof, by local name, for a token.
        refusal: the local name of the element in a fault's detail that says a login or a token is refused.
        life: seconds that a token is used.
        sample: an answer of the login service that grants the token `sample-token`, for samples played back.
        cache: for tests; all accounts of a process share one.
        clock: for tests; seconds.

    A refused login, and a fresh token that is refused, raise `Rejected`; all else but a token `Unavailable` or
    `Unreadable`.
    """

    def __init__(
        self,
        service: Service,
        path: str,
        operation: str,
        arguments: Mapping[str, Any],
        *,
        token_element: str,
        filled: Callable[[str], Mapping[str, str]],
        refusal: str,
        life: float,
        sample: bytes,
        cache: TokenCache | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(path, cache=cache, clock=clock)
        self._service, self._operation, self._arguments = service, operation, dict(arguments)
        self._token_element, self._filled = token_element, filled
        self._refusal, self._life, self._sample = refusal, life, sample

    def sample_answer(self) -> httpx.Response:
        """Return an answer of the login service that grants a token, for samples played back."""
        return httpx.Response(200, content=self._sample)

    def _key(self, url: httpx.URL) -> bytes:
        parts = (str(url), self._operation, sorted(self._arguments.items()))
        return hashlib.sha256(repr(parts).encode()).digest()

    def _token_request(self, url: httpx.URL, request: httpx.Request) -> httpx.Request:
        envelope, headers = self._service.request(self._operation, **self._arguments)
        headers |= {"User-Agent": request.headers.get("user-agent", ""), "Accept-Encoding": "gzip"}
        extensions = {"timeout": request.extensions["timeout"]} if "timeout" in request.extensions else {}
        return httpx.Request("POST", url, headers=headers, content=envelope, extensions=extensions)

    def _take(self, answer: httpx.Response) -> tuple[str, float]:
        """Return the token and its life in seconds."""
        status = answer.status_code
        if status in (401, 403):
            raise Rejected(f"the carrier's login service refuses the account's credentials ({status})")
        if status not in _ANSWERED:
            wait = retry_after(answer.headers.get("retry-after"))
            raise Unavailable(f"the carrier's login service answered {status}", retry_after=wait)
        try:
            token = (envelope_of(answer.content).findtext(f".//{{*}}{self._token_element}") or "").strip()
        except SoapFault as fault:
            raise self._named(fault, answer.content) from None
        except Unreadable:
            raise Unavailable("the carrier's login service answered without a token") from None
        if not token or not token.isascii() or not token.isprintable():
            raise Unreadable("the carrier's login service answered with a token that is none")
        return token, self._life

    def _proved(self, request: httpx.Request, token: str) -> httpx.Request:
        return FilledBody(elements(**self._filled(token))).apply(request)

    async def _refuses(self, response: httpx.Response, *, last: bool) -> bool:
        """Say whether the answer is a fault that refuses the token. Raises `Rejected` for a fresh one."""
        if response.status_code not in _ANSWERED:
            return response.status_code == httpx.codes.UNAUTHORIZED
        await response.aread()
        if self._refusal.encode() not in response.content:
            return False
        try:
            envelope_of(response.content)
        except SoapFault:
            if last:
                raise Rejected("the carrier refuses a fresh token of the account") from None
            return True
        except Unreadable:
            pass
        return False

    def _named(self, fault: SoapFault, body: bytes) -> CarrierError:
        if self._refusal.encode() in body:
            return Rejected(f"the carrier's login service refuses the account's credentials ({fault.code})")
        return fault.as_carrier_error()
