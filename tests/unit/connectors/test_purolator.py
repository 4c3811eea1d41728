"""Purolator: what is asked, how scans are told apart, and what is never read."""

from base64 import b64decode, b64encode
from datetime import UTC, date, datetime

import httpx
import pytest
from lxml import etree

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import NotFound, Unavailable, Unreadable
from normalizer.model import Detail, Missing, Place, Proof, Window

PIN, OTHER = "504173629107", "504173629164"
D = "{http://purolator.com/pws/datatypes/v1}"
NAMESPACES = (
    'xmlns:d="http://purolator.com/pws/datatypes/v1" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" '
    'xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'
)
GIF = b64encode(b"GIF89a tiny").decode()


def element(name: str, value: str | None) -> str:
    return f'<d:{name} i:nil="true"/>' if value is None else f"<d:{name}>{value}</d:{name}>"


def scan(kind: str = "Scan", details: str = "", **said: str | None) -> str:
    fields = {"ScanDate": "2026-11-05", "ScanTime": "141207", "Description": "said", "Comment": None} | said
    stated = fields.pop("ScanType", "Other")
    pin = f"<d:PIN>{element('Value', fields.pop('PIN', PIN))}</d:PIN>"
    depot = "<d:Depot><d:Name>Moncton, NB</d:Name></d:Depot>"
    texts = "".join(element(name, value) for name, value in fields.items())
    flag = "<d:SummaryScanIndicator>false</d:SummaryScanIndicator>"
    inside = f"<d:ScanDetails>{details}</d:ScanDetails>" if details else ""
    return f'<d:Scan i:type="d:{kind}">{element("ScanType", stated)}{pin}{depot}{texts}{flag}{inside}</d:Scan>'


def delivery(signature: str | None = "L ARSENAULT", image: str | None = None, size: str = "0") -> str:
    rest = {
        "SignatureImageFormat": "GIF",
        "DeliveryAddress": "12 RUE DES LILAS",
        "DeliveryCompanyName": "LILAS INC",
        "PremiumServiceText": "Not known or specified",
        "ProductTypeText": "Express",
        "SpecialHandlingText": None,
        "PaymentTypeText": "Sender",
    }
    told = {"DeliverySignature": signature, "SignatureImage": image, "SignatureImageSize": size} | rest
    return "".join(element(name, value) for name, value in told.items())


def errors(*codes: str) -> str:
    listed = "".join(f"<d:Error>{element('Code', code)}{element('Description', 'told')}</d:Error>" for code in codes)
    return f"<d:ResponseInformation><d:Errors>{listed}</d:Errors></d:ResponseInformation>"


def parcel(*scans: str, pin: str | None = PIN, trouble: str = "") -> str:
    named = f"<d:PIN>{element('Value', pin)}</d:PIN>"
    listed = f"<d:Scans>{''.join(scans)}</d:Scans>"
    return f"<d:TrackingInformation>{named}{listed}{trouble or errors()}</d:TrackingInformation>"


def envelope(inside: str) -> bytes:
    return f"<s:Envelope {NAMESPACES}><s:Body>{inside}</s:Body></s:Envelope>".encode()


def reply(*parcels: str, trouble: str = "") -> bytes:
    listed = f"<d:TrackingInformationList>{''.join(parcels)}</d:TrackingInformationList>"
    return envelope(f"<d:TrackPackagesByPinResponse>{trouble or errors()}{listed}</d:TrackPackagesByPinResponse>")


def read(body: bytes):
    payload = Payload(
        carrier="purolator", body=body, source="poll", received_at=datetime(2026, 11, 6, tzinfo=UTC), numbers=(PIN,)
    )
    return connector("purolator").read(payload)


def meaning(one) -> str | None:
    _, found = connector("purolator").codes.look_up(one.codes, one.phrase)
    return f"{found.status}/{found.substatus}" if found else None


