"""The courier's page: what a courier does goes by the one door, once, whatever the phone's network does."""

import io
import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from flow.roads import DOOR, messages, watching
from flow.test_runs import made, stop
from flow.test_tracking_page import path_of, see, text
from PIL import Image
from sqlalchemy import select, update

from gateway.clock import now_ms
from gateway.runs.tables import RunTables
from gateway.tables import Tables

DOOR_ADDRESS = {"city": "Porto", "country": "PT", "latitude": DOOR[0], "longitude": DOOR[1]}


def picture(kind="JPEG"):
    out = io.BytesIO()
    Image.new("RGB", (80, 60), "#336699").save(out, kind)
    return out.getvalue()


def act(stop_id, what, ago=0, **more):
    at = datetime.now(UTC) - timedelta(seconds=ago)
    return {"id": str(uuid.uuid4()), "stop": stop_id, "at": at.isoformat(), "act": what} | more


class Phone:
    """A courier's phone: it knows its link and nothing else."""

    def __init__(self, house, told):
        self.house = house
        self.path = told["courier_url"].removeprefix("https://hub.example")
        self.stops = [row["id"] for row in told["stops"]]
        self.shipments = [row["shipment_id"] for row in told["stops"]]

    async def send(self, *acts, positions=(), ahead=0):
        sent_at = (datetime.now(UTC) + timedelta(seconds=ahead)).isoformat()
        body = {"sent_at": sent_at, "acts": acts, "positions": positions}
        answer = await self.house.call("POST", f"{self.path}/acts", body, key=None)
        assert answer.status == 200, answer.body
        await self.house.read_all()
        return answer.json

    async def file(self, kind, body, at=0):
        id_ = str(uuid.uuid4())
        path = f"{self.path}/files/{id_}?kind={kind}&stop={self.stops[at]}"
        answer = await self.house.call("PUT", path, key=None, data=body)
        return id_, answer

    async def shipment(self, at=0):
        return (await self.house.call("GET", f"/v1/shipments/{self.shipments[at]}")).json

    async def events(self, at=0):
        return (await self.house.call("GET", f"/v1/shipments/{self.shipments[at]}/events")).json["data"]

    async def page(self, language="en"):
        return await self.house.call("GET", self.path, key=None, headers={"Accept-Language": language})


@pytest.fixture
async def phone(house):
    """A phone with a run of two stops; the first asks for all there is."""
    first = stop(
        "VAN-1",
        destination=DOOR_ADDRESS,
        needs=["photo", "signature", "name", "pin", "id_check"],
        pin="4711",
        min_age=18,
        note="Gate code 9",
        window={"from": "2199-11-20T09:00:00+00:00", "to": "2199-11-20T11:00:00+00:00"},
    )
    return Phone(house, await made(house, first, stop("VAN-2", destination=DOOR_ADDRESS)))


async def test_the_page_lists_the_stops_for_the_courier_alone(phone):
    page = await phone.page()
    html = page.body.decode()
    assert page.status == 200
    for told in ("Ana Prado", "Rua das Flores 12", "Gate code 9", "VAN-2", "geo:41.1496,-8.611?q=", "20 November 2199"):
        assert told in html
    assert "4711" not in html
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert "geolocation=(self)" in page.headers["Permissions-Policy"]
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert not re.search(r"\sstyle=|<script>|\son[a-z]+=", html)
    assert "Ich bin da" in (await phone.page("de")).body.decode()


