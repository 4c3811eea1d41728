"""What every channel promises, whatever its provider speaks: one test for all, at real providers on loopback."""

from __future__ import annotations

import io
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from contract.channels.peers import LOOPBACK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import log
from gateway.demo.providers.mail import MailServer
from gateway.demo.providers.push import PushService
from gateway.demo.providers.sms import SmsProvider
from gateway.demo.providers.whatsapp import WhatsAppProvider
from gateway.people import sample
from gateway.people.subjects import CONFIRM, SUBJECTS
from gateway.people.wording import Facts, word
from gateway.texts import LANGUAGES
from webhooks.channels import KINDS, BadSettings, build
from webhooks.channels.base import Forged, Hears, Outgoing, Said
from webhooks.channels.meanings import read_meanings
from webhooks.channels.outside import Outside
from webhooks.channels.push import new_private_key, public_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

SECRET = "a-secret-nobody-may-see"


@dataclass
class Station:
    """A channel's provider, what reached people through it, and how an account there is set up."""

    to: str
    settings: dict[str, str]
    secrets: dict[str, str]
    reached: Callable[[], int]
    outside: Outside = field(default_factory=lambda: Outside(LOOPBACK, timeout=10.0))

    def account(self, kind: str, **changed: str) -> Any:
        """Make the channel, some settings changed."""
        names = {one.name for one in KINDS[kind].fields if one.secret}
        wanted = self.settings | {name: value for name, value in changed.items() if name not in names}
        return build(kind, wanted, self.secrets | {n: v for n, v in changed.items() if n in names}, self.outside)


@asynccontextmanager
async def station(kind: str) -> AsyncIterator[Station]:
    """Open a channel's provider."""
    if kind == "sms":
        async with SmsProvider() as sms:
            yield Station(
                "+4915112345678",
                {"account_sid": sms.account_sid, "from": "+15005550006", "base_url": sms.address},
                {"auth_token": sms.token},
                lambda: len(sms.texted),
            )
    elif kind == "email":
        async with MailServer() as mail:
            server = {"host": "127.0.0.1", "port": str(mail.port), "security": "none", "from": "news@shop.example"}
            yield Station("ines@example.com", server, {}, lambda: len(mail.letters))
    elif kind == "push":
        key = new_private_key()
        async with PushService() as push:
            browser = push.subscribe(public_key(key))
            contact = {"contact": "mailto:ops@shop.example"}
            yield Station(browser.subscription, contact, {"vapid_private_key": key}, lambda: len(browser.shown))
    elif kind == "whatsapp":
        names = frozenset(subject.replace(".", "_") for subject in (*SUBJECTS, CONFIRM))
        async with WhatsAppProvider(templates=names) as app:
            yield Station(
                "+4915112345678",
                {"phone_number_id": app.phone_number_id, "version": app.version, "base_url": app.address},
                {"access_token": app.access_token, "app_secret": app.app_secret, "verify_token": "word"},
                lambda: len(app.taken),
            )
    else:
        stream = io.StringIO()
        yield Station("Ines", {}, {}, lambda: stream.getvalue().count("--- to "), Outside(LOOPBACK, console=stream))


@pytest.fixture(params=list(KINDS))
async def kind(request):
    return request.param


@pytest.fixture
async def at(kind):
    async with station(kind) as one:
        yield one
        await one.outside.close()


def notice(at: Station, kind: str, subject: str = "out_for_delivery", language: str = "en") -> Outgoing:
    """Word a notice as the gateway does."""
    now = datetime.now(UTC)
    facts = Facts(
        subject=subject,
        language=language,
        zone=ZoneInfo("Europe/Berlin"),
        now=now,
        shop="Sample Shop",
        carrier="Demo",
        data=sample.data(subject, now),
        link="https://hub.example/t/" + "x" * 24,
    )
    worded = word(facts, kind)
    return Outgoing(
        id=f"ntc_{subject}_{language}",
        to=at.to,
        text=worded.text,
        subject=worded.subject,
        html=worded.html,
        language=language,
        link=facts.link,
        template=worded.template,
        template_values=worded.values,
    )


async def test_every_notice_in_every_language_is_taken(kind, at):
    channel = at.account(kind)
    for subject in (*SUBJECTS, CONFIRM):
        for language in LANGUAGES:
            said = await channel.send(notice(at, kind, subject, language))
            assert said.kind == "accepted", (subject, language, said)
            assert said.reason == ""
    await channel.close()
    assert at.reached() == (len(SUBJECTS) + 1) * len(LANGUAGES)


