"""Samples played back: a connector asks through the real client, and the sample's responses come over its wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import orjson

from connectors.base import Locates, Payload, Polls, Pushes
from connectors.client import HttpClient
from connectors.errors import CarrierError
from connectors.tokens import TokenAuth

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.base import Connector
    from connectors.samples import Sample

    Document = Callable[[Connector, Payload], dict[str, Any]]

ELSEWHERE = "https://replay.invalid"
"""The address of a carrier whose facts name none; `.invalid` never resolves (RFC 6761)."""


class Replay(httpx.AsyncBaseTransport):
    """A wire that answers with a sample's responses in their order and keeps what was asked.

    A token request is answered by itself and stands in `tokens`, so samples need not repeat that exchange.
    """

    def __init__(
        self,
        sample: Sample,
        token_url: httpx.URL | None = None,
        token_answer: Callable[[], httpx.Response] | None = None,
    ) -> None:
        self.asked: list[httpx.Request] = []
        self.tokens: list[httpx.Request] = []
        self.trouble: type[httpx.TransportError] | None = None
        """Raised instead of every answer, where one is set."""
        self._answers = [response for _, response in sample.exchanges if response is not None]
        self._token_url, self._token_answer = token_url, token_answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer the next request. Raises `AssertionError` where the sample holds no more."""
        await request.aread()
        if self._token_answer is not None and request.url == self._token_url:
            self.tokens.append(request)
            return self._token_answer()
        if self.trouble is not None:
            raise self.trouble("as told")
        if len(self.asked) >= len(self._answers):
            raise AssertionError(f"the connector asks once more: {request.method} {request.url.path}")
        answer = self._answers[len(self.asked)]
        self.asked.append(request)
        return httpx.Response(answer.status, headers=dict(answer.headers), stream=httpx.ByteStream(answer.body))


def secrets_of(connector: Connector, sample: Sample) -> dict[str, str]:
    """Return the sample's secrets, and made-up ones for all others that the facts ask for."""
    return {name: f"sample-{name}" for name in connector.facts.secrets} | dict(sample.secrets)


def replay(connector: Connector, sample: Sample) -> tuple[HttpClient, Replay]:
    """Return a client for the connector whose wire is the sample, and that wire."""
    auth_of = getattr(connector, "auth", None)
    auth = auth_of(secrets_of(connector, sample)) if auth_of else None
    base = connector.facts.api.production or connector.facts.api.test or ELSEWHERE
    wire = Replay(sample)
    if isinstance(auth, TokenAuth):
        where = httpx.Request("GET", base, extensions={"base_url": base})
        wire = Replay(sample, auth.token_address(where), auth.sample_answer)
    facts = connector.facts
    facts = facts.model_copy(update={"api": facts.api.model_copy(update={"production": base})})
    return HttpClient(facts, auth, transport=wire, sleep=_at_once), wire


async def _at_once(seconds: float) -> None:
    """Nothing that is played back has to wait."""


async def ask(connector: Connector, sample: Sample) -> tuple[Payload, Replay]:
    """Ask as the sample does and return the bytes that came over the wire. Raises the connector's `CarrierError`."""
    http, wire = replay(connector, sample)
    if sample.call == "locate" and isinstance(connector, Locates):
        answer = await connector.locate(http, sample.numbers[0])
    elif sample.call == "poll" and isinstance(connector, Polls):
        answer = await connector.poll(http, sample.numbers)
    else:
        raise AssertionError(f"{connector.code} cannot {sample.call}")
    payload = Payload(
        carrier=connector.code,
        body=answer.body,
        source="poll",
        received_at=sample.at,
        numbers=sample.numbers,
        headers=answer.headers,
    )
    return payload, wire


async def golden(connector: Connector, sample: Sample, document: Document) -> str:
    """Return the text of a sample's golden file: what is read out of it, JSON with a line a value.

    A handshake's golden is the reply; where asking or reading ends in a `CarrierError`, its kind and reason.
    """
    try:
        if sample.source == "poll":
            payload, _ = await ask(connector, sample)
            said = document(connector, payload)
        else:
            said = _handshake(connector, sample) or document(connector, sample.payload(connector.code))
    except CarrierError as trouble:
        # Line numbers of a connector's source would make a golden of its layout.
        said = {"raises": _kind(trouble), "reason": str(trouble).partition(" (connector line")[0]}
    return golden_text(said)


def golden_text(said: dict[str, Any]) -> str:
    """Return JSON values as a golden file spells them."""
    return orjson.dumps(said, option=orjson.OPT_INDENT_2).decode("utf-8") + "\n"


def _kind(trouble: CarrierError) -> str:
    """Return the public name of an error, be it of a private kind."""
    return next(kind.__name__ for kind in type(trouble).__mro__ if not kind.__name__.startswith("_"))


def _handshake(connector: Connector, sample: Sample) -> dict[str, Any] | None:
    if not isinstance(connector, Pushes):
        raise AssertionError(f"{connector.code} takes no pushes")  # noqa: TRY004 - a broken promise, not a wrong type
    reply = connector.challenge(sample.push(), secrets_of(connector, sample))
    if reply is None:
        return None
    return {"reply": {"status": reply.status, "content_type": reply.content_type, "body": reply.body.decode("utf-8")}}
