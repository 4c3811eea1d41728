"""People hear of their parcels: by every channel, in their language, once, with consent, and never after STOP."""

from __future__ import annotations

import asyncio
import re
import time

import orjson
import pytest
from flow.people import CONSENT, MAIL, PHONE, town
from flow.test_tracking_page import path_of, post, see
from flow.test_tracking_page import text as text_of
from sqlalchemy import func, select, update

from gateway.clock import now_ms
from gateway.demo.providers.sms import SmsProvider
from gateway.demo.providers.whatsapp import WhatsAppProvider
from gateway.people import forgetting
from gateway.people.tables import People
from gateway.tables import Tables
from webhooks.channels.segments import count

NUMBER = "DEMO100200302"


@pytest.fixture
async def place(house):
    async with town(house) as one:
        yield one


@pytest.fixture
async def parcel(house, place):
    """A parcel of the demo carrier and the account that tells of it."""
    account_id = await house.demo_account()
    shipment_id = await house.shipment(destination={"country": "DE", "city": "Berlin"})
    return account_id, shipment_id


async def test_a_parcel_reaches_its_recipient_by_sms_mail_and_browser_in_their_language(house, place, parcel, logs):
    account_id, shipment_id = parcel
    browser = place.browser()
    wishes = [
        await place.subscribe(shipment_id, "sms", "0151 12345678", language="de"),
        await place.subscribe(shipment_id, "email", MAIL, language="ar"),
        await place.subscribe(shipment_id, "push", browser.subscription, language="pl"),
    ]
    assert [(made.status, made.json["state"]) for made in wishes] == [(201, "active")] * 3
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    await house.until(lambda: bool(place.sms.texted and place.mail.letters and browser.shown))
    (text,), (letter,), (shown,) = place.sms.texted, place.mail.to(MAIL), browser.shown
    link = (await house.call("GET", f"/v1/shipments/{shipment_id}")).json["tracking_url"]
    assert (text.to, count(text.body).segments) == (PHONE, 1)
    assert text.body == f"A shop: Ihr Paket ist im Zustellfahrzeug. {link} STOP beendet das."
    assert letter["Subject"] == "A shop: شحنتك خرجت للتسليم"
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    html = letter.get_body(("html",)).get_content()
    assert 'dir="rtl"' in html
    assert link in html
    assert "خرجت للتسليم" in html
    assert link in letter.get_body(("plain",)).get_content()
    assert (shown["title"], shown["link"], shown["lang"]) == ("A shop: Twoja paczka jest w doręczeniu", link, "pl")
    assert shown["body"] == f"Twoja paczka {NUMBER} jest w doręczeniu."
    assert browser.headers[0]["urgency"] == "high"
    told = await place.settled("shipment.out_for_delivery")
    assert [(one["channel"], one["state"], one["address"], one["language"]) for one in told] == [
        ("sms", "sent", "+49•••••••••78", "de"),
        ("email", "sent", "i•••@example.com", "ar"),
        ("push", "sent", "127.0.0.1/•••", "pl"),
    ]
    assert (told[0]["provider_id"], told[0]["segments"], told[0]["attempts"]) == (text.sid, 1, 1)
    logged = logs.getvalue()
    assert PHONE not in logged
    assert MAIL not in logged


async def test_a_notice_names_the_language_it_is_in_and_not_the_one_nobody_here_speaks(house, place, parcel):
    account_id, shipment_id = parcel
    browser = place.browser()
    await house.call("PUT", "/v1/templates/out_for_delivery/en", {"html": "<p>{shop}</p>"})
    await place.subscribe(shipment_id, "email", MAIL, language="he")
    await place.subscribe(shipment_id, "push", browser.subscription, language="de-AT")
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    await house.until(lambda: bool(place.mail.letters and browser.shown))
    (letter,) = place.mail.letters
    assert letter["Content-Language"].startswith("en")
    assert 'dir="ltr"' in letter.get_body(("html",)).get_content()
    assert browser.shown[0]["lang"] == "de-AT"


async def test_the_provider_s_reports_are_shown_and_proved(house, place, parcel):
    account_id, shipment_id = parcel
    await place.subscribe(shipment_id, "sms", PHONE)
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    await house.until(lambda: bool(place.sms.texted))
    (text,) = place.sms.texted
    forged = await place.call(text.callback, {"MessageSid": text.sid, "MessageStatus": "delivered"}, signature="AAAA")
    assert (forged.status, forged.json["type"]) == (401, "/problems/forged")
    assert [one["state"] for one in await place.notices("shipment.out_for_delivery")] != ["delivered"]
    answer = await place.report(text, "delivered")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/xml; charset=utf-8")
    assert (await place.report(text, "sent")).status == 200
    assert [one["state"] for one in await place.notices("shipment.out_for_delivery")] == ["delivered"]
    assert (await house.call("POST", "/channels/cha_nobody/callback", data=b"", key=None)).status == 404


