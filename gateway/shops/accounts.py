"""A merchant's shops: made, changed, forgotten. Secrets go in and never come out. Functions take a connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import func, select, update

from connectors.shops import UnknownShop, shop, shop_codes
from connectors.shops.base import BadAddress, WritesBack
from gateway.accounts import BadAccount, check_secrets
from gateway.ids import new_id
from gateway.shops.tables import Shops
from normalizer.render import millis_instant
from webhooks.origins import GIVE_AGAIN, moved, origin_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import Connection, RowMapping

    from connectors.shops.base import Shop
    from gateway.vault import Vault

_A, _P, _O = Shops.account.c, Shops.push.c, Shops.order.c


FORGOTTEN = {"state": "deleted", "secrets": b"", "old_secrets": None, "old_until": None}
"""The columns of a shop that is deleted."""


@dataclass(frozen=True, slots=True)
class OpenShop:
    """A shop's account with its secrets open, for this process's memory only."""

    merchant_id: str
    id: str
    shop: str
    order_prefix: str
    secrets: Mapping[str, str]

    def __repr__(self) -> str:
        """Never show the secrets, wherever this is printed."""
        return f"OpenShop({self.id!r}, {self.shop!r})"


def prepare(
    vault: Vault, merchant_id: str, code: str, secrets: Mapping[str, str], *, label: str, order_prefix: str, now: int
) -> dict[str, Any]:
    """Return the row of a new shop. Raises `BadAccount` naming each field."""
    try:
        of = shop(code)
    except UnknownShop:
        raise BadAccount({"shop": f"there is no such shop; there are {', '.join(shop_codes())}"}) from None
    check(of, secrets)
    tells = writes_back(of, secrets)
    account_id = new_id("sho", now)
    return {
        "merchant_id": merchant_id,
        "id": account_id,
        "shop": code,
        "label": label,
        "order_prefix": order_prefix,
        "secrets": seal(vault, merchant_id, account_id, secrets),
        "state": "active",
        "told_until": None,
        "tell_at": now if tells else None,
        "tell_failures": 0,
        "told_trouble": "",
        "pushed_at": None,
        "refused_at": None,
        "refusal": "",
        "old_secrets": None,
        "old_until": None,
        "created_at": now,
        "changed_at": now,
    }


def check(of: Shop, secrets: Mapping[str, str]) -> None:
    """Check an account's secrets. Raises `BadAccount` naming each that is wrong."""
    check_secrets(of, secrets)
    if flaws := of.flaws(secrets):
        raise BadAccount({f"secrets/{name}": reason for name, reason in flaws.items()})


def check_moved(of: Shop, before: Mapping[str, str], after: Mapping[str, str], given: Collection[str]) -> None:
    """Check that what is sent to a shop is given anew where its address is another. Raises `BadAccount`."""
    if moved(_origin(of, before), _origin(of, after)):
        sent = {name for name, secret in of.facts.secrets.items() if secret.use != "push"}
        if forgotten := sorted(sent & before.keys() - set(given)):
            raise BadAccount({f"secrets/{name}": GIVE_AGAIN for name in forgotten})


def _origin(of: Shop, secrets: Mapping[str, str]) -> str:
    if not isinstance(of, WritesBack):
        return ""
    try:
        return origin_of(of.address(secrets))
    except BadAddress:
        return ""


def writes_back(of: Shop, secrets: Mapping[str, str]) -> bool:
    """Whether a shop is told of its parcels. Raises `BadAccount` where its address is none."""
    if not isinstance(of, WritesBack) or not of.writes(secrets):
        return False
    try:
        of.address(secrets)
    except BadAddress as trouble:
        raise BadAccount({f"secrets/{trouble.secret}": str(trouble)}) from None
    return True


def seal(vault: Vault, merchant_id: str, account_id: str, secrets: Mapping[str, str]) -> bytes:
    """Seal a shop's secrets for the database."""
    return vault.seal(merchant_id, f"shop:{account_id}", orjson.dumps(dict(secrets)))


def opened(vault: Vault, row: RowMapping) -> OpenShop:
    """Open an account's row."""
    secrets = orjson.loads(vault.open(row["merchant_id"], f"shop:{row['id']}", row["secrets"]))
    return OpenShop(row["merchant_id"], row["id"], row["shop"], row["order_prefix"], secrets)


