"""Carriers' calls: proved, kept, answered in the carrier's own way; forged and oversized ones leave no trace."""

import gzip
import hmac
import time

import orjson
import pytest
from sqlalchemy import select

from gateway import metrics
from gateway.api.push import kept_headers
from gateway.tables import Tables

ONFLEET_SECRET = "00ff10ee20dd30cc40bb50aa60997088"


async def payloads(house):
    c = Tables.payload.c
    return await house.gateway.store.read(
        lambda conn: conn.execute(select(c.body, c.headers, c.state, c.account_id, c.merchant_id)).all()
    )


def body_of(*codes):
    scans = [{"id": code, "at": "2026-11-03T09:00:00+01:00", "code": code} for code in codes]
    return orjson.dumps({"parcels": [{"number": "DEMO100200302", "scans": scans}]})


def signature(body, *, secret="the word we sign with", at=None):
    stamp = str(int(time.time() if at is None else at))
    return f"t={stamp},v1={hmac.digest(secret.encode(), stamp.encode() + b'.' + body, 'sha256').hex()}"


def counted(carrier, outcome):
    return metrics.pushes(carrier, outcome)._value.get()


async def test_a_push_is_kept_byte_for_byte_and_becomes_an_event(house):
    account_id = await house.demo_account()
    body = body_of("PICKED_UP")
    before = counted("demo", "kept")
    answer = await house.push(account_id, body)
    assert (answer.status, answer.body) == (200, b"")
    assert counted("demo", "kept") == before + 1
    await house.read_all()
    ((kept, headers, state, of_account, of_merchant),) = await payloads(house)
    assert (kept, state, of_account, of_merchant) == (body, "read", account_id, house.merchant_id)
    assert "demo-signature" not in orjson.loads(headers)
    (shipment,) = (await house.call("GET", "/v1/shipments")).json["data"]
    assert (shipment["tracking_number"], shipment["status"]) == ("DEMO100200302", "in_transit")


async def test_a_forged_push_is_refused_counted_and_not_kept(house):
    account_id = await house.demo_account()
    body = body_of("DELIVERED")
    before = counted("demo", "forged")
    forged = [
        ("t=1,v1=00", body),
        (signature(body, secret="another word"), body),
        (signature(body, at=time.time() - 3_600), body),
        (signature(body), body.replace(b"DEMO1", b"DEMO7")),
    ]
    for sign, sent in forged:
        answer = await house.push(account_id, sent, sign)
        assert (answer.status, answer.json["type"]) == (401, "/problems/forged")
    without = await house.call("POST", f"/carriers/demo/push/{account_id}", data=body, key=None)
    assert without.status == 401
    assert counted("demo", "forged") == before + 5
    assert await payloads(house) == []


@pytest.mark.both_databases
async def test_a_refused_push_hears_what_is_missing_and_its_owner_sees_it(house, logs):
    account_id = await house.demo_account()
    body, path = body_of("DELIVERED"), f"/carriers/demo/push/{account_id}"
    hour = 3_600
    for headers, reason in (
        ({}, "the header demo-signature is missing"),
        ({"Demo-Signature": "t=1,v1=00"}, "the signature is not this body's"),
        ({"Demo-Signature": signature(body, secret="another word")}, "the signature is not this body's"),
        ({"Demo-Signature": signature(body, at=time.time() - hour)}, "the time stamp is older than 5 minutes"),
        (
            {"Demo-Signature": signature(body, at=time.time() + hour)},
            "the time stamp lies more than 5 minutes ahead of our clock",
        ),
    ):
        answer = await house.call("POST", path, data=body, headers=headers, key=None)
        assert (answer.status, answer.json["detail"]) == (401, reason)
    seen = (await house.call("GET", f"/v1/accounts/{account_id}")).json
    # Who knows the address alone does not have us write, nor fill the log, with every try.
    assert seen["last_refusal"] == "the header demo-signature is missing"
    assert seen["last_refused_at"] is not None
    assert seen["updated_at"] == seen["created_at"]
    (line,) = [line for line in logs.getvalue().splitlines() if "push_refused" in line]
    assert "the header demo-signature is missing" in line
    assert account_id in line
    secrets = {"signing_secret": "a new one"}
    renewed = (await house.call("PATCH", f"/v1/accounts/{account_id}", {"secrets": secrets})).json
    assert (renewed["last_refused_at"], renewed["last_refusal"]) == (None, "")
    await house.push(account_id, body)
    assert (await house.call("GET", "/v1/accounts")).json["data"][0][
        "last_refusal"
    ] == "the signature is not this body's"


