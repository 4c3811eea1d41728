"""The recipient's page: whole without a script, cut by the table of visibility, and the same for every dead link."""

import asyncio
import base64
import html
import re

import orjson
import pytest
from flow.roads import DOOR, NUMBER, Eyes, drive, position_push
from sqlalchemy import update

from gateway.people import writing
from gateway.tables import Tables

RECIPIENT = {
    "name": "Ana Prado",
    "street": "Rua das Flores 12",
    "city": "Porto",
    "postal_code": "4050-262",
    "country": "PT",
}
DESTINATION = {"city": "Porto", "country": "PT", "latitude": DOOR[0], "longitude": DOOR[1]}


@pytest.fixture
async def parcel(house):
    """An account of the demo carrier, a parcel that is out for delivery, and the path of its page."""
    account_id = await house.demo_account()
    shipment_id = await house.shipment(destination=DESTINATION, recipient=RECIPIENT, order_number="A-77")
    await house.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    return account_id, shipment_id, await path_of(house, shipment_id)


async def path_of(house, shipment_id):
    url = (await house.call("GET", f"/v1/shipments/{shipment_id}")).json["tracking_url"]
    return url.removeprefix("https://hub.example")


async def see(house, path, language="en", **headers):
    return await house.call("GET", path, key=None, headers={"Accept-Language": language, **headers})


def text(answer):
    return answer.body.decode()


async def post(house, path, **fields):
    data = "&".join(f"{name}={value}" for name, value in fields.items()).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with house.session.post(house.url + path, data=data, headers=headers, allow_redirects=False) as response:
        return response.status, await response.text(), response.headers


async def test_the_page_is_whole_without_a_script(house, parcel):
    page = await see(house, parcel[2])
    assert page.status == 200
    html = text(page)
    assert "<h1>Your parcel is out for delivery</h1>" in html
    assert re.search(r'<li class="step now" aria-current="step">.*?Out for delivery', html, re.DOTALL)
    assert "A-77" in html
    assert NUMBER in html
    assert html.count('<li class="entry') == 2
    assert "<script>" not in html
    assert " style=" not in html
    assert not re.search(r"\son[a-z]+=", html)


async def test_where_nobody_said_where_it_goes_all_times_are_on_the_clock_it_was_scanned_by(house):
    shipment_id = await house.shipment("X-1", carrier="generic")
    event = {"status": "delivered", "at": "2026-11-20T13:15:00+01:00"}
    assert (await house.call("POST", f"/v1/shipments/{shipment_id}/events", event)).status == 201
    html = text(await see(house, await path_of(house, shipment_id)))
    assert "<h1>Delivered on 20 November at 13:15</h1>" in html


async def test_the_page_is_told_to_nobody_else(house, parcel):
    headers = (await see(house, parcel[2])).headers
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in headers["X-Robots-Tag"]
    assert headers["Cache-Control"] == "private, no-cache"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


async def test_what_takes_trust_is_not_there_before_the_postcode(house, parcel):
    html = text(await see(house, parcel[2]))
    for secret in ("Rua das Flores", "Ana Prado", "4050-262", str(DOOR[0])):
        assert secret not in html


async def test_the_postcode_opens_the_address_for_an_hour_and_for_this_page_alone(house, parcel):
    path = parcel[2]
    status, _, headers = await post(house, f"{path}/postcode", postcode="4050 262")
    assert status == 303
    assert headers["Location"] == path
    cookie = headers["Set-Cookie"]
    assert f"Path={path}" in cookie
    assert "HttpOnly" in cookie
    assert "Secure" in cookie
    assert "SameSite=Strict" in cookie
    shown = await see(house, path, Cookie=cookie.split(";")[0])
    assert "Rua das Flores 12" in text(shown)
    assert "Ana Prado" in text(shown)
    assert shown.headers["Cache-Control"] == "private, no-store"
    other = await path_of(house, await house.shipment("DEMO100200351", recipient=RECIPIENT))
    assert "Rua das Flores" not in text(await see(house, other, Cookie=cookie.split(";")[0]))


