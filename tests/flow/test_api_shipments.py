"""Shipments over the API: registering, finding, correcting, asking again, stopping."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from flow.conftest import demo_push
from sqlalchemy import select

from gateway.tables import Tables

RECIPIENT = {"name": "Ines Example", "email": "ines@example.org", "phone": "+351 555 0142", "postal_code": "4000-001"}


async def test_a_new_number_answers_201_and_the_same_again_200_with_the_same_id(house):
    wish = {"tracking_number": "1z 999 aa1 0123 4567 84", "order_number": "A-17"}
    first = await house.call("POST", "/v1/shipments", wish)
    again = await house.call("POST", "/v1/shipments", {"tracking_number": "1Z999AA10123456784"})
    assert (first.status, again.status) == (201, 200)
    assert first.json["id"] == again.json["id"]
    assert first.json["tracking_number"] == "1Z999AA10123456784"
    assert first.json["carrier"] == "ups"
    assert first.json["status"] == "pending"
    assert again.json["order_number"] == "A-17"
    assert first.headers["Location"] == f"/v1/shipments/{first.json['id']}"


async def test_a_number_without_a_clear_carrier_lists_the_candidates(house):
    answer = await house.call("POST", "/v1/shipments", {"tracking_number": "1002003004"})
    assert answer.status == 422
    assert answer.json["type"] == "/problems/carrier-unclear"
    assert answer.pointers == ["/carrier"]
    found = {one["carrier"]: one for one in answer.json["candidates"]}
    assert {"dhl-unified", "dhl-express"} <= set(found)
    dhl = found["dhl-unified"]
    assert (dhl["name"], dhl["checksum"], dhl["connector"]) == ("DHL", "passed", True)
    assert 0 < dhl["confidence"] < 0.6


async def test_a_number_nobody_knows_has_no_candidates(house):
    answer = await house.call("POST", "/v1/shipments", {"tracking_number": "ABC"})
    assert answer.status == 422
    assert answer.json["candidates"] == []


async def test_an_unknown_carrier_is_named_with_near_matches(house):
    answer = await house.call("POST", "/v1/shipments", {"tracking_number": "1", "carrier": "dhl-unifed"})
    assert answer.status == 422
    assert answer.pointers == ["/carrier"]
    assert "did you mean dhl-unified" in answer.json["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("wish", "pointers"),
    [
        ({}, ["/tracking_number"]),
        ({"tracking_number": ""}, ["/tracking_number"]),
        ({"tracking_number": "--- ---", "carrier": "demo"}, ["/tracking_number"]),
        ({"tracking_number": 17}, ["/tracking_number"]),
        ({"tracking_number": "A" * 65, "carrier": "demo"}, ["/tracking_number"]),
        ({"tracking_number": "1", "carrier": "demo", "colour": "red", "size": 4}, ["/colour", "/size"]),
        ({"tracking_number": "1", "carrier": "demo", "direction": "sideways"}, ["/direction"]),
        ({"tracking_number": "1", "carrier": "demo", "destination": {"country": "de"}}, ["/destination/country"]),
        ({"tracking_number": "1", "carrier": "demo", "recipient": {"email": "nobody"}}, ["/recipient/email"]),
        ({"tracking_number": "1", "carrier": "demo", "recipient": {"fax": "1"}}, ["/recipient/fax"]),
        ({"tracking_number": "1", "carrier": "demo", "promised": {"from": "2026-11-03T10:00:00"}}, ["/promised/from"]),
        ({"tracking_number": "1", "carrier": "demo", "promised": {"from": "1795939200"}}, ["/promised/from"]),
        ({"tracking_number": "1", "carrier": "demo", "promised": {}}, ["/promised"]),
        ({"tracking_number": "1", "carrier": "demo", "metadata": {"a": "x" * 4_100}}, ["/metadata"]),
        ({"tracking_number": "1", "carrier": "demo", "metadata": [1]}, ["/metadata"]),
        ({"tracking_number": "1", "carrier": "demo", "account": "acc_of_nobody"}, ["/account"]),
        ({"tracking_number": "a\u0000b", "carrier": "demo"}, ["/tracking_number"]),
    ],
)
async def test_a_wrong_field_is_named(house, wish, pointers):
    answer = await house.call("POST", "/v1/shipments", wish)
    assert answer.status == 422
    assert answer.json["type"] == "/problems/validation"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.pointers == pointers


async def test_what_is_wrong_is_said_in_our_words(house):
    blank = await house.call("POST", "/v1/shipments", {"tracking_number": " ", "carrier": "demo"})
    assert blank.json["errors"] == [{"pointer": "/tracking_number", "detail": "is blank"}]
    no_object = await house.call("POST", "/v1/shipments", data=b"1", headers={"Content-Type": "application/json"})
    assert no_object.json["detail"] == no_object.json["errors"][0]["detail"] == "must be an object"


@pytest.mark.parametrize(
    ("more", "pointer", "reason"),
    [
        (
            {"destination": {"country": "Germany"}},
            "/destination/country",
            "must be two capital letters such as DE (ISO 3166)",
        ),
        ({"recipient": {"email": "nobody"}}, "/recipient/email", "is no e-mail address"),
        ({"promised": {"to": "tomorrow"}}, "/promised/to", "is no time: write it as 2026-11-01T08:00:00+01:00"),
        (
            {"promised": {"to": "2026-11-01T08:00:00"}},
            "/promised/to",
            "says no time zone: write it as 2026-11-01T08:00:00+01:00",
        ),
        ({"ship_date": "1.11.2026"}, "/ship_date", "is no day: write it as 2026-11-01"),
        ({"direction": "back"}, "/direction", "must be 'outbound' or 'return'"),
        ({"order_number": ""}, "/order_number", "is empty"),
        ({"order_nr": "A"}, "/order_nr", "there is no such field; did you mean order_number?"),
        ({"carrier": "demmo"}, "/carrier", "there is no connector of that code; did you mean demo?"),
    ],
)
async def test_a_wrong_value_is_told_with_how_it_is_written(house, more, pointer, reason):
    answer = await house.call("POST", "/v1/shipments", {"tracking_number": "X-1", "carrier": "demo"} | more)
    assert (answer.status, answer.json["errors"]) == (422, [{"pointer": pointer, "detail": reason}])


async def test_a_number_of_one_likely_carrier_is_not_said_to_be_of_several(house):
    answer = await house.call("POST", "/v1/shipments", {"tracking_number": "123456789012"})
    assert [one["carrier"] for one in answer.json["candidates"]] == ["fedex"]
    assert answer.json["detail"] == "it may be a number of FedEx, or of a carrier we do not know: name the carrier"


async def test_the_recipient_is_shown_to_merchant_and_support_only_and_only_alone(house):
    promised = {"from": "2026-11-03T10:00:00+01:00", "to": "2026-11-03T12:00:00+01:00"}
    shipment_id = await house.shipment(recipient=RECIPIENT, promised=promised, metadata={"gift": True})
    path = f"/v1/shipments/{shipment_id}"
    mine = (await house.call("GET", path)).json
    assert mine["recipient"] == RECIPIENT
    assert mine["metadata"] == {"gift": True}
    assert mine["promised"] == {"from": "2026-11-03T10:00:00+01:00", "to": "2026-11-03T12:00:00+01:00"}
    support = await house.call("GET", path, key=await house.key_of("support"))
    assert support.json["recipient"] == RECIPIENT
    shop = await house.call(
        "GET", path, key=await house.key_of("storefront"), headers={"Origin": "https://shop.example"}
    )
    assert shop.status == 200
    assert b"Ines" not in shop.body
    assert "metadata" not in shop.json
    assert shop.json["status"] == "pending"
    listed = await house.call("GET", "/v1/shipments")
    assert b"Ines" not in listed.body


async def test_a_carrier_that_needs_an_account_is_taken_with_a_warning(house):
    without = await house.call("POST", "/v1/shipments", {"tracking_number": "DEMO100200302"})
    assert without.status == 201
    assert without.json["warnings"] == [
        "no active account at demo: add one with api_key to have it asked",
    ]
    assert await _next_poll(house, without.json["id"]) is None
    account_id = await house.demo_account()
    with_account = await house.call("POST", "/v1/shipments", {"tracking_number": "DEMO770044006"})
    assert "warnings" not in with_account.json
    assert with_account.json["account"] == account_id
    assert await _next_poll(house, with_account.json["id"]) is not None


async def test_an_account_of_another_carrier_or_merchant_is_refused(house):
    account_id = await house.demo_account()
    _, other_key = await house.merchant()
    wish = {"tracking_number": "1Z999AA10123456784", "account": account_id}
    answer = await house.call("POST", "/v1/shipments", wish)
    assert answer.json["errors"] == [{"pointer": "/account", "detail": "is an account at demo, not at ups"}]
    wish = {"tracking_number": "DEMO100200302", "account": account_id}
    answer = await house.call("POST", "/v1/shipments", wish, key=other_key)
    assert answer.json["errors"] == [{"pointer": "/account", "detail": "you have no account of that id"}]


async def test_one_bad_item_of_a_batch_harms_no_other(house):
    items = [
        {"tracking_number": "DEMO100200302"},
        {"tracking_number": "ABC"},
        {"tracking_number": "DEMO770044006", "colour": "red"},
        "no shipment at all",
        {"tracking_number": "DEMO100200302"},
        {"tracking_number": "DEMO770044006", "account": "acc_of_nobody"},
        {"tracking_number": "DEMO770044006"},
    ]
    answer = await house.call("POST", "/v1/shipments/batch", {"shipments": items})
    assert answer.status == 207
    data = answer.json["data"]
    assert [(one["index"], one["status"]) for one in data] == [
        (0, 201), (1, 422), (2, 422), (3, 422), (4, 200), (5, 422), (6, 201),
    ]  # fmt: skip
    assert data[0]["shipment"]["id"] == data[4]["shipment"]["id"]
    assert data[2]["problem"]["errors"][0]["pointer"] == "/colour"
    listed = await house.call("GET", "/v1/shipments")
    assert len(listed.json["data"]) == 2


async def test_a_batch_takes_a_thousand_and_not_one_more(house):
    items = [{"tracking_number": f"N{index:06}", "carrier": "demo"} for index in range(1_001)]
    answer = await house.call("POST", "/v1/shipments/batch", {"shipments": items})
    assert (answer.status, answer.pointers) == (422, ["/shipments"])
    answer = await house.call("POST", "/v1/shipments/batch", items[:1_000])
    assert answer.status == 200
    assert len({one["shipment"]["id"] for one in answer.json["data"]}) == 1_000


async def test_lists_are_walked_page_by_page_without_gap_or_repeat(house):
    for index in range(5):
        await house.shipment(f"N{index}", order_number=f"A-{index}")
    seen, cursor = [], ""
    for _ in range(3):
        page = (await house.call("GET", f"/v1/shipments?limit=2{cursor}")).json
        seen += [one["tracking_number"] for one in page["data"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == ["N4", "N3", "N2", "N1", "N0"]
    assert page["next_cursor"] is None


async def test_filters_find_by_number_order_status_carrier_beginning_and_time(house):
    account_id = await house.demo_account()
    one = await house.shipment("DEMO100200302", order_number="A-1")
    two = await house.shipment("DEMO770044006", order_number="B-1")
    await house.tell(account_id, "DEMO770044006", "PICKED_UP")

    async def found(query: str) -> list[str]:
        answer = await house.call("GET", f"/v1/shipments?{query}")
        assert answer.status == 200, answer.body
        return sorted(shipment["id"] for shipment in answer.json["data"])

    assert await found("tracking_number=demo-100200302") == [one]
    assert await found("order_number=B-1") == [two]
    assert await found("status=in_transit") == [two]
    assert await found("status=in_transit,pending") == sorted([one, two])
    assert await found("carrier=demo") == sorted([one, two])
    assert await found("carrier=ups") == []
    assert await found("q=demo7700") == [two]
    assert await found("q=A-") == [one]
    assert await found("q=%25") == []
    assert await found("stalled=false&carrier=demo") == [one]  # two's only scan is weeks old
    assert await found("stalled=true") == [two]
    later = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert await found(f"updated_since={later}") == []
    assert await found("updated_since=2026-01-01T00:00:00Z") == sorted([one, two])


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ("colour=red&limit=5", ["?colour"]),
        ("limit=0", ["?limit"]),
        ("limit=201", ["?limit"]),
        ("limit=ten", ["?limit"]),
        ("status=happy", ["?status"]),
        ("cursor=nonsense", ["?cursor"]),
        ("limit=1&limit=2", ["?limit"]),
        ("updated_since=yesterday", ["?updated_since"]),
    ],
)
async def test_a_wrong_query_parameter_is_named(house, query, pointers):
    answer = await house.call("GET", f"/v1/shipments?{query}")
    assert (answer.status, answer.pointers) == (422, pointers)


async def test_events_come_oldest_first_with_what_the_carrier_said(house):
    account_id = await house.demo_account()
    shipment_id = await house.shipment()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP", "OUT", "DELIVERED")
    answer = await house.call("GET", f"/v1/shipments/{shipment_id}/events")
    told = [(one["status"], one["code"], one["at"], one["local_time"], one["source"]) for one in answer.json["data"]]
    assert told == [
        ("in_transit", "PICKED_UP", "2026-11-03T08:00:00Z", "2026-11-03T09:00:00", "push"),
        ("out_for_delivery", "OUT", "2026-11-03T09:00:00Z", "2026-11-03T10:00:00", "push"),
        ("delivered", "DELIVERED", "2026-11-03T10:00:00Z", "2026-11-03T11:00:00", "push"),
    ]
    shipment = (await house.call("GET", f"/v1/shipments/{shipment_id}")).json
    assert (shipment["status"], shipment["delivered_at"]) == ("delivered", "2026-11-03T10:00:00Z")


async def test_another_carrier_starts_the_history_afresh_and_tells_so(house):
    account_id = await house.demo_account()
    shipment_id = await house.shipment()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")
    answer = await house.call("PATCH", f"/v1/shipments/{shipment_id}", {"carrier": "onfleet", "order_number": "C-9"})
    assert answer.status == 200
    shown = answer.json
    assert (shown["carrier"], shown["status"], shown["order_number"]) == ("onfleet", "pending", "C-9")
    assert shown["account"] is None
    assert (await house.call("GET", f"/v1/shipments/{shipment_id}/events")).json["data"] == []
    newest = (await house.call("GET", "/v1/messages?limit=1")).json["data"][0]
    assert newest["type"] == "shipment.carrier_changed"
    body = (await house.call("GET", f"/v1/messages/{newest['id']}")).json["body"]
    assert body["data"]["previous"] == {"carrier": "demo"}
    assert body["data"]["shipment"]["carrier"] == "onfleet"


async def test_the_new_carriers_statuses_are_told_even_if_the_wrong_ones_were_the_same(house):
    account_id = await house.demo_account()
    shipment_id = await house.shipment()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")
    await house.call("PATCH", f"/v1/shipments/{shipment_id}", {"carrier": "onfleet"})
    await house.call(
        "POST", f"/v1/shipments/{shipment_id}/events", {"status": "in_transit", "at": "2026-11-03T12:00:00Z"}
    )
    told = (await house.call("GET", "/v1/messages?type=shipment.in_transit")).json["data"]
    assert [one["shipment_version"] for one in told] == [3, 1]


async def test_a_carrier_cannot_be_corrected_to_a_shipment_that_is_there_already(house):
    first = await house.shipment("DEMO100200302")
    wish = {"tracking_number": "DEMO100200302", "carrier": "onfleet"}
    assert (await house.call("POST", "/v1/shipments", wish)).status == 201
    answer = await house.call("PATCH", f"/v1/shipments/{first}", {"carrier": "onfleet"})
    assert (answer.status, answer.json["type"]) == (409, "/problems/conflict")


async def test_a_correction_of_what_somebody_else_changed_meanwhile_is_told_and_changes_nothing(house):
    account_id = await house.demo_account()
    shipment_id = await house.shipment(recipient=RECIPIENT)
    path = f"/v1/shipments/{shipment_id}"
    seen = (await house.call("GET", path)).json["version"]
    first = await house.call("PATCH", path, {"carrier": "onfleet", "version": seen})
    assert (first.status, first.json["version"]) == (200, seen + 1)
    second = await house.call("PATCH", path, {"carrier": "ups", "order_number": "A-2", "version": seen})
    assert (second.status, second.json["type"]) == (409, "/problems/conflict")
    now = (await house.call("GET", path)).json
    assert second.json["shipment"] == now
    assert (now["carrier"], now["order_number"]) == ("onfleet", None)
    for version in (now["version"], None):  # who names none is not asked
        wish = {"order_number": "A-3"} | ({} if version is None else {"version": version})
        assert (await house.call("PATCH", path, wish)).status == 200
    told = (await house.call("GET", path)).json
    assert told["version"] == now["version"] + 2, "another correction of the same is seen too"
    await house.call("PATCH", path, {"carrier": "demo"})
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")
    late = await house.call("PATCH", path, {"order_number": "A-4", "version": told["version"] + 1})
    assert late.status == 409, "the carrier's news change it as well"


async def test_what_a_patch_leaves_out_stays_and_null_clears(house):
    shipment_id = await house.shipment(recipient=RECIPIENT, order_number="A-1", metadata={"a": 1})
    answer = await house.call("PATCH", f"/v1/shipments/{shipment_id}", {"recipient": None, "metadata": {"b": 2}})
    assert answer.json["recipient"] is None
    assert (answer.json["order_number"], answer.json["metadata"]) == ("A-1", {"b": 2})
    wrong = await house.call("PATCH", f"/v1/shipments/{shipment_id}", {"carrier": None})
    assert (wrong.status, wrong.pointers) == (422, ["/carrier"])
    wrong = await house.call("PATCH", f"/v1/shipments/{shipment_id}", {"tracking_number": "X"})
    assert (wrong.status, wrong.pointers) == (422, ["/tracking_number"])


async def test_a_stopped_shipment_is_told_no_more_and_registering_it_again_wakes_it(house):
    account_id = await house.demo_account()
    shipment_id = await house.shipment()
    assert (await house.call("DELETE", f"/v1/shipments/{shipment_id}")).status == 204
    assert await _next_poll(house, shipment_id) is None
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")
    stopped = (await house.call("GET", f"/v1/shipments/{shipment_id}")).json
    assert (stopped["tracking"], stopped["status"]) == (False, "pending")
    refused = await house.call("POST", f"/v1/shipments/{shipment_id}/refresh")
    assert (refused.status, refused.json["type"]) == (409, "/problems/cannot-ask-carrier")
    again = await house.call("POST", "/v1/shipments", {"tracking_number": "DEMO100200302"})
    assert (again.status, again.json["id"], again.json["tracking"]) == (200, shipment_id, True)
    assert await _next_poll(house, shipment_id) is not None


async def test_refresh_makes_it_due_now_where_the_carrier_can_be_asked(house):
    shipment_id = await house.shipment()
    refused = await house.call("POST", f"/v1/shipments/{shipment_id}/refresh")
    assert refused.status == 409
    assert "api_key" in refused.json["detail"]
    await house.demo_account()  # an account that came later is taken
    answer = await house.call("POST", f"/v1/shipments/{shipment_id}/refresh")
    assert answer.status == 202
    assert await _next_poll(house, shipment_id) is not None
    wish = {"tracking_number": "7C1D4E00", "carrier": "onfleet"}
    only_pushes = (await house.call("POST", "/v1/shipments", wish)).json["id"]
    refused = await house.call("POST", f"/v1/shipments/{only_pushes}/refresh")
    assert refused.status == 409
    assert "only tells by itself" in refused.json["detail"]


async def test_a_shipment_a_push_made_known_takes_the_merchants_facts_on_registration(house):
    account_id = await house.demo_account()
    await house.tell(account_id, "DEMO770044006", "PICKED_UP")
    (known,) = (await house.call("GET", "/v1/shipments")).json["data"]
    wish = {"tracking_number": "DEMO770044006", "order_number": "A-5", "recipient": RECIPIENT}
    answer = await house.call("POST", "/v1/shipments", wish)
    assert (answer.status, answer.json["id"], answer.json["order_number"]) == (200, known["id"], "A-5")
    shown = (await house.call("GET", f"/v1/shipments/{known['id']}")).json
    assert (shown["recipient"], shown["status"]) == (RECIPIENT, "in_transit")


async def test_a_merchants_own_event_goes_the_same_road(house):
    shipment_id = await house.shipment()
    path = f"/v1/shipments/{shipment_id}/events"
    wish = {
        "status": "out_for_delivery",
        "substatus": "loaded",
        "at": "2026-11-03T09:30:00+02:00",
        "text": "On our own van",
        "place": {"city": "Porto", "country": "PT"},
    }
    first = await house.call("POST", path, wish)
    again = await house.call("POST", path, wish)
    assert (first.status, again.status) == (201, 201)
    assert first.json["id"] == again.json["id"]
    assert first.json["source"] == "merchant"
    assert (first.json["at"], first.json["utc_offset"]) == ("2026-11-03T07:30:00Z", "+02:00")
    shipment = (await house.call("GET", f"/v1/shipments/{shipment_id}")).json
    assert (shipment["status"], shipment["substatus"], shipment["version"]) == ("out_for_delivery", "loaded", 1)
    types = [one["type"] for one in (await house.call("GET", "/v1/messages")).json["data"]]
    assert types == ["shipment.out_for_delivery", "shipment.event"]
    (kept,) = (await house.call("GET", path)).json["data"]
    assert kept == first.json


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        ({"status": "happy", "at": "2026-11-03T09:30:00Z"}, "/status"),
        ({"status": "unknown", "at": "2026-11-03T09:30:00Z"}, "/status"),
        ({"status": "delivered", "substatus": "loaded", "at": "2026-11-03T09:30:00Z"}, "/substatus"),
        ({"status": "delivered", "at": "2026-11-03T09:30:00"}, "/at"),
        ({"status": "delivered", "at": "2099-11-03T09:30:00Z"}, "/at"),
        ({"status": "delivered", "at": "0001-01-01T00:00:00+14:00"}, "/at"),
        ({"status": "delivered"}, "/at"),
        ({"status": "delivered", "at": "2026-11-03T09:30:00Z", "place": {"planet": "Mars"}}, "/place/planet"),
    ],
)
async def test_a_wrong_event_is_refused_by_field(house, wish, pointer):
    shipment_id = await house.shipment()
    answer = await house.call("POST", f"/v1/shipments/{shipment_id}/events", wish)
    assert (answer.status, answer.pointers) == (422, [pointer])


async def test_the_same_key_and_request_is_done_once_and_answered_alike(house):
    headers = {"Idempotency-Key": "order-17"}
    wish = {"carrier": "demo", "secrets": {"api_key": "a", "signing_secret": "b"}}
    first = await house.call("POST", "/v1/accounts", wish, headers=headers)
    again = await house.call("POST", "/v1/accounts", wish, headers=headers)
    assert (first.status, again.status) == (201, 201)
    assert first.body == again.body
    assert (first.headers.get("Idempotent-Replayed"), again.headers["Idempotent-Replayed"]) == (None, "true")
    assert len((await house.call("GET", "/v1/accounts")).json["data"]) == 1


async def test_a_key_used_for_another_request_is_refused(house):
    headers = {"Idempotency-Key": "order-18"}
    await house.call("POST", "/v1/shipments", {"tracking_number": "DEMO100200302"}, headers=headers)
    other = await house.call("POST", "/v1/shipments", {"tracking_number": "DEMO770044006"}, headers=headers)
    assert (other.status, other.json["type"]) == (422, "/problems/idempotency-key-reused")
    _, stranger = await house.merchant()
    theirs = await house.call(
        "POST", "/v1/shipments", {"tracking_number": "DEMO770044006"}, headers=headers, key=stranger
    )
    assert theirs.status == 201


async def test_duplicates_at_the_same_time_are_done_once(house):
    wish = {"url": f"{house.url}/hook"}
    answers = await asyncio.gather(
        *(house.call("POST", "/v1/endpoints", wish, headers={"Idempotency-Key": "same"}) for _ in range(5))
    )
    assert {answer.status for answer in answers} <= {201, 409}
    made = [answer for answer in answers if answer.status == 201]
    assert len({answer.json["id"] for answer in made}) == 1
    assert len((await house.call("GET", "/v1/endpoints")).json["data"]) == 1


async def test_a_refused_request_frees_its_key(house):
    headers = {"Idempotency-Key": "order-19"}
    refused = await house.call("POST", "/v1/shipments", {"tracking_number": "ABC"}, headers=headers)
    assert refused.status == 422
    taken = await house.call("POST", "/v1/shipments", {"tracking_number": "DEMO100200302"}, headers=headers)
    assert taken.status == 201


async def test_a_kept_answer_is_sealed_because_it_may_hold_a_secret(house):
    headers = {"Idempotency-Key": "once"}
    made = await house.call("POST", "/v1/endpoints", {"url": f"{house.url}/hook"}, headers=headers)
    again = await house.call("POST", "/v1/endpoints", {"url": f"{house.url}/hook"}, headers=headers)
    assert again.json["secret"] == made.json["secret"]
    assert made.json["secret"].encode() not in await house.kept()


async def _next_poll(house, shipment_id):
    c = Tables.shipment.c
    return await house.gateway.store.read(
        lambda conn: conn.execute(select(c.next_poll_at).where(c.id == shipment_id)).scalar()
    )


async def test_a_ship_date_is_a_day_and_says_that_an_old_delivery_is_this_parcels(house):
    account_id = await house.demo_account()
    wish = {"tracking_number": "DEMO770044006", "carrier": "demo"}
    refused = await house.call("POST", "/v1/shipments", wish | {"ship_date": "last week"})
    assert (refused.status, refused.pointers) == (422, ["/ship_date"])
    late = (await house.call("POST", "/v1/shipments", wish | {"ship_date": "2024-03-01"})).json
    young = (await house.call("POST", "/v1/shipments", {"tracking_number": "DEMO100200302", "carrier": "demo"})).json
    assert (late["ship_date"], young["ship_date"], young["continued_from"]) == ("2024-03-01", None, None)
    statuses = []
    for shipment in (late, young):
        body = demo_push(shipment["tracking_number"], "DELIVERED", start="2024-03-04T09:00:00+01:00")
        assert (await house.push(account_id, body)).status == 200
        await house.read_all()
        path = f"/v1/shipments/{shipment['id']}"
        (event,) = (await house.call("GET", f"{path}/events")).json["data"]
        statuses.append(((await house.call("GET", path)).json["status"], event["earlier_parcel"]))
    assert statuses == [("delivered", False), ("pending", True)]


@pytest.mark.parametrize("how", ["PATCH", "POST"])
async def test_a_detected_carrier_that_the_merchant_names_is_the_merchants_word_from_then_on(house, how):
    shipment_id = (await house.call("POST", "/v1/shipments", {"tracking_number": "DEMO100200302"})).json["id"]
    c = Tables.shipment.c

    async def set_by():
        statement = select(c.carrier_set_by).where(c.id == shipment_id)
        return await house.gateway.store.read(lambda conn: conn.execute(statement).scalar_one())

    assert await set_by() == "detected"
    if how == "PATCH":
        done = await house.call("PATCH", f"/v1/shipments/{shipment_id}", {"carrier": "demo"})
    else:
        done = await house.call("POST", "/v1/shipments", {"tracking_number": "DEMO100200302", "carrier": "demo"})
    assert done.status == 200
    assert await set_by() == "merchant"


@pytest.mark.parametrize(
    ("path", "pointer", "near"),
    [
        ("/v1/shipments?carrier=upx", "?carrier", "ups"),
        ("/v1/shipments?carrier=UPS", "?carrier", "ups"),
        ("/v1/shipments?carrier=dhl", "?carrier", "dhl-express"),
        ("/v1/accounts?carrier=demmo", "?carrier", "demo"),
        ("/v1/ratings?carrier=demmo", "?carrier", "demo"),
        ("/v1/insights/on-time?carrier=demmo", "?carrier", "demo"),
        ("/v1/desk/work?queue=mine&carrier=demmo", "?carrier", "demo"),
        ("/v1/desk/work?queue=stalle", "?queue", "stalled"),
        ("/v1/shipments?status=deliverd", "?status", "delivered"),
        ("/v1/shipments?status=delivered,in_transt", "?status", "in_transit"),
        ("/v1/shipments?trouble=custom_stuck", "?trouble", "customs_stuck"),
        ("/v1/orders?status=part_shipped", "?status", "partially_shipped"),
        ("/v1/insights/on-time?by=carier", "?by", "carrier"),
        ("/v1/messages?type=shipment.deliverd", "?type", "shipment.delivered"),
        ("/v1/messages?type=delivered", "?type", "shipment.delivered"),
        ("/v1/stream?types=shipment.deliverd", "?types", "shipment.delivered"),
    ],
)
async def test_a_misspelt_value_of_a_filter_is_named_and_does_not_list_nothing(house, path, pointer, near):
    answer = await house.call("GET", path)
    assert (answer.status, answer.pointers) == (422, [pointer])
    advice = answer.json["errors"][0]["detail"].partition("; did you mean ")[2]
    assert near in advice.rstrip("?").split(" or ")


async def test_a_far_off_value_of_a_filter_hears_what_there_is_and_is_not_repeated(house):
    answer = await house.call("GET", "/v1/shipments?status=Kingfisher")
    assert answer.json["errors"][0]["detail"].startswith("must be 'pending', 'ordered'")
    assert b"Kingfisher" not in answer.body
    answer = await house.call("GET", "/v1/shipments?carrier=Kingfisher")
    assert "there are " in answer.json["errors"][0]["detail"]
    assert b"Kingfisher" not in answer.body
