"""Carrier accounts: checked against the carrier's facts, sealed for one merchant and account, opened for connectors."""

import asyncio

import pytest
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from connectors import connector
from gateway import accounts
from gateway.accounts import Accounts, BadAccount, check_secrets, opened, prepare
from gateway.vault import Sealed, Vault

VAULT = Vault("a secret key for tests, long enough")
GIVEN = {"api_key": "k-1", "signing_secret": "s-1"}


@pytest.fixture
def conn():
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        SQLModel.metadata.create_all(connection)
        yield connection
    engine.dispose()


class DirectStore:
    """Runs work at once on one connection, and counts it."""

    def __init__(self, conn):
        self.conn = conn
        self.reads = 0

    async def read(self, work):
        self.reads += 1
        return work(self.conn)

    write = read


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({}, {"secrets/api_key", "secrets/signing_secret"}),
        ({"api_key": "k"}, {"secrets/signing_secret"}),
        (GIVEN | {"pasword": "p"}, {"secrets/pasword"}),
        (GIVEN | {"api_key": " "}, {"secrets/api_key"}),
        (GIVEN | {"api_key": "x" * 10_001}, {"secrets/api_key"}),
    ],
)
def test_each_wrong_credential_is_named_and_never_repeated(given, wrong):
    with pytest.raises(BadAccount) as refused:
        check_secrets(connector("demo"), given)
    assert set(refused.value.errors) == wrong
    assert "x" * 100 not in str(refused.value)


def test_an_optional_credential_may_be_missing():
    check_secrets(connector("ups"), {"client_id": "a", "client_secret": "b"})


def test_an_unknown_carrier_is_named():
    with pytest.raises(BadAccount, match="there is no connector of that code"):
        prepare(VAULT, "mer_1", "no-such-carrier", {})


def test_secrets_open_for_their_own_merchant_and_account_only(conn):
    new = prepare(VAULT, "mer_1", "demo", GIVEN, label="Main")
    assert b"k-1" not in new.sealed
    row = accounts.create(conn, "mer_1", new, 1_000)
    account = opened(VAULT, row)
    assert (account.secrets, account.carrier, account.merchant_id) == (GIVEN, "demo", "mer_1")
    assert "k-1" not in repr(account)
    for wrong in ({"merchant_id": "mer_2"}, {"id": "acc_other"}):
        with pytest.raises(Sealed):
            opened(VAULT, dict(row) | wrong)


def test_the_oldest_active_account_of_a_carrier_is_asked_with(conn):
    first = prepare(VAULT, "mer_1", "demo", GIVEN)
    second = prepare(VAULT, "mer_1", "demo", GIVEN)
    accounts.create(conn, "mer_1", first, 1_000)
    accounts.create(conn, "mer_1", second, 2_000)
    assert accounts.for_carrier(conn, "mer_1", "demo")["id"] == first.id
    accounts.change(conn, "mer_1", first.id, 3_000, state="rejected")
    assert accounts.for_carrier(conn, "mer_1", "demo")["id"] == second.id
    assert accounts.for_carrier(conn, "mer_1", "ups") is None
    assert accounts.for_carrier(conn, "mer_2", "demo") is None


def test_a_deleted_account_keeps_no_secrets(conn):
    new = prepare(VAULT, "mer_1", "demo", GIVEN)
    accounts.create(conn, "mer_1", new, 1_000)
    assert not accounts.delete(conn, "mer_2", new.id, 2_000)
    assert accounts.delete(conn, "mer_1", new.id, 2_000)
    assert accounts.by_id(conn, new.id) is None
    assert conn.exec_driver_sql("select secrets, state from account").all() == [(b"", "deleted")]


def test_an_account_is_opened_once_and_again_only_when_it_changed(conn, monkeypatch):
    new = prepare(VAULT, "mer_1", "demo", GIVEN)
    accounts.create(conn, "mer_1", new, 1_000)
    now = 100.0
    monkeypatch.setattr("gateway.accounts.time.monotonic", lambda: now)
    opens = []
    monkeypatch.setattr(accounts, "opened", lambda vault, row: opens.append(1) or opened(vault, row))
    store = DirectStore(conn)
    known = Accounts(store, VAULT)

    async def get():
        return await known.get(new.id)

    def ask():
        loop = asyncio.new_event_loop()
        try:
            return loop.run_until_complete(get())
        finally:
            loop.close()

    for _ in range(3):
        assert ask().secrets == GIVEN
    assert (store.reads, len(opens)) == (1, 1)
    now += 6
    ask()
    assert (store.reads, len(opens)) == (2, 1)
    sealed = accounts.seal(VAULT, "mer_1", new.id, GIVEN | {"api_key": "k-2"})
    accounts.change(conn, "mer_1", new.id, 2_000, secrets=sealed)
    known.forget(new.id)
    assert ask().secrets["api_key"] == "k-2"
    accounts.delete(conn, "mer_1", new.id, 3_000)
    now += 6
    assert ask() is None
