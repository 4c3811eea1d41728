"""Orders in the database: whatever arrives first, the order ends in one state, and its log says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from gateway import keys, schema, shipments
from gateway.apply import apply
from gateway.db import sqlite_engine
from gateway.ids import new_id
from gateway.merchant_events import merchant_event
from gateway.orders import documents, refolding, store
from gateway.orders.acts import NewAct
from gateway.refold import News
from gateway.shipments import NewShipment
from normalizer.model import Status
from webhooks.tables import Tables as Webhooks

START = datetime(2026, 11, 1, 8, tzinfo=UTC)
NOW = int((START + timedelta(days=30)).timestamp() * 1000)


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('orders')}/g.db"
    schema.migrate(url)
    made = sqlite_engine(url)
    yield made
    made.dispose()


PARCEL_EVENTS = st.lists(
    st.tuples(
        st.integers(0, 400),
        st.sampled_from(
            [
                (Status.INFO_RECEIVED, "label_created"),
                (Status.IN_TRANSIT, "picked_up"),
                (Status.OUT_FOR_DELIVERY, "loaded"),
                (Status.ATTEMPT_FAILED, "other"),
                (Status.DELIVERED, "to_recipient"),
                (Status.RETURNING, "to_sender"),
                (Status.EXCEPTION, "damaged"),
                (Status.CANCELLED, "by_merchant"),
            ]
        ),
    ),
    max_size=4,
)
ACTS = st.lists(
    st.tuples(
        st.integers(0, 400),
        st.sampled_from(
            [
                (Status.ORDERED, "packed", ""),
                (Status.CANCELLED, "by_merchant", ""),
                (Status.RETURNING, "requested", "R1"),
                (Status.RETURNED, "received", "R1"),
                (Status.REFUNDED, "refunded", "R1"),
                (Status.REFUNDED, "exchanged", "R2"),
            ]
        ),
        st.booleans(),
    ),
    max_size=3,
)
PARCELS = st.lists(st.tuples(PARCEL_EVENTS, st.booleans(), st.booleans()), min_size=1, max_size=3)


def live(engine, life, chance):
    """Let an order's life arrive in a chance order, some of it twice; return its state and its messages."""
    merchant_id, (parcels, acts, _) = new_id("mer"), life
    steps = [("order", None, None)]
    steps += [("parcel", number, None) for number in range(len(parcels))]
    steps += [("event", number, event) for number, (events, _, _) in enumerate(parcels) for event in events]
    steps += [("act", None, act) for act in acts]
    chance.shuffle(steps)
    steps += chance.sample(steps, min(3, len(steps)))
    with engine.begin() as conn:
        keys.create_merchant(conn, merchant_id, "A shop", NOW)
        made, waiting, ready = {}, [], False
        for kind, number, what in [*steps, *[("again", None, None)]]:
            waiting.append((kind, number, what))
            left = []
            for one in waiting:
                left += [] if _step(conn, merchant_id, life, made, one, ready=ready) else [one]
                ready = ready or one[0] == "order"
            waiting = left
        for one in waiting:
            assert _step(conn, merchant_id, life, made, one, ready=True) or one[0] == "again"
        row = store.by_numbers(conn, merchant_id, ["A-1"])["A-1"]
        bodies = [
            (kind, orjson.loads(body)["data"])
            for kind, body in conn.execute(
                select(Webhooks.message.c.type, Webhooks.message.c.body)
                .where(Webhooks.message.c.merchant_id == merchant_id, Webhooks.message.c.type.startswith("order."))
                .order_by(Webhooks.message.c.sequence)
            )
        ]
        return documents.order(row), bodies


def _step(conn, merchant_id, life, made, step, *, ready):
    parcels, _, lines = life
    kind, number, what = step
    if kind == "order":
        new = store.NewOrder(order_number="A-1", placed_at=int(START.timestamp() * 1000), lines=lines)
        store.create(conn, merchant_id, [new], NOW)
    elif kind == "parcel":
        _, is_return, told = parcels[number]
        new = NewShipment(
            carrier="demo",
            tracking_number=f"N{number}",
            order_number="A-1",
            direction="return" if is_return else "outbound",
        )
        ((made[number], _),) = shipments.create(conn, merchant_id, [new], NOW)
        if told:
            store.pack(conn, merchant_id, made[number], return_id="", items=(("shirt", 1),))
    elif kind == "event":
        if number not in made:
            return False
        hours, (status, substatus) = what
        event = merchant_event(
            carrier="demo",
            tracking_number=f"N{number}",
            status=status,
            substatus=substatus,
            at=START + timedelta(hours=hours),
            now=START + timedelta(days=30),
        )
        apply(conn, {(merchant_id, made[number]): News(events={event.id: event})}, lambda _carrier: False, NOW)
    elif kind == "act":
        if not ready:
            return False
        hours, (status, substatus, return_id), some = what
        at = int((START + timedelta(hours=hours)).timestamp() * 1000)
        act = NewAct(
            status=status, substatus=substatus, at=at, return_id=return_id, items=(("shirt", 1),) if some else ()
        )
        row = store.by_numbers(conn, merchant_id, ["A-1"])["A-1"]
        store.add_acts(conn, row, [act], NOW)
    refolding.follow(conn, {(merchant_id, "A-1")}, NOW)
    return True


def told_of(document):
    """Return a state without the ids that are new in each life."""
    parcels = sorted(document["shipments"], key=lambda one: one["tracking_number"])
    names = {one["id"]: one["tracking_number"] for one in parcels}
    return {
        **{name: document[name] for name in ("status", "substatus", "status_since", "milestones", "lines")},
        "returns": sorted(
            (names.get(one["id"], one["id"]) or "", one["status"], one["substatus"], one["since"])
            for one in document["returns"]
        ),
        "shipments": [(one["tracking_number"], one["status"], one["items"]) for one in parcels],
    }


@given(
    st.tuples(PARCELS, ACTS, st.sampled_from([[], [{"id": "shirt", "quantity": 2}]])),
    st.integers(0, 2**32),
    st.integers(0, 2**32),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_arrives_first_the_order_ends_in_one_state_and_its_log_says_so(engine, life, one, other):
    first, messages = live(engine, life, Random(one))
    second, others = live(engine, life, Random(other))
    assert told_of(first) == told_of(second)
    for document, told in ((first, messages), (second, others)):
        kind, data = told[-1]
        assert data["order"]["status"] == document["status"]
        assert any(kind == f"order.{document['status']}" for kind, _ in told)
        assert told[0][1]["previous"] == {"status": None}
        for kind, data in told:
            assert (data["event"] is None) != (data["shipment"] is None), kind
