"""Write the goldens of all carriers' samples anew, or of those named: `python tests/golden.py [CARRIER...]`.

Read the difference in review: a golden is the promise of what a sample means.
"""

from __future__ import annotations

import asyncio
import sys

from connectors import HERE, carrier_codes, connector
from connectors.replay import golden
from connectors.samples import samples
from gateway.reading import document


async def write(code: str) -> int:
    """Write one carrier's goldens; return how many changed."""
    loaded, folder, changed = connector(code), HERE / code.replace("-", "_") / "samples", 0
    written = set()
    for sample in samples(folder):
        file = folder / f"{sample.name}.events.json"
        text = await golden(loaded, sample, document)
        written.add(file)
        if not file.exists() or file.read_text("utf-8") != text:
            file.write_text(text, "utf-8")
            changed += 1
    for left_over in set(folder.glob("*.events.json")) - written:
        left_over.unlink()
        changed += 1
    return changed


def main() -> None:
    """Write the goldens and say what changed."""
    for code in sys.argv[1:] or carrier_codes():
        changed = asyncio.run(write(code))
        sys.stdout.write(f"{code}: {changed} changed\n")


if __name__ == "__main__":
    main()
