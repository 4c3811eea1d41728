"""Webhooks that leave by the operator's proxy: it is asked for checked addresses, and its faults are nobody else's."""

from __future__ import annotations

import time

import pytest
from flow.doors import Authority, door, forward_proxy
from yarl import URL

from webhooks.egress import BadProxy, read_proxy
from webhooks.guard import Guard, read_ranges
from webhooks.outcome import Target
from webhooks.sender import Sender
from webhooks.tls import Trust


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def proxy():
    async with forward_proxy() as one:
        yield one


@pytest.fixture
async def shop(authority):
    async with door(authority.server()) as one:
        yield one


@pytest.fixture
async def sender(authority, proxy):
    proxy.login = "gate:way"
    address = read_proxy(f"http://gate:way@127.0.0.1:{proxy.port}")
    one = Sender(Guard(read_ranges(["127.0.0.0/8"])), Trust(str(authority.file)), address)
    yield one
    await one.close()


async def post(sender, url, deadline=5.0):
    return await sender.post(Target(URL(url), deadline), {"webhook-id": "msg_1"}, b"{}")


async def test_a_message_goes_through_the_proxy_for_a_checked_address_and_the_name_is_still_verified(
    sender, proxy, shop, monkeypatch
):
    port = URL(shop.url).port
    real = Guard.resolve

    async def resolve(self, host, port=0, family=0):
        return await real(self, "127.0.0.1" if host.endswith(".example") else host, port, family)

    monkeypatch.setattr(Guard, "resolve", resolve)
    outcome = await post(sender, f"https://shop.example:{port}/hook")
    assert (outcome.kind, outcome.status, outcome.ip) == ("delivered", 200, "127.0.0.1")
    assert proxy.asked == [f"CONNECT 127.0.0.1:{port} HTTP/1.1"]
    assert shop.got[0][0]["host"] == f"shop.example:{port}"
    assert "proxy-authorization" not in shop.got[0][0]
    assert outcome.exchange.tls.version == "TLSv1.3"
    assert outcome.exchange.phases.tls is not None
    again = await post(sender, f"https://shop.example:{port}/hook")
    assert (again.kind, len(proxy.asked)) == ("delivered", 1)  # over the same tunnel
    outcome = await post(sender, f"https://other.example:{port}/hook")
    assert (outcome.kind, len(shop.got)) == ("tls", 2)  # the same address under another name is another connection


async def test_what_the_guard_forbids_is_not_asked_of_the_proxy(sender, proxy):
    for url in ("https://10.0.0.1/hook", "https://169.254.169.254/latest", "https://[::1]/hook"):
        assert (await post(sender, url)).kind == "forbidden"
    assert proxy.asked == []


@pytest.mark.parametrize("answer", ["403 Forbidden", "407 Proxy Authentication Required", "500 Oops"])
async def test_a_proxy_that_refuses_is_our_own_trouble(sender, proxy, shop, answer):
    proxy.answer = answer
    assert (await post(sender, shop.url)).kind == "ours"
    proxy.answer = ""
    assert (await post(sender, shop.url)).kind == "delivered"


async def test_a_proxy_that_reaches_nobody_is_our_trouble_until_it_reaches_somebody_else(sender, proxy, shop):
    nobody = "https://127.0.0.2:9/hook"
    assert (await post(sender, nobody)).kind == "ours"
    assert (await post(sender, shop.url)).kind == "delivered"
    assert (await post(sender, nobody)).kind == "connect"


async def test_a_proxy_that_hangs_or_is_gone_is_our_trouble(sender, proxy, shop, authority):
    proxy.hangs = True
    began = time.monotonic()
    assert (await post(sender, shop.url, deadline=0.3)).kind == "ours"
    assert time.monotonic() - began < 3
    gone = Sender(Guard(read_ranges(["127.0.0.0/8"])), Trust(str(authority.file)), read_proxy("http://127.0.0.1:9"))
    assert (await post(gone, shop.url)).kind == "ours"
    await gone.close()


async def test_an_endpoint_that_hangs_behind_the_proxy_is_charged(sender, proxy, shop):
    shop.hangs = 30
    assert (await post(sender, shop.url, deadline=0.5)).kind == "timeout"
    assert len(shop.got) == len(proxy.asked) == 1


@pytest.mark.parametrize("text", ["https://proxy:1", "socks5://proxy:1", "proxy:3128", "http://", "http://u:p@proxy/x"])
def test_what_can_be_no_proxy_is_refused_without_repeating_it(text):
    with pytest.raises(BadProxy) as trouble:
        read_proxy(text)
    assert text not in str(trouble.value)


def test_no_proxy_is_none_and_its_login_stays_out_of_sight():
    assert read_proxy("") is None
    assert "way" not in repr(read_proxy("http://gate:way@proxy.example:3128"))


async def test_a_gateway_with_a_proxy_keeps_the_message_until_the_proxy_works(house, proxy, shop):
    proxy.answer = "502 Bad Gateway"
    made = await house.call("POST", "/v1/endpoints", {"url": shop.url, "schedule": [0]})
    account_id = await house.demo_account()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")
    await house.until(lambda: len(proxy.asked) >= 2)
    path = f"/v1/endpoints/{made.json['id']}"
    assert (await house.call("GET", f"{path}/attempts")).json["data"] == []
    lane = (await house.call("GET", path)).json["lane"]
    assert (lane["dead"], lane["retrying"], lane["failing_since"]) == (0, 0, None)
    proxy.answer = ""
    await house.until(lambda: len(shop.got) == 1)


@pytest.fixture
def settings(settings, authority, proxy):
    update = {"egress_proxy": f"http://127.0.0.1:{proxy.port}", "egress_authorities": str(authority.file)}
    return settings.model_copy(update=update)