async def test_a_day_from_loading_to_the_signature(house, phone):
    one = phone.stops[0]
    await phone.send(act(one, "loaded", 50), act(phone.stops[1], "loaded", 50), act(one, "on_the_way", 40))
    assert (await phone.shipment())["substatus"] == "on_route"
    assert (await phone.shipment(1))["substatus"] == "loaded"
    assert (await phone.shipment())["courier"] == "Rui"
    await phone.send(act(one, "arrived", 20))
    photo, _ = await phone.file("photo", picture())
    ink, _ = await phone.file("signature", picture("PNG"))
    done = act(one, "delivered", to="recipient", name="A. Prado", pin="4711", checked_id=True, photos=[photo])
    said = await phone.send(done | {"signature": ink, "place": {"latitude": DOOR[0], "longitude": DOOR[1]}})
    assert said == {"taken": [done["id"]], "refused": []}
    shipment = await phone.shipment()
    assert (shipment["status"], shipment["substatus"], shipment["signed_by"]) == ("delivered", "signed", "A. Prado")
    assert sorted(proof["kind"] for proof in shipment["proofs"]) == ["id_check", "name", "photo", "pin", "signature"]
    last = (await phone.events())[-1]
    assert last["code"] == "delivered/recipient/signature"
    assert "unmet" not in last["extra"]
    assert "4711" not in str(last)
    files = (await house.call("GET", f"/v1/shipments/{phone.shipments[0]}/proofs")).json["data"]
    assert {(row["kind"], row["state"]) for row in files} == {("photo", "kept"), ("signature", "kept")}
    assert {row["id"] for row in files} == {one["reference"] for one in shipment["proofs"] if one["reference"]}
    run_id = (await house.call("GET", "/v1/runs")).json["data"][0]["id"]
    run = (await house.call("GET", f"/v1/runs/{run_id}")).json
    assert (run["stops_done"], [row["state"] for row in run["stops"]]) == (1, ["delivered", "loaded"])
    kinds = [body["type"] for body in await messages(house, "shipment.delivered")]
    assert kinds == ["shipment.delivered"]


async def test_the_same_batch_again_changes_nothing(house, phone):
    acts = [act(phone.stops[1], "loaded", 30), act(phone.stops[1], "delivered", to="mailbox")]
    first = await phone.send(*acts)
    shipment, events = await phone.shipment(1), await phone.events(1)
    assert await phone.send(*acts) == first
    assert await phone.send(acts[1]) == {"taken": [acts[1]["id"]], "refused": []}
    assert await phone.events(1) == events
    assert (await phone.shipment(1))["milestones"] == shipment["milestones"]
    assert len(await messages(house, "shipment.delivered")) == 1


async def test_what_was_done_in_a_dead_spot_comes_later_with_its_own_times_in_any_order(phone):
    one = phone.stops[1]
    late = [act(one, "delivered", 1_800, to="neighbour", name="B. Costa"), act(one, "arrived", 2_000)]
    await phone.send(act(one, "loaded", 3_600))
    await phone.send(*late)
    events = await phone.events(1)
    assert [event["substatus"] for event in events] == ["loaded", "arrived_at_door", "to_neighbour"]
    told = datetime.fromisoformat(events[-1]["at"])
    assert abs((datetime.now(UTC) - told).total_seconds() - 1_800) < 30
    await phone.send(act(one, "on_the_way", 2_500))
    assert (await phone.shipment(1))["status"] == "delivered"


async def test_a_phone_whose_clock_is_wrong_is_set_right(phone):
    two_hours = 7_200
    ahead = act(phone.stops[1], "arrived", -two_hours)
    await phone.send(ahead, ahead=two_hours)
    (event,) = await phone.events(1)
    assert abs((datetime.now(UTC) - datetime.fromisoformat(event["at"])).total_seconds()) < 30


async def test_a_wrong_pin_at_the_door_is_asked_for_again_and_then_no_more(phone):
    one = phone.stops[0]
    wrong = await phone.send(act(one, "delivered", to="recipient", pin="0000"))
    assert [row["reason"] for row in wrong["refused"]] == ["pin_wrong"]
    assert (await phone.shipment())["status"] == "pending"
    for _ in range(4):
        await phone.send(act(one, "delivered", to="recipient", pin="0001"))
    often = await phone.send(act(one, "delivered", to="recipient", pin="4711"))
    assert [row["reason"] for row in often["refused"]] == ["pin_often"]


async def test_a_delivery_is_never_lost_for_what_it_lacks(phone):
    late = act(phone.stops[0], "delivered", 900, to="recipient", pin="0000", photos=[str(uuid.uuid4())])
    assert (await phone.send(late))["refused"] == []
    shipment = await phone.shipment()
    assert shipment["status"] == "delivered"
    (event,) = await phone.events()
    assert event["extra"]["pin"] == "wrong"
    assert sorted(event["extra"]["unmet"]) == ["id_check", "name", "photo", "pin", "signature"]
    assert shipment["proofs"] == []


@pytest.mark.parametrize(
    ("reason", "status", "substatus"),
    [
        ("recipient_absent", "attempt_failed", "recipient_absent"),
        ("weather", "attempt_failed", "weather"),
        ("other", "attempt_failed", "other"),
        ("refused", "exception", "refused"),
        ("damaged", "exception", "damaged"),
    ],
)
async def test_what_went_wrong_is_said_in_the_models_words(phone, reason, status, substatus):
    await phone.send(act(phone.stops[1], "failed", reason=reason, note="rang twice"))
    shipment = await phone.shipment(1)
    assert (shipment["status"], shipment["substatus"]) == (status, substatus)
    assert (await phone.events(1))[0]["extra"]["note"] == "rang twice"


