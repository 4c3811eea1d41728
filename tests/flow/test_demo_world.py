"""The demo world tells every parcel's life in its carrier's own format, and the real connectors read just that."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web

from connectors import connector
from connectors.base import Locates, Payload, Polls, Proves, Push, Pushes
from connectors.client import HttpClient
from connectors.errors import NotFound, Rejected
from gateway.demo.carrier_server import CarrierServer
from gateway.demo.lives import Beat, lives
from gateway.demo.wires import WIRES
from gateway.demo.world import World, fast_clock, story_start
from gateway.reading import read
from normalizer.journey import fold, step
from normalizer.numbers import normal_number

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
CAST = lives().cast
names = [f"{parcel.carrier}-{parcel.about.split(',')[0].replace(' ', '_')}" for parcel in CAST]
every_parcel = pytest.mark.parametrize("parcel", CAST, ids=names)


class Clock:
    """A clock that stands until it is put forward."""

    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now


@pytest.fixture
async def world():
    clock = Clock()
    made = World(CAST, START, clock)
    async with CarrierServer(made, wall_clock=lambda: clock().timestamp()) as server:
        yield made, clock, server


async def ask(parcel, server, **secrets):
    by = connector(parcel.carrier)
    auth = by.auth({**WIRES[parcel.carrier].secrets, **secrets})
    facts = by.facts.model_copy(update={"api": by.facts.api.model_copy(update={"per_second": None})})
    async with HttpClient(facts, auth, base_url=server.base_urls[parcel.carrier]) as http:
        answer = await by.poll(http, [parcel.number])
    return payload_of(parcel.carrier, answer.body, "poll", (parcel.number,))


def payload_of(carrier, body, source, numbers=()):
    return Payload(
        carrier=carrier,
        body=body,
        source=source,
        received_at=START + timedelta(days=9),
        numbers=numbers,
        headers={"content-type": "application/json"},
    )


def statuses(events, *, is_return):
    journey = fold([step(one) for one in events], is_return=is_return)
    return tuple(change.status.value for change in journey.changes)


@every_parcel
def test_a_life_uses_only_deeds_its_carrier_has_words_for(parcel):
    assert {beat.deed for beat in parcel.beats} <= set(WIRES[parcel.carrier].words)
    assert [beat.hour for beat in parcel.beats] == sorted(beat.hour for beat in parcel.beats)


@every_parcel
def test_the_casts_numbers_are_their_carriers_numbers(parcel):
    formats = connector(parcel.carrier).facts.numbers
    assert parcel.number == normal_number(parcel.number)
    assert not formats or any(one.match(parcel.number) for one in formats)


@pytest.mark.parametrize("parcel", [one for one in CAST if isinstance(connector(one.carrier), Polls)])
async def test_asked_after_the_end_a_carrier_tells_the_whole_scripted_life(world, parcel):
    _, clock, server = world
    clock.now = START + timedelta(hours=lives().hours)
    said = read(connector(parcel.carrier), await ask(parcel, server))
    assert said.trouble is None
    assert not said.unlisted
    assert len(said.events) == len(parcel.beats)
    assert {event.at for event in said.events} == {START + timedelta(hours=beat.hour) for beat in parcel.beats}
    assert statuses(said.events, is_return=parcel.direction == "return") == lives().statuses(parcel)


@pytest.mark.parametrize("parcel", [one for one in CAST if isinstance(connector(one.carrier), Polls)])
async def test_before_anything_happened_a_carrier_does_not_know_the_number(world, parcel):
    _, _, server = world
    try:
        said = read(connector(parcel.carrier), await ask(parcel, server))
    except NotFound:
        return
    assert [one.number for one in said.missing] == [parcel.number]
    assert not said.events


@pytest.mark.parametrize("parcel", [one for one in CAST if WIRES[one.carrier].secrets and one.by == "poll"])
async def test_wrong_credentials_are_refused(world, parcel):
    _, _, server = world
    wrong = dict.fromkeys(WIRES[parcel.carrier].secrets, "wrong")
    with pytest.raises(Rejected):
        await ask(parcel, server, **wrong)


@pytest.fixture
async def receiver():
    """Take pushes and keep them as connectors get them."""
    pushes, status = [], [200]

    async def take(request):
        headers = {name.lower(): value for name, value in request.headers.items()}
        pushes.append((request.match_info["carrier"], headers, await request.read()))
        return web.Response(status=status[0])

    app = web.Application()
    app.router.add_post("/{carrier}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", pushes, status
    await runner.cleanup()


@pytest.mark.parametrize("carrier", ["demo", "dhl-unified", "onfleet"])
async def test_pushes_prove_their_origin_and_tell_the_whole_life(world, receiver, carrier):
    made, clock, server = world
    address, pushes, _ = receiver
    made.callbacks[carrier] = f"{address}/{carrier}"
    clock.now = START + timedelta(hours=lives().hours)
    pushed = [parcel for parcel in CAST if parcel.by == "push" and parcel.carrier == carrier]
    assert await server.push_due() == sum(len(parcel.beats) for parcel in pushed)
    assert await server.push_due() == 0
    by = connector(carrier)
    assert isinstance(by, Pushes)
    events = []
    for _, headers, body in pushes:
        by.verify(Push("POST", headers, {}, body, clock.now), WIRES[carrier].secrets)
        said = read(by, payload_of(carrier, body, "push"))
        assert said.trouble is None
        assert not said.unlisted
        events += said.events
    for parcel in pushed:
        own = [event for event in events if normal_number(event.tracking_number) == parcel.number]
        assert statuses(own, is_return=False) == lives().statuses(parcel)


SAYABLE = [(wire.code, deed) for wire in WIRES.values() for deed in wire.words]


@pytest.mark.parametrize(("carrier", "deed"), SAYABLE, ids=[f"{carrier}-{deed}" for carrier, deed in SAYABLE])
async def test_each_word_a_carrier_has_means_what_its_deed_says(receiver, carrier, deed):
    address, pushes, _ = receiver
    model = next(one for one in CAST if one.carrier == carrier)
    before = [Beat(1, "returning", model.beats[0].place)] if deed == "returned" else []
    beats = (*before, Beat(2, deed, model.beats[-1].place))
    asked = isinstance(connector(carrier), Polls)
    parcel = replace(model, beats=beats, by="poll" if asked else "push", late={})
    made = World((parcel,), START, lambda: START + timedelta(hours=3), {carrier: f"{address}/{carrier}"})
    async with CarrierServer(made) as server:
        if asked:
            said = read(connector(carrier), await ask(parcel, server))
        else:
            await server.push_due()
            said = read(connector(carrier), payload_of(carrier, pushes[0][2], "push"))
    assert not said.unlisted
    assert statuses(said.events, is_return=deed == "return_received")[-1:] == (lives().deeds[deed],)


async def test_a_late_push_comes_after_the_news_it_precedes(world, receiver):
    made, clock, server = world
    address, pushes, _ = receiver
    made.callbacks["demo"] = f"{address}/demo"
    (parcel,) = (one for one in CAST if one.late)
    told = []
    for hour in range(int(lives().hours) + 1):
        clock.now = START + timedelta(hours=hour)
        await server.push_due()
    for _, _, body in pushes:
        events = read(connector("demo"), payload_of("demo", body, "push")).events
        told += [event.code for event in events if event.tracking_number == parcel.number]
    assert told == ["LABEL", "PICKED_UP", "DEPOT", "DELIVERED", "OUT"]
    assert made.over


async def test_a_push_nobody_takes_is_sent_again(world, receiver):
    made, clock, server = world
    address, pushes, status = receiver
    made.callbacks["onfleet"] = f"{address}/onfleet"
    clock.now = START + timedelta(hours=49)
    status[0] = 503
    assert await server.push_due() == 0
    assert server.refused == ["onfleet 503"]
    status[0] = 200
    assert await server.push_due() == 1
    assert pushes[0] == pushes[1]


async def test_the_demo_carrier_shows_where_the_courier_is_and_what_proves_the_delivery(world):
    _, clock, server = world
    parcel = CAST[0]
    by = connector("demo")
    assert isinstance(by, Locates)
    assert isinstance(by, Proves)
    async with HttpClient(by.facts, by.auth(WIRES["demo"].secrets), base_url=server.base_urls["demo"]) as http:
        with pytest.raises(NotFound):
            await by.locate(http, parcel.number)
        clock.now = START + timedelta(hours=55)
        said = read(by, payload_of("demo", (await by.locate(http, parcel.number)).body, "poll"))
        assert [(one.latitude, one.longitude, one.stops_before) for one in said.positions] == [(41.1496, -8.611, 2)]
        with pytest.raises(NotFound):
            await by.prove(http, parcel.number, "door")
        clock.now = START + timedelta(hours=59)
        assert (await by.prove(http, parcel.number, "door")).media_type == "image/png"


async def test_a_subscription_sets_where_pushes_go(world):
    made, _, server = world
    by = connector("demo")
    async with HttpClient(by.facts, by.auth(WIRES["demo"].secrets), base_url=server.base_urls["demo"]) as http:
        said = await by.subscribe(http, [CAST[0].number, "DEMO770044006"], "http://127.0.0.1:9/push", {})
    assert said.accepted == (CAST[0].number,)
    assert said.refused == {"DEMO770044006": "unknown"}
    assert made.callbacks == {"demo": "http://127.0.0.1:9/push"}


async def test_a_soap_request_that_is_no_xml_is_refused(world):
    _, _, server = world
    async with aiohttp.ClientSession() as session:
        url = server.base_urls["chronopost"] + "/tracking-cxf/TrackingServiceWS"
        async with session.post(url, data=b"<not xml") as answer:
            assert answer.status == 400


def test_the_clock_runs_by_its_factor():
    now = Clock()
    clock = fast_clock(now, datetime(2026, 1, 1, tzinfo=UTC), 3600)
    now.now += timedelta(seconds=2)
    assert clock() == datetime(2026, 1, 1, 2, tzinfo=UTC)
    assert story_start(datetime(2026, 1, 4, 0, 0, 0, 7, tzinfo=UTC), 72) == datetime(2026, 1, 1, tzinfo=UTC)


def test_the_cast_covers_what_it_is_there_for():
    ends = {lives().statuses(parcel)[-1] for parcel in CAST}
    assert ends == {"delivered", "returned", "exception"}
    assert {WIRES[parcel.carrier].format for parcel in CAST} == {
        "JSON",
        "JSON, OAuth 2",
        "JSON push",
        "JSON push, HMAC",
        "XML",
        "SOAP",
    }
    told = {status for parcel in CAST for status in lives().statuses(parcel)}
    assert {"attempt_failed", "available_for_pickup", "exception", "returned"} <= told
