"""What a call of the API is: path, who may, what goes in, what comes out. The OpenAPI document is made of the same."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar, get_origin

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from gateway import idempotency
from gateway.api import problems
from gateway.api.problems import Problem
from gateway.clock import now_ms
from gateway.db.store import NotNow, alongside
from gateway.idempotency import Claim, Overtaken
from gateway.staff import audit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from sqlalchemy import Connection

    from gateway.accounts import Accounts
    from gateway.api.auth import Doorkeeper
    from gateway.app import Gateway
    from gateway.keys import KeyRole, Principal
    from gateway.staff.audit import Looks
    from gateway.staff.signing import Staff
    from gateway.storefront.counting import Counts

_Model = TypeVar("_Model", bound=BaseModel)

MERCHANT: tuple[KeyRole, ...] = ("merchant",)
STAFF: tuple[KeyRole, ...] = ("merchant", "support")
ANYBODY: tuple[KeyRole, ...] = ("merchant", "support", "storefront", "operator")
PEOPLE: tuple[KeyRole, ...] = ("merchant", "support", "operator")


class NoBody(BaseModel):
    """Nothing is expected in the body of this request."""

    model_config = ConfigDict(extra="forbid")


class NoQuery(BaseModel):
    """Nothing is expected in the query of this request."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Desk:
    """What all calls share."""

    gateway: Gateway
    keeper: Doorkeeper
    accounts: Accounts
    counts: Counts
    staff: Staff
    looks: Looks