async def test_a_provider_that_is_not_there_is_tried_later_and_nothing_is_raised(kind, at):
    if kind == "console":
        pytest.skip("the console is always there")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    one = notice(at, kind)
    if kind == "push":
        one = replace(one, to=one.to.replace("127.0.0.1:", f"127.0.0.1:{port}/"))
        channel = at.account(kind)
    elif kind == "email":
        # the guard opens only the ports of mail, but every one of them inside the operator's own ranges
        channel = at.account(kind, port=str(port))
    else:
        channel = at.account(kind, base_url=f"http://127.0.0.1:{port}")
    said = await channel.send(one)
    await channel.close()
    assert (said.kind, said.code) == ("later", "connect"), said
    assert at.reached() == 0


async def test_no_answer_and_no_log_holds_an_address_a_text_or_a_secret(kind, at):
    stream = io.StringIO()
    handler = log.configure("debug", "json", stream)
    secrets = {one.name: SECRET for one in KINDS[kind].fields if one.secret}
    if kind == "push":
        secrets = {}  # a key that is no key is refused before anything is sent
    if kind == "email":
        secrets |= {"username": "shop"}
    channel = at.account(kind, **secrets)
    one = notice(at, kind)
    said = await channel.send(one)
    await channel.close()
    handler.close()
    written = stream.getvalue()
    for never in (SECRET, at.to, one.text, "hub.example"):
        assert never not in f"{said.reason} {said.code}"
        assert never not in written
        assert SECRET not in repr(channel)


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(
    text=st.text(max_size=300),
    subject=st.text(max_size=50),
    to=st.text(max_size=60),
    values=st.lists(st.text(max_size=20), max_size=3),
)
async def test_whatever_is_to_be_said_to_whomever_ends_in_an_answer(text, subject, to, values):
    for kind in KINDS:
        async with station(kind) as at:
            channel = at.account(kind)
            for address in (to, at.to):
                said = await channel.send(
                    Outgoing(
                        id="ntc_1",
                        to=address,
                        text=text,
                        subject=subject,
                        html=f"<p>{text}</p>",
                        template="out_for_delivery",
                        template_values=tuple(values),
                    )
                )
                assert isinstance(said, Said)
                assert said.kind in ("accepted", "refused", "later", "gone"), (kind, said)
            await channel.close()
            await at.outside.close()


async def test_each_setting_that_is_needed_is_missed_by_name_and_an_unknown_one_refused(kind, at):
    for one in KINDS[kind].fields:
        assert one.help, one.name
        if one.required:
            given_to = "secrets" if one.secret else "settings"
            left = {"settings": dict(at.settings), "secrets": dict(at.secrets)}
            del left[given_to][one.name]
            with pytest.raises(BadSettings, match=f"^{one.name}: missing$"):
                build(kind, left["settings"], left["secrets"], at.outside)
    for holder in ("settings", "secrets"):
        given = {"settings": dict(at.settings), "secrets": dict(at.secrets)}
        given[holder]["nonsense"] = SECRET
        with pytest.raises(BadSettings) as bad:
            build(kind, given["settings"], given["secrets"], at.outside)
        assert str(bad.value).startswith(f"{holder}: nothing is called 'nonsense' here")
        assert SECRET not in str(bad.value)


async def test_a_call_without_its_proof_is_never_heard(kind, at):
    channel = at.account(kind)
    if isinstance(channel, Hears):
        for headers in ({}, {"X-Twilio-Signature": "AAAA"}, {"X-Hub-Signature-256": "sha256=00"}):
            with pytest.raises(Forged):
                channel.verify("https://hub.example/channels/cha_1/callback", headers, b"{}")
        for body in (b"", b"{", b"[]", b"\xff" * 100, b"a=b&a=c", b'{"entry":[{"changes":[{"value":null}]}]}'):
            assert list(channel.hear({}, body)) == []
        body, media_type = channel.answer("Help & <more>")
        assert b"<more>" not in body
        assert media_type
    else:
        assert kind in ("email", "push", "console")
    await channel.close()


def test_every_answer_that_is_understood_has_a_reason_a_merchant_can_read():
    for kind, about in KINDS.items():
        for table in about.tables:
            for code, meaning in read_meanings(table).items():
                assert meaning.reason, (kind, code)
                assert meaning.reason == meaning.reason.strip().rstrip("."), (kind, code)
