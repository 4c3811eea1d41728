"""`/docs` and `/problems/<name>`: the OpenAPI document as a page that needs no script and no network."""

from __future__ import annotations

import base64
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING, Any

from gateway.api.problems import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--accent:#0a66c2}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem;overflow-wrap:anywhere}
h1{line-height:1.2}h2{margin-top:2.5rem;border-bottom:1px solid var(--line)}
a{color:var(--accent)}
code{font:0.9em ui-monospace,monospace;background:var(--soft);padding:.1em .3em;border-radius:.3em}
nav ul{columns:16rem;padding-left:1.2rem}
details{border:1px solid var(--line);border-radius:.5rem;margin:.5rem 0;padding:.4rem .8rem}
summary{cursor:pointer}summary b{display:inline-block;min-width:4.5em}
table{border-collapse:collapse;width:100%;margin:.5rem 0}
th,td{text-align:left;vertical-align:top;padding:.3rem .5rem;border-top:1px solid var(--line)}
@media(max-width:36rem){table,tbody,tr,td,th{display:block}thead{display:none}td{border:0;padding:.1rem .5rem}
tr{border-top:1px solid var(--line);padding:.3rem 0}}
"""
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src 'sha256-"
    + base64.b64encode(sha256(_STYLE.encode()).digest()).decode()
    + "'"
)


def page(document: Mapping[str, Any]) -> str:
    """Return the readable page of an OpenAPI document."""
    by_tag: dict[str, list[str]] = {tag["name"]: [] for tag in document["tags"]}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            by_tag[operation["tags"][0]].append(_operation(document, method, path, operation))
    info = document["info"]
    body = [
        f"<h1>{escape(info['title'])} <small>{escape(info['version'])}</small></h1><p>{escape(info['summary'])}</p>"
    ]
    body.append(
        "<p>Send <code>Authorization: Bearer KEY</code>. Times are RFC 3339 in UTC. Lists are "
        "<code>{&quot;data&quot;, &quot;next_cursor&quot;}</code>. Errors are RFC 9457 problems. The same as data: "
        '<a href="/openapi.json">openapi.json</a>. For people: <a href="/console">the console</a>.</p>'
    )
    sections = [*by_tag, "Webhooks", "Shapes", "Problems"]
    links = "".join(f'<li><a href="#{_anchor(name)}">{escape(name)}</a></li>' for name in sections)
    body.append(f'<nav aria-label="Sections"><ul>{links}</ul></nav><main>')
    for tag, operations in by_tag.items():
        body.append(f'<h2 id="{_anchor(tag)}">{escape(tag)}</h2>' + "".join(operations))
    body.append(_webhooks(document))
    body.append('<h2 id="shapes">Shapes</h2>')
    body += [_shape(name, schema) for name, schema in sorted(document["components"]["schemas"].items())]
    body.append('<h2 id="problems">Problems</h2>' + "".join(_problem(name) for name in KINDS) + "</main>")
    return _html(info["title"], "".join(body))


def problem_page(name: str) -> str | None:
    """Return the page that a problem's `type` leads to; None where there is no such type."""
    if name not in KINDS:
        return None
    return _html(KINDS[name].title, f'<main>{_problem(name)}<p><a href="/docs#problems">All problems</a></p></main>')


def _html(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>"
    )


def _anchor(text: str) -> str:
    return "".join(character if character.isalnum() else "-" for character in text.lower())


def _operation(document: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]) -> str:
    parameters = [_resolved(document, one) for one in operation.get("parameters", [])]
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{one['in']}{', required' if one['required'] else ''}</td>"
        f"<td>{_kind(one['schema'])}</td><td>{_text(one.get('description', ''))}</td></tr>"
        for one in parameters
    )
    table = f"<table><tbody>{rows}</tbody></table>" if rows else ""
    body = operation.get("requestBody")
    sent = f"<p>Body: {_kind(next(iter(body['content'].values()))['schema'])}</p>" if body else ""
    told = "".join(
        f"<li><b>{status}</b> {_text(_resolved(document, response)['description'])} {_content(document, response)}</li>"
        for status, response in operation["responses"].items()
    )
    return (
        f'<details id="{escape(operation["operationId"])}"><summary><b>{method.upper()}</b> '
        f"<code>{escape(path)}</code> "
        f"{_text(operation['summary'])}</summary><p>{_text(operation.get('description', ''))}</p>"
        f"{table}{sent}<ul>{told}</ul></details>"
    )


def _content(document: Mapping[str, Any], response: Mapping[str, Any]) -> str:
    content = _resolved(document, response).get("content")
    return _kind(next(iter(content.values()))["schema"]) if content else ""


def _resolved(document: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in node:
        return node
    found: Any = document
    for step in node["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found  # type: ignore[no-any-return]


def _webhooks(document: Mapping[str, Any]) -> str:
    items = "".join(f"<li><code>{escape(name)}</code></li>" for name in document["webhooks"])
    return (
        '<h2 id="webhooks">Webhooks</h2><p>Posted to your endpoints as <a href="#shape-message">Message</a>, signed '
        "by Standard Webhooks 1.0: <code>webhook-id</code>, <code>webhook-timestamp</code>, "
        f"<code>webhook-signature</code>. Types:</p><nav aria-label='Types'><ul>{items}</ul></nav>"
    )


def _shape(name: str, schema: Mapping[str, Any]) -> str:
    required = schema.get("required", [])
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code>{'' if field in required else ' <small>optional</small>'}</td>"
        f"<td>{_kind(told)}</td><td>{_text(told.get('description', ''))}</td></tr>"
        for field, told in schema.get("properties", {}).items()
    )
    table = f"<table><tbody>{rows}</tbody></table>" if rows else f"<p>{_kind(schema)}</p>"
    return (
        f'<details id="shape-{_anchor(name)}"><summary><b>{escape(name)}</b> {_text(schema.get("description", ""))}'
        f"</summary>{table}</details>"
    )


def _kind(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#shape-{_anchor(name)}">{escape(name)}</a>'
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " · ".join(f"<code>{escape(str(one))}</code>" for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return escape(str(schema.get("format") or schema.get("const") or schema.get("type") or "anything"))


def _problem(name: str) -> str:
    kind = KINDS[name]
    return (
        f'<section id="{name}"><h3><code>{name}</code> <small>{kind.status}</small></h3>'
        f"<p><b>{escape(kind.title)}.</b> {_text(kind.help)}</p></section>"
    )


def _text(text: str) -> str:
    """Return text with its `code` set as code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))
