"""What a courier's phone sends, checked, set right, and put into the words of the connector `courier`.

Nothing a courier did is lost for what is missing about it: the parcel is handed over, whatever the phone could not
prove. Only a wrong PIN, told while the courier still stands at the door, is sent back to be asked for again.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, get_args

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from gateway.lastmile.moving import OLDEST
from gateway.proofs.store import proof_id
from gateway.runs import stops
from gateway.talk.conversation import LONGEST, clean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from gateway.vault import Vault

FileId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{8,64}$")]
To = Literal["recipient", "neighbour", "safe_place", "mailbox", "reception", "locker"]
Reason = Literal[
    "recipient_absent",
    "business_closed",
    "no_access",
    "wrong_address",
    "refused",
    "payment_missing",
    "id_missing",
    "damaged",
    "weather",
    "carrier_reason",
    "other",
]
TOS: tuple[To, ...] = get_args(To)
REASONS: tuple[Reason, ...] = get_args(Reason)
MOST_ACTS, MOST_FIXES = 100, 20
_AT_THE_STOP = frozenset({"arrived", "delivered", "failed"})
"""Acts whose place is that of the stop. Where a courier was at others is theirs: of that only the latest is kept."""
_AT_THE_DOOR = 120_000
"""Milliseconds for which the courier is held to be still there, and a phone's clock to be right."""


class _Told(BaseModel):
    """A part of what a phone sends. An older page may say more than is known here: nothing is refused for it."""

    model_config = ConfigDict(extra="ignore")


class Point(_Told):
    """Where the phone was, in degrees and metres."""

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    accuracy: float | None = Field(default=None, ge=0, le=1_000_000)


class Fix(Point):
    """Where the phone was, and when and how it moved."""

    at: AwareDatetime
    heading: float | None = Field(default=None, ge=0, le=360)
    speed: float | None = Field(default=None, ge=0, le=200)


class Act(_Told):
    """One thing a courier did at one stop. `id` is the phone's own: sent again, it is the same act."""

    id: FileId
    stop: Annotated[str, StringConstraints(max_length=64)]
    at: AwareDatetime
    act: Literal["loaded", "on_the_way", "arrived", "delivered", "failed", "say"]
    to: To | None = None
    reason: Reason | None = None
    name: Annotated[str, StringConstraints(max_length=80, strip_whitespace=True)] = ""
    note: Annotated[str, StringConstraints(max_length=500, strip_whitespace=True)] = ""
    words: Annotated[str, StringConstraints(max_length=LONGEST, strip_whitespace=True)] = Field(default="", repr=False)
    pin: Annotated[str, StringConstraints(max_length=12)] = Field(default="", repr=False)
    checked_id: bool = False
    photos: Annotated[list[FileId], Field(max_length=6)] = []
    signature: FileId | None = None
    place: Point | None = None


class Batch(_Told):
    """What a phone sends at once. `sent_at` is by its own clock, so that a wrong one is found out."""

    sent_at: AwareDatetime
    acts: Annotated[list[Any], Field(max_length=MOST_ACTS)] = []
    positions: Annotated[list[Fix], Field(max_length=MOST_FIXES)] = []


class Spoken(NamedTuple):
    """Something a courier wrote to the recipient and the shop."""

    act_id: str
    shipment_id: str
    words: str


@dataclass(slots=True)
class Taken:
    """What came of a batch: bodies to be kept, where stops stand now, and an answer to each act."""

    acts: list[dict[str, Any]] = field(default_factory=list)
    moves: list[dict[str, Any]] = field(default_factory=list)
    sayings: list[Spoken] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)


