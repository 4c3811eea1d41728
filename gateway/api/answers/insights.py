"""The insights: counts, shares from 0 to 1 (null where there is nothing to have a share of), and hours."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, Field

from gateway.ratings.ratings import Reason


class InsightGroup(BaseModel, extra="forbid"):
    """What a group has in common; null for what it is not grouped by, or what no carrier told."""

    week: date | None = Field(description="Its Monday.")
    carrier: str | None
    service: str | None
    origin_country: str | None
    destination_country: str | None


class Hours(BaseModel, extra="forbid"):
    """Hours that half and nine tenths do not exceed, right to within an eleventh."""

    p50: float
    p90: float


class TransitHours(Hours, extra="forbid"):
    """Hours that a tenth, half, nine tenths and all but a hundredth do not exceed, right to within an eleventh."""

    p10: float
    p99: float


class _Ends(BaseModel, extra="forbid"):
    arrived: int = Field(description="Delivered, or there to be collected.")
    waiting_for_pickup: int = Field(description="Of those, not collected yet.")
    returned: int = Field(description="Sent back to the sender.")


class PromiseKept(BaseModel, extra="forbid"):
    """How a promise was kept. On time is up to its end; early, before its beginning, is on time as well."""

    promised: int
    without_promise: int = Field(description="Nothing was promised, or too late: these are neither on time nor late.")
    on_time: int
    on_time_share: float | None = Field(description="Of those with a promise.")
    early: int
    late: int
    early_by_hours: Hours | None
    late_by_hours: Hours | None


class OnTime(_Ends, extra="forbid"):
    """The merchant's promise to the recipient, and the first promise of the carrier."""

    merchant: PromiseKept
    carrier: PromiseKept


class TransitTimes(_Ends, extra="forbid"):
    """From the first physical scan until the recipient could have it."""

    measured: int
    transit_hours: TransitHours | None


class VoiceOff(BaseModel, extra="forbid"):
    """How far off a voice was. Within the window it named it is not off."""

    lead_hours: int | None = Field(description="So many hours before the arrival; null for a promise that stands.")
    told: int = Field(description="Where it had said anything by then.")
    told_share: float | None
    met: int
    earlier: int
    later: int
    off_hours: Hours | None = Field(description="Either way.")


class OurVoiceOff(VoiceOff, extra="forbid"):
    """How far off our p50 was, and how many were there by our p90: nine of ten should be."""

    by_p90_share: float | None


class EtaAccuracy(_Ends, extra="forbid"):
    """The three voices of an arrival, held against it."""

    carrier: list[VoiceOff]
    merchant: VoiceOff
    ours: list[OurVoiceOff]


class Satisfaction(_Ends, extra="forbid"):
    """What recipients said."""

    rated: int
    rated_share: float | None
    average: float | None = Field(description="Stars from 1 to 5.")
    low: int = Field(description="One or two stars.")
    low_share: float | None
    stars: dict[str, int]
    reasons: dict[Reason, int]


class OnTimeGroup(OnTime, extra="forbid"):
    """On time, of one group."""

    group: InsightGroup


class TransitTimesGroup(TransitTimes, extra="forbid"):
    """Transit times of one group."""

    group: InsightGroup


class EtaAccuracyGroup(EtaAccuracy, extra="forbid"):
    """Accuracy of arrivals, of one group."""

    group: InsightGroup


class SatisfactionGroup(Satisfaction, extra="forbid"):
    """Satisfaction, of one group."""

    group: InsightGroup


class _Insights(BaseModel, extra="forbid"):
    first: date = Field(alias="from")
    last: date = Field(alias="to")
    next_cursor: str | None


class OnTimeInsights(_Insights, extra="forbid"):
    """On time, altogether and a page of groups."""

    total: OnTime
    data: list[OnTimeGroup]


class TransitTimesInsights(_Insights, extra="forbid"):
    """Transit times, altogether and a page of groups."""

    total: TransitTimes
    data: list[TransitTimesGroup]


class EtaAccuracyInsights(_Insights, extra="forbid"):
    """Accuracy of arrivals, altogether and a page of groups."""

    total: EtaAccuracy
    data: list[EtaAccuracyGroup]


class SatisfactionInsights(_Insights, extra="forbid"):
    """Satisfaction, altogether and a page of groups."""

    total: Satisfaction
    data: list[SatisfactionGroup]
