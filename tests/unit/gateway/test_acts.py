"""The log of what people did is told in words: one for each call that is kept, and for no other."""

from gateway.api import CALLS
from gateway.console.pages import _words

PEOPLE = {"merchant", "support", "operator"}
OF_THE_DOOR = {"sign in", "sign out", "accept an invitation"}


def test_every_call_that_is_kept_has_words_and_no_other():
    kept = {
        f"{call.method} {call.path}": call.path
        for call in CALLS
        if PEOPLE & set(call.roles) and (call.method != "GET" or call.personal)
    }
    acts = _words()["acts"]
    assert set(acts) == set(kept) | OF_THE_DOOR
    assert all(said.count("{}") <= ("{" in kept.get(act, "")) for act, said in acts.items())
