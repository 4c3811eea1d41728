"""What every connector promises about what it is and what it reads. Each function asserts one promise.

`promises_wire.py` holds the promises about asking and being called.
"""

from __future__ import annotations

import ast
import random
import re
import sys
from contextlib import suppress
from types import SimpleNamespace

import orjson
from damage import cuts, damaged

from connectors import HERE, carrier_codes, connector, errors
from connectors.base import Locates, Polls, Pushes
from connectors.errors import Unreadable
from connectors.replay import golden
from connectors.samples import ORIGINS, samples
from connectors.sane import check
from gateway import reading
from normalizer.journey import fold, step
from normalizer.numbers import normal_number

KIT_LIBRARIES = {"lxml", "orjson"}
NO_BUSINESS = {"asyncio", "http", "logging", "os", "shutil", "socket", "subprocess", "threading", "time"}


def every_carrier():
    """Return all carriers as (connector, folder, samples); one that does not load has its own failing test."""
    carriers = []
    for code in carrier_codes():
        with suppress(Exception):
            carriers.append(of_folder(connector(code), HERE / code.replace("-", "_")))
    return carriers


def of_folder(loaded, folder):
    return SimpleNamespace(connector=loaded, folder=folder, samples=samples(folder / "samples"))


def golden_of(carrier, sample):
    """Return a sample's golden as JSON values."""
    return orjson.loads((carrier.folder / "samples" / f"{sample.name}.events.json").read_bytes())


def is_read(carrier, sample):
    """Say whether the golden is a reading, and not a refusal or a handshake."""
    file = carrier.folder / "samples" / f"{sample.name}.events.json"
    return file.exists() and "shipments" in golden_of(carrier, sample)


def facts_are_complete(carrier):
    facts, polls = carrier.connector.facts, isinstance(carrier.connector, Polls)
    assert facts.code == carrier.folder.name.replace("_", "-")
    assert facts.sources, "no sources"
    assert facts.website.startswith("https://")
    for name, secret in facts.secrets.items():
        assert secret.title, f"the secret {name} has no title"
    for address in filter(None, (facts.api.production, facts.api.test)):
        assert address.startswith("https://") or facts.kind == "simulator", f"{address} is not https"
    if polls and facts.kind not in ("simulator", "standard"):
        assert facts.api.production, "nowhere to ask"
        words = " ".join((*facts.unconfirmed, *facts.sources, *facts.sources.values())).lower()
        assert facts.api.test or "test" in words or "sandbox" in words, "no test address, and nothing says why"
    if facts.clock.kind in ("local", "mixed") and facts.clock.zone is None:
        assert facts.clock.note, "bare local times, and neither a zone nor a note"


def the_readme_states_the_proof_level_its_samples_give(carrier):
    readme = carrier.folder / "README.md"
    assert readme.exists(), "no README.md"
    stated = re.search(r"(?i)proof level\W*(written|documented|recorded)", readme.read_text("utf-8"))
    best = max((sample.origin for sample in carrier.samples), key=ORIGINS.index)
    assert stated, f"README.md does not say 'Proof level: {best}'"
    assert stated[1].lower() == best


def each_capability_has_a_sample(carrier):
    calls = {sample.call if sample.source == "poll" else "push" for sample in carrier.samples}
    for capability, call in ((Polls, "poll"), (Pushes, "push"), (Locates, "locate")):
        assert not isinstance(carrier.connector, capability) or call in calls, f"no sample of a {call}"


def no_golden_stands_without_its_sample(carrier):
    names = {sample.name for sample in carrier.samples}
    for file in (carrier.folder / "samples").glob("*.events.json"):
        assert file.name.removesuffix(".events.json") in names, f"{file.name} has no sample"


