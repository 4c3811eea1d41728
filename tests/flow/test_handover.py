"""A carrier names the next carrier's number: it is tracked too, linked, for the same recipient, and never in a ring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from flow.loopback import ACCOUNT, MERCHANT, NUMBER, OTHERS, Carrier, House, open_house
from sqlalchemy import select

from gateway import handover, shipments
from gateway.clock import now_ms
from gateway.replay import replay
from gateway.tables import Tables

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy import Connection, RowMapping

FIRST, FIRST_CARRIER, FIRST_ACCOUNT = "7700112233", "dhl-unified", "acc_dhl"
NEXT = NUMBER
KNOWN = {
    "order_number": "A-17",
    "direction": "return",
    "destination": {"city": "Porto", "country": "PT"},
    "recipient": b"sealed",
    "promised": {"from": "2026-03-05T08:00:00Z", "to": "2026-03-05T18:00:00Z"},
}


@pytest.fixture
async def carrier() -> Carrier:
    made = Carrier()
    at = "2026-11-20T10:00:00+01:00"
    made.elsewhere = {FIRST: [{"timestamp": at, "statusCode": "transit", "description": "Taken over"}]}
    made.told_elsewhere = {FIRST: onward(NEXT)}
    return made


@pytest.fixture
async def house(database: str, carrier: Carrier) -> AsyncIterator[House]:
    async with open_house(database, carrier) as made:
        await made.add_account()
        await made.add_account(FIRST_ACCOUNT, FIRST_CARRIER, per_second=1000)
        yield made


def onward(number: str) -> dict[str, Any]:
    """What the first carrier says beside a parcel it hands on."""
    return {"details": {"references": [{"type": "local-tracking-number", "number": number}]}}


async def add_first(house: House, **known: Any) -> None:
    known = {"ship_date": "2026-11-01"} | known
    await house.add(FIRST, carrier=FIRST_CARRIER, account_id=FIRST_ACCOUNT, **known)


async def numbers(house: House) -> list[str]:
    s = Tables.shipment.c
    return await house.store.read(
        lambda conn: list(conn.execute(select(s.tracking_number).order_by(s.created_at, s.id)).scalars())
    )


async def test_the_next_carriers_number_is_tracked_for_the_same_recipient_and_both_are_linked(
    house: House, carrier: Carrier
) -> None:
    await add_first(house, **KNOWN)
    await house.poll()
    before, after = await house.document(FIRST), await house.document(NEXT)
    assert before["continues_as"] == {"carrier": None, "tracking_number": NEXT, "shipment_id": after["id"]}
    assert (before["continued_from"], after["continued_from"]) == (None, before["id"])
    assert (after["carrier"], after["account"]) == ("demo", ACCOUNT)
    row = await house.row(NEXT)
    assert (row["carrier_set_by"], row["recipient"]) == ("detected", b"sealed")
    assert {name: after[name] for name in KNOWN if name != "recipient"} == {
        name: value for name, value in KNOWN.items() if name != "recipient"
    }
    (told,) = await house.bodies("shipment.returning")
    assert told["shipment"]["continues_as"]["shipment_id"] == after["id"]
    await house.poll()
    assert carrier.asked == [NEXT]


async def test_each_is_folded_alone(house: House, carrier: Carrier) -> None:
    carrier.scans = [{"id": "s1", "at": "2026-11-21T10:00:00+01:00", "code": "DELIVERED", "text": "Handed over"}]
    await add_first(house)
    await house.poll()
    await house.poll()
    assert [(await house.row(number))["status"] for number in (FIRST, NEXT)] == ["in_transit", "delivered"]


async def test_the_same_words_again_and_a_replay_make_no_second_shipment(house: House) -> None:
    await add_first(house)
    await house.poll()
    first = await house.document(FIRST)
    assert [payloads async for payloads, _, _ in replay(house.store)] == [1]
    assert await numbers(house) == [FIRST, NEXT]
    assert await house.document(FIRST) == first


async def test_a_number_the_merchant_tracks_already_is_linked_and_keeps_what_the_merchant_said(house: House) -> None:
    await house.add(NEXT, order_number="B-1")
    await add_first(house, **KNOWN)
    await house.poll()
    after = await house.document(NEXT)
    assert await numbers(house) == [NEXT, FIRST]
    assert (after["order_number"], after["direction"]) == ("B-1", "outbound")
    assert after["continued_from"] == (await house.document(FIRST))["id"]


async def test_a_number_nobody_can_place_stays_information(house: House, carrier: Carrier) -> None:
    carrier.told_elsewhere = {FIRST: onward("990011")}
    await add_first(house)
    await house.poll()
    assert await numbers(house) == [FIRST]
    shipment = await house.document(FIRST)
    assert shipment["continues_as"] == {"carrier": None, "tracking_number": "990011", "shipment_id": None}


async def test_a_corrected_number_moves_the_link(house: House, carrier: Carrier) -> None:
    await add_first(house)
    await house.poll()
    carrier.told_elsewhere = {FIRST: onward(OTHERS[0])}
    await house.make_due()
    await house.poll()
    first, wrong, right = [await house.document(number) for number in (FIRST, NEXT, OTHERS[0])]
    assert first["continues_as"]["shipment_id"] == right["id"]
    assert (wrong["continued_from"], right["continued_from"]) == (None, first["id"])


def rows(conn: Connection) -> dict[str, RowMapping]:
    return {row["tracking_number"]: row for row in conn.execute(select(Tables.shipment)).mappings()}


async def test_shipments_are_never_linked_in_a_ring(house: House) -> None:
    await house.add("A1", "B2", "C3")

    def ring(conn: Connection) -> list[tuple[str, str | None]]:
        for before, after in (("A1", "B2"), ("B2", "C3"), ("C3", "A1"), ("B2", "A1"), ("C3", "C3")):
            handover.link(conn, rows(conn)[before], "demo", after, now_ms())
        names = {row["id"]: number for number, row in rows(conn).items()}
        return [(number, names.get(row["continues_id"])) for number, row in sorted(rows(conn).items())]

    assert await house.store.write(ring) == [("A1", "B2"), ("B2", "C3"), ("C3", None)]


async def test_a_carrier_that_is_named_is_taken_and_one_without_a_connector_is_not(house: House) -> None:
    await house.add("A1")

    def link(conn: Connection) -> tuple[str | None, str, str | None]:
        none = handover.link(conn, rows(conn)["A1"], "no-such-carrier", "X9", now_ms())["continues_id"]
        handover.link(conn, rows(conn)["A1"], "canada-post", "X9", now_ms())
        made = rows(conn)["X9"]
        return none, made["carrier"], made["carrier_set_by"], made["next_poll_at"]

    assert await house.store.write(link) == (None, "canada-post", "handover", None)


async def test_a_shipment_the_merchant_stopped_is_linked_and_not_started_again(house: House) -> None:
    await house.add(NEXT)
    row = await house.row(NEXT)
    await house.store.write(lambda conn: shipments.stop(conn, MERCHANT, row["id"], now_ms()))
    await add_first(house)
    await house.poll()
    after = await house.row(NEXT)
    assert (after["tracking"], after["next_poll_at"]) == (False, None)
    assert after["continued_from_id"] == (await house.row(FIRST))["id"]


async def test_a_parcel_given_to_another_carrier_is_not_handed_on_by_the_wrong_one_any_more(
    house: House, carrier: Carrier
) -> None:
    await add_first(house)
    await house.poll()
    row = await house.row(FIRST)
    await house.store.write(lambda conn: shipments.start_afresh(conn, row, "dhl-express", now_ms()))
    assert (await house.document(NEXT))["continued_from"] is None
