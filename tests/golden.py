"""Write the goldens of all carriers' samples anew, or of those named: `python tests/golden.py [CARRIER...]`.

Read the difference in review: a golden is the promise of what a sample means.
"""

from __future__ import annotations

import asyncio
import sys

from connectors import HERE, carrier_codes, connector
from connectors.replay import golden
from connectors.samples import samples
from connectors.shops import HERE as SHOPS
from connectors.shops import shop, shop_codes
from connectors.shops.replay import golden as shop_golden
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


def write_shop(code: str) -> int:
    """Write one shop's goldens; return how many changed."""
    folder, changed = SHOPS / code / "samples", 0
    written = {folder / f"{one.name}.orders.json": shop_golden(shop(code), one) for one in samples(folder)}
    for file, text in written.items():
        if not file.exists() or file.read_text("utf-8") != text:
            file.write_text(text, "utf-8")
            changed += 1
    for left_over in set(folder.glob("*.orders.json")) - set(written):
        left_over.unlink()
        changed += 1
    return changed


def main() -> None:
    """Write the goldens and say what changed. A shop is named `shops/CODE`."""
    for code in sys.argv[1:] or (*carrier_codes(), *(f"shops/{code}" for code in shop_codes())):
        kind, _, name = code.rpartition("/")
        changed = write_shop(name) if kind else asyncio.run(write(name))
        sys.stdout.write(f"{code}: {changed} changed\n")


if __name__ == "__main__":
    main()
