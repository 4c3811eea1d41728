"""Tookan: dispatch of a merchant's own couriers; pushes carry the whole task, and the shared secret beside it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import orjson

from connectors.auth import FilledBody
from connectors.base import Connector, Contacts, Locates, Payload, Polls, Pushes, dig, rows, text_of
from connectors.errors import Forged, NotFound, Rejected, Unreadable
from connectors.signatures import emptied, require_same, require_secret
from normalizer.clock import with_offset
from normalizer.model import Detail, Place, Position, Proof, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from connectors.base import Push
    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

PICKUP, DELIVERY = "0", "1"
NO_PARCEL = frozenset({"2", "3"})
"""Kinds of tasks without a parcel: an appointment and field work."""

WALK = {"7": "acknowledged_datetime", "1": "started_datetime", "4": "arrived_datetime"}
"""The states a courier walks a task through, with the field that tells when."""

SUCCESSFUL, FAILED = "2", "3"
OVER = frozenset({SUCCESSFUL, FAILED, "9", "10"})
UNDER_WAY = frozenset({"1", "4"})

PROOFS = {"image_added": "photo", "signature_image_added": "signature"}
"""Entries of a task's history whose description is the address of a picture."""

FOUND, INVALID_KEY, NOTHING = "200", "101", "404"
"""The platform's own statuses inside an answer, which come with HTTP 200."""

SECRETS = ("tookan_shared_secret", "access_token")
"""Members of a push that nobody may keep: the proof itself, and a token of the account seen in a captured one."""

_NUMBER = re.compile(r"[1-9]\d*", re.ASCII)
_LOCAL = re.compile(r"(\d{4})-(\d\d)-(\d\d) (\d{1,2}):(\d{1,2}):(\d{1,2})", re.ASCII)
"""The captured body leaves the zero of single-digit seconds out."""


class Carrier(Connector, Pushes, Polls, Locates, Contacts):
    """The webhooks and version 2 of the API."""

    signs_body = False
    proved_in_body = True

    def auth(self, secrets: Mapping[str, str]) -> FilledBody:
        """The API key inside each question."""
        key = secrets["api_key"]
        return FilledBody(lambda body: orjson.dumps({"api_key": key} | orjson.loads(body)))

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask for one task with its history."""
        number = numbers[0]
        if _NUMBER.fullmatch(number) is None:
            raise NotFound("a task's number is digits without a zero before them")
        asked = {"job_ids": [int(number)], "include_task_history": 1, "job_additional_info": 1}
        answer = await http.post("/get_job_details", json=asked, repeatable=True)
        _require_success(answer)
        return answer

    async def locate(self, http: CarrierClient, number: str) -> Answer:
        """Ask for the task: the courier's place stands in it. `NotFound` while none is on the way."""
        answer = await self.poll(http, (number,))
        task = _task(answer)
        if text_of(task, "job_status") not in UNDER_WAY or text_of(task, "fleet_latitude") is None:
            raise NotFound("no courier is under way with this task")
        return answer

    async def contact(self, http: CarrierClient, number: str, text: str) -> None:
        """Send a notification to the app of the courier who has the task."""
        task = _task(await self.poll(http, (number,)))
        courier = text_of(task, "fleet_id")
        if courier is None or text_of(task, "job_status") in OVER:
            raise NotFound("no courier has this task")
        _require_success(await http.post("/send_notification", json={"fleet_ids": [courier], "message": text}))

    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """Compare the secret inside the body; nothing is signed."""
        try:
            told = orjson.loads(push.body)
        except orjson.JSONDecodeError:
            told = None
        given = told.get("tookan_shared_secret") if isinstance(told, dict) else None
        if not isinstance(given, str):
            raise Forged("the member tookan_shared_secret is missing")
        require_same(given, require_secret(secrets, "shared_secret"))

    def kept(self, push: Push) -> bytes:
        """Leave the secrets out of what is kept."""
        return emptied(push.body, *SECRETS)

    def parts(self, payload: Payload) -> Iterable[Any]:
        """One task a part: a push is one, an answer lists them."""
        body = payload.json()
        if "job_id" in body:
            return (body,)
        if text_of(body, "status") != FOUND:
            raise Unreadable("neither a task nor an answer with one")
        return rows(body["data"])

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield the states of a task with their times, what is told of it as a whole, and its courier's place."""
        kind = str(part["job_type"])
        if kind in NO_PARCEL:
            return
        if kind not in (PICKUP, DELIVERY):
            raise Unreadable("a task of a kind that no document names")
        number = str(part["job_id"])
        yield from _scans(number, part, payload.received_at)
        yield _detail(number, part)
        point = _point(part, "fleet_latitude", "fleet_longitude")
        if point is not None and str(part["job_status"]) in UNDER_WAY:
            yield Position(number=number, at=payload.received_at, latitude=point[0], longitude=point[1])


