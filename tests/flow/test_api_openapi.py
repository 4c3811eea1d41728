"""Every call, fuzzed from its own OpenAPI document against the running gateway."""

import asyncio
import os

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = int(os.environ.get("API_FUZZ_EXAMPLES", "12"))


async def test_no_request_of_the_document_s_making_breaks_its_promises(house):
    account_id = await house.demo_account()
    shipment_id = await house.shipment(recipient={"name": "Ines Example"}, destination={"country": "PT"})
    await house.tell(account_id, "DEMO100200302", "PICKED_UP", "OUT", "DELIVERED")
    endpoint_id = (await house.call("POST", "/v1/endpoints", {"url": f"{house.url}/hook"})).json["id"]
    message_id = (await house.call("GET", "/v1/messages")).json["data"][0]["id"]
    order_id = (await house.call("POST", "/v1/orders", {"order_number": "A-1", "lines": [{"sku": "a"}]})).json["id"]
    known = {
        "shipment_id": shipment_id,
        "order_id": order_id,
        "endpoint_id": endpoint_id,
        "message_id": message_id,
        "account_id": account_id,
    }
    document = (await house.call("GET", "/openapi.json")).json
    tried = await asyncio.to_thread(fuzz, document, house.url, house.key, known)
    assert tried >= 30


def fuzz(document, url, key, known):
    """Try each operation with generated input, and half of the time with ids that exist. Return how many there were."""
    schema = schemathesis.openapi.from_dict(document)
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path.endswith("/stream") or operation.method.upper() == "DELETE":
            continue  # a stream has no end; deletions would leave the others nothing to find
        tried += 1

        @hypothesis.given(case=operation.as_strategy(), real=hypothesis.strategies.booleans())
        @hypothesis.settings(
            max_examples=EXAMPLES,
            database=None,
            derandomize=True,
            suppress_health_check=list(hypothesis.HealthCheck),
            phases=[hypothesis.Phase.generate],
        )
        def one(case, real):
            if real:
                case.path_parameters |= {name: value for name, value in known.items() if name in case.path_parameters}
            if case.query and "wait" in case.query:
                case.query["wait"] = 0  # a poll that waits for news would wait in every example
            case.call_and_validate(base_url=url, headers={"Authorization": f"Bearer {key}"}, checks=CHECKS)

        one()
    return tried


async def test_who_opens_the_bare_address_is_led_to_what_there_is(house):
    async with house.session.get(house.url + "/") as page:
        assert (page.status, page.url.path) == (200, "/docs")
        assert 'href="/console"' in await page.text()


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/problems/validation"])
async def test_the_documents_are_open_and_their_pages_run_nothing(house, path):
    answer = await house.call("GET", path, key=None)
    assert answer.status == 200
    if path != "/openapi.json":
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert (await house.call("GET", "/problems/nonsense", key=None)).status == 404
