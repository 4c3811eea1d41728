"""Templates: a merchant's own words for notices, and how they would look."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import orjson
from aiohttp import web

from gateway import shipments
from gateway.api import answers
from gateway.api.calls import MERCHANT, STAFF, Ask, Calls, answer, listing
from gateway.api.people_requests import PreviewIn, TemplateIn
from gateway.api.problems import Problem, invalid
from gateway.people import overrides, sample
from gateway.people.subjects import CONFIRM, SUBJECTS
from gateway.people.wording import PLACEHOLDERS, Facts, house, now_at, word
from gateway.people.writing import carrier_name, history_of, shop
from gateway.texts import LANGUAGES
from normalizer import render
from webhooks.channels.segments import count

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

CALLS = Calls("Templates")
PATH = "/v1/templates/{subject}/{language}"
_SAMPLE_LINK = "https://track.example/t/" + "x" * 24
_SAMPLE_CARRIER = "Sample Carrier"


def _which(ask: Ask) -> tuple[str, str]:
    """Return the kind of notice and the language a path names. Raises the 404 problem."""
    subject, language = ask.path("subject"), ask.path("language")
    if (subject not in SUBJECTS and subject != CONFIRM) or language not in LANGUAGES:
        raise Problem("not-found", f"there are {', '.join((*SUBJECTS, CONFIRM))}, each in {', '.join(LANGUAGES)}")
    return subject, language


def document(subject: str, language: str, row: RowMapping | None) -> dict[str, Any]:
    """Return the words of a kind of notice: the merchant's, and the house's."""
    return {
        "subject": subject,
        "language": language,
        "own": {} if row is None else orjson.loads(row["texts"]),
        "house": house(subject, language),
        "placeholders": dict(PLACEHOLDERS),
        "updated_at": None if row is None else render.millis_instant(row["changed_at"]),
    }


@CALLS.add(
    "GET",
    "/v1/templates",
    "All own words of a merchant.",
    roles=STAFF,
    answers={200: answers.Templates},
)
async def find(ask: Ask) -> web.StreamResponse:
    """List own words."""
    rows = await ask.gateway.store.read(lambda conn: overrides.listed(conn, ask.merchant_id))
    return listing([document(row["subject"], row["language"], row) for row in rows])


@CALLS.add(
    "GET",
    PATH,
    "The words of one kind of notice in one language: the merchant's own, and the house's.",
    roles=STAFF,
    answers={200: answers.Template},
    problems=("not-found",),
)
async def get(ask: Ask) -> web.StreamResponse:
    """Show the words of one kind of notice."""
    which = _which(ask)
    row = await ask.gateway.store.read(lambda conn: overrides.get(conn, ask.merchant_id, *which))
    return answer(document(*which, row))


@CALLS.add(
    "PUT",
    PATH,
    "Say a kind of notice in own words; what is left out stays the house's.",
    roles=MERCHANT,
    body=TemplateIn,
    answers={200: answers.Template},
    problems=("not-found", "validation"),
)
async def put(ask: Ask) -> web.StreamResponse:
    """Keep own words."""
    which = _which(ask)
    told = ask.body.model_dump(exclude_none=True)
    if not told:
        raise invalid(("/text", "say at least one part; DELETE goes back to the house's words"))
    row = await ask.gateway.store.write(
        lambda conn: overrides.put(conn, ask.merchant_id, *which, texts=told, now=ask.now)
    )
    return answer(document(*which, row))


@CALLS.add(
    "DELETE",
    PATH,
    "Go back to the house's words.",
    roles=MERCHANT,
    answers={204: None},
    problems=("not-found",),
)
async def remove(ask: Ask) -> web.StreamResponse:
    """Forget own words."""
    which = _which(ask)
    if not await ask.gateway.store.write(lambda conn: overrides.remove(conn, ask.merchant_id, *which)):
        raise Problem("not-found")
    return web.Response(status=204)


@CALLS.add(
    "POST",
    PATH + "/preview",
    "A notice as it would be sent, with the SMS counted: of a shipment, or of a made-up parcel.",
    roles=STAFF,
    body=PreviewIn,
    body_optional=True,
    answers={200: answers.Preview},
    problems=("not-found", "validation"),
    repeatable=True,
)
async def preview(ask: Ask) -> web.StreamResponse:
    """Word a notice without sending it."""
    subject, language = _which(ask)
    wish: PreviewIn = ask.body

    def work(conn: Connection) -> Facts:
        own = wish.texts.model_dump(exclude_none=True) if wish.texts is not None else None
        if own is None:
            own = overrides.texts_of(conn, ask.merchant_id, subject, language)
        data, carrier, history = _parcel(conn, ask, subject, wish.shipment_id)
        return Facts(
            subject=subject,
            language=language,
            zone=ZoneInfo("UTC"),
            now=now_at(ask.now),
            **shop(conn, ask.merchant_id),
            carrier=carrier,
            data=data,
            link=_SAMPLE_LINK,
            unsubscribe=_SAMPLE_LINK.replace("/t/", "/n/"),
            history=history,
            own=own,
            answers=True,
        )

    return answer(_worded(await ask.gateway.store.read(work)))


def _parcel(
    conn: Connection, ask: Ask, subject: str, shipment_id: str | None
) -> tuple[dict[str, Any], str, list[dict[str, Any]]]:
    """Return a message's data, the carrier's name and the history: of a shipment, or made up."""
    if shipment_id is None:
        data = sample.data(subject, now_at(ask.now))
        at = render.millis_instant(ask.now - int(timedelta(hours=2).total_seconds() * 1000))
        history = [{"at": at, "status": "in_transit", "substatus": "at_delivery_depot", "place": {"city": "Sampleton"}}]
        return data, _SAMPLE_CARRIER, history if data else []
    row = shipments.get(conn, ask.merchant_id, shipment_id)
    if row is None:
        raise invalid(("/shipment_id", "there is no such shipment"))
    shipment = shipments.document(row)
    return {"shipment": shipment, "event": None}, carrier_name(shipment), history_of(conn, ask.merchant_id, row["id"])


def _worded(facts: Facts) -> dict[str, Any]:
    sms = word(facts, "sms").text
    letter, pushed, approved = word(facts, "email"), word(facts, "push"), word(facts, "whatsapp")
    counted = count(sms)
    return {
        "subject": pushed.subject,
        "text": pushed.text,
        "letter": letter.text,
        "html": letter.html,
        "sms": {
            "text": sms,
            "encoding": counted.encoding,
            "segments": counted.segments,
            "units": counted.units,
            "left": counted.left,
            "outside": list(counted.outside),
        },
        "whatsapp": {"template": approved.template, "values": list(approved.values)},
    }
