"""Corridors and their kinds, and norms: learned by difference, faded, and asked by index."""

from __future__ import annotations

from collections import Counter

import pytest
from plans import plan_of
from sqlalchemy import create_engine, event, select
from sqlmodel import SQLModel

from gateway.insights import asking, counting, norms
from gateway.insights.asking import Wanted
from gateway.insights.corridor import Corridor, area_of, corridor_of
from gateway.insights.tables import InsightTables
from normalizer.eta import SILENCE

M, OTHER = "mer_1", "mer_2"
LANE = Corridor("demo", "Express", "DE", "PT", "40")


@pytest.fixture
def conn():
    engine = create_engine("sqlite://")
    SQLModel.metadata.create_all(engine)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


@pytest.mark.parametrize(
    ("postal_code", "area"),
    [
        ("4050-262", "40"),
        ("10115", "10"),
        ("SW1A 1AA", "SW"),
        ("m1 1ae", "M"),
        ("K1A 0B1", "K"),
        ("D02 X285", "D"),
        ("1", "1"),
        ("", ""),
        (None, ""),
        ("---", ""),
        ("北京", ""),
    ],
)
def test_a_postcode_lies_in_an_area(postal_code, area) -> None:
    assert area_of(postal_code) == area


def test_a_parcel_goes_by_its_area_then_its_lane_then_wider_kinds_but_never_across_a_border_for_one_within() -> None:
    assert [basis for basis, _ in LANE.kinds()] == ["area", "lane", "carrier_lane", "service", "carrier"]
    assert [basis for basis, _ in LANE._replace(area="").kinds()] == ["lane", "carrier_lane", "service", "carrier"]
    assert [basis for basis, _ in LANE._replace(destination="", area="").kinds()] == ["service", "carrier"]
    within, across = (dict(LANE._replace(origin=origin).kinds()) for origin in ("PT", "DE"))
    assert set(within.values()).isdisjoint(across.values())
    strange = LANE._replace(service='A","B')
    assert len({kind for of in (LANE, strange) for _, kind in of.kinds()}) == 8  # two are of any service


def test_what_the_merchant_says_of_the_destination_rules_and_service_names_are_made_plain() -> None:
    told = {
        "service": "  Express \n Saver ",
        "destination": {"country": "ES", "postal_code": "28001"},
        "origin": {"country": "DE"},
    }
    row = {"carrier": "demo", "destination": b'{"country": "PT", "postal_code": "4050-262"}'}
    assert corridor_of(row, told) == Corridor("demo", "Express Saver", "DE", "PT", "40")
    assert corridor_of(row | {"destination": None}, told) == Corridor("demo", "Express Saver", "DE", "ES", "28")
    assert corridor_of({"carrier": "demo", "destination": b'{"postal_code": "4050"}'}, {}) == Corridor(
        "demo", "", "", "", ""
    )
    assert len(corridor_of(row, {"service": "x" * 500}).service) == 60


def learn(conn, merchant_id: str, month: int, **bins: float) -> None:
    deltas: norms.Deltas = Counter()
    for _, kind in LANE.kinds():
        for name, weight in bins.items():
            deltas[kind, SILENCE, int(name[1:])] += weight
    norms.learn(conn, merchant_id, deltas, month)


def silence(conn, merchant_id: str, month: int) -> dict[int, float]:
    found = norms.find(conn, merchant_id, LANE, month)
    assert {norm.basis for norm in found} in ({"area", "lane", "carrier_lane", "service", "carrier"}, set())
    return dict(found[0].counts.get(SILENCE, {})) if found else {}


def test_what_is_learned_fades_by_the_month_and_is_told_to_its_merchant_alone(conn) -> None:
    learn(conn, M, 100, b40=10, b41=5)
    assert silence(conn, M, 100) == {40: 10, 41: 5}
    assert silence(conn, OTHER, 100) == {}
    learn(conn, M, 102, b40=1)
    assert silence(conn, M, 102) == pytest.approx({40: 10 * 0.64 + 1, 41: 5 * 0.64})


def test_what_is_taken_back_leaves_nothing_whenever_it_is(conn) -> None:
    learn(conn, M, 100, b40=1, b41=1)
    learn(conn, M, 103, b40=-norms.worth(100, 103))
    assert silence(conn, M, 103) == pytest.approx({41: norms.worth(100, 103)})
    learn(conn, M, 103, b41=-norms.worth(100, 103))
    assert silence(conn, M, 103) == {}


def test_norms_nobody_adds_to_are_dropped_in_the_end(conn) -> None:
    learn(conn, M, 100, b40=1)
    learn(conn, OTHER, 100, b40=1)
    norms.forget(conn, merchant_id=M, month=100 + norms.FORGOTTEN_MONTHS + 1)
    assert conn.execute(select(InsightTables.norm.c.merchant_id).distinct()).scalars().all() == [OTHER]


def test_norms_are_remembered_with_their_connection_and_no_more_than_so_many(conn) -> None:
    learn(conn, M, 100, b40=1)
    asked = []
    event.listen(conn, "before_cursor_execute", lambda _c, _cursor, sql, *_: asked.append(sql))
    for _ in range(3):
        silence(conn, M, 100)
        silence(conn, OTHER, 100)
    assert len(asked) == 2  # once for each: all five kinds, also those that are not there
    asked.clear()
    assert [norms.has_any(conn, one) for one in (M, OTHER, M, OTHER)] == [True, False, True, False]
    assert len(asked) == 2
    for number in range(norms._REMEMBERED):
        norms.find(conn, M, LANE._replace(service=str(number)), 100)
    assert len(conn.info["norms"]._kept) <= norms._REMEMBERED


def test_figures_and_drops_walk_indexes_and_never_a_whole_table(conn) -> None:
    wanted = Wanted(first=1, last=30, by=("week", "lane"))
    assert set(plan_of(conn, lambda: asking.asked(conn, M, ("end", "transit"), wanted)).steps) == {
        "SEARCH tally USING INDEX sqlite_autoindex_tally_1 (merchant_id=? AND measure=? AND day>? AND day<?)"
    }
    steps = plan_of(conn, lambda: counting.drop_before(conn, merchant_id=M, now=10**12, keep_days=400)).steps
    assert {step.split(" (")[0] for step in steps} == {
        "SEARCH tally USING INDEX sqlite_autoindex_tally_1",
        "SEARCH outcome USING INDEX outcome_day",
        "SEARCH arrival_said USING INDEX arrival_said_at",
        "SEARCH norm USING INDEX norm_month",
    }
