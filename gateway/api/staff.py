"""People at the console: oneself, colleagues, invitations, sessions, and the log of what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from gateway import keys
from gateway.api import answers, staff_requests
from gateway.api.calls import MERCHANT, PEOPLE, Ask, Calls, answer, listing
from gateway.api.problems import Problem, invalid
from gateway.staff import audit, passwords, people, sessions
from normalizer import render

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

    from gateway.api.staff_requests import (
        AuditQuery,
        AuthenticatorCode,
        InvitationIn,
        MeChange,
        PasswordIn,
        PersonChange,
    )

CALLS = Calls("People")


async def _me(ask: Ask) -> RowMapping:
    """Return the person who asks. Raises the 403 problem for keys: they are nobody."""
    who = ask.principal
    if not who.person_id:
        raise Problem("forbidden", "this is for people who signed in, not for keys")
    row = await ask.gateway.store.read(lambda conn: people.get(conn, who.merchant_id, who.person_id))
    assert row is not None  # noqa: S101 - the session was found together with its person
    return row


@CALLS.add("GET", "/v1/me", "Who is asking.", roles=PEOPLE, answers={200: answers.Me})
async def me(ask: Ask) -> web.StreamResponse:
    """Show who asks: a person, or a key."""
    who = ask.principal

    def work(conn: Connection) -> tuple[RowMapping | None, str]:
        person = people.get(conn, who.merchant_id, who.person_id) if who.person_id else None
        return person, keys.merchant(conn, who.merchant_id)["name"] if who.merchant_id else ""

    person, merchant = await ask.gateway.store.read(work)
    told = None if person is None else people.document(person)
    return answer({"person": told, "role": who.role, "merchant_id": who.merchant_id, "merchant": merchant})


@CALLS.add(
    "PATCH",
    "/v1/me",
    "Change one's own name.",
    roles=PEOPLE,
    body=staff_requests.MeChange,
    answers={200: answers.Person},
    problems=("validation", "forbidden"),
)
async def change_me(ask: Ask) -> web.StreamResponse:
    """Change what is given."""
    row = await _me(ask)
    wish: MeChange = ask.body
    merchant_id, person_id = row["merchant_id"], row["id"]
    values = {} if wish.name is None else {"name": " ".join(wish.name.split())}
    if values:
        await ask.gateway.store.write(lambda conn: people.change(conn, merchant_id, person_id, **values))
    return answer(people.document(await _me(ask)))


@CALLS.add(
    "PUT",
    "/v1/me/password",
    "Set a new password. All other sessions end.",
    roles=PEOPLE,
    body=staff_requests.PasswordIn,
    answers={204: None},
    problems=("validation", "forbidden", "rate-limited"),
)
async def set_password(ask: Ask) -> web.StreamResponse:
    """Set a new password."""
    row = await _me(ask)
    wish: PasswordIn = ask.body
    _counted(ask, row)
    if not await ask.desk.staff.passwords.good(row["password"], wish.old):
        raise invalid(("/old", "is not your password"))
    if (why := passwords.weakness(wish.new, row["email"])) is not None:
        raise invalid(("/new", why))
    kept = await ask.desk.staff.passwords.hash(wish.new)

    def work(conn: Connection) -> None:
        people.change(conn, row["merchant_id"], row["id"], password=kept)
        _end_others(conn, ask)

    await ask.gateway.store.write(work)
    ask.desk.keeper.forget_people()
    return web.Response(status=204)


def _counted(ask: Ask, row: RowMapping) -> None:
    """Count a try to guess a password or code. Raises the 429 problem where there were too many."""
    if not ask.desk.staff.tries.allow(row["email"]):
        raise Problem("rate-limited", "too many tries: wait a quarter of an hour", headers={"Retry-After": "900"})


def _end_others(conn: Connection, ask: Ask) -> None:
    who = ask.principal
    for one in sessions.listed(conn, who.merchant_id, who.person_id, ask.now):
        if one["id"] != who.key_id:
            sessions.end(conn, who.merchant_id, who.person_id, one["id"])


@CALLS.add(
    "POST",
    "/v1/me/second-factor",
    "Begin to set up a second factor. It holds once a code of it was told.",
    roles=PEOPLE,
    answers={200: answers.TotpStart},
    problems=("forbidden", "conflict"),
)
async def begin_totp(ask: Ask) -> web.StreamResponse:
    """Make a secret, kept apart until it is confirmed."""
    row = await _me(ask)
    if row["totp"] is not None:
        raise Problem("conflict", "there is a second factor already; take it away first")
    secret = ask.desk.staff.begin(row["id"])
    return answer({"secret": secret, "address": passwords.totp_address(secret, row["email"])})


@CALLS.add(
    "PUT",
    "/v1/me/second-factor",
    "Confirm the second factor with a code.",
    roles=PEOPLE,
    body=staff_requests.AuthenticatorCode,
    answers={204: None},
    problems=("validation", "forbidden", "conflict"),
)
async def confirm_totp(ask: Ask) -> web.StreamResponse:
    """Keep the secret that was begun, sealed."""
    row = await _me(ask)
    wish: AuthenticatorCode = ask.body
    secret = ask.desk.staff.begun.get(row["id"])
    if secret is None:
        raise Problem("conflict", "begin it first, and confirm it soon after")
    step = passwords.totp_step(secret, wish.code, 0)
    if step is None:
        raise invalid(("/code", "is not the code of now"))
    sealed = ask.gateway.vault.seal(row["merchant_id"], people.totp_purpose(row["id"]), secret.encode())
    await ask.gateway.store.write(
        lambda conn: people.change(conn, row["merchant_id"], row["id"], totp=sealed, totp_used=step)
    )
    ask.desk.staff.begun.pop(row["id"], None)
    return web.Response(status=204)


@CALLS.add(
    "POST",
    "/v1/me/second-factor/end",
    "Take the second factor away, with a code of it.",
    roles=PEOPLE,
    body=staff_requests.AuthenticatorCode,
    answers={204: None},
    problems=("validation", "forbidden", "conflict", "rate-limited"),
)
async def end_totp(ask: Ask) -> web.StreamResponse:
    """Forget the second factor."""
    row = await _me(ask)
    wish: AuthenticatorCode = ask.body
    if row["totp"] is None:
        raise Problem("conflict", "there is no second factor")
    _counted(ask, row)
    secret = ask.gateway.vault.open(row["merchant_id"], people.totp_purpose(row["id"]), row["totp"]).decode()
    if passwords.totp_step(secret, wish.code, row["totp_used"]) is None:
        raise invalid(("/code", "is not the code of now"))
    await ask.gateway.store.write(lambda conn: people.change(conn, row["merchant_id"], row["id"], totp=None))
    return web.Response(status=204)


@CALLS.add("GET", "/v1/me/sessions", "Where one is signed in.", roles=PEOPLE, answers={200: answers.Sessions})
async def my_sessions(ask: Ask) -> web.StreamResponse:
    """List one's own sessions."""
    who = ask.principal
    found = await ask.gateway.store.read(lambda conn: sessions.listed(conn, who.merchant_id, who.person_id, ask.now))
    return listing([one | {"this": one["id"] == who.key_id} for one in found])


