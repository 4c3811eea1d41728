"""Search and lists among many shipments and orders: p95 at the desk, and its growth from ten thousand to a million."""

from __future__ import annotations

import random
import tempfile
import time
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select

from gateway import listing, schema, shipments
from gateway.clock import now_ms
from gateway.db import GroupStore, connected, is_postgres, open_store
from gateway.desk import work
from gateway.orders.tables import Orders
from gateway.search.finding import Search
from gateway.search.tables import SearchTables
from gateway.tables import Tables
from gateway.vault import Vault
from normalizer.trouble import Trouble
from webhooks.store import Many

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MERCHANT = "mer_bench"
SECRET = "a secret key for benchmarks alone, 32+"
ASKED = 200
FILLED = "filled, seconds"
MILLION = 1_000_000
_FIRST = (
    "Ana",
    "Bela",
    "Caio",
    "Dora",
    "Edu",
    "Fé",
    "Gil",
    "Hugo",
    "Ines",
    "Joana",
    "Kai",
    "Lia",
    "Maria",
    "Nuno",
    "Olga",
)
_LAST = (
    "Prado",
    "Silva",
    "Costa",
    "Müller",
    "Nowak",
    "García",
    "Dubois",
    "Rossi",
    "Jansen",
    "Kowalski",
    "Santos",
    "Weber",
)
_STATUSES = ("in_transit", "delivered", "out_for_delivery", "info_received", "exception")
_CHUNK = 20_000


def person(number: int, dice: random.Random) -> dict[str, Any]:
    """Somebody who gets a parcel."""
    first, last = dice.choice(_FIRST), dice.choice(_LAST)
    return {
        "name": f"{first} {last}{number % 9_000}",
        "email": f"{first.lower()}{number}@mail.example",
        "phone": f"+3519{number:08d}",
        "postal_code": f"{number % 9_000 + 1_000}-{number % 900 + 100}",
        "country": "PT",
    }


async def filled(url: str, count: int) -> tuple[GroupStore, Search]:
    """Return a database with so many shipments and a quarter as many orders, all of them in the index."""
    schema.migrate(url)
    store = open_store(url)
    store.start()
    vault, dice, now = Vault(SECRET), random.Random(7), now_ms()
    add, trouble, due = (
        Many.inserting(Tables.shipment),
        Many.inserting(Tables.trouble),
        Many.inserting(SearchTables.due),
    )
    pattern = dict(shipments._row(MERCHANT, shipments.NewShipment(carrier="demo", tracking_number="X"), now))  # noqa: SLF001 - a row as it is made
    orders = Many.inserting(Orders.order)
    kinds = [kind.value for kind in Trouble]
    for begin in range(0, count, _CHUNK):
        rows = []
        for number in range(begin, min(begin + _CHUNK, count)):
            sealed = shipments.sealed_recipient(vault, MERCHANT, person(number, dice))
            name = f"DEMO{number:09d}"
            rows.append(
                pattern
                | {
                    "id": f"shp_{number:026d}",
                    "tracking_number": name,
                    "number_key": name,
                    "order_number": f"A-{number}",
                    "recipient": sealed,
                    "status": dice.choice(_STATUSES),
                    "updated_at": now - dice.randrange(10**9),
                    "subscribe_failures": 0,
                }
            )
        in_trouble = [
            {"merchant_id": MERCHANT, "shipment_id": row["id"], "kind": dice.choice(kinds), "since": row["updated_at"]}
            for row in rows[::20]
        ]

        ordered = [
            {
                "merchant_id": MERCHANT,
                "id": f"ord_{row['id'][4:]}",
                "order_number": f"B-{row['id'][-9:]}",
                "recipient": row["recipient"],
                "created_at": now,
                "updated_at": now,
            }
            for row in rows[::4]
        ]

        def keep(conn: Any, rows: Any = rows, in_trouble: Any = in_trouble, ordered: Any = ordered) -> None:
            add(conn, rows)
            trouble(conn, in_trouble)
            orders(conn, ordered)
            due(conn, [{"merchant_id": MERCHANT, "subject_id": row["id"]} for row in (*rows, *ordered)])

        await store.write(keep)
    search = Search(store, SECRET, lambda row: shipments.recipient(vault, row), lambda *_: None)
    await search.tick()
    if is_postgres(url):  # as it does by itself after so many rows
        connected(
            url, lambda conn: conn.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("vacuum analyze")
        )
    return store, search


