"""Merchants are written to when an endpoint fails or is disabled: a real mail server, real receivers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from faults.receiver import receiving
from flow.conftest import SECRET_KEY, House
from flow.mailbox import Mailbox, mailbox
from pydantic import ValidationError
from sqlalchemy import func, select, update

from gateway import alerts
from gateway.clock import now_ms
from gateway.settings import Settings, load
from gateway.tables import Tables
from webhooks.patience import DISABLE_TRIES
from webhooks.tables import Tables as WebhookTables

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from faults.receiver import Receiver
    from sqlalchemy import Connection

DAY = 86_400_000


@pytest.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as one:
        yield one


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as it:
        yield it


@pytest.fixture
def settings(settings: Settings, box: Mailbox) -> Settings:
    mail = {"smtp_url": f"smtp+plain://127.0.0.1:{box.port}", "mail_from": "gateway@hub.example"}
    return settings.model_copy(update=mail)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "LOOK_EVERY", 0.1)
    monkeypatch.setattr(alerts, "GATHERED", 200)


async def endpoint(house: House, receiver: Receiver, path: str, **more: object) -> str:
    made = await house.call("POST", "/v1/endpoints", {"url": receiver.url(path)} | more)
    assert made.status == 201, made.body
    return str(made.json["id"])


async def waiting(house: House) -> int:
    return await house.gateway.store.read(
        lambda conn: conn.execute(select(func.count(Tables.alert.c.tries))).scalar() or 0
    )


async def test_a_merchant_is_written_to_once_when_endpoints_are_gone(house, receiver, box, logs):
    asked = await house.call("PATCH", "/v1/merchant", {"contact_email": "ops@shop.example"})
    assert (asked.status, asked.json["contact_email"]) == (200, "ops@shop.example")
    receiver.otherwise.update({"/a": 410, "/token-in-path": 410})
    wants = {"event_types": ["shipment.in_transit"]}
    first = await endpoint(house, receiver, "/a", description="Orders\r\nBcc: x@y.example"[:6], **wants)
    second = await endpoint(house, receiver, "/token-in-path", **wants)
    account_id = await house.demo_account()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")
    await house.until(lambda: len(box.mails) == 1)
    (mail,) = box.mails
    assert (mail["To"], mail["From"], mail["Auto-Submitted"]) == (
        "ops@shop.example",
        "Carrier gateway <gateway@hub.example>",
        "auto-generated",
    )
    assert mail["Subject"] == "2 of your webhook endpoints need a look"
    text = mail.get_content()
    for told in (
        f"({first}, Orders)",
        f"({second})",
        "410 Gone",
        f"POST https://hub.example/v1/endpoints/{first}/enable",
        f"http://127.0.0.1:{receiver.port} (",
        "kept for you, for 90 days",
    ):
        assert told in text
    assert "token-in-path" not in text

    async def none_wait() -> bool:
        return await waiting(house) == 0

    await house.until(none_wait)
    assert len(box.mails) == 1
    ours = [line for line in logs.getvalue().splitlines() if '"mail.log"' not in line]  # the server's own log
    assert [line for line in ours if "ops@shop.example" in line] == []


async def test_what_came_a_little_later_goes_in_the_same_letter(house, receiver, box, monkeypatch):
    await house.call("PATCH", "/v1/merchant", {"contact_email": "ops@shop.example"})
    receiver.otherwise.update({"/late": 410, "/due": 410})
    account_id = await house.demo_account()
    ids = []
    for path, gathered, kind, code in (
        ("/late", 600_000, "shipment.in_transit", "PICKED_UP"),
        ("/due", 0, "shipment.out_for_delivery", "OUT"),
    ):
        monkeypatch.setattr(alerts, "GATHERED", gathered)
        ids.append(await endpoint(house, receiver, path, event_types=[kind]))
        await house.tell(account_id, "DEMO100200302", code)
        await house.until(partial(is_disabled, house, ids[-1]))
    await house.until(lambda: bool(box.mails))
    text = box.mails[0].get_content()
    assert [id_ in text for id_ in ids] == [True, True]


async def is_disabled(house: House, id_: str) -> bool:
    state: str = (await house.call("GET", f"/v1/endpoints/{id_}")).json["state"]
    return state == "disabled"


async def test_a_warning_goes_by_mail_and_again_until_the_mail_server_takes_it(house, receiver, box, monkeypatch):
    monkeypatch.setattr(alerts, "FIRST_WAIT", 20)
    await house.call("PATCH", "/v1/merchant", {"contact_email": "ops@shop.example"})
    box.answer = "451 4.3.0 try again later"
    receiver.otherwise["/a"] = 500
    id_ = await endpoint(house, receiver, "/a", event_types=["shipment.in_transit"], description="Shop")
    two_days_ago = now_ms() - 2 * DAY

    def fail(conn: Connection) -> None:
        conn.execute(update(WebhookTables.lane).values(failing_since=two_days_ago, failures=DISABLE_TRIES))

    await house.gateway.store.write(fail)
    house.gateway.dispatcher.touch(house.merchant_id, id_)
    account_id = await house.demo_account()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")
    await house.until(lambda: box.refused >= 2)
    box.answer = ""
    await house.until(lambda: len(box.mails) == 1)
    (mail,) = box.mails
    assert mail["Subject"] == f"Webhooks to http://127.0.0.1:{receiver.port} are failing"
    assert "If that goes on, it is disabled on" in mail.get_content()
    assert f"GET https://hub.example/v1/endpoints/{id_}/attempts" in mail.get_content()


async def test_who_gave_no_address_is_not_written_to_and_nothing_waits(house, receiver, box):
    receiver.otherwise["/a"] = 410
    id_ = await endpoint(house, receiver, "/a")
    account_id = await house.demo_account()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")

    async def disabled() -> bool:
        return (await house.call("GET", f"/v1/endpoints/{id_}")).json["state"] == "disabled"

    async def none_wait() -> bool:
        return await waiting(house) == 0

    await house.until(disabled)
    await house.until(none_wait)
    assert box.mails == []


async def test_the_contact_is_read_and_changed_by_its_merchant_only(house):
    assert (await house.call("GET", "/v1/merchant")).json["contact_email"] is None
    wrong = await house.call("PATCH", "/v1/merchant", {"contact_email": "nobody"})
    assert (wrong.status, wrong.pointers) == (422, ["/contact_email"])
    wrong = await house.call("PATCH", "/v1/merchant", {"name": None})
    assert (wrong.status, wrong.pointers) == (422, ["/name"])
    await house.call("PATCH", "/v1/merchant", {"contact_email": "ops@shop.example", "name": "The shop"})
    other_id, other = await house.merchant()
    told = (await house.call("GET", "/v1/merchant", key=other)).json
    assert (told["id"], told["contact_email"]) == (other_id, None)
    assert (await house.call("PATCH", "/v1/merchant", {"contact_email": None})).json["name"] == "The shop"


@pytest.mark.parametrize("address", ["smtp://:1", "http://mail.example", "smtp://user@mail.example", "mail.example:25"])
def test_a_mail_server_that_cannot_be_one_is_refused_without_repeating_it(address: str, tmp_path: Path):
    with pytest.raises(ValidationError) as trouble:
        load(environment={"GATEWAY_SMTP_URL": address, "GATEWAY_MAIL_FROM": "a@b.example"}, secret_key=SECRET_KEY)
    assert trouble.value.errors()[0]["loc"] == ("smtp_url",)
    assert address not in trouble.value.errors()[0]["msg"]


def test_a_mail_server_needs_a_sender_and_its_password_is_not_shown():
    with pytest.raises(ValidationError, match="mail_from"):
        load(environment={"GATEWAY_SMTP_URL": "smtps://u:p@mail.example"})
    settings = load(environment={"GATEWAY_SMTP_URL": "smtps://u:p4ss@mail.example", "GATEWAY_MAIL_FROM": "a@b.example"})
    assert "p4ss" not in repr(settings)


@pytest.mark.both_databases
@pytest.mark.parametrize(("before", "ends"), [(DISABLE_TRIES - 2, True), (0, False)])
async def test_who_failed_long_but_seldom_is_warned_and_not_disabled_and_a_start_forgets_no_try(
    house, receiver, before, ends
):
    receiver.otherwise["/a"] = 500
    id_ = await endpoint(house, receiver, "/a", event_types=["shipment.in_transit"], schedule=[0, 0, 0])
    since = now_ms() - 6 * DAY

    def fail(conn: Connection) -> None:
        conn.execute(update(WebhookTables.lane).values(failing_since=since, failures=before))

    await house.gateway.store.write(fail)
    house.gateway.dispatcher.touch(house.merchant_id, id_)
    await house.tell(await house.demo_account(), "DEMO100200302", "PICKED_UP")

    async def given_up() -> bool:
        return (await house.call("GET", f"/v1/endpoints/{id_}")).json["lane"]["dead"] == 1

    async def counted() -> bool:
        rows = await house.gateway.store.read(lambda conn: conn.execute(select(WebhookTables.lane.c.failures)).all())
        return [row.failures for row in rows] == [min(before + 3, DISABLE_TRIES)]

    await house.until(partial(is_disabled, house, id_) if ends else given_up)
    await house.until(counted)
    assert await is_disabled(house, id_) is ends
    told = (await house.call("GET", "/v1/messages?type=endpoint.paused")).json["data"]
    whole = [(await house.call("GET", f"/v1/messages/{one['id']}")).json for one in reversed(told)]
    about = [one["body"]["data"]["endpoint"] for one in whole]
    assert [one["state"] for one in about] == (["failing", "disabled"] if ends else ["failing"])
    assert [one["disables_at"] for one in about] == [None] * len(about)