@CALLS.add(
    "DELETE",
    "/v1/me/sessions/{session_id}",
    "Sign out there; `all` signs out everywhere, here too.",
    roles=PEOPLE,
    answers={204: None},
    problems=("not-found",),
)
async def end_session(ask: Ask) -> web.StreamResponse:
    """End one of one's own sessions, or all."""
    who, which = ask.principal, ask.path("session_id")
    only = None if which == "all" else which
    ended = await ask.gateway.store.write(lambda conn: sessions.end(conn, who.merchant_id, who.person_id, only))
    if not ended:
        raise Problem("not-found")
    ask.desk.keeper.forget_people()
    return web.Response(status=204)


@CALLS.add("GET", "/v1/people", "The merchant's people.", roles=("merchant", "support"), answers={200: answers.People})
async def find(ask: Ask) -> web.StreamResponse:
    """List colleagues."""
    rows = await ask.gateway.store.read(lambda conn: people.listed(conn, ask.merchant_id))
    return listing([people.document(row) for row in rows])


@CALLS.add(
    "PATCH",
    "/v1/people/{person_id}",
    "Change a colleague's role, or whether they may sign in. Their sessions end.",
    roles=MERCHANT,
    body=staff_requests.PersonChange,
    answers={200: answers.Person},
    problems=("not-found", "validation", "conflict"),
)
async def change(ask: Ask) -> web.StreamResponse:
    """Change what is given."""
    wish: PersonChange = ask.body
    person_id = ask.path("person_id")
    if person_id == ask.principal.person_id:
        raise Problem("conflict", "nobody takes their own rights away: ask a colleague")
    values: dict[str, Any] = {}
    if wish.role is not None:
        values["role"] = wish.role
    if wish.disabled is not None:
        values["disabled_at"] = ask.now if wish.disabled else None

    def work(conn: Connection) -> RowMapping | None:
        if not values:
            return people.get(conn, ask.merchant_id, person_id)
        sessions.end(conn, ask.merchant_id, person_id)
        changed = people.change(conn, ask.merchant_id, person_id, **values)
        if changed is not None:  # a link from before would give back what is taken here
            people.withdraw(conn, ask.merchant_id, ask.now, email=changed["email"])
        return changed

    row = await ask.gateway.store.write(work)
    if row is None:
        raise Problem("not-found")
    ask.desk.keeper.forget_people()
    return answer(people.document(row))


