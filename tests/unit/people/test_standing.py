"""A stop wins in every order of events, and reports may come in any order."""

from __future__ import annotations

from functools import reduce
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from gateway.people.standing import risen, wish_state

SENT = ("queued", "sending", "sent", "undelivered", "delivered", "read")


def test_a_stop_wins_over_consent_confirmation_and_everything():
    for removed, double, confirmed in product((True, False), repeat=3):
        assert wish_state(stopped=True, removed=removed, double_opt_in=double, confirmed=confirmed) == "stopped"


def test_a_wish_that_must_be_confirmed_is_pending_until_it_is():
    state = {"stopped": False, "removed": False}
    assert wish_state(**state, double_opt_in=True, confirmed=False) == "pending"
    assert wish_state(**state, double_opt_in=True, confirmed=True) == "active"
    assert wish_state(**state, double_opt_in=False, confirmed=False) == "active"


@given(
    st.lists(st.sampled_from(SENT), min_size=1).flatmap(lambda told: st.tuples(st.just(told), st.permutations(told)))
)
def test_reports_give_the_same_state_in_every_order_and_however_often(pair):
    told, shuffled = pair
    assert reduce(risen, told) == reduce(risen, [*shuffled, *told])


@given(st.sampled_from(("superseded", "skipped")), st.sampled_from(SENT))
def test_what_never_went_is_not_raised_by_a_report(state, said):
    assert risen(state, said) == state


def test_a_proof_of_arrival_outweighs_a_report_of_failure():
    assert risen("undelivered", "delivered") == "delivered"
    assert risen("delivered", "undelivered") == "delivered"
    assert risen("read", "delivered") == "read"