async def percentile(ask: Callable[[int], Awaitable[Any]], share: float = 0.95) -> float:
    """Return a percentile of what asking takes, in milliseconds."""
    for number in range(20):
        await ask(number)
    took = []
    for number in range(ASKED):
        began = time.perf_counter()
        await ask(number)
        took.append((time.perf_counter() - began) * 1000)
    return sorted(took)[int(len(took) * share) - 1]


async def measured(count: int, url: str = "") -> dict[str, float]:
    """Return p95 of everything an agent asks, among so many shipments; `url` names an empty database."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        store, search = await filled(url or f"sqlite:///{folder}/many.db", count)
        took = time.perf_counter() - began
        dice = random.Random(11)
        questions = {
            "search by name as typed": lambda _: search.find(
                MERCHANT, dice.choice(_FIRST)[:3] + " " + dice.choice(_LAST)[:4], 20
            ),
            "search by name and a letter": lambda _: search.find(
                MERCHANT, dice.choice(_FIRST) + " " + dice.choice(_LAST)[:1], 20
            ),
            "search by a number's beginning": lambda _: search.find(
                MERCHANT, f"DEMO{dice.randrange(count):09d}"[: dice.randrange(8, 13)], 20
            ),
            "search by an e-mail's beginning": lambda _: search.find(
                MERCHANT, f"{dice.choice(_FIRST).lower()}{dice.randrange(count)}@mail.e", 20
            ),
            "search by order": lambda _: search.find(MERCHANT, f"#B-{dice.randrange(count) // 4 * 4:09d}", 20),
            "search by 50 numbers": lambda _: search.find(
                MERCHANT, ", ".join(f"DEMO{dice.randrange(2 * count):09d}" for _ in range(50)), 20
            ),
            "search by phone": lambda _: search.find(MERCHANT, f"+3519{dice.randrange(count):08d}", 20),
            "search by number's end": lambda _: search.find(MERCHANT, f"{dice.randrange(count):06d}"[-6:], 20),
            "list by status": lambda _: _list(store, dice.choice(_STATUSES)),
            "queue of trouble": lambda _: _queue(store),
            "counts of queues": lambda _: store.read(lambda conn: work.counts(conn, MERCHANT, "per_1", 1)),
            "bare: a row by its key": lambda _: _row(store, dice.randrange(count)),
        }
        found = {name: await percentile(ask) for name, ask in questions.items()}
        await store.close()
        return found | {FILLED: took}


def _list(store: GroupStore, status: str) -> Awaitable[Any]:
    wanted = listing.Filter(statuses=[status])
    return store.read(lambda conn: listing.page(conn, MERCHANT, wanted, after=None, limit=50))


def _queue(store: GroupStore) -> Awaitable[Any]:
    of = work.Work(queue="stalled", person_id="per_1")
    return store.read(lambda conn: work.page(conn, MERCHANT, of, after=None, limit=40, now=1))


def _row(store: GroupStore, number: int) -> Awaitable[Any]:
    c = Tables.shipment.c
    wanted = select(Tables.shipment).where(c.merchant_id == MERCHANT, c.id == f"shp_{number:026d}")
    return store.read(lambda conn: orjson.dumps(dict(conn.execute(wanted).mappings().one()), default=str))


async def growth(most: int, figure: Callable[..., dict[str, Any]]) -> list[dict[str, Any]]:
    """Return p95 among `most` shipments beside that among ten thousand: what an agent feels, and how it grows."""
    few, many = await measured(10_000), await measured(most)
    return [
        figure(f"{name}, p95 of {most:,}", many[name], few[name], "ms", many[name] / few[name], "< 100 ms")
        for name in few
        if name != FILLED
    ]
