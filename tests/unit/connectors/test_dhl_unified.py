"""What DHL's unified answers and pushes are read as, shape by shape."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone

import httpx
import pytest

from connectors import connector
from connectors.base import Payload, Push
from connectors.client import HttpClient
from connectors.errors import Forged, NotFound, Rejected, Unavailable
from normalizer.model import Detail, Place, Proof, Status, Window

NOW = datetime(2026, 4, 1, tzinfo=UTC)
DHL = connector("dhl-unified")


def read(body, *, numbers=("304050607",), source="poll"):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return DHL.read(Payload(carrier="dhl-unified", body=content, source=source, received_at=NOW, numbers=numbers))


def shipment(*events, service="express", number="3040506070", **more):
    return {"id": number, "service": service, "status": events[0], "events": list(events), **more}


def event(status=None, code="transit", at="2026-03-05T10:12:00+01:00", **more):
    return {"timestamp": at, "statusCode": code, **({"status": status} if status else {}), **more}


def meaning(scan):
    return DHL.codes.look_up(scan.codes, scan.phrase)[1]


@pytest.mark.parametrize(
    ("service", "status", "coarse", "expected"),
    [
        ("express", "WC", "transit", Status.OUT_FOR_DELIVERY),
        ("ecommerce", "OUT FOR DELIVERY", "transit", Status.OUT_FOR_DELIVERY),
        ("ecommerce-europe", "42", "transit", Status.OUT_FOR_DELIVERY),
        ("svb", "IN_DELIVERY", "transit", Status.OUT_FOR_DELIVERY),
        ("ecommerce-europe", "44", "delivered", Status.AVAILABLE_FOR_PICKUP),
        ("parcel-nl", "DELIVERED_AT_SHIPPER", "transit", Status.RETURNED),
        ("parcel-nl", "RETURNED_TO_SHIPPER", "failure", Status.RETURNING),
        ("ecommerce-europe", "99", "failure", Status.RETURNING),
        ("express", "PD", "transit", Status.EXCEPTION),
    ],
)
def test_a_divisions_own_code_says_more_than_the_coarse_one(service, status, coarse, expected):
    (scan,) = read({"shipments": [shipment(event(status, coarse), service=service)]}).scans
    assert scan.codes == (f"{service}/{status}", coarse)
    assert meaning(scan).status is expected


@pytest.mark.parametrize(
    ("service", "code", "expected"),
    [
        ("express", "101", Status.DELIVERED),
        ("ecommerce", "101", Status.CANCELLED),
        ("ecommerce-europe", "101", Status.RETURNING),
        ("express", "AN", None),
        ("parcel-de", "AN", Status.INFO_RECEIVED),
        ("parcel-pl", "AN", Status.EXCEPTION),
    ],
)
def test_one_code_means_what_its_own_division_means_by_it(service, code, expected):
    found = DHL.codes.codes.get(f"{service}/{code}")
    assert (found.status if found else None) is expected


@pytest.mark.parametrize(
    ("coarse", "expected"),
    [
        ("pre-transit", Status.INFO_RECEIVED),
        ("transit", Status.IN_TRANSIT),
        ("delivered", Status.DELIVERED),
        ("failure", Status.EXCEPTION),
        ("unknown", None),
    ],
)
def test_a_status_without_a_row_falls_back_to_the_coarse_code_and_unknown_stays_unknown(coarse, expected):
    (scan,) = read({"shipments": [shipment(event("NO SUCH WORD", coarse))]}).scans
    found = meaning(scan)
    assert (found.status if found else None) is expected


def test_the_description_never_decides():
    (scan,) = read({"shipments": [shipment(event(None, "transit", description="Delivered"))]}).scans
    assert meaning(scan).status is Status.IN_TRANSIT
    assert scan.text == "Delivered"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("The shipment has been loaded onto the delivery vehicle", Status.OUT_FOR_DELIVERY),
        ("Words that nobody listed", Status.IN_TRANSIT),
    ],
)
def test_the_course_of_delivery_is_out_for_delivery_only_where_the_sentence_beside_it_says_so(words, expected):
    (scan,) = read({"shipments": [shipment(event("PO", description=words), service="parcel-de")]}).scans
    assert meaning(scan).status is expected


def test_a_signature_at_a_shop_is_no_delivery():
    assert DHL.codes.codes["parcel-nl/SIGNATURE_RECORDED"].moves == "informs"


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("2026-03-05T10:12:00Z", datetime(2026, 3, 5, 10, 12, tzinfo=UTC)),
        ("2026-03-05T10:12:00-05:00", datetime(2026, 3, 5, 10, 12, tzinfo=timezone(timedelta(hours=-5)))),
        ("2026-03-05T10:12:00", datetime(2026, 3, 5, 10, 12)),  # noqa: DTZ001 - the clock on the wall, as sent
    ],
)
def test_a_time_keeps_what_the_division_said_of_its_zone(stamp, expected):
    (scan,) = read({"shipments": [shipment(event("PL", at=stamp))]}).scans
    assert scan.at == expected
    assert scan.at.tzinfo == expected.tzinfo


def test_an_id_sent_as_a_number_gets_its_leading_zeros_back_from_what_was_asked():
    body = {"shipments": [shipment(event("PL"), number=304050633)]}
    assert read(body, numbers=("0304050633",)).scans[0].number == "0304050633"
    assert read(body, numbers=()).scans[0].number == "304050633"


def test_parcels_of_one_reference_stay_apart_as_pieces():
    parcels = [
        shipment(
            event("DELIVERED", "delivered"),
            service="ecommerce",
            number="55012",
            details={"references": [{"type": "ecommerce-number", "number": own}]},
        )
        for own in ("A1", "A2")
    ]
    reading = read({"shipments": parcels})
    assert [(scan.number, scan.piece) for scan in reading.scans] == [("55012", "A1"), ("55012", "A2")]
    assert reading.details[0] == Detail(number="55012", service_code="ecommerce", pieces_total=2)


def test_one_number_in_two_divisions_is_read_twice_without_pieces():
    body = {"shipments": [shipment(event("PL")), shipment(event("LW"), service="parcel-pl")]}
    assert [(scan.codes[0], scan.piece) for scan in read(body).scans] == [("express/PL", None), ("parcel-pl/LW", None)]


def test_an_event_of_some_pieces_is_told_of_each_and_one_of_all_of_the_shipment():
    body = {
        "shipments": [
            shipment(
                event("OK", "delivered", pieceIds=["P1"]),
                event("WC", pieceIds=["P1", "P2"]),
                event("PL"),
                details={"pieceIds": ["P1", "P2"], "totalNumberOfPieces": 2},
            )
        ]
    }
    assert [(scan.codes[0], scan.piece, scan.order) for scan in read(body).scans] == [
        ("express/OK", "P1", 2),
        ("express/WC", None, 1),
        ("express/PL", None, 0),
    ]


def test_pieces_count_where_the_shipment_does_not_list_them():
    body = {"shipments": [shipment(event("OK", "delivered", pieceIds=["P1"]), event("NH", pieceIds=["P2"]))]}
    assert [scan.piece for scan in read(body).scans] == ["P1", "P2"]


def test_a_shipment_with_its_present_status_alone_is_read_from_that():
    body = {"scope": "subscription.push", "shipments": [shipment(event("OK", "delivered"))]}
    del body["shipments"][0]["events"]
    assert [scan.codes[0] for scan in read(body, source="push").scans] == ["express/OK"]


@pytest.mark.parametrize("scope", ["subscription.validate", "subscription.ready"])
def test_a_handshake_carries_no_news(scope):
    reading = read({"scope": scope, "secret": "x"}, source="push")
    assert (reading.scans, reading.details, reading.missing, reading.trouble) == ([], [], [], None)


def test_a_push_of_an_unknown_scope_without_shipments_is_kept_for_a_developer():
    assert "'status'" in str(read({"scope": "subscription.failure"}, source="push").trouble)


def test_not_found_names_what_was_asked_or_what_the_answer_names():
    body = {"title": "x", "status": 404, "detail": "unheard of", "instance": "/shipment/77"}
    assert [(one.number, one.text) for one in read(body, numbers=("42",)).missing] == [("42", "unheard of")]
    assert [one.number for one in read(body, numbers=()).missing] == ["77"]


def test_another_error_is_no_answer():
    assert str(read({"title": "x", "status": 401, "detail": "y"}).trouble) == "DHL answers with the error 401"


def test_one_poisoned_shipment_costs_itself_alone():
    poisoned = [{"id": "2", "status": None}, {"status": event("PL")}, None, {"id": [], "service": {}}]
    reading = read({"shipments": [shipment(event("PL")), *poisoned, shipment(event("OK"), service="x")]})
    assert [scan.codes[0] for scan in reading.scans] == ["express/PL", "x/OK"]
    assert reading.trouble is not None


def test_the_whole_shipment_is_told_with_units_proofs_and_the_next_carrier():
    body = {
        "shipments": [
            shipment(
                event("OK", "delivered"),
                service="ecommerce",
                origin={"address": {"countryCode": "US", "postalCode": "60106", "addressLocality": "Lisle, IL, US"}},
                destination={"address": {"addressLocality": "Graz"}},
                estimatedTimeOfDelivery="2026-03-05T00:00:00Z",
                estimatedTimeOfDeliveryRemark="By end of day",
                serviceUrl="https://dhl.example/1",
                details={
                    "product": {"productName": "Parcel"},
                    "weight": {"value": 0.5, "unitText": "lbs"},
                    "dimensions": {
                        "length": {"value": 0.38, "unitText": "m"},
                        "width": {"value": 30, "unitText": "cm"},
                        "height": {"value": 5, "unitText": "in"},
                    },
                    "totalNumberOfPieces": 0,
                    "references": [{"type": "local-tracking-number", "number": "9200"}],
                    "proofOfDelivery": {
                        "signatureUrl": "https://dhl.example/s",
                        "documentUrl": "string",
                        "signed": {"givenName": "Ines", "familyName": "Moser"},
                    },
                },
            )
        ]
    }
    (detail,) = read(body).details
    assert detail == Detail(
        number="3040506070",
        eta=Window(date(2026, 3, 5), date(2026, 3, 5)),
        service="Parcel",
        service_code="ecommerce",
        weight_grams=227,
        dimensions_mm=(380, 300, 127),
        references=("9200",),
        signed_by="Ines Moser",
        proofs=(Proof(kind="signature", reference="https://dhl.example/s"),),
        origin=Place(city="Lisle", region="IL", postal_code="60106", country="US"),
        destination=Place(city="Graz"),
        continues_as=(None, "9200"),
        tracking_url="https://dhl.example/1",
        extra={"eta_remark": "By end of day"},
    )


def test_a_time_frame_keeps_both_ends_even_at_midnight():
    frame = {"estimatedFrom": "2026-03-05T00:00:00Z", "estimatedThrough": "2026-03-05T22:00:00Z"}
    (detail,) = read({"shipments": [shipment(event("PL"), estimatedDeliveryTimeFrame=frame)]}).details
    assert detail.eta == Window(datetime(2026, 3, 5, tzinfo=UTC), datetime(2026, 3, 5, 22, tzinfo=UTC))


def test_a_german_place_gets_its_country_from_its_division_alone():
    there = {"address": {"addressLocality": "Halle, Germany"}}
    german, other = (
        read({"shipments": [shipment(event("x", location=there), service=service)]}).scans[0].place
        for service in ("parcel-de", "dsc")
    )
    assert (german.city, german.country) == ("Halle", "DE")
    assert (other.city, other.country) == ("Halle", None)


def test_an_employee_in_the_place_of_supply_chain_is_not_kept():
    there = {"address": {"addressLocality": "Szeged,Hungary,EMEA - Ada Example,6720"}}
    (scan,) = read({"shipments": [shipment(event("Dispatched", location=there), service="dsc")]}).scans
    assert scan.place == Place(city="Szeged")


def test_a_bare_time_of_parcel_germany_without_a_place_is_the_german_clock_and_no_other_divisions_is():
    for service, zone in (("parcel-de", "Europe/Berlin"), ("parcel-nl", None)):
        (scan,) = read({"shipments": [shipment(event("PO", at="2026-04-03T07:17:00"), service=service)]}).scans
        assert scan.zone == zone


def test_a_place_that_is_told_decides_the_zone_even_in_parcel_germany():
    there = {"address": {"addressLocality": "Lisboa", "countryCode": "PT"}}
    body = {"shipments": [shipment(event("PO", at="2026-04-03T07:17:00", location=there), service="parcel-de")]}
    assert read(body).scans[0].zone is None


def test_a_local_number_that_is_the_number_itself_continues_as_nothing():
    own = {"references": [{"type": "local-tracking-number", "number": "0304050633"}]}
    (detail,) = read({"shipments": [shipment(event("PL"), number="0304050633", details=own)]}).details
    assert detail.continues_as is None


def test_a_return_that_is_only_expected_is_on_its_way():
    assert DHL.codes.codes["parcel-nl/EXPECTED_RETURN_DELIVERED_AT_SHIPPER_CALCULATED"].status is Status.RETURNING


def test_an_attempt_that_could_not_be_made_is_no_failed_attempt():
    assert DHL.codes.codes["ecommerce/651"].status is Status.EXCEPTION


@pytest.mark.parametrize("weight", [{"value": 0, "unitText": "KG"}, {"value": 5, "unitText": "stone"}, {"value": 5}])
def test_a_weight_that_says_nothing_is_none(weight):
    assert read({"shipments": [shipment(event("PL"), details={"weight": weight})]}).details[0].weight_grams is None


@pytest.mark.parametrize(
    "body", [b"[]", b"null", b"{}", b'{"shipments":[]}', b'{"shipments":[1]}', b'{"shipments":"x"}', b"{"]
)
def test_a_body_of_another_shape_is_unreadable_and_never_empty(body):
    reading = read(body)
    assert reading.scans == []
    assert reading.trouble is not None


def push(**headers):
    return Push(method="POST", headers=headers, query={}, body=b"{}", received_at=NOW)


SECRETS = {"api_key": "k", "push_header": "X-Parcel-Proof", "push_token": "a long token"}


def test_a_push_is_believed_by_the_chosen_header_and_token():
    DHL.verify(push(**{"x-parcel-proof": "a long token"}), SECRETS)


@pytest.mark.parametrize("headers", [{}, {"x-parcel-proof": "another"}, {"x-other": "a long token"}])
def test_a_push_without_the_token_is_forged(headers):
    with pytest.raises(Forged):
        DHL.verify(push(**headers), SECRETS)


@pytest.mark.parametrize("missing", ["push_header", "push_token"])
def test_an_account_without_push_secrets_believes_nothing(missing):
    with pytest.raises(Forged):
        DHL.verify(push(**{"x-parcel-proof": "a long token"}), {**SECRETS, missing: ""})


def client(answer, asked):
    """The real client; only the carrier's end of the wire is played."""

    def carrier(request):
        asked.append(request)
        return answer

    return HttpClient(DHL.facts, DHL.auth(SECRETS), transport=httpx.MockTransport(carrier))


