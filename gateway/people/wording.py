"""What a notice says: its texts filled in, in the recipient's language and on their clock. Pure.

Texts are the house's (`gateway/texts/*/notices.toml`) or, part by part, the merchant's own. Both name what is filled in
as `{shop}`; what is not known is filled in as nothing.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from gateway import texts
from gateway.pages.branding import LEAST_CONTRAST, contrast
from gateway.pages.templates import render
from gateway.people import arrival
from gateway.people.narrow import narrow
from gateway.people.subjects import CONFIRM, SUBJECTS
from gateway.texts import days
from webhooks.channels.segments import count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

    from gateway.texts import Speech

TEST = "test"
"""The notice that only tells whether an account works."""
PARTS = ("subject", "text", "html", "sms", "whatsapp_template")
"""What a merchant may say in their own way."""
PLACEHOLDERS: Mapping[str, str] = {
    "shop": "the merchant's name",
    "number": "the tracking number",
    "order": "the merchant's order number",
    "carrier": "the carrier's name",
    "status": "where the parcel is in its life, or the finer detail",
    "arrival": "when it arrives: `today between 14:10 and 14:40`",
    "place": "where it can be collected",
    "code": "the code it is handed out against",
    "hours": "when that place is open, in the carrier's words",
    "until": "how long it is kept there: `until Friday`",
    "reason": "why it was not delivered or is held up, or how it was delivered",
    "action": "what the recipient can do about it",
    "details": "all that is known of the above, each with its name",
    "link": "the tracking page, or the page to confirm on",
    "proof": "the tracking page's proof of delivery, where there is one",
    "unsubscribe": "the page on which a recipient stops the messages",
}
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_MEANT = re.compile(r"\{( *[A-Za-z_][A-Za-z0-9_. -]*)\}")
"""What somebody meant for one, though it may be none: a rule of a style sheet has a colon between its braces."""
_DETAILS = ("arrival", "code", "place", "until", "hours", "reason", "action")
_SHORT = frozenset({"arrival", "code", "place", "until", "reason", "action"})
"""Details an SMS has room for."""
_PLAIN_WAYS = frozenset({"other", "to_recipient", "collected"})
"""Details of a delivery that tell nothing beyond it."""
_WITHOUT_ARRIVAL = frozenset({"delivered", "available_for_pickup", "returning", "returned"})
_BUTTONS = {"conversation": "read", "rate": "rate"}
_OF_A_RETURN = {"returning": "return_way", "returned": "return_there"}
"""What a way back is called where the person sent the goods: the sender it goes back to would be they themselves."""
_MOST_HISTORY = 5
_ACCENT = "#1f5fd0"
_LONGEST = 120
"""Characters of a carrier's own words."""


class NoPlaceholder(ValueError):  # noqa: N818 - it names what is missing
    """A text names something that no notice knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a notice is made of. `data` is its message's; empty where it asks for confirmation."""

    subject: str
    language: str
    zone: ZoneInfo
    now: datetime
    shop: str
    carrier: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    link: str = ""
    unsubscribe: str = ""
    history: Sequence[Mapping[str, Any]] = ()
    """The parcel's events, the newest first."""
    own: Mapping[str, str] = field(default_factory=dict)
    """The merchant's own texts, by part."""
    accent: str = ""
    """The colour of the shop's buttons."""
    answers: bool = False
    """Whether what a person answers by SMS reaches us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worded:
    """A notice in words. `values` are what a template of the provider's is filled with, in its order."""

    subject: str
    text: str
    html: str = ""
    template: str = ""
    values: tuple[str, ...] = ()


def word(facts: Facts, channel: str) -> Worded:
    """Say a notice as a channel carries it. Raises `NoText`, `KeyError` where the house lacks a text."""
    speech = texts.choose(facts.language)
    known = _values(facts, speech, channel)
    subject = _say(facts, speech, "subject", known)
    if channel == "sms":
        return Worded(subject=subject, text=_sms(facts, speech, known))
    text = _say(facts, speech, "text", known)
    if channel == "email":
        return Worded(subject=subject, text=_letter(facts, speech, text, known), html=_html(facts, speech, known))
    if channel == "whatsapp":
        template = facts.own.get("whatsapp_template") or facts.subject.replace(".", "_")
        # the provider takes no empty value, and none of several lines
        values = tuple(" ".join(known[name].split()) or "-" for name in ("shop", "number", "details", "link"))
        return Worded(subject=subject, text=text, template=template, values=values)
    return Worded(subject=subject, text=text)