async def test_what_an_ended_process_was_sending_is_sent_again_at_the_next_start_and_given_up_after_a_second_end(
    house, place, parcel
):
    account_id, shipment_id = parcel
    await place.subscribe(shipment_id, "sms", PHONE)
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    await place.settled("shipment.out_for_delivery")
    room = house.gateway.postroom
    for _ in range(2):
        await room.stop()
        claimed = update(People.notice).values(state="sending", due_at=int(time.time() * 1000) + 100_000)
        await house.gateway.store.write(lambda conn, claimed=claimed: conn.execute(claimed))
        await room.start()
        (told,) = await place.settled("shipment.out_for_delivery")
    assert len(place.sms.texted) == 2
    assert place.sms.texted[0].body == place.sms.texted[1].body
    assert (told["state"], told["reason"]) == (
        "undelivered",
        "it is unclear whether it went: the process ended twice",
    )


async def test_a_message_that_was_not_delivered_says_why(house, place, parcel):
    account_id, shipment_id = parcel
    await place.subscribe(shipment_id, "sms", PHONE)
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    await house.until(lambda: bool(place.sms.texted))
    await place.report(place.sms.texted[0], "undelivered", "30003")
    (told,) = await place.notices("shipment.out_for_delivery")
    assert (told["state"], told["code"], told["reason"]) == ("undelivered", "30003", "the telephone cannot be reached")


async def test_a_shipment_shows_what_its_recipients_were_told_and_nobody_elses(house, place, parcel):
    account_id, shipment_id = parcel
    other_id = await house.shipment("DEMO770044006")
    await place.subscribe(shipment_id, "email", MAIL, double_opt_in=True)
    await place.subscribe(shipment_id, "sms", PHONE)
    for channel, address in (("email", MAIL), ("sms", PHONE)):
        await place.subscribe(other_id, channel, address, double_opt_in=channel == "email")
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    await place.tell(account_id, "DEMO770044006", "PICKED_UP", "OUT")
    await house.until(lambda: len(place.sms.texted) == 2)
    await place.settled("shipment.out_for_delivery")
    path = f"/v1/shipments/{shipment_id}/notices"
    told = sorted((await house.call("GET", path)).json["data"], key=lambda one: (one["channel"], one["subject"]))
    assert [(one["channel"], one["subject"], one["state"]) for one in told] == [
        ("email", "confirm", "sent"),
        ("email", "out_for_delivery", "skipped"),
        ("sms", "out_for_delivery", "sent"),
    ]
    assert [one["address"] for one in told] == ["i•••@example.com", "i•••@example.com", "+49•••••••••78"]
    assert told[1]["message_id"] == told[2]["message_id"] != told[0]["message_id"] is None
    _, stranger = await house.merchant()
    assert (await house.call("GET", path, key=stranger)).status == 404


@pytest.mark.parametrize("word", ["STOP", "stopp!", "إيقاف", "Arrêt"])
async def test_stop_silences_every_parcel_of_the_shop_until_start(house, place, parcel, word):
    account_id, shipment_id = parcel
    other_id = await house.shipment("DEMO770044006")
    for one in (shipment_id, other_id):
        await place.subscribe(one, "sms", PHONE)
    assert (await place.write(word)).status == 200
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    (told,) = await place.notices("shipment.out_for_delivery")
    assert (told["state"], told["reason"]) == ("skipped", "the person said stop")
    again = await place.subscribe(shipment_id, "sms", PHONE)
    assert (again.status, again.json["state"]) == (200, "stopped")
    await place.write("START")
    await place.tell(account_id, "DEMO770044006", "PICKED_UP", "OUT")
    await house.until(lambda: len(place.sms.texted) == 1)


async def test_a_provider_s_own_stop_counts_as_the_person_s_and_help_is_answered_once(house, place, parcel):
    account_id, shipment_id = parcel
    await place.subscribe(shipment_id, "sms", PHONE, language="fr")
    helped = await place.write("AIDE")
    assert helped.body.decode() == (
        '<?xml version="1.0" encoding="UTF-8"?><Response><Message>A shop : des nouvelles de vos colis. '
        "STOP y met fin, START les reprend.</Message></Response>"
    )
    handled = await place.write("HELP", OptOutType="HELP")
    assert handled.body.endswith(b"<Response></Response>")
    place.sms.blocked.add((place.channels["sms"]["settings"]["from"], PHONE))
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT")

    async def refused() -> bool:
        (told,) = await place.notices("shipment.out_for_delivery")
        return (told["state"], told["code"]) == ("undelivered", "21610")

    await house.until(refused)
    (wish,) = (await house.call("GET", f"/v1/shipments/{shipment_id}/subscriptions")).json["data"]
    assert wish["state"] == "stopped"


