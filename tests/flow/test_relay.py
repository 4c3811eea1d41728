"""What is said to a courier arrives by the best way there is, back and forth, and nobody's number with it."""

import sqlite3
import time
from contextlib import asynccontextmanager, closing
from functools import partial

import pytest
from aiohttp import web
from flow.people import PHONE, SENDER, Interrupted, town
from flow.roads import NUMBER
from flow.test_conversation import conversation_of
from flow.test_tracking_page import RECIPIENT, path_of, post, see, text
from sqlalchemy import select, update

from gateway.settings import Settings
from gateway.talk.tables import TalkTables

COURIER = "+351912345678"
OTHER = "DEMO770044006"


@pytest.fixture
async def place(house):
    async with town(house) as one:
        yield one


@pytest.fixture
async def parcel(house, place):
    """A parcel out for delivery whose courier has a telephone: its account, its id and its page."""
    account_id = await house.demo_account()
    return account_id, *await out_with(house, place, account_id, NUMBER)


async def out_with(house, place, account_id, number, phone="912345678", **more):
    shipment_id = await house.shipment(number, destination={"country": "PT", "city": "Porto"}, recipient=RECIPIENT)
    wish = {"phone": phone} | more
    put = await house.call("PUT", f"/v1/shipments/{shipment_id}/conversation/courier", wish)
    assert (put.status, put.json) == (200, {"has_phone": True, "language": more.get("language")})
    await place.tell(account_id, number, "PICKED_UP", "OUT")
    return shipment_id, await path_of(house, shipment_id)


async def said_in(house, shipment_id, state, *, last=True):
    async def came():
        said = (await conversation_of(house, shipment_id))["utterances"]
        return bool(said) and said[-1 if last else 0]["state"] == state

    await house.until(came)
    return (await conversation_of(house, shipment_id))["utterances"]


async def test_words_reach_the_courier_by_sms_and_the_answer_comes_back_without_a_number(house, place, parcel, logs):
    _, shipment_id, path = parcel
    _, _, headers = await post(house, f"{path}/say", quick="gate_code", words="4711")
    (said,) = await said_in(house, shipment_id, "sent")
    assert (said["through"], said["audience"]) == ("sms", "everybody")
    (sent,) = place.sms.texted
    assert (sent.to, sent.sender) == (COURIER, SENDER)
    assert sent.body == f"#1 Recipient of {NUMBER}: The gate code is: 4711"
    await place.report(sent, "delivered")
    assert (await conversation_of(house, shipment_id))["utterances"][0]["state"] == "delivered"
    assert (await place.write("I am at the gate", COURIER)).status == 200
    page = text(await see(house, path, Cookie=headers["Set-Cookie"].split(";")[0]))
    assert "I am at the gate" in page
    answer = (await conversation_of(house, shipment_id))["utterances"][1]
    assert (answer["author"], answer["came_by"], answer["through"], answer["audience"]) == (
        "courier",
        "sms",
        "page",
        "everybody",
    )
    whole = (await house.call("GET", f"/v1/shipments/{shipment_id}/conversation")).body.decode()
    for shown in (page, whole, sent.body, logs.getvalue()):
        assert COURIER not in shown
        assert COURIER[4:] not in shown


@pytest.mark.sqlite_only
async def test_a_courier_is_told_once_though_the_file_is_locked_when_it_is_to_be_noted(impatient, house, logs):
    async with town(house, Interrupted()) as place:
        account_id = await house.demo_account()
        shipment_id, path = await out_with(house, place, account_id, NUMBER)
        with closing(sqlite3.connect(house.gateway.store.path, check_same_thread=False)) as other:
            place.sms.meanwhile = partial(other.execute, "begin immediate")
            await post(house, f"{path}/say", words="the bell is broken")
            await house.until(lambda: "result_waits" in logs.getvalue())
        del place.sms.meanwhile
        await said_in(house, shipment_id, "sent")
        assert len(place.sms.texted) == 1


