"""Pushes of a shop come late, twice and out of order: the order that comes of them is the same."""

from __future__ import annotations

import asyncio
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from connectors.samples import load
from connectors.shops import HERE
from gateway import keys, schema
from gateway.db import SqliteStore
from gateway.ids import new_id
from gateway.orders import documents, store
from gateway.pages.links import Links
from gateway.shops import accounts, inbox
from gateway.shops.reader import ShopReader
from gateway.vault import Vault

if TYPE_CHECKING:
    from pathlib import Path

SECRET_KEY = "a secret key for tests, long enough"
NOW = 1_790_000_000_000
PUSHES = ("order-created", "fulfilled", "refunded", "order-updated", "fulfilment-cancelled")


def known(document):
    return {
        **{
            name: document[name]
            for name in ("order_number", "status", "substatus", "lines", "milestones", "destination")
        },
        "returns": [{name: one[name] for name in ("id", "status", "reason", "items")} for one in document["returns"]],
        "shipments": [
            {name: one[name] for name in ("carrier", "tracking_number", "status", "items")}
            for one in document["shipments"]
        ],
    }


async def lived(database: SqliteStore, vault: Vault, pushes) -> dict:
    """Let pushes come one after the other, each read before the next comes; return the order."""
    merchant_id = new_id("mer")
    row = accounts.prepare(vault, merchant_id, "shopify", {"signing_secret": "x"}, label="", order_prefix="", now=NOW)
    reader = ShopReader(
        database, vault, Links(SECRET_KEY, "", 90, database), tell=lambda _told: None, wake=lambda: None
    )

    def begin(conn):
        keys.create_merchant(conn, merchant_id, "A shop", NOW)
        return accounts.create(conn, row)

    account = await database.write(begin)
    for at, name in enumerate(pushes):
        one = load(HERE / "shopify" / "samples" / f"{name}.http")
        topic = {"x-shopify-topic": one.exchanges[0][0].headers["x-shopify-topic"]}
        kept = inbox.sealed(vault, account, topic, one.body, NOW + at)
        await database.write(lambda conn, kept=kept: inbox.keep(conn, kept))
        await reader.tick()
    order = await database.read(lambda conn: store.by_numbers(conn, merchant_id, ["#1001"])["#1001"])
    return known(documents.order(order))


@pytest.fixture
def url(tmp_path: Path) -> str:
    made = f"sqlite:///{tmp_path}/g.db"
    schema.migrate(made)
    return made


def test_whatever_push_comes_first_the_order_is_the_same(url: str) -> None:
    async def all_of_them() -> list[dict]:
        database = SqliteStore(url)
        database.start()
        try:
            vault = Vault(SECRET_KEY)
            return [await lived(database, vault, (*order, order[0], order[-1])) for order in permutations(PUSHES)]
        finally:
            await database.close()

    lives = asyncio.run(all_of_them())
    assert len(lives) == 120
    first = lives[0]
    assert first["shipments"] == [
        {
            "carrier": "ups",
            "tracking_number": "1Z7R4K900348500016",
            "status": "cancelled",
            "items": [{"line": "7001", "quantity": 2}],
        }
    ]
    assert [one["id"] for one in first["returns"]] == ["refund 96002"]
    assert all(life == first for life in lives)
