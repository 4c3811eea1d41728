"""The story of `make demo`: a real gateway, simulated carriers, a merchant that believes nothing unverified.

Everything goes through the front doors: the merchant's calls through the public HTTP API, carriers' answers and
pushes through the real connectors, webhooks through the real dispatcher.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from connectors import connector
from gateway import log
from gateway.commands.data import new_merchant
from gateway.demo import road, town
from gateway.demo.carrier_server import CarrierServer
from gateway.demo.courier import COURIER
from gateway.demo.first_day import FirstDay
from gateway.demo.hub import CallFailed, Hub
from gateway.demo.lives import lives
from gateway.demo.merchant import SampleMerchant
from gateway.demo.outcomes import missing_changes, outcome
from gateway.demo.recipient import NAME, WAYS, Recipient
from gateway.demo.road import Road
from gateway.demo.shop import Ordered, SampleShop
from gateway.demo.telling import Teller
from gateway.demo.wires import WIRES
from gateway.demo.world import World, fast_clock, story_start
from gateway.serving import address_of, running
from gateway.settings import load

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from gateway.demo.lives import Lives
    from gateway.demo.merchant import Told
    from gateway.demo.road import Run
    from gateway.demo.telling import Outcome

SHORTEST = 10.0
"""Seconds a story needs: Canada Post and DHL let themselves be asked only every few seconds, here too."""
_WITHOUT_END = 60.0
"""Seconds the story takes where nobody says how long."""
_LAST_WORDS = 5.0
"""Seconds of the whole kept for the last questions and webhooks."""
_GRACE = 15.0
"""Seconds after the end within which a slow machine may still catch up."""
_ASK_EVERY = 0.5
_AT_THE_END = 3.0
"""Seconds before the story's end at which a courier that must be there by then is."""


async def play(bound: socket.socket, seconds: float | None, stop: asyncio.Event, teller: Teller | None = None) -> int:
    """Play the story; return 0 when every parcel came to its end and every webhook arrived and verified.

    Without `seconds` everything stays up after the story, until `stop` is set.
    """
    teller = teller or Teller()
    log.configure("error", "console")
    # The folder goes when the demo ends: nothing of it is meant to stay.
    with tempfile.TemporaryDirectory(prefix="carrier-gateway-demo-") as folder:
        story = Story(lives(), teller, address_of(bound), f"sqlite:///{Path(folder) / 'demo.db'}", outside=True)
        return await story.play(bound, seconds, stop)


async def _streets(_request: web.Request) -> web.Response:
    return web.json_response(town.streets(), content_type="application/geo+json")