async def test_a_wrong_postcode_is_said_and_guessing_ends(house, parcel):
    path = f"{parcel[2]}/postcode"
    for _ in range(5):
        status, html, _ = await post(house, path, postcode="1000-001")
        assert status == 422
        assert "That is not the postcode it goes to." in html
        assert "Rua das Flores" not in html
    status, html, _ = await post(house, path, postcode="4050-262")
    assert status == 429
    assert "Too many tries" in html


async def test_a_reload_after_a_wrong_postcode_leads_back_to_the_page(house, parcel):
    async with house.session.get(f"{house.url}{parcel[2]}/postcode?lang=de", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, f"{parcel[2]}?lang=de")


@pytest.mark.parametrize("odd", ["", "%00", "a" * 5_000, "%F0%9F%93%A6"])
async def test_an_odd_postcode_is_only_wrong(house, parcel, odd):
    status, _, _ = await post(house, f"{parcel[2]}/postcode", postcode=odd)
    assert status == 422


async def test_unknown_revoked_and_expired_links_look_the_same(house, parcel):
    _, shipment_id, path = parcel
    unknown = await see(house, "/t/" + "a" * 24)
    malformed = await see(house, "/t/x")
    await house.call("DELETE", f"/v1/shipments/{shipment_id}/tracking-link")
    revoked = await see(house, path)
    answers = [unknown, malformed, revoked]
    assert {one.status for one in answers} == {404}
    assert len({one.body for one in answers}) == 1
    assert "There is nothing to see here" in text(unknown)
    varying = {"date", "x-request-id"}
    assert len({tuple((k, v) for k, v in one.headers.items() if k.lower() not in varying) for one in answers}) == 1
    for more in ("/live", "/logo.png", "/brand.css", "/app.webmanifest"):
        gone = [await see(house, start + more) for start in ("/t/" + "a" * 24, path)]
        assert {one.status for one in gone} == {404}, more


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("de-AT,de;q=0.9", "Ihr Paket ist in Zustellung"),
        ("fr", "Votre colis est en cours de livraison"),
        ("es", "Tu paquete está en reparto"),
        ("pl", "Twoja paczka jest w doręczeniu"),
        ("ar", "طردك خرج للتوصيل"),
        ("tlh", "Your parcel is out for delivery"),
    ],
)
async def test_it_speaks_the_readers_language(house, parcel, language, says):
    html = text(await see(house, parcel[2], language))
    assert says in html
    assert ('dir="rtl"' in html[:200]) == (language == "ar")
    assert says in text(await see(house, f"{parcel[2]}?lang={language.split('-')[0]}", "en")) or language == "tlh"


async def test_the_courier_is_named_only_while_on_the_way(house, parcel):
    account_id, shipment_id, path = parcel
    c = Tables.shipment.c

    def named(conn):
        row = conn.execute(Tables.shipment.select().where(c.id == shipment_id)).mappings().one()
        state = orjson.loads(row["state"]) | {"courier": "Rui", "courier_vehicle": "white van"}
        conn.execute(update(Tables.shipment).where(c.id == shipment_id).values(state=orjson.dumps(state)))

    await house.gateway.store.write(named)
    assert "Rui" in text(await see(house, path))
    await house.tell(account_id, NUMBER, "PICKED_UP", "OUT", "DELIVERED")
    await house.gateway.store.write(named)
    assert "Rui" not in text(await see(house, path))


async def test_the_page_says_where_the_courier_is_as_exactly_as_may_be(house, parcel):
    account_id, _, path = parcel
    await drive(house, account_id, position_push(4_000, 30, stops_before=9))
    html = text(await see(house, path))
    assert "approximate" in html
    assert "&#34;precision&#34;:&#34;blurred&#34;" in html
    await drive(house, account_id, position_push(3_800, 0, stops_before=1))
    assert "&#34;precision&#34;:&#34;exact&#34;" in text(await see(house, path))