async def calling(ask, *answers: httpx.Response, secrets: dict[str, str] | None = None):
    purolator = connector("purolator")
    seen: list[httpx.Request] = []
    waiting = list(answers)

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return waiting.pop(0)

    auth = purolator.auth(secrets or {"key": "k", "password": "hunter2"})
    async with HttpClient(purolator.facts, auth, transport=httpx.MockTransport(handler)) as http:
        return await ask(purolator, http), seen


async def test_a_poll_asks_for_the_pin_with_key_and_password():
    body = reply(parcel(scan()))
    answer, (request,) = await calling(
        lambda carrier, http: carrier.poll(http, [PIN]), httpx.Response(200, content=body)
    )
    assert answer.body == body
    assert request.method == "POST"
    assert b64decode(request.headers["authorization"].split()[1]) == b"k:hunter2"
    asked = etree.fromstring(request.content)
    assert [value.text for value in asked.iterfind(f".//{D}PINs/{D}PIN/{D}Value")] == [PIN]
    assert asked.findtext(f".//{D}RequestContext/{D}Language") == "en"
    assert asked.find(f".//{D}UserToken") is None


async def test_a_user_token_goes_into_the_requests_context_only_when_it_leaves():
    secrets = {"key": "k", "password": "p", "user_token": "u-7"}
    _, (request,) = await calling(
        lambda carrier, http: carrier.poll(http, [PIN]), httpx.Response(200, content=reply(parcel())), secrets=secrets
    )
    assert etree.fromstring(request.content).findtext(f".//{D}UserToken") == "u-7"


@pytest.mark.parametrize(
    ("kind", "stated", "status"),
    [
        ("DeliveryScan", None, "delivered/other"),
        ("OnDeliveryScan", None, "out_for_delivery/other"),
        ("OnDeliveryScan", "OnDelivery", "out_for_delivery/loaded"),
        ("UndeliverableScan", "whatever", "attempt_failed/other"),
        ("ProofOfPickUpScan", "", "in_transit/picked_up"),
        ("InternationalOutboundScan", None, "in_transit/export_started"),
        ("Scan", "Other", None),
        ("Scan", "Undeliverable", "attempt_failed/other"),
    ],
)
def test_the_kind_of_scan_gives_the_meaning_and_a_plain_one_has_none(kind, stated, status):
    reading = read(reply(parcel(scan(kind, ScanType=stated))))
    assert reading.trouble is None
    assert meaning(reading.scans[0]) == status


def test_a_plain_scan_is_understood_by_a_reviewed_description_only():
    known, picked_up, unknown = read(
        reply(
            parcel(
                scan(Description="Arrived at sort facility"),
                scan(Description="Picked up by Purolator"),
                scan(Description="Arrived at Moncton"),
            )
        )
    ).scans
    assert meaning(known) == "in_transit/arrived"
    assert meaning(picked_up) == "in_transit/picked_up"
    assert meaning(unknown) is None


def test_a_delivery_is_read_with_its_place_piece_signature_and_local_time():
    (one,) = read(reply(parcel(scan("DeliveryScan", delivery(), PIN=OTHER, ScanType="Delivery")))).scans
    assert (one.number, one.piece) == (PIN, OTHER)
    assert one.at == datetime(2026, 11, 5, 14, 12, 7)  # noqa: DTZ001 - the depot's clock, as the carrier gives it
    assert one.codes == ("Delivery", "DeliveryScan")
    assert one.place == Place(facility="Moncton, NB", region="NB", country="CA")
    assert one.signed_by == "L ARSENAULT"


@pytest.mark.parametrize("depot", ["Moncton", "Portland, ME", "NB", "Sort centre, East", None])
def test_a_depot_that_names_no_province_tells_no_country(depot):
    told = scan().replace("<d:Name>Moncton, NB</d:Name>", element("Name", depot))
    assert read(reply(parcel(told))).scans[0].place == Place(facility=depot)


