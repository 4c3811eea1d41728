"""A carrier's facts: `carrier.toml`, read strictly, so that a misspelt key is an error and not a silent default."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from normalizer.numbers import NumberFormat

if TYPE_CHECKING:
    from pathlib import Path


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Api(_Strict):
    """Where and how the carrier is asked. Rates are per account; None means the carrier documents none."""

    production: str = ""
    test: str = ""
    format: Literal["json", "xml", "soap"] = "json"
    batch: int = Field(default=1, ge=1)
    per_second: float | None = Field(default=None, gt=0)
    per_day: int | None = Field(default=None, gt=0)
    timeout: float = Field(default=20.0, gt=0, le=120)
    max_bytes: int = Field(default=8_000_000, gt=0)


class Push(_Strict):
    """How the carrier calls us."""

    lives_days: int | None = Field(default=None, gt=0)
    """A subscription ends after so many days, so it is renewed before."""
    batch: int = Field(default=1, ge=1)
    """Numbers in one subscription call."""
    history: bool = True
    """False: pushes tell only news, so one poll after subscribing fetches what was before."""
    max_bytes: int = Field(default=2_000_000, gt=0)


class Clock(_Strict):
    """The carrier's clock habits. `kind` is what its times carry; `zone` the documented zone of bare local times."""

    kind: Literal["offset", "utc", "local", "zone", "mixed", "none"]
    zone: str | None = None
    note: str = ""

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str | None) -> str | None:
        if zone is not None:
            ZoneInfo(zone)
        return zone


class Secret(_Strict):
    """One credential an account needs: what to enter and where the carrier shows it."""

    title: str
    help: str = ""
    optional: bool = False
    use: Literal["poll", "push", "both"] = "both"
    own: bool = False
    """The merchant thinks it up and gives it to the other side: `prefix`, then random bytes in base64."""
    prefix: str = ""


class Facts(_Strict):
    """All facts of one carrier."""

    code: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    name: str
    website: str
    tracking_page: str | None = None
    """The carrier's own page for one number, `{number}` in it."""
    countries: tuple[str, ...] = ()
    """ISO 3166-1 countries it is at home in; empty means the world."""
    kind: Literal["parcel", "post", "freight", "last_mile", "standard", "simulator", "shop"] = "parcel"
    api: Api = Api()
    push: Push = Push()
    clock: Clock
    secrets: dict[str, Secret] = {}
    setup: tuple[str, ...] = ()
    """What to do on the other side, step by step, with the push address at hand."""
    falls_back_on: str | None = None
    """The standard whose code table is asked where the carrier's own has no row: `upu` for posts."""
    case_matters: bool = False
    """Capital and small letters make different numbers, so a number is asked for as its merchant spelled it."""
    numbers: tuple[NumberFormat, ...] = ()
    sources: dict[str, str] = {}
    """Which document each group of facts was taken from."""
    unconfirmed: tuple[str, ...] = ()
    """Facts that no source in reach settles; shown in docs/carriers.md."""


def read_facts(path: Path) -> Facts:
    """Read one `carrier.toml`. Raises `pydantic.ValidationError` or `tomllib.TOMLDecodeError` naming the field."""
    return Facts.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
