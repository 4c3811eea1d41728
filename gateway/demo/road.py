"""Parcels on the road now, in real time: a run of the merchant's own courier, and a recipient who watches it come.

Beside the story's cast one run follows the other. The courier and the recipient each know the address of their own page
and nothing else; whoever looks at the demo may open the same pages and act there.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import aiohttp

from gateway.demo import town
from gateway.demo.courier import COURIER, VEHICLE, Courier, Way
from gateway.demo.hub import CallFailed
from gateway.demo.screens import CourierScreen, LinkEnded, TrackingScreen
from gateway.demo.watcher import DESK, RECIPIENT, STEPS, Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateway.demo.hub import Hub
    from gateway.demo.merchant import Told

PATH = "/demo/town.geojson"
"""Where the streets are served, on the gateway's own address."""
_BETWEEN = 20.0
"""Seconds between one run's end and the next courier's start, where there is no end."""
_SHORTEST = 4.0
"""Seconds a courier takes at least: there must be something to see."""
_SETTLES = 5.0
"""Seconds after a run in which what is told of it may still arrive."""
_TIMEOUT = aiohttp.ClientTimeout(total=10)
_BEFORE = (("ordered", "placed", 26.0), ("info_received", "label_created", 5.0), ("in_transit", "picked_up", 3.0))
"""What the shop itself tells before its courier starts: status, detail, hours before."""
_TOLD_ONCE = frozenset({"courier.arriving", "shipment.delivered", "rating.received"})


@dataclass(slots=True)
class Run:
    """One run, seen from the parcel that comes last on it."""

    number: str
    shipment_id: str
    page: str
    """The address of the recipient's tracking page."""
    courier_page: str
    way: Way
    done: set[str] = field(default_factory=set)
    """The steps that came about."""
    trouble: str = ""

    @property
    def seen(self) -> str:
        """What came about, in words."""
        return "; ".join(words for step, words in STEPS.items() if step in self.done)

    @property
    def unseen(self) -> list[str]:
        """What did not come about, in words."""
        missing = [f"never seen: {words}" for step, words in STEPS.items() if step not in self.done]
        return [self.trouble, *missing] if self.trouble else missing


