"""Onfleet: whole tasks pushed by trigger, signed with HMAC-SHA512 under a key shown in hex."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any, ClassVar

import orjson

from gateway.demo.wires.wire import JSON, Wire

if TYPE_CHECKING:
    from aiohttp import web

    from gateway.demo.lives import Happened, Parcel
    from gateway.demo.world import World

_TASK = "tA5k~demo*ParcelNumber05"
_WORKER = "wK3rT0aZ~demo*Courier1x9"
_ORGANISATION = "oRg9demo~Parcel*Shop42Qq"
UNASSIGNED, ASSIGNED, ACTIVE, CLOSED = range(4)


class Onfleet(Wire):
    """Pushes only; the courier's place comes with them."""

    code = "onfleet"
    format = "JSON push, HMAC"
    secrets: ClassVar = {"webhook_secret": "d3a0" * 16}
    words: ClassVar = {
        "label": (6, "taskCreated", UNASSIGNED),
        "assigned": (9, "taskAssigned", ASSIGNED),
        "out": (0, "taskStarted", ACTIVE),
        "near": (2, "taskArrival", ACTIVE),
        "signed": (3, "taskCompleted", CLOSED),
        "absent": (4, "taskFailed", CLOSED),
    }

    def routes(self, world: World) -> list[web.RouteDef]:  # noqa: ARG002 - nobody asks
        """Nothing can be asked here."""
        return []

    def push(self, parcel: Parcel, so_far: list[Happened], one: Happened, now: float) -> tuple[dict[str, str], bytes]:  # noqa: ARG002 - the scheme has no time stamp
        """Tell of one trigger with the task as it stands."""
        number, name, state = self.words[one.deed]
        moving = state >= ACTIVE
        body: dict[str, Any] = {
            "taskId": _TASK,
            "triggerId": number,
            "triggerName": name,
            "workerId": _WORKER if state else None,
            "adminId": None,
            "data": {"task": self._task(parcel, so_far, state, one)},
            "time": _ms(one),
        }
        if name == "taskArrival":
            body["distance"] = 118.4
        if moving:
            body["data"]["worker"] = {
                "id": _WORKER,
                "displayName": "Marta Demo",
                "activeTask": _TASK if state == ACTIVE else None,
                "location": [one.place.longitude, one.place.latitude],
                "timeLastSeen": _ms(one),
            }
        raw = orjson.dumps(body)
        signature = hmac.new(bytes.fromhex(self.secrets["webhook_secret"]), raw, hashlib.sha512).hexdigest()
        return {"Content-Type": JSON, "X-Onfleet-Signature": signature}, raw

    def _task(self, parcel: Parcel, so_far: list[Happened], state: int, one: Happened) -> dict[str, Any]:
        created = so_far[0]
        point = [one.place.longitude, one.place.latitude]
        closed = state == CLOSED
        started = [{"name": "start", "time": _ms(beat)} for beat in so_far if beat.deed == "out"]
        return {
            "id": _TASK,
            "shortId": parcel.number.lower(),
            "timeCreated": _ms(created),
            "timeLastModified": _ms(one),
            "organization": _ORGANISATION,
            "trackingURL": f"https://onfleet.invalid/{parcel.number.lower()}",
            "worker": _WORKER if state else None,
            "state": state,
            "completeAfter": _ms(created),
            "completeBefore": _ms(created) + 36 * 3_600_000,
            "pickupTask": False,
            "completionDetails": {
                "failureReason": "NONE",
                "signatureText": "I. Example" if closed else "",
                "success": closed and one.deed == "signed",
                "time": _ms(one) if closed else None,
                "events": started,
                "signatureUploadId": "5e1f00aa0001demo00000001" if closed else None,
                "photoUploadId": None,
                "photoUploadIds": [],
                "lastLocation": point if closed else [],
            },
            "estimatedArrivalTime": None,
            "eta": None,
            "destination": {
                "location": point,
                "address": {
                    "city": one.place.city,
                    "state": one.place.region,
                    "postalCode": one.place.postal_code,
                    "country": one.place.country,
                },
            },
        }


def _ms(one: Happened) -> int:
    return int(one.at.timestamp() * 1000)
