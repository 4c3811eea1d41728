"""Rows inserted in one go: a column that a row lacks gets its own default, else NULL."""

import pytest
from sqlalchemy import select

from gateway.db import run_once
from gateway.orders.tables import Orders
from webhooks.store import Many

pytestmark = pytest.mark.both_databases

WHOLE = {"merchant_id": "mer_1", "created_at": 1, "updated_at": 1, "recipient": b"sealed", "source": "shopify"}
ADD = Many.inserting(Orders.order)


def kept(database, *rows):
    def work(conn):
        ADD(conn, rows)
        return conn.execute(select(Orders.order).order_by(Orders.order.c.id)).mappings().all()

    return run_once(database, work)


def test_rows_of_differing_shape_get_the_defaults_of_what_they_lack(database):
    bare = {name: WHOLE[name] for name in ("merchant_id", "created_at", "updated_at")}
    whole, lacking = kept(
        database, WHOLE | {"id": "ord_1", "order_number": "A"}, bare | {"id": "ord_2", "order_number": "B"}
    )
    assert (whole["recipient"], whole["source"]) == (b"sealed", "shopify")
    assert (lacking["recipient"], lacking["promised"], lacking["told_status"]) == (None, None, None)
    assert (lacking["source"], lacking["status"], lacking["version"]) == ("merchant", "ordered", 0)
    assert (lacking["lines"], lacking["state"]) == (b"[]", b"{}")


def test_what_must_be_told_and_is_not_is_refused_by_its_name(database):
    with pytest.raises(ValueError, match="merchant_order lacks order_number"):
        kept(database, WHOLE | {"id": "ord_1"})