@CALLS.add(
    "GET",
    "/v1/people/invitations",
    "Invitations nobody accepted yet.",
    roles=MERCHANT,
    answers={200: answers.Invitations},
)
async def invitations(ask: Ask) -> web.StreamResponse:
    """List open invitations, without their links."""
    rows = await ask.gateway.store.read(lambda conn: people.open_invitations(conn, ask.merchant_id, ask.now))
    return listing([_invitation(row) for row in rows])


@CALLS.add(
    "POST",
    "/v1/people/invitations",
    "Invite somebody to the console. The link is shown this once: hand it over yourself.",
    roles=MERCHANT,
    body=staff_requests.InvitationIn,
    answers={201: answers.Invitation},
    problems=("validation",),
)
async def invite(ask: Ask) -> web.StreamResponse:
    """Make an invitation."""
    wish: InvitationIn = ask.body
    by = ask.principal.person_id or ask.principal.key_id
    try:
        made = await ask.gateway.store.write(
            lambda conn: people.invite(conn, ask.merchant_id, wish.email, wish.role, by=by, now=ask.now)
        )
    except people.Taken:
        raise invalid(("/email", "belongs to somebody who cannot be invited here")) from None
    told = {
        "id": made.id,
        "email": made.email,
        "role": wish.role,
        "expires_at": render.millis_instant(ask.now + people.INVITATION_MS),
        "url": f"{ask.gateway.settings.public_url.rstrip('/')}/console/invitation/{made.token}",
    }
    return answer(told, 201)


@CALLS.add(
    "DELETE",
    "/v1/people/invitations/{invitation_id}",
    "Withdraw an invitation: its link ends.",
    roles=MERCHANT,
    answers={204: None},
    problems=("not-found",),
)
async def withdraw(ask: Ask) -> web.StreamResponse:
    """End an invitation nobody accepted yet."""
    ended = await ask.gateway.store.write(
        lambda conn: people.withdraw(conn, ask.merchant_id, ask.now, id=ask.path("invitation_id"))
    )
    if not ended:
        raise Problem("not-found")
    return web.Response(status=204)


def _invitation(row: RowMapping) -> dict[str, Any]:
    told = {name: row[name] for name in ("id", "email", "role")}
    return told | {"expires_at": render.millis_instant(row["expires_at"])}


@CALLS.add(
    "GET",
    "/v1/audit",
    "What people did and whose data they looked at, the latest first.",
    roles=MERCHANT,
    query=staff_requests.AuditQuery,
    answers={200: answers.Acts},
    problems=("validation",),
)
async def acts(ask: Ask) -> web.StreamResponse:
    """List the audit log."""
    query: AuditQuery = ask.query

    def work(conn: Connection) -> list[dict[str, Any]]:
        return audit.listed(
            conn,
            ask.merchant_id,
            subject=query.subject,
            person_id=query.person_id,
            before=query.cursor,
            limit=query.limit + 1,
            names=people.names(conn, ask.merchant_id),
        )

    found = await ask.gateway.store.read(work)
    more = len(found) > query.limit
    found = found[: query.limit]
    return listing(found, found[-1]["id"] if more else None)
