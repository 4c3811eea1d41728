"""The words of the gateway's own letters."""

from __future__ import annotations

import pytest

from gateway.mail import BadMailServer, read_mail_server, words

TOLD = {
    "id": "ep_1",
    "url": "https://shop.example/hooks/a-word-of-theirs",
    "description": "",
    "state": "blocked",
    "reason": "token",
    "failing_since": "2026-11-03T09:15:00.000Z",
    "disables_at": None,
}


def test_a_blocked_endpoint_is_told_of_as_waiting_and_not_as_failing() -> None:
    subject, text = words([TOLD], "https://hub.example", 90)
    assert subject == "Webhooks to https://shop.example are blocked"
    assert text.startswith(
        "The token server before https://shop.example (ep_1) has given us no token since 2026-11-03 09:15 UTC.\n"
        "Nothing is lost: all waits."
    )
    assert "a-word-of-theirs" not in text
    assert "disabled" not in text


def test_five_days_of_failures_are_told_with_what_enabling_does() -> None:
    subject, text = words([TOLD | {"state": "disabled", "reason": "failing"}], "https://hub.example", 30)
    assert subject == "Webhooks to https://shop.example were stopped"
    assert "it did nothing but fail for five days" in text
    assert "POST https://hub.example/v1/endpoints/ep_1/enable" in text
    assert "for 30 days" in text


@pytest.mark.parametrize(
    ("address", "port", "security", "username"),
    [
        ("smtp://mail.example", "587", "starttls", ""),
        ("smtps://u:p%40ss@mail.example", "465", "tls", "u"),
        ("smtp+plain://mail.example:2525", "2525", "none", ""),
    ],
)
def test_a_mail_server_is_read_with_its_usual_port(address: str, port: str, security: str, username: str) -> None:
    read = read_mail_server(address)
    assert (read["host"], read["port"], read["security"], read["username"]) == (
        "mail.example",
        port,
        security,
        username,
    )
    assert read["password"] == ("p@ss" if username else "")


def test_half_a_login_is_refused() -> None:
    with pytest.raises(BadMailServer, match="user"):
        read_mail_server("smtp://u@mail.example")
