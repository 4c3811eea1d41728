"""Carrier accounts and API keys over the API: what goes in never comes out, and what ends stops working."""

import pytest
from sqlalchemy import select

from gateway.clock import now_ms
from gateway.tables import Tables

SECRETS = {"api_key": "only-the-carrier-knows-1", "signing_secret": "only-the-carrier-knows-2"}


async def test_an_accounts_secrets_go_in_and_never_come_out(house, logs):
    made = await house.call("POST", "/v1/accounts", {"carrier": "demo", "secrets": SECRETS, "label": "Main"})
    assert made.status == 201
    account = made.json
    assert made.headers["Location"] == f"/v1/accounts/{account['id']}"
    assert (account["carrier"], account["label"], account["mode"]) == ("demo", "Main", "production")
    assert (account["state"], account["state_reason"]) == ("active", "")
    assert account["push_url"] == f"https://hub.example/carriers/demo/push/{account['id']}"
    seen = made.body
    for path in ("/v1/accounts", f"/v1/accounts/{account['id']}", "/v1/accounts?carrier=demo", "/metrics"):
        seen += (await house.call("GET", path)).body
    seen += logs.getvalue().encode()
    seen += await house.kept()
    assert b"only-the-carrier-knows" not in seen


@pytest.mark.parametrize(
    ("wish", "pointers"),
    [
        ({}, ["/carrier"]),
        ({"carrier": "no-such-carrier"}, ["/carrier"]),
        ({"carrier": "demo"}, ["/secrets/api_key", "/secrets/signing_secret"]),
        ({"carrier": "demo", "secrets": {"api_key": "k"}}, ["/secrets/signing_secret"]),
        ({"carrier": "demo", "secrets": SECRETS | {"pasword": "p"}}, ["/secrets/pasword"]),
        ({"carrier": "demo", "secrets": SECRETS | {"api_key": "  "}}, ["/secrets/api_key"]),
        ({"carrier": "demo", "secrets": SECRETS, "mode": "dream"}, ["/mode"]),
        ({"carrier": "demo", "secrets": SECRETS, "state": "rejected"}, ["/state"]),
        ({"carrier": "demo", "secrets": {"api_key": 17}}, ["/secrets/api_key"]),
    ],
)
async def test_a_wrong_account_is_named_by_its_field_without_the_value(house, wish, pointers):
    answer = await house.call("POST", "/v1/accounts", wish)
    assert (answer.status, answer.pointers) == (422, pointers)
    assert b"only-the-carrier-knows" not in answer.body


async def reject(house, account_id):
    await house.gateway.carriers.rejected(house.merchant_id, "demo", account_id, "401", asked_at=now_ms())


async def test_an_account_to_which_no_push_could_prove_itself_is_refused(house):
    answer = await house.call("POST", "/v1/accounts", {"carrier": "generic"})
    reason = "hold none, so that every push would be refused: give signing_secret or token"
    assert (answer.status, answer.json["errors"]) == (422, [{"pointer": "/secrets", "detail": reason}])
    assert (await house.call("POST", "/v1/accounts", {"carrier": "generic", "secrets": {"token": "t"}})).status == 201


async def test_a_change_of_one_secret_keeps_the_others_and_makes_a_rejected_account_active(house):
    account_id = await house.demo_account()
    await reject(house, account_id)
    assert (await house.call("GET", f"/v1/accounts/{account_id}")).json["state"] == "rejected"
    path = f"/v1/accounts/{account_id}"
    changed = (await house.call("PATCH", path, {"secrets": {"api_key": "fresh"}, "label": "Second"})).json
    assert (changed["state"], changed["state_reason"], changed["label"]) == ("active", "", "Second")
    for wish, pointer in (
        ({"secrets": {"api_key": None}}, "/secrets/api_key"),
        ({"secrets": {"colour": "red"}}, "/secrets/colour"),
        ({"secrets": {"colour": None}}, "/secrets/colour"),
        ({"carrier": "ups"}, "/carrier"),
    ):
        wrong = await house.call("PATCH", path, wish)
        assert (wrong.status, wrong.pointers) == (422, [pointer])
    assert (await house.call("PATCH", path, {})).json["label"] == "Second"


