"""One conversation per shipment: written on the page, read at the desk, kept sealed, closed after a while."""

import asyncio

import pytest
from flow.roads import NUMBER, Eyes, messages
from flow.test_tracking_page import RECIPIENT, path_of, post, see, text
from sqlalchemy import select, update

from gateway import housekeeping, shipments
from gateway.clock import now_ms
from gateway.talk import conversation
from gateway.talk.tables import TalkTables

NOW = now_ms()


@pytest.fixture
async def parcel(house):
    """A parcel on its way: its account, its id and its page."""
    account_id = await house.demo_account()
    shipment_id = await house.shipment(destination={"country": "PT", "city": "Porto"}, recipient=RECIPIENT)
    await house.tell(account_id, NUMBER, "PICKED_UP")
    return account_id, shipment_id, await path_of(house, shipment_id)


def cookie(headers):
    return headers["Set-Cookie"].split(";")[0]


async def post_as(house, path, cookie, **fields):
    data = "&".join(f"{name}={value}" for name, value in fields.items()).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
    async with house.session.post(house.url + path, data=data, headers=headers, allow_redirects=False) as response:
        return response.status, await response.text(), response.headers


async def conversation_of(house, shipment_id, key=""):
    return (await house.call("GET", f"/v1/shipments/{shipment_id}/conversation", key=key)).json


async def test_words_to_the_shop_wait_at_the_desk_until_it_answers(house, parcel):
    _, shipment_id, path = parcel
    status, _, headers = await post(house, f"{path}/say", words="Can+it+come+on+Friday%3F")
    assert (status, headers["Location"]) == (303, path)
    (waiting,) = (await house.call("GET", "/v1/conversations?waiting=true")).json["data"]
    assert (await house.call("GET", "/v1/desk/queues")).json["conversations"] == 1
    assert (waiting["shipment_id"], waiting["waits_since"]) == (shipment_id, waiting["last_at"])
    assert (waiting["carrier"], waiting["tracking_number"]) == ("demo", NUMBER)
    told = await conversation_of(house, shipment_id, await house.key_of("support"))
    assert (told["open"], told["closes_at"]) == (True, None)
    (first,) = told["utterances"]
    assert {name: first[name] for name in first if name not in ("id", "at")} == {
        "author": "recipient",
        "audience": "support",
        "kind": "words",
        "quick": None,
        "text": "Can it come on Friday?",
        "came_by": "page",
        "through": "desk",
        "state": "sent",
        "reason": None,
    }
    said = await house.call("POST", f"/v1/shipments/{shipment_id}/conversation", {"text": "Yes, it can."})
    assert (said.status, said.json["author"], said.json["through"], said.json["state"]) == (
        201,
        "support",
        "page",
        "sent",
    )
    assert (await house.call("GET", "/v1/conversations?waiting=true")).json["data"] == []
    (answered,) = (await house.call("GET", "/v1/conversations?waiting=false")).json["data"]
    assert answered["waits_since"] is None
    page = text(await see(house, path, Cookie=cookie(headers)))
    assert "Can it come on Friday?" in page
    assert "Yes, it can." in page
    assert [one["state"] for one in (await conversation_of(house, shipment_id))["utterances"]] == ["sent", "read"]


async def test_what_was_said_is_shown_to_whoever_wrote_it_or_knows_the_postcode(house, parcel):
    _, _shipment_id, path = parcel
    _, _, headers = await post(house, f"{path}/say", kind="instruction", quick="gate_code", words="4711")
    stranger = text(await see(house, path))
    assert "4711" not in stranger
    assert "There is 1 message." in stranger
    assert "4711" in text(await see(house, path, Cookie=cookie(headers)))
    _, _, proof = await post(house, f"{path}/postcode", postcode="4050262")
    assert "The gate code is: 4711" in text(await see(house, path, Cookie=cookie(proof)))
    other = await path_of(house, await house.shipment("DEMO770044006", recipient=RECIPIENT))
    await post(house, f"{other}/say", words="secret")
    assert "secret" not in text(await see(house, other, Cookie=cookie(headers)))


