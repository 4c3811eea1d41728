"""A carrier that signs the path of its call: the path is the one it was given, with the prefix of a proxy."""

import hmac
import time

import pytest

SECRETS = {"api_key": "pk_flow", "api_secret": "sk_flow_secret", "market": "PH"}
DATA = b'{"order":{"orderId":"3379143481500000071","driverId":"80071","status":"PICKED_UP"}}'


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"public_url": "https://hub.example/inside/"})


def body_for(path):
    stamp = str(time.time_ns() // 1_000_000)
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
