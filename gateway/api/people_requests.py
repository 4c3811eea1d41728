"""What callers send about people's notices."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from gateway.api.fields import Country, Language, Line, Moment, Plain, Short, Strict
from gateway.people.addresses import LONGEST
from gateway.people.subjects import SUBJECTS
from gateway.people.wording import NoPlaceholder, check

ChannelName = Literal["sms", "email", "push", "whatsapp", "console"]


_OURS = "localtime"
"""Many systems list it among the zones: it is the server's own, and no recipient's."""


def _minutes(text: str) -> str:
    hours, _, minutes = text.partition(":")
    if int(hours) > 23 or int(minutes) > 59:  # noqa: PLR2004 - a clock's last hour and minute
        raise ValueError("is no time of day")
    return text


@cache
def _zones() -> frozenset[str]:
    """Return all zones' names; each look for them reads a folder of the system."""
    return frozenset(available_timezones() - {_OURS})


def _zone(name: str) -> str:
    if name not in _zones():
        raise ValueError("is no time zone: give its IANA name, such as Europe/Berlin")
    return ZoneInfo(name).key


def _subject(name: str) -> str:
    if name != "*" and name not in SUBJECTS:
        raise ValueError(f"is none of *, {', '.join(SUBJECTS)}")
    return name


def _known(text: str) -> str:
    if not text.strip():
        raise ValueError("is blank; leave it out to have it said in the house's words")
    try:
        check(text)
    except NoPlaceholder as wrong:
        raise ValueError(str(wrong)) from None
    return text


def _address(value: Any) -> Any:
    """Refuse what is neither kind of address, in place of naming what is wrong with it as either."""
    if isinstance(value, str):
        if len(value) > LONGEST:
            raise ValueError(f"is longer than {LONGEST} characters")
    elif not isinstance(value, dict):
        raise ValueError("is neither a text nor a browser's subscription")  # noqa: TRY004 - pydantic takes no other
    return value


Clock = Annotated[str, Field(pattern=r"^[0-2][0-9]:[0-5][0-9]$"), AfterValidator(_minutes)]
ZoneName = Annotated[Short, AfterValidator(_zone)]
Subject = Annotated[Short, AfterValidator(_subject)]
Address = Annotated[
    Annotated[str, Field(max_length=LONGEST)] | dict[Short, Plain],
    BeforeValidator(_address),
]


class QuietHours(Strict):
    """Hours of the recipient's day in which only urgent notices go."""

    model_config = ConfigDict(populate_by_name=True)

    start: Clock = Field(alias="from")
    end: Clock = Field(alias="to")


class Consent(Strict):
    """By whose word a person is written to: kept with the wish."""

    how: Short = Field(description="Where it was given, such as `checkout`.")
    at: Moment | None = Field(default=None, description="Left out, now.")
    wording: Annotated[str, Field(max_length=1_000)] = Field(default="", description="What the person agreed to.")


class SubscriptionIn(Strict):
    """What somebody wants to hear of a shipment. The same person again changes their wish."""

    channel: ChannelName
    address: Address = Field(
        description="A phone number, an e-mail address, or what a browser's `PushSubscription.toJSON()` gives."
    )
    country: Country | None = Field(
        default=None,
        description="Where a number without a calling code is meant; left out, the country the parcel goes to.",
    )
    language: Language | None = Field(default=None, description="Left out, the recipient's, else English.")
    zone: ZoneName | None = Field(default=None, description="Left out, that of the place the parcel goes to, else UTC.")
    event_types: list[Subject] | None = Field(
        default=None, min_length=1, max_length=20, description="Kinds of notices; left out, those told by default."
    )
    quiet_hours: QuietHours | None = Field(
        default=None, description="Left out, from 21:00 to 08:00; null: there are none."
    )
    consent: Consent
    double_opt_in: bool = Field(
        default=False, description="Ask the person first: nothing goes before they confirm it by the link they get."
    )


class PublicSubscriptionIn(Strict):
    """What the reader of a tracking page wants to hear."""

    channel: Literal["sms", "email", "push", "whatsapp"]
    address: Address
    country: Country | None = None
    language: Language | None = None
    zone: ZoneName | None = None
    event_types: list[Subject] | None = Field(default=None, min_length=1, max_length=20)


Setting = Annotated[str, Field(max_length=4_000)]


class ChannelIn(Strict):
    """An account to send with. docs/channels.md names each channel's settings and secrets."""

    channel: ChannelName
    label: Line = ""
    settings: dict[Short, Setting] = Field(default={})
    secrets: dict[Short, Setting] = Field(default={})


class ChannelChange(Strict):
    """What may be changed of an account. `settings` and `secrets` replace those they name; null takes one away."""

    label: Line | None = None
    settings: dict[Short, Setting | None] | None = None
    secrets: dict[Short, Setting | None] | None = None


class ChannelTestIn(Strict):
    """Whom to send a test to."""

    to: Address
    country: Country | None = None
    language: Language | None = None


class TemplateIn(Strict):
    """A merchant's own words. A part left out stays the house's; `{shop}` and the like are filled in."""

    subject: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_known)] | None = None
    text: Annotated[str, Field(min_length=1, max_length=4_000), AfterValidator(_known)] | None = None
    html: Annotated[str, Field(min_length=1, max_length=100_000), AfterValidator(_known)] | None = None
    sms: Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(_known)] | None = None
    whatsapp_template: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,512}$")] | None = Field(
        default=None, description="The name of the approved template; left out, the notice's own with `_` for dots."
    )


class PreviewIn(Strict):
    """What to preview: words not kept yet, and the shipment they are about."""

    texts: TemplateIn | None = Field(default=None, description="Left out, the words as they are kept.")
    shipment_id: Short | None = Field(default=None, description="Left out, a made-up parcel.")