async def test_nothing_goes_before_the_person_confirms(house, place, parcel):
    account_id, shipment_id = parcel
    made = await place.subscribe(shipment_id, "sms", PHONE, double_opt_in=True)
    assert (made.status, made.json["state"], made.json["confirmed_at"]) == (201, "pending", None)
    await house.until(lambda: bool(place.sms.texted))
    (asked,) = place.sms.texted
    path = re.search(r"https://hub\.example(/n/\S+)", asked.body)[1]
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    (told,) = await place.notices("shipment.out_for_delivery")
    assert (told["state"], told["reason"]) == ("skipped", "the person did not confirm yet")
    page = await house.call("GET", path, key=None)
    assert page.status == 200
    assert "+49•••••••••78" in page.body.decode()
    assert PHONE not in page.body.decode()
    (wish,) = (await house.call("GET", f"/v1/shipments/{shipment_id}/subscriptions")).json["data"]
    assert wish["state"] == "pending"  # looking, as scanners do, is not a yes
    await press(house, path, "confirm")
    (wish,) = (await house.call("GET", f"/v1/shipments/{shipment_id}/subscriptions")).json["data"]
    assert wish["state"] == "active"
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT", "DELIVERED")
    await house.until(lambda: len(place.sms.texted) == 2)
    assert place.sms.texted[1].body.startswith("A shop: your parcel has been delivered.")


