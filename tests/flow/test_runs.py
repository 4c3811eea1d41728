"""Runs of a merchant's own couriers: made with their stops, changed, and behind a link that ends."""

import pytest

pytestmark = pytest.mark.both_databases

DAY = "2199-11-20"
RECIPIENT = {
    "name": "Ana Prado",
    "street": "Rua das Flores 12",
    "city": "Porto",
    "postal_code": "4050-262",
    "country": "PT",
}


def run(*stops, **more):
    return {"courier": "Rui", "vehicle": "white van", "day": DAY, "stops": list(stops)} | more


def stop(number="VAN-1001", **more):
    return {"tracking_number": number, "recipient": RECIPIENT} | more


async def made(house, *stops, **more):
    answer = await house.call("POST", "/v1/runs", run(*stops, **more))
    assert answer.status == 201, answer.body
    return answer.json


async def test_a_number_with_an_address_becomes_a_shipment_of_the_carrier_courier(house):
    window = {"from": "2199-11-20T09:00:00+01:00", "to": "2199-11-20T11:00:00+01:00"}
    told = await made(house, stop(needs=["photo", "pin"], pin="4711", window=window, note="Gate code 9"), stop("VAN-2"))
    first, second = told["stops"]
    assert (first["tracking_number"], second["tracking_number"]) == ("VAN-1001", "VAN-2")
    assert (first["needs"], first["has_pin"], first["has_note"]) == (["photo", "pin"], True, True)
    assert (told["stops_total"], told["stops_done"]) == (2, 0)
    assert told["courier_url"].startswith("https://hub.example/c/")
    shipment = (await house.call("GET", f"/v1/shipments/{first['shipment_id']}")).json
    assert (shipment["carrier"], shipment["recipient"]["name"]) == ("courier", "Ana Prado")
    assert shipment["promised"]["from"] == "2199-11-20T09:00:00+01:00"
    for secret in ("4711", "Gate code"):
        assert secret not in str(told)


async def test_the_note_and_the_pin_are_sealed_in_the_database(house):
    told = await made(house, stop(needs=["pin"], pin="4711", note="Gate code 9"))
    kept = await house.kept()
    assert told["id"].encode() in kept
    assert b"Gate code 9" not in kept
    assert b"Rua das Flores" not in kept


async def test_a_shipment_that_is_there_becomes_a_stop_and_one_of_another_carrier_does_not(house):
    mine = await house.call("POST", "/v1/shipments", {"tracking_number": "VAN-7", "carrier": "courier"})
    told = await made(house, {"shipment_id": mine.json["id"]})
    assert told["stops"][0]["shipment_id"] == mine.json["id"]
    other = await house.shipment()
    refused = await house.call("POST", "/v1/runs", run({"shipment_id": other}))
    assert (refused.status, refused.pointers) == (422, ["/stops/0/shipment_id"])
    assert "is a parcel of demo" in refused.json["detail"]
    nobody = await house.call("POST", "/v1/runs", run({"shipment_id": "shp_of_nobody"}))
    assert nobody.pointers == ["/stops/0/shipment_id"]


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        (run({"tracking_number": "A", "shipment_id": "shp_1"}), "/stops/0"),
        (run({}), "/stops/0"),
        (run(stop(needs=["pin"])), "/stops/0"),
        (run(stop(pin="12a4")), "/stops/0/pin"),
        (run(stop(call="call me")), "/stops/0/call"),
        (run(stop(needs=["blood"])), "/stops/0/needs/0"),
        (run(stop(), stop()), "/stops/1"),
        (run(stop("--")), "/stops/0/tracking_number"),
        (run(day="2001-01-01"), "/expires_at"),
        (run(courier=""), "/courier"),
        (run(colour="red"), "/colour"),
    ],
)
async def test_a_wrong_run_names_the_field_and_makes_nothing(house, wish, pointer):
    refused = await house.call("POST", "/v1/runs", wish)
    assert (refused.status, refused.pointers) == (422, [pointer])
    assert (await house.call("GET", "/v1/runs")).json["data"] == []
    assert (await house.call("GET", "/v1/shipments")).json["data"] == []


async def test_stops_change_their_order_keep_what_is_left_out_and_are_taken_off(house):
    told = await made(house, stop("VAN-1", note="ring twice", needs=["photo"]), stop("VAN-2"), stop("VAN-3"))
    one, two, _ = told["stops"]
    wish = {"stops": [{"id": two["id"]}, stop("VAN-4"), {"id": one["id"], "needs": ["signature"]}], "courier": "Eva"}
    changed = (await house.call("PATCH", f"/v1/runs/{told['id']}", wish)).json
    assert changed["courier"] == "Eva"
    assert [row["tracking_number"] for row in changed["stops"]] == ["VAN-2", "VAN-4", "VAN-1"]
    assert changed["stops"][2] == one | {"needs": ["signature"]}
    again = (await house.call("GET", f"/v1/runs/{told['id']}")).json
    assert again == changed
    refused = await house.call("PATCH", f"/v1/runs/{told['id']}", {"stops": [{"id": "stp_of_nobody"}]})
    assert refused.pointers == ["/stops/0/id"]


async def test_runs_are_listed_by_day_page_by_page(house):
    ids = [(await made(house, stop(f"VAN-{n}")))["id"] for n in range(3)]
    other = (await made(house, day="2199-11-21"))["id"]
    first = (await house.call("GET", "/v1/runs?limit=2")).json
    rest = (await house.call("GET", f"/v1/runs?limit=2&cursor={first['next_cursor']}")).json
    assert {row["id"] for row in first["data"] + rest["data"]} == {*ids, other}
    assert rest["next_cursor"] is None
    (only,) = (await house.call("GET", "/v1/runs?day=2199-11-21")).json["data"]
    assert (only["id"], only["stops_total"], "stops" in only) == (other, 0, False)
    assert (await house.call("GET", "/v1/runs?cursor=x")).pointers == ["?cursor"]


async def test_a_new_link_ends_the_old_one_and_a_deleted_run_is_gone(house):
    told = await made(house, stop())
    path = f"/v1/runs/{told['id']}"
    new = await house.call("POST", f"{path}/link", {"expires_at": "2199-12-01T00:00:00Z"})
    assert new.status == 201
    assert new.json["courier_url"] != told["courier_url"]
    assert new.json["expires_at"] == "2199-12-01T00:00:00Z"
    assert (await house.call("DELETE", f"{path}/link")).status == 204
    assert (await house.call("GET", path)).json["courier_url"] is None
    assert (await house.call("DELETE", path)).status == 204
    assert (await house.call("GET", path)).status == 404
    assert (await house.call("GET", f"/v1/shipments/{told['stops'][0]['shipment_id']}")).status == 200
