"""Idempotency keys: who holds one, and what is known of its request."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway import idempotency
from gateway.db import run_once
from gateway.idempotency import ABANDONED_MS, LIVES_MS, Claim, Found, Overtaken

FIRST = Claim("mer_1", "key_1:order-17", b"digest", 1_000)


def later(ms: int) -> Claim:
    return replace(FIRST, at=FIRST.at + ms)


@pytest.fixture
def keys(database):
    """Do something with keys in a transaction of its own."""
    return lambda work: run_once(database, work)


@pytest.mark.both_databases
def test_work_that_was_marked_is_never_fresh_again_within_a_day(keys):
    assert keys(lambda conn: idempotency.begin(conn, FIRST)) == Found("fresh")
    keys(lambda conn: idempotency.mark_done(conn, FIRST))
    keys(lambda conn: idempotency.mark_done(conn, FIRST))
    said = {ms: keys(lambda conn, ms=ms: idempotency.begin(conn, later(ms))).kind for ms in
            (1, ABANDONED_MS - 1, ABANDONED_MS, LIVES_MS - 1, LIVES_MS)}  # fmt: skip
    assert said == {
        1: "under_way", ABANDONED_MS - 1: "under_way", ABANDONED_MS: "lost", LIVES_MS - 1: "lost", LIVES_MS: "fresh",
    }  # fmt: skip


@pytest.mark.both_databases
def test_a_request_that_was_overtaken_by_its_repeat_commits_nothing(keys):
    keys(lambda conn: idempotency.begin(conn, FIRST))
    assert keys(lambda conn: idempotency.begin(conn, later(ABANDONED_MS))) == Found("fresh")
    with pytest.raises(Overtaken):
        keys(lambda conn: idempotency.mark_done(conn, FIRST))
    keys(lambda conn: idempotency.finish(conn, FIRST, status=201, sealed=b"of the first"))
    keys(lambda conn: idempotency.finish(conn, later(ABANDONED_MS), status=201, sealed=b"of the second"))
    assert keys(lambda conn: idempotency.begin(conn, later(LIVES_MS))) == Found("answered", 201, b"of the second")


@pytest.mark.both_databases
def test_a_failure_frees_the_key_only_where_nothing_was_done(keys):
    keys(lambda conn: idempotency.begin(conn, FIRST))
    keys(lambda conn: idempotency.give_up(conn, FIRST))
    assert keys(lambda conn: idempotency.begin(conn, later(1))) == Found("fresh")
    keys(lambda conn: idempotency.mark_done(conn, later(1)))
    keys(lambda conn: idempotency.give_up(conn, later(1)))
    assert keys(lambda conn: idempotency.begin(conn, later(2))) == Found("lost")
    assert keys(lambda conn: idempotency.begin(conn, replace(later(2), digest=b"other"))) == Found("other")


@pytest.mark.both_databases
def test_a_refusal_frees_the_key(keys):
    keys(lambda conn: idempotency.begin(conn, FIRST))
    keys(lambda conn: idempotency.mark_done(conn, FIRST))
    keys(lambda conn: idempotency.refuse(conn, FIRST))
    assert keys(lambda conn: idempotency.begin(conn, later(1))) == Found("fresh")