async def test_a_poll_asks_for_one_number_in_english_with_the_key_in_its_header():
    asked = []
    async with client(httpx.Response(200, content=b'{"shipments":[]}'), asked) as http:
        answer = await DHL.poll(http, ["3040506070"])
    assert answer.body == b'{"shipments":[]}'
    (request,) = asked
    assert (request.method, str(request.url), request.headers["DHL-API-Key"]) == (
        "GET",
        "https://api-eu.dhl.com/track/shipments?trackingNumber=3040506070&language=en",
        "k",
    )


@pytest.mark.parametrize(
    ("status", "expected"), [(400, NotFound), (401, Rejected), (404, NotFound), (429, Unavailable), (500, Unavailable)]
)
async def test_a_refusal_is_named_by_what_happens_next(status, expected):
    async with client(httpx.Response(status, json={"status": status}), []) as http:
        with pytest.raises(expected):
            await DHL.poll(http, ["3040506070"])


@pytest.mark.parametrize(
    ("answer", "reference"),
    [(b'{"self":"https://dhl.example/1"}', "https://dhl.example/1"), (b"", None), (b"[]", None)],
)
async def test_a_subscription_names_the_hook_its_proof_and_the_numbers(answer, reference):
    asked = []
    async with client(httpx.Response(200, content=answer), asked) as http:
        done = await DHL.subscribe(
            http, ["1", "2"], "https://gw.example/push", {**SECRETS, "push_service": "parcel-nl"}
        )
    assert (done.accepted, done.reference) == (("1", "2"), reference)
    (request,) = asked
    assert (request.method, str(request.url)) == ("POST", "https://api-eu.dhl.com/tracking/push/v1/subscription")
    assert json.loads(request.content) == {
        "hook": {
            "uri": "https://gw.example/push",
            "authentication": {"type": "ApiKeyAuthentication", "header": "X-Parcel-Proof", "token": "a long token"},
        },
        "format": "Default",
        "type": "Shipment",
        "events": ["Pre-Transit", "Transit", "Delivered", "Failure", "Unknown"],
        "shipmentIDs": ["1", "2"],
        "service": "parcel-nl",
    }


async def test_an_account_without_a_proof_of_its_own_choice_subscribes_to_nothing():
    asked = []
    async with client(httpx.Response(200), asked) as http:
        with pytest.raises(Rejected):
            await DHL.subscribe(http, ["1"], "https://gw.example/push", {"api_key": "k"})
    assert asked == []
