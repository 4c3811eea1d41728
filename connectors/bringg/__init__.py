"""Bringg: a delivery hub that pushes tasks and way points in two generations of shapes, and its couriers' places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.base import Connector, Payload, Pushes, dig, rows, text_of
from connectors.bringg import stops
from connectors.errors import Forged, Unreadable
from connectors.jwts import require_jwt
from connectors.signatures import base64_key, require_header, require_same, require_secret
from normalizer.clock import epoch_ms
from normalizer.model import Detail, Position, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from connectors.base import Push
    from normalizer.model import Said

SUBJECT = "bringg-event"
"""What the token of a push is about."""

NO_PARCEL = frozenset(
    {
        "customer_created",
        "customer_opted_in",
        "customer_opted_out",
        "customer_tipped",
        "driver_ended_break",
        "driver_got_home",
        "driver_left_home",
        "driver_made_action",
        "driver_shift_schedule",
        "driver_started_break",
        "driver_type_changed",
        "driver_unavailable_status_changed",
        "floating_inventory_updated",
        "rating_submitted",
        "scan_created",
        "task_cashout_created",
    }
)
"""Webhooks that tell nothing of one parcel's way."""

_OF_NO_TASK = ("rating", "start_shift", "user")
"""Fields by which such a webhook without a type is known."""

_ENDED = (4, 7)
_SECONDS_UNTIL = 10**11
_DAY = 86_400


class Carrier(Connector, Pushes):
    """The merchant's webhooks; their fields can be changed by the merchant, so little is required of them."""

    signs_body = False

    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """Ask for every proof the account names: the token, the fixed header, or both. Neither covers the body."""
        key, header = secrets.get("jwt_key", ""), secrets.get("push_header", "")
        if not key and not header:
            raise Forged(
                "the account has neither a key for tokens nor a fixed header, so no push can be proved", owners=True
            )
        if key:
            token = require_header(push.headers, "Authorization").split()[-1:]
            require_jwt("".join(token), _keys(key), push.received_at, subject=SUBJECT)
        if header:
            require_same(push.headers.get(header.lower(), ""), require_secret(secrets, "push_token"))

    def parts(self, payload: Payload) -> Iterator[Any]:
        """One part a webhook, and one a task of a route that was started."""
        body = payload.json()
        run = dig(body, "run")
        if run is None:
            yield body
            return
        for task in rows(run, "tasks"):
            yield {"task": task, "user": dig(run, "user")}

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield what a webhook says of its task, of one stop of it, or where a courier is."""
        kind, came = text_of(part, "webhook_type"), payload.received_at
        if kind in NO_PARCEL:
            return
        if "started_tasks" in part:
            yield from _positions(part, came)
        elif "task" in part:
            yield from _task(kind, part["task"], dig(part, "user"), came)
        elif "way_point" in part:
            yield from _stop(kind, part["way_point"], dig(part, "way_point", "task"), came)
        elif "task_id" in part:
            own = {"id": part["task_id"], "external_id": dig(part, "task_external_id")}
            yield from _stop(kind, part, own, came)
        elif "status" in part:
            yield from _task(kind, part, None, came)
        elif kind or not any(name in part for name in _OF_NO_TASK):
            raise Unreadable("a webhook of no shape that a document shows")


def _keys(secret: str) -> Iterator[bytes]:
    """Yield the key as it was entered, and what it is in base64: the vendor's example calls its key so."""
    yield secret.encode()
    try:
        yield base64_key(secret)
    except Forged:
        return


def _task(kind: str | None, task: dict[str, Any], user: Any, came: datetime) -> Iterator[Said]:
    """Yield a task: its webhook's name is the truth, its status number only a hint."""
    way = stops.in_order(task)
    stage = stops.stage(stops.current(task, way), way)
    status = dig(task, "status")
    codes = _codes(kind, status, stage)
    ended = kind == "task_done" or (type(status) is int and status in _ENDED)
    eta = stops.eta(way[-1]) if way and not ended else None
    number, own = _id(task, "id"), text_of(task, "external_id")
    if codes:
        closed = (dig(task, "ended_time"), dig(way[-1], "checkout_time") if way else None) if ended else ()
        at = _told(*closed, dig(task, "updated_at"))
        event_id = None if at else f"{kind or codes[-1]}"
        yield Scan(number=number, at=at or came, codes=codes, event_id=event_id, eta=eta)
    name, fleet = text_of(user or dig(task, "user"), "name"), text_of(task, "fleet_name")
    yield Detail(
        number=number,
        eta=eta,
        references=(own,) if own else None,
        origin=stops.end(way[0]) if len(way) > 1 else None,
        destination=stops.end(way[-1]) if way else None,
        courier=name.split()[0] if name else None,
        extra={"fleet": fleet} if fleet else None,
    )


def _stop(kind: str | None, stop: dict[str, Any], task: Any, came: datetime) -> Iterator[Said]:
    """Yield one stop of a task. A change of its times is told by the promise, not by an event."""
    number, own, stage = _id(task, "id"), text_of(task, "external_id"), stops.stage(stop, [])
    again = f"{text_of(stop, 'id') or dig(stop, 'position')}/{kind}"
    if kind in ("way_point_arrived", "way_point_left"):
        at = _told(dig(stop, "checkin_time" if kind == "way_point_arrived" else "checkout_time"))
        codes = (f"{stage}/{kind}", kind) if stage else (kind,)
        yield Scan(
            number=number,
            at=at or came,
            codes=codes,
            place=stops.place(stop),
            event_id=None if at else again,
        )
    elif kind is not None and kind not in ("way_point_eta_changed", "way_point_schedule_changed"):
        yield Scan(number=number, at=came, codes=(kind,), event_id=again)
    promised = stops.eta(stop)
    first = {"first_stop_eta": promised.end.isoformat()} if promised and promised.end and stage is None else None
    yield Detail(
        number=number,
        eta=promised if stage == "dropoff" else None,
        references=(own,) if own else None,
        destination=stops.end(stop) if stage == "dropoff" else None,
        extra=first,
    )


def _id(node: Any, name: str) -> str:
    found = text_of(node[name])
    if found is None:
        raise TypeError("an id is a number or a text")
    return found


def _codes(kind: str | None, status: Any, stage: str | None) -> tuple[str, ...]:
    """Return the webhook's name and the status number, each before it with the stop the courier is at."""
    numbered = f"status/{status}" if type(status) is int else None
    words = [word for word in (kind, numbered) if word]
    return tuple(code for word in words for code in ((f"{stage}/{word}", word) if stage else (word,)))


def _positions(part: dict[str, Any], came: datetime) -> Iterator[Said]:
    """Yield the courier's place for each task that was started."""
    at, accuracy = _moment(part["happened_at"], came), dig(part, "accuracy")
    if isinstance(accuracy, bool) or not isinstance(accuracy, int | float | None):
        raise TypeError("an accuracy is a number")
    for task in rows(part, "started_tasks"):
        yield Position(
            number=_id(task, "task_id"), at=at, latitude=part["lat"], longitude=part["lng"], accuracy=accuracy
        )


def _moment(told: Any, came: datetime) -> datetime:
    """Return when a place was taken: seconds or milliseconds. One far from its coming is the documents' slip."""
    if isinstance(told, bool) or not isinstance(told, int):
        raise TypeError("a time is a whole number since 1970")
    at = epoch_ms(told * 1000 if abs(told) < _SECONDS_UNTIL else told)
    return at if abs((at - came).total_seconds()) <= _DAY else came


def _told(*times: Any) -> datetime | None:
    text = next((one for one in map(text_of, times) if one), None)
    return stops.instant(text) if text else None
