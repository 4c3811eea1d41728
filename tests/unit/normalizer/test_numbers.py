"""A tracking number leads to its carrier, however it is spelled; a wrong check digit never does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import tracking_numbers
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.known_numbers import carrier_name, known_formats
from normalizer.numbers import Check, NumberFormat, detect, normal_number

OFFICIAL = Path(__file__).parents[4] / "shared" / "tracking-numbers" / "couriers"
OUR_CODE = {"s10": "upu", "canada_post": "canada-post", "old_dominion": "old-dominion"}
FORMATS = known_formats()


def _carrier(courier: str, format_name: str) -> str:
    if courier == "dhl":
        return "dhl-express" if "Express" in format_name else "dhl-ecommerce"
    return OUR_CODE.get(courier, courier)


def _official(kind: str) -> list[tuple[str, str, str]]:
    rows = []
    for file in sorted(OFFICIAL.glob("*.json")):
        courier = json.loads(file.read_text("utf-8"))
        for known in courier["tracking_numbers"]:
            carrier = _carrier(courier["courier_code"], known["name"])
            rows += [(carrier, known["name"], number) for number in known["test_numbers"][kind]]
    return rows


needs_official = pytest.mark.skipif(not OFFICIAL.is_dir(), reason="the shared tracking-number data is not here")


@needs_official
def test_every_valid_number_of_the_public_collection_leads_to_its_carrier() -> None:
    rows = _official("valid")
    assert len(rows) == 192
    missed = [row for row in rows if row[0] not in {c.carrier for c in detect(row[2], FORMATS)}]
    assert missed == []


@needs_official
def test_every_invalid_number_of_the_public_collection_is_refused_by_the_format_it_imitates() -> None:
    rows = _official("invalid")
    assert len(rows) == 88
    valid = _official("valid")
    accepted = []
    for carrier, name, number in rows:
        examples = [normal_number(n) for c, f, n in valid if (c, f) == (carrier, name)]
        imitated = [k for code, k in FORMATS if code == carrier and all(k.match(n) for n in examples)]
        assert imitated, (carrier, name)
        if all(k.match(normal_number(number)) for k in imitated):
            accepted.append((carrier, name, number))
    assert accepted == []


@needs_official
def test_the_list_is_best_first_so_confidence_never_rises_along_it() -> None:
    for _, _, number in _official("valid"):
        confidences = [candidate.confidence for candidate in detect(number, FORMATS)]
        assert confidences == sorted(confidences, reverse=True), number


@pytest.mark.parametrize(
    ("carrier", "known"), [pytest.param(code, known, id=f"{code}/{known.id}") for code, known in FORMATS]
)
def test_every_valid_number_in_our_data_is_detected_as_its_carrier(carrier: str, known: NumberFormat) -> None:
    for number in known.valid:
        assert carrier in {candidate.carrier for candidate in detect(number, FORMATS)}


def test_every_carrier_the_public_package_names_is_among_ours() -> None:
    named, missed = 0, []
    for number in {normal_number(n) for _, known in FORMATS for n in known.valid}:
        second = tracking_numbers.get_tracking_number(number)  # None where its older collection lacks the format
        if second is not None:
            named += 1
            ours = {candidate.carrier for candidate in detect(number, FORMATS)}
            if not ours & {OUR_CODE.get(second.courier.code, second.courier.code), f"{second.courier.code}-express"}:
                missed.append((number, second.courier.code))
    assert named > 20
    assert missed == []


@given(st.sampled_from([row for row in FORMATS if row[1].check]), st.data())
def test_one_changed_digit_before_the_check_digit_fails_single_weight_checks(
    row: tuple[str, NumberFormat], data: st.DataObject
) -> None:
    _, known = row
    number = normal_number(data.draw(st.sampled_from(known.valid)))
    found = known.match(number)
    assert found is not None
    at = found.start("check")
    other = data.draw(st.sampled_from([c for c in "0123456789" if c != number[at]]))
    assert known.match(number[:at] + other + number[at + 1 :]) is None


@given(st.text("0123456789", min_size=8, max_size=8), st.integers(0, 7), st.integers(1, 9))
def test_an_s10_check_digit_notices_every_changed_digit_but_the_two_pairs_it_folds(
    serial: str, at: int, shift: int
) -> None:
    check = Check(algorithm="s10")
    changed = serial[:at] + str((int(serial[at]) + shift) % 10) + serial[at + 1 :]
    if check.digit(serial) == check.digit(changed):
        assert check.digit(serial) in {"0", "5"}


@given(st.sampled_from(FORMATS), st.data())
def test_spaces_dashes_and_case_do_not_matter(row: tuple[str, NumberFormat], data: st.DataObject) -> None:
    number = normal_number(data.draw(st.sampled_from(row[1].valid)))
    gaps = data.draw(
        st.lists(st.sampled_from(["", " ", "-", "\u00a0", "\u2009", "."]), min_size=len(number), max_size=len(number))
    )
    spelled = "".join(gap + character for gap, character in zip(gaps, number, strict=True)).lower()
    assert normal_number(spelled) == number
    assert detect(spelled, FORMATS) == detect(number, FORMATS)


@given(st.text())
def test_the_canonical_spelling_is_stable_and_any_text_may_be_asked(text: str) -> None:
    once = normal_number(text)
    assert normal_number(once) == once
    detect(text, FORMATS)


def test_full_width_and_foreign_digits_are_folded() -> None:
    assert normal_number("\uff52\uff52\uff11\uff12 \u0663\u06f4\u20105\u200b") == "RR12345"


@pytest.mark.parametrize(
    ("country", "first"),
    [("GB", "royal-mail"), ("US", "usps"), ("BR", "correios-br"), ("NL", "postnl"), ("SE", "postnord"), ("NZ", "upu")],
)
def test_an_s10_number_names_the_national_post_before_the_union(country: str, first: str) -> None:
    found = detect(f"RR 1002 0030 5 {country}", FORMATS)
    assert found[0].carrier == first
    assert found[0].service == "registered"
    assert "upu" in {candidate.carrier for candidate in found}


def test_an_s10_number_of_a_country_without_a_post_is_refused() -> None:
    assert detect("RR100200305XX", FORMATS) == []


def test_a_passed_check_digit_comes_before_a_more_specific_shape() -> None:
    shape = NumberFormat(id="shape", name="shape", pattern=r"1234567(?P<serial>\d{3})", valid=("1234567000",))
    proof = NumberFormat(
        id="proof",
        name="proof",
        pattern=r"(?P<serial>\d{9})(?P<check>\d)",
        check=Check(algorithm="mod7"),
        valid=("1234567003",),
    )
    number = proof.valid[0]
    assert [c.carrier for c in detect(number, [("a", shape), ("b", proof)])] == ["b", "a"]
    assert [c.checksum for c in detect(number, [("a", shape), ("b", proof)])] == ["passed", "none"]


@pytest.mark.parametrize(
    ("check", "serial", "digit"),
    [
        (Check(algorithm="mod10", evens=3, odds=1), "100200300400500", "7"),
        (Check(algorithm="mod10", evens=1, odds=2, letters="ups"), "A1", "6"),
        (Check(algorithm="mod10", evens=1, odds=2), "A1", None),
        (Check(algorithm="mod7"), "100200300", "4"),
        (Check(algorithm="luhn"), "7992739871", "3"),
        (Check(algorithm="s10"), "12345678", "5"),
        (Check(algorithm="s10"), "1234567", None),
        (Check(algorithm="weighted", weights=(3, 1, 7), modulo=(11, 10)), "123", "4"),
    ],
)
def test_check_digits_come_out_as_computed_by_hand(check: Check, serial: str, digit: str | None) -> None:
    assert check.digit(serial) == digit


def test_a_format_whose_own_numbers_disprove_it_is_refused() -> None:
    with pytest.raises(ValidationError, match="stands under valid and does not match"):
        NumberFormat(id="a", name="a", pattern=r"A\d", valid=("B1",))
    with pytest.raises(ValidationError, match="stands under invalid and matches"):
        NumberFormat(id="a", name="a", pattern=r"A\d", valid=("A1",), invalid=("A2",))
    with pytest.raises(ValidationError, match="lacks the group 'check'"):
        NumberFormat(id="a", name="a", pattern=r"(?P<serial>\d)", check=Check(algorithm="mod7"), valid=("1",))
    with pytest.raises(ValidationError, match="is no regular expression"):
        NumberFormat(id="a", name="a", pattern="(", valid=("1",))
    with pytest.raises(ValidationError, match="weights and modulo"):
        Check(algorithm="weighted")


def test_every_carrier_a_number_can_lead_to_has_a_name() -> None:
    codes = {code for code, _ in FORMATS} | {home for _, known in FORMATS for home in known.carriers.values()}
    assert {code for code in codes if not carrier_name(code)} == set()
    assert carrier_name("no-such-carrier") is None


def test_ids_are_unique_within_a_carrier() -> None:
    keys = [(code, known.id) for code, known in FORMATS]
    assert len(keys) == len(set(keys))
    assert all(re.fullmatch(r"[a-z0-9-]+", code) for code, _ in keys)
