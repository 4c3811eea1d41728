"""GEODIS against the published samples of question and answer."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors import HERE, connector
from connectors.base import Payload
from connectors.samples import samples

SHARED = Path(__file__).resolve().parents[4] / "shared/carriers"
FOLDER = SHARED / "geodis"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the carriers' documents (../shared) are not here")


def loaded(name):
    return json.loads((FOLDER / f"{name}.sample.json").read_text())


def test_what_is_asked_has_the_published_shape():
    for sample in samples(HERE / "geodis/samples"):
        assert set(json.loads(sample.exchanges[0][0].body)) == set(loaded("tracking-request"))


def test_the_published_answer_reads_whole_in_its_order_with_one_code_known_to_be_unlisted():
    told = loaded("tracking-response")["contenu"]
    carrier = connector("geodis")
    now = datetime(2026, 3, 6, tzinfo=UTC)
    body = (FOLDER / "tracking-response.sample.json").read_bytes()
    reading = carrier.read(Payload(carrier="geodis", body=body, source="poll", received_at=now))
    assert reading.trouble is None
    assert [scan.codes for scan in reading.scans] == [
        (one["codeSituationJustification"],) for one in told["listSuivis"]
    ]
    assert [scan.at.isoformat() for scan in reading.scans] == [
        f"{one['dateSuivi']}T{one['heureSuivi']}" for one in told["listSuivis"]
    ]
    unlisted = {scan.codes[0] for scan in reading.scans if carrier.codes.look_up(scan.codes, scan.phrase)[1] is None}
    assert unlisted == {"RST/SOU"}
    person = told["destinataire"]
    assert not any(person[name] in repr(reading) for name in ("nom", "adresse1", "telephoneMobile"))


def test_the_phrases_are_the_steps_of_the_published_timeline():
    steps = [one["libelle"] for one in loaded("tracking-response")["contenu"]["timeline"]["listTimesteps"]]
    codes = connector("geodis").codes
    assert len(codes.phrases) == len(steps)
    assert all(codes.look_up((), step)[1] for step in steps)


def test_each_code_with_a_row_is_published_by_another_french_carrier():
    published = set()
    for file in (SHARED / "laposte-colissimo").glob("*.csv"):
        with file.open(encoding="utf-8") as lines:
            published |= {row["code"] for row in csv.DictReader(lines) if "code" in row}
    assert {code.replace("/", "") for code in connector("geodis").codes.codes} <= published
