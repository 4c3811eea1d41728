"""DPD Web Services: only what was reached is told, texts for display are read or kept, a token serves a day."""

from datetime import UTC, date, datetime

import httpx
import pytest
from lxml import etree

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.dpd_web_services import LOGIN_PATH, PATH
from connectors.errors import Rejected, Unavailable, Unreadable
from normalizer.model import Detail, Missing

NUMBER = "05222600410017"
NAMESPACE = "http://dpd.com/common/service/types/ParcelLifeCycleService/2.0"
SECRETS = {"delis_id": "lime", "password": "p&w"}


def line(tag: str, text: str | None) -> str:
    return f"<{tag}><content>{text}</content><bold>0</bold><paragraph>0</paragraph></{tag}>" if text else ""


def step(status="DELIVERED", *, reached="true", current="false", when="05.11.2026, 09:37", where="Gent (BE)", more=""):
    return (
        f"<statusInfo><status>{status}</status>{line('label', 'A label')}<description>{line('content', 'Words.')}"
        f"</description><statusHasBeenReached>{reached}</statusHasBeenReached><isCurrentStatus>{current}"
        f"</isCurrentStatus><showContactInfo>false</showContactInfo>{line('location', where)}{line('date', when)}{more}"
        "</statusInfo>"
    )


def reply(*steps: str, bare: bool = False) -> bytes:
    empty = ' xmlns=""' if bare else ""
    return (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f'<getTrackingDataResponse xmlns="{NAMESPACE}"><trackingresult{empty}>{"".join(steps)}</trackingresult>'
        "</getTrackingDataResponse></s:Body></s:Envelope>"
    ).encode()


def token(value: str) -> bytes:
    return (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><l:getAuthResponse '
        'xmlns:l="http://dpd.com/common/service/types/LoginService/2.1"><return>'
        f"<authToken>{value}</authToken></return></l:getAuthResponse></s:Body></s:Envelope>"
    ).encode()


def fault(detail: str, code: str = "Server") -> httpx.Response:
    body = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
        f"<faultcode>s:{code}</faultcode><faultstring>lime</faultstring><detail>{detail}</detail></s:Fault></s:Body>"
        "</s:Envelope>"
    )
    return httpx.Response(500, content=body.encode())


REFUSED = fault("<a:authenticationFault xmlns:a='urn:a'><errorCode>X</errorCode></a:authenticationFault>")


def read(body: bytes):
    payload = Payload(
        carrier="dpd-web-services",
        body=body,
        source="poll",
        received_at=datetime(2026, 11, 6, tzinfo=UTC),
        numbers=(NUMBER,),
    )
    return connector("dpd-web-services").read(payload)


class Wire:
    """A login service that counts tokens, and a tracking service that answers as told."""

    def __init__(self, *answers: httpx.Response, logins: list[httpx.Response] | None = None) -> None:
        self.answers, self.logins = list(answers), logins
        self.paths: list[str] = []
        self.asked: list[etree._Element] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.paths.append(request.url.path)
        self.asked.append(etree.fromstring(request.content))
        if request.url.path == LOGIN_PATH:
            if self.logins is not None:
                return self.logins.pop(0)
            return httpx.Response(200, content=token(f"t{self.paths.count(LOGIN_PATH)}"))
        return self.answers.pop(0)


async def polled(wire: Wire, times: int = 1):
    dpd = connector("dpd-web-services")
    http = HttpClient(dpd.facts, dpd.auth(SECRETS), transport=httpx.MockTransport(wire))
    return [await dpd.poll(http, [NUMBER]) for _ in range(times)]


async def test_one_login_serves_all_questions_of_an_account():
    wire = Wire(*[httpx.Response(200, content=reply(step()))] * 2)
    answers = await polled(wire, 2)
    assert wire.paths == [LOGIN_PATH, PATH, PATH]
    assert [answer.body for answer in answers] == [reply(step())] * 2
    assert wire.asked[0].findtext(".//password") == "p&w"
    assert [asked.findtext(".//authToken") for asked in wire.asked[1:]] == ["t1", "t1"]
    assert wire.asked[1].findtext(".//delisId") == "lime"
    assert wire.asked[1].findtext(".//parcelLabelNumber") == NUMBER


async def test_a_refused_token_is_renewed_once_and_the_question_asked_again():
    wire = Wire(REFUSED, httpx.Response(200, content=reply(step())))
    (answer,) = await polled(wire)
    assert answer.body == reply(step())
    assert wire.paths == [LOGIN_PATH, PATH, LOGIN_PATH, PATH]
    assert wire.asked[3].findtext(".//authToken") == "t2"


async def test_a_fresh_token_that_is_refused_rejects_the_account_and_asks_no_further_login():
    wire = Wire(REFUSED, REFUSED)
    with pytest.raises(Rejected):
        await polled(wire)
    assert wire.paths.count(LOGIN_PATH) == 2


async def test_words_of_a_refusal_inside_an_answer_are_no_refusal():
    body = reply(step(more=f"<normalItems>{line('label', 'authenticationFault')}</normalItems>"))
    wire = Wire(httpx.Response(200, content=body))
    (answer,) = await polled(wire)
    assert answer.body == body
    assert wire.paths.count(LOGIN_PATH) == 1


