"""Ways to reach people: each channel speaks one provider's wire format and knows nothing of shipments.

`KINDS` lists them; `build` makes one of an account's settings and secrets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhooks.channels import console, email, push, sms, whatsapp
from webhooks.channels.fields import BadSettings, Field, origin, read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from webhooks.channels.base import Channel
    from webhooks.channels.outside import Outside

__all__ = ["KINDS", "BadSettings", "ChannelKind", "Field", "build", "origin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelKind:
    """One way to reach people: what it is, what an account needs, and how a channel is made of that."""

    about: str
    fields: tuple[Field, ...]
    tables: tuple[str, ...] = ()
    """The tables of what its provider's codes mean; see `meanings`."""
    unconfirmed: tuple[str, ...] = ()
    make: Callable[[Mapping[str, str], Outside], Channel]


KINDS: Mapping[str, ChannelKind] = {
    "sms": ChannelKind(
        about="SMS through Twilio, or a provider that speaks its format",
        fields=sms.FIELDS,
        tables=("twilio", "http"),
        make=lambda values, outside: sms.Sms(values, outside.caller),
    ),
    "email": ChannelKind(
        about="E-mail through your own mail server",
        fields=email.FIELDS,
        tables=("smtp",),
        make=email.Email,
    ),
    "push": ChannelKind(
        about="Notices in browsers that asked for them (web push)",
        fields=push.FIELDS,
        tables=("webpush", "http"),
        make=lambda values, outside: push.Push(values, outside.caller),
    ),
    "whatsapp": ChannelKind(
        about="Approved templates through WhatsApp's Cloud API",
        fields=whatsapp.FIELDS,
        tables=("whatsapp", "http"),
        unconfirmed=(
            "the vendor's own pages could not be read: names of fields and codes are those of public clients",
            "the words of a tapped button: read from button.text",
        ),
        make=lambda values, outside: whatsapp.WhatsApp(values, outside.caller),
    ),
    "console": ChannelKind(
        about="For development: notices are written where the operator looks, and reach nobody",
        fields=console.FIELDS,
        make=lambda _values, outside: console.Console(outside.console),
    ),
}


def build(kind: str, settings: Mapping[str, str], secrets: Mapping[str, str], outside: Outside) -> Channel:
    """Make a channel of an account's settings and secrets, without dialling anything.

    Raises `BadSettings` naming the field that is missing or wrong; it repeats no value.
    """
    if kind not in KINDS:
        raise BadSettings(f"kind: must be one of {', '.join(KINDS)}")
    one = KINDS[kind]
    return one.make(read(one.fields, settings, secrets), outside)