async def test_positions_reach_those_ahead_with_their_stops_and_are_not_kept(house, phone):
    await phone.send(act(phone.stops[0], "on_the_way", 60), act(phone.stops[1], "loaded", 60))
    fix = {"at": datetime.now(UTC).isoformat(), "latitude": 41.16, "longitude": -8.61, "accuracy": 8, "speed": 5}
    await phone.send(positions=[fix])
    first = (await house.call("GET", f"/v1/shipments/{phone.shipments[0]}/position")).json
    second = (await house.call("GET", f"/v1/shipments/{phone.shipments[1]}/position")).json
    assert (first["position"]["latitude"], first["position"]["stops_before"]) == (41.16, 0)
    assert second["position"]["stops_before"] == 1
    assert "1 stop before you" in text(await see(phone.house, await path_of(house, phone.shipments[1])))
    bodies = await house.gateway.store.read(lambda conn: conn.execute(select(Tables.payload.c.body)).scalars().all())
    assert all(b"positions" not in body for body in bodies)
    await phone.send(act(phone.stops[0], "delivered", to="safe_place", pin=""), positions=[fix | {"latitude": 41.17}])
    over = (await house.call("GET", f"/v1/shipments/{phone.shipments[0]}/position")).json
    assert (over["stage"], over["position"]) == ("over", None)


async def test_what_cannot_be_read_costs_itself_alone(phone):
    good = act(phone.stops[1], "arrived")
    said = await phone.send({"id": "odd-odd-odd", "act": "fly"}, good, act("stp_of_nobody", "arrived"), "nonsense")
    assert said["taken"] == [good["id"]]
    assert [row["reason"] for row in said["refused"]] == ["unreadable", "unreadable", "unknown"]
    broken = await phone.house.call("POST", f"{phone.path}/acts", {"acts": []}, key=None)
    assert (broken.status, broken.pointers) == (422, ["/sent_at"])
    large = await phone.house.call("POST", f"{phone.path}/acts", {"x": "x" * 300_000}, key=None)
    assert large.status == 413


async def test_pictures_are_pictures_of_a_stop_of_this_run(house, phone):
    id_, first = await phone.file("photo", picture())
    assert first.status == 201
    path = f"{phone.path}/files/{id_}?kind=photo&stop={phone.stops[0]}"
    again = await house.call("PUT", path, key=None, data=picture())
    assert (again.status, again.json) == (201, first.json)
    assert (await phone.file("photo", b"<svg></svg>"))[1].status == 422
    assert (await phone.file("photo", b"%PDF-1.7 anything"))[1].status == 422
    assert (await phone.file("selfie", picture()))[1].pointers == ["?kind"]
    elsewhere = await house.call("PUT", path.replace(phone.stops[0], "stp_of_nobody"), key=None, data=picture())
    assert elsewhere.pointers == ["?stop"]
    other = Phone(house, await made(house, stop("VAN-9")))
    foreign = f"{other.path}/files/{id_}?kind=photo&stop={phone.stops[0]}"
    assert (await house.call("PUT", foreign, key=None, data=picture())).pointers == ["?stop"]


async def test_ended_unknown_and_expired_links_look_the_same(house, phone):
    run_id = (await house.call("GET", "/v1/runs")).json["data"][0]["id"]
    unknown = await house.call("GET", "/c/" + "A" * 24, key=None)
    await house.gateway.store.write(
        lambda conn: conn.execute(update(RunTables.run).values(expires_at=now_ms() - 1_000))
    )
    expired = await phone.page()
    assert (unknown.status, expired.status) == (404, 404)
    assert unknown.body == expired.body
    late = act(phone.stops[1], "delivered", 600, to="mailbox")
    assert (await phone.send(late))["taken"] == [late["id"]]
    await house.call("DELETE", f"/v1/runs/{run_id}/link")
    assert (await phone.page()).body == unknown.body
    gone = await house.call("POST", f"{phone.path}/acts", {"sent_at": datetime.now(UTC).isoformat()}, key=None)
    assert gone.status == 404