@pytest.mark.parametrize(
    ("day", "clock", "at"),
    [
        ("2026-11-05", "081540", datetime(2026, 11, 5, 8, 15, 40)),  # noqa: DTZ001 - local by nature
        ("2026-11-05", "08:15:40", datetime(2026, 11, 5, 8, 15, 40)),  # noqa: DTZ001
        ("2026-11-05", "0815", datetime(2026, 11, 5, 8, 15)),  # noqa: DTZ001
        ("2026-11-05", "", date(2026, 11, 5)),
        ("2026-11-05", None, date(2026, 11, 5)),
    ],
)
def test_date_and_time_are_read_in_their_iso_forms(day, clock, at):
    assert read(reply(parcel(scan(ScanDate=day, ScanTime=clock)))).scans[0].at == at


@pytest.mark.parametrize(
    ("day", "clock"),
    [
        ("05/11/2026", "081540"),
        ("20261105", "081540"),
        ("2026-02-30", "081540"),
        (None, "081540"),
        ("2026-11-05", "81540"),
        ("2026-11-05", "8:15 AM"),
        ("2026-11-05", "251540"),
        ("2026-11-05", "08:15:40Z"),
    ],
)
def test_any_other_form_of_date_and_time_is_unreadable_and_never_guessed(day, clock):
    reading = read(reply(parcel(scan(ScanDate=day, ScanTime=clock))))
    assert reading.scans == []
    assert isinstance(reading.trouble, Unreadable)


def test_a_poisoned_parcel_costs_itself_alone():
    reading = read(reply(parcel(scan(ScanDate="soon"), pin=OTHER), parcel(scan(), pin=PIN)))
    assert [one.number for one in reading.scans] == [PIN]
    assert "ScanDate" in str(reading.trouble)


def test_the_carriers_order_is_newest_first():
    first, second = read(reply(parcel(scan(), scan()))).scans
    assert first.order > second.order


@pytest.mark.parametrize(
    ("image", "size", "proofs"),
    [
        (GIF, "11", (Proof(kind="signature", inline=True),)),
        (None, "11", (Proof(kind="signature", reference=PIN),)),
        (None, "0", ()),
        ("", "0", ()),
    ],
)
def test_a_signature_is_inline_fetched_later_or_not_there(image, size, proofs):
    (one,) = read(reply(parcel(scan("DeliveryScan", delivery(image=image, size=size))))).scans
    assert one.proofs == proofs


def pickup(day: str) -> str:
    told = ("PickUpConfirmationNumber", "PickUpAddress", "PickUpContactName", "PickUpCompanyName", "PickUpLocation")
    rest = {"CommitedDeliveryDate": day, "PremiumServiceText": "Evening", "ProductTypeText": "Express"}
    return "".join(element(name, None) for name in told) + "".join(element(*pair) for pair in rest.items())


def test_the_delivery_of_the_first_piece_is_not_that_of_another():
    reading = read(reply(parcel(scan("DeliveryScan", delivery()), scan("OnDeliveryScan", PIN=OTHER))))
    assert [one.piece for one in reading.scans] == [PIN, OTHER]
    assert [one.piece for one in read(reply(parcel(scan(), scan()))).scans] == [None, None]


def test_the_old_letters_of_quebec_are_read():
    told = scan().replace("Moncton, NB", "MONTREAL SORT CTR/CTR TRIE, PQ")
    (one,) = read(reply(parcel(told))).scans
    assert one.place == Place(facility="MONTREAL SORT CTR/CTR TRIE, PQ", region="QC", country="CA")


def test_the_promised_day_and_the_service_come_with_the_pickup():
    reading = read(reply(parcel(scan("ProofOfPickUpScan", pickup("2026-11-06")))))
    day = date(2026, 11, 6)
    assert reading.details == [Detail(number=PIN, eta=Window(day, day), service="Express, Evening")]


