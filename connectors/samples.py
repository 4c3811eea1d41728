"""Samples: whole HTTP messages in a carrier's `samples/` folder, named by what happened, each stating its origin.

A sample `delivered.http` is text: comment lines, then one push (a request), or what is asked and answered (request,
a line `###`, response, and again so where one call takes several requests). Beside it stands its golden
`delivered.events.json`, written by `tests/golden.py` and read in review.

    # origin: written
    # about: delivered to a neighbour
    # numbers: LM100000014
    # secrets: api_key=sample-key
    # at: 2026-03-01T12:00:00Z
    # varies: timestamp, requestID
    GET /v1/parcels/LM100000014 HTTP/1.1
    X-Api-Key: sample-key

    ###
    HTTP/1.1 200 OK
    Content-Type: application/json

    {"parcel": "LM100000014", "events": []}

`varies` names form fields that are new in every request, such as a time stamp: their values are not compared.
Line ends that close a body are not part of it, so a signature is made over the body without them.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, get_args
from urllib.parse import parse_qsl

from connectors.base import Payload, Push

if TYPE_CHECKING:
    from collections.abc import Mapping

Origin = Literal["written", "documented", "recorded"]
Call = Literal["poll", "locate"]

ORIGINS: tuple[Origin, ...] = get_args(Origin)
"""From the weakest proof to the strongest: made up after the documents, taken from them, seen on the wire."""

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
"""When a sample was received that does not say so."""

_SPLIT = re.compile(rb"\r?\n###[^\n]*(?:\n|$)")
_KEYS = frozenset({"origin", "about", "numbers", "secrets", "at", "call", "varies"})
_SECRET_HEADERS = frozenset({"authorization", "cookie"})


class BadSample(ValueError):  # noqa: N818 - it names what is bad
    """A sample breaks a rule; the text names file and rule."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request of a sample; header names in lower case, `target` as on the wire."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """The decoded query; of a repeated name the last value."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Response:
    """A response of a sample; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One sample. `exchanges` is one request without a response for a push, else request and response in turn."""

    name: str
    origin: Origin
    about: str
    exchanges: tuple[tuple[Request, Response | None], ...]
    numbers: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)
    at: datetime = NOON
    call: Call = "poll"
    varies: tuple[str, ...] = ()

    @property
    def source(self) -> Literal["poll", "push"]:
        """How the bytes came."""
        return "push" if self.exchanges[-1][1] is None else "poll"

    @property
    def body(self) -> bytes:
        """The bytes that the carrier sent and that are read."""
        request, response = self.exchanges[-1]
        return request.body if response is None else response.body

    def payload(self, carrier: str) -> Payload:
        """Return the sample as the payload that its carrier's connector reads."""
        request, response = self.exchanges[-1]
        headers = request.headers if response is None else response.headers
        return Payload(
            carrier=carrier,
            body=self.body,
            source=self.source,
            received_at=self.at,
            numbers=self.numbers,
            headers={name: value for name, value in headers.items() if name not in _SECRET_HEADERS},
        )

    def push(self) -> Push:
        """Return the sample as the call that a connector verifies. Raises `BadSample` where it is no push."""
        if self.source != "push":
            raise BadSample(f"{self.name} is no push")
        request = self.exchanges[0][0]
        return Push(request.method, request.headers, request.query, request.body, self.at, request.path)


def samples(folder: Path) -> list[Sample]:
    """Return all samples of a carrier's `samples` folder by name. Raises `BadSample`."""
    return [load(path) for path in sorted(folder.glob("*.http"))]


def load(path: Path) -> Sample:
    """Read one sample file. Raises `BadSample`."""
    return read(path.read_bytes(), path.stem)


