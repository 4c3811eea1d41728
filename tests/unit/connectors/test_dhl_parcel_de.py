"""What the answers of DHL Parcel Germany are read as."""

from __future__ import annotations

from datetime import UTC, date, datetime

import httpx
import pytest
from lxml import etree

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import NotFound, Rejected, Unavailable, Unreadable
from gateway.reading import document
from normalizer.codes import Meaning
from normalizer.model import Place, Status, Window

NOW = datetime(2026, 4, 1, tzinfo=UTC)
PAKET = connector("dhl-parcel-de")
NUMBER, OTHER = "00340434990000010012", "00340434990000010029"
SECRETS = {"api_key": "key", "api_secret": "secret", "appname": "zt1", "password": 'pass"<&'}


def event(code="ULFMV/UNLDD/EE", clock="09.03.2026 06:00", **more):
    ice, ric, standard = code.split("/")
    return etree.Element(
        "data",
        {
            "name": "piece-event",
            "ice": ice,
            "ric": ric,
            "standard-event-code": standard,
            "event-timestamp": clock,
            "event-status": "Words",
            **{name.replace("_", "-"): value for name, value in more.items()},
        },
    )


def parcel(*events, **more):
    fields = {"name": "piece-shipment", "error-status": "0", "searched-piece-code": NUMBER, "piece-code": NUMBER}
    node = etree.Element("data", fields | {name.replace("_", "-"): value for name, value in more.items()})
    etree.SubElement(node, "data", {"name": "piece-event-list"}).extend(events)
    return node


def answer(*parcels, code="0", name="piece-shipment-list"):
    root = etree.Element("data", {"name": name, "code": code})
    root.extend(parcels)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def payload(body, numbers=(NUMBER,)):
    return Payload(carrier="dhl-parcel-de", body=body, source="poll", received_at=NOW, numbers=numbers)


def read(*parcels, **more):
    return PAKET.read(payload(answer(*parcels, **more)))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("SRTED/NRQRD/PO", Meaning(Status.OUT_FOR_DELIVERY, "loaded")),
        ("SRTED/NRQRD/NB", Meaning(Status.IN_TRANSIT, "sorted")),
        ("ULFMV/UNLDD/PO", Meaning(Status.IN_TRANSIT, "at_delivery_depot")),
        ("DLVRD/NGHBR/ZU", Meaning(Status.DELIVERED, "to_neighbour")),
        ("DSPSD/XXXXX/ZU", Meaning(Status.EXCEPTION, "disposed")),
        ("RETRN/XXXXX/ZN", Meaning(Status.RETURNING, "to_sender")),
        ("NTDEL/XXXXX/ZN", Meaning(Status.ATTEMPT_FAILED, "other")),
        ("DLVRD/CUSTM/ZU", Meaning(Status.IN_TRANSIT, "customs_started")),
        ("DLVRD/CODRP/ZU", Meaning(Status.DELIVERED, "other", "informs")),
        ("DLVRD/SERPT/ZU", Meaning(Status.DELIVERED, "collected")),
        ("HLDCC/SERPT/ZF", Meaning(Status.AVAILABLE_FOR_PICKUP, "at_shop")),
        ("HLDCC/LDPCK/LA", Meaning(Status.AVAILABLE_FOR_PICKUP, "at_locker")),
        ("HLDCC/NTCCN/ZF", Meaning(Status.EXCEPTION, "unclaimed")),
        ("NTDEL/NHOME/ZN", Meaning(Status.ATTEMPT_FAILED, "recipient_absent")),
        ("NTDEL/RFUSD/ZN", Meaning(Status.EXCEPTION, "refused")),
        ("NTDEL/NAGTB/ZN", Meaning(Status.RETURNING, "to_sender")),
        ("DSPSD/BDADD/ZU", Meaning(Status.EXCEPTION, "disposed")),
        ("RETRN/NHOME/ZN", Meaning(Status.RETURNING, "to_sender")),
        ("QQQQQ/QQQQQ/ZN", Meaning(Status.ATTEMPT_FAILED, "other")),
        ("QQQQQ/QQQQQ/PO", Meaning(Status.IN_TRANSIT, "at_delivery_depot")),
        ("QQQQQ/QQQQQ/QQ", None),
    ],
)
def test_event_reason_and_standard_event_are_one_code_and_the_standard_event_the_last_word(code, expected):
    (scan,) = read(parcel(event(code))).scans
    assert PAKET.codes.look_up(scan.codes)[1] == expected


