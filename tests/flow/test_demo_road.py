"""The demo's road: a courier and a recipient at their own pages, and whoever looks may act there too."""

import asyncio
import io
import re

import aiohttp
import pytest
from flow.test_courier_page import DOOR_ADDRESS, Phone
from flow.test_demo import only, told
from flow.test_runs import made, stop

from gateway.commands.running import listen
from gateway.demo import courier, road, story, watcher
from gateway.demo.courier import Courier, Way
from gateway.demo.lives import lives
from gateway.demo.road import Run
from gateway.demo.screens import CourierScreen, TrackingScreen
from gateway.demo.story import Story, play
from gateway.demo.telling import Teller
from gateway.demo.watcher import STEPS
from gateway.serving import address_of


@pytest.fixture
def teller():
    return Teller(io.StringIO())


@pytest.fixture
def short(monkeypatch):
    """A road of a few seconds beside a story of one."""
    monkeypatch.setattr(story, "SHORTEST", 2.0)
    monkeypatch.setattr(story, "_LAST_WORDS", 1.0)
    monkeypatch.setattr(story, "_GRACE", 30.0)
    monkeypatch.setattr(road, "_SHORTEST", 2.0)
    monkeypatch.setattr(road, "_SETTLES", 2.0)
    monkeypatch.setattr(watcher, "_PATIENCE", 1.0)


@pytest.fixture
async def session():
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as opened:
        yield opened


async def until(teller, words, running):
    while words not in told(teller):
        assert not running.done(), told(teller)
        await asyncio.sleep(0.02)


def begin(teller, tmp_path):
    bound = listen("127.0.0.1", 0)
    one = Story(only("DEMO300100047"), teller, address_of(bound), f"sqlite:///{tmp_path / 'demo.db'}", outside=True)
    return one, asyncio.create_task(one.play(bound, 2.0, asyncio.Event()))


def courier_page(teller):
    return re.search(r"Marta works with (\S+): act there", told(teller))[1]


async def test_addresses_are_printed_and_lead_to_the_pages_the_streets_and_the_shop(teller, session):
    stop = asyncio.Event()
    running = asyncio.create_task(play(listen("127.0.0.1", 0), None, stop, teller))
    await until(teller, "LOCAL TIME", running)
    page = re.search(r"the recipient sees it at (\S+)", told(teller))[1]
    shop = re.search(r"The shop: (\S+)$", told(teller), re.MULTILINE)[1]
    hub = page.partition("/t/")[0]
    async with session.get(f"{hub}/demo/town.geojson") as answer:
        assert len((await answer.json(content_type="application/geo+json"))["features"]) == 14
    async with session.get(page) as answer:
        assert "&#34;tiles&#34;:&#34;/demo/town.geojson&#34;" in await answer.text()
    async with session.get(shop) as answer:
        text = await answer.text()
    assert text.count('mode="badge"') == len(lives().cast)
    assert page.rpartition("/")[2] in text
    assert [one.name for one in await CourierScreen(session, courier_page(teller)).stops()] == [
        "Tomé Alves",
        "Rosa Lima",
        "Ines Prado",
    ]
    await until(teller, "the courier moves on the map", running)
    recipient = TrackingScreen(session, page)
    assert await recipient.fill("say", words="Beware of the dog")
    await until(teller, "Ines to the courier: Beware of the dog\n", running)
    await until(teller, "the courier answers: Thank you, I have read it.\n", running)
    stop.set()
    assert await running == 0


async def test_without_an_end_one_parcel_follows_the_other(teller, tmp_path, monkeypatch):
    monkeypatch.setattr(Way, "within", classmethod(lambda cls, _seconds: cls(120.0, 60.0, 3.0)))
    monkeypatch.setattr(road, "_BETWEEN", 0.1)
    stop = asyncio.Event()
    bound = listen("127.0.0.1", 0)
    one = Story(only("DEMO300100047"), teller, address_of(bound), f"sqlite:///{tmp_path / 'demo.db'}", outside=True)
    running = asyncio.create_task(one.play(bound, None, stop))
    await until(teller, "VAN-2002            at the desk   rated 5 of 5", running)
    assert "On the road now: VAN-2002, http" in told(teller)
    assert "not this time" not in told(teller)
    stop.set()
    assert await running == 0


@pytest.mark.usefixtures("short")
async def test_who_delivers_first_is_not_contradicted_and_what_is_missing_fails_the_demo(teller, tmp_path, session):
    _, running = begin(teller, tmp_path)
    await until(teller, "LOCAL TIME", running)
    human = CourierScreen(session, courier_page(teller))
    assert await human.act((await human.stops())[-1], "delivered", to="safe_place")
    assert await running == 1
    said = told(teller)
    assert "VAN-2001            Marta         somebody else was faster at the stop of Ines Prado\n" in said
    assert "VAN-2001 on the road, never seen: photo and signature\n" in said
    assert "VAN-2001            at the desk   rated 5 of 5\n" in said
    assert len([line for line in said.splitlines() if "VAN-2001" in line and "delivered: " in line]) == 1
    assert said.splitlines()[-1].startswith("Not everything came about; ")


@pytest.mark.usefixtures("short")
async def test_a_link_that_ends_on_the_way_is_named_and_fails_the_demo(teller, tmp_path):
    one, running = begin(teller, tmp_path)
    await until(teller, "the courier moves on the map", running)
    (run,) = (await one._hub.call("GET", "/v1/runs"))["data"]
    await one._hub.call("DELETE", f"/v1/runs/{run['id']}/link")
    assert await running == 1
    said = told(teller)
    assert "VAN-2001 on the road, it ended early: the page has gone\n" in said
    assert "VAN-2001 on the road, never seen: the rating at the desk\n" in said
    assert "VAN-2001 on the road, shipment.delivered was told 0 times, not once\n" in said


@pytest.mark.parametrize("step", STEPS)
def test_each_step_that_is_missing_is_named(step):
    run = Run("VAN-1", "shp_1", "", "", Way.within(4.0), done=set(STEPS) - {step})
    assert run.unseen == [f"never seen: {STEPS[step]}"]
    assert STEPS[step] not in run.seen


async def test_the_courier_does_what_the_page_asks_for_and_answers_all_that_is_written(house):
    answered = await made(
        house, stop("VAN-1", destination=DOOR_ADDRESS), stop("VAN-2", needs=["photo", "signature"], note="Ring twice")
    )
    phone = Phone(house, answered)
    path = f"/v1/shipments/{phone.shipments[1]}/conversation"
    for words in (courier.ASKED, "Beware of the dog"):
        await house.call("POST", path, {"text": words, "to": "courier"})
    said = []
    screen = CourierScreen(house.session, house.url + phone.path)
    await Courier(screen, Way(610.0, 190.0, 0.1), said.append).work()
    await house.read_all()
    assert said == []
    assert [(await phone.shipment(at))["substatus"] for at in (0, 1)] == ["to_mailbox", "signed"]
    assert [one["substatus"] for one in await phone.events(1)] == ["loaded", "on_route", "arrived_at_door", "signed"]
    lines = (await house.call("GET", path)).json["utterances"]
    assert [(one["author"], one["text"]) for one in lines] == [
        ("support", courier.ASKED),
        ("support", "Beware of the dog"),
        ("courier", courier.ANSWER),
        ("courier", "Thank you, I have read it."),
    ]
    assert all(one.over for one in await screen.stops())
    before = await phone.events(1)
    await Courier(screen, Way(610.0, 190.0, 0.1), said.append).work()
    await house.read_all()
    assert await phone.events(1) == before
    assert said == ["somebody else was faster at the stop of Ana Prado"] * 2
