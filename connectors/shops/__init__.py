"""Shops: connectors of another kind. They tell of orders, a folder each; the folder is the registration."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.facts import read_facts
from normalizer.codes import read_codes

if TYPE_CHECKING:
    from connectors.shops.base import Shop

HERE = Path(__file__).parent


class UnknownShop(LookupError):  # noqa: N818 - it names what is unknown
    """There is no shop connector of that code."""


@cache
def shop_codes() -> tuple[str, ...]:
    """Return the codes of all shop connectors, sorted."""
    return tuple(sorted(facts.parent.name for facts in HERE.glob("*/shop.toml")))


@cache
def shop(code: str) -> Shop:
    """Load one shop connector. Raises `UnknownShop`; a folder that breaks a rule raises its own error."""
    if code not in shop_codes():
        raise UnknownShop(f"there is no shop {code!r}; there are {', '.join(shop_codes())}")
    folder = HERE / code
    codes = folder / "codes.csv"
    meanings = read_codes(codes.read_text("utf-8").splitlines(), f"{code}/codes.csv") if codes.exists() else {}
    loaded: Shop = import_module(f"connectors.shops.{code}").Shop(read_facts(folder / "shop.toml"), meanings)
    return loaded
