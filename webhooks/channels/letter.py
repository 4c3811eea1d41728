"""Writes a notice as an e-mail: text and HTML, a name that stays over repeats, a way out in one click.

RFC 8058 (one-click unsubscribing), RFC 3834 (Auto-Submitted). The relay signs it (DKIM).
"""

from __future__ import annotations

import html
import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING, NamedTuple

from yarl import URL

if TYPE_CHECKING:
    from datetime import datetime

    from webhooks.channels.base import Outgoing

# 7-bit throughout: what every relay passes on unchanged, so that a signature over it holds. Lines as long as SMTP
# allows, because the library would break a long address in a header by encoding it, and no mailbox reads that.
POLICY = SMTP.clone(cte_type="7bit", max_line_length=998)
RIGHT_TO_LEFT = frozenset({"ar", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"})
_LOCAL = re.compile(r"[^\x00-\x20\x7f-\xa0@<>(),:;\"\\\[\]]{1,64}")
_WEB = re.compile(r"https?://[!-;=?-~]{1,900}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_MAX_DOMAIN = 253
_MAX_SUBJECT = 500


class Sender(NamedTuple):
    """Who mail comes from: an address as `read_address` returns it, its name, and where answers go if elsewhere."""

    address: str
    name: str = ""
    reply_to: str = ""

    @property
    def domain(self) -> str:
        """Return the part after the @."""
        return self.address.rpartition("@")[2]


class BadAddress(ValueError):  # noqa: N818 - it names what is bad
    """Not an e-mail address. The text does not repeat it."""


def read_address(text: str) -> str:
    """Return an address with its domain as the net knows it. Raises `BadAddress`."""
    local, at, domain = text.strip().rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or local[0] == "." or local[-1] == "." or ".." in local:
        raise BadAddress("not an e-mail address")
    try:
        host = URL.build(scheme="mail", host=domain).raw_host or ""  # encodes names as today's registries do
    except ValueError:
        raise BadAddress("not an e-mail address") from None
    labels = host.split(".")
    known = len(labels) > 1 and not labels[-1].isdigit() and all(_is_label(one) for one in labels)
    if not known or len(host) > _MAX_DOMAIN:
        raise BadAddress("the part after the @ is no domain")
    return f"{local}@{host}"


def _is_label(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", text) is not None


def compose(notice: Outgoing, to: str, sender: Sender, at: datetime) -> EmailMessage:
    """Write a notice. `to` is as `read_address` returns it, `at` has a zone."""
    message = EmailMessage(policy=POLICY)
    message["From"] = _mailbox(sender.address, sender.name)
    message["To"] = _mailbox(to)
    if sender.reply_to:
        message["Reply-To"] = _mailbox(sender.reply_to)
    message["Subject"] = one_line(notice.subject)[:_MAX_SUBJECT]
    message["Date"] = format_datetime(at)
    message["Message-ID"] = message_id(notice, sender)
    message["Auto-Submitted"] = "auto-generated"
    if _WEB.fullmatch(notice.unsubscribe_url):
        message["List-Unsubscribe"] = f"<{notice.unsubscribe_url}>"
        if notice.unsubscribe_url.startswith("https://"):
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    language = notice.language if _LANGUAGE.fullmatch(notice.language) else "en"
    message.set_content(_whole(notice.text))
    if notice.html:
        message.add_alternative(_document(_whole(notice.html), notice.subject, language), subtype="html")
    message["Content-Language"] = language  # last: setting the content takes such headers away
    return message


def _mailbox(address: str, name: str = "") -> Address:
    local, _, domain = address.rpartition("@")
    return Address(one_line(name), local, domain)


def message_id(notice: Outgoing, sender: Sender) -> str:
    """Return the Message-ID: made of the notice's id, so that a repeat is seen to be one."""
    return f"<{re.sub(r'[^A-Za-z0-9._-]', '-', notice.id)}@{sender.domain}>"


def direction(language: str) -> str:
    """Return `rtl` or `ltr`."""
    return "rtl" if language.lower().partition("-")[0] in RIGHT_TO_LEFT else "ltr"


def one_line(text: str) -> str:
    """Return a text without what could end a header's line, or turn its order round."""
    return " ".join("".join(one if one.isprintable() else " " for one in _whole(text)).split())


def _whole(text: str) -> str:
    """Return a text that can be encoded: halves of surrogate pairs are replaced."""
    return text.encode("utf-8", "replace").decode()


def _document(body: str, title: str, language: str) -> str:
    if re.match(r"\s*(<!doctype|<html)", body, re.IGNORECASE):
        return body
    head = f'<meta charset="utf-8"><title>{html.escape(one_line(title))}</title>'
    opening = f'<html lang="{language}" dir="{direction(language)}">'
    return f"<!doctype html>{opening}<head>{head}</head><body>{body}</body></html>"
