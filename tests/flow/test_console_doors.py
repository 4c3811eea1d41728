"""Who gets in to the console, what a session may, and what is kept of it."""

import re

import pyotp
import pytest
from sqlalchemy import select, text, update

from gateway.staff import people, sessions
from gateway.staff.tables import StaffTables

PASSWORD = "four horses and a kite"
OWN = {"X-Console": "1", "Sec-Fetch-Site": "same-origin"}


async def form(house, path, cookie="", headers=None, **fields):
    sent = {"Cookie": cookie, **(headers or {})} if cookie else dict(headers or {})
    async with house.session.post(house.url + path, data=fields, headers=sent, allow_redirects=False) as response:
        return response.status, await response.text(), response.headers


def cookie_of(headers):
    return headers["Set-Cookie"].split(";")[0]


async def person(house, email="ana@shop.example", role="merchant", name="Ana"):
    """Invite somebody, let them accept; return the cookie of their session."""
    made = await house.call("POST", "/v1/people/invitations", {"email": email, "role": role})
    assert made.status == 201, made.body
    path = made.json["url"].removeprefix("https://hub.example")
    status, _, headers = await form(house, path, name=name, password=PASSWORD)
    assert (status, headers["Location"]) == (303, "/console")
    return cookie_of(headers)


async def as_person(house, cookie, method, path, json=None, **headers):
    return await house.call(method, path, json, key=None, headers={"Cookie": cookie, **OWN, **headers})


async def change(house, statement):
    await house.gateway.store.write(lambda conn: conn.execute(statement).rowcount)


async def test_an_invited_person_sets_a_password_and_is_in(house):
    cookie = await person(house)
    me = (await as_person(house, cookie, "GET", "/v1/me")).json
    assert (me["person"]["name"], me["role"], me["merchant"]) == ("Ana", "merchant", "A shop")
    page = await as_person(house, cookie, "GET", "/console")
    assert page.status == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]


async def test_an_invitation_is_good_once_and_for_three_days(house):
    made = await house.call("POST", "/v1/people/invitations", {"email": "ana@shop.example"})
    path = made.json["url"].removeprefix("https://hub.example")
    assert (await form(house, path, name="", password=PASSWORD))[0] == 422
    assert (await form(house, path, name="Ana", password="short"))[0] == 422
    assert (await form(house, path, name="Ana", password="ana-ana-ana-ana"))[0] == 422
    assert (await form(house, path, name="Ana", password=PASSWORD))[0] == 303
    assert (await form(house, path, name="Eve", password=PASSWORD))[0] == 404
    other = await house.call("POST", "/v1/people/invitations", {"email": "bo@shop.example"})
    await house.gateway.store.write(
        lambda conn: conn.execute(update(StaffTables.invitation).values(expires_at=1)).rowcount
    )
    assert (await form(house, other.json["url"].removeprefix("https://hub.example"), name="Bo", password=PASSWORD))[
        0
    ] == 404
    assert (await house.call("GET", "/console/invitation/nonsense", key=None)).status == 404


async def invited(house, email="ana@shop.example", role="support"):
    """Invite somebody; return the invitation's id and the path of its link."""
    made = (await house.call("POST", "/v1/people/invitations", {"email": email, "role": role})).json
    return made["id"], made["url"].removeprefix("https://hub.example")


async def accepted(house, path):
    return (await form(house, path, name="Ana", password=PASSWORD))[0]


async def test_an_older_link_ends_with_a_newer_one_and_any_link_when_it_is_withdrawn(house):
    _, first = await invited(house, role="merchant")
    id_, second = await invited(house)
    assert await accepted(house, first) == 404
    _, others = await house.merchant()
    assert (await house.call("DELETE", f"/v1/people/invitations/{id_}", key=others)).status == 404
    assert (await house.call("DELETE", f"/v1/people/invitations/{id_}")).status == 204
    assert (await house.call("DELETE", f"/v1/people/invitations/{id_}")).status == 404
    assert await accepted(house, second) == 404
    assert (await house.call("GET", "/v1/people/invitations")).json["data"] == []


@pytest.mark.parametrize("change", [{"disabled": True}, {"role": "support"}])
async def test_a_link_from_before_gives_nobody_back_what_was_taken_from_them(house, change):
    await person(house)
    (ana,) = (await house.call("GET", "/v1/people")).json["data"]
    _, kept_back = await invited(house, role="merchant")
    assert (await house.call("PATCH", f"/v1/people/{ana['id']}", change)).status == 200
    assert await accepted(house, kept_back) == 404
    (ana,) = (await house.call("GET", "/v1/people")).json["data"]
    assert (ana["disabled_at"] is not None, ana["role"]) == ("disabled" in change, change.get("role", "merchant"))


