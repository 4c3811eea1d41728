"""Carriers: which connectors there are, what each needs, and whose a number may be."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from connectors import capabilities, connectors
from connectors.samples import proof_level
from gateway.api import answers, requests
from gateway.api.calls import ANYBODY, Ask, Calls, listing
from gateway.registering import candidates

if TYPE_CHECKING:
    from aiohttp import web

    from connectors.base import Connector

CALLS = Calls("Carriers")


@CALLS.add(
    "GET",
    "/v1/carriers",
    "Every connector: what it can do and which credentials it needs.",
    roles=ANYBODY,
    answers={200: answers.Carriers},
)
async def find(_ask: Ask) -> web.StreamResponse:
    """List the connectors."""
    return listing(_documents())


@cache
def _documents() -> list[dict[str, Any]]:
    return [document(one) for one in connectors().values()]


def document(of: Connector) -> dict[str, Any]:
    """Return a connector's public facts."""
    facts = of.facts
    return {
        "code": facts.code,
        "name": facts.name,
        "kind": facts.kind,
        "website": facts.website,
        "tracking_page": facts.tracking_page,
        "countries": list(facts.countries),
        "capabilities": list(capabilities(of)),
        "proof_level": proof_level(of.code),
        "credentials": [
            {
                "name": name,
                "title": secret.title,
                "help": secret.help,
                "optional": secret.optional,
                "use": secret.use,
            }
            for name, secret in facts.secrets.items()
        ],
        "unconfirmed": list(facts.unconfirmed),
    }


@CALLS.add(
    "GET",
    "/v1/carriers/detect",
    "Whose a tracking number may be, best first. A hint, never proof.",
    roles=ANYBODY,
    query=requests.DetectQuery,
    answers={200: answers.Candidates},
    problems=("validation",),
)
async def detect(ask: Ask) -> web.StreamResponse:
    """List the candidates for a number."""
    return listing(candidates(ask.query.tracking_number))