async def test_what_was_done_at_a_stop_that_was_taken_off_still_counts(house, phone):
    run_id = (await house.call("GET", "/v1/runs")).json["data"][0]["id"]
    await house.call("PATCH", f"/v1/runs/{run_id}", {"stops": [{"id": phone.stops[0]}]})
    assert "VAN-2" not in (await phone.page()).body.decode()
    await phone.send(act(phone.stops[1], "delivered", 300, to="reception"))
    assert (await phone.shipment(1))["substatus"] == "to_reception"


async def test_nothing_of_it_is_logged(house, phone, logs):
    more = {"to": "neighbour", "name": "B. Costa", "pin": "0815", "note": "second floor"}
    await phone.send(act(phone.stops[0], "delivered", 900, **more))
    token = phone.path.removeprefix("/c/")
    for never in (token, "B. Costa", "0815", "second floor", "Ana Prado"):
        assert never not in logs.getvalue()


async def test_a_full_inbox_keeps_nothing_and_says_wait(house, phone):
    house.gateway.inbox._most_waiting = 0
    body = {"sent_at": datetime.now(UTC).isoformat(), "acts": [act(phone.stops[1], "arrived")]}
    answer = await house.call("POST", f"{phone.path}/acts", body, key=None)
    assert answer.status == 503
    assert answer.headers["Retry-After"]
    assert await phone.events(1) == []


async def test_too_many_calls_of_one_phone_are_slowed(house, phone, monkeypatch):
    monkeypatch.setattr("gateway.pages.tries.Tries.allow", lambda _self, _key: False)
    body = {"sent_at": datetime.now(UTC).isoformat()}
    answer = await house.call("POST", f"{phone.path}/acts", body, key=None)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "60")


async def said(house, shipment_id):
    return (await house.call("GET", f"/v1/shipments/{shipment_id}/conversation")).json["utterances"]


async def test_the_courier_and_the_others_write_to_each_other_and_nothing_is_said_twice(house, phone):
    await phone.send(act(phone.stops[1], "on_the_way", 30))
    path = f"/v1/shipments/{phone.shipments[1]}/conversation"
    assert (await house.call("POST", path, {"text": "The bell is broken", "to": "courier"})).status in (200, 201)
    assert "The bell is broken" in (await phone.page()).body.decode()
    answer = act(phone.stops[1], "say", words="  I will knock ")
    assert (await phone.send(answer))["taken"] == [answer["id"]]
    assert (await phone.send(answer))["taken"] == [answer["id"]]
    lines = await said(house, phone.shipments[1])
    assert [(one["author"], one["text"]) for one in lines] == [
        ("support", "The bell is broken"),
        ("courier", "I will knock"),
    ]
    assert lines[1]["came_by"] == "courier_page"
    assert await said(house, phone.shipments[0]) == []
    assert len(await phone.events(1)) == 1
    empty = await phone.send(act(phone.stops[1], "say", words=" "))
    assert [one["reason"] for one in empty["refused"]] == ["unreadable"]


async def test_a_link_that_got_out_fills_no_disk(phone, monkeypatch):
    monkeypatch.setattr("gateway.runs.page._MOST_PICTURES", 2)
    first, _ = await phone.file("photo", picture())
    assert (await phone.file("signature", picture("PNG")))[1].status == 201
    more = (await phone.file("photo", picture()))[1]
    assert (more.status, more.json["detail"]) == (422, "a parcel has at most 2 pictures")
    path = f"{phone.path}/files/{first}?kind=photo&stop={phone.stops[0]}"
    assert (await phone.house.call("PUT", path, key=None, data=picture())).status == 201


async def run_of(house):
    run_id = (await house.call("GET", "/v1/runs")).json["data"][0]["id"]
    return (await house.call("GET", f"/v1/runs/{run_id}")).json


@pytest.mark.parametrize("late", ["loaded", "on_the_way", "arrived", "failed"])
async def test_a_delivered_stop_stays_delivered_whatever_another_phone_says_late(house, phone, late):
    one = phone.stops[1]
    done, deed = act(one, "delivered", 600, to="mailbox"), act(one, late, 60)
    for acts in ([done, deed], [deed, done]):
        assert len((await phone.send(*acts))["taken"]) == 2
        for single in acts:
            await phone.send(single)
        run = await run_of(house)
        assert (run["stops"][1]["state"], run["stops_done"]) == ("delivered", 1)
    assert (await phone.shipment(1))["status"] == "delivered"


