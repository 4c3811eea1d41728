"""SF Express against the operation codes on record: no payload of the carrier's is in reach."""

import csv
from pathlib import Path

import pytest

from connectors import connector

FILE = Path(__file__).resolve().parents[4] / "shared/carriers/sf-express/codes.csv"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the carriers' documents (../shared) are not here")


def test_every_operation_code_on_record_has_a_row_and_no_other():
    listed = {row["code"] for row in csv.DictReader(FILE.read_text("utf-8").splitlines())}
    assert len(listed) == 8
    assert set(connector("sf-express").codes.codes) == listed
