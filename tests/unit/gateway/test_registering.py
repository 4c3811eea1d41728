"""A number is spelled as its carrier needs it."""

import pytest

from gateway.registering import Refused, spell


@pytest.mark.parametrize(
    ("number", "carrier", "spelled"),
    [
        (" plans/aB1/stops/cD2 ", "spoke-dispatch", "plans/aB1/stops/cD2"),
        ("plans/aB1/stops/cD2", " Spoke-Dispatch", "plans/aB1/stops/cD2"),
        ("plans/aB1/stops/cD2", None, "PLANS/AB1/STOPS/CD2"),
        ("1z 999 aa1 01 2345 6784", "ups", "1Z999AA10123456784"),
        ("1z-999-aa1-01-2345-6784", None, "1Z999AA10123456784"),
        ("so-71", "no-such-carrier", "SO-71"),
        ("\u0661\u0662\u0663-\u0664", "demo", "123-4"),
        ("\u0967\u0968 aB", "spoke-dispatch", "12aB"),
        ("\u202e\u200bSO-71\u00ad\ufeff", "demo", "SO-71"),
    ],
)
def test_letters_stay_as_written_only_for_a_carrier_to_whom_they_matter(number, carrier, spelled):
    assert spell(number, carrier) == spelled


@pytest.mark.parametrize(
    "number", [" - ", "???", "\u200b", "x" * 65, "1.23E+11", "9,2e+21", "\U0001f389\U0001f389", "?!"]
)
def test_what_is_no_number_is_refused_for_every_carrier(number):
    for carrier in (None, "spoke-dispatch"):
        with pytest.raises(Refused):
            spell(number, carrier)
