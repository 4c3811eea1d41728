"""Carriers whose proof is not in headers: the path that was given is signed, or a secret stands in the body."""

import hmac

import pytest
from sqlalchemy import select

from gateway.clock import now_ms
from gateway.tables import Tables

SECRETS = {"api_key": "pk_flow", "api_secret": "sk_flow_secret", "market": "PH"}
DATA = b'{"order":{"orderId":"3379143481500000071","driverId":"80071","status":"PICKED_UP"}}'


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"public_url": "https://hub.example/inside/"})


def body_for(path):
    stamp = str(now_ms())
    text = f"{stamp}\r\nPOST\r\n{path}\r\n\r\n".encode() + DATA
    proof = hmac.digest(SECRETS["api_secret"].encode(), text, "sha256").hex()
    head = f'{{"apiKey":"pk_flow","timestamp":{stamp},"signature":"{proof}","eventType":"ORDER_STATUS_CHANGED","data":'
    return head.encode() + DATA + b"}"


async def test_the_signed_path_is_that_of_the_public_address(house):
    made = await house.call("POST", "/v1/accounts", {"carrier": "lalamove", "secrets": SECRETS})
    assert made.status == 201, made.body
    path = f"/carriers/lalamove/push/{made.json['id']}"
    tried = await house.call("POST", path, data=b"", key=None)
    assert (tried.status, tried.body) == (200, b"")
    for wrong in (path, "/inside/carriers/lalamove/push/acc_of_nobody"):
        assert (await house.call("POST", path, data=body_for(wrong), key=None)).status == 401
    assert (await house.call("POST", path, data=body_for(f"/inside{path}"), key=None)).status == 200
    await house.read_all()
    (shipment,) = (await house.call("GET", "/v1/shipments")).json["data"]
    assert (shipment["tracking_number"], shipment["status"]) == ("3379143481500000071", "out_for_delivery")


async def test_a_secret_inside_a_push_is_not_kept(house):
    secrets = {"shared_secret": "a word of many letters", "api_key": "key-71"}
    made = await house.call("POST", "/v1/accounts", {"carrier": "tookan", "secrets": secrets})
    body = b'{"job_id":71,"job_type":1,"job_status":9,"tookan_shared_secret":"a word of many letters"}'
    path = f"/carriers/tookan/push/{made.json['id']}"
    assert (await house.call("POST", path, data=body.replace(b"many", b"few"), key=None)).status == 401
    assert (await house.call("POST", path, data=body, key=None)).status == 200
    await house.read_all()
    kept = await house.gateway.store.read(lambda conn: conn.execute(select(Tables.payload.c.body)).scalars().all())
    assert kept == [body.replace(b"a word of many letters", b"")]
    (shipment,) = (await house.call("GET", "/v1/shipments")).json["data"]
    assert (shipment["tracking_number"], shipment["status"]) == ("71", "cancelled")