async def test_news_reach_the_open_page(house, parcel):
    account_id, _, path = parcel
    async with house.session.get(f"{house.url}{path}/live") as stream:
        assert stream.status == 200
        eyes = Eyes(stream)
        assert (await eyes.sees())["stage"] == "far"
        await house.tell(account_id, NUMBER, "PICKED_UP", "OUT", "DELIVERED")
        lines = []
        while "event: changed" not in lines:
            lines.append(await asyncio.wait_for(eyes.line(), 5))


async def test_an_ended_link_ends_the_open_page(house, parcel, monkeypatch):
    monkeypatch.setattr("gateway.api.positions.HEARTBEAT", 0.05)
    _, shipment_id, path = parcel
    async with house.session.get(f"{house.url}{path}/live") as stream:
        eyes = Eyes(stream)
        await eyes.sees()
        await house.call("DELETE", f"/v1/shipments/{shipment_id}/tracking-link")
        with pytest.raises(EOFError):
            await asyncio.wait_for(eyes.rest(), 5)


async def test_more_than_people_would_cannot_watch_one_parcel(house, parcel, monkeypatch):
    monkeypatch.setattr("gateway.api.positions.MOST_WATCHING", 1)
    async with house.session.get(f"{house.url}{parcel[2]}/live") as stream:
        await Eyes(stream).sees()
        assert (await see(house, f"{parcel[2]}/live")).status == 503


PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


async def test_the_page_wears_the_merchants_brand(house, parcel):
    path = parcel[2]
    wish = {"name": "Nordwind", "accent": "#7a1fa2", "help_url": "https://shop.example/help"}
    assert (await house.call("PUT", "/v1/branding", wish)).json["name"] == "Nordwind"
    assert (await house.call("PUT", "/v1/branding/logo", {"png": base64.b64encode(PNG).decode()})).status == 204
    html = text(await see(house, path))
    assert 'alt="Nordwind"' in html
    assert 'href="https://shop.example/help"' in html
    css = re.search(r'href="(/t/[^"]+/brand\.css[^"]*)"', html)[1]
    assert "--accent: #7a1fa2;" in text(await see(house, css))
    logo = await see(house, f"{path}/logo.png")
    assert (logo.body, logo.headers["Content-Type"]) == (PNG, "image/png")
    manifest = (await see(house, f"{path}/app.webmanifest")).json
    assert manifest["name"] == "Your parcel from Nordwind"
    assert manifest["start_url"] == path
    assert (await house.call("DELETE", "/v1/branding/logo")).status == 204
    assert (await see(house, f"{path}/logo.png")).status == 404
    assert (await house.call("GET", "/v1/branding")).json["accent"] == "#7a1fa2"


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        ({"accent": "#eeeeee"}, "/accent"),
        ({"ink": "#999999"}, "/ink"),
        ({"surface": "#222222"}, "/ink"),
        ({"accent": "red"}, "/accent"),
        ({"accent": "#FF0000; } body { display: none"}, "/accent"),
        ({"help_url": "javascript:alert(1)"}, "/help_url"),
        ({"name": "x" * 201}, "/name"),
        ({"colour": "#000000"}, "/colour"),
    ],
)
async def test_a_look_that_cannot_be_read_or_trusted_is_refused(house, wish, pointer):
    refused = await house.call("PUT", "/v1/branding", wish)
    assert refused.status == 422
    assert refused.pointers == [pointer]


async def test_a_logo_is_a_small_png(house):
    gif = base64.b64encode(b"GIF89a" + b"\0" * 20).decode()
    assert (await house.call("PUT", "/v1/branding/logo", {"png": gif})).pointers == ["/png"]
    large = base64.b64encode(PNG + b"\0" * 200_000).decode()
    assert (await house.call("PUT", "/v1/branding/logo", {"png": large})).pointers == ["/png"]
    assert (await house.call("PUT", "/v1/branding/logo", {"png": "%%%"})).status == 422