async def test_a_word_on_somebody_elses_page_opens_nothing_that_others_said(house, parcel):
    _, shipment_id, path = parcel
    answer = f"/v1/shipments/{shipment_id}/conversation"
    await post(house, f"{path}/say", kind="instruction", words="the+code+is+4711")
    await house.call("POST", answer, {"text": "Noted: four, seven."})
    _, _, headers = await post(house, f"{path}/say", words="hello")
    curious = cookie(headers)
    await asyncio.sleep(0.002)
    await post(house, f"{path}/say", words="and+knock+thrice")
    await house.call("POST", answer, {"text": "How can we help?"})
    page = text(await see(house, path, Cookie=curious))
    assert [word in page for word in ("hello", "How can we help?")] == [True, True]
    assert [word in page for word in ("4711", "Noted", "knock thrice")] == [False, False, False]
    assert "There are 3 more messages." in page
    states = {one["text"]: one["state"] for one in (await conversation_of(house, shipment_id))["utterances"]}
    assert (states["Noted: four, seven."], states["How can we help?"]) == ("sent", "read")
    _, _, again = await post_as(house, f"{path}/say", curious, words="thanks")
    page = text(await see(house, path, Cookie=cookie(again)))
    assert [word in page for word in ("hello", "thanks", "4711")] == [True, True, False]
    forged = curious.replace("talk=", "talk=0")
    assert "hello" not in text(await see(house, path, Cookie=forged))
    _, _, proof = await post(house, f"{path}/postcode", postcode="4050262")
    page = text(await see(house, path, Cookie=cookie(proof)))
    assert [word in page for word in ("4711", "Noted", "hello", "knock thrice")] == [True] * 4


async def test_words_are_sealed_in_the_database_and_never_in_the_logs(house, parcel, logs):
    _, shipment_id, path = parcel
    await post(house, f"{path}/say", words="the+key+is+under+the+mat")
    (row,) = await house.gateway.store.read(lambda conn: conn.execute(select(TalkTables.utterance)).mappings().all())
    assert b"mat" not in b"".join(value for value in row.values() if isinstance(value, bytes))
    assert "under the mat" not in logs.getvalue()
    (message,) = await messages(house, "conversation.message")
    assert "mat" not in str(message)
    assert message["data"]["conversation"]["author"] == "recipient"
    assert message["data"]["conversation"]["id"] == row["id"]
    assert message["data"]["shipment"]["id"] == shipment_id


async def test_a_merchant_may_have_the_words_in_its_messages(house, parcel):
    _, _, path = parcel
    wish = {"conversation": {"text_in_messages": True, "hours": 2}}
    kept = await house.call("PUT", "/v1/last-mile", wish)
    assert kept.json["conversation"] == {"hours": 2, "text_in_messages": True}
    await post(house, f"{path}/say", words="hello")
    (message,) = await messages(house, "conversation.message")
    assert message["data"]["conversation"]["text"] == "hello"


async def test_instructions_are_for_the_courier_and_the_newest_counts(house, parcel):
    _, shipment_id, path = parcel
    page = text(await see(house, path))
    assert "Instructions for the courier" in page
    _, _, headers = await post(house, f"{path}/say", kind="instruction", quick="leave_with_neighbour")
    newest = {"kind": "instruction", "quick": "safe_place", "words": "behind+the+shed"}
    await post_as(house, f"{path}/say", cookie(headers), **newest)
    said = (await conversation_of(house, shipment_id))["utterances"]
    assert [(one["quick"], one["state"], one["through"], one["audience"]) for one in said] == [
        ("leave_with_neighbour", "replaced", None, "everybody"),
        ("safe_place", "waiting", None, "everybody"),
    ]
    shown = text(await see(house, path, "de", Cookie=cookie(headers)))
    assert "Bitte an einem sicheren Ort ablegen: behind the shed" in shown
    assert "Bitte beim Nachbarn abgeben" not in shown


