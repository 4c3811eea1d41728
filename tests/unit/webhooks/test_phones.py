"""Telephone numbers: into E.164, or refused with a reason that does not repeat them."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.channels import phones
from webhooks.channels.phones import Impossible, to_e164


@pytest.mark.parametrize(
    ("written", "region", "e164"),
    [
        ("0151 12345678", "DE", "+4915112345678"),
        ("(0151) 123-456-78", "de", "+4915112345678"),
        ("+49 151 12345678", "", "+4915112345678"),
        ("+49 (0)151 12345678", "FR", "+4915112345678"),
        ("0049 151 12345678", "", "+4915112345678"),
        ("07700 900123", "GB", "+447700900123"),
        ("(415) 555-0123", "US", "+14155550123"),
        ("٠١٠٠١٢٣٤٥٦٧", "EG", "+201001234567"),
        ("\N{FULLWIDTH PLUS SIGN}4915112345678", "", "+4915112345678"),
    ],
)
def test_numbers_are_read_as_people_write_them(written, region, e164):
    assert to_e164(written, region) == e164


@pytest.mark.parametrize(
    ("written", "region", "reason"),
    [
        ("0151 12345678", "", "it lacks the country: begin with + and the calling code, or name the country"),
        ("0151 12345678", "XX", "the country is not a known two-letter code"),
        ("+999 1234567", "", "no country has this calling code"),
        ("+49 1", "", "too short for a telephone number"),
        ("+33 1234", "", "too short for that country"),
        ("+33 6123456789", "", "too long for that country"),
        ("5550123", "US", "complete only within its own town; write it with the area code"),
        ("call me", "DE", "not a telephone number"),
        ("", "DE", "not a telephone number"),
        ("0" * 61, "DE", "too long for a telephone number"),
        ("+1 415 555 0123 ext 4", "", "a number with an extension receives no messages"),
    ],
)
def test_impossible_numbers_are_refused_with_a_plain_reason(written, region, reason):
    with pytest.raises(Impossible) as caught:
        to_e164(written, region)
    assert str(caught.value) == reason


def test_the_reasons_stand_under_the_librarys_own_numbers():
    error, result = phonenumbers.NumberParseException, phonenumbers.ValidationResult
    assert set(phones._UNREADABLE) == {
        error.NOT_A_NUMBER,
        error.TOO_SHORT_AFTER_IDD,
        error.TOO_SHORT_NSN,
        error.TOO_LONG,
    }
    assert set(phones._REASONS) == {
        result.INVALID_COUNTRY_CODE,
        result.TOO_SHORT,
        result.TOO_LONG,
        result.IS_POSSIBLE_LOCAL_ONLY,
        result.INVALID_LENGTH,
    }


@given(st.text(max_size=70), st.sampled_from(["", "DE", "US", "ZZ", "d"]))
def test_whatever_is_written_it_is_a_number_or_impossible(written, region):
    try:
        number = to_e164(written, region)
    except Impossible:
        return
    assert number[0] == "+"
    assert number[1:].isdigit()
    assert to_e164(number) == number
