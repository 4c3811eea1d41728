"""What notices say: in every language, in one or two SMS, on the recipient's clock, and in a merchant's own words."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as reader

from gateway.people.narrow import narrow
from gateway.people.subjects import CONFIRM, SUBJECTS
from gateway.people.wording import PARTS, PLACEHOLDERS, TEST, Facts, NoPlaceholder, check, fill, house, word
from gateway.texts import LANGUAGES, speech
from webhooks.channels.segments import count

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)  # a Wednesday
LINK = "https://parcels.hub.example.com/t/" + "A" * 24
STATUS = {
    "picked_up": ("in_transit", "picked_up"),
    "courier.arriving": ("out_for_delivery", "arriving"),
    "eta_changed": ("in_transit", "other"),
    "attempt_failed": ("attempt_failed", "recipient_absent"),
    "available_for_pickup": ("available_for_pickup", "at_shop"),
    "action_required": ("exception", "duties_unpaid"),
    "exception": ("exception", "weather"),
    "delivered": ("delivered", "to_neighbour"),
    "conversation": ("out_for_delivery", "loaded"),
    "rate": ("delivered", "to_recipient"),
}
POINT = {
    "pickup_point": {"facility": "Kiosk Meyer", "street": "Hauptstr. 1", "postal_code": "10115", "city": "Berlin"},
    "pickup_hours": "Mon-Sat 8-20",
    "pickup_until": "2026-12-02",
    "metadata": {"pickup_code": "4711"},
}
ETA = {"from": "2026-11-25T13:10:00Z", "to": "2026-11-25T13:40:00Z"}


def facts(subject: str, language: str = "en", *, shipment=None, event=None, **more) -> Facts:
    status, substatus = STATUS.get(subject, (subject, "other"))
    told = {
        "tracking_number": "DEMO100200302",
        "order_number": "A-1",
        "status": status,
        "substatus": substatus,
        "eta": ETA,
        "action": "pay_duties" if subject == "action_required" else None,
        **(POINT if subject == "available_for_pickup" else {}),
        **(shipment or {}),
    }
    data = {} if subject in (CONFIRM, TEST) else {"shipment": told, "event": event}
    known = {
        "zone": ZoneInfo("Europe/Berlin"),
        "now": NOW,
        "shop": "Sample Shop",
        "carrier": "Demo Carrier",
        "data": data,
        "link": LINK,
    }
    return Facts(subject=subject, language=language, **known | more)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("subject", [*SUBJECTS, CONFIRM])
def test_every_notice_has_words_for_every_channel_and_an_sms_of_two_parts_at_most(subject, language):
    sms = word(facts(subject, language, answers=True), "sms").text
    assert sms.startswith("Sample Shop")
    assert LINK in sms
    assert "{" not in sms
    assert "  " not in sms
    # a script of 70 letters a part needs a third where all is known
    most = 3 if language == "ar" else 2
    assert count(sms).segments <= most, (count(sms), sms)
    letter = word(facts(subject, language, unsubscribe="https://hub.example/n/x"), "email")
    page = reader.document_fromstring(letter.html)
    assert page.get("dir") == ("rtl" if language == "ar" else "ltr")
    assert page.get("lang").startswith(language)
    assert LINK in letter.text
    assert page.xpath("//a/@href") == [LINK, "https://hub.example/n/x"]
    assert word(facts(subject, language), "push").text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("subject", ["returning", "returned"])
def test_who_sent_something_back_hears_of_their_return_and_of_no_way_back(subject, language):
    sent_back = word(facts(subject, language), "sms").text
    returned = word(facts(subject, language, shipment={"direction": "return"}), "sms").text
    assert returned != sent_back
    assert count(returned).segments <= count(sent_back).segments


def test_a_return_is_not_told_to_be_back_with_its_sender():
    told = word(facts("returned", shipment={"direction": "return"}), "email")
    assert told.subject == "Sample Shop: your return has arrived"
    assert "sender" not in told.text + told.html


def test_a_merchant_s_own_words_for_a_way_back_are_said_of_returns_too():
    own = {"text": "Back: {number}"}
    assert word(facts("returned", shipment={"direction": "return"}, own=own), "push").text == "Back: DEMO100200302"


def test_times_are_those_of_the_recipient_s_clock():
    told = word(facts("out_for_delivery", "de"), "sms").text
    assert told == ("Sample Shop: Ihr Paket ist im Zustellfahrzeug. Ankunft: heute zwischen 14:10 und 14:40. " + LINK)
    elsewhere = word(facts("out_for_delivery", "en", zone=ZoneInfo("Asia/Tokyo")), "sms").text
    assert "Arrival: today between 22:10 and 22:40." in elsewhere


def test_a_parcel_to_collect_says_where_by_what_code_until_when_and_what_hours():
    told = word(facts("available_for_pickup"), "push")
    assert told.subject == "Sample Shop: your parcel can be collected"
    assert told.text == (
        "Your parcel DEMO100200302 is ready for you to collect. Code: 4711. "
        "Where: Kiosk Meyer, Hauptstr. 1, 10115, Berlin. Kept for you: until 2 December. Opening hours: Mon-Sat 8-20."
    )
    assert "Opening hours" not in word(facts("available_for_pickup"), "sms").text


def test_what_is_not_known_is_not_mentioned():
    bare = {"pickup_point": None, "pickup_hours": None, "pickup_until": None, "metadata": {}}
    told = word(facts("available_for_pickup", shipment=bare), "push").text
    assert told == "Your parcel DEMO100200302 is ready for you to collect."
    assert word(facts("out_for_delivery", shipment={"eta": None}), "push").text == (
        "Your parcel DEMO100200302 is out for delivery."
    )
    past = {"eta": {"from": None, "to": "2026-11-20T10:00:00Z"}}
    assert "Arrival" not in word(facts("attempt_failed", shipment=past), "push").text


def test_a_delivery_tells_how_and_leads_to_its_proof():
    told = word(facts("delivered", shipment={"proofs": [{"kind": "photo"}]}), "email")
    assert "Your parcel DEMO100200302 has been delivered. What happened: Left with a neighbour." in told.text
    assert f"See the proof of delivery:\n{LINK}#proof" in told.text
    assert reader.document_fromstring(told.html).xpath("//a/@href") == [f"{LINK}#proof"]
    without = word(facts("delivered"), "email")
    assert f"Follow your parcel:\n{LINK}\n" in without.text


def test_trouble_says_what_happened_and_what_to_do():
    assert word(facts("action_required"), "push").text == (
        "Your parcel DEMO100200302 is held up until something is done. Arrival: today between 14:10 and 14:40. "
        "What happened: Duties are to be paid. What to do: Pay the duties."
    )


def test_a_courier_on_the_way_says_when():
    told = facts("courier.arriving")
    soon = Facts(
        subject=told.subject,
        language="en",
        zone=told.zone,
        now=NOW,
        shop="Sample Shop",
        data={**told.data, "arriving": {"eta": "2026-11-25T13:25:00Z"}},
    )
    assert word(soon, "push").text.endswith("is nearly there. Arrival: today at 14:25.")


def test_a_letter_holds_the_history_in_words_and_on_the_recipient_s_clock():
    history = [
        {
            "at": "2026-11-25T06:30:00Z",
            "status": "out_for_delivery",
            "substatus": "loaded",
            "place": {"city": "Berlin"},
        },
        {"at": "2026-11-24T18:00:00Z", "status": "in_transit", "substatus": "arrived", "place": {}},
        {"at": None, "local_time": "2026-11-23", "status": "info_received", "substatus": "other", "place": None},
    ]
    told = word(facts("out_for_delivery", history=history), "email")
    assert (
        "History:\ntoday, 07:30  Loaded on the delivery vehicle, Berlin\nyesterday, 19:00  Arrived at a depot\n"
        "23 November  Announced to the carrier"
    ) in told.text
    cells = [
        " ".join(cell.text_content().split())
        for cell in reader.document_fromstring(told.html).xpath("//td[not(.//td)]")
    ]
    assert "Loaded on the delivery vehicle, Berlin" in cells


def test_a_letter_of_a_parcel_that_went_back_ends_its_history_with_the_sender():
    back = {"status": "returned", "substatus": "to_sender"}
    last = {"at": "2026-11-25T06:30:00Z", "status": "delivered", "substatus": "to_recipient", "counts_as": back}
    event = {"status": "delivered", "substatus": "to_recipient"}
    told = word(facts("returned", history=[last], shipment=back, event=event), "email")
    assert "History:\ntoday, 07:30  Back with the sender" in told.text
    assert "Handed over" not in told.text


def test_what_carriers_and_merchants_write_is_text_in_the_html():
    told = word(facts("available_for_pickup", shop="<b>Shop</b>", shipment={"pickup_hours": "<script>"}), "email").html
    assert "<script" not in told
    assert "<b>" not in told


def test_a_merchant_s_own_words_win_part_by_part():
    own = {"sms": "Hi! {number} from {shop}: {arrival}", "html": "<style>p{color:red}</style><p>{shop} {order}</p>"}
    told = facts("out_for_delivery", own=own, shop="A & B", unsubscribe="https://hub.example/n/x?a=1&b=2")
    assert word(told, "sms").text == f"Hi! DEMO100200302 from A & B: today between 14:10 and 14:40 {LINK}"
    letter = word(told, "email")
    assert letter.html == (
        "<style>p{color:red}</style><p>A &amp; B A-1</p>\n"
        '<p><a href="https://hub.example/n/x?a=1&amp;b=2">No more news from A &amp; B</a></p>'
    )
    assert letter.subject == "A & B: out for delivery"


def test_a_text_may_only_name_what_there_is():
    check("a{color:red} @media print{a{color:red}} {shop} { } {} {1}")
    with pytest.raises(NoPlaceholder, match=r"nothing is called \{nmuber\}; there is shop, number"):
        check("Your {nmuber}")


@pytest.mark.parametrize(
    "text", ["{Number}", "{ number }", "{number }", "{tracking-number}", "{shop.name}", "{{number}}"]
)
def test_what_was_meant_for_a_placeholder_and_is_none_is_refused_before_a_person_reads_it(text):
    with pytest.raises(NoPlaceholder):
        check(f"Your {text}")


@given(st.text(max_size=80), st.dictionaries(st.sampled_from(list(PLACEHOLDERS)), st.text(max_size=10)))
def test_filling_in_never_fails_and_never_fills_twice(text, values):
    fill(text, values)
    assert fill("{shop}", {"shop": "{number}", "number": "1"}) == "{number}"


def test_the_provider_s_template_gets_its_values_in_order_and_none_is_empty():
    told = word(facts("courier.arriving", link=""), "whatsapp")
    assert told.template == "courier_arriving"
    assert told.values == ("Sample Shop", "DEMO100200302", "Arrival: today between 14:10 and 14:40.", "-")
    told = word(
        facts("available_for_pickup", shipment=POINT | {"pickup_hours": "Mon-Fri 8-20\n\tSat     8-12"}), "whatsapp"
    )
    assert "Opening hours: Mon-Fri 8-20 Sat 8-12." in told.values[2]
    own = facts("delivered", own={"whatsapp_template": "our_delivered"})
    assert word(own, "whatsapp").template == "our_delivered"


def test_the_way_out_is_told_where_it_costs_nothing_and_an_answer_would_reach_us():
    told = word(facts("out_for_delivery", answers=True), "sms").text
    assert told.endswith(f"{LINK} STOP ends this.")
    assert "STOP" not in word(facts("out_for_delivery", answers=False), "sms").text
    full = facts("out_for_delivery", answers=True, link="https://hub.example/" + "x" * 50)
    assert count(word(full, "sms").text).segments == 1
    assert "STOP" not in word(full, "sms").text


def test_accents_go_where_that_saves_a_part_and_only_there():
    polish = word(facts("attempt_failed", "pl"), "sms").text
    assert polish.startswith("Sample Shop: nie udalo sie doreczyc Twojej paczki.")
    assert narrow("Zażółć gęślą jaźń") == "Zażółć gęślą jaźń"
    assert narrow("Grüße, Ærø, ¿qué?") == "Grüße, Ærø, ¿qué?"
    arabic = "شحنتك " * 20
    assert narrow(arabic) == arabic


@given(st.text(max_size=200))
def test_narrowing_never_costs_more(text):
    assert count(narrow(text)).segments <= count(text).segments


def test_the_house_s_texts_can_be_shown_as_they_are_written():
    assert house("delivered", "en") == {
        "subject": "{shop}: your parcel has been delivered",
        "text": "Your parcel {number} has been delivered. {details}",
        "sms": "{shop}: your parcel has been delivered. {details}",
    }
    for subject in (*SUBJECTS, CONFIRM):
        for language in LANGUAGES:
            for part, text in house(subject, language).items():
                assert part in PARTS
                check(text)
    assert speech("en").raw("notice.foot.stop") == "STOP ends this."
