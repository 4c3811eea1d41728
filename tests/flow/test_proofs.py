"""Proofs of delivery: fetched or taken out of the payload, kept sealed, shown by role and by link, and dropped."""

import base64
import io
import re
import time
from hashlib import sha256
from pathlib import Path

import orjson
import pytest
from aiohttp import web
from flow.roads import NUMBER
from flow.test_tracking_page import RECIPIENT, path_of, post, see, text
from PIL import Image
from sqlalchemy import update

from gateway.clock import now_ms
from gateway.inbox import NewPayload
from gateway.proofs import fetching
from gateway.proofs.places import PlaceTrouble
from gateway.proofs.tables import ProofTables

DAY = 86_400_000


def photo(kind="JPEG", colour="#aa5522"):
    out = io.BytesIO()
    Image.new("RGB", (60, 40), colour).save(out, kind)
    return out.getvalue()


class Archive:
    """The demo carrier's archive of proofs, on loopback."""

    def __init__(self):
        self.asked = []
        self.body = b""
        self.status = 200
        self.meanwhile = None
        """What happens between a question and its answer."""

    async def answer(self, request):
        if self.meanwhile is not None:
            await self.meanwhile()
        self.asked.append((request.headers.get("Demo-Key"), request.match_info["name"]))
        body = self.body or photo(colour="#000000" if request.match_info["name"] == "ink" else "#aa5522")
        return web.Response(status=self.status, body=body)


