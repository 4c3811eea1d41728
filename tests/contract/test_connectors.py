"""One contract over all connectors: each promise, each carrier, each sample."""

from __future__ import annotations

import promises
import promises_wire as wire
import pytest

from connectors import HERE, carrier_codes, connector

CARRIERS = promises.every_carrier()
EVERY = [(carrier, sample) for carrier in CARRIERS for sample in carrier.samples]


def each(pairs):
    return [pytest.param(*pair, id=f"{pair[0].connector.code}:{pair[1].name}") for pair in pairs]


READ = each(pair for pair in EVERY if promises.is_read(*pair))
ASKED = each(pair for pair in EVERY if pair[1].source == "poll")
PUSHED = each(pair for pair in EVERY if pair[1].source == "push")
FIRST = {}
for carrier, sample in EVERY:
    if sample.source == "poll":
        FIRST.setdefault((carrier.connector.code, sample.call), (carrier, sample))


@pytest.mark.parametrize("code", carrier_codes())
def test_its_folder_loads(code):
    assert promises.of_folder(connector(code), HERE / code.replace("-", "_")).samples


@pytest.mark.parametrize("carrier", CARRIERS, ids=lambda carrier: carrier.connector.code)
@pytest.mark.parametrize(
    "promise",
    [
        promises.facts_are_complete,
        promises.the_readme_states_the_proof_level_its_samples_give,
        promises.each_capability_has_a_sample,
        promises.no_golden_stands_without_its_sample,
        promises.it_uses_only_the_kit,
        promises.a_changed_check_digit_is_no_number,
    ],
)
def test_of_a_carrier(promise, carrier):
    promise(carrier)


@pytest.mark.parametrize(("carrier", "sample"), each(EVERY))
async def test_a_sample_reads_to_its_golden(carrier, sample):
    await promises.a_sample_reads_to_its_golden(carrier, sample)


@pytest.mark.parametrize(("carrier", "sample"), READ)
@pytest.mark.parametrize(
    "promise",
    [
        promises.the_same_bytes_read_the_same,
        promises.order_and_repetition_do_not_matter,
        promises.a_cut_body_is_unreadable,
        promises.a_damaged_body_gives_events_or_unreadable,
    ],
)
def test_of_a_reading(promise, carrier, sample):
    promise(carrier, sample)


@pytest.mark.parametrize(("carrier", "sample"), ASKED)
@pytest.mark.parametrize("promise", [wire.it_asks_exactly_the_samples_request, wire.it_hands_over_the_bytes])
async def test_of_a_call(promise, carrier, sample):
    await promise(carrier, sample)


@pytest.mark.parametrize(("carrier", "sample"), each(FIRST.values()))
async def test_its_trouble_has_the_right_name(carrier, sample, caplog):
    await wire.its_trouble_has_the_right_name(carrier, sample, caplog)


@pytest.mark.parametrize(("carrier", "sample"), each(FIRST.values()))
async def test_a_number_stays_a_number(carrier, sample):
    await wire.a_number_stays_a_number(carrier, sample)


@pytest.mark.parametrize(("carrier", "sample"), each(pair for pair in FIRST.values() if pair[1].call == "poll"))
async def test_a_whole_batch_goes_in_one_call(carrier, sample):
    await wire.a_whole_batch_goes_in_one_call(carrier, sample)


@pytest.mark.parametrize(("carrier", "sample"), PUSHED)
def test_a_push_is_accepted_with_its_secret_only(carrier, sample):
    wire.a_push_is_accepted_with_its_secret_only(carrier, sample)