@dataclass(slots=True)
class Ask:
    """One request, checked: who asks, and the body and query as the call's models."""

    desk: Desk
    request: web.Request
    principal: Principal
    body: Any
    query: Any
    now: int

    @property
    def gateway(self) -> Gateway:
        """The gateway that answers."""
        return self.desk.gateway

    @property
    def merchant_id(self) -> str:
        """Whose data this request may touch: the key's merchant and nobody else."""
        return self.principal.merchant_id

    def path(self, name: str) -> str:
        """Return a part of the path."""
        return self.request.match_info[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of the API. `answers` maps a status to the model of its body; `problems` names what else may come."""

    method: str
    path: str
    handler: Callable[[Ask], Awaitable[web.StreamResponse]]
    summary: str
    tag: str
    roles: tuple[KeyRole, ...]
    body: type[BaseModel] = NoBody
    body_optional: bool = False
    takes: tuple[str, ...] = ()
    """Media types of a body that is a file: handed over as its bytes."""
    query: type[BaseModel] = NoQuery
    answers: Mapping[int, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    media_type: str = "application/json"
    files: tuple[str, ...] = ()
    """The media types of an answer that is a file and has no model."""
    most_bytes: int | None = None
    repeatable: bool = False
    """Whether it may simply be done again, because that changes nothing more: then no answer is ever lost."""
    personal: bool = False
    """Whether the answer shows recipients or a secret: looks of people at the console are kept in the audit log."""


class Calls:
    """The calls of one resource."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.all: list[Call] = []

    def add(self, method: str, path: str, summary: str, **more: Any) -> Callable[[Any], Any]:
        """Decorate the handler of a call; `more` are the fields of `Call`."""

        def note(handler: Any) -> Any:
            self.all.append(Call(method=method, path=path, handler=handler, summary=summary, tag=self.tag, **more))
            return handler

        return note


def answer(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return JSON."""
    return web.Response(
        status=status, body=orjson.dumps(data), content_type="application/json", charset="utf-8", headers=headers
    )


def listing(data: list[Any], next_cursor: str | None = None) -> web.Response:
    """Return a list as every list is returned."""
    return answer({"data": data, "next_cursor": next_cursor})


def runner(desk: Desk, call: Call) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the handler that checks a request, asks the call's own handler and keeps what must be kept."""

    async def run(request: web.Request) -> web.StreamResponse:
        keeper = desk.keeper
        principal = await keeper.who(request)
        keeper.admit(request, principal, call.roles)
        raw = b""
        if request.can_read_body:
            raw = await read_body(request, call.most_bytes or desk.gateway.settings.max_body_bytes)
        query = _read_query(call, request)
        body: Any = _read_file(call, request, raw) if call.takes else _read_model(call, request, raw)
        now = now_ms()
        ask = Ask(desk, request, principal, body, query, now)
        if call.method == "POST" and (key := request.headers.get("Idempotency-Key")) is not None:
            response = await _once(call, ask, key, raw)
        else:
            response = await call.handler(ask)
        if principal.person_id and (call.method != "GET" or call.personal):
            await _audit(call, ask)
        return response

    return run


async def _audit(call: Call, ask: Ask) -> None:
    """Keep what a person did, or looked at, before they see that it is done."""
    who, act = ask.principal, f"{call.method} {call.path}"
    subject = next(iter(ask.request.match_info.values()), "")
    if call.method == "GET" and not ask.desk.looks.is_new((who.person_id, act, subject)):
        return

    def work(conn: Connection) -> None:
        audit.note(conn, who.merchant_id, who.person_id, act, subject=subject, now=ask.now)

    await ask.gateway.store.write(work)


async def read_body(request: web.Request, most: int) -> bytes:
    """Return the body, unpacked. Raises the 413 problem as soon as it is larger than it may be.

    A body that ends early or cannot be unpacked is the caller's fault: the 400 problem.
    """
    try:
        return await _read_up_to(request, most)
    except (web.RequestPayloadError, ConnectionError):
        request.content.feed_eof()  # there is nothing more to come that the server could wait for
        raise Problem("malformed", "the body ended early or cannot be unpacked", last=True) from None


async def _read_up_to(request: web.Request, most: int) -> bytes:
    if (request.content_length or 0) > most:
        raise Problem("too-large", f"at most {most} bytes")
    first = await request.content.readany()
    if request.content.at_eof() and len(first) <= most:
        return first
    parts, size = [first], len(first)
    while size <= most:
        part = await request.content.readany()
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
    raise Problem("too-large", f"at most {most} bytes")


def _read_file(call: Call, request: web.Request, raw: bytes) -> bytes:
    if request.content_type not in call.takes:
        raise Problem("unsupported-media-type", f"send {' or '.join(call.takes)}")
    if not raw:
        raise Problem("malformed", "the request has no body")
    return raw


def _read_model(call: Call, request: web.Request, raw: bytes) -> BaseModel | None:
    if not raw:
        if call.body is NoBody or call.body_optional:
            return call.body()
        raise Problem("malformed", "the request has no body")
    if request.content_type != "application/json" and not request.content_type.endswith("+json"):
        raise Problem("unsupported-media-type", "send JSON as application/json")
    return parse(call.body, raw)


def parse(model: type[_Model], raw: bytes) -> _Model:
    """Return a body as a model. Raises the problem that names each field."""
    try:
        return model.model_validate_json(raw)
    except ValidationError as trouble:
        found = trouble.errors(include_url=False, include_context=False)
        if found[0]["type"] == "json_invalid":
            raise Problem("malformed", "the body is not JSON") from None
        raise problems.from_pydantic(found, known=model.model_fields) from None


def _read_query(call: Call, request: web.Request) -> BaseModel:
    fields = {field.alias or name: field for name, field in call.query.model_fields.items()}
    given: dict[str, Any] = {}
    for name, value in request.query.items():
        if name in given:
            raise problems.invalid((f"?{name}", "is given twice"))
        wanted = fields.get(name)
        if wanted is None or value:  # an empty value says nothing, an unknown name is refused even so
            given[name] = value.split(",") if wanted is not None and _is_list(wanted.annotation) else value
    try:
        return call.query.model_validate(given)
    except ValidationError as trouble:
        found = trouble.errors(include_url=False, include_context=False)
        raise problems.from_pydantic(found, query=True, known=fields) from None


def _is_list(annotation: Any) -> bool:
    options = getattr(annotation, "__args__", ())
    return get_origin(annotation) is list or any(get_origin(option) is list for option in options)


_KEY = re.compile(rf"[\x21-\x7e]{{1,{idempotency.LONGEST_KEY}}}")


async def _once(call: Call, ask: Ask, key: str, raw: bytes) -> web.StreamResponse:
    """Answer a request with an Idempotency-Key: do it once, and then repeat the answer."""
    if not _KEY.fullmatch(key):
        raise Problem("malformed", f"Idempotency-Key: 1 to {idempotency.LONGEST_KEY} visible ASCII characters")
    store, vault, merchant_id = ask.gateway.store, ask.gateway.vault, ask.merchant_id
    # Of each API key its own: an answer may show what another role must not see.
    kept_as = f"{ask.principal.key_id}:{key}"
    digest = idempotency.request_digest(call.method, ask.request.path, ask.request.query_string, raw)
    claim = Claim(merchant_id, kept_as, digest, ask.now)
    found = await store.write(lambda conn: idempotency.begin(conn, claim))
    if found.kind == "other":
        raise Problem("idempotency-key-reused")
    if found.kind == "under_way":
        raise _under_way()
    if found.kind == "lost":
        raise Problem("answer-lost", "look at what is there; to do it once more, send it with a fresh Idempotency-Key")
    if found.kind == "answered":
        plain = vault.open(merchant_id, f"idempotency:{kept_as}", found.sealed)
        return web.Response(
            status=found.status,
            body=plain or None,
            content_type="application/json",
            headers={"Idempotent-Replayed": "true"},
        )
    response = await _claimed(call, ask, claim)
    body = response.body if isinstance(response, web.Response) and isinstance(response.body, bytes) else b""
    sealed = vault.seal(merchant_id, f"idempotency:{kept_as}", body)
    await store.write(lambda conn: idempotency.finish(conn, claim, status=response.status, sealed=sealed))
    return response


async def _claimed(call: Call, ask: Ask, claim: Claim) -> web.StreamResponse:
    """Do the work of a claimed key, which its own commit marks as done; without an answer let the key go."""
    store = ask.gateway.store
    try:
        if call.repeatable:
            return await call.handler(ask)
        with alongside(lambda conn: idempotency.mark_done(conn, claim)):
            return await call.handler(ask)
    except BaseException as trouble:
        refused = isinstance(trouble, Problem) and trouble.kind.status < HTTPStatus.INTERNAL_SERVER_ERROR
        let_go = idempotency.refuse if refused else idempotency.give_up
        with suppress(NotNow):  # then it lets itself go after a minute, and what stopped the work is told
            await store.write(lambda conn: let_go(conn, claim))
        if isinstance(trouble, Overtaken):
            raise _under_way() from None
        raise


def _under_way() -> Problem:
    return Problem("request-under-way", headers={"Retry-After": "1"})
