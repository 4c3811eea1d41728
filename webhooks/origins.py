"""A secret is sent to no other origin than the one it was given for. Pure; one rule for all that keeps secrets.

Who may change an address need not know the secret that goes there, and must not come to know it by having it sent to a
host of their own.
"""

from __future__ import annotations

from yarl import URL

GIVE_AGAIN = (
    "was given for another address, and what was given for one is not sent to another: give it again together with the "
    "new address, or null to drop it"
)


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address; the whole of what can be none, and of "" nothing."""
    try:
        parsed = URL(url)
        host, port = parsed.raw_host, parsed.port
    except (ValueError, UnicodeError):
        return url
    return f"{parsed.scheme}://{host}:{port}" if host else url


def moved(before: str, after: str) -> bool:
    """Tell whether origin `after` takes another's place, so that all that would be sent there must be given anew.

    None ("") is another one too, or an address could be taken away first and changed then. Nothing is sent to none.
    """
    return bool(after) and after != before
