"""Attempts are written as plain rows: each value must stand where its column is."""

from __future__ import annotations

from sqlalchemy import create_engine, select
from sqlmodel import SQLModel

from webhooks.outcome import Outcome
from webhooks.recording import AttemptRow, Batch, attempt_of, record, unsent
from webhooks.tables import Tables

KEY = ("mer_1", "ep_1")


def test_a_row_has_the_columns_of_the_table_in_their_order():
    assert AttemptRow._fields == tuple(column.name for column in Tables.attempt.columns)


def test_attempts_are_kept_with_every_value_in_its_column_and_once_only():
    engine = create_engine("sqlite://")
    SQLModel.metadata.create_all(engine)
    outcome = Outcome("status", status=503, ms=7, ip="192.0.2.1", response="busy", retry_after=1_000)
    rows = [
        attempt_of(KEY, 3, 1_000, 2, outcome),
        unsent(KEY, 2, 1_001, 1, outcome="superseded", why="overtaken by message 3"),
    ]
    with engine.begin() as conn:
        assert record(conn, Batch(1_002, attempts=rows)) == {}
        assert record(conn, Batch(1_003, attempts=rows)) == {}
        kept = conn.execute(select(Tables.attempt).order_by(Tables.attempt.c.at)).mappings().all()
    engine.dispose()
    assert [dict(row) for row in kept] == [
        {
            "merchant_id": "mer_1",
            "endpoint_id": "ep_1",
            "sequence": 3,
            "at": 1_000,
            "number": 2,
            "status": 503,
            "outcome": "status",
            "ms": 7,
            "ip": "192.0.2.1",
            "response": "busy",
            "message_id": None,
        },
        {
            "merchant_id": "mer_1",
            "endpoint_id": "ep_1",
            "sequence": 2,
            "at": 1_001,
            "number": 1,
            "status": None,
            "outcome": "superseded",
            "ms": 0,
            "ip": None,
            "response": "overtaken by message 3",
            "message_id": None,
        },
    ]