@pytest.mark.parametrize("answer", ["Yes", "#1 yes."])
async def test_a_courier_s_yes_is_an_answer_and_a_person_s_who_said_stop_begins_again(house, place, parcel, answer):
    _, shipment_id, path = parcel
    await post(house, f"{path}/say", words="can+you+leave+it+with+the+neighbour")
    await said_in(house, shipment_id, "sent")
    await place.write(answer, COURIER)
    (_, said) = (await conversation_of(house, shipment_id))["utterances"]
    assert (said["author"], said["text"].lower().strip(".")) == ("courier", "yes")
    await place.subscribe(shipment_id, "sms", PHONE)
    subscriptions = f"/v1/shipments/{shipment_id}/subscriptions"
    for words, state in (("STOP", "stopped"), ("Yes", "active")):
        await place.write(words, PHONE, MessageSid=words)
        assert (await house.call("GET", subscriptions)).json["data"][0]["state"] == state
    assert len((await conversation_of(house, shipment_id))["utterances"]) == 2


async def test_the_same_answer_reported_twice_is_said_once(house, place, parcel):
    _, shipment_id, path = parcel
    await post(house, f"{path}/say", words="hello")
    await said_in(house, shipment_id, "sent")
    for _ in range(2):
        await place.write("#1 two minutes", COURIER, MessageSid="SMtwice")
    said = (await conversation_of(house, shipment_id))["utterances"]
    assert [one["text"] for one in said] == ["hello", "two minutes"]


async def test_a_courier_with_two_parcels_is_asked_which_one_and_no_recipient_reads_the_other_s(house, place, parcel):
    account_id, shipment_id, path = parcel
    other_id, other = await out_with(house, place, account_id, OTHER, language="de")
    for one, id_ in ((path, shipment_id), (other, other_id)):
        await post(house, f"{one}/say", words="hello")
        await said_in(house, id_, "sent")
    assert [sent.body for sent in place.sms.texted] == [
        f"#1 Recipient of {NUMBER}: hello",
        f"#2 Empfänger von {OTHER}: hello",
    ]
    asked = await place.write("be there soon", COURIER)
    assert "Beginnen Sie die Antwort mit #1, #2." in asked.body.decode()
    await place.write("#2 be there soon", COURIER, MessageSid="SM2")
    assert len((await conversation_of(house, shipment_id))["utterances"]) == 1
    assert (await conversation_of(house, other_id))["utterances"][1]["text"] == "be there soon"
    await place.write("#7 who is this", COURIER, MessageSid="SM7")
    await place.write("who is this", PHONE, MessageSid="SM8")
    assert len((await conversation_of(house, other_id))["utterances"]) == 2


async def test_another_number_of_the_shop_s_keeps_two_parcels_of_one_courier_apart(house, place, parcel):
    account_id, shipment_id, path = parcel
    second = {"account_sid": place.sms.account_sid, "from": "+15005550007", "base_url": place.sms.address}
    await place.channel("sms", second, {"auth_token": place.sms.token})
    other_id, other = await out_with(house, place, account_id, OTHER)
    for one, id_ in ((path, shipment_id), (other, other_id)):
        await post(house, f"{one}/say", words="hello")
        await said_in(house, id_, "sent")
    assert [sent.sender for sent in place.sms.texted] == [SENDER, "+15005550007"]
    await place.write("coming", COURIER, To="+15005550007")
    assert [one["text"] for one in (await conversation_of(house, other_id))["utterances"]] == ["hello", "coming"]