def _require_success(answer: Answer) -> None:
    """Raise what the platform's status inside an answer means."""
    try:
        told = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        told = None
    status = text_of(told, "status") if isinstance(told, dict) else None
    if status == INVALID_KEY:
        raise Rejected("the platform refuses the account's key")
    if status == NOTHING:
        raise NotFound("the platform knows no such task")
    if status != FOUND:
        raise Unreadable("the platform answers without success")


def _task(answer: Answer) -> dict[str, Any]:
    found = rows(orjson.loads(answer.body), "data")
    if not found or not isinstance(found[0], dict):
        raise NotFound("the platform knows no such task")
    return found[0]


def _scans(number: str, task: dict[str, Any], told_at: datetime) -> Iterator[Scan]:
    """Yield where the task stands, and before it the states behind it: a push that was lost comes with the next.

    A state without a time of its own has that of the push or answer, and is named by itself and the courier.
    """
    status, prefix = str(task["job_status"]), "pickup/" if str(task["job_type"]) == PICKUP else ""
    for state in _behind(status):
        at = _local(task, WALK[state])
        if at is not None:
            yield Scan(number=number, at=at, codes=(prefix + state,))
    field = WALK.get(status) or ("completed_datetime" if status in (SUCCESSFUL, FAILED) else None)
    reached = _local(task, field) if field else None
    proofs = _proofs(task) if status == SUCCESSFUL else ()
    yield Scan(
        number=number,
        at=reached or told_at,
        codes=(prefix + status,),
        event_id=None if reached else f"{prefix}{status}/{text_of(task, 'fleet_id') or ''}",
        proofs=proofs,
    )


def _behind(status: str) -> tuple[str, ...]:
    """Return the states that lie behind; of a task taken off its courier the times may be the former one's."""
    walk = tuple(WALK)
    if status in OVER:
        return walk
    return walk[: walk.index(status)] if status in walk else ()


def _detail(number: str, task: dict[str, Any]) -> Detail:
    """Tell the task as it stands. Names, phones, e-mails, addresses, notes and own fields are never read."""
    pickup, status = str(task["job_type"]) == PICKUP, str(task["job_status"])
    point = _point(task, "job_latitude", "job_longitude")
    place = Place(latitude=point[0], longitude=point[1]) if point else None
    name, order = text_of(task, "fleet_name"), text_of(task, "order_id")
    due = None if pickup or status in OVER else _local(task, "job_delivery_datetime")
    extra = {
        "relationship": text_of(task, "pickup_delivery_relationship"),
        "customer_rating": dig(task, "customer_rating") if text_of(task, "is_customer_rated") == "1" else None,
    }
    return Detail(
        number=number,
        eta=Window(None, due) if due else None,
        references=(order,) if order else None,
        proofs=(_proofs(task) or None) if status == SUCCESSFUL else None,
        origin=place if pickup else None,
        destination=None if pickup else place,
        courier=name.split()[0] if name else None,
        tracking_url=text_of(task, "full_tracking_link") or text_of(task, "tracking_link"),
        extra={key: value for key, value in extra.items() if value is not None} or None,
    )


def _proofs(task: dict[str, Any]) -> tuple[Proof, ...]:
    """Return the pictures of the history by their addresses, which lie outside the API."""
    found = [
        (PROOFS.get(text_of(one, "type") or ""), text_of(one, "description")) for one in rows(task, "task_history")
    ]
    pictures = dict.fromkeys((kind, address) for kind, address in found if kind and address and "://" in address)
    return tuple(Proof(kind=kind, reference=address) for kind, address in pictures)  # type: ignore[arg-type] # of PROOFS


def _point(task: dict[str, Any], *names: str) -> tuple[float, float] | None:
    """Return a pair of coordinates, which come as texts; None where either is empty."""
    latitude, longitude = (text_of(task, name) for name in names)
    return (float(latitude), float(longitude)) if latitude and longitude else None


def _local(task: dict[str, Any], name: str) -> datetime | None:
    """Return a time of the account's clock with its offset; None for an empty one and for other spellings."""
    found = _LOCAL.fullmatch(text_of(task, name) or "")
    if found is None or found[1] == "0000":
        return None
    year, month, day, hour, minute, second = map(int, found.groups())
    local = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - the offset stands beside it
    behind = text_of(task, "timezone")
    if behind is None:
        return local
    # The minutes lead from the clock on the wall to UTC, so the offset is their opposite.
    offset = timezone(timedelta(minutes=-int(behind)))
    return with_offset(local, f"{local.replace(tzinfo=offset):%z}")