class Road:
    """Runs, one after the other.

    Args:
        hub: makes the merchant's calls.
        told: hears a parcel's number, where something was seen, and what.
        on_new: hears of each run when its courier starts.
    """

    def __init__(
        self, hub: Hub, told: Callable[[str, str, str], None], on_new: Callable[[Run], None] = lambda _run: None
    ) -> None:
        self._hub = hub
        self._told = told
        self._on_new = on_new
        self._serial = 2_000
        self.first: Run | None = None
        self._driving: asyncio.Task[None] | None = None
        self._over: float | None = None
        """When the first run was over."""
        self.ends = False
        """Whether there is one run and no more."""

    async def begin(self, seconds: float | None) -> None:
        """Send the first courier out, to be there within `seconds`; without them more follow for ever."""
        self.ends = seconds is not None
        way = Way.within(None if seconds is None else max(seconds, _SHORTEST))
        self.first = await self._send_out(way)
        self._driving = asyncio.create_task(self._go_on(self.first), name="demo-road")

    async def stop(self) -> None:
        """Stop driving."""
        if self._driving is not None:
            self._driving.cancel()
            with suppress(asyncio.CancelledError):
                await self._driving

    async def _go_on(self, run: Run) -> None:
        await self._follow(run)
        self._over = asyncio.get_running_loop().time()
        while not self.ends:
            await asyncio.sleep(_BETWEEN)
            with suppress(CallFailed, aiohttp.ClientError, TimeoutError):  # the next one may come through
                await self._follow(await self._send_out(run.way))

    async def _send_out(self, way: Way) -> Run:
        """Make a parcel and put it last on a run, behind those for the doors on the way."""
        number = self._number()
        made = await self._hub.call("POST", "/v1/shipments", _parcel(number))
        now = datetime.now(ZoneInfo(town.ZONE))
        doors = [
            {"tracking_number": self._number(), "recipient": _person(name, address)} for name, address, _ in way.doors
        ]
        window = {"from": _instant(now), "to": _instant(now + timedelta(hours=1))}
        last = {"shipment_id": made["id"], "needs": ["photo", "signature"], "window": window, "note": "Second floor"}
        wish = {"courier": COURIER, "vehicle": VEHICLE, "day": now.date().isoformat(), "stops": [*doors, last]}
        sent = await self._hub.call("POST", "/v1/runs", wish)
        run = Run(number, made["id"], made["tracking_url"], sent["courier_url"], way)
        self._on_new(run)
        return run

    async def _tell_before(self, run: Run) -> None:
        """Tell what happened before the courier starts, as a shop's own system does."""
        now = datetime.now(ZoneInfo(town.ZONE))
        for status, detail, hours in _BEFORE:
            told = {"status": status, "substatus": detail, "at": _instant(now - timedelta(hours=hours))}
            await self._hub.call("POST", f"/v1/shipments/{run.shipment_id}/events", told)

    async def _follow(self, run: Run) -> None:
        """Let courier and recipient meet. What keeps them from it is noted."""
        over = asyncio.Event()
        jar = aiohttp.CookieJar(unsafe=True)  # the demo's pages have a number for an address
        told = partial(self._told, run.number)
        async with (
            aiohttp.ClientSession(trust_env=False, timeout=_TIMEOUT) as phone,
            aiohttp.ClientSession(trust_env=False, timeout=_TIMEOUT, cookie_jar=jar) as browser,
        ):
            courier = Courier(CourierScreen(phone, run.courier_page), run.way, partial(told, COURIER))
            watcher = Watcher(TrackingScreen(browser, run.page), town.POSTAL_CODE, told)
            run.done = watcher.done
            try:
                await self._tell_before(run)
                async with asyncio.TaskGroup() as both:
                    both.create_task(_work(courier, over))
                    both.create_task(watcher.watch(over))
                await self._read_ratings(run)
            except* (LinkEnded, CallFailed, aiohttp.ClientError, TimeoutError) as trouble:
                one = trouble.exceptions[0]
                run.trouble = f"it ended early: {one or type(one).__name__}"
        if not self.ends:
            for words in run.unseen:
                told("not this time", words)

    async def _read_ratings(self, run: Run) -> None:
        """Look at the desk for the rating."""
        for one in (await self._hub.call("GET", "/v1/ratings"))["data"]:
            if one["shipment_id"] == run.shipment_id:
                run.done.add("rated")
                self._told(run.number, DESK, f"rated {one['stars']} of 5")

    def _number(self) -> str:
        self._serial += 1
        return f"VAN-{self._serial}"

    def waiting(self, told: Iterable[Told]) -> bool:
        """Tell whether something of the one run is still to come: what it does, and then what is told of it."""
        if self._over is None:
            return True
        late = asyncio.get_running_loop().time() - self._over > _SETTLES
        return not late and bool(_TOLD_ONCE - self._kinds(told).keys())

    def wrong(self, told: Iterable[Told]) -> list[str]:
        """Return what did not come about on the one run: its steps, and what is to be told once."""
        assert self.first is not None  # noqa: S101 - asked only after the beginning
        kinds = self._kinds(told)
        wrong = [f"{kind} was told {kinds[kind]} times, not once" for kind in sorted(_TOLD_ONCE) if kinds[kind] != 1]
        return [f"{self.first.number} on the road, {words}" for words in (*self.first.unseen, *wrong)]

    def _kinds(self, told: Iterable[Told]) -> Counter[str]:
        assert self.first is not None  # noqa: S101 - asked only after the beginning
        return Counter(one.type for one in told if one.number == self.first.number)


async def _work(courier: Courier, over: asyncio.Event) -> None:
    try:
        await courier.work()
    finally:
        over.set()


def _parcel(number: str) -> dict[str, Any]:
    door = {"latitude": town.DOOR[0], "longitude": town.DOOR[1]}
    recipient = _person(f"{RECIPIENT} Prado", town.STREET)
    address = {name: value for name, value in recipient.items() if name != "name"}
    return {
        "tracking_number": number,
        "carrier": "courier",
        "order_number": f"SHOP-{number.removeprefix('VAN-')}",
        "destination": address | door,
        "recipient": recipient,
    }


def _person(name: str, street: str) -> dict[str, str]:
    address = {"street": street, "city": town.NAME, "postal_code": town.POSTAL_CODE, "country": town.COUNTRY}
    return {"name": name, **address}


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
