"""What a shop signed with before its secret was changed, and until when that still counts. Sealed, as secrets are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import update

from connectors.shops import shop
from gateway.shops.tables import Shops

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

    from gateway.vault import Vault

MOST = 10
"""Old secrets of one shop that count at a time."""


class TooMany(ValueError):  # noqa: N818 - it names what is there
    """So many old secrets count already."""


class Old(NamedTuple):
    """What pushes were proved by, by name, and until when it counts in epoch milliseconds."""

    secrets: dict[str, str]
    until: int


def opened(vault: Vault, row: RowMapping) -> list[Old]:
    """Return a shop's old secrets, those that are over as well."""
    sealed = row["old_secrets"]
    if sealed is None:
        return []
    return [Old(*one) for one in orjson.loads(vault.open(row["merchant_id"], _purpose(row), sealed))]


def counting(vault: Vault, row: RowMapping, now: int) -> Iterable[Mapping[str, str]]:
    """Return the old secrets that count at `now`, the newest first."""
    if row["old_until"] is None or row["old_until"] <= now:
        return ()
    return [one.secrets for one in reversed(opened(vault, row)) if one.until > now]


def columns(vault: Vault, row: RowMapping, old: Sequence[Old]) -> dict[str, Any]:
    """Return the columns that keep old secrets."""
    if not old:
        return {"old_secrets": None, "old_until": None}
    sealed = vault.seal(row["merchant_id"], _purpose(row), orjson.dumps([list(one) for one in old]))
    return {"old_secrets": sealed, "old_until": max(one.until for one in old)}


def after_change(
    vault: Vault, row: RowMapping, before: Mapping[str, str], after: Mapping[str, str], *, overlap_ms: int, now: int
) -> dict[str, Any]:
    """Return the columns once a shop's secrets were changed. Raises `TooMany`.

    Only what proves pushes is kept of the old ones. What no push ever proved itself by ends at once: a shop may show
    its secret only after it was connected, and the text given until then must not count. Without an overlap all end.
    """
    names = [name for name, one in shop(row["shop"]).facts.secrets.items() if one.use != "poll"]
    proved = {name: before[name] for name in names if name in before}
    if overlap_ms == 0:
        return columns(vault, row, [])
    old = [one for one in opened(vault, row) if one.until > now]
    if row["pushed_at"] is not None and proved != {name: after[name] for name in names if name in after}:
        old.append(Old(proved, now + overlap_ms))
    if len(old) > MOST:
        raise TooMany(f"{MOST} old secrets count already; wait until some end, or end them all with 0")
    return columns(vault, row, old)


def forget(conn: Connection, now: int) -> None:
    """Forget old secrets where all of a shop's are over."""
    a = Shops.account.c
    conn.execute(update(Shops.account).where(a.old_until <= now).values(old_secrets=None, old_until=None))


def _purpose(row: RowMapping) -> str:
    return f"shop:{row['id']}:old"