@pytest.mark.parametrize(
    ("login", "error"),
    [
        (REFUSED, Rejected),
        (httpx.Response(403), Rejected),
        (fault("<x/>"), Unavailable),
        (fault("<x/>", "Client"), Unreadable),
        (httpx.Response(503, headers={"Retry-After": "40"}), Unavailable),
        (httpx.Response(200, content=b"<html/>"), Unavailable),
        (httpx.Response(200, content=token("")), Unreadable),
    ],
)
async def test_a_login_that_fails_is_named_by_what_happens_next_and_nothing_is_asked(login, error):
    wire = Wire(logins=[login] * 3)
    with pytest.raises(error) as caught:
        await polled(wire)
    assert PATH not in wire.paths
    assert "lime" not in str(caught.value)
    if login.status_code == 503:
        assert caught.value.retry_after == 40.0


async def test_a_fault_about_the_question_is_never_an_unknown_parcel():
    with pytest.raises(Unavailable):
        await polled(Wire(*[fault("<p:faults xmlns:p='urn:p'/>")] * 3))


def test_steps_to_come_are_no_events():
    reading = read(reply(step("ACCEPTED"), step("ON_THE_ROAD", reached="0", current="1"), step(reached="false")))
    assert [scan.codes for scan in reading.scans] == [("ACCEPTED",), ("ON_THE_ROAD",)]


@pytest.mark.parametrize("bare", [False, True])
def test_a_step_is_read_with_and_without_a_namespace(bare):
    (scan,) = read(reply(step(), bare=bare)).scans
    assert (scan.number, scan.codes, scan.text) == (NUMBER, ("DELIVERED",), "Words.")
    assert scan.at == datetime(2026, 11, 5, 9, 37)  # noqa: DTZ001 - a line without a zone
    assert scan.place.facility == "Gent (BE)"


@pytest.mark.parametrize(
    ("when", "at"),
    [
        ("5.11.2026", date(2026, 11, 5)),
        ("2026-11-05", date(2026, 11, 5)),
        ("05.11.2026 09:37:12", datetime(2026, 11, 5, 9, 37, 12)),  # noqa: DTZ001
        ("2026-11-05T09:37:00+01:00", datetime.fromisoformat("2026-11-05T09:37:00+01:00")),
    ],
)
def test_a_date_for_display_is_read_in_its_known_forms(when, at):
    (scan,) = read(reply(step(when=when))).scans
    assert (type(scan.at), scan.at, scan.extra) == (type(at), at, {})


@pytest.mark.parametrize("when", ["Friday", "31.02.2026, 10:00", "11/05/2026", "05.11.26, 10:00"])
def test_a_date_in_another_form_is_kept_as_text_and_never_guessed(when):
    (scan,) = read(reply(step(when=when))).scans
    assert (scan.at, scan.extra) == (None, {"date_text": when})


def test_a_step_without_a_date_has_no_time():
    (scan,) = read(reply(step(when=None, where=None))).scans
    assert (scan.at, scan.extra, scan.place.facility) == (None, {}, None)


def test_items_are_kept_beside_the_event():
    more = f"<importantItems>{line('label', 'Help')}{line('content', 'Ask')}{line('content', 'us')}</importantItems>"
    (scan,) = read(reply(step(more=more))).scans
    assert scan.extra == {"information": [{"label": "Help", "text": "Ask us"}]}


def test_the_order_is_the_first_step_and_tells_the_service_but_not_the_receiver():
    receiver = f"<receiver>{line('content', 'D. Visser')}</receiver>"
    service = f"<serviceDescription>{line('content', 'DPD Home')}</serviceDescription>"
    own = "<trackingProperty><key>K</key><value>V</value></trackingProperty>"
    first = (
        step("SHIPMENT")
        .replace("statusInfo>", "shipmentInfo>")
        .replace("<shipmentInfo>", f"<shipmentInfo>{receiver}{service}{own}")
    )
    reading = read(reply(first, step()))
    assert [scan.codes for scan in reading.scans] == [("SHIPMENT",), ("DELIVERED",)]
    assert [scan.order for scan in reading.scans] == [0, 1]
    assert reading.details == [
        Detail(number=NUMBER, service="DPD Home", extra={"properties": [{"name": "K", "value": "V"}]})
    ]
    assert "Visser" not in repr(reading)


def test_an_empty_result_is_an_unknown_parcel_and_an_answer_without_one_is_unreadable():
    assert read(reply()).missing == [Missing(number=NUMBER)]
    reading = read(reply().replace(b"<trackingresult></trackingresult>", b""))
    assert isinstance(reading.trouble, Unreadable)
    assert reading.missing == []


def test_a_value_seen_once_without_an_explanation_has_no_meaning():
    codes = connector("dpd-web-services").codes
    assert codes.look_up(("ReturningFromDelivery",)) == (None, None)
    assert codes.look_up(("Courier",))[1].status == "out_for_delivery"