def read(data: bytes, name: str) -> Sample:
    """Read a sample's bytes. Raises `BadSample` naming the rule it breaks."""
    said: dict[str, str] = {}
    while data.startswith(b"#") and not data.startswith(b"###"):
        line, _, data = data.partition(b"\n")
        key, colon, value = line[1:].decode("utf-8").strip().partition(":")
        if not colon or key not in _KEYS or key in said:
            raise BadSample(f"{name}: the comment {key!r} is none of {', '.join(sorted(_KEYS))}, or stands twice")
        said[key] = value.strip()
    if said.get("origin") not in ORIGINS:
        raise BadSample(f"{name}: the origin is none of {', '.join(ORIGINS)}")
    if not said.get("about"):
        raise BadSample(f"{name}: nothing says what it is about")
    if said.get("call", "poll") not in get_args(Call):
        raise BadSample(f"{name}: the call is none of {', '.join(get_args(Call))}")
    messages = _SPLIT.split(data)
    if len(messages) > 1 and len(messages) % 2:
        raise BadSample(f"{name}: a request has no response")
    asked = [_request(message, name) for message in messages[::2]]
    answered: list[Response | None] = [_response(message, name) for message in messages[1::2]]
    return Sample(
        name=name,
        origin=cast("Origin", said["origin"]),
        about=said["about"],
        exchanges=tuple(zip(asked, answered or [None], strict=True)),
        numbers=_listed(said.get("numbers", "")),
        secrets=_secrets(said.get("secrets", ""), name),
        at=_at(said["at"], name) if "at" in said else NOON,
        call=cast("Call", said.get("call", "poll")),
        varies=_listed(said.get("varies", "")),
    )


def dump(sample: Sample) -> bytes:
    """Return a sample as the bytes of its file; `read` gives the same sample back."""
    lines = [f"# origin: {sample.origin}", f"# about: {sample.about}"]
    if sample.numbers:
        lines.append(f"# numbers: {', '.join(sample.numbers)}")
    if sample.secrets:
        lines.append(f"# secrets: {' '.join(shlex.quote(f'{key}={value}') for key, value in sample.secrets.items())}")
    if sample.at != NOON:
        lines.append(f"# at: {sample.at.astimezone(UTC).isoformat().replace('+00:00', 'Z')}")
    if sample.call != "poll":
        lines.append(f"# call: {sample.call}")
    if sample.varies:
        lines.append(f"# varies: {', '.join(sample.varies)}")
    messages = []
    for request, response in sample.exchanges:
        messages.append(_message(f"{request.method} {request.target} HTTP/1.1", request.headers, request.body))
        if response is not None:
            messages.append(_message(f"HTTP/1.1 {response.status}", response.headers, response.body))
    return "\n".join(lines).encode() + b"\n" + b"\n###\n".join(messages) + b"\n"


def _message(first: str, headers: Mapping[str, str], body: bytes) -> bytes:
    head = [first, *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\n".join(head).encode() + body


def _request(message: bytes, name: str) -> Request:
    first, headers, body = _parts(message, name)
    found = re.fullmatch(r"([A-Z]+) (/\S*) HTTP/1\.1", first)
    if found is None:
        raise BadSample(f"{name}: {first!r} is no request line")
    return Request(found[1], found[2], headers, body)


def _response(message: bytes, name: str) -> Response:
    first, headers, body = _parts(message, name)
    found = re.fullmatch(r"HTTP/1\.1 (\d{3})( .*)?", first)
    if found is None:
        raise BadSample(f"{name}: {first!r} is no status line")
    return Response(int(found[1]), headers, body)


def _parts(message: bytes, name: str) -> tuple[str, dict[str, str], bytes]:
    head, *body = re.split(rb"\r?\n\r?\n", message.lstrip(b"\r\n"), maxsplit=1)
    first, *lines = head.decode("utf-8").splitlines() or [""]
    headers = {}
    for line in lines:
        key, colon, value = line.partition(":")
        if not colon or not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", key):
            raise BadSample(f"{name}: {line!r} is no header line")
        headers[key.lower()] = value.strip()
    return first.strip(), headers, body[0].rstrip(b"\r\n") if body else b""


def _listed(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _secrets(text: str, name: str) -> dict[str, str]:
    pairs = [word.partition("=") for word in shlex.split(text)]
    if any(not key or not equals for key, equals, _ in pairs):
        raise BadSample(f"{name}: secrets are written key=value")
    return {key: value for key, _, value in pairs}


def _at(text: str, name: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadSample(f"{name}: {text!r} is no time") from None
    if at.tzinfo is None:
        raise BadSample(f"{name}: {text!r} names no offset")
    return at


def proof_level(code: str) -> Origin:
    """Return how well a carrier's connector is proved: the strongest origin among its samples."""
    folder = Path(__file__).parent / code.replace("-", "_") / "samples"
    found: set[str] = {"written"}
    for sample in folder.glob("*.http"):
        with sample.open(encoding="utf-8") as lines:
            found.add(next(lines).removeprefix("# origin:").strip())
    return max((origin for origin in ORIGINS if origin in found), key=ORIGINS.index)
