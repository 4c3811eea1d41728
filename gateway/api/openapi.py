"""The OpenAPI 3.1 document, made of the same calls and models that answer the requests."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from gateway.api import answers
from gateway.api.calls import NoBody, NoQuery
from gateway.api.people_requests import PublicSubscriptionIn
from gateway.api.problems import CONTENT_TYPE, KINDS
from gateway.visibility import TABLE
from webhooks.matching import TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import BaseModel

    from gateway.api.calls import Call
    from gateway.visibility import Kind

_REF = "#/components/schemas/{model}"
_ALWAYS = ("unauthorized", "forbidden", "rate-limited", "internal")
_WITH_BODY = ("malformed", "too-large", "unsupported-media-type", "validation")
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})

_ROLE_WORDS = {
    "M": "merchant",
    "S": "support",
    "F": "storefront",
    "O": "operator",
    "R": "recipient",
    "P": "proven",
}


def build(calls: Sequence[Call]) -> dict[str, Any]:
    """Return the document."""
    schemas = _schemas(calls)
    paths: dict[str, dict[str, Any]] = {}
    for call in calls:
        paths.setdefault(call.path, {})[call.method.lower()] = _operation(call, schemas)
    paths |= _OPEN_PATHS
    tags = dict.fromkeys(call.tag for call in calls)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Carrier gateway",
            "version": version("carrier-gateway"),
            "summary": "One hub between every parcel carrier and everybody who wants to know where a parcel is.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in (*tags, "Carriers' calls", "Health")],
        "security": [{"key": []}],
        "paths": paths,
        "webhooks": {name: _webhook(name) for name in sorted(TYPES)},
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key."}},
            "schemas": {name: schema for name, schema in schemas.items() if not name.endswith(("Query", "NoBody"))},
            "responses": {name: _problem_response(name) for name in KINDS},
            "parameters": {"IdempotencyKey": _IDEMPOTENCY_KEY},
        },
    }


def _schemas(calls: Iterable[Call]) -> dict[str, Any]:
    wanted: dict[type[BaseModel], None] = dict.fromkeys(
        (answers.Problem, answers.Message, answers.Health, PublicSubscriptionIn)
    )
    for call in calls:
        wanted |= dict.fromkeys((call.body, call.query))
        wanted |= dict.fromkeys(model for model in call.answers.values() if model is not None)
    # Requests first: a model that stands on both sides is described as it is sent.
    _, document = models_json_schema(
        [(model, "validation") for model in wanted], ref_template=_REF, title="Carrier gateway"
    )
    schemas: dict[str, Any] = document["$defs"]
    shown: tuple[tuple[Kind, str], ...] = (
        ("shipment", "Shipment"),
        ("event", "Event"),
        ("order", "Order"),
        ("order_event", "OrderEvent"),
    )
    for kind, name in shown:
        for field, schema in schemas[name]["properties"].items():
            who = TABLE[kind].get(field)
            if who is not None:
                schema["x-visible-to"] = [_ROLE_WORDS[letter] for letter in who]
    return schemas


def _operation(call: Call, schemas: Mapping[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": call.handler.__module__.rpartition(".")[2] + "_" + call.handler.__name__,
        "summary": call.summary,
        "tags": [call.tag],
        "description": f"For keys of the role {', '.join(call.roles)}.",
        "parameters": [*_path_parameters(call.path), *_query_parameters(call, schemas)],
        "responses": _responses(call),
    }
    if call.method == "POST":
        operation["parameters"].append({"$ref": "#/components/parameters/IdempotencyKey"})
    if "last_event_id" in call.query.model_fields:
        operation["parameters"].append(_LAST_EVENT_ID)
    if call.takes:
        content = {name: {"schema": {"type": "string", "minLength": 1}} for name in call.takes}
        operation["requestBody"] = {"required": True, "content": content}
    if call.body is not NoBody:
        operation["requestBody"] = {
            "required": not call.body_optional,
            "content": {"application/json": {"schema": _ref(call.body)}},
        }
    return operation


def _responses(call: Call) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, model in call.answers.items():
        told: dict[str, Any] = {"description": _SAYS[status], "headers": _LIMIT_HEADERS}
        if model is not None:
            told["content"] = {call.media_type: {"schema": _ref(model)}}
        elif call.files:
            told["content"] = dict.fromkeys(call.files, _FILE)
        responses[str(status)] = told
    names = [*_ALWAYS, *call.problems]
    names += _WITH_BODY if call.body is not NoBody else ("malformed", "unsupported-media-type", "too-large")
    if call.query is not NoQuery:
        names.append("validation")
    names += ("validation",)  # a query or a body where none is expected
    if call.method == "POST":
        names += ("request-under-way", "idempotency-key-reused")
        names += () if call.repeatable else ("answer-lost",)
    if call.method in _WRITES:
        names.append("busy")
    by_status: dict[int, list[str]] = {}
    for name in dict.fromkeys(names):
        by_status.setdefault(KINDS[name].status, []).append(name)
    for status, kinds in sorted(by_status.items()):
        if len(kinds) == 1:
            responses[str(status)] = {"$ref": f"#/components/responses/{kinds[0]}"}
        else:
            described = " · ".join(f"`{name}`: {KINDS[name].title}" for name in kinds)
            responses[str(status)] = _problem_body(described)
    return responses


def _problem_response(name: str) -> dict[str, Any]:
    return _problem_body(f"{KINDS[name].title}. {KINDS[name].help}")


def _problem_body(description: str) -> dict[str, Any]:
    return {"description": description, "content": {CONTENT_TYPE: {"schema": _ref(answers.Problem)}}}


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _query_parameters(call: Call, schemas: Mapping[str, Any]) -> list[dict[str, Any]]:
    if call.query is NoQuery:
        return []
    parameters = []
    for name, schema in schemas[call.query.__name__].get("properties", {}).items():
        plain = {key: value for key, value in schema.items() if key not in ("title", "description")}
        options = [option for option in plain.pop("anyOf", []) if option != {"type": "null"}]
        if plain.get("default", 0) is None:
            del plain["default"]
        merged = plain | options[0] if options else plain
        parameter = {
            "name": name,
            "in": "query",
            "required": name in schemas[call.query.__name__].get("required", []),
            "schema": merged,
        }
        if merged.get("type") == "array":
            parameter |= {"style": "form", "explode": False}
        if "description" in schema:
            parameter["description"] = schema["description"]
        parameters.append(parameter)
    return parameters


def _webhook(name: str) -> dict[str, Any]:
    headers = {
        "webhook-id": "The message's id, the same over every repeat.",
        "webhook-timestamp": "Epoch seconds of this attempt.",
        "webhook-signature": "Standard Webhooks 1.0: `v1,` and a base64 HMAC-SHA256 of `id.timestamp.body`.",
    }
    return {
        "post": {
            "operationId": "told_" + name.replace(".", "_"),
            "summary": f"`{name}`",
            "security": [],
            "parameters": [
                {"name": header, "in": "header", "required": True, "schema": {"type": "string"}, "description": told}
                for header, told in headers.items()
            ],
            "requestBody": {"required": True, "content": {"application/json": {"schema": _ref(answers.Message)}}},
            "responses": {"2XX": {"description": "Taken."}, "410": {"description": "Gone: disables the endpoint."}},
        }
    }


_FILE = {"schema": {"type": "string", "format": "binary"}}
_SAYS = {
    200: "Done.",
    201: "Made.",
    202: "Taken on.",
    204: "Done; nothing to say.",
    207: "Some items were refused: see each item's status.",
}
_LIMIT_HEADERS = {
    "RateLimit": {"description": "What is left of the key's requests.", "schema": {"type": "string"}},
    "X-Request-Id": {"description": "Finds this request in the gateway's logs.", "schema": {"type": "string"}},
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same request with the same key is done once; for a day its answer is repeated. Where a crash "
    "took the answer, a repeat a minute later is told `answer-lost`, or answered with what is there.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
_LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "The `id` of the last event seen: what came after it is sent first.",
    "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
}


def _plain(operation: str, summary: str, tag: str, responses: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"operationId": operation, "summary": summary, "tags": [tag], "security": [], "responses": responses} | more


def _refused(*names: str) -> dict[str, Any]:
    return {str(KINDS[name].status): {"$ref": f"#/components/responses/{name}"} for name in names}


def _provider(method: str) -> dict[str, Any]:
    return _plain(
        f"provider_{method}",
        "A messaging provider's report, or what a person answered: proved by the provider's own signature.",
        "Channels",
        {"200": {"description": "Taken, or a check of the address answered."}}
        | _refused("malformed", "forged", "not-found", "too-large", "busy", "internal"),
        parameters=_path_parameters("/channels/{account_id}/callback"),
    )


def _public(operation: str, summary: str, status: str, members: tuple[str, ...], **more: Any) -> dict[str, Any]:
    shape = {"type": "object", "required": list(members), "properties": {name: {} for name in members}}
    return _plain(
        operation,
        summary,
        "Subscriptions",
        {status: {"description": "Done.", "content": {"application/json": {"schema": shape}}}}
        | _refused("malformed", "not-found", "conflict", "too-large", "unsupported-media-type", "validation")
        | _refused("rate-limited", "internal", "busy"),
        parameters=_path_parameters("/v1/public/shipments/{token}"),
        **more,
    )


def _push(
    method: str,
    whose: str = "carrier",
    summary: str = "A carrier's call, verified by that carrier's own scheme and answered in its own way.",
) -> dict[str, Any]:
    problems = {KINDS[name].status: name for name in ("forged", "not-found", "too-large", "busy", "internal")}
    return _plain(
        f"push_{method}" if whose == "carrier" else f"{whose}_push",
        summary,
        "Carriers' calls",
        {"2XX": {"description": "Kept, or a handshake answered."}}
        | {str(status): {"$ref": f"#/components/responses/{name}"} for status, name in problems.items()},
        parameters=_path_parameters(f"/{{{whose}}}/push/{{account_id}}"),
    )


def _health(operation: str, summary: str) -> dict[str, Any]:
    body = {"application/json": {"schema": _ref(answers.Health)}}
    return _plain(
        operation,
        summary,
        "Health",
        {"200": {"description": "Well.", "content": body}, "503": {"description": "Not now.", "content": body}},
    )


_OPEN_PATHS: dict[str, dict[str, Any]] = {
    "/shops/{shop}/push/{account_id}": {
        "post": _push("post", "shop", "A shop's call, verified by that shop's own scheme.")
    },
    "/carriers/{carrier}/push/{account_id}": {"post": _push("post"), "get": _push("get")},
    "/channels/{account_id}/callback": {"post": _provider("post"), "get": _provider("get")},
    "/v1/public/shipments/{token}/channels": {
        "get": _public("public_channels", "By which ways the reader of a tracking page may hear.", "200", ("data",))
    },
    "/v1/public/shipments/{token}/subscriptions": {
        "post": _public(
            "public_subscribe",
            "Ask for notices by the link of a tracking page; an address is asked first.",
            "202",
            ("state",),
            requestBody={
                "required": True,
                "content": {"application/json": {"schema": _ref(PublicSubscriptionIn)}},
            },
        )
    },
    "/healthz": {"get": _health("alive", "The process answers.")},
    "/readyz": {"get": _health("ready", "It can do its work.")},
    "/metrics": {
        "get": _plain(
            "metrics",
            "Figures for Prometheus.",
            "Health",
            {"200": {"description": "Figures.", "content": {"text/plain": {"schema": {"type": "string"}}}}},
        )
    },
}
