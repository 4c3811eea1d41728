"""Ways to reach people: each channel speaks one provider's wire format and knows nothing of shipments.

`KINDS` lists them; `build` makes one of an account's settings and secrets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhooks.channels import email, push, sms
from webhooks.channels.fields import BadSettings, Field, read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from webhooks.channels.base import Channel
    from webhooks.channels.outside import Outside

__all__ = ["KINDS", "BadSettings", "ChannelKind", "Field", "build"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelKind:
    """One way to reach people: what it is, what an account needs, and how a channel is made of that."""

    about: str
    fields: tuple[Field, ...]
    make: Callable[[Mapping[str, str], Outside], Channel]


KINDS: Mapping[str, ChannelKind] = {
    "sms": ChannelKind(
        about="SMS through Twilio, or a provider that speaks its format",
        fields=sms.FIELDS,
        make=lambda values, outside: sms.Sms(values, outside.caller),
    ),
    "email": ChannelKind(
        about="E-mail through your own mail server",
        fields=email.FIELDS,
        make=email.Email,
    ),
    "push": ChannelKind(
        about="Notices in browsers that asked for them (web push)",
        fields=push.FIELDS,
        make=lambda values, outside: push.Push(values, outside.caller),
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
