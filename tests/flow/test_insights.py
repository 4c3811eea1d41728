"""Insights through the API: counted once, of each merchant alone, and turned into the third voice of an arrival."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
import time_machine
from flow.roads import messages
from flow.test_tracking_page import path_of, post, see, text
from sqlalchemy import func, select

from gateway import watching
from gateway.clock import now_ms
from gateway.insights import counting, ended
from gateway.insights.tables import InsightTables
from gateway.tables import Tables
from normalizer.eta import ENOUGH, ENOUGH_SILENCES

KEPT_DAYS = 400
PORTO = {"country": "PT", "postal_code": "4050-262", "city": "Porto"}
TODAY = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0)
"""The carrier's mornings."""


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def parcel(number: str, *scans: tuple[datetime, str], **more: Any) -> dict[str, Any]:
    told = [{"id": f"{number}-{at:%d%H%M}-{code}", "at": at.isoformat(), "code": code} for at, code in scans]
    return {"number": number, "service": "Express", "scans": told} | more


def window(start: datetime, end: datetime) -> dict[str, str]:
    return {"from": start.isoformat(), "to": end.isoformat()}


@dataclass
class Trade:
    """A merchant's parcels at the demo carrier."""

    house: Any
    account_id: str
    key: str

    async def register(self, *numbers: str, **more: Any) -> list[str]:
        wishes = [{"tracking_number": one, "carrier": "demo", "destination": PORTO} | more for one in numbers]
        made = await self.house.call("POST", "/v1/shipments/batch", {"shipments": wishes}, key=self.key)
        assert made.status == 200, made.body
        return [one["shipment"]["id"] for one in made.json["data"]]

    async def push(self, *parcels: dict[str, Any]) -> None:
        answer = await self.house.push(self.account_id, orjson.dumps({"parcels": parcels}))
        assert answer.status == 200, answer.body
        await self.house.read_all()

    async def teach(self, count: int, took: float, *, name: str = "OLD", begun: datetime = TODAY, **more: Any) -> None:
        """Let so many parcels live at once, each somewhat slower than the one before; the last days they did."""
        lives = []
        for index in range(count):
            at, lasted = begun - hours(24 * (3 + index % 20)), took + index % 10 / 10
            out = at + hours(lasted - 4)
            scans = ((at, "PICKED_UP"), (out, "OUT"), (at + hours(lasted), "DELIVERED"))
            lives.append(parcel(f"{name}{index}", *scans, **more))
        await self.register(*(one["number"] for one in lives))
        await self.push(*lives)

    async def ask(self, what: str, query: str = "", **more: Any) -> Any:
        found = await self.house.call("GET", f"/v1/insights/{what}{query}", key=more.get("key", self.key))
        assert found.status == 200, found.body
        return found.json

    async def shipment(self, id_: str) -> Any:
        return (await self.house.call("GET", f"/v1/shipments/{id_}", key=self.key)).json


@pytest.fixture
async def trade(house):
    return Trade(house, await house.demo_account(), house.key)


async def count(house) -> None:
    await house.gateway.counting.tick()


async def rows(house) -> list[Any]:
    def work(conn):
        tally = conn.execute(select(InsightTables.tally)).all()
        return sorted(tally) + sorted(
            conn.execute(select(InsightTables.norm.c.kind, InsightTables.norm.c.weights)).all()
        )

    return await house.gateway.store.read(work)


async def left(house) -> int:
    return await house.gateway.store.read(
        lambda conn: conn.execute(select(func.count()).select_from(InsightTables.due)).scalar_one()
    )


@pytest.mark.both_databases
async def test_what_ended_is_counted_once_however_often_it_is_looked_at(house, trade):
    await trade.teach(12, 48)
    await count(house)
    first = await rows(house)
    assert (await trade.ask("transit-times"))["total"]["measured"] == 12
    await trade.teach(12, 48)  # the carrier says it all again
    await count(house)
    assert await rows(house) == first

    def note_all(conn):
        for id_ in conn.execute(select(InsightTables.outcome.c.shipment_id)).scalars().all():
            ended.note(conn, [(house.merchant_id, id_)])

    await house.gateway.store.write(note_all)
    assert await left(house) == 12
    await count(house)
    assert (await rows(house), await left(house)) == (first, 0)