async def test_instructions_go_with_the_courier_at_departure(house, place):
    account_id = await house.demo_account()
    shipment_id = await house.shipment(recipient=RECIPIENT)
    await house.call("PUT", f"/v1/shipments/{shipment_id}/conversation/courier", {"phone": COURIER, "language": "pl"})
    path = await path_of(house, shipment_id)
    await place.tell(account_id, NUMBER, "PICKED_UP")
    await post(house, f"{path}/say", kind="instruction", words="first")
    await post(house, f"{path}/say", kind="instruction", quick="safe_place", words="behind+the+shed")
    assert place.sms.texted == []
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    await said_in(house, shipment_id, "sent")
    (sent,) = place.sms.texted
    assert sent.body == f"#1 Wskazówka do {NUMBER}: Proszę zostawić w bezpiecznym miejscu: behind the shed"


async def test_what_does_not_arrive_is_left_to_the_desk(house, place, parcel):
    _, shipment_id, path = parcel
    place.sms.blocked.add((SENDER, COURIER))
    await post(house, f"{path}/say", words="hello")
    (said,) = await said_in(house, shipment_id, "failed")
    assert said["reason"] == "this person told the provider to stop"
    assert len((await house.call("GET", "/v1/conversations?waiting=true")).json["data"]) == 1


async def test_a_courier_who_said_stop_is_not_written_to(house, place, parcel):
    _, shipment_id, path = parcel
    await place.write("STOP", COURIER)
    assert (await conversation_of(house, shipment_id))["courier_by"] is None
    await post(house, f"{path}/say", words="hello")
    (said,) = (await conversation_of(house, shipment_id))["utterances"]
    assert (said["through"], said["state"]) == ("desk", "sent")
    assert place.sms.texted == []


async def test_a_busy_provider_is_asked_again_and_a_dead_process_s_claim_is_taken_over(house, place, parcel):
    _, shipment_id, path = parcel
    place.sms.busy = 1
    await post(house, f"{path}/say", words="hello")
    u = TalkTables.utterance.c

    async def put_off():
        row = await house.gateway.store.read(lambda conn: conn.execute(select(u.reason, u.due_at)).one())
        return row.reason != ""

    await house.until(put_off)
    assert place.sms.texted == []
    soon = update(TalkTables.utterance).where(u.merchant_id == house.merchant_id).values(due_at=time.time() * 1000)
    await house.gateway.store.write(lambda conn: conn.execute(soon))
    house.gateway.relay.wake()
    await said_in(house, shipment_id, "sent")
    assert [sent.body for sent in place.sms.texted] == [f"#1 Recipient of {NUMBER}: hello"]


async def test_support_reaches_the_courier_or_is_told_that_it_cannot(house, place, parcel):
    _, shipment_id, _ = parcel
    path = f"/v1/shipments/{shipment_id}/conversation"
    said = await house.call("POST", path, {"text": "Take the back door", "to": "courier"})
    assert (said.json["through"], said.json["state"]) == ("sms", "waiting")
    await said_in(house, shipment_id, "sent")
    assert place.sms.texted[0].body == f"#1 Office, {NUMBER}: Take the back door"
    await house.call("PUT", f"{path}/courier", {"phone": None})
    said = await house.call("POST", path, {"text": "Are you there?", "to": "courier"})
    assert (said.json["state"], said.json["reason"]) == ("failed", "there is no way to the courier")


async def test_a_recipient_s_answer_by_sms_joins_the_conversation(house, place, parcel):
    _, shipment_id, _ = parcel
    await place.subscribe(shipment_id, "sms", PHONE)
    await place.write("Ring at Prado please", PHONE)
    said = await said_in(house, shipment_id, "sent")
    assert (said[0]["author"], said[0]["came_by"], said[0]["text"]) == ("recipient", "sms", "Ring at Prado please")
    assert place.sms.texted[-1].body == f"#1 Recipient of {NUMBER}: Ring at Prado please"


async def test_numbers_nobody_can_be_called_on_are_refused(house, place, parcel):
    _, shipment_id, _ = parcel
    path = f"/v1/shipments/{shipment_id}/conversation/courier"
    for wrong in ("12", "not a number", "x" * 41):
        answer = await house.call("PUT", path, {"phone": wrong})
        assert (answer.status, answer.pointers) == (422, ["/phone"])
    assert (await house.call("PUT", path, {})).pointers == ["/phone"]