async def test_signing_in_leads_to_where_one_wanted_to_go(house):
    await person(house)
    door = await house.session.get(f"{house.url}/console/shipments/shp_1?x=1", allow_redirects=False)
    assert (door.status, door.headers["Location"]) == (303, "/console/sign-in?next=/console/shipments/shp_1%3Fx%3D1")
    status, _, headers = await form(house, door.headers["Location"], email=" Ana@Shop.example", password=PASSWORD)
    assert (status, headers["Location"]) == (303, "/console/shipments/shp_1?x=1")
    cookie = headers["Set-Cookie"]
    for part in ("HttpOnly", "SameSite=Strict", "Secure", "Path=/"):
        assert part in cookie


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example",
        "//evil.example",
        "/consolex",
        "/v1/me",
        "javascript:alert(1)",
        "/console/../v1",
        "/console\\@evil",
    ],
)
async def test_signing_in_leads_nowhere_else(house, wanted):
    await person(house)
    _, _, headers = await form(house, f"/console/sign-in?next={wanted}", email="ana@shop.example", password=PASSWORD)
    assert headers["Location"] == "/console"


async def test_unknown_people_and_wrong_passwords_look_the_same_and_guessing_ends(house):
    await person(house)
    wrong = await form(house, "/console/sign-in", email="ana@shop.example", password="wrong")
    unknown = await form(house, "/console/sign-in", email="ana@shop.exampla", password="wrong")
    assert (wrong[0], wrong[1]) == (401, unknown[1].replace("exampla", "example"))
    for _ in range(9):
        await form(house, "/console/sign-in", email="ana@shop.example", password="wrong")
    status, page, _ = await form(house, "/console/sign-in", email="ana@shop.example", password=PASSWORD)
    assert status == 429
    assert "Too many tries" in page


async def test_a_second_factor_is_asked_for_and_each_code_is_taken_once(house):
    cookie = await person(house)
    begun = (await as_person(house, cookie, "POST", "/v1/me/second-factor")).json
    assert (await as_person(house, cookie, "PUT", "/v1/me/second-factor", {"code": "000000"})).status in (204, 422)
    code = pyotp.TOTP(begun["secret"]).now()
    assert (await as_person(house, cookie, "PUT", "/v1/me/second-factor", {"code": code})).status == 204
    status, page, _ = await form(house, "/console/sign-in", email="ana@shop.example", password=PASSWORD)
    ticket = re.search(r'name="ticket" value="([^"]+)"', page)[1]
    assert (status, "six digits" in page) == (200, True)
    status, page, _ = await form(house, "/console/sign-in", ticket=ticket, code=code)
    assert (status, "Each code is taken once" in page) == (401, True)
    await change(house, update(StaffTables.person).values(totp_used=0))
    assert (await form(house, "/console/sign-in", ticket=ticket[:-1] + "x", code=code))[0] == 401
    status, _, headers = await form(house, "/console/sign-in", ticket=ticket, code=pyotp.TOTP(begun["secret"]).now())
    assert (status, "Set-Cookie" in headers) == (303, True)


async def test_who_took_over_a_session_cannot_guess_the_second_factor_away(house):
    cookie = await person(house)
    begun = (await as_person(house, cookie, "POST", "/v1/me/second-factor")).json
    code = {"code": pyotp.TOTP(begun["secret"]).now()}
    assert (await as_person(house, cookie, "PUT", "/v1/me/second-factor", code)).status == 204
    path, wrong = "/v1/me/second-factor/end", f"{(int(code['code']) + 500_000) % 1_000_000:06}"
    tried = [(await as_person(house, cookie, "POST", path, {"code": wrong})).status for _ in range(11)]
    assert (set(tried[:10]), tried[10]) == ({422}, 429)


async def test_a_session_may_change_things_only_from_the_console_itself(house):
    cookie, parcel = await person(house), {"tracking_number": "DEMO100200302", "carrier": "demo"}
    for site in (None, "cross-site", "same-site"):
        headers = {"Cookie": cookie} | ({} if site is None else {"X-Console": "1", "Sec-Fetch-Site": site})
        refused = await house.call("POST", "/v1/shipments", parcel, key=None, headers=headers)
        assert refused.status == 403, site
    assert (await as_person(house, cookie, "POST", "/v1/shipments", parcel)).status == 201