def create(conn: Connection, row: Mapping[str, Any]) -> RowMapping:
    """Keep a shop."""
    return conn.execute(Shops.account.insert().values(**row).returning(Shops.account)).mappings().one()


def get(conn: Connection, merchant_id: str, account_id: str) -> RowMapping | None:
    """Return a merchant's shop, None where it has none of that id."""
    statement = select(Shops.account).where(_A.merchant_id == merchant_id, _A.id == account_id, _A.state != "deleted")
    return conn.execute(statement).mappings().first()


def by_id(conn: Connection, account_id: str) -> RowMapping | None:
    """Return a shop whose merchant is not known yet: a push names only the account."""
    statement = select(Shops.account).where(_A.id == account_id, _A.state != "deleted")
    return conn.execute(statement).mappings().first()


def listed(conn: Connection, merchant_id: str) -> list[RowMapping]:
    """Return a merchant's shops, oldest first."""
    statement = select(Shops.account).where(_A.merchant_id == merchant_id, _A.state != "deleted")
    return list(conn.execute(statement.order_by(_A.created_at, _A.id)).mappings())


def change(conn: Connection, merchant_id: str, account_id: str, now: int, **values: Any) -> RowMapping | None:
    """Change columns of a shop and return its row; None where there is none."""
    statement = (
        update(Shops.account)
        .where(_A.merchant_id == merchant_id, _A.id == account_id, _A.state != "deleted")
        .values(changed_at=now, **values)
        .returning(Shops.account)
    )
    return conn.execute(statement).mappings().first()


def note_push(conn: Connection, row: RowMapping, now: int) -> None:
    """Note that a push of a shop was kept."""
    _note(conn, row, pushed_at=now)


def note_refusal(conn: Connection, row: RowMapping, reason: str, now: int) -> None:
    """Note that a push to a shop's address was refused."""
    _note(conn, row, refused_at=now, refusal=reason)


def _note(conn: Connection, row: RowMapping, **values: Any) -> None:
    mine = (_A.merchant_id == row["merchant_id"], _A.id == row["id"])
    conn.execute(update(Shops.account).where(*mine).values(**values))


def seen(conn: Connection, merchant_id: str) -> dict[str, dict[str, Any]]:
    """Return what came of shops' pushes, by shop: `orders`, and how many get on no further and why."""
    found: dict[str, dict[str, Any]] = {}
    orders = select(_O.account_id, func.count()).where(_O.merchant_id == merchant_id).group_by(_O.account_id)
    for account_id, count in conn.execute(orders):
        found.setdefault(account_id, {})["orders"] = count
    stuck = (
        select(_P.account_id, _P.state, func.count(), func.max(_P.id))
        .where(_P.merchant_id == merchant_id, _P.state.in_(["waiting", "unreadable"]))
        .group_by(_P.account_id, _P.state)
    )
    for account_id, state, count, last in conn.execute(stuck).all():
        of = found.setdefault(account_id, {})
        of[state] = count
        if state == "unreadable":
            why = select(_P.reason).where(_P.merchant_id == merchant_id, _P.id == last)
            of["unreadable_reason"] = conn.execute(why).scalar_one()
    return found


def document(row: RowMapping, seen_of: Mapping[str, Any], public_url: str, now: int) -> dict[str, Any]:
    """Return a shop as its merchant sees it at `now`."""
    return {
        "id": row["id"],
        "shop": row["shop"],
        "label": row["label"],
        "order_prefix": row["order_prefix"],
        "push_url": f"{public_url}/shops/{row['shop']}/push/{row['id']}",
        "writes_back": row["tell_at"] is not None,
        "writes_back_trouble": row["told_trouble"],
        "orders": seen_of.get("orders", 0),
        "last_push_at": millis_instant(row["pushed_at"]),
        "last_refused_at": millis_instant(row["refused_at"]),
        "last_refusal": row["refusal"],
        "old_secret_until": millis_instant(row["old_until"] if (row["old_until"] or 0) > now else None),
        "waiting": seen_of.get("waiting", 0),
        "unreadable": seen_of.get("unreadable", 0),
        "unreadable_reason": seen_of.get("unreadable_reason", ""),
        "created_at": millis_instant(row["created_at"]),
        "updated_at": millis_instant(row["changed_at"]),
    }