async def test_a_fleet_of_the_shop_s_own_reads_it_on_the_courier_s_page(house):
    day = time.strftime("%Y-%m-%d", time.gmtime())
    stop = {"tracking_number": "RUN-1", "recipient": RECIPIENT}
    run = await house.call("POST", "/v1/runs", {"courier": "Rui", "day": day, "stops": [stop]})
    assert run.status == 201, run.body
    shipment_id = run.json["stops"][0]["shipment_id"]
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    await house.call("POST", f"/v1/shipments/{shipment_id}/events", {"status": "out_for_delivery", "at": at})
    assert (await conversation_of(house, shipment_id))["courier_by"] == "courier_page"
    await post(house, f"{await path_of(house, shipment_id)}/say", quick="be_right_there")
    (said,) = (await conversation_of(house, shipment_id))["utterances"]
    assert (said["through"], said["state"]) == ("courier_page", "sent")


class Platform:
    """A platform that knows one task with a courier, and takes messages to its courier."""

    def __init__(self):
        self.told = []
        self.status = 200

    @asynccontextmanager
    async def open(self):
        async def answer(request):
            body = await request.json()
            if request.path.endswith("/send_notification"):
                self.told.append((tuple(body["fleet_ids"]), body["message"]))
                return web.json_response({"message": "ok", "status": self.status, "data": {}})
            task = {"job_id": 510070071, "order_id": "SO-1", "job_type": 1, "job_status": 4, "timezone": "0"}
            task |= {"fleet_id": 88, "acknowledged_datetime": "2026-11-03 15:01:00"}
            return web.json_response({"message": "ok", "status": 200, "data": [task]})

        app = web.Application()
        app.router.add_post("/{rest:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        await runner.cleanup()


class TestByPlatform:
    """The carrier's own way to its courier comes first."""

    @pytest.fixture
    async def platform(self):
        one = Platform()
        async with one.open() as url:
            one.url = url
            yield one

    @pytest.fixture
    def settings(self, settings, platform):
        return Settings.model_validate(settings.model_dump() | {"carrier_base_urls": {"tookan": platform.url}})

    async def out(self, house):
        secrets = {"shared_secret": "a word of many letters", "api_key": "key-71"}
        account = await house.call("POST", "/v1/accounts", {"carrier": "tookan", "secrets": secrets})
        assert account.status == 201, account.body
        wish = {"tracking_number": "510070071", "carrier": "tookan", "account": account.json["id"]}
        shipment_id = (await house.call("POST", "/v1/shipments", wish | {"recipient": RECIPIENT})).json["id"]
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        await house.call("POST", f"/v1/shipments/{shipment_id}/events", {"status": "out_for_delivery", "at": at})
        return shipment_id

    async def test_words_go_by_the_platform_s_own_call(self, house, platform):
        shipment_id = await self.out(house)
        assert (await conversation_of(house, shipment_id))["courier_by"] == "platform"
        await post(house, f"{await path_of(house, shipment_id)}/say", quick="leave_with_neighbour")
        (said,) = await said_in(house, shipment_id, "sent")
        assert said["through"] == "platform"
        assert platform.told == [(("88",), "Recipient of 510070071: Please leave it with a neighbour")]

    async def test_where_the_platform_refuses_the_next_way_is_taken(self, house, platform):
        platform.status = 201
        shipment_id = await self.out(house)
        async with town(house) as place:
            await house.call("PUT", f"/v1/shipments/{shipment_id}/conversation/courier", {"phone": COURIER})
            await post(house, f"{await path_of(house, shipment_id)}/say", words="hello")
            (said,) = await said_in(house, shipment_id, "sent")
            assert said["through"] == "sms"
            assert [sent.body for sent in place.sms.texted] == ["#1 Recipient of 510070071: hello"]