def check(text: str) -> None:
    """Raise `NoPlaceholder` where a merchant's text names what no notice knows."""
    if "{{" in text:
        raise NoPlaceholder("a placeholder stands in single braces, such as {shop}")
    for name in _MEANT.findall(text):
        if name not in PLACEHOLDERS:
            raise NoPlaceholder(f"nothing is called {{{name[:50]}}}; there is {', '.join(PLACEHOLDERS)}")


def fill(text: str, values: Mapping[str, str]) -> str:
    """Fill in a merchant's text. Braces round anything else stay as they are: style sheets have them."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def house(subject: str, language: str) -> dict[str, str]:
    """Return the house's texts of a kind of notice, by part. Its HTML is a page of its own and no text."""
    speech = texts.choose(language)
    name = f"notice.{subject}"
    return {part: str(speech.raw(f"{name}.{part}")) for part in PARTS if speech.has(f"{name}.{part}")}


def _say(facts: Facts, speech: Speech, part: str, known: Mapping[str, str]) -> str:
    own = facts.own.get(part)
    kind = facts.subject
    if _shipment(facts).get("direction") == "return":
        kind = _OF_A_RETURN.get(kind, kind)
    said = speech.say(f"notice.{kind}.{part}", count=None, **known) if own is None else fill(own, known)
    return "\n".join(" ".join(line.split()) for line in said.splitlines()).strip()


def _sms(facts: Facts, speech: Speech, known: Mapping[str, str]) -> str:
    part = "text" if facts.subject == TEST else "sms"
    text = narrow(_linked(_say(facts, speech, part, known), facts.link))
    if facts.answers and "sms" not in facts.own and facts.subject != TEST:
        hinted = narrow(f"{text} {speech.say('notice.foot.stop')}")
        if count(hinted).segments == count(text).segments:
            return hinted
    return text


def _linked(text: str, link: str) -> str:
    return text if not link or link in text else f"{text} {link}"


def _letter(facts: Facts, speech: Speech, text: str, known: Mapping[str, str]) -> str:
    parts = [text]
    if facts.link and facts.link not in text:
        parts.append(f"{speech.say(f'notice.button.{_button(facts)}')}:\n{known['proof'] or facts.link}")
    if history := _history(facts, speech):
        lines = [f"{one['at']}  {one['what']}{', ' if one['place'] else ''}{one['place']}" for one in history]
        parts.append("\n".join([f"{speech.say('notice.label.history')}:", *lines]))
    parts.append("-- \n" + "\n".join(_foot(facts, speech)))
    if facts.unsubscribe and facts.unsubscribe not in text:
        parts[-1] += f"\n{speech.say('notice.foot.unsubscribe', shop=facts.shop)}:\n{facts.unsubscribe}"
    return "\n\n".join(parts)


def _html(facts: Facts, speech: Speech, known: Mapping[str, str]) -> str:
    own = facts.own.get("html")
    if own is not None:
        escaped = {name: html.escape(value) for name, value in known.items()}
        body = fill(own, escaped)
        if facts.unsubscribe and escaped["unsubscribe"] not in body:
            words = html.escape(speech.say("notice.foot.unsubscribe", shop=facts.shop))
            body += f'\n<p><a href="{escaped["unsubscribe"]}">{words}</a></p>'
        return body
    plain = {**known, "details": ""}
    return render(
        "notice.html",
        speech,
        headline=_say(facts, speech, "subject", plain),
        paragraphs=[line for line in _say(facts, speech, "text", plain).split("\n") if line],
        rows=_rows(facts, speech, known),
        button=speech.say(f"notice.button.{_button(facts)}"),
        link=known["proof"] or facts.link,
        accent=facts.accent or _ACCENT,
        on_accent="#ffffff" if contrast(facts.accent or _ACCENT, "#ffffff") >= LEAST_CONTRAST else "#14181f",
        history=_history(facts, speech),
        foot=_foot(facts, speech),
        stop=speech.say("notice.foot.unsubscribe", shop=facts.shop),
        unsubscribe=facts.unsubscribe,
    )


def _button(facts: Facts) -> str:
    if facts.subject == CONFIRM:
        return "confirm"
    if facts.subject in _BUTTONS:
        return _BUTTONS[facts.subject]
    return "proof" if facts.subject == "delivered" and _shipment(facts).get("proofs") else "track"


def _foot(facts: Facts, speech: Speech) -> list[str]:
    return [] if facts.subject in (CONFIRM, TEST) else [speech.say("notice.foot.why", shop=facts.shop)]


def _rows(facts: Facts, speech: Speech, known: Mapping[str, str]) -> list[tuple[str, str]]:
    names = (*_DETAILS, "number", "carrier") if facts.data else ()
    return [(speech.say(f"notice.label.{name}"), known[name]) for name in names if known[name]]