def it_uses_only_the_kit(carrier):
    carriers = {code.replace("-", "_") for code in carrier_codes()} - {carrier.folder.name}
    for file in carrier.folder.rglob("*.py"):
        tree = ast.parse(file.read_text("utf-8"))
        for name, typing_only in _imports(tree):
            top, _, rest = name.partition(".")
            if top == "connectors":
                assert rest.split(".")[0] not in carriers, f"{file.name} leans on another carrier: {name}"
            elif top in sys.stdlib_module_names:
                assert top not in NO_BUSINESS, f"{file.name} imports {name}: reading is pure, asking is the client's"
                assert not name.startswith("urllib") or name == "urllib.parse", f"{file.name} imports {name}"
            else:
                allowed = KIT_LIBRARIES | {"normalizer"} | ({"httpx"} if typing_only else set())
                assert top in allowed, f"{file.name} imports {name}, which is not of the kit"


def _imports(tree):
    guarded = [n for n in ast.walk(tree) if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.dump(n.test)]
    typing_only = {id(node) for block in guarded for node in ast.walk(block)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in typing_only) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are whole"
            names = [node.module] if node.module != "connectors" else [f"connectors.{a.name}" for a in node.names]
            yield from ((name, id(node) in typing_only) for name in names)


def a_changed_check_digit_is_no_number(carrier):
    for known in carrier.connector.facts.numbers:
        if known.check is None:
            continue
        for valid in map(normal_number, known.valid):
            at = known.match(valid).start("check")
            others = "0123456789" if valid[at].isdecimal() else "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
            for other in others.replace(valid[at], ""):
                assert known.match(valid[:at] + other + valid[at + 1 :]) is None, f"{known.id}: {valid} with {other}"


async def a_sample_reads_to_its_golden(carrier, sample):
    file = carrier.folder / "samples" / f"{sample.name}.events.json"
    assert file.exists(), f"{file.name} is missing: run tests/golden.py"
    text = await golden(carrier.connector, sample, reading.document)
    assert text == file.read_text("utf-8"), f"{file.name} is not what the connector reads: run tests/golden.py"
    said = orjson.loads(text)
    if "raises" in said:
        assert said["raises"] in vars(errors), said
        return
    if unlisted := said.get("unlisted_codes"):
        assert sample.name.startswith("unlisted"), f"codes without a row: {unlisted}"
    elif sample.name.startswith("unlisted"):
        raise AssertionError("named unlisted, and all its codes have rows")


def the_same_bytes_read_the_same(carrier, sample):
    payload = sample.payload(carrier.connector.code)
    assert reading.read(carrier.connector, payload) == reading.read(carrier.connector, payload)


def order_and_repetition_do_not_matter(carrier, sample):
    events = reading.read(carrier.connector, sample.payload(carrier.connector.code)).events
    chance = random.Random(sample.name)
    for number in {event.tracking_number for event in events}:
        own = [step(event) for event in events if event.tracking_number == number]
        mixed = own * 2
        for _ in range(5):
            chance.shuffle(mixed)
            assert fold(mixed) == fold(own)


def a_cut_body_is_unreadable(carrier, sample):
    for length, body in cuts(sample.body):
        said = carrier.connector.read(_with(carrier, sample, body))
        assert isinstance(said.trouble, Unreadable), (
            f"cut after {length} of {len(sample.body)} bytes, and nobody noticed"
        )


def a_damaged_body_gives_events_or_unreadable(carrier, sample):
    for what, body in damaged(sample.body):
        payload = _with(carrier, sample, body)
        try:
            said = carrier.connector.read(payload)
            for one in (*said.scans, *said.details, *said.positions, *said.missing):
                check(one)
            for event in reading.read(carrier.connector, payload).events:
                assert event.at is None or event.at.utcoffset() is not None
            orjson.dumps(reading.document(carrier.connector, payload))
        except Unreadable:
            continue
        except Exception as trouble:
            raise AssertionError(f"{what}: {trouble!r}") from trouble


def _with(carrier, sample, body):
    payload = sample.payload(carrier.connector.code)
    return type(payload)(
        carrier=payload.carrier,
        body=body,
        source=payload.source,
        received_at=payload.received_at,
        numbers=payload.numbers,
        headers=payload.headers,
    )
