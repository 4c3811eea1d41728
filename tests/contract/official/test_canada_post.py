"""Canada Post against the material in reach: captured answers, its schemas, its code table."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from connectors import HERE, connector
from connectors.base import Payload
from connectors.samples import samples
from gateway.reading import document, read

FOLDER = Path(__file__).resolve().parents[4] / "shared/carriers/canada-post"
NOW = datetime(2026, 4, 1, tzinfo=UTC)
TRACK = "{http://www.canadapost.ca/ws/track}"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the carriers' documents (../shared) are not here")

POST = connector("canada-post")
ANSWERS = [file for file in sorted(FOLDER.glob("captured/*.xml")) if "error" not in file.name]


def payload(file: Path) -> Payload:
    return Payload(carrier="canada-post", body=file.read_bytes(), source="poll", received_at=NOW, numbers=("1",))


def plain(node: etree._Element, name: str) -> str:
    return " ".join((node.findtext(f"{TRACK}{name}") or "").split())


@pytest.mark.parametrize("file", ANSWERS, ids=lambda file: file.name)
def test_every_answer_reads_whole_in_its_own_order_with_nothing_unlisted(file):
    result = read(POST, payload(file))
    assert result.trouble is None
    root = etree.fromstring(file.read_bytes().strip())
    told = [
        (
            plain(root, "pin"),
            plain(one, "event-identifier").zfill(4),
            f"{plain(one, 'event-date')}T{plain(one, 'event-time')}",
            plain(one, "event-description"),
            plain(one, "signatory-name") or None,
        )
        for one in root.iter(f"{TRACK}occurrence")
    ]
    said = [
        (event.tracking_number, event.code, event.local_time.isoformat(), event.text, event.signed_by)
        for event in result.events
    ]
    assert said == told
    assert result.unlisted == {}
    assert {(event.utc_offset, event.time_basis) for event in result.events} == {("-05:00", "offset")}


def test_there_are_answers_to_read():
    assert len(ANSWERS) == 5
    assert sum(len(read(POST, payload(file)).events) for file in ANSWERS) == 35


def test_both_languages_say_the_same():
    english, french = (
        [
            (event.status, event.substatus, event.at)
            for event in read(POST, payload(FOLDER / f"captured/tracking_details_{language}.sample.xml")).events
        ]
        for language in ("en", "fr")
    )
    assert english == french


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("dnc_tracking_details_en", "delivered"),
        ("tracking_details_en", "delivered"),
        ("tracking_details_en_undelivered", "out_for_delivery"),
        ("tracking_details_no_expected_delivery_date", "info_received"),
    ],
)
def test_a_captured_parcel_stands_where_its_answer_says(name, status):
    (told,) = document(POST, payload(FOLDER / f"captured/{name}.sample.xml"))["shipments"]
    assert told["status"] == status


def test_the_captured_error_is_a_missing_number():
    reading = POST.read(payload(FOLDER / "captured/tracking_details_en_error.sample.xml"))
    assert [one.number for one in reading.missing] == ["1"]


def test_every_code_of_the_carriers_table_has_a_row():
    with (FOLDER / "codes.csv").open(encoding="utf-8", newline="") as lines:
        codes = {row["code"].zfill(4) for row in csv.DictReader(lines)}
    assert len(codes) == 204
    assert codes <= set(POST.codes.codes)
    assert {code for code in POST.codes.codes if "/" not in code} == codes


@pytest.mark.parametrize("sample", samples(HERE / "canada_post/samples"), ids=lambda sample: sample.name)
def test_our_samples_are_what_the_carriers_schema_allows(sample):
    root = etree.fromstring(sample.body)
    name = "track.xsd" if root.tag.startswith(TRACK) else "messages.xsd"
    etree.XMLSchema(etree.parse(FOLDER / name)).assertValid(root)
