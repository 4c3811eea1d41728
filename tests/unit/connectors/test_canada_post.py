"""What Canada Post's answers are read as, and what its error messages lead to."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import NotFound, Rejected, Unavailable, Unreadable
from normalizer.codes import Meaning
from normalizer.model import Detail, Place, Proof, Status, Window

NOW = datetime(2026, 4, 1, tzinfo=UTC)
POST = connector("canada-post")
PIN = "3001002004005005"


def occurrence(code="0100", words="Sorted", zone="EST", day="2026-02-03", clock="08:27:43", **more):
    fields = {
        "event-identifier": code,
        "event-date": day,
        "event-time": clock,
        "event-time-zone": zone,
        "event-description": words,
        "event-site": "OTTAWA",
        "event-province": "ON",
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    return "<occurrence>" + "".join(f"<{name}>{value}</{name}>" for name, value in fields.items()) + "</occurrence>"


def detail(*occurrences, pin=PIN, **fields):
    whole = "".join(f"<{name.replace('_', '-')}>{value}</{name.replace('_', '-')}>" for name, value in fields.items())
    return (
        f'<tracking-detail xmlns="http://www.canadapost.ca/ws/track"><pin>{pin}</pin>{whole}'
        f"<significant-events>{''.join(occurrences)}</significant-events></tracking-detail>"
    ).encode()


def messages(code, words=""):
    return (
        '<messages xmlns="http://www.canadapost.ca/ws/messages">'
        f"<message><code>{code}</code><description>{words}</description></message></messages>"
    ).encode()


def read(body, numbers=(PIN,)):
    return POST.read(Payload(carrier="canada-post", body=body, source="poll", received_at=NOW, numbers=numbers))


def meaning(scan):
    return POST.codes.look_up(scan.codes)[1]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("0174", Status.OUT_FOR_DELIVERY),
        ("500", Status.OUT_FOR_DELIVERY),
        ("1425", Status.DELIVERED),
        ("1435", Status.ATTEMPT_FAILED),
        ("1420", Status.RETURNING),
        ("1405", Status.AVAILABLE_FOR_PICKUP),
        ("1406", Status.DELIVERED),
        ("0156", Status.AVAILABLE_FOR_PICKUP),
        ("0150", Status.EXCEPTION),
        ("3000", Status.INFO_RECEIVED),
    ],
)
def test_a_code_decides_whatever_the_language_of_its_words(code, expected):
    for words in ("Some words", "Des mots"):
        (scan,) = read(detail(occurrence(code, words))).scans
        assert meaning(scan).status is expected


def test_a_short_identifier_is_filled_to_four_digits():
    assert read(detail(occurrence("20"))).scans[0].codes == ("0020",)


def test_a_signature_on_file_moves_nothing():
    assert POST.codes.codes["0020"] == Meaning(Status.DELIVERED, "signed", "informs")


def test_a_code_that_serves_both_ways_is_a_return_by_its_known_wording_only():
    known, other = read(
        detail(
            occurrence("0174", "L'article renvoyé à l'expéditeur est sorti pour livraison"),
            occurrence("0174", "Returned to somebody, perhaps"),
        )
    ).scans
    assert known.codes == ("0174/l'article renvoyé à l'expéditeur est sorti pour livraison", "0174")
    assert meaning(known).status is Status.RETURNING
    assert other.codes == ("0174",)
    assert meaning(other).status is Status.OUT_FOR_DELIVERY


def test_an_unlisted_code_is_left_without_a_meaning():
    assert meaning(read(detail(occurrence("9901"))).scans[0]) is None


@pytest.mark.parametrize(("zone", "minutes"), [("EST", -300), ("EDT", -240), ("PDT", -420), ("NST", -210)])
def test_a_zones_short_name_is_its_fixed_offset_whatever_the_season(zone, minutes):
    (scan,) = read(detail(occurrence(zone=zone, day="2026-07-03"))).scans
    assert scan.at.utcoffset() == timedelta(minutes=minutes)
    assert scan.at.replace(tzinfo=None) == datetime(2026, 7, 3, 8, 27, 43)  # noqa: DTZ001 - the clock on the wall


@pytest.mark.parametrize("zone", ["", "ISRAEL"])
def test_a_blank_or_strange_zone_leaves_the_clock_on_the_wall_and_the_province_tells_the_rest(zone):
    (scan,) = read(detail(occurrence(zone=zone))).scans
    assert scan.at == datetime(2026, 2, 3, 8, 27, 43)  # noqa: DTZ001 - the clock on the wall
    assert scan.place == Place(city="OTTAWA", region="ON", country="CA")


def test_a_day_without_a_time_stays_a_day():
    assert read(detail(occurrence(clock=""))).scans[0].at == date(2026, 2, 3)


def test_a_foreign_site_gets_no_country_from_us():
    (scan,) = read(detail(occurrence(event_site="ILTLVA,Israel", event_province=""))).scans
    assert scan.place == Place(city="ILTLVA,Israel")


def test_the_events_come_as_they_stand_and_the_upper_of_two_equal_times_is_the_later():
    scans = read(detail(occurrence("1496"), occurrence("20", signatory_name="O PENNEY"), occurrence("0500"))).scans
    assert [(scan.codes[0], scan.order, scan.signed_by) for scan in scans] == [
        ("1496", 2, None),
        ("0020", 1, "O PENNEY"),
        ("0500", 0, None),
    ]


def test_the_whole_parcel_is_told_and_a_changed_date_wins():
    (told,) = read(
        detail(
            occurrence(signatory_name="O PENNEY", event_retail_location_id="0000777001", event_retail_name="A SHOP"),
            destination_postal_id="K2P1L4",
            expected_delivery_date="2026-02-02",
            changed_expected_date="2026-02-05",
            changed_expected_delivery_reason="The address\n   needed a correction",
            service_name="Xpresspost",
            customer_ref_1="SO-1",
            return_pin="3001002004006118",
            original_pin="3001002004007221",
            signature_image_exists="true",
        )
    ).details
    assert told == Detail(
        number=PIN,
        eta=Window(date(2026, 2, 5), date(2026, 2, 5)),
        service="Xpresspost",
        references=("SO-1",),
        signed_by="O PENNEY",
        proofs=(Proof(kind="signature", reference="signatureimage"),),
        destination=Place(postal_code="K2P1L4", country="CA"),
        returns_as="3001002004006118",
        extra={"eta_reason": "The address needed a correction", "original_pin": "3001002004007221"},
    )


def test_a_parcel_asked_by_its_card_keeps_the_cards_number_and_names_its_pin():
    reading = read(detail(occurrence()), numbers=("555000111222333",))
    assert (reading.scans[0].number, reading.details[0].number) == ("555000111222333", "555000111222333")
    assert reading.details[0].references == (PIN,)


def test_a_message_of_no_history_is_a_missing_number():
    reading = read(messages("004", "Nothing is known"))
    assert [(one.number, one.text) for one in reading.missing] == [(PIN, "Nothing is known")]
    assert reading.trouble is None


def test_any_other_message_is_unreadable_by_its_code():
    assert str(read(messages("E9", "words")).trouble) == "the carrier answers with the errors ['E9']"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<a/>",
        b"<!DOCTYPE a><tracking-detail><pin>1</pin></tracking-detail>",
        b"<tracking-detail/>",
        detail(occurrence(code="")),
        detail(occurrence(day="")),
        detail(occurrence(day="2026-02-30")),
        detail(occurrence(clock="25:00:00")),
    ],
)
def test_a_body_of_another_shape_is_unreadable(body):
    reading = read(body)
    assert reading.scans == []
    assert reading.trouble is not None


def client(answer, asked):
    """The real client; only the carrier's end of the wire is played."""

    def carrier(request):
        asked.append(request)
        return answer

    auth = POST.auth({"username": "user", "password": "word"})
    return HttpClient(POST.facts, auth, transport=httpx.MockTransport(carrier))


