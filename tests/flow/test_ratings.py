"""Ratings: after the delivery, once, read by the merchant, answered on the page."""

import pytest
from flow.roads import NUMBER, messages
from flow.test_tracking_page import RECIPIENT, path_of, post, see, text
from sqlalchemy import select, update

from gateway import housekeeping
from gateway.clock import now_ms
from gateway.ratings.tables import RatingTables

NOW = now_ms()


@pytest.fixture
async def delivered(house):
    """A delivered parcel: its account, its id and its page."""
    account_id = await house.demo_account()
    shipment_id = await house.shipment(recipient=RECIPIENT)
    await house.tell(account_id, NUMBER, "PICKED_UP", "OUT", "DELIVERED")
    return account_id, shipment_id, await path_of(house, shipment_id)


async def test_a_rating_is_given_once_and_told(house, delivered):
    _, shipment_id, path = delivered
    assert "How was the delivery?" in text(await see(house, path))
    status, _, headers = await post(
        house, f"{path}/rate?lang=de", stars="2", reason="late&reason=did_not_ring&reason=rude", words="Two+hours!"
    )
    assert (status, headers["Location"]) == (303, f"{path}?lang=de")
    rating = (await house.call("GET", f"/v1/shipments/{shipment_id}/rating")).json
    assert rating.pop("at") > "2026"
    assert rating == {
        "shipment_id": shipment_id,
        "carrier": "demo",
        "stars": 2,
        "low": True,
        "reasons": ["late", "did_not_ring"],
        "text": "Two hours!",
        "language": "de",
        "answer": None,
        "answered_at": None,
    }
    (message,) = await messages(house, "rating.received")
    told = message["data"]["rating"]
    assert {name: told[name] for name in told if name != "at"} == {
        "stars": 2,
        "reasons": ["late", "did_not_ring"],
        "low": True,
        "has_text": True,
    }
    assert message["data"]["shipment"]["id"] == shipment_id
    page = text(await see(house, path))
    assert "You gave 2 stars of 5." in page
    assert "How was the delivery?" not in page
    assert "Two hours!" not in page
    status, page, _ = await post(house, f"{path}/rate", stars="5")
    assert status == 409
    assert "This delivery was rated already." in page
    assert len(await messages(house, "rating.received")) == 1


async def test_the_same_rating_sent_again_is_no_second_one(house, delivered):
    _, _, path = delivered
    assert [(await post(house, f"{path}/rate", stars="4"))[0] for _ in range(2)] == [303, 303]
    assert len(await messages(house, "rating.received")) == 1


async def test_low_ratings_wait_for_an_answer_that_stands_on_the_page(house, delivered):
    _, shipment_id, path = delivered
    await post(house, f"{path}/rate", stars="1")
    waiting = "/v1/ratings?low=true&answered=false"
    (low,) = (await house.call("GET", waiting, key=await house.key_of("support"))).json["data"]
    assert low["shipment_id"] == shipment_id
    assert (await house.call("GET", "/v1/desk/queues")).json["low_ratings"] == 1
    assert (await house.call("GET", "/v1/ratings?low=false")).json["data"] == []
    assert (await house.call("GET", f"/v1/ratings?shipment_id={shipment_id}")).json["data"] == [low]
    assert (await house.call("GET", "/v1/ratings?shipment_id=shp_other")).json["data"] == []
    answer = {"text": "We are sorry.\nWe talked to the courier."}
    for _ in range(2):
        answered = await house.call("POST", f"/v1/shipments/{shipment_id}/rating/answer", answer)
        assert (answered.status, answered.json["answer"]) == (200, answer["text"])
    assert (await house.call("GET", waiting)).json["data"] == []
    assert (await house.call("GET", "/v1/desk/queues")).json["low_ratings"] == 0
    assert (
        len((await house.call("GET", "/v1/ratings?answered=true&carrier=demo&since=2026-01-01T00:00:00Z")).json["data"])
        == 1
    )
    assert "We talked to the courier." in text(await see(house, path))
    for wrong in ("", " ", "x" * 1_001):
        refused = await house.call("POST", f"/v1/shipments/{shipment_id}/rating/answer", {"text": wrong})
        assert (refused.status, refused.pointers) == (422, ["/text"])


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"stars": ""}, "Choose one to five stars."),
        ({"stars": "6"}, "Choose one to five stars."),
        ({"stars": "3&stars=4"}, "Choose one to five stars."),
        ({"stars": "3", "words": "x" * 1_001}, "That is too long: at most 1,000 characters."),
    ],
)
async def test_what_is_no_rating_is_said_beside_the_form(house, delivered, form, said):
    _, shipment_id, path = delivered
    status, page, _ = await post(house, f"{path}/rate", reason="friendly", **form)
    assert status == 422
    assert f'<p class="problem" id="rate-problem" role="alert">{said}</p>' in page
    assert 'value="friendly" checked' in page
    assert (await house.call("GET", f"/v1/shipments/{shipment_id}/rating")).status == 404


async def test_only_what_was_delivered_to_the_recipient_is_rated(house):
    account_id = await house.demo_account()
    path = await path_of(house, await house.shipment())
    await house.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    assert 'id="rate"' not in text(await see(house, path))
    status, page, _ = await post(house, f"{path}/rate", stars="5")
    assert status == 409
    assert "It can be rated once it is delivered." in page
    back = await path_of(house, await house.shipment("DEMO770044006", direction="return"))
    await house.tell(account_id, "DEMO770044006", "PICKED_UP", "OUT", "DELIVERED")
    assert 'id="rate"' not in text(await see(house, back))
    assert (await post(house, f"{back}/rate", stars="5"))[0] == 409


async def test_words_are_sealed_not_logged_and_forgotten_in_time_while_the_stars_stay(house, delivered, logs):
    _, shipment_id, path = delivered
    await post(house, f"{path}/rate", stars="5", words="thanks+to+Ana+Prado")
    await house.call("POST", f"/v1/shipments/{shipment_id}/rating/answer", {"text": "Thank you, Ana Prado"})
    (row,) = await house.gateway.store.read(lambda conn: conn.execute(select(RatingTables.rating)).mappings().all())
    assert b"Prado" not in row["words"] + row["answer"]
    assert "Prado" not in logs.getvalue()
    keep = house.gateway.settings.keep_message_days * 86_400_000
    old = update(RatingTables.rating).where(RatingTables.rating.c.merchant_id == house.merchant_id)
    await house.gateway.store.write(lambda conn: conn.execute(old.values(at=NOW - keep - 60_000)))
    await housekeeping.drop_old(house.gateway.store, house.gateway.settings, NOW)
    rating = (await house.call("GET", f"/v1/shipments/{shipment_id}/rating")).json
    assert (rating["stars"], rating["text"], rating["answer"]) == (5, None, None)
    assert rating["answered_at"] is not None


async def test_lists_of_ratings_lose_none_between_pages(house, delivered):
    account_id, _, path = delivered
    other = await path_of(house, await house.shipment("DEMO770044006"))
    await house.tell(account_id, "DEMO770044006", "PICKED_UP", "OUT", "DELIVERED")
    for one, stars in ((path, "3"), (other, "5")):
        await post(house, f"{one}/rate", stars=stars)
    first = (await house.call("GET", "/v1/ratings?limit=1")).json
    second = (await house.call("GET", f"/v1/ratings?limit=1&cursor={first['next_cursor']}")).json
    assert [one["stars"] for one in first["data"] + second["data"]] == [5, 3]
    assert second["next_cursor"] is None
    assert (await house.call("GET", "/v1/ratings?cursor=nonsense")).pointers == ["?cursor"]