async def test_a_count_that_broke_off_is_as_if_it_had_not_begun(house, trade, monkeypatch):
    await trade.teach(5, 48)
    kept = counting.norms.learn

    def broken(*_args, **_more):
        raise RuntimeError("the power went")

    monkeypatch.setattr(counting.norms, "learn", broken)
    with pytest.raises(RuntimeError):
        await count(house)
    assert (await rows(house), await left(house)) == ([], 5)
    monkeypatch.setattr(counting.norms, "learn", kept)
    await count(house)
    assert (await trade.ask("on-time"))["total"]["arrived"] == 5


async def test_news_after_the_end_are_counted_as_the_difference(house, trade):
    await trade.register("ONE")
    begun = TODAY - hours(100)
    await trade.push(parcel("ONE", (begun, "PICKED_UP"), (begun + hours(40), "AT_SHOP")))
    await count(house)
    total = (await trade.ask("transit-times"))["total"]
    assert (total["arrived"], total["waiting_for_pickup"], total["returned"]) == (1, 1, 0)
    assert total["transit_hours"]["p50"] == pytest.approx(40, rel=0.09)
    # It was picked up ten hours earlier than told at first, and then collected.
    await trade.push(parcel("ONE", (begun - hours(10), "PICKED_UP"), (begun + hours(60), "COLLECTED")))
    await count(house)
    total = (await trade.ask("transit-times"))["total"]
    assert (total["arrived"], total["waiting_for_pickup"], total["measured"]) == (1, 0, 1)
    assert total["transit_hours"]["p50"] == pytest.approx(50, rel=0.09)
    await trade.push(parcel("ONE", (begun + hours(70), "RETURNING"), (begun + hours(90), "RETURNED")))
    await count(house)
    total = (await trade.ask("transit-times"))["total"]
    assert (total["arrived"], total["returned"]) == (0, 1)


async def test_a_promise_corrected_after_the_delivery_is_judged_anew(house, trade):
    (id_,) = await trade.register("ONE")
    begun = TODAY - hours(100)
    await trade.push(parcel("ONE", (begun, "PICKED_UP"), (begun + hours(40), "DELIVERED")))
    await count(house)
    assert (await trade.ask("on-time"))["total"]["merchant"] == {
        "promised": 0,
        "without_promise": 1,
        "on_time": 0,
        "on_time_share": None,
        "early": 0,
        "late": 0,
        "early_by_hours": None,
        "late_by_hours": None,
    }
    promised = {"promised": window(begun, begun + hours(30))}
    assert (await house.call("PATCH", f"/v1/shipments/{id_}", promised)).status == 200
    await count(house)
    merchant = (await trade.ask("on-time"))["total"]["merchant"]
    assert (merchant["promised"], merchant["without_promise"], merchant["late"], merchant["on_time_share"]) == (
        1,
        0,
        1,
        0,
    )
    assert merchant["late_by_hours"]["p50"] == pytest.approx(10, rel=0.09)


async def test_on_time_counts_those_without_a_promise_apart_and_says_by_how_much(house, trade):
    lives = []
    for name, took in (("EARLY", 20), ("INTIME", 40), ("LATE", 60), ("NONE", 60)):
        begun = TODAY - hours(100)
        promised = {} if name == "NONE" else {"promised": window(begun + hours(30), begun + hours(48))}
        await trade.register(name, **promised)
        lives.append(parcel(name, (begun, "PICKED_UP"), (begun + hours(took), "DELIVERED")))
    await trade.push(*lives)
    await count(house)
    merchant = (await trade.ask("on-time"))["total"]["merchant"]
    assert {name: merchant[name] for name in ("promised", "without_promise", "on_time", "early", "late")} == {
        "promised": 3,
        "without_promise": 1,
        "on_time": 2,
        "early": 1,
        "late": 1,
    }
    assert merchant["on_time_share"] == pytest.approx(2 / 3, abs=1e-3)
    assert merchant["early_by_hours"]["p50"] == pytest.approx(10, rel=0.09)
    assert merchant["late_by_hours"]["p90"] == pytest.approx(12, rel=0.09)