@pytest.mark.parametrize(
    ("clock", "country", "expected"),
    [
        ("09.03.2026 06:00", "Germany", "2026-03-09T05:00:00Z"),
        ("09.07.2026 06:00", "Germany", "2026-07-09T04:00:00Z"),
        ("09.03.2026 06:00", "Japan", "2026-03-09T05:00:00Z"),
    ],
)
def test_every_clock_is_german(clock, country, expected):
    body = answer(parcel(event(clock=clock, event_country=country, event_location="Somewhere")))
    (told,) = document(PAKET, payload(body))["shipments"][0]["events"]
    assert (told["at"], told["time_basis"]) == (expected, "carrier")


@pytest.mark.parametrize("clock", ["", "2026-03-09 06:00", "09-03-2026 06:00", "31.02.2026 06:00", "09.03.2026 6:00"])
def test_a_clock_of_another_spelling_is_unreadable(clock):
    assert read(parcel(event(clock=clock))).trouble is not None


def test_only_germany_becomes_a_code_and_other_names_are_kept_as_words():
    home, abroad = read(parcel(event(event_country="Germany"), event(event_country="Norway"))).scans
    assert (home.place, home.extra) == (Place(country="DE"), {})
    assert (abroad.place, abroad.extra) == (Place(), {"country_name": "Norway"})


def test_a_delivery_on_the_way_back_is_returned():
    body = answer(parcel(event("DLVRD/ACCPT/ZU", ruecksendung="true")))
    (told,) = document(PAKET, payload(body))["shipments"]
    assert (told["status"], told["substatus"]) == ("returned", "to_sender")


def test_a_deleted_event_is_taken_back_even_where_it_was_a_delivery():
    body = answer(parcel(event("DLVRD/ACCPT/ZU"), event("STORN/NRQRD/DD", "09.03.2026 06:02")))
    (told,) = document(PAKET, payload(body))["shipments"]
    assert (told["status"], told.get("delivered_at")) == ("in_transit", None)


def test_who_took_it_in_is_told_of_a_delivered_parcel_only():
    person = {"recipient_name": "Sandvoss", "recipient_id_text": "neighbour", "recipient_city": "Wismar"}
    (before,) = read(parcel(event(), delivery_event_flag="0", **person)).details
    (after,) = read(parcel(event(), delivery_event_flag="1", **person)).details
    assert (before.signed_by, before.extra) == (None, None)
    assert (after.signed_by, after.extra) == ("Sandvoss", {"received_by": "neighbour"})
    assert "Wismar" not in str((before, after))


def at(hour, minute=0):
    return datetime(2026, 3, 30, hour, minute)  # noqa: DTZ001 - a promise on the destination's clock


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"delivery_date": "30.03.2026"}, Window(date(2026, 3, 30), date(2026, 3, 30))),
        (
            {"delivery_date": "30.03.2026", "delivery_timeframe_from": "10:30", "delivery_timeframe_to": "13:30"},
            Window(at(10, 30), at(13, 30)),
        ),
        ({"delivery_timeframe_from": "30.03.2026 10:30"}, Window(at(10, 30), None)),
        ({"delivery_date": "soon", "delivery_timeframe_from": "early"}, None),
        ({"delivery_date": "30.03.2026", "delivery_event_flag": "1"}, None),
    ],
)
def test_a_promise_is_read_where_its_spelling_is_known_and_ends_with_the_delivery(said, expected):
    assert read(parcel(event(), **said)).details[0].eta == expected


def test_a_parcel_without_a_list_of_events_tells_its_present_status():
    fields = {"status_timestamp": "09.03.2026 06:00", "status": "Words", "ice": "SRTED", "ric": "NRQRD"}
    reading = read(parcel(**fields, standard_event_code="PO"))
    assert [(scan.codes[0], scan.text) for scan in reading.scans] == [("SRTED/NRQRD/PO", "Words")]
    assert len(read(parcel(event(), **fields)).scans) == 1