def test_a_promise_in_words_is_kept_and_not_read_as_a_day():
    reading = read(reply(parcel(scan("ProofOfPickUpScan", pickup("by noon")))))
    (detail,) = reading.details
    assert (detail.eta, detail.extra) == (None, {"committed_delivery_date": "by noon"})


def test_the_recipients_address_and_company_are_never_read():
    reading = read(
        reply(
            parcel(
                scan("DeliveryScan", delivery()),
                scan("OnDeliveryScan", element("DeliveryAddress", "12 RUE DES LILAS")),
                scan("UndeliverableScan", element("AttemptedDeliveryAddress", "12 RUE DES LILAS")),
            )
        )
    )
    assert len(reading.scans) == 3
    assert "LILAS" not in repr(reading)


def test_a_parcel_with_an_error_and_no_scan_is_an_unknown_number():
    reading = read(reply(parcel(trouble=errors("9999001"))))
    assert reading.missing == [Missing(number=PIN, text="9999001 told")]


def test_an_answer_that_is_one_error_is_unreadable_and_names_the_code():
    reading = read(reply(trouble=errors("9999002", "9999003")))
    assert str(reading.trouble) == "the answer holds no parcel; error codes: 9999002, 9999003"


def test_an_element_that_the_carrier_adds_at_the_end_does_no_harm():
    added = parcel(scan()).replace(
        "</d:TrackingInformation>", "<d:New><d:Deep>1</d:Deep></d:New></d:TrackingInformation>"
    )
    reading = read(reply(added))
    assert (reading.trouble, len(reading.scans)) == (None, 1)


def test_a_type_of_scan_that_the_schema_does_not_know_is_for_a_developer_to_see():
    reading = read(reply(parcel(scan(), scan("LockerScan")), parcel(scan(), pin=OTHER)))
    assert [one.number for one in reading.scans] == [PIN, OTHER]
    assert isinstance(reading.trouble, Unreadable)


def test_a_scan_without_a_stated_type_is_a_plain_one():
    (one,) = read(reply(parcel(scan().replace('i:type="d:Scan"', "")))).scans
    assert one.codes == ("Other",)


def details_reply(details: str) -> httpx.Response:
    kind = 'i:type="d:DeliveryScan"'
    found = scan("DeliveryScan", details).replace(f"<d:Scan {kind}>", "<d:DeliveryDetails>") if details else ""
    found = found.replace("</d:Scan>", "</d:DeliveryDetails>")
    inside = f"<d:GetDeliveryDetailsResponse>{errors()}{found}</d:GetDeliveryDetailsResponse>"
    return httpx.Response(200, content=envelope(inside))


async def test_the_signature_is_fetched_by_pin_and_its_kind_is_told_by_its_bytes():
    document, (request,) = await calling(
        lambda carrier, http: carrier.prove(http, PIN, OTHER), details_reply(delivery(image=GIF, size="11"))
    )
    assert (document.body, document.media_type) == (b"GIF89a tiny", "image/gif")
    asked = etree.fromstring(request.content)
    assert asked.findtext(f".//{D}GetDeliveryDetailsRequest/{D}PIN/{D}Value") == OTHER


@pytest.mark.parametrize(
    ("details", "error"),
    [
        ("", NotFound),
        (delivery(image=None), NotFound),
        (delivery(image="not base64!"), Unreadable),
        (delivery(image=b64encode(b"<script>").decode()), Unreadable),
    ],
)
async def test_a_signature_that_is_none_is_never_handed_out(details, error):
    with pytest.raises(error):
        await calling(lambda carrier, http: carrier.prove(http, PIN, None), details_reply(details))


async def test_a_web_page_instead_of_an_answer_is_asked_again_later():
    page = httpx.Response(200, html="<html>maintenance</html>")
    with pytest.raises(Unavailable):
        await calling(lambda carrier, http: carrier.poll(http, [PIN]), page)