async def test_what_a_carrier_says_counts_from_when_it_was_known(house, trade):
    """Its first promise is what is kept or not; what it says a day before, and after the arrival, is held apart."""
    begun = TODAY - hours(200)
    await_moments = [
        (0, "PICKED_UP", window(begun + hours(40), begun + hours(44))),
        (60, "DEPARTED", window(begun + hours(90), begun + hours(96))),
        (101, "DELIVERED", window(begun + hours(99), begun + hours(101))),
    ]
    with time_machine.travel(begun) as clock:
        await trade.register("ONE")
        for after, code, promised in await_moments:
            clock.move_to(begun + hours(after))
            scan = (begun + hours(after - (1 if code == "DELIVERED" else 0)), code)
            await trade.push(parcel("ONE", scan, promised=promised))
    await count(house)
    carrier = (await trade.ask("on-time"))["total"]["carrier"]
    assert (carrier["promised"], carrier["late"]) == (1, 1)
    assert carrier["late_by_hours"]["p50"] == pytest.approx(56, rel=0.09)
    leads = (await trade.ask("eta-accuracy"))["total"]["carrier"]
    assert [(one["lead_hours"], one["told"], one["later"]) for one in leads] == [(72, 1, 1), (24, 1, 1), (4, 1, 1)]
    assert leads[0]["off_hours"]["p50"] == pytest.approx(56, rel=0.09)
    assert leads[1]["off_hours"]["p50"] == leads[2]["off_hours"]["p50"] == pytest.approx(4, rel=0.09)


@pytest.mark.both_databases
async def test_insights_are_asked_by_days_and_lane_and_grouped(house, trade):
    begun = TODAY - hours(24 * 20)
    lives = []
    for index, (service, country) in enumerate(
        [("Express", "PT"), ("Express", "PT"), ("Parcel", "PT"), ("Parcel", "ES")]
    ):
        await trade.register(f"P{index}", destination={"country": country, "postal_code": "28001"})
        at = begun + hours(24 * 7 * (index % 2))
        lives.append(parcel(f"P{index}", (at, "PICKED_UP"), (at + hours(24), "DELIVERED"), service=service))
    await trade.push(*lives)
    await count(house)

    async def found(query):
        data = (await trade.ask("transit-times", query))["data"]
        return [({name: value for name, value in one["group"].items() if value}, one["arrived"]) for one in data]

    assert await found("") == [({"carrier": "demo"}, 4)]
    assert await found("?by=service") == [
        ({"carrier": "demo", "service": "Express"}, 2),
        ({"carrier": "demo", "service": "Parcel"}, 2),
    ]
    assert await found("?by=lane") == [({"destination_country": "PT"}, 3), ({"destination_country": "ES"}, 1)]
    assert await found("?by=lane&destination_country=ES") == [({"destination_country": "ES"}, 1)]
    assert await found("?service=Parcel&by=lane,service&carrier=demo&origin_country=DE") == []
    weeks = await found("?by=week")
    assert [arrived for _, arrived in weeks] == [2, 2]
    mondays = [datetime.fromisoformat(group["week"]) for group, _ in weeks]
    assert [monday.weekday() for monday in mondays] == [0, 0]
    assert mondays[1] - mondays[0] == timedelta(days=7)
    first = (begun + hours(24)).date().isoformat()
    assert await found(f"?from={first}&to={first}") == [({"carrier": "demo"}, 2)]
    pages, cursor = [], None
    while True:
        page = await trade.ask("transit-times", "?by=service,lane&limit=1" + (f"&cursor={cursor}" if cursor else ""))
        pages += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [one["arrived"] for one in pages] == [2, 1, 1]
    assert page["total"]["arrived"] == 4


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("from=2026-11-05&to=2026-11-01", "?from"),
        ("from=2024-01-01&to=2026-11-01", "?from"),
        ("from=yesterday", "?from"),
        ("to=1812-01-01", "?to"),
        ("by=courier", "?by"),
        ("destination_country=Portugal", "?destination_country"),
        ("cursor=nonsense", "?cursor"),
        ("limit=0", "?limit"),
        ("since=2026-11-01", "?since"),
    ],
)
async def test_what_cannot_be_asked_is_refused_by_its_name(house, query, pointer):
    answer = await house.call("GET", f"/v1/insights/on-time?{query}")
    assert answer.status == 422, answer.body
    assert answer.pointers[0].startswith(pointer)


async def test_who_may_ask(house, trade):
    for role, status in (("merchant", 200), ("support", 200), ("storefront", 403), ("operator", 403)):
        for what in ("on-time", "transit-times", "eta-accuracy", "satisfaction"):
            answer = await house.call("GET", f"/v1/insights/{what}", key=await house.key_of(role))
            assert answer.status == status, (role, what)


