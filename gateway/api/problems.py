"""Errors as RFC 9457 problems: stable types, each explained at its own address (`/problems/<name>`)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from gateway import plainly

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pydantic_core import ErrorDetails

CONTENT_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of problem: its name is a public contract."""

    name: str
    status: int
    title: str
    help: str

    @property
    def uri(self) -> str:
        """The `type` of the problem, relative to the gateway."""
        return f"/problems/{self.name}"


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "malformed", 400, "The request cannot be read", "The body is not JSON, or a header is not what it must be."
        ),
        Kind("unauthorized", 401, "No valid key", "Send `Authorization: Bearer KEY` with a key that is in force."),
        Kind(
            "forged",
            401,
            "Not the carrier's own",
            "A push without the proof of origin its carrier's or shop's scheme asks for. `detail` says what is "
            "missing; the account's or the shop's `last_refusal` says it to its owner.",
        ),
        Kind(
            "forbidden", 403, "This key may not do that", "The key's role, or the origin it is bound to, rules it out."
        ),
        Kind(
            "not-found", 404, "There is no such thing", "Nothing of that address exists, or it is another merchant's."
        ),
        Kind("method-not-allowed", 405, "Not with this method", "`Allow` lists the methods there are."),
        Kind("conflict", 409, "It contradicts what is there", "The detail says what stands in the way."),
        Kind(
            "cannot-ask-carrier",
            409,
            "The carrier cannot be asked",
            "It only pushes, or the shipment has no account that could ask, or is no longer tracked.",
        ),
        Kind(
            "request-under-way",
            409,
            "The same request is being answered",
            "A request with this Idempotency-Key has no answer yet. Try again shortly.",
        ),
        Kind(
            "answer-lost",
            409,
            "The request was done, its answer is lost",
            "The gateway ended, or failed, after the work of a request with this Idempotency-Key and before its answer "
            "was kept. It is not done again. Look at what is there (`GET`); what is shown only once, such as a secret, "
            "can be made anew. To do the same once more, use a fresh key.",
        ),
        Kind("too-large", 413, "Too large", "The body is larger than this address takes."),
        Kind("unsupported-media-type", 415, "Not that media type", "Send `Content-Type: application/json`."),
        Kind(
            "validation",
            422,
            "Something in the request is wrong",
            "`errors` names each field by its JSON pointer (`/field`, or `?name` for a query parameter), and why.",
        ),
        Kind(
            "carrier-unclear",
            422,
            "The number may be of several carriers, or of none we know",
            "Name the `carrier`. `candidates` lists whose it may be, best first, and which of them have a connector.",
        ),
        Kind(
            "idempotency-key-reused",
            422,
            "The Idempotency-Key belongs to another request",
            "Within a day a key stands for one request. Use a fresh key for another one.",
        ),
        Kind("rate-limited", 429, "Too many requests", "`Retry-After` says in how many seconds there is room again."),
        Kind(
            "internal", 500, "A fault of ours", "Nothing is wrong with the request. `request_id` finds it in our logs."
        ),
        Kind("busy", 503, "Too much waits to be written", "Nothing was kept. Try again after `Retry-After` seconds."),
    )
}


class Problem(Exception):  # noqa: N818 - it is the answer, by its proper name
    """An error to be answered. `more` are further members of the body; their values must be the caller's to see.

    `last` closes the connection with the answer: what is left on it cannot be understood.
    """

    def __init__(
        self,
        name: str,
        detail: str = "",
        *,
        errors: Iterable[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        last: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(detail or name)
        self.kind = KINDS[name]
        self.detail = detail
        self.headers = dict(headers or {})
        self.last = last
        self.more = more
        told = [{"pointer": pointer, "detail": reason} for pointer, reason in errors]
        if told:
            self.more = {"errors": told, **more}

    def body(self) -> dict[str, Any]:
        """Return the members of the problem."""
        members: dict[str, Any] = {"type": self.kind.uri, "title": self.kind.title, "status": self.kind.status}
        if self.detail:
            members["detail"] = self.detail
        return members | self.more

    def response(self, request_id: str | None = None) -> web.Response:
        """Return the answer."""
        members = self.body()
        if request_id is not None:
            members["request_id"] = request_id
        response = web.Response(
            status=self.kind.status, body=orjson.dumps(members), content_type=CONTENT_TYPE, headers=self.headers
        )
        if self.last:
            response.force_close()
        return response


def invalid(*errors: tuple[str, str]) -> Problem:
    """Return the problem of wrong fields: (pointer, reason) each."""
    told = (f"{pointer}: {reason}" if pointer else reason for pointer, reason in errors)
    return Problem("validation", "; ".join(told), errors=errors)


def from_pydantic(found: Iterable[ErrorDetails], *, query: bool = False, known: Collection[str] = ()) -> Problem:
    """Return the problem of what pydantic found. Never repeats a value: it may be a secret or a recipient's.

    `known` are the names of the fields there are.
    """
    errors: list[tuple[str, str]] = []
    for value, of_value in groupby(found, key=plainly.place):
        steps, troubles = [str(step).replace("~", "~0").replace("/", "~1") for step in value], list(of_value)
        pointer = f"?{steps[0]}" if query and steps else "".join(f"/{step}" for step in steps)
        choice = plainly.chosen(troubles)
        errors += [(pointer, choice)] if choice else [(pointer, plainly.said(one, known)) for one in troubles]
    return invalid(*errors)


def from_http(trouble: web.HTTPException) -> Problem:
    """Return the problem that says what the framework's exception says; `Allow` is kept."""
    if isinstance(trouble, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(trouble.allowed_methods))
        return Problem("method-not-allowed", f"allowed: {allowed}", headers={"Allow": allowed})
    name = {404: "not-found", 413: "too-large", 415: "unsupported-media-type"}.get(trouble.status, "malformed")
    return Problem(name)
