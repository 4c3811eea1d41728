"""The gateway's own letters: by which mail server they go, and their words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yarl import URL

from webhooks.channels.letter import BadAddress, read_address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.settings import Settings

_SECURITY = {"smtp": ("starttls", "587"), "smtps": ("tls", "465"), "smtp+plain": ("none", "25")}
_REASONS = {
    "gone": "it answered 410 Gone, which says that nothing is to be sent there any more",
    "failing": "it did nothing but fail for five days",
}


class BadMailServer(ValueError):  # noqa: N818 - it names what is bad
    """An address of a mail server that cannot be one. The text repeats nothing of it."""


def read_mail_server(text: str) -> dict[str, str]:
    """Read `smtp://user:password@host:port` as the e-mail channel's settings. Raises `BadMailServer`.

    `smtp` goes over to TLS by STARTTLS, `smtps` speaks it from the first byte, `smtp+plain` not at all.
    """
    try:
        url = URL(text)
        security, port = _SECURITY.get(url.scheme, ("", ""))
        host, given = url.host, url.explicit_port
    except ValueError:
        raise BadMailServer("is no address of a mail server") from None
    if not security or not host:
        raise BadMailServer("must look like smtp://user:password@host:587, smtps://... or smtp+plain://...")
    if (url.user is None) is not (url.password is None):
        raise BadMailServer("holds a user without a password, or the other way round")
    return {
        "host": host,
        "port": str(given or port),
        "security": security,
        "username": url.user or "",
        "password": url.password or "",
    }


def is_address(text: str) -> bool:
    """Tell whether a text is an e-mail address letters may come from."""
    try:
        return read_address(text).isascii()
    except BadAddress:
        return False


def account_of(settings: Settings) -> dict[str, str] | None:
    """Return the settings of the e-mail channel the gateway itself writes by; None where it has none."""
    if not settings.smtp_url:
        return None
    sender = {"from": settings.mail_from, "from_name": "Carrier gateway", "reply_to": ""}
    return read_mail_server(settings.smtp_url) | sender


def words(told: Sequence[Mapping[str, Any]], public_url: str, keep_days: int) -> tuple[str, str]:
    """Return subject and text of a letter about endpoints, each as `endpoint.paused` tells of it."""
    stopped = [one for one in told if one["state"] == "disabled"]
    place = _place(told[0])
    if len(told) > 1:
        subject = f"{len(told)} of your webhook endpoints need a look"
    elif stopped:
        subject = f"Webhooks to {place} were stopped"
    else:
        subject = f"Webhooks to {place} are {told[0]['state']}"
    parts = [_paragraph(one, public_url) for one in told]
    if stopped:
        parts.append(
            "Nothing is lost: what has happened since is kept for you, for "
            f"{keep_days} days. Enabling asks where to go on: with all that waited, with what failed, or from now."
        )
    parts.append("You get this letter because your address is the contact of a merchant here (GET /v1/merchant).")
    return subject, "\n\n".join(parts) + "\n"


def _paragraph(told: Mapping[str, Any], public_url: str) -> str:
    name = f"{told['id']}, {told['description']}" if told["description"] else told["id"]
    at = f"{public_url}/v1/endpoints/{told['id']}"
    if told["state"] == "disabled":
        why = _REASONS.get(told["reason"], told["reason"])
        lines = [f"Nothing is sent to {_place(told)} ({name}) any more: {why}.", f"Enable it: POST {at}/enable"]
    elif told["state"] == "blocked":
        lines = [
            f"The token server before {_place(told)} ({name}) has given us no token since {_moment(told)}.",
            f"Nothing is lost: all waits. What it answered: GET {at}/attempts",
        ]
    else:
        lines = [f"{_place(told)} ({name}) has not answered a single message well since {_moment(told)}."]
        if told["disables_at"]:
            lines.append(f"If that goes on, it is disabled on {told['disables_at'][:10]}.")
        lines.append(f"What it answered: GET {at}/attempts")
    return "\n".join(lines)


def _place(told: Mapping[str, Any]) -> str:
    """Return where an endpoint lies; not its whole address, which may hold a password of its own."""
    return str(URL(told["url"]).origin()) if told["url"] else "an endpoint"


def _moment(told: Mapping[str, Any]) -> str:
    return f"{told['failing_since'][:16].replace('T', ' ')} UTC" if told["failing_since"] else "some time"
