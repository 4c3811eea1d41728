"""Our words and theirs: complete in both directions, and a status survives the way there and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from normalizer import crosswalk
from normalizer.crosswalk import VOCABULARIES, Vocabulary, from_, incoming, outgoing, to
from normalizer.model import SUBSTATUSES, Status

SHARED = Path(__file__).parents[4] / "shared" / "standards"
OURS = [(status, substatus) for status, substatuses in SUBSTATUSES.items() for substatus in substatuses]
needs_standards = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared standards are not here")


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_every_status_and_substatus_of_ours_has_exactly_one_row(vocabulary: Vocabulary) -> None:
    rows = crosswalk._rows(vocabulary, "to")
    assert [(row["status"], row["substatus"]) for row in rows] == [(str(s), sub) for s, sub in OURS]
    assert set(outgoing(vocabulary)) == set(OURS)


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_every_value_of_theirs_stands_once_and_is_one_of_ours(vocabulary: Vocabulary) -> None:
    rows = crosswalk._rows(vocabulary, "from")
    assert len(incoming(vocabulary)) == len(rows) > 0
    assert set(incoming(vocabulary).values()) <= set(OURS)
    assert {row["confirmed"] for row in rows} <= {"yes", "no"}


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_every_value_we_send_is_one_we_can_read_back(vocabulary: Vocabulary) -> None:
    sent = {value for value in outgoing(vocabulary).values() if value}
    unread = {(v, d) for v, d in sent if (v, d) not in incoming(vocabulary) and (v, "") not in incoming(vocabulary)}
    assert unread == set()


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_a_status_survives_the_round_trip_where_theirs_can_express_it(vocabulary: Vocabulary) -> None:
    expressible = {status for status, _ in incoming(vocabulary).values()}
    lost = []
    for status, substatus in OURS:
        value = to(vocabulary, status, substatus)
        if value and status in expressible and from_(vocabulary, *value)[0] is not status:
            lost.append((status.value, substatus, value))
    # schema.org knows orders: the parcel's finer statuses are folded into its eight on purpose.
    folded = {"out_for_delivery", "attempt_failed", "pending", "info_received", "returning", "refunded"}
    assert [row for row in lost if not (vocabulary == "schema-org" and row[0] in folded)] == []


@pytest.mark.parametrize("vocabulary", [v for v in VOCABULARIES if v not in {"upu", "schema-org"}])
def test_parcel_vocabularies_express_every_stage_from_label_to_return(vocabulary: Vocabulary) -> None:
    for status in (
        Status.INFO_RECEIVED,
        Status.IN_TRANSIT,
        Status.OUT_FOR_DELIVERY,
        Status.ATTEMPT_FAILED,
        Status.AVAILABLE_FOR_PICKUP,
        Status.DELIVERED,
        Status.EXCEPTION,
        Status.RETURNING,
    ):
        value = to(vocabulary, status, "other")
        assert value is not None
        assert from_(vocabulary, *value)[0] is status


@pytest.mark.parametrize(
    ("vocabulary", "value", "detail", "ours"),
    [
        ("aftership", "Exception", "Exception_010", (Status.RETURNING, "to_sender")),
        ("aftership", "AttemptFail", "AttemptFail_003", (Status.ATTEMPT_FAILED, "business_closed")),
        ("easypost", "in_transit", "weather_delay", (Status.EXCEPTION, "weather")),
        ("ship24", "exception", "exception_lost", (Status.EXCEPTION, "lost")),
        ("17track", "DeliveryFailure", "DeliveryFailure_NoBody", (Status.ATTEMPT_FAILED, "recipient_absent")),
        ("upu", "EMI", "", (Status.DELIVERED, "other")),
        ("epcis", "inspecting", "damaged", (Status.EXCEPTION, "damaged")),
        ("x12-214", "AP", "A2", (Status.ATTEMPT_FAILED, "wrong_address")),
        ("schema-org", "OrderPaymentDue", "", (Status.EXCEPTION, "duties_unpaid")),
    ],
)
def test_known_values_mean_what_they_mean(
    vocabulary: Vocabulary, value: str, detail: str, ours: tuple[Status, str]
) -> None:
    assert from_(vocabulary, value, detail) == ours


def test_an_unlisted_detail_falls_back_to_its_value_and_an_unlisted_value_is_unknown() -> None:
    assert from_("x12-214", "D1", "ZZ") == (Status.DELIVERED, "other")
    assert from_("aftership", "Teleported", "Teleported_001") == (Status.UNKNOWN, "unlisted_code")


def test_what_they_have_no_word_for_is_none_and_what_we_do_not_have_is_an_error() -> None:
    assert to("upu", Status.REFUNDED, "refunded") is None
    with pytest.raises(KeyError):
        to("upu", Status.DELIVERED, "by_drone")
    with pytest.raises(ValueError, match="no crosswalk"):
        outgoing("no-such")  # type: ignore[arg-type]


@needs_standards
def test_the_lists_of_the_standards_are_whole() -> None:
    x12 = json.loads((SHARED / "x12-214" / "codes.json").read_text("utf-8"))
    assert set(x12["1650"]) == {value for value, _ in incoming("x12-214")}
    assert set(x12["1651"]) == {detail for value, detail in incoming("x12-214") if value == "SD" and detail}
    upu = json.loads((SHARED / "upu" / "event-codes.json").read_text("utf-8"))
    assert {event["code"] for event in upu["events"]} == {value for value, _ in incoming("upu")}
    cbv = json.loads((SHARED / "epcis" / "code-lists.json").read_text("utf-8"))["lists"]
    assert set(cbv["bizStep"]) == {value for value, _ in incoming("epcis") if value}
    assert set(cbv["disposition"]) == {detail for value, detail in incoming("epcis") if not value}
    schema = json.loads((SHARED / "schema-org" / "vocabulary.json").read_text("utf-8"))
    assert set(schema["OrderStatus"]) == {value for value, _ in incoming("schema-org")}
