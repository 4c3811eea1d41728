"""The contract itself is held to account: a connector that breaks a promise fails that promise."""

from __future__ import annotations

import promises
import promises_wire as wire
import pytest

from connectors.replay import golden
from connectors.samples import samples
from connectors.scaffold import create, load_folder
from gateway.reading import document


@pytest.fixture
def made(tmp_path):
    """Make a new carrier, with pieces of its files replaced."""

    def make(**changes):
        create("lime-post", document, tmp_path)
        folder = tmp_path / "lime_post"
        for name, (old, new) in changes.items():
            file = folder / {"behaviour": "__init__.py", "sample": "samples/delivered.http"}.get(name, f"{name}.csv")
            text = file.read_text("utf-8")
            assert old in text
            file.write_text(text.replace(old, new), "utf-8")
        return promises.of_folder(load_folder(folder), folder)

    return make


async def test_a_new_carrier_keeps_every_promise(made, caplog):
    carrier = made()
    (sample,) = carrier.samples
    promises.facts_are_complete(carrier)
    promises.the_readme_states_the_proof_level_its_samples_give(carrier)
    promises.each_capability_has_a_sample(carrier)
    promises.no_golden_stands_without_its_sample(carrier)
    promises.it_uses_only_the_kit(carrier)
    await promises.a_sample_reads_to_its_golden(carrier, sample)
    promises.the_same_bytes_read_the_same(carrier, sample)
    promises.order_and_repetition_do_not_matter(carrier, sample)
    promises.a_cut_body_is_unreadable(carrier, sample)
    promises.a_damaged_body_gives_events_or_unreadable(carrier, sample)
    await wire.it_asks_exactly_the_samples_request(carrier, sample)
    await wire.it_hands_over_the_bytes(carrier, sample)
    await wire.its_trouble_has_the_right_name(carrier, sample, caplog)
    await wire.a_number_stays_a_number(carrier, sample)
    await wire.a_whole_batch_goes_in_one_call(carrier, sample)


async def test_a_code_without_a_row_is_noticed(made):
    carrier = made(codes=("DELIVERED,", "DELIVERED_TO,"))
    text = await golden(carrier.connector, carrier.samples[0], document)
    (carrier.folder / "samples" / "delivered.events.json").write_text(text, "utf-8")
    with pytest.raises(AssertionError, match="codes without a row"):
        await promises.a_sample_reads_to_its_golden(carrier, carrier.samples[0])


async def test_a_changed_meaning_is_noticed(made):
    carrier = made(codes=("delivered,to_recipient", "delivered,signed"))
    with pytest.raises(AssertionError, match="not what the connector reads"):
        await promises.a_sample_reads_to_its_golden(carrier, carrier.samples[0])


def test_a_connector_that_reads_half_a_body_is_noticed(made):
    part = "    def parse(self"
    lenient = (
        "    def parts(self, payload):\n"
        "        try:\n            return (payload.json(),)\n"
        "        except Exception:\n            return ()\n\n"
    )
    carrier = made(behaviour=(part, lenient + part))
    with pytest.raises(AssertionError, match="nobody noticed"):
        promises.a_cut_body_is_unreadable(carrier, carrier.samples[0])


def test_a_connector_that_raises_something_else_is_noticed(made):
    carrier = made(behaviour=('(event["code"],)', 'asked(event["code"])'))
    file = carrier.folder / "__init__.py"
    text = file.read_text("utf-8")
    file.write_text(
        text + "\n\ndef asked(code):\n    if not code:\n        raise OSError\n    return (code,)\n", "utf-8"
    )
    carrier = promises.of_folder(load_folder(carrier.folder), carrier.folder)
    with pytest.raises(AssertionError, match=r"\('events', 0, 'code'\) is null: OSError"):
        promises.a_damaged_body_gives_events_or_unreadable(carrier, carrier.samples[0])


def test_a_connector_that_remembers_is_noticed(made):
    carrier = made(behaviour=('text=text_of(event, "text") or "",', "text=str(len(MEMORY) or MEMORY.append(1)),"))
    file = carrier.folder / "__init__.py"
    file.write_text(file.read_text("utf-8").replace("\n\nclass", "\nMEMORY: list[int] = []\n\n\nclass"), "utf-8")
    carrier = promises.of_folder(load_folder(carrier.folder), carrier.folder)
    with pytest.raises(AssertionError):
        promises.the_same_bytes_read_the_same(carrier, carrier.samples[0])


async def test_a_number_that_is_not_quoted_is_noticed(made):
    carrier = made(behaviour=("quote(numbers[0], safe='')", "numbers[0]"))
    with pytest.raises(AssertionError, match="another"):
        await wire.a_number_stays_a_number(carrier, carrier.samples[0])


async def test_another_request_than_the_samples_is_noticed(made):
    carrier = made(behaviour=("/v1/parcels/", "/v2/other-parcels/"))
    with pytest.raises(AssertionError):
        await wire.it_asks_exactly_the_samples_request(carrier, carrier.samples[0])


def test_only_the_values_of_fields_that_vary_are_left_out():
    sample, same, other, fewer = b"stamp=1&word=a", b"stamp=2&word=a", b"stamp=2&word=b", b"word=a"
    assert wire._canonical(same, ("stamp",)) == wire._canonical(sample, ("stamp",))
    assert wire._canonical(same) != wire._canonical(sample)
    for wrong in (other, fewer):
        assert wire._canonical(wrong, ("stamp",)) != wire._canonical(sample, ("stamp",))


async def test_a_swallowed_refusal_is_noticed(made, caplog):
    carrier = made(behaviour=("safe='')}\")", "safe='')}\", expect=(200, 401))"))
    with pytest.raises(AssertionError, match="401 is"):
        await wire.its_trouble_has_the_right_name(carrier, carrier.samples[0], caplog)


@pytest.mark.parametrize(
    "line", ["import socket", "import requests", "from gateway import db", "import urllib.request"]
)
def test_an_import_from_outside_the_kit_is_noticed(made, line):
    carrier = made()
    (carrier.folder / "more.py").write_text(line, "utf-8")
    with pytest.raises(AssertionError, match=r"more\.py imports"):
        promises.it_uses_only_the_kit(carrier)


def test_a_push_that_anybody_may_send_is_noticed(made):
    pushes = (
        "from connectors.base import Pushes\n\n\nclass Carrier(Connector, Pushes):\n"
        "    def verify(self, push, secrets):\n"
        "        if push.headers.get('x-proof') == '':\n            raise ValueError\n"
    )
    carrier = made(behaviour=("class Carrier(Connector, Polls):", pushes))
    (carrier.folder / "samples" / "push.http").write_text(
        "# origin: written\n# about: pushed\nPOST /push HTTP/1.1\nx-proof: 1\n\n{}\n", "utf-8"
    )
    push = next(sample for sample in samples(carrier.folder / "samples") if sample.source == "push")
    with pytest.raises(AssertionError, match="without any proof is taken"):
        wire.a_push_is_accepted_with_its_secret_only(carrier, push)