async def test_while_it_is_out_for_delivery_words_are_for_the_courier(house, parcel):
    account_id, shipment_id, path = parcel
    await house.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    page = text(await see(house, path))
    assert "Write to the courier" in page
    assert "Instructions for the courier" not in page
    await post(house, f"{path}/say", quick="be_right_there", words="")
    (said,) = (await conversation_of(house, shipment_id))["utterances"]
    assert (said["quick"], said["text"], said["audience"], said["through"]) == (
        "be_right_there",
        "",
        "everybody",
        "desk",
    )
    assert len((await house.call("GET", "/v1/conversations?waiting=true")).json["data"]) == 1


async def test_the_courier_reads_what_is_meant_for_couriers_alone(house, parcel):
    account_id, shipment_id, path = parcel
    await post(house, f"{path}/say", words="your+courier+was+rude+last+time")
    await post(house, f"{path}/say", kind="instruction", words="ring+twice")
    await house.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    await house.call("POST", f"/v1/shipments/{shipment_id}/conversation", {"text": "call us", "to": "courier"})
    await house.call("POST", f"/v1/shipments/{shipment_id}/conversation", {"text": "we are sorry"})

    def read(reader):
        def work(conn):
            return conversation.of_shipment(conn, house.gateway.vault, house.merchant_id, shipment_id, reader)

        return house.gateway.store.read(work)

    assert [one["text"] for one in await read("courier")] == ["ring twice", "call us"]
    assert [one["text"] for one in await read("recipient")] == [
        "your courier was rude last time",
        "ring twice",
        "we are sorry",
    ]
    assert len(await read("support")) == 4


async def test_it_closes_some_hours_after_the_delivery(house, parcel):
    account_id, shipment_id, path = parcel
    await post(house, f"{path}/say", words="hello")
    await house.call("PUT", "/v1/last-mile", {"conversation": {"hours": 0}})
    await house.tell(account_id, NUMBER, "PICKED_UP", "OUT", "DELIVERED")
    status, page, _ = await post(house, f"{path}/say", words="again")
    assert status == 409
    assert "The conversation about this parcel is closed." in page
    answer = await house.call("POST", f"/v1/shipments/{shipment_id}/conversation", {"text": "late"})
    assert (answer.status, answer.json["detail"]) == (409, "the conversation is closed")
    told = await conversation_of(house, shipment_id)
    assert (told["open"], len(told["utterances"])) == (False, 1)
    assert told["closes_at"] is not None


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"words": ""}, "Write something, or choose a ready answer."),
        ({"words": "+%0A+"}, "Write something, or choose a ready answer."),
        ({"quick": "be_rude"}, "Write something, or choose a ready answer."),
        ({"words": "x" * 501}, "That is too long: at most 500 characters."),
        ({"words": "", "quick": "gate_code"}, "Write the code as well."),
    ],
)
async def test_what_cannot_be_said_is_told_beside_the_field_and_stays_in_it(house, parcel, form, said):
    account_id, shipment_id, path = parcel
    await house.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    status, page, headers = await post(house, f"{path}/say", **form)
    assert status == 422
    assert f'<p class="problem" id="say-problem" role="alert">{said}</p>' in page
    assert form.get("words", "").strip("+%0A") in page
    assert headers["Cache-Control"] == "private, no-store"
    assert (await conversation_of(house, shipment_id))["utterances"] == []


async def test_a_second_tap_says_nothing_twice_and_a_flood_is_held_back(house, parcel):
    _, shipment_id, path = parcel
    answers = await asyncio.gather(*(post(house, f"{path}/say", words="hello") for _ in range(3)))
    assert [status for status, *_ in answers] == [303] * 3
    assert len((await conversation_of(house, shipment_id))["utterances"]) == 1
    for index in range(7):
        assert (await post(house, f"{path}/say", words=f"more+{index}"))[0] == 303
    status, page, _ = await post(house, f"{path}/say", words="one+more")
    assert status == 429
    assert "Please wait some minutes." in page