async def press(house, path, do):
    """Press a button of a notice's page and follow where it leads."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await house.call("POST", path, data=f"do={do}".encode(), headers=headers, key=None)
    assert answer.status == 200, answer.body
    return answer.body.decode()


async def test_an_address_is_not_pestered_with_questions(house, place):
    for index in range(5):
        shipment_id = await house.shipment(f"DEMO{index}")
        made = await place.subscribe(shipment_id, "sms", PHONE, double_opt_in=True)
        assert made.json["state"] == "pending"
        await place.subscribe(shipment_id, "sms", PHONE, double_opt_in=True)
    await house.until(lambda: len(place.sms.texted) == 3)
    asked = await house.gateway.store.read(
        lambda conn: conn.execute(select(func.count()).select_from(People.notice)).scalar()
    )
    assert asked == 3


async def test_one_click_unsubscribes_and_looking_does_not(house, place, parcel):
    account_id, shipment_id = parcel
    await place.subscribe(shipment_id, "email", MAIL)
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    await house.until(lambda: bool(place.mail.letters))
    (letter,) = place.mail.letters
    path = letter["List-Unsubscribe"].strip("<>").removeprefix("https://hub.example")
    page = await house.call("GET", path, key=None)
    assert page.status == 200
    assert page.headers["X-Robots-Tag"].startswith("noindex")
    wishes = f"/v1/shipments/{shipment_id}/subscriptions"
    assert (await house.call("GET", wishes)).json["data"][0]["state"] == "active"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    done = await house.call("POST", path, data=b"List-Unsubscribe=One-Click", headers=headers, key=None)
    assert (done.status, done.body) == (200, b"")
    assert (await house.call("GET", wishes)).json["data"][0]["state"] == "stopped"
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT", "DELIVERED")
    (told,) = await place.notices("shipment.delivered")
    assert (told["state"], len(place.mail.letters)) == ("skipped", 1)
    assert "Send me news again" in (await house.call("GET", path, key=None)).body.decode()
    assert "News of your parcel is sent to" in await press(house, path, "start")
    nonsense = await house.call("POST", path, data=b"do=dance", headers=headers, key=None)
    assert nonsense.status == 400
    gone = await house.call("GET", "/n/" + "A" * 24, key=None)
    assert gone.status == 404
    assert "This link is not good any more" in gone.body.decode()


async def test_a_burst_gives_one_notice_the_newest(house, place, parcel):
    account_id, shipment_id = parcel
    await place.subscribe(shipment_id, "sms", PHONE, event_types=["*"])
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT", "DELIVERED")
    await house.until(lambda: bool(place.sms.texted))
    (told,) = await place.notices("shipment.out_for_delivery")
    assert told["state"] == "superseded"
    assert [text.body.split(".")[0] for text in place.sms.texted] == ["A shop: your parcel has been delivered"]


async def test_the_same_person_again_changes_their_wish_and_removing_it_ends_it(house, place, parcel):
    account_id, shipment_id = parcel
    first = await place.subscribe(
        shipment_id, "sms", PHONE, event_types=["delivered"], quiet_hours={"from": "22:00", "to": "07:30"}
    )
    assert first.json["quiet_hours"] == {"from": "22:00", "to": "07:30"}
    again = await place.subscribe(shipment_id, "sms", "0151/123456-78", language="es", country="DE")
    assert (again.status, again.json["id"]) == (200, first.json["id"])
    assert (again.json["event_types"], again.json["quiet_hours"], again.json["language"]) == (None, None, "es")
    path = f"/v1/shipments/{shipment_id}/subscriptions"
    assert [one["id"] for one in (await house.call("GET", path)).json["data"]] == [first.json["id"]]
    assert (await house.call("DELETE", f"{path}/{first.json['id']}")).status == 204
    assert (await house.call("DELETE", f"{path}/{first.json['id']}")).status == 404
    assert (await house.call("GET", path)).json["data"] == []
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    (told,) = await place.notices("shipment.out_for_delivery")
    assert told["state"] == "skipped"
    back = await place.subscribe(shipment_id, "sms", PHONE, double_opt_in=True)
    assert (back.status, back.json["state"]) == (201, "pending")


@pytest.mark.parametrize(
    ("wish", "pointer", "reason"),
    [
        ({"address": "0151 12345678", "country": None}, "/address", "it lacks the country"),
        ({"address": "+49 1"}, "/address", "too short"),
        ({"address": [PHONE]}, "/address", "neither a text nor"),
        ({"address": "1" * 4_001}, "/address", "longer than 4000"),
        ({"channel": "email", "address": "ines"}, "/address", "not an e-mail address"),
        ({"channel": "push", "address": {"endpoint": "x"}}, "/address", "not a browser's push subscription"),
        ({"zone": "Europe/Atlantis"}, "/zone", "is no time zone"),
        ({"zone": "localtime"}, "/zone", "is no time zone"),
        ({"event_types": ["exploded"]}, "/event_types/0", "is none of *, picked_up"),
        ({"quiet_hours": {"from": "25:00", "to": "08:00"}}, "/quiet_hours/from", "is no time of day"),
        ({"consent": {"how": ""}}, "/consent/how", "is empty"),
        ({"channel": "pigeon"}, "/channel", "must be"),
        ({"colour": "red"}, "/colour", "there is no such field"),
    ],
)
async def test_a_wish_that_cannot_be_is_refused_with_the_field_and_the_reason(house, wish, pointer, reason):
    shipment_id = await house.shipment()
    body = {"channel": "sms", "address": PHONE, "consent": CONSENT} | wish
    answer = await house.call("POST", f"/v1/shipments/{shipment_id}/subscriptions", body)
    assert answer.status == 422, answer.body
    errors = {one["pointer"]: one["detail"] for one in answer.json["errors"]}
    assert reason in errors[pointer]
    assert "Value error" not in errors[pointer]


async def test_what_a_wish_leaves_out_follows_from_the_parcel(house):
    where = {"country": "PT", "city": "Lisboa"}
    shipment_id = await house.shipment(destination=where, recipient={"name": "Ines", "language": "pt-PT"})
    wish = {"channel": "sms", "address": "912 345 678", "consent": CONSENT}
    made = (await house.call("POST", f"/v1/shipments/{shipment_id}/subscriptions", wish)).json
    assert (made["address"], made["zone"], made["language"]) == ("+35••••••••78", "Europe/Lisbon", "pt-PT")
    assert made["quiet_hours"] == {"from": "21:00", "to": "08:00"}
    assert made["consent"]["how"] == "checkout"


async def test_a_channel_that_cannot_work_is_refused_by_field_and_its_secrets_stay_inside(house):
    for body, pointer in (
        ({"channel": "sms", "settings": {"account_sid": "AC1", "from": "+1555"}}, "/secrets/auth_token"),
        ({"channel": "email", "settings": {"host": "mx.example"}}, "/settings/from"),
        (
            {"channel": "push", "settings": {"contact": "nobody"}, "secrets": {"vapid_private_key": "A" * 43}},
            "/settings/contact",
        ),
        ({"channel": "console", "settings": {"colour": "red"}}, "/settings"),
    ):
        answer = await house.call("POST", "/v1/channels", body)
        assert (answer.status, answer.pointers) == (422, [pointer]), answer.body
    good = {
        "channel": "sms",
        "settings": {"account_sid": "AC1", "from": "+15550001"},
        "secrets": {"auth_token": "s3cret"},
    }
    made = await house.call("POST", "/v1/channels", good)
    channel_id = made.json["id"]
    assert made.json["callback_url"] == f"https://hub.example/channels/{channel_id}/callback"
    assert b"s3cret" not in made.body
    changed = await house.call("PATCH", f"/v1/channels/{channel_id}", {"settings": {"from": "SHOP"}, "label": "new"})
    assert changed.json["settings"] == {"account_sid": "AC1", "from": "SHOP"}
    worse = await house.call("PATCH", f"/v1/channels/{channel_id}", {"secrets": {"auth_token": None}})
    assert worse.pointers == ["/secrets/auth_token"]
    assert (await house.call("DELETE", f"/v1/channels/{channel_id}")).status == 204
    assert (await house.call("GET", f"/v1/channels/{channel_id}")).status == 404


async def test_two_changes_of_an_account_at_once_both_hold(house, place):
    path = f"/v1/channels/{place.channels['sms']['id']}"
    changes = ({"settings": {"from": "SHOP"}}, {"settings": {"base_url": place.sms.address + "/"}}, {"label": "ours"})
    await asyncio.gather(*(house.call("PATCH", path, change) for change in changes))
    shown = (await house.call("GET", path)).json
    assert (shown["settings"]["from"], shown["settings"]["base_url"][-1], shown["label"]) == ("SHOP", "/", "ours")
    said = (await house.call("POST", f"{path}/test", {"to": PHONE})).json
    assert said["outcome"] == "accepted"


async def test_a_channels_secrets_do_not_follow_its_address_to_another_origin(house, place):
    path = f"/v1/channels/{place.channels['sms']['id']}"
    async with SmsProvider() as elsewhere:
        moved = {"settings": {"base_url": elsewhere.address}}
        refused = await house.call("PATCH", path, moved)
        assert (refused.status, refused.pointers) == (422, ["/secrets/auth_token"])
        assert "give it again" in refused.json["errors"][0]["detail"]
        default = await house.call("PATCH", path, {"settings": {"base_url": None}})
        assert default.pointers == ["/secrets/auth_token"]
        await house.call("POST", f"{path}/test", {"to": PHONE})
        assert (len(place.sms.texted), len(elsewhere.texted)) == (1, 0)
        again = moved | {"secrets": {"auth_token": elsewhere.token}}
        assert (await house.call("PATCH", path, again)).json["settings"]["base_url"] == elsewhere.address


@pytest.mark.parametrize("change", [{"host": "mail.elsewhere.example"}, {"port": "25"}, {"security": "none"}])
async def test_a_mail_password_does_not_follow_its_server_elsewhere(house, change):
    settings = {"host": "mail.shop.example", "username": "news", "from": "news@shop.example"}
    wish = {"channel": "email", "settings": settings, "secrets": {"password": "s3cret"}}
    path = f"/v1/channels/{(await house.call('POST', '/v1/channels', wish)).json['id']}"
    same = {"host": "MAIL.shop.example", "port": "587", "security": "starttls", "from_name": "A shop"}
    assert (await house.call("PATCH", path, {"settings": same})).status == 200
    refused = await house.call("PATCH", path, {"settings": change})
    assert (refused.status, refused.pointers) == (422, ["/secrets/password"])
    given = await house.call("PATCH", path, {"settings": change, "secrets": {"password": "another"}})
    assert given.status == 200, given.body
    back = {"settings": settings | dict.fromkeys([*change, "username"]) | {"host": "x.example"}}
    dropped = await house.call("PATCH", path, back | {"secrets": {"password": None}})
    assert dropped.status == 200, dropped.body


async def test_a_test_tells_what_the_provider_says(house, place):
    path = f"/v1/channels/{place.channels['sms']['id']}"
    good = await house.call("POST", f"{path}/test", {"to": PHONE, "language": "de"})
    assert (good.json["outcome"], good.json["segments"]) == ("accepted", 1)
    assert place.sms.texted[0].body == "Dies ist ein Test der Nachrichten von A shop. Es ist nichts zu tun."
    await house.call("PATCH", path, {"secrets": {"auth_token": "another"}})
    bad = await house.call("POST", f"{path}/test", {"to": PHONE})
    assert bad.json | {"reason": ""} == {
        "outcome": "rejected",
        "code": "20003",
        "reason": "",
        "provider_id": None,
        "segments": None,
    }
    assert (await house.call("POST", f"{path}/test", {"to": "12"})).pointers == ["/to"]


async def test_who_said_stop_gets_no_test_either(house, place):
    await place.write("STOP")
    path = f"/v1/channels/{place.channels['sms']['id']}/test"
    said = (await house.call("POST", path, {"to": PHONE})).json
    assert (said["outcome"], said["reason"]) == ("blocked", "the person said stop")
    assert place.sms.texted == []
    await place.write("START")
    assert (await house.call("POST", path, {"to": PHONE})).json["outcome"] == "accepted"


async def test_a_rejected_account_rests_until_its_owner_acts_and_then_sends_what_waited(house, place, parcel):
    account_id, shipment_id = parcel
    path = f"/v1/channels/{place.channels['sms']['id']}"
    await house.call("PATCH", path, {"secrets": {"auth_token": "wrong"}})
    await place.subscribe(shipment_id, "sms", PHONE)
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT")

    async def rejected() -> bool:
        return (await house.call("GET", path)).json["state"] == "rejected"

    await house.until(rejected)
    (told,) = (await house.call("GET", "/v1/messages?type=account.rejected")).json["data"]
    assert told["shipment_id"] is None
    await house.call("PATCH", path, {"secrets": {"auth_token": place.sms.token}})
    await house.until(lambda: len(place.sms.texted) == 1)
    assert (await house.call("GET", path)).json["state"] == "active"


async def test_a_merchant_s_own_words_are_checked_previewed_counted_and_sent(house, place, parcel):
    account_id, shipment_id = parcel
    path = "/v1/templates/out_for_delivery/de"
    wrong = await house.call("PUT", path, {"sms": "Hallo {nmae}"})
    assert wrong.pointers == ["/sms"]
    assert "nothing is called {nmae}" in wrong.json["errors"][0]["detail"]
    assert (await house.call("PUT", path, {})).status == 422
    assert (await house.call("PUT", path, {"subject": "  "})).pointers == ["/subject"]
    assert (await house.call("PUT", "/v1/templates/exploded/de", {"sms": "x"})).status == 404
    shown = (await house.call("GET", path)).json
    assert (shown["own"], shown["house"]["sms"]) == ({}, "{shop}: Ihr Paket ist im Zustellfahrzeug. {details}")
    draft = {"texts": {"sms": "{shop} 📦 {number}"}, "shipment_id": shipment_id}
    preview = (await house.call("POST", f"{path}/preview", draft)).json
    assert preview["sms"]["text"].startswith(f"A shop 📦 {NUMBER} https://")
    assert (preview["sms"]["encoding"], preview["sms"]["segments"], preview["sms"]["outside"]) == ("UCS-2", 2, ["📦"])
    sample = (await house.call("POST", f"{path}/preview")).json
    assert (sample["sms"]["encoding"], sample["sms"]["segments"]) == ("GSM-7", 1)
    assert "Sampleton" in sample["html"]
    assert (await house.call("POST", f"{path}/preview", {"shipment_id": "shp_nobody"})).pointers == ["/shipment_id"]
    kept = await house.call("PUT", path, {"sms": "Moin! {shop} bringt {number}.", "whatsapp_template": "moin"})
    assert kept.json["own"]["sms"] == "Moin! {shop} bringt {number}."
    await place.subscribe(shipment_id, "sms", PHONE, language="de-AT")
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    await house.until(lambda: bool(place.sms.texted))
    assert place.sms.texted[0].body.startswith(f"Moin! A shop bringt {NUMBER}. https://")
    assert [one["subject"] for one in (await house.call("GET", "/v1/templates")).json["data"]] == ["out_for_delivery"]
    assert (await house.call("DELETE", path)).status == 204
    assert (await house.call("DELETE", path)).status == 404


async def test_old_notices_and_wishes_are_forgotten_and_stops_are_not(house, place, parcel):
    account_id, shipment_id = parcel
    await place.subscribe(shipment_id, "sms", PHONE)
    open_id = await house.shipment("DEMO770044006")
    await place.subscribe(open_id, "sms", PHONE)
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT", "DELIVERED")
    await house.until(lambda: bool(place.sms.texted))
    await place.write("STOP")

    def age(conn):
        for table in (People.wish, Tables.shipment):
            column = "changed_at" if table is People.wish else "updated_at"
            conn.execute(update(table).values({column: 1_000}))
        conn.execute(update(People.notice).values(created_at=1_000, due_at=None))
        return forgetting.drop_before(conn, merchant_id=house.merchant_id, at=now_ms())

    assert await house.gateway.store.write(age) is False

    def left(conn):
        wishes = conn.execute(select(People.wish.c.shipment_id)).scalars().all()
        return wishes, *(
            conn.execute(select(func.count()).select_from(one)).scalar() for one in (People.notice, People.stop)
        )

    assert await house.gateway.store.read(left) == ([open_id], 0, 1)


async def test_no_merchant_reaches_or_stops_another_s_people(house, place, parcel):
    account_id, shipment_id = parcel
    _, stranger = await house.merchant()
    await place.subscribe(shipment_id, "sms", PHONE)
    path = f"/v1/shipments/{shipment_id}/subscriptions"
    assert (await house.call("GET", path, key=stranger)).status == 404
    theirs = await house.call(
        "POST",
        "/v1/channels",
        {
            "channel": "sms",
            "settings": {
                "account_sid": place.sms.account_sid,
                "from": "+15005550007",
                "base_url": place.sms.address,
            },
            "secrets": {"auth_token": place.sms.token},
        },
        key=stranger,
    )
    form = {"MessageSid": "SMin", "SmsStatus": "received", "From": PHONE, "To": "+15005550007", "Body": "STOP"}
    assert (await place.call(theirs.json["callback_url"], form)).status == 200
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    await house.until(lambda: len(place.sms.texted) == 1)


async def test_the_reader_of_a_tracking_page_may_ask_for_notices_and_confirms_them_first(house, place, parcel):
    account_id, shipment_id = parcel
    token = (await house.call("GET", f"/v1/shipments/{shipment_id}")).json["tracking_url"].rpartition("/")[2]
    root = f"/v1/public/shipments/{token}"
    offered = (await house.call("GET", f"{root}/channels", key=None)).json["data"]
    assert [one["channel"] for one in offered] == ["sms", "email", "push"]
    assert offered[2]["public_key"] == place.channels["push"]["public_key"]
    asked = {"channel": "email", "address": MAIL, "language": "fr"}
    taken = await house.call("POST", f"{root}/subscriptions", asked, key=None)
    assert (taken.status, taken.json) == (202, {"state": "pending"})
    browser = place.browser()
    wish = {"channel": "push", "address": browser.subscription}
    assert (await house.call("POST", f"{root}/subscriptions", wish, key=None)).json == {"state": "active"}
    await house.until(lambda: bool(place.mail.letters))
    (letter,) = place.mail.letters
    assert letter["Subject"] == "A shop : voulez-vous des nouvelles de votre colis ?"
    (link,) = re.findall(r"https://hub\.example(/n/\S+)", letter.get_body(("plain",)).get_content())
    await press(house, link, "confirm")
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    await house.until(lambda: bool(len(place.mail.letters) == 2 and browser.shown))
    # a stop stays secret to whoever holds the page's link, and is not taken back by asking again
    await press(house, link, "stop")
    again = await house.call("POST", f"{root}/subscriptions", asked, key=None)
    assert (again.status, again.json) == (202, {"state": "pending"})
    wishes = (await house.call("GET", f"/v1/shipments/{shipment_id}/subscriptions")).json["data"]
    assert [(one["channel"], one["state"], one["consent"]["how"]) for one in wishes] == [
        ("email", "stopped", "tracking page"),
        ("push", "active", "tracking page"),
    ]
    bad = await house.call("POST", f"{root}/subscriptions", asked | {"double_opt_in": False}, key=None)
    assert bad.pointers == ["/double_opt_in"]
    none = await house.call("POST", f"{root}/subscriptions", {"channel": "whatsapp", "address": PHONE}, key=None)
    assert none.pointers == ["/channel"]  # nobody would ever write by it
    assert (await house.call("GET", f"/v1/public/shipments/{'x' * 24}/channels", key=None)).status == 404


async def test_nobody_can_ask_for_many_by_one_page(house, place, parcel):
    _, shipment_id = parcel
    token = (await house.call("GET", f"/v1/shipments/{shipment_id}")).json["tracking_url"].rpartition("/")[2]
    path = f"/v1/public/shipments/{token}/subscriptions"
    answers = [
        await house.call("POST", path, {"channel": "email", "address": f"a{index}@example.com"}, key=None)
        for index in range(21)
    ]
    assert [answer.status for answer in answers] == [202] * 10 + [409] * 10 + [429]
    await house.until(lambda: len(place.mail.letters) == 10)


async def test_notices_bear_the_shop_s_own_name_and_colour(house, place, parcel):
    account_id, shipment_id = parcel
    look = await house.call("PUT", "/v1/branding", {"name": "Schuh & Co", "accent": "#7a1f5c"})
    assert look.status == 200, look.body
    await place.subscribe(shipment_id, "email", MAIL)
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    await house.until(lambda: bool(place.mail.letters))
    (letter,) = place.mail.letters
    assert letter["Subject"] == "Schuh & Co: out for delivery"
    assert "background:#7a1f5c;color:#ffffff;" in letter.get_body(("html",)).get_content()


async def test_whatsapp_checks_the_address_reports_and_passes_on_a_stop(house, parcel, place):
    account_id, shipment_id = parcel
    async with WhatsAppProvider() as app:
        made = await place.channel(
            "whatsapp",
            {"phone_number_id": app.phone_number_id, "version": app.version, "base_url": app.address},
            {"access_token": app.access_token, "app_secret": app.app_secret, "verify_token": "our word"},
        )
        path = made["callback_url"].removeprefix("https://hub.example")
        asked = f"{path}?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token="
        greeted = await house.call("GET", asked + "our%20word", key=None)
        assert (greeted.status, greeted.body) == (200, b"1158201444")
        assert (await house.call("GET", asked + "guess", key=None)).status == 401
        await house.until(lambda: len(house.gateway.postroom._lanes) == 4)
        await place.subscribe(shipment_id, "whatsapp", PHONE, language="es")
        await place.tell(account_id, NUMBER, "PICKED_UP", "OUT")
        await place.settled("shipment.out_for_delivery")
        (taken,) = app.taken
        assert (taken.template, taken.language, taken.values[:2]) == ("out_for_delivery", "es", ["A shop", NUMBER])

        async def call(told):
            body = orjson.dumps(told)
            headers = {"X-Hub-Signature-256": app.sign(body), "Content-Type": "application/json"}
            return (await house.call("POST", path, data=body, headers=headers, key=None)).status

        assert await call(app.status(taken, "read")) == 200
        assert await call(app.written(PHONE.removeprefix("+"), "BAJA")) == 200
        (told,) = await place.notices("shipment.out_for_delivery")
        assert told["state"] == "read"
        (wish,) = (await house.call("GET", f"/v1/shipments/{shipment_id}/subscriptions")).json["data"]
        assert wish["state"] == "stopped"


class Hanging(SmsProvider):
    """A provider that answers only when told to."""

    def __init__(self):
        super().__init__()
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()

    async def _take(self, request):
        self.asked.set()
        await self.go_on.wait()
        return await super()._take(request)


async def test_a_provider_that_hangs_holds_up_nobody_but_its_own_account(house, place, parcel):
    account_id, shipment_id = parcel
    async with Hanging() as slow:
        moved = {"settings": {"base_url": slow.address}, "secrets": {"auth_token": slow.token}}
        await house.call("PATCH", f"/v1/channels/{place.channels['sms']['id']}", moved)
        await house.gateway.postroom.sweep()
        for index in range(12):
            await place.subscribe(shipment_id, "sms", f"+49151123456{index:02}")
        await place.subscribe(shipment_id, "email", MAIL)
        await place.tell(account_id, NUMBER, "PICKED_UP", "OUT")
        await asyncio.wait_for(slow.asked.wait(), 10)
        await house.until(lambda: bool(place.mail.letters))
        assert slow.texted == []
        slow.go_on.set()
        await place.settled("shipment.out_for_delivery")
        assert sorted(text.to for text in slow.texted) == [f"+49151123456{index:02}" for index in range(12)]


async def test_nobody_is_asked_to_confirm_where_there_is_no_link_to_do_it_by(house):
    shipment_id = await house.shipment()
    house.gateway.settings = house.gateway.settings.model_copy(update={"public_url": ""})
    wish = {"channel": "email", "address": MAIL, "consent": CONSENT, "double_opt_in": True}
    refused = await house.call("POST", f"/v1/shipments/{shipment_id}/subscriptions", wish)
    assert refused.pointers == ["/double_opt_in"]
    assert "GATEWAY_PUBLIC_URL" in refused.json["errors"][0]["detail"]


async def test_the_page_offers_only_ways_there_are_and_only_while_something_may_come(house, place, parcel):
    account_id, shipment_id = parcel
    path = await path_of(house, shipment_id)
    assert 'id="wishes"' in text_of(await see(house, path))
    status, page, _ = await post(house, f"{path}/wish", channel="sms", address="0151+12345678")
    assert status == 422
    assert "Choose at least one thing to hear of." in page
    status, page, _ = await post(house, f"{path}/wish", channel="console", address="x", about="delivered")
    assert (status, "cannot be written to" in page) == (422, True)
    assert (await post(house, f"{path}/wish", channel="push", address="%7B", about="delivered"))[0] == 422
    assert (await house.call("GET", f"/v1/shipments/{shipment_id}/subscriptions")).json["data"] == []
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT", "DELIVERED")
    assert 'id="wishes"' not in text_of(await see(house, path))
    _, stranger = await house.merchant()
    made = await house.call("POST", "/v1/shipments", {"tracking_number": NUMBER, "carrier": "demo"}, key=stranger)
    other = made.json["tracking_url"].removeprefix("https://hub.example")
    assert 'id="wishes"' not in text_of(await see(house, other))
