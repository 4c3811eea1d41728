"""API keys: long, seen once, kept as a digest, ended for good."""

import re

import pytest
from sqlalchemy import create_engine, select
from sqlmodel import SQLModel

from gateway import keys
from gateway.tables import Tables


@pytest.fixture
def conn():
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        SQLModel.metadata.create_all(connection)
        yield connection
    engine.dispose()


def test_a_key_says_its_role_and_holds_256_random_bits():
    key = keys.make_key("support", "mer_1")
    assert re.fullmatch(r"gwk_support_[A-Za-z0-9_-]{43}", key.text)
    assert key.text != keys.make_key("support", "mer_1").text


@pytest.mark.parametrize(("role", "merchant_id"), [("operator", "mer_1"), ("merchant", None), ("storefront", None)])
def test_an_operator_belongs_to_no_merchant_and_everybody_else_to_one(role, merchant_id):
    with pytest.raises(ValueError, match="operator"):
        keys.make_key(role, merchant_id)


def test_only_the_digest_of_a_key_is_kept(conn):
    key = keys.make_key("storefront", "mer_1", label="Shop", origins=["https://shop.example"])
    keys.store_key(conn, key, 1_000)
    (row,) = conn.execute(select(Tables.api_key)).all()
    assert key.text not in repr(tuple(row))
    found = keys.find(conn, keys.digest(key.text))
    assert found == keys.Principal(key.id, "mer_1", "storefront", ("https://shop.example",))
    assert keys.find(conn, keys.digest(key.text + "x")) is None


def test_a_key_ends_only_by_its_own_merchant_and_once(conn):
    key = keys.make_key("merchant", "mer_1")
    keys.store_key(conn, key, 1_000)
    assert keys.revoke(conn, "mer_2", key.id, 2_000) is None
    assert keys.find(conn, keys.digest(key.text)) is not None
    assert keys.revoke(conn, "mer_1", key.id, 2_000) == keys.digest(key.text)
    assert keys.find(conn, keys.digest(key.text)) is None
    assert keys.revoke(conn, "mer_1", key.id, 3_000) is None
    assert keys.listed(conn, "mer_1") == []


def test_an_operators_key_has_no_merchant(conn):
    key = keys.make_key("operator", None)
    keys.store_key(conn, key, 1_000)
    assert keys.find(conn, keys.digest(key.text)) == keys.Principal(key.id, "", "operator")


@pytest.mark.parametrize("text", ["", "gwk", "GWK_x", "gwk_" + "x" * 200, "gwk_ä"])
def test_what_cannot_be_a_key_is_seen_without_asking(text):
    assert not keys.plausible(text)