@pytest.fixture
async def archive():
    made = Archive()
    app = web.Application()
    app.router.add_get("/v1/parcels/{number}/proofs/{name}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def parcel(house, archive):
    """A delivered parcel whose carrier names a photo and a signature; its account and id."""
    house.gateway.carriers._base_urls = {"demo": archive.url}
    account_id = await house.demo_account()
    shipment_id = await house.shipment(recipient=RECIPIENT, destination={"country": "PT"}, order_number="A-77")
    await delivered(house, account_id)
    return account_id, shipment_id


async def delivered(house, account_id, *proofs):
    named = proofs or ({"kind": "photo", "name": "door"}, {"kind": "signature", "name": "ink"})
    scan = {"id": "s1", "at": "2026-11-03T12:00:00+01:00", "code": "DELIVERED_SIGNED", "signed_by": "A. Prado"}
    scan |= {"text": "Handed over", "place": {"city": "Porto", "country": "PT"}, "proofs": list(named)}
    body = orjson.dumps({"parcels": [{"number": NUMBER, "scans": [scan]}]})
    assert (await house.push(account_id, body)).status == 200
    await house.read_all()


async def listed(house, shipment_id):
    return (await house.call("GET", f"/v1/shipments/{shipment_id}/proofs")).json["data"]


async def make_due(house):
    await house.gateway.store.write(lambda conn: conn.execute(update(ProofTables.proof).values(due_at=1)))


async def test_named_proofs_are_fetched_once_with_the_accounts_key_and_read_by_role(house, parcel, archive):
    _, shipment_id = parcel
    assert {row["state"] for row in await listed(house, shipment_id)} == {"wanted"}
    await house.gateway.fetcher.tick()
    await house.gateway.fetcher.tick()
    assert sorted(archive.asked) == [("the demo carrier's key", "door"), ("the demo carrier's key", "ink")]
    rows = await listed(house, shipment_id)
    assert {(row["kind"], row["state"], row["media_type"]) for row in rows} == {
        ("photo", "kept", "image/jpeg"),
        ("signature", "kept", "image/jpeg"),
    }
    path = f"/v1/shipments/{shipment_id}/proofs/{rows[0]['id']}"
    got = await house.call("GET", path)
    assert (got.status, got.headers["Content-Type"]) == (200, "image/jpeg")
    assert sha256(got.body).hexdigest() == rows[0]["sha256"]
    assert len(got.body) == rows[0]["size"]
    assert "sandbox" in got.headers["Content-Security-Policy"]
    assert got.headers["Cache-Control"] == "private, no-store"
    assert (await house.call("GET", path, key=await house.key_of("support"))).status == 200
    storefront = {"Origin": "https://shop.example"}
    assert (await house.call("GET", path, key=await house.key_of("storefront"), headers=storefront)).status == 403


async def test_a_wrong_carriers_proofs_are_shown_no_more_and_dropped(house, parcel, archive, settings):
    _, shipment_id = parcel
    await house.gateway.fetcher.tick()
    (first, _) = await listed(house, shipment_id)
    changed = await house.call("PATCH", f"/v1/shipments/{shipment_id}", {"carrier": "dhl-unified"})
    assert changed.status == 200, changed.body
    assert {row["state"] for row in await listed(house, shipment_id)} == {"refused"}
    assert (await house.call("GET", f"/v1/shipments/{shipment_id}/proofs/{first['id']}")).status == 404
    await house.gateway.proofs.drop_old(now_ms(), 180)
    assert await listed(house, shipment_id) == []
    assert on_the_disk(settings) == []


@pytest.mark.parametrize("status", [200, 404])
async def test_a_proof_of_the_wrong_carrier_that_comes_after_the_correction_is_not_shown(
    house, parcel, archive, status
):
    _, shipment_id = parcel

    async def correct():
        await house.call("PATCH", f"/v1/shipments/{shipment_id}", {"carrier": "dhl-unified"})

    archive.status, archive.meanwhile = status, correct
    await house.gateway.fetcher.tick()
    assert {row["state"] for row in await listed(house, shipment_id)} == {"refused"}
    assert len(archive.asked) == 2
    await house.gateway.fetcher.tick()
    assert len(archive.asked) == 2


async def test_a_proof_that_the_right_carrier_names_alike_is_fetched(house, parcel, archive):
    account_id, shipment_id = parcel
    await house.gateway.fetcher.tick()
    for carrier in ("dhl-unified", "demo"):
        await house.call("PATCH", f"/v1/shipments/{shipment_id}", {"carrier": carrier})
    await delivered(house, account_id)
    assert {row["state"] for row in await listed(house, shipment_id)} == {"wanted"}
    await house.gateway.fetcher.tick()
    assert {row["state"] for row in await listed(house, shipment_id)} == {"kept"}
    assert len(archive.asked) == 4


def on_the_disk(settings):
    return [file.read_bytes() for file in Path(settings.proof_store).rglob("*") if file.is_file()]


async def test_what_is_kept_is_sealed_on_the_disk(house, parcel, settings):
    await house.gateway.fetcher.tick()
    files = on_the_disk(settings)
    assert len(files) == 2
    assert all(b"JFIF" not in file for file in files)


async def test_the_same_news_again_ask_for_nothing_again(house, parcel, archive):
    account_id, _ = parcel
    await house.gateway.fetcher.tick()
    await delivered(house, account_id)
    await house.gateway.fetcher.tick()
    assert len(archive.asked) == 2


@pytest.mark.parametrize(
    ("answered", "comes"),
    [
        ((404, b""), ("wanted", "")),
        ((503, b""), ("wanted", "")),
        ((200, b"<svg></svg>"), ("refused", "no picture")),
        ((200, photo("PNG")[:60]), ("refused", "neither a picture that can be drawn nor a PDF")),
        ((401, b""), ("refused", "401")),
    ],
    ids=["not there", "busy", "svg", "cut", "refused"],
)
async def test_what_cannot_be_had_says_why_and_comes_later_if_it_may(house, parcel, archive, answered, comes):
    (archive.status, archive.body), (state, why) = answered, comes
    await house.gateway.fetcher.tick()
    rows = await listed(house, parcel[1])
    assert {row["state"] for row in rows} == {state}
    assert all(why in row["reason"] for row in rows)
    (account,) = (await house.call("GET", "/v1/accounts")).json["data"]
    assert account["state"] == "active"
    missing = await house.call("GET", f"/v1/shipments/{parcel[1]}/proofs/{rows[0]['id']}")
    assert missing.status == 404


async def test_a_proof_the_carrier_never_has_is_given_up(house, parcel, archive):
    archive.status = 404
    for _ in range(5):
        await make_due(house)
        await house.gateway.fetcher.tick()
    assert {row["state"] for row in await listed(house, parcel[1])} == {"absent"}
    assert len(archive.asked) == 10


async def test_a_place_that_fails_costs_a_delay(house, parcel, monkeypatch):
    async def away(_name, _body):
        raise PlaceTrouble("the bucket answers 503")

    with monkeypatch.context() as broken:
        broken.setattr(house.gateway.proofs._place, "put", away)
        await house.gateway.fetcher.tick()
    assert {row["state"] for row in await listed(house, parcel[1])} == {"wanted"}
    await make_due(house)
    await house.gateway.fetcher.tick()
    assert {row["state"] for row in await listed(house, parcel[1])} == {"kept"}


async def test_a_proof_enclosed_in_a_payload_is_taken_out_of_it(house):
    secrets = {"customer_id": "4711", "api_key": "k", "path": "/api/v4/Shipments/{number}/tracking"}
    made = await house.call("POST", "/v1/accounts", {"carrier": "nationex", "secrets": secrets})
    wish = {"tracking_number": "103882999", "carrier": "nationex", "account": made.json["id"]}
    shipment_id = (await house.call("POST", "/v1/shipments", wish)).json["id"]
    scan = {"ProcessedDate": "2026-11-03 12:00:00", "ExceptionId": 5, "DescriptionEn": "x", "PhotoId": 18840}
    told = {"ShipmentId": 103882999, "StatusHistories": [], "Parcels": [{"ParcelId": "1", "History": [scan]}]}
    told["Photos"] = [{"Id": 18840, "Data": base64.encodebytes(photo("PNG")).decode()}]
    payload = NewPayload(
        merchant_id=house.merchant_id,
        carrier="nationex",
        account_id=made.json["id"],
        source="poll",
        received_at=now_ms(),
        body=orjson.dumps(told),
        numbers=("103882999",),
    )
    await house.gateway.inbox.keep(payload)
    await house.read_all()
    await house.gateway.fetcher.tick()
    (row,) = await listed(house, shipment_id)
    assert (row["kind"], row["state"], row["media_type"]) == ("photo", "kept", "image/png")


async def test_who_told_the_postcode_sees_the_pictures_by_links_that_end(house, parcel, monkeypatch):
    await house.gateway.fetcher.tick()
    path = await path_of(house, parcel[1])
    assert "/proofs/" not in text(await see(house, path))
    cookie = (await post(house, f"{path}/postcode", postcode="4050262"))[2]["Set-Cookie"].split(";")[0]
    html = text(await see(house, path, Cookie=cookie))
    links = [link.replace("&amp;", "&") for link in re.findall(r'<img src="([^"]+)"', html)]
    assert len(links) == 2
    got = await see(house, links[0])
    assert (got.status, got.headers["Content-Type"]) == (200, "image/jpeg")
    assert (await see(house, links[0][:-1] + ("A" if links[0][-1] != "A" else "B"))).status == 404
    assert (await see(house, links[0].split("&")[0])).status == 404
    ids = [link.split("/")[-1].split("?")[0] for link in links]
    assert (await see(house, links[0].replace(ids[0], ids[1]))).status == 404
    later = time.time() + 1_300
    monkeypatch.setattr("gateway.proofs.links.time.time", lambda: later)
    assert (await see(house, links[0])).status == 404
    monkeypatch.undo()
    await house.call("DELETE", f"/v1/shipments/{parcel[1]}/tracking-link")
    assert (await see(house, links[0])).status == 404


async def test_the_sheet_holds_what_a_claim_takes(house, parcel):
    await house.gateway.fetcher.tick()
    sheet = await house.call("GET", f"/v1/shipments/{parcel[1]}/proof-sheet")
    assert (sheet.status, sheet.headers["Content-Type"]) == (200, "application/pdf")
    assert sheet.body.startswith(b"%PDF-")
    assert sheet.body.count(b"/Subtype /Image") == 2
    assert f'filename="proof-{parcel[1]}.pdf"' in sheet.headers["Content-Disposition"]
    assert (await house.call("GET", "/v1/shipments/shp_of_nobody/proof-sheet")).status == 404


async def test_old_proofs_go_bytes_first(house, parcel, settings):
    await house.gateway.fetcher.tick()
    assert len(on_the_disk(settings)) == 2
    now = now_ms()
    await house.gateway.proofs.drop_old(now + 179 * DAY, 180)
    assert len(await listed(house, parcel[1])) == 2
    await house.gateway.proofs.drop_old(now + 181 * DAY, 180)
    assert await listed(house, parcel[1]) == []
    assert on_the_disk(settings) == []


def test_waits_grow_and_a_carrier_that_names_a_pause_is_heard():
    trouble = fetching.Unavailable("busy", retry_after=7_200)
    assert fetching._after(0, trouble, 0)["due_at"] == 7_200_000
    waits = [fetching._after(tries, fetching.NotFound(""), 0)["due_at"] for tries in range(5)]
    assert waits[:4] == sorted(waits[:4])
    assert waits[4] is None
