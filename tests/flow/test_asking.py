"""People hear that there are words for them, and are asked how it was: at a polite hour, once, and not for nothing."""

import pytest
from flow.people import MAIL, PHONE, town
from flow.roads import NUMBER
from flow.test_tracking_page import path_of, post, see
from sqlalchemy import select, update

from gateway.clock import now_ms
from gateway.people.tables import People

HOUR = 3_600_000


@pytest.fixture
async def place(house):
    async with town(house) as one:
        yield one


@pytest.fixture
async def parcel(house, place):
    """A parcel on its way whose recipient hears by mail: its account, its id and its page."""
    account_id = await house.demo_account()
    shipment_id = await house.shipment()
    assert (await place.subscribe(shipment_id, "email", MAIL)).status == 201
    await place.tell(account_id, NUMBER, "PICKED_UP")
    return account_id, shipment_id, await path_of(house, shipment_id)


async def notices(house, subject, channel=""):
    c = People.notice.c
    statement = select(People.notice).where(c.merchant_id == house.merchant_id, c.subject == subject)
    if channel:
        statement = statement.where(c.channel == channel)
    rows = await house.gateway.store.read(lambda conn: conn.execute(statement.order_by(c.id)).mappings().all())
    return [(row["state"], row["reason"], row["due_at"]) for row in rows]


async def make_due(house, subject):
    c = People.notice.c
    due = update(People.notice).where(c.merchant_id == house.merchant_id, c.subject == subject, c.state == "queued")
    await house.gateway.store.write(lambda conn: conn.execute(due.values(due_at=now_ms())))
    house.gateway.postroom.hint(house.merchant_id)


async def say(house, shipment_id, words, to="recipient"):
    said = await house.call("POST", f"/v1/shipments/{shipment_id}/conversation", {"text": words, "to": to})
    assert said.status == 201


async def test_words_for_the_recipient_are_told_of_without_the_words(house, place, parcel):
    _, shipment_id, path = parcel
    await say(house, shipment_id, "Where is the gate?")
    await say(house, shipment_id, "Hello?")
    await say(house, shipment_id, "for the courier alone", "courier")
    (first, second) = await notices(house, "conversation")
    assert first[0] == "superseded"
    assert (second[0], 30_000 < second[2] - now_ms() < 120_000) == ("queued", True)
    await make_due(house, "conversation")
    await house.until(lambda: len(place.mail.to(MAIL)) == 1)
    (letter,) = place.mail.to(MAIL)
    assert letter["Subject"] == "A shop: a message about your parcel"
    plain = letter.get_body(("plain",)).get_content()
    assert f"https://hub.example{path}#talk" in plain
    assert "gate" not in plain


async def test_who_read_them_meanwhile_is_not_told(house, place, parcel):
    _, shipment_id, path = parcel
    await say(house, shipment_id, "Where is the gate?")
    assert "Where is the gate?" in (await see(house, path)).body.decode()
    await make_due(house, "conversation")

    async def skipped():
        return (await notices(house, "conversation"))[0][:2] == ("skipped", "the person read it already")

    await house.until(skipped)
    assert place.mail.to(MAIL) == []


async def test_words_of_recipients_are_no_news_to_them(house, parcel):
    await post(house, f"{parcel[2]}/say", words="hello")
    assert await notices(house, "conversation") == []


async def test_of_what_waits_for_the_morning_the_newest_news_and_the_newest_words_go(house, place, parcel):
    account_id, shipment_id, _ = parcel
    asleep = {"quiet_hours": {"from": "00:00", "to": "23:59"}}
    await place.subscribe(shipment_id, "sms", PHONE, event_types=["*"], **asleep)
    for codes in (("NOBODY_HOME",), ("NOBODY_HOME", "AT_SHOP")):
        await place.tell(account_id, NUMBER, "PICKED_UP", *codes)
    ((failed, reason, _),) = await notices(house, "attempt_failed", "sms")
    assert (failed, reason) == ("superseded", "newer news of this parcel took its place")
    ((waits, *_),) = await notices(house, "available_for_pickup", "sms")
    assert waits == "queued"


async def test_nobody_is_asked_how_it_was_who_did_not_want_that(house, place, parcel):
    account_id, _, _ = parcel
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT", "DELIVERED")
    assert len(await notices(house, "delivered")) == 1
    assert await notices(house, "rate") == []


async def test_the_shop_may_have_everybody_asked_some_hours_later_beside_the_news_of_the_delivery(house, place, parcel):
    account_id, _shipment_id, path = parcel
    kept = await house.call("PUT", "/v1/last-mile", {"rating": {"ask": True, "hours": 5}})
    assert kept.json["rating"] == {"ask": True, "hours": 5}
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT", "DELIVERED")
    await house.until(lambda: len(place.mail.to(MAIL)) == 1)
    ((state, _, due),) = await notices(house, "rate")
    assert (state, abs(due - now_ms() - 5 * HOUR) < 60_000) == ("queued", True)
    await make_due(house, "rate")
    await house.until(lambda: len(place.mail.to(MAIL)) == 2)
    letter = place.mail.to(MAIL)[1]
    assert letter["Subject"] == "A shop: how was the delivery?"
    assert f"https://hub.example{path}#rate" in letter.get_body(("html",)).get_content()
    (told,) = (await house.call("GET", "/v1/messages?type=shipment.delivered")).json["data"]
    shown = (await house.call("GET", f"/v1/messages/{told['id']}")).json["notices"]
    assert sorted(one["subject"] for one in shown) == ["delivered", "rate"]


async def test_who_rated_already_is_not_asked(house, place, parcel):
    account_id, shipment_id, path = parcel
    await place.subscribe(shipment_id, "sms", PHONE, event_types=["rate"])
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT", "DELIVERED")
    assert len(await notices(house, "rate")) == 1
    await post(house, f"{path}/rate", stars="5")
    await make_due(house, "rate")

    async def skipped():
        return (await notices(house, "rate"))[0][:2] == ("skipped", "the delivery was rated already")

    await house.until(skipped)
    assert place.sms.texted == []
