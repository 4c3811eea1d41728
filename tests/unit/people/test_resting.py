"""How long an account rests whose provider puts everything off."""

from gateway.people.postroom import rest_after


def test_a_rest_grows_to_five_minutes_and_no_further_however_long_the_outage():
    rests = [rest_after(laters) for laters in range(3, 5_000)]
    assert (rests[0], rests[-1]) == (8_000, 300_000)
    assert rests == sorted(rests)
