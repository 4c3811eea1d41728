"""TLS towards endpoints: whose certificates are believed, what we show of ourselves, and what a connection came to."""

from __future__ import annotations

import secrets
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from webhooks.endpoint_rows import BadEndpoint
from webhooks.guard import current_dial

if TYPE_CHECKING:
    from asyncio import BaseTransport

MAX_PEM = 20_000


class TlsFacts(NamedTuple):
    """What a handshake came to. `until` is when the endpoint's certificate ends, in epoch milliseconds."""

    version: str
    cipher: str
    until: int | None


class _Timed(ssl.SSLContext):
    """Notes for an exchange when its handshake began: until then it was only connecting."""

    def wrap_bio(self, *given: Any, **named: Any) -> ssl.SSLObject:
        dial = current_dial.get()
        if dial is not None:
            dial.shaking_at = perf_counter()
        return super().wrap_bio(*given, **named)


@dataclass(frozen=True, slots=True)
class Identity:
    """A client certificate with what belongs to its chain, and its private key, both as PEM."""

    certificate: str
    key: str

    def __repr__(self) -> str:
        return "Identity()"


class Trust:
    """Whose certificates are believed: those of the system's authorities, and of the operator's own."""

    def __init__(self, authorities: str = "") -> None:
        """Take the path of a PEM file with authorities beside the system's. Raises `OSError` and `ssl.SSLError`."""
        self._authorities = authorities
        self.context = self._make()

    def context_for(self, identity: Identity) -> ssl.SSLContext:
        """Return TLS settings that show a client certificate."""
        context = self._make()
        _show(context, identity)
        return context

    def _make(self) -> ssl.SSLContext:
        context = _Timed(ssl.PROTOCOL_TLS_CLIENT)  # checks names and certificates by itself
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_default_certs()
        if self._authorities:
            context.load_verify_locations(cafile=self._authorities)
        context.set_alpn_protocols(("http/1.1",))
        return context


def _show(context: ssl.SSLContext, identity: Identity) -> None:
    # OpenSSL reads keys from files only; what lies there for a moment is encrypted with a word nobody keeps.
    word = secrets.token_bytes(32)
    key = load_pem_private_key(identity.key.encode(), None)
    sealed = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(word))
    with TemporaryDirectory() as folder:
        chain, private = Path(folder, "chain.pem"), Path(folder, "key.pem")
        chain.write_text(identity.certificate, encoding="utf-8")  # tools write names of any alphabet beside it
        private.write_bytes(sealed)
        context.load_cert_chain(chain, private, word)


def facts_of(transport: BaseTransport) -> TlsFacts | None:
    """Return what a connection's handshake came to, None where there was none."""
    shaken = transport.get_extra_info("ssl_object")
    if shaken is None:
        return None
    ends = (shaken.getpeercert() or {}).get("notAfter")
    cipher = shaken.cipher()
    return TlsFacts(
        shaken.version() or "",
        cipher[0] if cipher else "",
        None if ends is None else int(ssl.cert_time_to_seconds(ends)) * 1000,
    )


def read_identity(certificate: str, key: str, now: int) -> tuple[Identity, dict[str, str]]:
    """Read a client certificate and its key; return them and what may be shown. Raises `BadEndpoint`."""
    at = "client_certificate"
    if max(len(certificate), len(key)) > MAX_PEM:
        raise BadEndpoint(f"{at}: longer than {MAX_PEM} characters")
    try:
        first = x509.load_pem_x509_certificates(certificate.encode())[0]
    except (ValueError, UnicodeError, UnsupportedAlgorithm):
        raise BadEndpoint(f"{at}.certificate: it holds no certificate in PEM") from None
    try:
        private = load_pem_private_key(key.encode(), None)
    except TypeError:
        raise BadEndpoint(f"{at}.key: it is locked with a password; send it unlocked, it is sealed here") from None
    except (ValueError, UnicodeError, UnsupportedAlgorithm):
        raise BadEndpoint(f"{at}.key: it holds no private key in PEM") from None
    shape = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if first.public_key().public_bytes(*shape) != private.public_key().public_bytes(*shape):
        raise BadEndpoint(f"{at}.key: it does not belong to the certificate, which must stand first in its chain")
    if first.not_valid_after_utc <= datetime.fromtimestamp(now / 1000, UTC):
        raise BadEndpoint(f"{at}.certificate: it has ended")
    shown = {
        "subject": first.subject.rfc4514_string(),
        "sha256": first.fingerprint(hashes.SHA256()).hex(),
        "ends_at": first.not_valid_after_utc.isoformat().replace("+00:00", "Z"),
    }
    identity = Identity(certificate, key)
    try:
        _show(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), identity)
    except (ssl.SSLError, ValueError):
        raise BadEndpoint(f"{at}: TLS does not take it: its key may be too weak or of no kind known there") from None
    return identity, shown
