"""E-mail through a real mail server on loopback."""

from __future__ import annotations

import asyncio
import email
import ipaddress
import re
import ssl
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from contract.channels.peers import LOOPBACK
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from webhooks.channels import BadSettings, build
from webhooks.channels.base import Outgoing, Said
from webhooks.channels.letter import POLICY, BadAddress, Sender, compose, read_address
from webhooks.channels.outside import Outside

NOTICE = Outgoing(
    id="not_1",
    to="anna@example.com",
    subject="Ihr Paket ist unterwegs → heute",
    text="Grüße\n\nIhr Paket kommt heute.",
    html="<p>Ihr Paket kommt heute.</p>",
    language="de",
    unsubscribe_url="https://hub.example/u/" + "t" * 200,
)


class Mailbox:
    """A mail server's memory, and what it is told to answer."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.sessions: list[Session] = []
        self.on_recipient = self.on_sender = self.on_data = ""

    async def handle_MAIL(self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]):  # noqa: N802
        if self.on_sender:
            return self.on_sender
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]):  # noqa: N802
        if self.on_recipient:
            return self.on_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.on_data:
            return self.on_data
        self.envelopes.append(envelope)
        self.sessions.append(session)
        return "250 2.0.0 queued"

    @property
    def mails(self):
        return [email.message_from_bytes(one.content, policy=default) for one in self.envelopes]


def authenticate(server, session, envelope, mechanism, data) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"shop", b"opensesame"), handled=False)


@asynccontextmanager
async def mail_server(box: Mailbox, tls: ssl.SSLContext | None = None, **options: Any):
    loop = asyncio.get_running_loop()
    open_now: list[SMTP] = []

    def make() -> SMTP:
        open_now.append(SMTP(box, hostname="mx.example", loop=loop, enable_SMTPUTF8=True, **options))
        return open_now[-1]

    server = await loop.create_server(make, "127.0.0.1", 0, ssl=tls)
    yield server.sockets[0].getsockname()[1], open_now
    server.close()
    for one in open_now:
        if one.transport is not None and not one.transport.is_closing():
            with suppress(AttributeError):  # a TLS transport that is closed already, before Python 3.11.5
                one.transport.abort()
    await server.wait_closed()
    await asyncio.sleep(0)


def mail(outside, port, secrets=None, **settings):
    values = {"host": "127.0.0.1", "port": str(port), "security": "none", "from": "news@shop.example"} | settings
    return build("email", values, secrets or {}, outside)


def certificate(folder) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's TLS settings over one self-made certificate for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mx.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    both = folder / "both.pem"
    both.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(both)
    return server, ssl.create_default_context(cafile=str(both))


async def test_a_notice_arrives_with_all_its_headers_and_both_bodies(outside):
    box = Mailbox()
    async with mail_server(box) as (port, _):
        channel = mail(outside, port, from_name="Läden & Co", reply_to="help@shop.example")
        said = await channel.send(NOTICE)
        await channel.close()
    assert said == Said(kind="accepted", provider_id="<not_1@shop.example>")
    (envelope,), (got,) = box.envelopes, box.mails
    assert (envelope.mail_from, envelope.rcpt_tos) == ("news@shop.example", ["anna@example.com"])
    assert envelope.content.isascii()
    assert {name: str(got[name]) for name in got if name not in {"Date", "Content-Type"}} == {
        "From": "Läden & Co <news@shop.example>",
        "To": "anna@example.com",
        "Reply-To": "help@shop.example",
        "Subject": "Ihr Paket ist unterwegs → heute",
        "Message-ID": "<not_1@shop.example>",
        "Auto-Submitted": "auto-generated",
        "List-Unsubscribe": f"<{NOTICE.unsubscribe_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "MIME-Version": "1.0",
        "Content-Language": "de",
    }
    assert (
        f"\r\nList-Unsubscribe: <{NOTICE.unsubscribe_url}>\r\n".encode() in envelope.content
    )  # as written, not encoded
    assert abs(got["Date"].datetime - datetime.now(UTC)) < timedelta(minutes=1)
    assert got.get_content_type() == "multipart/alternative"
    text, html = got.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert text.get_content().replace("\r", "") == "Grüße\n\nIhr Paket kommt heute.\n"
    assert '<html lang="de" dir="ltr">' in html.get_content()


async def test_a_repeat_has_the_same_message_id(outside):
    box = Mailbox()
    async with mail_server(box) as (port, _):
        channel = mail(outside, port)
        await channel.send(NOTICE)
        await channel.send(NOTICE)
        await channel.close()
    assert [one["Message-ID"] for one in box.mails] == ["<not_1@shop.example>"] * 2


async def test_notices_share_a_connection_and_a_lost_one_is_made_anew(outside):
    box = Mailbox()
    async with mail_server(box) as (port, open_now):
        channel = mail(outside, port)
        for _ in range(3):
            assert (await channel.send(NOTICE)).kind == "accepted"
        assert len(open_now) == 1
        open_now[0].transport.abort()
        assert (await channel.send(NOTICE)).kind == "accepted"
        assert len(open_now) == 2
        box.on_recipient = "550 5.1.1 no such user"
        assert (await channel.send(NOTICE)).kind == "gone"
        box.on_recipient = ""
        assert (await channel.send(NOTICE)).kind == "accepted"  # one person's address costs the others nothing
        assert len(open_now) == 2
        await channel.close()


async def test_many_at_once_use_few_connections(outside):
    outside.timeout = 10.0  # those that wait for their turn count it too, on a machine that does other things as well
    box = Mailbox()
    async with mail_server(box) as (port, open_now):
        channel = mail(outside, port)
        said = await asyncio.gather(*(channel.send(NOTICE) for _ in range(40)))
        assert {one.kind for one in said} == {"accepted"}
        assert len(open_now) <= 8
        await channel.close()
    assert len(box.envelopes) == 40


@pytest.mark.parametrize(
    ("told", "kind", "code"),
    [
        ({"on_recipient": "550 5.1.1 <anna@example.com> unknown"}, "gone", "550 5.1.1"),
        ({"on_recipient": "550 no such user anna"}, "refused", "550"),
        ({"on_recipient": "550 5.7.1 listed"}, "refused", "550 5.7.1"),
        ({"on_recipient": "552 5.2.2 full"}, "later", "552 5.2.2"),
        ({"on_recipient": "450 4.2.0 greylisted"}, "later", "450 4.2.0"),
        ({"on_recipient": "530 5.7.0 log in"}, "rejected", "530 5.7.0"),
        ({"on_sender": "553 5.7.1 not yours"}, "rejected", "553 5.7.1"),
        ({"on_sender": "451 4.3.0 later"}, "later", "451 4.3.0"),
        ({"on_sender": "552 5.3.4 too big"}, "refused", "552 5.3.4"),
        ({"on_data": "554 5.6.0 spam, says anna@example.com"}, "refused", "554 5.6.0"),
        ({"on_data": "421 4.3.2 shutting down"}, "later", "421 4.3.2"),
    ],
)
async def test_replies_mean_what_their_stage_makes_of_them(outside, told, kind, code):
    box = Mailbox()
    vars(box).update(told)
    async with mail_server(box) as (port, _):
        channel = mail(outside, port)
        said = await channel.send(NOTICE)
        await channel.close()
    assert (said.kind, said.code) == (kind, code)
    assert "anna" not in said.reason


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # that server does not see the outer TLS
@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_the_way_is_secured_and_the_login_given_only_then(tmp_path, security):
    ours, theirs = certificate(tmp_path)
    box, outside = Mailbox(), Outside(LOOPBACK, timeout=5, tls=theirs)
    options: dict[str, Any] = {"authenticator": authenticate, "auth_required": True}
    if security == "tls":
        server = mail_server(box, tls=ours, auth_require_tls=False, **options)
    else:
        server = mail_server(box, tls_context=ours, require_starttls=True, **options)
    async with server as (port, _):
        login = {"password": "opensesame"}
        channel = mail(outside, port, login, security=security, username="shop")
        assert (await channel.send(NOTICE)).kind == "accepted"
        wrong = mail(outside, port, {"password": "guess"}, security=security, username="shop")
        said = await wrong.send(NOTICE)
        assert (said.kind, said.code) == ("rejected", "535 5.7.8")
        nobody = mail(outside, port, security=security)
        assert (await nobody.send(NOTICE)).kind == "rejected"
        for one in (channel, wrong, nobody):
            await one.close()
    await outside.close()


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_nobody_vouches_for_is_not_trusted(tmp_path, outside, security):
    ours, _ = certificate(tmp_path)
    box = Mailbox()
    server = mail_server(box, tls=ours) if security == "tls" else mail_server(box, tls_context=ours)
    async with server as (port, _):
        channel = mail(outside, port, security=security)
        said = await channel.send(NOTICE)
        await channel.close()
    assert (said.kind, said.code) == ("later", "tls")
    assert box.envelopes == []


async def test_a_server_without_what_the_account_asks_for_is_the_accounts_matter(outside):
    box = Mailbox()
    async with mail_server(box) as (port, _):
        no_tls = await mail(outside, port, security="starttls").send(NOTICE)
        no_login = await mail(outside, port, {"password": "x"}, username="x").send(NOTICE)
    assert (no_tls.kind, no_tls.code) == ("rejected", "unsupported")
    assert (no_login.kind, no_login.code) == ("rejected", "unsupported")


async def test_letters_of_all_alphabets_reach_addresses_of_all_alphabets(outside):
    box = Mailbox()
    async with mail_server(box) as (port, _):
        channel = mail(outside, port)
        said = await channel.send(Outgoing(id="n", to="зоя@straße.example", text="x", subject="Посылка"))
        await channel.close()
    assert said.kind == "accepted"
    assert box.envelopes[0].rcpt_tos == ["зоя@xn--strae-oqa.example"]


async def test_a_mail_server_in_a_private_network_is_not_dialled():
    guarded = Outside(timeout=2)
    said = [await mail(guarded, 587, host=host).send(NOTICE) for host in ("127.0.0.1", "localhost", "::1")]
    await guarded.close()
    assert {(one.kind, one.code) for one in said} == {("rejected", "address")}


async def test_only_mail_ports_and_secured_ways_lead_out():
    guarded = Outside(timeout=2)
    odd = await mail(guarded, 8080, host="93.184.215.14", security="tls").send(NOTICE)
    plain = await mail(guarded, 25, host="93.184.215.14", security="none").send(NOTICE)
    await guarded.close()
    assert (odd.kind, odd.code, plain.kind, plain.code) == ("rejected", "address", "rejected", "address")


@pytest.mark.parametrize(
    "to",
    [
        "",
        "anna",
        "anna@",
        "@example.com",
        "a b@example.com",
        "a@b@c\n",
        "anna@example.com\r\nRCPT TO:<x@y.z>",
        "<a@b.de>",
    ],
)
async def test_what_is_no_address_is_refused_without_a_call(outside, to):
    said = await mail(outside, 1).send(Outgoing(id="n", to=to, text="x"))
    assert (said.kind, said.code) == ("refused", "address")


@pytest.mark.parametrize(
    ("settings", "secrets", "text"),
    [
        ({"from": "nobody"}, {}, "from: not an e-mail address"),
        ({"from": "зоя@shop.example"}, {}, "from: before the @ only plain ASCII"),
        ({"security": "ssl"}, {}, "security: must be one of starttls, tls, none"),
        ({"username": "shop"}, {}, "password: username and password belong together"),
        ({"port": "x"}, {}, "port: does not look like one; 25, 465, 587 or 2525"),
        ({"port": "99999"}, {}, "port: there is none of that number"),
        ({"port": "0"}, {}, "port: there is none of that number"),
        ({"reply_to": "x"}, {}, "reply_to: not an e-mail address"),
        ({"host": ""}, {}, "host: missing"),
    ],
)
async def test_settings_that_cannot_work_name_the_field(outside, settings, secrets, text):
    values = {"host": "mx.example", "from": "news@shop.example"} | settings
    with pytest.raises(BadSettings) as caught:
        build("email", values, secrets, outside)
    assert str(caught.value) == text


@given(
    st.builds(
        Outgoing,
        id=st.text(min_size=1, max_size=60),
        to=st.just("anna@example.com"),
        text=st.text(max_size=300),
        subject=st.text(max_size=700) | st.just("x\r\nBcc: evil@example.com"),
        html=st.text(max_size=100),
        language=st.sampled_from(["de", "ar", "he-IL", 'x"><script>', "", "\r\nBcc: x"]),
        unsubscribe_url=st.sampled_from(["", "https://hub.example/u/1", "http://h.example/1"]) | st.text(max_size=50),
    ),
    st.text(max_size=80),
)
def test_no_text_breaks_out_of_its_place(notice, name):
    written = compose(notice, notice.to, Sender("news@shop.example", name), datetime(2026, 11, 3, tzinfo=UTC))
    raw = written.as_bytes(policy=POLICY)
    head = raw.split(b"\r\n\r\n", 1)[0]
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", head)
    allowed = {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "List-Unsubscribe", "MIME-Version"}
    allowed |= {"List-Unsubscribe-Post", "Content-Language", "Content-Type", "Content-Transfer-Encoding"}
    got = email.message_from_bytes(raw, policy=default)
    assert set(got.keys()) <= allowed
    assert len(got.keys()) == len(set(got.keys()))
    assert [one.addr_spec for one in got["To"].addresses] == ["anna@example.com"]
    assert [one.addr_spec for one in got["From"].addresses] == ["news@shop.example"]


@given(st.text(max_size=80) | st.emails())
def test_an_address_is_read_or_refused_and_reading_it_again_changes_nothing(text):
    try:
        read = read_address(text)
    except BadAddress:
        return
    assert read_address(read) == read
    assert not re.search(r"[\s<>,]", read)


def test_a_right_to_left_language_turns_the_page_round_and_a_whole_page_is_left_as_it_is():
    at, sender = datetime(2026, 11, 3, tzinfo=UTC), Sender("news@shop.example")

    def html(**changed: str) -> str:
        notice = Outgoing(**({"id": "n", "to": "a@b.example", "text": "x", "html": "<p>x</p>"} | changed))
        return list(compose(notice, notice.to, sender, at).iter_parts())[1].get_content()

    assert '<html lang="ar" dir="rtl">' in html(language="ar")
    assert '<html lang="he-IL" dir="rtl">' in html(language="he-IL")
    assert html(html="<!doctype html><html><p>x", language="ar") == "<!doctype html><html><p>x\n"
    assert "<title>a &lt;b&gt;</title>" in html(subject="a <b>")
