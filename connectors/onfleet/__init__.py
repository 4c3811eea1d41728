"""Onfleet: a last-mile platform that pushes whole tasks, one trigger a webhook; the courier can be located."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from connectors.auth import Basic
from connectors.base import Connector, Locates, Payload, Pushes, Reply, dig, json_object, rows, text_of
from connectors.errors import NotFound, Unreadable
from connectors.signatures import hex_key, require_header, require_hmac, require_secret
from normalizer.clock import epoch_ms
from normalizer.model import Detail, Place, Position, Proof, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    import httpx

    from connectors.base import Push
    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

ACTIVE, CLOSED = 2, 3
"""States of a task on its way and of one closed, well or not; 0 is unassigned and 1 assigned."""

_LONGEST_CHECK = 256

_NO_PARCEL = frozenset(
    {
        "SMSRecipientOptOut",
        "autoDispatchJobCompleted",
        "routeOptimizationJobCompleted",
        "routePlanAssigned",
        "routePlanCompleted",
        "routePlanCreated",
        "routePlanDelayed",
        "routePlanStarted",
        "routePlanUnassigned",
        "routePlanUpdated",
        "smsRecipientResponseMissed",
        "taskBatchCreateJobCompleted",
        "taskCloned",
        "workerCreated",
        "workerDeleted",
        "workerDuty",
        "workerUpdated",
    }
)
"""Triggers that tell nothing of one parcel: a clone makes itself known by its own taskCreated."""


class Carrier(Connector, Pushes, Locates):
    """Onfleet's webhooks, and the position of a courier under way."""

    def auth(self, secrets: Mapping[str, str]) -> httpx.Auth:
        """The API key as user name, no password."""
        return Basic(secrets["api_key"], "")

    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """Hex HMAC-SHA512 over the raw body; the secret is shown in hex and used decoded."""
        key = hex_key(require_secret(secrets, "webhook_secret"))
        require_hmac(key, push.body, require_header(push.headers, "x-onfleet-signature"), digest="sha512")

    def challenge(self, push: Push, secrets: Mapping[str, str]) -> Reply | None:  # noqa: ARG002 - asked unsigned
        """A new webhook is checked by GET with `check=<text>`; that text with status 200 is the answer."""
        check = push.query.get("check", "")
        if push.method != "GET" or not 0 < len(check) <= _LONGEST_CHECK:
            return None
        return Reply(200, check.encode("utf-8"), "text/plain; charset=utf-8")

    async def locate(self, http: CarrierClient, number: str) -> Answer:
        """Ask for the courier of a task, and only while that task is the courier's current one. Else `NotFound`."""
        task = json_object((await http.get(f"/tasks/shortId/{quote(number.lower(), safe='')}")).body)
        worker = text_of(task, "worker")
        if task["state"] != ACTIVE or worker is None:
            raise NotFound("no courier is under way with this task")
        answer = await http.get(
            f"/workers/{quote(worker, safe='')}", params={"filter": "activeTask,location,timeLastSeen"}
        )
        if text_of(json_object(answer.body), "activeTask") != text_of(task, "id"):
            raise NotFound("the courier is on another task")
        return answer

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield what a webhook says of its task, or where the courier asked for is."""
        if not isinstance(part, dict):
            raise Unreadable("neither a webhook nor a worker")
        if "triggerName" not in part:
            yield _position(payload.numbers[0], part)
            return
        trigger = part["triggerName"]
        if trigger in _NO_PARCEL:
            return
        task = dig(part, "data", "task")
        if task is None and trigger == "taskDeleted":
            yield _deleted(part)
            return
        if task is None:
            raise Unreadable("a task's webhook without the task")
        yield _scan(trigger, task, part)
        yield _detail(task, part)
        worker = dig(part, "data", "worker")
        if task["state"] == ACTIVE and dig(worker, "location") and dig(worker, "activeTask") == task["id"]:
            yield _position(task["shortId"], worker)


def _deleted(push: dict[str, Any]) -> Scan:
    """A deleted task is named by its long id alone."""
    task_id = push["taskId"]
    return Scan(number=task_id, at=epoch_ms(push["time"]), codes=("taskDeleted",), extra={"task_id": task_id})


def _scan(trigger: str, task: dict[str, Any], push: dict[str, Any]) -> Scan:
    done = task["completionDetails"]
    word = _word(trigger, task, done)
    closed = word in ("taskCompleted", "taskFailed")
    return Scan(
        number=task["shortId"],
        at=_at(word, task, done, push),
        codes=_codes(word, task, done),
        place=_where(done) if closed else Place(),
        eta=None if closed or task["pickupTask"] is True else _eta(task, push),
        signed_by=text_of(done, "signatureText") if closed else None,
        proofs=_proofs(done) if closed else (),
        extra={
            name: value
            for name, value in {
                "task_id": task["id"],
                "source_task_id": text_of(task, "sourceTaskId"),
                "distance_m": dig(push, "distance"),
                "eta_seconds": dig(push, "etaSeconds"),
                "delay_seconds": dig(push, "delay") or dig(push, "data", "delayTime"),
            }.items()
            if value is not None
        },
    )


def _word(trigger: str, task: dict[str, Any], done: dict[str, Any]) -> str:
    """Return the trigger a push amounts to: an update of a started or closed task says the same as the lost trigger."""
    if trigger == "taskUpdated" and task["state"] == CLOSED:
        return "taskCompleted" if done["success"] is True else "taskFailed"
    if trigger == "taskUpdated" and task["state"] == ACTIVE and _started(done) is not None:
        return "taskStarted"
    return trigger


def _codes(word: str, task: dict[str, Any], done: dict[str, Any]) -> tuple[str, ...]:
    base = f"pickup/{word}" if task["pickupTask"] is True else word
    reason = text_of(done, "failureReason") if word == "taskFailed" else None
    return (f"{base}/{reason}", base) if reason and reason != "NONE" else (base,)


def _at(word: str, task: dict[str, Any], done: dict[str, Any], push: dict[str, Any]) -> datetime:
    """Return when it happened, not when it was told, so that a repetition under another trigger is the same event."""
    told = push["time"]
    if word in ("taskCompleted", "taskFailed"):
        told = dig(done, "time") or told
    elif word == "taskStarted":
        told = _started(done) or told
    elif word == "taskCreated":
        told = task["timeCreated"]
    return epoch_ms(told)


def _started(done: dict[str, Any]) -> int | None:
    times = [event["time"] for event in rows(done, "events") if event["name"] == "start"]
    return times[-1] if times else None


def _where(done: dict[str, Any]) -> Place:
    """Return where the courier closed the task."""
    point = dig(done, "lastLocation")
    if point is None:
        return Place()
    latitude, longitude = _point(point)
    return Place(latitude=latitude, longitude=longitude)


def _eta(task: dict[str, Any], push: dict[str, Any]) -> Window | None:
    seconds = dig(push, "etaSeconds")
    if seconds is not None:
        arrival = epoch_ms(push["time"]) + timedelta(seconds=seconds)
        return Window(arrival, arrival)
    estimate = dig(task, "estimatedArrivalTime") or dig(task, "eta")
    if estimate is not None:
        return Window(epoch_ms(estimate), epoch_ms(estimate))
    after, before = dig(task, "completeAfter"), dig(task, "completeBefore")
    if after is None and before is None:
        return None
    return Window(epoch_ms(after) if after is not None else None, epoch_ms(before) if before is not None else None)


def _proofs(done: dict[str, Any]) -> tuple[Proof, ...]:
    signature = text_of(done, "signatureUploadId")
    photos = [text_of(photo) for photo in [*rows(done, "photoUploadIds"), dig(done, "photoUploadId")]]
    return (
        *((Proof(kind="signature", reference=signature),) if signature else ()),
        *(Proof(kind="photo", reference=photo) for photo in dict.fromkeys(photos) if photo),
    )


def _detail(task: dict[str, Any], push: dict[str, Any]) -> Detail:
    """Tell the task as it stands now. Names, phones and notes are the recipient's and the courier's: left out."""
    done = task["completionDetails"]
    closed, pickup = task["state"] == CLOSED, task["pickupTask"] is True
    place = _place(task)
    name = text_of(push, "data", "worker", "displayName")
    return Detail(
        number=task["shortId"],
        eta=None if closed or pickup else _eta(task, {}),
        signed_by=text_of(done, "signatureText") if closed else None,
        proofs=(_proofs(done) or None) if closed else None,
        references=(task["id"],),
        origin=place if pickup else None,  # what a pickup task calls its destination is where the parcel starts
        destination=None if pickup else place,
        courier=name.split()[0] if name else None,
        tracking_url=text_of(task, "trackingURL"),
    )


def _place(task: dict[str, Any]) -> Place:
    """Return the task's place without street and number; the point is there for the map and the geofence."""
    address = dig(task, "destination", "address")
    point = dig(task, "destination", "location")
    latitude, longitude = _point(point) if point is not None else (None, None)
    country = text_of(address, "country")
    return Place(
        city=text_of(address, "city"),
        region=text_of(address, "state"),
        postal_code=text_of(address, "postalCode"),
        country=country if country and len(country) == 2 and country.isupper() else None,  # noqa: PLR2004 - ISO 3166
        latitude=latitude,
        longitude=longitude,
    )


def _position(number: str, worker: Any) -> Position:
    latitude, longitude = _point(worker["location"])
    return Position(number=number, at=epoch_ms(worker["timeLastSeen"]), latitude=latitude, longitude=longitude)


def _point(point: Any) -> tuple[float, float]:
    """Return (latitude, longitude) of [longitude, latitude], the order of every published value."""
    longitude, latitude = point
    if isinstance(latitude, bool) or isinstance(longitude, bool):
        raise TypeError("a coordinate is a number")
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):  # noqa: PLR2004 - degrees
        raise ValueError("there is no such point")
    return float(latitude), float(longitude)
