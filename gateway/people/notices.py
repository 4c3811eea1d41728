"""Notices in the database: written with the messages they follow from."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import bindparam, select, update

from gateway.ids import new_id
from gateway.lastmile import wishes
from gateway.people import arriving
from gateway.people.planning import NEWER, News, Reader, plan
from gateway.people.quiet import Quiet
from gateway.people.standing import wish_state
from gateway.people.subjects import CONFIRM, MESSAGES, RATE, READ_FIRST_MS, SUBJECTS
from gateway.people.tables import People
from gateway.tables import Tables
from normalizer import clock
from webhooks.store import Many

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

    from gateway.people.planning import Planned
    from webhooks.log import Entry

_W, _S, _N, _A = People.wish.c, People.stop.c, People.notice.c, People.account.c
_CHUNK = 400
_HOUR = 3_600_000
_LONGEST_CHAIN = 5
"""Carriers one parcel is handed on by, at most, as far as wishes follow it."""


def follow(conn: Connection, entries: Mapping[str, Sequence[Entry]], now: int) -> None:
    """Write the notices that follow from messages just appended, in their transaction. Twice gives the same."""
    for merchant_id, theirs in entries.items():
        told = [entry for entry in theirs if entry.type in MESSAGES and entry.shipment_id is not None]
        if told and conn.execute(select(_W.id).where(_W.merchant_id == merchant_id).limit(1)).first():
            _follow(conn, merchant_id, told, now)


def _follow(conn: Connection, merchant_id: str, entries: Sequence[Entry], now: int) -> None:
    by_shipment: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        assert entry.shipment_id is not None  # noqa: S101 - chosen so by `follow`
        by_shipment[entry.shipment_id].append(entry)
    roots = _chains(conn, merchant_id, by_shipment)
    readers = _readers(conn, merchant_id, {one for chain in roots.values() for one in chain})
    notices: list[Planned] = []
    etas: dict[str, Mapping[str, Any]] = {}
    moves_ms = arriving.moves_ms(conn, merchant_id) if any(one.type == "shipment.eta_changed" for one in entries) else 0
    for shipment_id, theirs in by_shipment.items():
        who = [reader for one in roots[shipment_id] for reader in readers.get(one, ())]
        if who:
            news = [news_of(entry, now) for entry in theirs]
            made = plan(news + _later(conn, merchant_id, news), who, now, eta_moves_ms=moves_ms)
            notices += made.notices
            etas |= made.etas
    if notices:
        _write(conn, merchant_id, notices, now)
    if etas:
        rows = [{"m": merchant_id, "i": wish, "e": orjson.dumps(eta)} for wish, eta in etas.items()]
        _NOTE_ETA(conn, rows)


def news_of(entry: Entry, now: int) -> News:
    """Read a message as far as people may hear of it."""
    data = entry.data()
    told = data.get("event") or data.get("arriving") or {}
    delay = READ_FIRST_MS if entry.type == "conversation.message" else 0
    return News(
        delay=delay,
        message_id=entry.id,
        sequence=entry.sequence,
        type=entry.type,
        version=entry.shipment_version,
        happened_at=min(_millis(told.get("at"), entry.at), now),
        data=data,
    )


def _later(conn: Connection, merchant_id: str, news: Sequence[News]) -> list[News]:
    """Return what is asked some hours after the news: how the delivery was."""
    delivered = [
        one for one in news if one.type == "shipment.delivered" and one.data["shipment"]["direction"] == "outbound"
    ]
    if not delivered:
        return []
    wish = wishes.get(conn, merchant_id)
    also = frozenset({RATE}) if wish.rating_asks else frozenset()
    delay = wish.rating_hours * _HOUR
    return [replace(one, message_id=f"{RATE}:{one.message_id}", type=RATE, delay=delay, also=also) for one in delivered]


def _millis(at: str | None, otherwise: int) -> int:
    if at is None:
        return otherwise
    found = clock.iso(at)
    return int(found.timestamp() * 1000) if isinstance(found, datetime) else otherwise


def _chains(conn: Connection, merchant_id: str, ids: Iterable[str]) -> dict[str, list[str]]:
    """Return each shipment with those it continues, itself first."""
    table = Tables.shipment.c
    chains = {id_: [id_] for id_ in ids}
    ends = {id_: id_ for id_ in chains}
    for _ in range(_LONGEST_CHAIN):
        before: dict[str, str] = {}
        looked = sorted(set(ends.values()))
        for begin in range(0, len(looked), _CHUNK):
            statement = select(table.id, table.continued_from_id).where(
                table.merchant_id == merchant_id,
                table.id.in_(looked[begin : begin + _CHUNK]),
                table.continued_from_id.is_not(None),
            )
            before |= {row.id: row.continued_from_id for row in conn.execute(statement)}
        ends = {id_: before[end] for id_, end in ends.items() if end in before and before[end] not in chains[id_]}
        if not ends:
            break
        for id_, end in ends.items():
            chains[id_].append(end)
    return chains


def _readers(conn: Connection, merchant_id: str, shipment_ids: Iterable[str]) -> dict[str, list[Reader]]:
    ids = sorted(shipment_ids)
    rows: list[RowMapping] = []
    for begin in range(0, len(ids), _CHUNK):
        statement = (
            select(People.wish)
            .where(_W.merchant_id == merchant_id, _W.shipment_id.in_(ids[begin : begin + _CHUNK]))
            .order_by(_W.created_at, _W.id)
        )
        rows += conn.execute(statement).mappings()
    if not rows:
        return {}
    accounts = sending_accounts(conn, merchant_id)
    stops = stopped(conn, merchant_id, {(row["channel"], row["address_hash"]) for row in rows})
    readers: dict[str, list[Reader]] = defaultdict(list)
    for row in rows:
        account_id = accounts.get(row["channel"], "")
        scopes = stops.get((row["channel"], row["address_hash"]), frozenset())
        readers[row["shipment_id"]].append(reader_of(row, account_id, is_stopped=bool(scopes & {"", account_id})))
    return readers


def reader_of(row: RowMapping, account_id: str, *, is_stopped: bool) -> Reader:
    """Return a wish's row as planning needs it."""
    return Reader(
        wish_id=row["id"],
        shipment_id=row["shipment_id"],
        channel=row["channel"],
        address_hash=row["address_hash"],
        zone=ZoneInfo(row["zone"]),
        quiet=Quiet(row["quiet_from"], row["quiet_to"]),
        state=state_of(row, is_stopped=is_stopped),
        event_types=None if row["event_types"] is None else orjson.loads(row["event_types"]),
        eta_told=None if row["eta_told"] is None else orjson.loads(row["eta_told"]),
        account_id=account_id,
    )