@pytest.mark.parametrize("value", ["key\n", "two\nlines", "\x00", "tab\there", "key\u2028"])
async def test_a_credential_that_no_request_can_carry_is_refused(house, value):
    wish = {"carrier": "demo", "secrets": {"api_key": value, "signing_secret": "word"}}
    wrong = await house.call("POST", "/v1/accounts", wish)
    assert (wrong.status, wrong.pointers) == (422, ["/secrets/api_key"])
    account_id = await house.demo_account()
    wrong = await house.call("PATCH", f"/v1/accounts/{account_id}", {"secrets": {"api_key": value}})
    assert (wrong.status, wrong.pointers) == (422, ["/secrets/api_key"])


async def test_a_deleted_account_is_gone_and_no_parcel_is_given_to_it(house):
    account_id = await house.demo_account()
    assert (await house.call("DELETE", f"/v1/accounts/{account_id}")).status == 204
    assert (await house.call("GET", f"/v1/accounts/{account_id}")).status == 404
    assert (await house.call("PATCH", f"/v1/accounts/{account_id}", {"label": "x"})).status == 404
    assert (await house.call("DELETE", f"/v1/accounts/{account_id}")).status == 404
    assert (await house.call("GET", "/v1/accounts")).json["data"] == []
    made = await house.call("POST", "/v1/shipments", {"tracking_number": "DEMO100200302"})
    assert made.json["account"] is None


async def test_parcels_that_waited_for_an_account_are_asked_with_the_one_that_comes(house):
    waiting = await house.shipment("DEMO100200302")
    stopped = await house.shipment("DEMO770044006")
    await house.call("DELETE", f"/v1/shipments/{stopped}")
    assert await asked_with(house, waiting) == (None, False)
    first = await house.demo_account()
    assert await asked_with(house, waiting) == (first, True)
    assert await asked_with(house, stopped) == (None, False)
    second = await house.demo_account()
    assert await asked_with(house, waiting) == (first, True)
    await house.call("DELETE", f"/v1/accounts/{first}")
    assert await asked_with(house, waiting) == (second, True)
    await house.call("DELETE", f"/v1/accounts/{second}")
    assert await asked_with(house, waiting) == (None, False)


@pytest.mark.parametrize("mend", [{"secrets": {"api_key": "fresh"}}, {"mode": "test"}])
async def test_parcels_registered_while_an_account_was_rejected_are_asked_with_it_once_it_is_mended(house, mend):
    account_id = await house.demo_account()
    before = await house.shipment("DEMO100200302")
    await reject(house, account_id)
    meanwhile = await house.shipment("DEMO770044006")
    assert await asked_with(house, meanwhile) == (None, False)
    changed = await house.call("PATCH", f"/v1/accounts/{account_id}", mend)
    assert changed.json["state"] == "active"
    assert await asked_with(house, before) == (account_id, True)
    assert await asked_with(house, meanwhile) == (account_id, True)


async def test_what_mends_nothing_leaves_a_rejected_account_rejected(house):
    account_id = await house.demo_account()
    await reject(house, account_id)
    for wish in ({"label": "Second"}, {"mode": "production"}, {"limits": {"per_day": 10}}):
        assert (await house.call("PATCH", f"/v1/accounts/{account_id}", wish)).json["state"] == "rejected"


async def test_a_parcel_tracked_again_is_asked_with_an_account_that_is_there(house):
    first = await house.demo_account()
    shipment_id = await house.shipment("DEMO100200302")
    waiting = await house.shipment("DEMO770044006")
    for stopped in (shipment_id, waiting):
        await house.call("DELETE", f"/v1/shipments/{stopped}")
    await house.call("DELETE", f"/v1/accounts/{first}")
    again = {"tracking_number": "DEMO100200302", "carrier": "demo"}
    assert (await house.call("POST", "/v1/shipments", again)).json["account"] is None
    assert await asked_with(house, shipment_id) == (None, False)
    second = await house.demo_account()
    assert await asked_with(house, shipment_id) == (second, True)
    made = await house.call("POST", "/v1/shipments", again | {"tracking_number": "DEMO770044006"})
    assert (made.status, made.json["account"]) == (200, second)
    assert await asked_with(house, waiting) == (second, True)


async def asked_with(house, shipment_id):
    c = Tables.shipment.c
    statement = select(c.account_id, c.next_poll_at).where(c.id == shipment_id)
    account_id, due = await house.gateway.store.read(lambda conn: conn.execute(statement).one())
    return account_id, due is not None