@dataclass(slots=True)
class Story:
    """One run of the demo."""

    lives: Lives
    teller: Teller
    address: str
    database: str
    recipient: Recipient | None = None
    """Who asked to hear of the parcel that says so, where the cast has one."""
    outside: bool = False
    """Whether a courier drives through the town, and a shop shows its parcels, while the cast lives."""
    road: Road | None = None
    shop: SampleShop | None = None
    console: str = ""
    """A link that lets whoever looks around in to the console."""
    _hub: Hub = field(init=False)
    _ids: Mapping[str, str] = field(default_factory=dict)
    """Tracking number -> the gateway's id of the shipment."""

    async def play(self, bound: socket.socket, seconds: float | None, stop: asyncio.Event) -> int:
        """Set everything up, let time run, sum up."""
        code = await self._play(bound, seconds, stop)
        if code is None:
            self.teller.line("Stopped before the end.")
        return code or 0

    async def _play(self, bound: socket.socket, seconds: float | None, stop: asyncio.Event) -> int | None:
        """Return the exit code; None where it was stopped."""
        merchant = SampleMerchant(self._told)
        begin = story_start(datetime.now(UTC), self.lives.hours)
        world = World(self.lives.cast, begin, lambda: begin)
        async with AsyncExitStack() as stack:
            carriers = await stack.enter_async_context(CarrierServer(world))
            settings = load(
                environment={},
                database=self.database,
                public_url=self.address,
                egress_allow=("127.0.0.0/8",),
                carrier_base_urls=carriers.base_urls,
                map_tiles=road.PATH,
                map_attribution=f"{town.NAME}, made up for this demo",
            )
            key = new_merchant(self.database, "Sample Shop")["api_key"]
            await stack.enter_async_context(running(settings, bound, web.get(road.PATH, _streets)))
            await stack.enter_async_context(merchant)
            if any(parcel.hears for parcel in self.lives.cast):
                self.recipient = await stack.enter_async_context(Recipient(self.teller.heard))
            self._hub = await stack.enter_async_context(Hub(self.address, key))
            if self.outside:
                self.shop = await stack.enter_async_context(SampleShop(self.address))
                self.road = Road(self._hub, self.teller.seen, self._on_the_road)
                stack.push_async_callback(self.road.stop)
            span = max((seconds or _WITHOUT_END) - _LAST_WORDS, SHORTEST - _LAST_WORDS)
            try:
                await self._set_up(world, merchant)
                world.clock = fast_clock(lambda: datetime.now(UTC), begin, self.lives.hours * 3600 / span)
                carriers.live()
                if self.road is not None:
                    await self.road.begin(None if seconds is None else span - _AT_THE_END)
            except CallFailed as trouble:
                self.teller.line(f"the demo could not be set up: {trouble}")
                return 1
            self._introduce(seconds)
            if self.recipient is not None:
                self.recipient.live()
            await self._watch(world, merchant, span + _LAST_WORDS + _GRACE, stop)
            if stop.is_set():
                return None
            outcomes = [
                await outcome(self.lives, parcel, merchant, self._hub, self._ids[parcel.number])
                for parcel in world.cast
            ]
            code = self._sum_up(outcomes, merchant, carriers, [*await self._people(), *self._drove(merchant)])
            if seconds is None:
                self.teller.line(f"\nThe gateway stays up at {self.address} until Ctrl-C.")
                await stop.wait()
                return 0
            return code

    async def _set_up(self, world: World, merchant: SampleMerchant) -> None:
        first_day = FirstDay(self._hub, world)
        await first_day.begin(merchant, self.recipient, self.shop)
        self._ids = first_day.ids
        if self.outside:
            wish = {"email": "you@shop.example", "role": "merchant"}
            self.console = (await self._hub.call("POST", "/v1/people/invitations", wish))["url"]

    def _on_the_road(self, run: Run) -> None:
        """Show people the parcel that the courier has now."""
        assert self.shop is not None  # noqa: S101 - road and shop are there together
        if self.shop.live is not None:
            self.teller.line(f"On the road now: {run.number}, {run.page}, its courier's page {run.courier_page}")
        self.shop.live = Ordered(run.number, run.page)
        self.shop.hint = f"Try {run.number} with the postcode {town.POSTAL_CODE}."

    async def _watch(self, world: World, merchant: SampleMerchant, longest: float, stop: asyncio.Event) -> None:
        """Have carriers asked, as impatient merchants do, until all is told or nothing more is to be hoped for."""
        loop = asyncio.get_running_loop()
        end = loop.time() + longest
        asked: dict[str, float] = {}
        while not stop.is_set() and loop.time() < end:
            waiting = [parcel for parcel in world.cast if missing_changes(self.lives, parcel, merchant)]
            driving = self.road is not None and self.road.ends and self.road.waiting(merchant.told.values())
            if not (waiting or driving) and world.over and not await self._unsent():
                return
            for parcel in waiting:
                pace = connector(parcel.carrier).facts.api.per_second
                wait = max(_ASK_EVERY, 1.2 / pace) if pace else _ASK_EVERY
                if parcel.by == "poll" and loop.time() >= asked.get(parcel.number, 0.0) + wait:
                    asked[parcel.number] = loop.time()
                    await self._hub.call("POST", f"/v1/shipments/{self._ids[parcel.number]}/refresh")
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.1)

    async def _notices(self) -> dict[str, list[dict[str, Any]]]:
        """Return the notices of the last message of each status that a parcel's recipient wished to hear of."""
        found: dict[str, list[dict[str, Any]]] = {}
        for parcel in self.lives.cast:
            for status in self.lives.statuses(parcel) if parcel.hears else ():
                query = f"type=shipment.{status}&shipment_id={self._ids[parcel.number]}&limit=1"
                for told in (await self._hub.call("GET", f"/v1/messages?{query}"))["data"]:
                    found[status] = (await self._hub.call("GET", f"/v1/messages/{told['id']}"))["notices"]
        return found

    async def _unsent(self) -> bool:
        """Tell whether something for the recipient is still on its way, or was not seen by them yet."""
        if self.recipient is None:
            return False
        sent: Counter[str] = Counter()
        for told in (await self._notices()).values():
            for one in told:
                if one["state"] in ("queued", "sending"):
                    return True
                sent[one["channel"]] += one["state"] in ("sent", "delivered", "read")
        return not self.recipient.stopped or any(len(self.recipient.heard[way]) < sent[way] for way in WAYS)

    async def _people(self) -> list[str]:
        """Hold what the recipient heard against what they wished; return what is wrong."""
        if self.recipient is None:
            return []
        told = await self._notices()
        last = {one["channel"]: one for one in told.get("delivered", [])}
        trouble = [
            f"no {WAYS[way]} told {NAME} of the delivery: {last[way]['state'] if way in last else 'there is no notice'}"
            for way in ("email", "push")
            if way not in last or last[way]["state"] != "sent"
        ]
        texts = len(self.recipient.heard["sms"])
        if texts != 1 or not self.recipient.stopped:
            trouble.append(f"{texts} SMS reached {NAME}, and STOP was{'' if self.recipient.stopped else ' not'} said")
        said = [
            f"{word}: {last[way]['state']}{', ' if last[way]['reason'] else ''}{last[way]['reason']}"
            for way, word in WAYS.items()
            if way in last
        ]
        self.teller.line()
        self.teller.line(f"What became of the news of {NAME}'s delivery: {'; '.join(said)}.")
        return trouble

    def _drove(self, merchant: SampleMerchant) -> list[str]:
        """Say what was seen on the road, where that had to end with the story; return what is wrong with it."""
        if self.road is None or not self.road.ends or (run := self.road.first) is None:
            return []
        self.teller.line(f"What was seen of {run.number} on the road: {run.seen or 'nothing'}.")
        return self.road.wrong(merchant.told.values())

    def _told(self, told: Told) -> None:
        carrier = told.shipment.get("carrier")
        self.teller.told(told, connector(carrier).facts.name if carrier else "")

    def _introduce(self, seconds: float | None) -> None:
        wires = {WIRES[parcel.carrier].format.split(",")[0].split()[0] for parcel in self.lives.cast}
        carriers = {parcel.carrier for parcel in self.lives.cast}
        self.teller.line(f"Carrier gateway on {self.address}, its API described at {self.address}/docs")
        self.teller.line(
            f"{len(self.lives.cast)} parcels at {len(carriers)} carriers ({', '.join(sorted(wires))}), "
            f"asked and pushing: {self.lives.hours:g} hours in {seconds or _WITHOUT_END:g} seconds."
        )
        if seconds is None:
            self.teller.line(f"The sample merchant's key, to look around with: {self._hub.key}")
        if self.console:
            self.teller.line(f"The console, for a password of your own: {self.console}")
        if self.road is not None and (run := self.road.first) is not None:
            self.teller.line(f"{COURIER} drives through {town.NAME}; the recipient sees it at {run.page}")
            self.teller.line(f"(its postcode, {town.POSTAL_CODE}, opens address, conversation and proof)")
            self.teller.line(f"{COURIER} works with {run.courier_page}: act there yourself, and {COURIER} lets you")
        if self.shop is not None:
            self.teller.line(f"The shop: {self.shop.origin}/")
        self.teller.line()
        self.teller.head()

    def _sum_up(
        self, outcomes: list[Outcome], merchant: SampleMerchant, carriers: CarrierServer, people: list[str]
    ) -> int:
        self.teller.summary(outcomes)
        self.teller.line()
        good = not (any(one.missing for one in outcomes) or merchant.refused or carriers.refused or people)
        for reason in people:
            self.teller.line(reason)
        for reason in merchant.refused:
            self.teller.line(f"a webhook did not verify: {reason}")
        for push, times in Counter(carriers.refused).items():
            self.teller.line(f"a carrier's push was not taken: {push} ({times} times)")
        told, repeated = len(merchant.told), merchant.repeated
        again = f", {repeated} came twice" if repeated else ", none came twice"
        if good:
            self.teller.line(f"Every parcel came to its end; {told} webhooks arrived and verified{again}.")
        else:
            self.teller.line(f"Not everything came about; {told} webhooks arrived and verified{again}.")
        return 0 if good else 1