@pytest.mark.parametrize(("number", "kind"), [(PIN, "pin"), ("RN123456785CA", "pin"), ("555000111222333", "dnc")])
async def test_a_poll_asks_for_the_details_in_the_only_media_type_that_is_answered(number, kind):
    asked = []
    async with client(httpx.Response(200, content=detail()), asked) as http:
        assert (await POST.poll(http, [number])).body == detail()
    (request,) = asked
    assert str(request.url) == f"https://soa-gw.canadapost.ca/vis/track/{kind}/{number}/detail"
    assert request.headers.get_list("accept") == ["application/vnd.cpc.track-v2+xml"]
    assert request.headers["accept-language"] == "en-CA"
    assert request.headers["authorization"] == "Basic " + base64.b64encode(b"user:word").decode()


@pytest.mark.parametrize("status", [200, 400, 404, 500])
@pytest.mark.parametrize(
    ("code", "words", "expected"),
    [
        ("004", "x", NotFound),
        ("AA001", "x", Rejected),
        ("E002", "x", Rejected),
        ("Server", "Rejected by SLM Monitor", Unavailable),
    ],
)
async def test_the_message_tells_what_happens_next_whatever_the_status(status, code, words, expected):
    async with client(httpx.Response(status, content=messages(code, words)), []) as http:
        with pytest.raises(expected) as raised:
            await POST.poll(http, [PIN])
    if expected is Unavailable:
        assert raised.value.retry_after == 60.0


