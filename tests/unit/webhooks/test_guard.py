"""Every spelling of a private address is refused, at registration and again at the socket."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from webhooks.guard import BadUrl, Dial, Guard, RefusedError, current_dial, parse_url, read_ranges

PRIVATE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.170", "192.0.2.1", "192.88.99.1",
    "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255",
    "240.0.0.1", "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::ffff:169.254.169.254", "::ffff:0:7f00:1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1",
    "2001:0:7f00:1::", "2001:1ff::1", "2001:db8::1", "2002:7f00:1::1", "2002::1", "3fff::1", "3fff:fff::1", "4000::1",
    "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "100.128.0.1", "172.32.0.1", "192.0.1.1", "198.20.0.1", "223.255.255.255",
          "2001:4860:4860::8888", "2606:4700::1111", "2a00:1450:4001::1", "3ffe::1", "::ffff:8.8.8.8"]  # fmt: skip

SPELLINGS = [
    "https://127.1/", "https://127.0.1/", "https://2130706433/", "https://0x7f000001/", "https://0x7f.1/",
    "https://0177.0.0.1/", "https://017700000001/", "https://127.0.0.01/", "https://0/", "https://0x/",
    "https://127.0.0.1.1/", "https://256.1.1.1/", "https://1.1.1.08/", "https://foo.0x7f/",
]  # fmt: skip


@pytest.fixture
async def guard():
    it = Guard()
    yield it
    await it.close()


@pytest.fixture
async def opened():
    it = Guard(read_ranges(["127.0.0.0/8", "fd00::/8"]))
    yield it
    await it.close()


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_special_address_is_refused_at_registration_and_at_the_socket(guard, address):
    assert not guard.allows(ip_address(address))
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(BadUrl, match=r"url: .* is not a public address"):
        await guard.check_url(f"https://{host}/hook")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with pytest.raises(RefusedError, match="not a public address"):
        guard.make_socket((family, socket.SOCK_STREAM, 6, "", (address, 443)))


@pytest.mark.parametrize("address", PUBLIC)
async def test_a_public_address_is_let_through_on_the_allowed_port_only(guard, address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    guard.make_socket((family, socket.SOCK_STREAM, 6, "", (address, 443))).close()
    for port in (22, 25, 80, 5432, 6379, 8443):
        with pytest.raises(RefusedError, match=f"port {port} is not allowed"):
            guard.make_socket((family, socket.SOCK_STREAM, 6, "", (address, port)))


@pytest.mark.parametrize("url", SPELLINGS)
async def test_an_ipv4_address_in_disguise_is_refused(guard, url):
    with pytest.raises(BadUrl, match=r"url: an IPv4 address is written as four plain decimal numbers"):
        await guard.check_url(url)


@pytest.mark.parametrize("host", ["\uff11\uff12\uff17.0.0.1", "\u2460\u2461\u2466.0.0.1", "127\u30020\u30020\u30021"])
async def test_an_address_in_other_scripts_digits_is_refused(guard, host):
    with pytest.raises(BadUrl, match="url: "):
        await guard.check_url(f"https://{host}/")


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("ftp://example.com/", "https"),
        ("javascript:alert(1)", "https"),
        ("//example.com/", "https"),
        ("example.com", "https"),
        ("https://", "host|address"),
        ("https:///path", "host|address"),
        ("https://user:word@example.com/", "user or password"),
        ("https://user@example.com/", "user or password"),
        ("https://@example.com/", "user or password"),
        ("https://example.com/#x", "fragment"),
        ("https://example.com/a b", "blanks"),
        ("https://example.com\\@127.0.0.1/", "backslashes"),
        ("https://example.com/\r\nx: y", "control"),
        ("https://example.com:99999/", "web address"),
        ("https://example.com/" + "x" * 2_000, "longer"),
        ("https://" + "x" * 64 + ".example.com/", "that name"),
        ("https://" + "x." * 127 + "example.com/", "that name"),
        ("https://shop..example.com/", "that name|web address"),
        ("http://8.8.8.8/", "plain http"),
        ("https://8.8.8.8:8080/", "port 8080"),
    ],
)
async def test_an_address_of_the_wrong_kind_is_refused_with_its_reason(guard, url, complaint):
    with pytest.raises(BadUrl, match=complaint) as caught:
        await guard.check_url(url)
    assert str(caught.value).startswith("url: ")
    assert "word" not in str(caught.value).replace("password", "")


async def test_a_name_that_leads_home_is_refused(guard):
    with pytest.raises(BadUrl, match="not a public address"):
        await guard.check_url("https://localhost/")
    dial = Dial()
    token = current_dial.set(dial)
    try:
        with pytest.raises(RefusedError, match="localhost has the address"):
            await guard.resolve("localhost", 443)
    finally:
        current_dial.reset(token)
    assert "not public" in dial.refused


async def test_one_forbidden_address_among_good_ones_refuses_the_whole_host(guard, monkeypatch):
    def look_up(host, port, family=0, type=0):  # noqa: A002 - the system's own name
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", port)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.5", port)),
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(RefusedError, match=r"10\.0\.0\.5"):
        await guard.resolve("two-faced.example", 443)
    with pytest.raises(BadUrl, match=r"10\.0\.0\.5"):
        await guard.check_url("https://two-faced.example/")


async def test_a_name_that_does_not_resolve_yet_is_accepted_over_https_only(guard, monkeypatch):
    def look_up(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    await guard.check_url("https://not-there-yet.invalid/hook")
    with pytest.raises(BadUrl, match="plain http"):
        await guard.check_url("http://not-there-yet.invalid/hook")
    with pytest.raises(BadUrl, match="port 25"):
        await guard.check_url("https://not-there-yet.invalid:25/hook")


async def test_ranges_the_operator_opened_take_plain_http_and_any_port(opened):
    for url in ("http://127.0.0.1:9000/x", "https://127.9.9.9:1/", "http://[fd00::1]:80/"):
        await opened.check_url(url)
    token = current_dial.set(Dial(plain=True))
    try:
        opened.make_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 9000))).close()
        opened.make_socket((socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::ffff:127.0.0.1", 9000, 0, 0))).close()
        with pytest.raises(RefusedError, match="plain http"):
            opened.make_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 443)))
    finally:
        current_dial.reset(token)
    with pytest.raises(BadUrl, match="not a public address"):
        await opened.check_url("http://10.0.0.1/")


def test_a_link_local_zone_does_not_hide_an_address():
    with pytest.raises(RefusedError, match="not a public address"):
        Guard().make_socket((socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::1%eth0", 443, 0, 2)))


def test_a_good_address_is_parsed():
    assert str(parse_url("https://shop.example/hooks?token=a%20b")) == "https://shop.example/hooks?token=a%20b"