async def test_recipients_stars_are_counted_with_their_delivery(house, trade):
    begun = TODAY - hours(80)
    ids = await trade.register("ONE", "TWO", "THREE")
    await trade.push(
        *(parcel(one, (begun, "PICKED_UP"), (begun + hours(40), "DELIVERED")) for one in ("ONE", "TWO", "THREE"))
    )
    await count(house)
    await post(house, f"{await path_of(house, ids[0])}/rate", stars="5")
    await post(house, f"{await path_of(house, ids[1])}/rate", stars="2", reason="late&reason=did_not_ring")
    for _ in range(2):
        await count(house)
        total = (await trade.ask("satisfaction"))["total"]
        assert total == {
            "arrived": 3,
            "waiting_for_pickup": 0,
            "returned": 0,
            "rated": 2,
            "rated_share": pytest.approx(2 / 3, abs=1e-3),
            "average": 3.5,
            "low": 1,
            "low_share": 0.5,
            "stars": {"1": 0, "2": 1, "3": 0, "4": 0, "5": 1},
            "reasons": {"late": 1, "did_not_ring": 1},
        }


@pytest.mark.both_databases
async def test_a_prediction_comes_from_the_merchants_own_parcels_and_is_its_own_voice(house, trade):
    await trade.teach(40, 50)
    await count(house)
    (id_,) = await trade.register("NEW")
    begun = datetime.now(UTC) - hours(6)
    promised = window(begun + hours(100), begun + hours(104))
    await trade.push(parcel("NEW", (begun, "PICKED_UP"), promised=promised))
    one = await trade.shipment(id_)
    assert one["eta"]["to"].startswith(f"{begun + hours(104):%Y-%m-%dT%H:%M}")
    half, most = (datetime.fromisoformat(one["predicted"][name]) for name in ("p50", "p90"))
    assert (half - begun) / hours(1) == pytest.approx(50.5, abs=3)
    assert half <= most <= half + hours(6)
    assert one["predicted_from"].pop("at") > "2026"
    assert one["predicted_from"]["basis"] == "area"
    assert ENOUGH <= one["predicted_from"]["samples"] <= 40
    # Support sees it, a shop's page the time alone.
    support = (await house.call("GET", f"/v1/shipments/{id_}", key=await house.key_of("support"))).json
    assert support["predicted"] == one["predicted"]
    # Nobody is told of it by itself, and the message of the day carries it.
    assert [one["data"]["previous"] for one in await messages(house, "shipment.eta_changed")] == [{"eta": None}]
    (told,) = [
        one["data"]["shipment"]
        for one in await messages(house, "shipment.in_transit")
        if one["data"]["shipment"]["id"] == id_
    ]
    assert told["predicted"] == one["predicted"]


async def test_too_few_parcels_foretell_nothing_and_say_how_few(house, trade):
    await trade.teach(ENOUGH - 8, 50)
    await count(house)
    (id_,) = await trade.register("NEW")
    await trade.push(parcel("NEW", (datetime.now(UTC) - hours(1), "PICKED_UP")))
    one = await trade.shipment(id_)
    assert one["predicted"] is None
    assert (one["predicted_from"]["needed"], one["predicted_from"]["basis"]) == (ENOUGH, "area")
    assert 0 < one["predicted_from"]["samples"] < ENOUGH


async def test_one_merchant_learns_nothing_of_another(house, trade):
    await trade.teach(40, 50)
    await count(house)
    _, key = await house.merchant()
    other = Trade(house, await house.demo_account(key), key)
    (id_,) = await other.register("NEW")
    await other.push(parcel("NEW", (datetime.now(UTC) - hours(1), "PICKED_UP")))
    one = await other.shipment(id_)
    assert (one["status"], one["predicted"], one["predicted_from"]) == ("in_transit", None, None)
    await other.push(parcel("NEW", (datetime.now(UTC), "DELIVERED")))
    await count(house)
    assert (await other.ask("on-time"))["total"]["arrived"] == 1
    assert (await trade.ask("on-time"))["total"]["arrived"] == 40


async def look(house, at: datetime) -> None:
    now = int(at.timestamp() * 1000)
    _, entries = await house.gateway.store.write(lambda conn: watching.look(conn, now))
    house.gateway.tell(entries)


