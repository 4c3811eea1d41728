"""A coverage-guided fuzz of every connector's reading: the first byte chooses the connector, the rest is the body.

Run by `test_fuzz.py` in the longer mode; by hand: `python tests/contract/atheris_run.py -max_total_time=600`.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["connectors", "normalizer"]):
    from connectors import HERE, carrier_codes, connector
    from connectors.base import Payload
    from connectors.samples import samples

CODES = carrier_codes()
AT = datetime(2026, 3, 1, tzinfo=UTC)


def one(data: bytes) -> None:
    """Read one body; anything but a reading is a finding."""
    if not data:
        return
    code = CODES[data[0] % len(CODES)]
    for source in ("poll", "push"):
        connector(code).read(Payload(carrier=code, body=data[1:], source=source, received_at=AT, numbers=("1",)))


def main() -> None:
    """Begin from the samples."""
    with tempfile.TemporaryDirectory() as corpus:
        for index, code in enumerate(CODES):
            for sample in samples(HERE / code.replace("-", "_") / "samples"):
                Path(corpus, f"{code}-{sample.name}").write_bytes(bytes([index]) + sample.body)
        atheris.Setup([sys.argv[0], corpus, *sys.argv[1:]], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
