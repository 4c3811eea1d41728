"""Posts share the UPU's event codes: they speak where a post's own table has no row."""

from __future__ import annotations

import pytest

from connectors import connector, connectors
from normalizer.codes import CodeTable, Meaning
from normalizer.model import Status

POSTS = sorted(code for code, one in connectors().items() if one.facts.kind == "post")


@pytest.mark.parametrize("code", POSTS)
def test_a_post_falls_back_on_the_unions_codes_and_its_own_rows_win(code: str) -> None:
    table = connector(code).codes
    assert table.look_up(("EMI",))[1] == table.codes.get("EMI", Meaning(Status.DELIVERED, "other"))
    own = CodeTable({"EMI": Meaning(Status.IN_TRANSIT, "other")}, common=table.common)
    assert own.look_up(("EMI",)) == ("EMI", Meaning(Status.IN_TRANSIT, "other"))


def test_a_private_carrier_knows_no_unions_codes() -> None:
    assert connector("ups").codes.look_up(("EMI",)) == (None, None)