async def test_time_overtakes_no_prediction_and_small_moves_are_not_told(house, trade):
    await trade.teach(40, 30)
    await count(house)
    (id_,) = await trade.register("NEW")
    begun = datetime.now(UTC) - hours(1)
    await trade.push(parcel("NEW", (begun, "PICKED_UP")))
    before = await trade.shipment(id_)
    half = datetime.fromisoformat(before["predicted"]["p50"])
    await look(house, half - timedelta(minutes=6))
    assert (await trade.shipment(id_))["predicted"] == before["predicted"]
    await look(house, half - timedelta(minutes=4))
    after = await trade.shipment(id_)
    assert datetime.fromisoformat(after["predicted"]["p50"]) > half
    assert after["version"] == before["version"]
    assert await messages(house, "shipment.eta_changed") == []


async def test_a_prediction_that_moves_by_a_day_is_told_with_what_it_was(house, trade):
    await trade.teach(30, 30)
    await trade.teach(30, 100, name="SLOW", begun=TODAY - hours(48))
    await count(house)
    (id_,) = await trade.register("NEW")
    begun = datetime.now(UTC) - hours(1)
    await trade.push(parcel("NEW", (begun, "PICKED_UP")))
    before = await trade.shipment(id_)
    await look(house, begun + hours(90))
    after = await trade.shipment(id_)
    (told,) = await messages(house, "shipment.eta_changed")
    assert told["data"]["previous"] == {"predicted": before["predicted"]}
    assert told["data"]["shipment"]["predicted"] == after["predicted"]
    assert after["version"] == before["version"] + 1
    await look(house, begun + hours(91))
    assert len(await messages(house, "shipment.eta_changed")) == 1


async def test_our_own_voice_is_held_against_the_arrival(house, trade):
    await trade.teach(40, 50)
    await count(house)
    begun = TODAY - hours(24 * 2.5)
    with time_machine.travel(begun + hours(1)) as clock:
        await trade.register("NEW")
        await trade.push(parcel("NEW", (begun, "PICKED_UP")))
        clock.move_to(begun + hours(53))
        await trade.push(parcel("NEW", (begun + hours(52), "DELIVERED")))
    await count(house)
    ours = (await trade.ask("eta-accuracy"))["total"]["ours"]
    assert [(one["lead_hours"], one["told"]) for one in ours] == [(72, 0), (24, 1), (4, 1)]
    assert ours[1]["off_hours"]["p90"] < 4
    assert ours[0]["by_p90_share"] is None


async def test_stalled_goes_by_what_is_normal_once_enough_is_known(house, trade):
    async def kinds(id_):
        return [one["kind"] for one in (await trade.shipment(id_))["trouble"]]

    (quiet,) = await trade.register("QUIET")
    await trade.push(parcel("QUIET", (datetime.now(UTC) - hours(40), "PICKED_UP")))
    await look(house, datetime.now(UTC) + timedelta(minutes=2))
    assert await kinds(quiet) == []
    await trade.teach(ENOUGH_SILENCES + 60, 20)
    await count(house)
    (fresh,) = await trade.register("FRESH")
    await trade.push(parcel("FRESH", (datetime.now(UTC) - hours(40), "PICKED_UP")))
    assert await kinds(fresh) == ["stalled"]


async def test_the_page_says_what_is_foretold_only_where_nobody_promised(house, trade):
    await trade.teach(40, 50)
    await count(house)
    one, two = await trade.register("NEW", "TOLD")
    begun = datetime.now(UTC) - hours(1)
    await trade.push(
        parcel("NEW", (begun, "PICKED_UP")),
        parcel("TOLD", (begun, "PICKED_UP"), promised=window(begun + hours(200), begun + hours(201))),
    )
    assert "Expected" in text(await see(house, await path_of(house, one)))
    assert "Expected" not in text(await see(house, await path_of(house, two)))


async def test_what_is_old_is_dropped_and_not_counted_again(house, trade):
    await trade.teach(4, 48)
    await count(house)
    assert await rows(house) != []
    later = now_ms() + (KEPT_DAYS + 100) * 86_400_000
    drop = counting.drop_before

    await house.gateway.store.write(
        lambda conn: drop(conn, merchant_id=house.merchant_id, now=later, keep_days=KEPT_DAYS)
    )
    assert (await trade.ask("on-time"))["total"]["arrived"] == 0

    def again(conn):
        for id_ in conn.execute(select(Tables.shipment.c.id)).scalars().all():
            ended.note(conn, [(house.merchant_id, id_)])
        return counting.take(conn, later, KEPT_DAYS)

    assert await house.gateway.store.write(again) == 4
    assert (await trade.ask("on-time"))["total"]["arrived"] == 0