def state_of(row: Mapping[str, Any] | RowMapping, *, is_stopped: bool) -> Any:
    """Return the state of a wish, by its row."""
    return wish_state(
        stopped=is_stopped,
        removed=row["removed_at"] is not None,
        double_opt_in=row["double_opt_in"],
        confirmed=row["confirmed_at"] is not None,
    )


def sending_accounts(conn: Connection, merchant_id: str) -> dict[str, str]:
    """Return who sends by each channel: the oldest active account, else one that waits for its owner."""
    statement = (
        select(_A.channel, _A.id)
        .where(_A.merchant_id == merchant_id, _A.state != "deleted")
        .order_by(_A.state.desc(), _A.created_at.desc(), _A.id.desc())
    )
    return {row.channel: row.id for row in conn.execute(statement)}  # the last one of a channel stays: active, oldest


def stopped(
    conn: Connection, merchant_id: str, people: Iterable[tuple[str, bytes]]
) -> dict[tuple[str, bytes], frozenset[str]]:
    """Return for whom sending stopped, (channel, address hash), and for which accounts; the empty one is all."""
    found: dict[tuple[str, bytes], set[str]] = defaultdict(set)
    by_channel: dict[str, list[bytes]] = defaultdict(list)
    for channel, address_hash in people:
        by_channel[channel].append(address_hash)
    for channel, hashes in by_channel.items():
        for begin in range(0, len(hashes), _CHUNK):
            statement = select(_S.address_hash, _S.account_id).where(
                _S.merchant_id == merchant_id,
                _S.channel == channel,
                _S.address_hash.in_(hashes[begin : begin + _CHUNK]),
            )
            for row in conn.execute(statement):
                found[channel, row.address_hash].add(row.account_id)
    return {who: frozenset(accounts) for who, accounts in found.items()}


_ADD = Many.inserting(People.notice, twice={})
_NOTE_ETA = Many.running(
    update(People.wish)
    .where(_W.merchant_id == bindparam("m"), _W.id == bindparam("i"))
    .values(eta_told=bindparam("e")),
    (),
)
_SUPERSEDE = Many.running(
    update(People.notice)
    .where(
        _N.merchant_id == bindparam("m"),
        _N.shipment_id == bindparam("s"),
        _N.due_at.is_not(None),
        _N.channel == bindparam("c"),
        _N.address_hash == bindparam("h"),
        _N.state == "queued",
        _N.message_id != bindparam("x"),
        *(_N.subject != name for name in (CONFIRM, *(name for name, one in SUBJECTS.items() if one.apart))),
    )
    .values(state="superseded", reason=NEWER, due_at=None, changed_at=bindparam("t")),
    (),
)
_SUPERSEDE_ALIKE = Many.running(
    update(People.notice)
    .where(
        _N.merchant_id == bindparam("m"),
        _N.shipment_id == bindparam("s"),
        _N.due_at.is_not(None),
        _N.channel == bindparam("c"),
        _N.address_hash == bindparam("h"),
        _N.state == "queued",
        _N.message_id != bindparam("x"),
        _N.subject == bindparam("k"),
    )
    .values(state="superseded", reason=NEWER, due_at=None, changed_at=bindparam("t")),
    (),
)


def _write(conn: Connection, merchant_id: str, notices: Sequence[Planned], now: int) -> None:
    for apart, supersede in ((False, _SUPERSEDE), (True, _SUPERSEDE_ALIKE)):
        going = [one for one in notices if one.state == "queued" and bool(one.group) is apart]
        if going:
            supersede(conn, [_older(merchant_id, one, now) | ({"k": one.group} if apart else {}) for one in going])
    _ADD(conn, [_row(merchant_id, one, now) for one in notices])


def _older(merchant_id: str, one: Planned, now: int) -> dict[str, Any]:
    """Return what names the notices whose place another takes."""
    who = one.reader
    return {
        "m": merchant_id,
        "s": who.shipment_id,
        "c": who.channel,
        "h": who.address_hash,
        "t": now,
        "x": one.news.message_id,
    }


def _row(merchant_id: str, one: Planned, now: int) -> dict[str, Any]:
    return {
        "merchant_id": merchant_id,
        "id": new_id("ntc", now),
        "message_id": one.news.message_id,
        "sequence": one.news.sequence,
        "shipment_id": one.reader.shipment_id,
        "shipment_version": one.news.version,
        "wish_id": one.reader.wish_id,
        "account_id": one.reader.account_id,
        "channel": one.reader.channel,
        "address_hash": one.reader.address_hash,
        "subject": one.subject,
        "state": one.state,
        "reason": one.reason,
        "code": "",
        "due_at": one.due_at,
        "expires_at": one.expires_at,
        "attempts": 0,
        "unclear": 0,
        "provider_id": "",
        "segments": None,
        "created_at": now,
        "changed_at": now,
    }