async def test_signing_out_here_there_and_everywhere(house):
    first = await person(house)
    status, _, headers = await form(house, "/console/sign-in", email="ana@shop.example", password=PASSWORD)
    second = cookie_of(headers)
    listed = (await as_person(house, second, "GET", "/v1/me/sessions")).json["data"]
    assert [one["this"] for one in listed].count(True) == 1
    (other,) = [one["id"] for one in listed if not one["this"]]
    assert (await as_person(house, second, "DELETE", f"/v1/me/sessions/{other}")).status == 204
    assert (await as_person(house, first, "GET", "/v1/me")).status == 401
    assert (await as_person(house, second, "GET", "/v1/me")).status == 200
    status, _, headers = await form(house, "/console/sign-out", cookie=second)
    assert status == 303
    assert (await as_person(house, second, "GET", "/v1/me")).status == 401


async def test_a_new_password_ends_all_other_sessions(house):
    first = await person(house)
    _, _, headers = await form(house, "/console/sign-in", email="ana@shop.example", password=PASSWORD)
    second = cookie_of(headers)
    new = {"old": PASSWORD, "new": "seven boats and a drum"}
    assert (await as_person(house, second, "PUT", "/v1/me/password", new | {"old": "wrong"})).pointers == ["/old"]
    assert (await as_person(house, second, "PUT", "/v1/me/password", new | {"new": "short"})).pointers == ["/new"]
    assert (await as_person(house, second, "PUT", "/v1/me/password", new)).status == 204
    assert (await as_person(house, first, "GET", "/v1/me")).status == 401
    assert (await as_person(house, second, "GET", "/v1/me")).status == 200


async def test_who_may_not_sign_in_any_more_is_out_at_once(house):
    boss = await person(house)
    cookie = await person(house, "bo@shop.example", "support", "Bo")
    (bo,) = [one for one in (await as_person(house, boss, "GET", "/v1/people")).json["data"] if one["name"] == "Bo"]
    assert (await as_person(house, cookie, "GET", "/v1/shipments")).status == 200
    assert (await as_person(house, cookie, "GET", "/v1/keys")).status == 403
    assert (await as_person(house, boss, "PATCH", f"/v1/people/{bo['id']}", {"disabled": True})).status == 200
    assert (await as_person(house, cookie, "GET", "/v1/shipments")).status == 401
    assert (await form(house, "/console/sign-in", email="bo@shop.example", password=PASSWORD))[0] == 401
    own = (await as_person(house, boss, "GET", "/v1/me")).json["person"]["id"]
    assert (await as_person(house, boss, "PATCH", f"/v1/people/{own}", {"role": "support"})).status == 409


async def test_idle_and_old_sessions_are_over(house):
    cookie = await person(house)
    now = await house.gateway.store.read(
        lambda conn: conn.execute(select(StaffTables.session.c.created_at)).scalar_one()
    )
    secret = cookie.partition("=")[2]

    async def holds(at):
        digest = people.digest(secret)
        return await house.gateway.store.read(lambda conn: sessions.find(conn, digest, at)) is not None

    assert await holds(now + sessions.IDLE_MS - 1)
    assert not await holds(now + sessions.IDLE_MS)
    await change(house, update(StaffTables.session).values(seen_at=now + sessions.LONGEST_MS))
    assert await holds(now + sessions.LONGEST_MS - 1)
    assert not await holds(now + sessions.LONGEST_MS)


async def test_somebody_of_another_merchant_cannot_be_invited(house):
    await person(house)
    _, other = await house.merchant()
    refused = await house.call("POST", "/v1/people/invitations", {"email": "ana@shop.example"}, key=other)
    assert refused.pointers == ["/email"]
    assert (await house.call("GET", "/v1/people", key=other)).json["data"] == []


async def test_acts_and_looks_at_personal_data_are_kept_in_the_audit_log(house):
    cookie = await person(house)
    shipment_id = await house.shipment(recipient={"name": "Ana Prado"})
    path = f"/v1/shipments/{shipment_id}"
    await as_person(house, cookie, "GET", "/v1/shipments")
    for _ in range(2):  # a page that stays open asks again
        await as_person(house, cookie, "GET", path)
    await as_person(house, cookie, "GET", "/v1/search?q=prado")
    await as_person(house, cookie, "PATCH", path, {"order_number": "A-1"})
    await as_person(house, cookie, "PATCH", path, {"colour": "red"})
    acts = (await as_person(house, cookie, "GET", "/v1/audit")).json["data"]
    assert [(one["act"], one["subject"], one["person"]) for one in acts[:-1]] == [
        ("PATCH /v1/shipments/{shipment_id}", shipment_id, "Ana"),
        ("GET /v1/search", "", "Ana"),
        ("GET /v1/shipments/{shipment_id}", shipment_id, "Ana"),
    ]
    assert acts[-1]["act"] == "accept an invitation"
    assert len((await as_person(house, cookie, "GET", f"/v1/audit?subject={shipment_id}&limit=1")).json["data"]) == 1