async def test_one_shipment_takes_so_much_and_no_more(house, parcel, monkeypatch):
    monkeypatch.setattr(conversation, "MOST", 2)
    _, shipment_id, _ = parcel
    path = f"/v1/shipments/{shipment_id}/conversation"
    assert [(await house.call("POST", path, {"text": word})).status for word in ("one", "two", "three")] == [
        201,
        201,
        409,
    ]


async def test_open_pages_hear_at_once_that_something_was_said(house, parcel):
    _, shipment_id, path = parcel
    async with house.session.get(f"{house.url}{path}/live") as response:
        eyes = Eyes(response)
        while not (await eyes.line()).startswith("event: courier"):
            pass
        await house.call("POST", f"/v1/shipments/{shipment_id}/conversation", {"text": "hello"})
        while (line := await eyes.line()) != "event: talk":
            assert not line.startswith("event: changed")
    (message,) = await messages(house, "conversation.message")
    assert message["data"]["conversation"]["page_open"] is True


async def test_blank_and_overlong_words_of_support_name_their_field(house, parcel):
    _, shipment_id, _ = parcel
    path = f"/v1/shipments/{shipment_id}/conversation"
    for wrong in ("", " \n ", "x" * 501):
        answer = await house.call("POST", path, {"text": wrong})
        assert (answer.status, answer.pointers) == (422, ["/text"])
    assert (await house.call("POST", path, {"text": "a", "to": "carrier"})).pointers == ["/to"]
    assert (await house.call("GET", "/v1/conversations?cursor=nonsense")).pointers == ["?cursor"]


@pytest.mark.parametrize("waiting", ["", "waiting=true&"])
async def test_lists_of_conversations_lose_none_between_pages(house, parcel, waiting):
    paths = [parcel[2], await path_of(house, await house.shipment("DEMO770044006", recipient=RECIPIENT))]
    for path in paths:
        await post(house, f"{path}/say", words="hello")
    found, cursor = [], ""
    for _ in paths:
        page = (await house.call("GET", f"/v1/conversations?{waiting}limit=1{cursor}")).json
        found += [one["shipment_id"] for one in page["data"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert page["next_cursor"] is None
    whole = (await house.call("GET", f"/v1/conversations?{waiting}")).json["data"]
    assert found == [one["shipment_id"] for one in whole]
    assert len(set(found)) == 2


async def test_old_conversations_are_dropped_and_others_stay(house, parcel):
    _, shipment_id, path = parcel
    await post(house, f"{path}/say", words="hello")
    keep = house.gateway.settings.keep_message_days * 86_400_000
    await housekeeping.drop_old(house.gateway.store, house.gateway.settings, NOW)
    assert len((await conversation_of(house, shipment_id))["utterances"]) == 1
    c = TalkTables.conversation.c
    old = update(TalkTables.conversation).where(c.merchant_id == house.merchant_id).values(last_at=NOW - keep - 1)
    await house.gateway.store.write(lambda conn: conn.execute(old))
    await housekeeping.drop_old(house.gateway.store, house.gateway.settings, NOW)
    assert (await conversation_of(house, shipment_id))["utterances"] == []


async def test_saying_twice_what_has_an_id_says_it_once(house, parcel):
    _, shipment_id, _ = parcel
    saying = conversation.Saying(author="courier", words="at the door", came_by="sms", id="utt_once")

    def work(conn):
        row = shipments.get(conn, house.merchant_id, shipment_id)
        return conversation.say(conn, house.gateway.vault, row, saying, NOW)

    first, second = [await house.gateway.store.write(work) for _ in range(2)]
    assert dict(first.row) == dict(second.row)
    assert (len(first.entries), second.entries) == (1, {})
    assert "at the door" not in repr(saying)