@pytest.mark.parametrize(
    ("status", "expected"),
    [(400, NotFound), (401, Rejected), (403, Rejected), (404, NotFound), (429, Unavailable), (500, Unavailable)],
)
@pytest.mark.parametrize("body", [b"<html>no xml", b"", messages("").replace(b"<code></code>", b"")])
async def test_without_a_message_the_status_decides(status, expected, body):
    async with client(httpx.Response(status, content=body), []) as http:
        with pytest.raises(expected):
            await POST.poll(http, [PIN])


async def test_an_unlisted_message_in_a_200_is_kept_for_a_developer():
    async with client(httpx.Response(200, content=messages("E9")), []) as http:
        assert (await POST.poll(http, [PIN])).body == messages("E9")


@pytest.mark.parametrize(
    ("reference", "path", "content", "kind"),
    [
        ("signatureimage", "signatureimage", b"\x89PNG\r\n\x1a\nrest", "image/png"),
        (None, "signatureimage", b"GIF89a", "image/gif"),
        ("certificate", "certificate", b"%PDF-1.4", "application/pdf"),
        ("certificate", "certificate", b"what is this", "application/octet-stream"),
    ],
)
async def test_a_proof_is_what_its_bytes_are_not_what_the_carrier_calls_it(reference, path, content, kind):
    asked = []
    image = base64.b64encode(content).decode()
    body = (
        f"<signature-image><filename>a.exe</filename><image>{image}</image><mime-type>x/y</mime-type></signature-image>"
    )
    async with client(httpx.Response(200, text=body), asked) as http:
        proof = await POST.prove(http, PIN, reference)
    assert (proof.body, proof.media_type) == (content, kind)
    assert str(asked[0].url) == f"https://soa-gw.canadapost.ca/vis/{path}/{PIN}"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (messages("007"), NotFound),
        (b"<signature-image><image/></signature-image>", NotFound),
        (b"<signature-image><image>A</image></signature-image>", Unreadable),
    ],
)
async def test_a_proof_that_is_not_there_is_not_found_and_one_that_is_damaged_unreadable(body, expected):
    async with client(httpx.Response(200, content=body), []) as http:
        with pytest.raises(expected):
            await POST.prove(http, PIN, None)