class Reader:
    """Reads one batch of one run."""

    def __init__(
        self,
        run: Mapping[Any, Any],
        rows: Sequence[Mapping[Any, Any]],
        vault: Vault,
        *,
        now: datetime,
        kept: Collection[str],
        may_try: Callable[[str], bool],
    ) -> None:
        """Take a run.

        Args:
            run: its row.
            rows: its stops, those taken off as well.
            vault: opens their PINs.
            now: an aware instant.
            kept: the ids of pictures that came before.
            may_try: says if a stop's PIN may be guessed once more.
        """
        self._run = run
        self._stops = {row["id"]: row for row in rows}
        self._vault = vault
        self._now = now
        self._kept = kept
        self._may_try = may_try

    def read(self, batch: Batch) -> Taken:
        """Return what comes of the acts. The order is that of what happened, not of what arrived."""
        taken = Taken()
        slow = self._slow(batch)
        acts = []
        for raw in batch.acts:
            try:
                acts.append(Act.model_validate(raw))
            except ValidationError:
                taken.refused.append({"id": _id_of(raw), "reason": "unreadable"})
        for act in sorted(acts, key=lambda one: one.at):
            self._take(act, act.at + slow, taken)
        return taken

    def positions(self, batch: Batch, taken: Taken) -> bytes | None:
        """Return the body that tells where the courier is, for the stops still ahead; None where it says nothing."""
        slow = self._slow(batch)
        oldest = self._now - timedelta(milliseconds=OLDEST)
        fixes = [one for one in batch.positions if oldest <= one.at + slow <= self._now + timedelta(seconds=1)]
        ahead = [row["tracking_number"] for row in self.ahead(taken)]
        if not fixes or not ahead:
            return None
        told = [
            one.model_dump(mode="json", exclude_none=True) | {"at": (one.at + slow).isoformat()}
            for one in sorted(fixes, key=lambda fix: fix.at)
        ]
        numbers = [{"number": number, "stops_before": before} for before, number in enumerate(ahead)]
        return orjson.dumps({"run": self._run["id"], "positions": told, "ahead": numbers})

    def ahead(self, taken: Taken) -> list[Mapping[Any, Any]]:
        """Return the stops that are open after the acts, in the order of the visits."""
        rows = {id_: dict(row) for id_, row in self._stops.items() if row["removed_at"] is None}
        for move in taken.moves:
            row = rows.get(move["key_id"])
            if row is not None and (state := stops.after(row["state"], move["state"])) != row["state"]:
                row |= {"state": state, "state_at": move["state_at"]}
        return stops.ahead(rows.values())

    def body(self, taken: Taken) -> bytes:
        """Return the body that tells what the courier did."""
        who = {"name": self._run["courier"], "vehicle": self._run["vehicle"] or None}
        return orjson.dumps({"run": self._run["id"], "courier": who, "acts": taken.acts})

    def _slow(self, batch: Batch) -> timedelta:
        """Return how far the phone's clock is behind ours; a little is the way here and not its clock."""
        behind = self._now - batch.sent_at
        return behind if abs(behind) > timedelta(milliseconds=_AT_THE_DOOR) else timedelta()

    def _take(self, act: Act, at: datetime, taken: Taken) -> None:
        at = min(at, self._now)
        stop = self._stops.get(act.stop)
        if stop is None:
            taken.refused.append({"id": act.id, "reason": "unknown"})
            return
        if act.act == "say":
            if words := clean(act.words):
                taken.sayings.append(Spoken(act.id, stop["shipment_id"], words))
            else:
                taken.refused.append({"id": act.id, "reason": "unreadable"})
            return
        private = stops.private_of(self._vault, stop)
        pin = ""
        if act.act == "delivered" and private.pin:
            pin = self._check(stop, act, at, private.pin)
            if pin.startswith("pin_"):
                taken.refused.append({"id": act.id, "reason": pin})
                return
        taken.acts.append(self._told(act, at, stop, pin))
        taken.ids.append(act.id)
        taken.moves.append(
            {
                "key_merchant": stop["merchant_id"],
                "key_run": stop["run_id"],
                "key_id": stop["id"],
                "state": act.act,
                "state_at": int(at.timestamp() * 1000),
            }
        )

    def _check(self, stop: Mapping[Any, Any], act: Act, at: datetime, pin: str) -> str:
        """Return right, wrong or nothing of a PIN; `pin_wrong` or `pin_often` where it is asked for again."""
        if not act.pin:
            return ""
        fresh = self._now - at <= timedelta(milliseconds=_AT_THE_DOOR)
        if fresh and not self._may_try(stop["id"]):
            return "pin_often"
        if hmac.compare_digest(act.pin.encode(), pin.encode()):
            return "right"
        return "pin_wrong" if fresh else "wrong"

    def _told(self, act: Act, at: datetime, stop: Mapping[Any, Any], pin: str) -> dict[str, Any]:
        asks = stops.asks_of(stop)
        files = {"photo": act.photos, "signature": [act.signature] if act.signature else []}
        proofs: list[dict[str, Any]] = [
            {"kind": kind, "id": id_}
            for kind, ids in files.items()
            for one in ids
            if (id_ := proof_id(stop["merchant_id"], stop["shipment_id"], kind, one)) in self._kept
        ]
        if act.checked_id:
            proofs.append({"kind": "id_check", "text": f"{asks.min_age}+" if asks.min_age else None})
        if pin == "right":
            proofs.append({"kind": "pin"})
        if act.name:
            proofs.append({"kind": "name"})
        told: dict[str, Any] = {
            "id": act.id,
            "number": stop["tracking_number"],
            "at": at.isoformat(),
            "act": act.act,
            "to": act.to if act.act == "delivered" else None,
            "reason": act.reason if act.act == "failed" else None,
            "name": act.name or None,
            "note": act.note or None,
            "proofs": proofs,
            "pin": "wrong" if pin == "wrong" else None,
            "place": act.place.model_dump(exclude_none=True) if act.place and act.act in _AT_THE_STOP else None,
        }
        if act.act == "delivered":
            had = {one["kind"] for one in proofs}
            told["unmet"] = [need for need in asks.needs if need not in had]
        return {name: value for name, value in told.items() if value not in (None, [])}


def _id_of(raw: Any) -> str:
    found = raw.get("id") if isinstance(raw, dict) else None
    return found[:64] if isinstance(found, str) else ""