async def test_a_delivery_out_of_a_dead_spot_closes_a_stop_that_was_loaded_later(house, phone):
    one = phone.stops[1]
    await phone.send(act(one, "loaded", 60))
    await phone.send(act(one, "delivered", 600, to="mailbox"))
    assert (await run_of(house))["stops"][1]["state"] == "delivered"


async def test_what_failed_is_tried_again_by_going_there_and_not_by_being_loaded(house, phone):
    one = phone.stops[1]
    await phone.send(act(one, "failed", 600, reason="recipient_absent"))
    await phone.send(act(one, "loaded", 60))
    assert (await run_of(house))["stops"][1]["state"] == "failed"
    await phone.send(act(one, "on_the_way", 30))
    assert (await run_of(house))["stops"][1]["state"] == "on_the_way"


async def test_nobody_is_ahead_of_a_courier_for_what_was_said_late(house, phone):
    await phone.send(act(phone.stops[0], "delivered", 600, to="recipient"), act(phone.stops[1], "loaded", 600))
    fix = {"at": datetime.now(UTC).isoformat(), "latitude": DOOR[0], "longitude": DOOR[1], "accuracy": 5}
    await phone.send(act(phone.stops[0], "loaded", 60), positions=[fix])
    told = (await house.call("GET", f"/v1/shipments/{phone.shipments[1]}/position")).json
    assert told["position"]["stops_before"] == 0


async def test_where_a_courier_was_is_kept_of_the_door_alone(phone):
    here = {"latitude": 41.123456, "longitude": -8.654321}
    one = phone.stops[1]
    await phone.send(act(one, "loaded", 50, place=here), act(one, "on_the_way", 40, place=here))
    await phone.send(act(one, "arrived", 30, place=here))
    assert [event["place"].get("latitude") for event in await phone.events(1)] == [None, None, 41.123456]


async def test_the_courier_calls_the_number_that_was_given_and_never_learns_the_recipients(house):
    own = {"name": "Ana Prado", "phone": "+351912345678", "postal_code": "4050-262", "country": "PT"}
    told = await made(house, stop("VAN-1", recipient=own, call="+351210000000,,4711#"), stop("VAN-2", recipient=own))
    assert [row["has_call"] for row in told["stops"]] == [True, False]
    html = (await Phone(house, told).page()).body.decode()
    assert re.findall('href="(tel:[^"]*)"', html) == ["tel:+351210000000,,4711%23"]
    assert "912345678" not in html
    path = f"/v1/runs/{told['id']}"
    kept = await house.call("PATCH", path, {"stops": [{"id": row["id"]} for row in told["stops"]]})
    assert [row["has_call"] for row in kept.json["stops"]] == [True, False]
    ended = await house.call("PATCH", path, {"stops": [{"id": told["stops"][0]["id"], "call": None}]})
    assert ended.json["stops"][0]["has_call"] is False
    assert "0000000" not in str(told)


async def stops_before(house, phone, at):
    path = await path_of(house, phone.shipments[at])
    told = (await house.call("GET", f"/v1/public/shipments/{path.rpartition('/')[2]}?lang=en", key=None)).json
    return told["stops_before"], told["said"]["beside"], told["last_mile"]["stage"]


async def test_recipients_hear_how_many_come_first_from_the_run_itself(house):
    phone = Phone(house, await made(house, *(stop(f"VAN-{number}") for number in range(1, 7))))
    await phone.send(*(act(one, "loaded", 60) for one in phone.stops))
    assert await stops_before(house, phone, 5) == (5, "5 stops before you", "far")
    async with watching(house, f"{await path_of(house, phone.shipments[5])}/live", None) as eyes:
        await eyes.sees()
        await phone.send(
            act(phone.stops[0], "failed", reason="no_access"), act(phone.stops[1], "delivered", to="mailbox")
        )
        while "changed" not in await eyes.line():
            pass
    assert await stops_before(house, phone, 5) == (3, "3 stops before you", "near")
    await phone.send(act(phone.stops[4], "on_the_way"))
    assert (await stops_before(house, phone, 4))[::2] == (0, "near")
    assert (await stops_before(house, phone, 2))[0] == 1
    fix = {"at": datetime.now(UTC).isoformat(), "latitude": DOOR[0], "longitude": DOOR[1], "accuracy": 5}
    await phone.send(positions=[fix])
    for at, count in ((4, 0), (2, 1), (5, 3)):
        told = (await house.call("GET", f"/v1/shipments/{phone.shipments[at]}/position")).json
        assert told["position"]["stops_before"] == count
