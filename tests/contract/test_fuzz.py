"""Whatever bytes arrive, a connector answers with what it could read and `Unreadable`, and with nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors import HERE, carrier_codes, connector
from connectors.base import Payload
from connectors.errors import Unreadable
from connectors.samples import samples
from gateway.reading import read

if TYPE_CHECKING:
    from connectors.samples import Sample

ROOT = Path(__file__).resolve().parents[2]
SAMPLES: dict[str, list[Sample]] = {
    code: samples(HERE / code.replace("-", "_") / "samples") for code in carrier_codes()
}


@st.composite
def damaged(draw: st.DrawFn, code: str) -> Payload:
    """A sample's payload with stretches of it replaced, doubled, dropped or moved, or bytes of any kind."""
    sample = draw(st.sampled_from(SAMPLES[code]))
    body = bytearray(sample.body)
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(body)))
        end = min(len(body), start + draw(st.integers(0, 40)))
        stretch = bytes(body[start:end])
        other = draw(st.sampled_from(SAMPLES[code])).body
        at = draw(st.integers(0, len(other)))
        body[start:end] = draw(
            st.one_of(
                st.just(b""),
                st.just(stretch * 2),
                st.just(other[at : at + 40]),
                st.binary(max_size=12),
                st.sampled_from([b"null", b"[]", b"{}", b'""', b"-1", b"1e999", b"true", b"\x00", b"<a/>", b"&#0;"]),
            )
        )
    payload = sample.payload(code)
    return Payload(
        carrier=code,
        body=bytes(body),
        source=payload.source,
        received_at=payload.received_at,
        numbers=payload.numbers,
        headers=payload.headers,
    )


@pytest.mark.parametrize("code", carrier_codes())
def test_damaged_bodies_give_events_or_unreadable_and_never_another_error(
    code: str, request: pytest.FixtureRequest
) -> None:
    by = connector(code)
    examples = 3_000 if request.config.getoption("--long") else 60

    @settings(
        max_examples=examples,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
        derandomize=True,
    )
    @given(damaged(code))
    def fuzz(payload: Payload) -> None:
        once, again = read(by, payload), read(by, payload)
        assert once.trouble is None or isinstance(once.trouble, Unreadable)
        assert once.events == again.events

    fuzz()


def test_a_coverage_guided_fuzzer_finds_no_other_error_either(request: pytest.FixtureRequest) -> None:
    """In the longer mode, and where the package `atheris` is installed: a minute over all connectors."""
    if not request.config.getoption("--long"):
        pytest.skip("only with --long")
    if find_spec("atheris") is None:
        pytest.skip("the package atheris is not installed")
    command = [
        sys.executable,
        str(ROOT / "tests" / "contract" / "atheris_run.py"),
        "-max_total_time=60",
        "-verbosity=0",
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