@pytest.mark.parametrize("code", ["41", "57", "61", "100", "200"])
def test_an_error_about_numbers_makes_them_missing(code):
    reading = PAKET.read(payload(answer(code=code), (NUMBER, OTHER)))
    assert [one.number for one in reading.missing] == [NUMBER, OTHER]
    assert reading.trouble is None


def test_in_a_batch_an_unknown_number_spoils_no_other():
    unknown = etree.Element("data", {"name": "piece-shipment", "error-status": "100", "searched-piece-code": OTHER})
    broken = etree.Element("data", {"name": "piece-shipment", "error-status": "-2", "searched-piece-code": OTHER})
    reading = read(unknown, broken, parcel(event()))
    assert [one.number for one in reading.missing] == [OTHER]
    assert [one.number for one in reading.scans] == [NUMBER]
    assert str(reading.trouble) == "the carrier answers a number with an error"


@pytest.mark.parametrize(
    "body", [answer(code="7"), answer(name="other"), b"<a/>", b"", b"<!DOCTYPE a><data code='0'/>"]
)
def test_a_body_of_another_shape_is_unreadable(body):
    assert PAKET.read(payload(body)).trouble is not None


def client(response, asked):
    """The real client; only the carrier's end of the wire is played."""

    def carrier(request):
        asked.append(request)
        return response

    return HttpClient(PAKET.facts, PAKET.auth(SECRETS), transport=httpx.MockTransport(carrier))


async def test_user_and_password_stand_in_the_question_and_nowhere_else():
    asked = []
    async with client(httpx.Response(200, content=answer()), asked) as http:
        await PAKET.poll(http, [NUMBER, OTHER])
    (request,) = asked
    question = etree.fromstring(request.url.params["xml"].partition("?>")[2])
    assert dict(question.attrib) == {
        "appname": "zt1",
        "password": 'pass"<&',
        "request": "d-get-piece-detail",
        "language-code": "en",
        "piece-code": f"{NUMBER};{OTHER}",
    }
    assert request.headers["authorization"] == "Basic a2V5OnNlY3JldA=="


@pytest.mark.parametrize(
    ("code", "expected"),
    [("5", Rejected), ("6", Rejected), ("62", Rejected), ("64", Rejected), ("-1", Unavailable), ("-1000", Unavailable)],
)
async def test_an_error_about_the_account_or_the_moment_is_named_by_what_happens_next(code, expected):
    async with client(httpx.Response(200, content=answer(code=code)), []) as http:
        with pytest.raises(expected):
            await PAKET.poll(http, [NUMBER])


@pytest.mark.parametrize(("numbers", "expected"), [([NUMBER], NotFound), ([NUMBER, OTHER], Unreadable)])
async def test_a_refused_batch_says_nothing_of_its_numbers(numbers, expected):
    async with client(httpx.Response(400), []) as http:
        with pytest.raises(expected):
            await PAKET.poll(http, numbers)


async def test_a_firewalls_page_is_no_answer():
    async with client(httpx.Response(200, html="<html>blocked</html>"), []) as http:
        with pytest.raises(Unavailable):
            await PAKET.poll(http, [NUMBER])


async def test_a_number_that_no_xml_can_carry_is_unknown():
    asked = []
    async with client(httpx.Response(200, content=answer()), asked) as http:
        with pytest.raises(NotFound):
            await PAKET.poll(http, ["00\x00"])
    assert asked == []


def signature(image, code="0"):
    return answer(etree.Element("data", {"name": "signature", "image": image}), code=code, name="signature-list")


async def test_a_signature_is_hex_text():
    asked = []
    async with client(httpx.Response(200, content=signature(b"GIF89a..".hex())), asked) as http:
        proof = await PAKET.prove(http, NUMBER, None)
    assert (proof.body, proof.media_type) == (b"GIF89a..", "image/gif")
    assert 'request="d-get-signature"' in asked[0].url.params["xml"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (signature(""), NotFound),
        (answer(code="100", name="signature-list"), NotFound),
        (signature("47494"), Unreadable),
        (signature("", code="63"), Unavailable),
        (signature("", code="5"), Rejected),
    ],
)
async def test_a_signature_that_cannot_be_had_is_named_by_what_happens_next(body, expected):
    async with client(httpx.Response(200, content=body), []) as http:
        with pytest.raises(expected):
            await PAKET.prove(http, NUMBER, None)