async def test_what_carriers_and_merchants_write_is_text_and_never_markup(house):
    account_id = await house.demo_account()
    evil = "<script>alert(1)</script>"
    shipment_id = await house.shipment(order_number=evil)
    await house.tell(account_id, NUMBER, "PICKED_UP")
    body = {"status": "in_transit", "at": "2026-11-20T08:05:00+01:00", "text": evil, "place": {"city": evil}}
    assert (await house.call("POST", f"/v1/shipments/{shipment_id}/events", body)).status in (200, 201)
    html = text(await see(house, await path_of(house, shipment_id)))
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


@pytest.mark.parametrize("form", ["postcode", "say", "rate", "wish"])
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded; charset=klingon", b"words=%ff%00"),
        ("application/x-www-form-urlencoded", b"a=1&" * 3_000),
        ("application/x-www-form-urlencoded", b"a" * 20_000),
        ("multipart/form-data", b"words"),
        ("multipart/form-data; boundary=x", b"--x\r\nwords"),
        ("application/json", b"{}"),
    ],
)
async def test_what_is_no_form_of_a_browser_is_an_empty_one(house, parcel, form, kind, body):
    path = f"{house.url}{parcel[2]}/{form}"
    async with house.session.post(path, data=body, headers={"Content-Type": kind}, allow_redirects=False) as answer:
        assert answer.status in (303, 422)


BACK = {
    "ar": "عادت إلى المُرسِل",
    "de": "Zurück beim Absender",
    "en": "Back with the sender",
    "es": "Devuelto al remitente",
    "fr": "De retour chez l'expéditeur",
    "pl": "Z powrotem u nadawcy",
}


@pytest.mark.parametrize("language", sorted(BACK))
async def test_a_parcel_that_went_back_ends_with_the_sender_and_not_with_a_delivery(house, parcel, language):
    account_id, shipment_id, path = parcel
    await house.tell(account_id, NUMBER, "PICKED_UP", "OUT", "RETURNING", "DELIVERED")
    page = text(await see(house, path, language))
    entries = re.findall(r'<p class="entry-words">(.*?)</p>', page, re.DOTALL)
    assert html.unescape(entries[0]) == BACK[language]
    events = (await house.call("GET", f"/v1/shipments/{shipment_id}/events")).json["data"]
    assert (events[-1]["status"], events[-1]["substatus"]) == ("delivered", "to_recipient")
    assert [one["counts_as"] for one in events] == [None] * 3 + [{"status": "returned", "substatus": "to_sender"}]
    public = (await house.call("GET", path.replace("/t/", "/v1/public/shipments/"), key=None)).json
    assert public["said"]["history"][0]["words"] == "Back with the sender"
    read = await house.gateway.store.read(lambda conn: writing.history_of(conn, house.merchant_id, shipment_id))
    assert read[0]["counts_as"]["status"] == "returned"


async def test_a_point_a_courier_told_along_is_on_no_public_face_before_the_hand_over(house):
    told = {"tracking_number": "VAN-5", "carrier": "courier", "recipient": RECIPIENT}
    shipment_id = (await house.call("POST", "/v1/shipments", told)).json["id"]
    path = await path_of(house, shipment_id)
    events = f"/v1/shipments/{shipment_id}/events"
    towns = {"in_transit": {"city": "Braga", "country": "PT", "latitude": 41.551111, "longitude": -8.42}}
    points = {
        "in_transit": 41.551111,
        "out_for_delivery": 41.123456,
        "attempt_failed": 41.222222,
        "delivered": 41.333333,
    }
    seen = []
    for hour, (status, latitude) in enumerate(points.items(), 10):
        where = towns.get(status, {"latitude": latitude, "longitude": -8.42})
        event = {"status": status, "at": f"2026-11-20T{hour}:00:00Z", "place": where}
        assert (await house.call("POST", events, event)).status == 201
        await house.read_all()
        public = await house.call("GET", f"/v1/public/shipments/{path.rpartition('/')[2]}", key=None)
        faces = (public.body.decode(), text(await see(house, path)))
        seen += [[one for one in points.values() if str(one) in face] for face in faces]
    assert seen == [[41.551111]] * 6 + [[41.551111, 41.333333]] * 2
    kept = (await house.call("GET", events)).json["data"]
    assert [event["place"]["latitude"] for event in kept] == list(points.values())