async def test_how_an_account_is_set_up_is_told_to_its_owner_alone(house):
    wish = {"carrier": "ups", "secrets": {"client_id": "one", "client_secret": "two"}}
    ups = (await house.call("POST", "/v1/accounts", wish)).json["id"]
    wrong = await house.call("POST", f"/carriers/ups/push/{ups}", data=b"{}", headers={"x-api-key": "three"}, key=None)
    assert (wrong.status, wrong.json["detail"]) == (401, "the shared secret is not the account's")
    wish = {"carrier": "dhl-unified", "secrets": {"api_key": "one"}}
    dhl = (await house.call("POST", "/v1/accounts", wish)).json["id"]
    bare = await house.call("POST", f"/carriers/dhl-unified/push/{dhl}", data=b"{}", key=None)
    assert (bare.status, bare.json["detail"]) == (401, "the account is not set up to prove pushes; its owner sees why")
    seen = (await house.call("GET", f"/v1/accounts/{dhl}")).json
    assert seen["last_refusal"] == "the account has no push_header, so no push can be proved"


async def test_an_unknown_account_and_one_of_another_carrier_answer_alike(house):
    account_id = await house.demo_account()
    wrong = [
        "/carriers/demo/push/acc_of_nobody",
        f"/carriers/onfleet/push/{account_id}",
        f"/carriers/no-such-carrier/push/{account_id}",
        f"/carriers/chronopost/push/{account_id}",
    ]
    answers = [await house.call("POST", path, data=b"{}", key=None) for path in wrong]
    assert {answer.status for answer in answers} == {404}
    for answer in answers:
        assert answer.json | {"request_id": ""} == answers[0].json | {"request_id": ""}


async def test_an_oversized_push_is_refused_before_it_is_read_whole(house):
    account_id = await house.demo_account()
    body = b" " * 2_000_001
    answer = await house.push(account_id, body)
    assert (answer.status, answer.json["type"]) == (413, "/problems/too-large")

    async def drip():
        for _ in range(300):
            yield b" " * 10_000

    async with house.session.post(f"{house.url}/carriers/demo/push/{account_id}", data=drip()) as dripped:
        assert dripped.status == 413
    assert await payloads(house) == []


async def test_a_small_body_that_unpacks_to_a_huge_one_is_refused(house):
    account_id = await house.demo_account()
    packed = gzip.compress(b" " * 20_000_000)
    answer = await house.call(
        "POST",
        f"/carriers/demo/push/{account_id}",
        data=packed,
        headers={"Content-Encoding": "gzip", "Demo-Signature": signature(packed)},
        key=None,
    )
    assert answer.status == 413
    assert await payloads(house) == []


async def test_a_full_log_tells_the_carrier_to_come_back(house):
    account_id = await house.demo_account()
    house.gateway.inbox.waiting = house.gateway.settings.inbox_most_waiting
    before = counted("demo", "full")
    answer = await house.push(account_id, body_of("PICKED_UP"))
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json["type"] == "/problems/busy"
    assert counted("demo", "full") == before + 1
    ready = await house.call("GET", "/readyz", key=None)
    assert (ready.status, ready.json["reasons"]) == (503, ["the inbox is full: carriers are told to wait"])
    house.gateway.inbox.waiting = 0
    assert (await house.push(account_id, body_of("PICKED_UP"))).status == 200


async def test_a_handshake_is_answered_in_the_carriers_way_and_keeps_nothing(house):
    wish = {"carrier": "onfleet", "secrets": {"webhook_secret": ONFLEET_SECRET}}
    account_id = (await house.call("POST", "/v1/accounts", wish)).json["id"]
    answer = await house.call("GET", f"/carriers/onfleet/push/{account_id}?check=hello", key=None)
    assert (answer.status, answer.body) == (200, b"hello")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    no_check = await house.call("GET", f"/carriers/onfleet/push/{account_id}", key=None)
    assert no_check.status == 401
    assert await payloads(house) == []


async def test_a_changed_secret_counts_at_once_and_a_deleted_account_is_unknown(house):
    account_id = await house.demo_account()
    body = body_of("PICKED_UP")
    assert (await house.push(account_id, body)).status == 200
    changed = await house.call("PATCH", f"/v1/accounts/{account_id}", {"secrets": {"signing_secret": "a new word"}})
    assert changed.status == 200
    assert (await house.push(account_id, body)).status == 401
    assert (await house.push(account_id, body, signature(body, secret="a new word"))).status == 200
    assert (await house.call("DELETE", f"/v1/accounts/{account_id}")).status == 204
    assert (await house.push(account_id, body)).status == 404


async def test_kept_headers_hold_no_proof_and_no_address():
    sent = {
        "content-type": "application/json",
        "authorization": "Basic abc",
        "cookie": "a=b",
        "x-api-key": "k",
        "x-onfleet-signature": "00",
        "x-hub-signature-256": "sha256=00",
        "x-carrier-token": "t",
        "client_secret": "s",
        "x-forwarded-for": "192.0.2.7",
        "x-event-name": "tracking",
        "n" * 65: "long",
    }
    assert kept_headers(sent) == {"content-type": "application/json", "x-event-name": "tracking"}