async def test_a_key_is_shown_once_works_and_stops_working_when_it_ends(house):
    made = await house.call("POST", "/v1/keys", {"role": "support", "name": "Desk"})
    assert made.status == 201
    key = made.json["key"]
    listed = await house.call("GET", "/v1/keys")
    assert key.encode() not in listed.body
    assert [(one["role"], one["name"]) for one in listed.json["data"]] == [("merchant", ""), ("support", "Desk")]
    assert (await house.call("GET", "/v1/shipments", key=key)).status == 200
    assert (await house.call("DELETE", f"/v1/keys/{made.json['id']}")).status == 204
    assert (await house.call("GET", "/v1/shipments", key=key)).status == 401
    assert (await house.call("DELETE", f"/v1/keys/{made.json['id']}")).status == 404


@pytest.mark.parametrize(
    ("wish", "pointers"),
    [
        ({"role": "operator"}, ["/role"]),
        ({"role": "storefront"}, [""]),
        ({"role": "support", "origins": ["https://shop.example"]}, [""]),
        ({"role": "storefront", "origins": ["https://shop.example/path"]}, ["/origins/0"]),
        ({"role": "storefront", "origins": ["*"]}, ["/origins/0"]),
    ],
)
async def test_a_merchant_makes_no_operators_and_no_unbound_storefront_keys(house, wish, pointers):
    answer = await house.call("POST", "/v1/keys", wish)
    assert (answer.status, answer.pointers) == (422, pointers)


async def test_a_storefront_key_works_from_its_origins_only(house):
    shipment_id = await house.shipment()
    wish = {"role": "storefront", "origins": ["https://shop.example", "http://localhost:3000"]}
    key = (await house.call("POST", "/v1/keys", wish)).json["key"]
    path = f"/v1/shipments/{shipment_id}"
    for origin in wish["origins"]:
        answer = await house.call("GET", path, key=key, headers={"Origin": origin})
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, origin)
        assert answer.headers["Vary"] == "Origin"
    for origin in ("https://other.example", "https://shop.example.evil", "null"):
        answer = await house.call("GET", path, key=key, headers={"Origin": origin})
        assert answer.status == 403
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert (await house.call("GET", path, key=key)).status == 403
    asked = await house.call("OPTIONS", path, key=None, headers={"Origin": "https://shop.example"})
    assert (asked.status, asked.headers["Access-Control-Allow-Headers"]) == (204, "Authorization, Content-Type")


async def test_carriers_say_what_they_can_and_need(house):
    carriers = {one["code"]: one for one in (await house.call("GET", "/v1/carriers")).json["data"]}
    demo = carriers["demo"]
    assert (demo["name"], demo["capabilities"]) == (
        "Demo Carrier",
        ["polls", "pushes", "subscribes", "locates", "proves"],
    )
    assert [(one["name"], one["use"], one["optional"]) for one in demo["credentials"]] == [
        ("api_key", "poll", False),
        ("signing_secret", "push", False),
    ]
    found = (await house.call("GET", "/v1/carriers/detect?tracking_number=1Z999AA10123456784")).json["data"]
    assert (found[0]["carrier"], found[0]["checksum"], found[0]["connector"]) == ("ups", "passed", True)
    wrong = await house.call("GET", "/v1/carriers/detect")
    assert (wrong.status, wrong.pointers) == (422, ["?tracking_number"])


async def test_an_account_may_carry_its_contracts_own_limits_and_go_back_to_the_documented_ones(house):
    wish = {"carrier": "demo", "secrets": SECRETS, "limits": {"per_second": 2.5, "per_day": 40}}
    made = (await house.call("POST", "/v1/accounts", wish)).json
    path = f"/v1/accounts/{made['id']}"
    assert made["limits"] == {"per_second": 2.5, "per_day": 40}
    changed = await house.call("PATCH", path, {"limits": {"per_second": None}})
    assert changed.json["limits"] == {"per_second": None, "per_day": 40}
    assert (await house.call("PATCH", path, {"label": "L"})).json["limits"] == {"per_second": None, "per_day": 40}
    assert (await house.call("PATCH", path, {"limits": None})).json["limits"] == {"per_second": None, "per_day": None}
    for limits, pointer in (
        ({"per_second": 0}, "per_second"),
        ({"per_second": 1e-300}, "per_second"),
        ({"per_day": -1}, "per_day"),
        ({"per_hour": 1}, "per_hour"),
    ):
        refused = await house.call("PATCH", path, {"limits": limits})
        assert (refused.status, refused.pointers) == (422, [f"/limits/{pointer}"])