def _shipment(facts: Facts) -> Mapping[str, Any]:
    told: Mapping[str, Any] = facts.data.get("shipment") or {}
    return told


def _values(facts: Facts, speech: Speech, channel: str) -> dict[str, str]:
    """Return what a text may name."""
    shipment = _shipment(facts)
    known = dict.fromkeys(PLACEHOLDERS, "") | {
        "shop": facts.shop,
        "number": str(shipment.get("tracking_number") or ""),
        "order": str(shipment.get("order_number") or ""),
        "carrier": facts.carrier,
        "link": facts.link,
        "unsubscribe": facts.unsubscribe,
    }
    if facts.subject in SUBJECTS:
        known |= _details(facts, speech)
        if _button(facts) == "proof" and facts.link:
            known["proof"] = f"{facts.link}#proof"
    names = [name for name in _DETAILS if known[name] and (channel != "sms" or name in _SHORT)]
    pairs = [
        speech.say("notice.label.pair", label=speech.say(f"notice.label.{name}"), value=known[name]) for name in names
    ]
    known["details"] = " ".join(f"{pair.rstrip('.')}." for pair in pairs)
    return known


def _details(facts: Facts, speech: Speech) -> dict[str, str]:
    """Return what a kind of notice tells beyond what it is."""
    shipment = _shipment(facts)
    about = shipment if shipment.get("status") == "returned" else facts.data.get("event") or shipment
    today = facts.now.astimezone(facts.zone).date()
    status, substatus = str(about.get("status") or shipment["status"]), about.get("substatus")
    known = {"status": speech.status(status, substatus)}
    if facts.subject == "available_for_pickup":
        known |= _collecting(shipment, speech, today)
    elif facts.subject in ("attempt_failed", "action_required", "exception"):
        if substatus not in (None, "other"):
            known["reason"] = speech.status(status, substatus)
        action = shipment.get("action")
        if action is not None and speech.has(f"action.{action}"):
            known["action"] = speech.say(f"action.{action}")
    elif facts.subject == "delivered" and substatus not in (None, *_PLAIN_WAYS):
        known["reason"] = speech.status(status, substatus)
    if not SUBJECTS[facts.subject].apart and facts.subject not in _WITHOUT_ARRIVAL:
        known["arrival"] = _arrival(facts, speech, today)
    return known


def _arrival(facts: Facts, speech: Speech, today: date) -> str:
    soon = (facts.data.get("arriving") or {}).get("eta")
    if soon is not None:
        at = arrival.moment(soon, facts.zone)
        return days.window(speech, at, at, today) or ""
    eta = _shipment(facts).get("eta")
    if not eta:
        return ""
    start, end = (None if eta.get(end) is None else arrival.moment(eta[end], facts.zone) for end in ("from", "to"))
    last = end or start
    if last is None or (last < facts.now if isinstance(last, datetime) else last < today):
        return ""  # an arrival that lies behind us is no news
    return days.window(speech, start, end, today) or ""


def _collecting(shipment: Mapping[str, Any], speech: Speech, today: date) -> dict[str, str]:
    point = shipment.get("pickup_point") or {}
    place = ", ".join(
        str(point[name]) for name in ("facility", "street", "postal_code", "city") if point.get(name) is not None
    )
    until = shipment.get("pickup_until")
    code = (shipment.get("extra") or {}).get("pickup_code") or (shipment.get("metadata") or {}).get("pickup_code")
    return {
        "place": place[:_LONGEST],
        "hours": str(shipment.get("pickup_hours") or "")[:_LONGEST],
        "until": "" if until is None else days.until(speech, date.fromisoformat(until), today),
        "code": str(code)[:40] if isinstance(code, str | int) else "",
    }


def _history(facts: Facts, speech: Speech) -> list[dict[str, str]]:
    """Return a parcel's last events as they are shown, the newest first, on the recipient's clock."""
    today = facts.now.astimezone(facts.zone).date()
    shown = []
    for event in facts.history[:_MOST_HISTORY]:
        at = event.get("at") or event.get("local_time")
        place = event.get("place") or {}
        read = event.get("counts_as") or event
        shown.append(
            {
                "at": "" if at is None else days.moment(speech, arrival.moment(at, facts.zone), today),
                "what": speech.status(read["status"], read.get("substatus")),
                "place": str(place.get("city") or place.get("facility") or ""),
            }
        )
    return shown


def now_at(millis: int) -> datetime:
    """Return an instant of epoch milliseconds."""
    return datetime.fromtimestamp(millis / 1000, UTC)
