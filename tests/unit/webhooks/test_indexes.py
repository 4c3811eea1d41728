"""What merchants, support desks and lanes ask often is found by index: SQLite's own plan says so."""

from __future__ import annotations

import pytest
from plans import plan_of
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from gateway.vault import Vault
from webhooks import attempts, endpoints, log, messages
from webhooks.endpoints import Wishes
from webhooks.loading import load
from webhooks.log import Draft
from webhooks.tables import Tables

M = "mer_1"


def draft(number: int) -> Draft:
    return Draft(
        id=f"msg_{number}",
        type="shipment.in_transit",
        shipment_id="shp_1",
        shipment_version=number,
        created_at=number,
        data=b"{}",
    )


@pytest.fixture
def conn():
    engine = create_engine("sqlite://")
    SQLModel.metadata.create_all(engine)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def endpoint_id(conn) -> str:
    facts, _ = endpoints.create(conn, Vault("a key for tests only"), M, Wishes(url="https://shop.example/hook"), 1)
    log.append(conn, M, [draft(number) for number in range(1, 5)])
    return facts.id


def plan(conn, work) -> set[str]:
    return set(plan_of(conn, work).steps)


ATTEMPTS_BY_TIME = "SEARCH attempt USING INDEX attempt_at (merchant_id=? AND endpoint_id=?)"
MESSAGE_BY_KEY = "SEARCH message USING INDEX sqlite_autoindex_message_1 (merchant_id=? AND sequence=?)"
EXCHANGE_BY_KEY = (
    "SEARCH exchange USING INDEX sqlite_autoindex_exchange_1 "
    "(merchant_id=? AND day=? AND endpoint_id=? AND at=? AND sequence=? AND number=?)"
)


def test_the_first_page_of_attempts_is_read_from_the_newest_end_of_an_index(conn, endpoint_id):
    assert plan(conn, lambda: attempts.page(conn, M, endpoint_id)) == {
        ATTEMPTS_BY_TIME,
        f"{MESSAGE_BY_KEY} LEFT-JOIN",
        f"{EXCHANGE_BY_KEY} LEFT-JOIN",
    }


def test_a_later_page_of_attempts_begins_where_the_last_one_ended(conn, endpoint_id):
    assert plan(conn, lambda: attempts.page(conn, M, endpoint_id, before=(3, 4, 1))) == {
        ATTEMPTS_BY_TIME.replace("=?)", "=? AND at<?)"),
        f"{MESSAGE_BY_KEY} LEFT-JOIN",
        f"{EXCHANGE_BY_KEY} LEFT-JOIN",
    }


def test_pages_of_attempts_lose_none_even_between_two_of_one_instant(conn, endpoint_id):
    row = {"merchant_id": M, "endpoint_id": endpoint_id, "sequence": 2, "at": 9, "outcome": "reset", "ms": 1}
    rows = [row | {"number": number, "response": ""} for number in (0, 1)]
    conn.execute(Tables.attempt.insert(), [*rows, row | {"sequence": 1, "number": 1, "at": 8, "response": ""}])
    seen, before = [], None
    while found := attempts.page(conn, M, endpoint_id, before=before, limit=1):
        seen += [(one.sequence, one.number) for one in found]
        before = (found[-1].at, found[-1].sequence, found[-1].number)
    assert seen == [(2, 1), (2, 0), (1, 1)]


def test_a_shipments_messages_are_found_without_walking_its_merchants_log(conn):
    steps = plan(conn, lambda: messages.find(conn, M, shipment_id="shp_1"))
    assert any(
        step.startswith("SEARCH message USING INDEX message_shipment (merchant_id=? AND shipment_id=?")
        for step in steps
    )


def test_what_became_of_a_message_is_found_by_the_whole_key(conn, endpoint_id):
    place = "(merchant_id=? AND endpoint_id=? AND sequence=?)"
    assert endpoint_id
    assert plan(conn, lambda: messages.get(conn, M, "msg_2")) == {
        "SEARCH message USING INDEX sqlite_autoindex_message_2 (merchant_id=? AND id=?)",
        "SEARCH endpoint USING INDEX sqlite_autoindex_endpoint_1 (merchant_id=?)",
        "SEARCH lane USING INDEX sqlite_autoindex_lane_1 (merchant_id=? AND endpoint_id=?)",
        f"SEARCH retry USING INDEX sqlite_autoindex_retry_1 {place}",
        f"SEARCH dead USING INDEX sqlite_autoindex_dead_1 {place}",
        f"SEARCH attempt USING INDEX sqlite_autoindex_attempt_1 {place}",
    }


def test_the_body_of_a_message_tried_again_is_read_without_the_rest_of_the_log(conn, endpoint_id):
    assert endpoint_id
    assert plan(conn, lambda: log.read_entries(conn, [(M, 2), (M, 4)])) == {MESSAGE_BY_KEY}


def test_loading_a_lane_reads_its_redo_log_above_the_cursor_only(conn, endpoint_id):
    steps = plan(conn, lambda: load(conn, {(M, endpoint_id)}))
    by_key = "USING INDEX sqlite_autoindex_attempt_1 (merchant_id=? AND endpoint_id=? AND sequence>?)"
    assert f"SEARCH attempt {by_key}" in steps
    assert not [step for step in steps if step.startswith(("SCAN attempt", "SCAN message"))]
