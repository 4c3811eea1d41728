"""A merchant's wish to track a parcel becomes a shipment to make: whose number it is, and with which account to ask."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any

from connectors import carrier_codes, connector
from connectors.base import Polls
from connectors.known_numbers import carrier_name, known_formats
from normalizer.numbers import LONGEST, detect, normal_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.shipments import NewShipment
    from normalizer.numbers import Candidate

_SURE = 0.6
"""The least confidence with which a carrier is taken from a number alone ..."""
_AHEAD = 0.15
"""... and how far ahead of every other it must be where both or neither have a check digit."""


class Refused(ValueError):  # noqa: N818 - it names what happened
    """The wish cannot be met: each field with the reason. `candidates` is set where the carrier is unclear."""

    def __init__(
        self, errors: Sequence[tuple[str, str]], candidates: Sequence[Mapping[str, Any]] | None = None
    ) -> None:
        super().__init__("; ".join(reason for _, reason in errors))
        self.errors = tuple(errors)
        self.candidates = candidates


@dataclass(frozen=True, slots=True)
class AccountChoice:
    """An account as far as choosing needs it."""

    id: str
    carrier: str
    state: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A shipment ready to be made, and what its merchant should know about it."""

    new: NewShipment
    warnings: tuple[str, ...] = ()


_ROUNDED = re.compile(r"[0-9]([.,][0-9]+)?E\+[0-9]+", re.IGNORECASE)


def spell(number: str, carrier: str | None = None) -> str:
    """Return a number as carriers spell it. Raises `Refused` where it is none.

    People write spaces and small letters anywhere; dashes and dots stay where no known format does without them, as
    some references need them. A carrier to whom capital and small letters are not the same gets them as written.
    """
    spelled = "".join(map(_seen, unicodedata.normalize("NFKC", number)))
    plain = normal_number(number)
    if not _case_matters(carrier):
        spelled = spelled.upper()
        if plain != spelled and detect(plain, known_formats()):
            spelled = plain
    if not any(character.isalnum() for character in plain):
        raise Refused([("/tracking_number", "holds neither letters nor digits")])
    if _ROUNDED.fullmatch(spelled):
        raise Refused([("/tracking_number", "was rounded by a spreadsheet: make its column text before it is saved")])
    if len(spelled) > LONGEST:
        raise Refused([("/tracking_number", f"is longer than {LONGEST} characters")])
    return spelled


def _seen(character: str) -> str:
    """Return a digit of any script as ASCII, and nothing for spaces and what cannot be seen."""
    if character.isspace() or unicodedata.category(character) in ("Cc", "Cf"):
        return ""
    digit = unicodedata.decimal(character, None)
    return character if digit is None else str(digit)


def _case_matters(carrier: str | None) -> bool:
    code = (carrier or "").strip().lower()
    return code in carrier_codes() and connector(code).facts.case_matters


def candidates(number: str) -> list[dict[str, Any]]:
    """Return whose a number may be, best first, and whether we can track it there."""
    known = carrier_codes()
    return [
        {
            "carrier": one.carrier,
            "name": carrier_name(one.carrier),
            "service": one.service,
            "checksum": one.checksum,
            "confidence": one.confidence,
            "connector": one.carrier in known,
        }
        for one in detect(number, known_formats())
    ]


def choose_carrier(number: str, given: str | None) -> tuple[str, str]:
    """Return (carrier, who said so: merchant or detected). Raises `Refused` with near matches or candidates."""
    if given is not None:
        code = given.strip().lower()
        if code in carrier_codes():
            return code, "merchant"
        raise Refused([("/carrier", no_such_carrier(code))])
    found = detect(number, known_formats())
    if found and found[0].carrier in carrier_codes() and _clear(found):
        return found[0].carrier, "detected"
    if not found:
        reason = "no carrier we know uses such numbers"
    elif found[0].carrier not in carrier_codes() and _clear(found):
        reason = f"it looks like a number of {carrier_name(found[0].carrier)}, for which there is no connector"
    elif len(found) == 1:
        reason = f"it may be a number of {carrier_name(found[0].carrier)}, or of a carrier we do not know"
    else:
        reason = "more than one carrier may use such numbers"
    raise Refused([("/carrier", f"{reason}: name the carrier")], candidates(number))


def _clear(found: Sequence[Candidate]) -> bool:
    best = found[0]
    if best.confidence < _SURE:
        return False
    for other in found[1:]:
        # Two carriers of one format (a post and the world-wide format it follows) stand in the order of the format.
        proved = best.checksum == "passed" and other.checksum == "none"
        if other.format_id != best.format_id and not proved and best.confidence - other.confidence < _AHEAD:
            return False
    return True


def no_such_carrier(code: str) -> str:
    """Return what is said of a code without a connector, with the near ones or all there are."""
    asked, codes = code.casefold(), carrier_codes()
    near = get_close_matches(asked, codes, n=3, cutoff=0.5) or [one for one in codes if asked and one.startswith(asked)]
    if near:
        return f"there is no connector of that code; did you mean {' or '.join(near[:5])}?"
    return f"there is no connector of that code; there are {', '.join(carrier_codes())}"


@cache
def _needs(carrier: str) -> tuple[str, ...]:
    """Return the credentials without which a carrier cannot be asked."""
    secrets = connector(carrier).facts.secrets
    return tuple(name for name, secret in secrets.items() if not secret.optional and secret.use != "push")


def can_be_asked(carrier: str, account: AccountChoice | None) -> str:
    """Return why a carrier cannot be asked; empty where it can."""
    if not isinstance(connector(carrier), Polls):
        return "this carrier cannot be asked: it only tells by itself (push)"
    if account is None and _needs(carrier):
        return f"no active account at {carrier}: add one with {', '.join(_needs(carrier))} to have it asked"
    if account is not None and account.state != "active":
        return f"the account {account.id} is {account.state}"
    return ""


def choose_account(accounts: Sequence[AccountChoice], carrier: str, given: str | None) -> AccountChoice | None:
    """Return the account to ask with: the given one, else the oldest active one. Raises `Refused`."""
    if given is not None:
        found = next((one for one in accounts if one.id == given), None)
        if found is None:
            raise Refused([("/account", "you have no account of that id")])
        if found.carrier != carrier:
            raise Refused([("/account", f"is an account at {found.carrier}, not at {carrier}")])
        return found
    return next((one for one in accounts if one.carrier == carrier and one.state == "active"), None)


def with_account(new: NewShipment, accounts: Sequence[AccountChoice], now: int) -> Plan:
    """Choose the account and the first time to ask. `new.account_id` is what the merchant gave. Raises `Refused`."""
    account = choose_account(accounts, new.carrier, new.account_id)
    reason = can_be_asked(new.carrier, account)
    warnings = (reason,) if reason and isinstance(connector(new.carrier), Polls) else ()
    chosen = None if account is None else account.id
    return Plan(replace(new, account_id=chosen, next_poll_at=None if reason else now), warnings)