async def test_the_audit_log_names_what_is_still_there(house):
    cookie = await person(house)
    shipment_id, account_id = await house.shipment(), await house.demo_account()
    made = await house.call("POST", "/v1/endpoints", {"url": "https://shop.example/hooks"})
    gone = await house.call("POST", "/v1/endpoints", {"url": "https://shop.example/other"})
    order = await house.call("POST", "/v1/orders", {"order_number": "A-1"})
    for method, path in (
        ("PATCH", f"/v1/endpoints/{made.json['id']}"),
        ("DELETE", f"/v1/endpoints/{gone.json['id']}"),
        ("PATCH", f"/v1/accounts/{account_id}"),
        ("GET", f"/v1/orders/{order.json['id']}"),
        ("GET", f"/v1/shipments/{shipment_id}"),
        ("DELETE", f"/v1/accounts/{account_id}"),
        ("PATCH", "/v1/me"),
    ):
        body = {"PATCH": {"description": "x"} if "endpoints" in path else {"label": "x"}}.get(method)
        body = {"name": "Ana Prado"} if path == "/v1/me" else body
        assert (await as_person(house, cookie, method, path, body)).status in (200, 204), path
    acts = (await house.call("GET", "/v1/audit")).json["data"]
    assert [one["about"] for one in acts] == [
        None,
        None,
        "DEMO100200302",
        "A-1",
        None,
        None,
        "https://shop.example/hooks",
        "Ana Prado",
    ]
    _, other = await house.merchant()
    assert (await house.call("GET", "/v1/audit", key=other)).json["data"] == []


async def test_whatever_shows_a_recipient_or_a_secret_is_a_look(house):
    cookie = await person(house)
    shipment_id = await house.shipment()
    path = f"/v1/shipments/{shipment_id}"
    made = await house.call("POST", "/v1/endpoints", {"url": "https://shop.example/hooks"})
    await house.call("POST", f"{path}/events", {"status": "in_transit", "at": "2026-11-20T08:00:00Z"})
    (message, *_) = (await house.call("GET", "/v1/messages")).json["data"]
    parts = ("conversation", "notes", "subscriptions", "notices", "proof-sheet")
    for one in (*(f"{path}/{part}" for part in parts), f"/v1/messages/{message['id']}"):
        assert (await as_person(house, cookie, "GET", one)).status in (200, 404), one
    await as_person(house, cookie, "GET", f"/v1/endpoints/{made.json['id']}/secret")
    acts = (await as_person(house, cookie, "GET", "/v1/audit")).json["data"]
    looks = {one["act"] for one in acts}
    assert looks >= {f"GET /v1/shipments/{{shipment_id}}/{part}" for part in parts[:-1]}
    assert looks >= {"GET /v1/messages/{message_id}", "GET /v1/endpoints/{endpoint_id}/secret"}


async def test_signing_in_and_out_stands_in_the_audit_log(house):
    cookie = await person(house)
    await form(house, "/console/sign-out", cookie=cookie)
    await form(house, "/console/sign-in", email="ana@shop.example", password="wrong")
    await form(house, "/console/sign-in", email="ana@shop.example", password=PASSWORD)
    acts = (await house.call("GET", "/v1/audit")).json["data"]
    assert [one["act"] for one in acts] == ["sign in", "sign out", "accept an invitation"]


async def test_the_database_and_the_logs_hold_no_secret_of_theirs(house, logs):
    cookie = await person(house)
    await form(house, "/console/sign-in", email="ana@shop.example", password=PASSWORD)
    secret = cookie.partition("=")[2]
    for table in ("person", "session", "invitation", "audit"):
        rows = await house.gateway.store.read(
            lambda conn, table=table: conn.execute(text(f"select * from {table}")).all()
        )
        assert secret not in repr(rows)
        assert PASSWORD not in repr(rows)
    told = logs.getvalue()
    for secret_ in (secret, PASSWORD, "ana@shop.example"):
        assert secret_ not in told


async def test_a_form_of_another_site_signs_nobody_in_or_out(house):
    cookie = await person(house)
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    assert (await form(house, "/console/sign-in", headers=elsewhere, email="ana@shop.example", password=PASSWORD))[
        0
    ] == 401
    await form(house, "/console/sign-out", cookie=cookie, headers=elsewhere)
    assert (await as_person(house, cookie, "GET", "/v1/me")).status == 200
