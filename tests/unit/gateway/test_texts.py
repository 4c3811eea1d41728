"""Texts: every language says the same things, and days and counts are said as people say them."""

# ruff: noqa: DTZ001 - a wall clock is what days are said from

import string
from datetime import date, datetime, timedelta

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from gateway.texts import LANGUAGES, PLURALS, NoText, choose, days, is_plural, names, speech, tree_of
from normalizer.model import SUBSTATUSES, Status

OTHERS = LANGUAGES[1:]
TODAY = date(2026, 11, 25)  # a Wednesday


def _fields(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def _all_fields(text):
    return set().union(*(_fields(form) for form in text.values())) if is_plural_table(text) else _fields(text)


def is_plural_table(text):
    return isinstance(text, dict)


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_the_same_texts_with_the_same_values(language):
    ours, theirs = dict(names(tree_of("en"))), dict(names(tree_of(language)))
    assert sorted(ours) == sorted(theirs)
    for name, text in ours.items():
        assert is_plural_table(text) == is_plural_table(theirs[name]), name
        assert _all_fields(text) == _all_fields(theirs[name]), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_plural_has_the_forms_its_language_needs(language):
    needed = set(Locale.parse(language).plural_form.tags) | {"other"}
    for name, text in names(tree_of(language)):
        if is_plural_table(text):
            # `many` of French and Spanish is for millions alone, which nobody counts here.
            missing = needed - set(text) - ({"many"} if language in ("fr", "es") else set())
            assert not missing, f"{name}: {missing}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty_or_holds_markup(language):
    for name, text in names(tree_of(language)):
        for form in text.values() if is_plural_table(text) else (text,):
            assert isinstance(form, str), name
            assert form.strip() == form, name
            assert form, name
            assert "<" not in form, name


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_status_and_every_detail_has_a_word(language):
    spoken = speech(language)
    for status in Status:
        assert spoken.has(f"status.{status.value}")
        for substatus in SUBSTATUSES[status]:
            assert spoken.has(f"substatus.{status.value}.{substatus}"), (status, substatus)


def test_what_is_not_there_is_an_error_and_never_an_empty_word():
    with pytest.raises(NoText, match=r"status\.teleported"):
        speech("en").say("status.teleported")
    with pytest.raises(NoText):
        speech("en").say("status")
    with pytest.raises(NoText):
        speech("en").say("time.minutes_ago")
    with pytest.raises(NoText):
        speech("tlh")
    with pytest.raises(KeyError):
        speech("en").say("time.moment", day="today")


@pytest.mark.parametrize(
    ("language", "count", "said"),
    [
        ("en", 1, "1 minute ago"),
        ("en", 7, "7 minutes ago"),
        ("pl", 1, "1 minutę temu"),
        ("pl", 3, "3 minuty temu"),
        ("pl", 22, "22 minuty temu"),
        ("pl", 12, "12 minut temu"),
        ("ar", 2, "قبل دقيقتين"),
        ("de", 5, "vor 5 Minuten"),
    ],
)
def test_counts_are_said_by_each_languages_own_rules(language, count, said):
    assert days.ago(speech(language), timedelta(minutes=count)) == said


@pytest.mark.parametrize(
    ("of", "form", "said"),
    [
        (TODAY, "alone", "today"),
        (TODAY + timedelta(1), "on", "tomorrow"),
        (TODAY - timedelta(1), "alone", "yesterday"),
        (date(2026, 11, 27), "on", "on Friday"),
        (date(2026, 11, 27), "until", "until Friday"),
        (date(2026, 12, 2), "on", "on 2 December"),
        (date(2026, 11, 20), "alone", "20 November"),
        (date(2027, 1, 4), "until", "until 4 January 2027"),
    ],
)
def test_days_are_said_as_people_say_them(of, form, said):
    assert days.day(speech("en"), of, TODAY, form) == said


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        (datetime(2026, 11, 25, 14, 10), datetime(2026, 11, 25, 14, 40), "today between 14:10 and 14:40"),
        (date(2026, 11, 27), date(2026, 11, 27), "on Friday"),
        (date(2026, 11, 26), date(2026, 11, 28), "between tomorrow and Saturday"),
        (None, datetime(2026, 11, 26, 18, 0), "tomorrow by 18:00"),
        (None, date(2026, 11, 27), "until Friday"),
        (datetime(2026, 11, 26, 8, 0), None, "tomorrow from 08:00"),
        (datetime(2026, 11, 26, 8, 0), datetime(2026, 11, 26, 8, 0), "tomorrow at 08:00"),
        (None, None, None),
    ],
)
def test_windows_are_one_sentence(start, end, said):
    assert days.window(speech("en"), start, end, TODAY) == said


def test_the_region_writes_the_clock():
    at = datetime(2026, 11, 25, 14, 10)
    assert days.moment(speech("en"), at, TODAY) == "today, 14:10"
    assert days.moment(choose("en-US"), at, TODAY) == "today, 2:10\N{NARROW NO-BREAK SPACE}PM"


@pytest.mark.parametrize(
    ("asked", "header", "language"),
    [
        (None, "", "en"),
        (None, "de-AT,de;q=0.9,en;q=0.8", "de"),
        (None, "nl,fr;q=0.4,pl;q=0.7", "pl"),
        ("ar", "de", "ar"),
        ("xx", "de", "de"),
        (None, "fr;q=0,es;q=0.1", "es"),
        (None, "de;q=much", "en"),
        (None, "ES", "es"),
    ],
)
def test_the_language_is_the_one_asked_for_then_the_one_preferred(asked, header, language):
    assert choose(asked, header).language == language


@given(st.text(max_size=60))
def test_any_header_chooses_some_language(header):
    assert choose(header, header).language in LANGUAGES


def test_arabic_runs_from_the_right():
    assert speech("ar").direction == "rtl"
    assert speech("de").direction == "ltr"
    assert choose("de-AT").tag == "de-AT"
    assert choose("de-XQ").language == "de"


def test_plural_tables_are_told_from_other_tables():
    assert is_plural({"one": "a", "other": "b"})
    assert not is_plural({"other": "b"})
    assert not is_plural({"other": "b", "registered": "c"})
    assert {"one", "other"} <= PLURALS
