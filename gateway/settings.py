"""Settings: built-in defaults, then a TOML file, then the environment (`GATEWAY_*`). A misspelt key is an error."""

from __future__ import annotations

import os
import re
import tomllib
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from gateway.mail import is_address, read_mail_server
from gateway.proofs.places import read_address
from webhooks.egress import read_proxy
from webhooks.tls import Trust

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PREFIX = "GATEWAY_"
_TILES = re.compile(r"https?://[^\s;,'\"]+|/[^\s;,'\"]*")
Role = Literal["api", "ingest", "poll", "dispatch"]


class Settings(BaseModel):
    """Everything an operator may set. In the environment lists are separated by commas."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    database: str = Field(
        default="sqlite:///./gateway.db",
        repr=False,
        description="Where the truth is kept: `sqlite:///file.db`, or `postgresql://user:password@host/name`.",
    )
    secret_key: str = Field(
        default="",
        repr=False,
        description="Seals carriers' credentials and webhook secrets: at least 32 characters, kept apart from the "
        "database. Empty: made once and kept in a file beside a SQLite database; with PostgreSQL it must be set.",
    )
    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(default=8080, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")
    public_url: str = Field(
        default="", description="The address carriers and people reach us at, such as `https://hub.example.com`."
    )
    roles: tuple[Role, ...] = Field(
        default=("api", "ingest", "poll", "dispatch"), min_length=1, description="What this process does."
    )
    egress_allow: tuple[IPv4Network | IPv6Network, ...] = Field(
        default=(),
        description="Address ranges webhooks may reach although they are private, for instance `127.0.0.0/8`. Plain "
        "http is allowed inside them.",
    )
    egress_proxy: str = Field(
        default="",
        repr=False,
        description="A proxy by which webhooks and token requests leave: `http://user:password@proxy:3128`. It is "
        "asked for addresses, not for names.",
    )
    egress_authorities: str = Field(
        default="",
        description="A PEM file of authorities believed beside the system's, for endpoints inside your own networks.",
    )
    smtp_url: str = Field(
        default="",
        repr=False,
        description="The mail server letters to merchants go by, when an endpoint of theirs fails or is disabled: "
        "`smtp://user:password@host:587` (STARTTLS), `smtps://` (TLS from the first byte) or `smtp+plain://`. Empty: "
        "none are written.",
    )
    mail_from: str = Field(default="", description="The address those letters come from.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="What is logged.")
    log_format: Literal["json", "console"] = Field(default="json", description="How it is logged.")
    max_body_bytes: int = Field(default=2_000_000, gt=0, description="The largest request body the API reads.")
    inbox_most_waiting: int = Field(
        default=50_000, gt=0, description="Kept payloads not yet read, beyond which carriers are told 503 and to wait."
    )
    requests_per_minute: int = Field(default=6_000, gt=0, description="What one API key may ask in a minute.")
    poll_concurrency: int = Field(default=32, gt=0, description="Carrier requests under way at once.")
    poll_every_seconds: float = Field(
        default=1.0, gt=0, le=3_600, description="How often due shipments are looked for."
    )
    keep_payload_days: int = Field(default=90, gt=0, description="How long carriers' bytes are kept.")
    keep_exchange_days: int = Field(
        default=30, gt=0, description="How long attempts' headers, whole answers, timings and TLS facts are kept."
    )
    keep_message_days: int = Field(default=90, gt=0, description="How long messages and their attempts are kept.")
    keep_insight_days: int = Field(
        default=400, ge=60, description="How long it is kept what the insights count; more than a year compares years."
    )
    proof_store: str = Field(
        default="",
        repr=False,
        description="Where proofs of delivery are kept, sealed: a folder, or a bucket of any store that speaks S3, as "
        "`s3+https://KEY:SECRET@host/bucket/folder?region=eu-west-1`. Empty: a folder `proofs` beside a SQLite "
        "database, with PostgreSQL where the gateway is started.",
    )
    keep_proof_days: int = Field(default=180, gt=0, description="How long proofs of delivery are kept.")
    tracking_link_days: int = Field(
        default=90, gt=0, description="How long a tracking page opens after its shipment came to its end."
    )
    map_tiles: str = Field(
        default="",
        description="Where the maps' ground comes from: a tile address such as "
        "`https://tiles.example.com/{z}/{x}/{y}.png`, or that of a GeoJSON file of streets (`.geojson`) on this host. "
        "Empty: maps show places on plain ground, and nobody else learns who looks.",
    )
    map_attribution: str = Field(default="", max_length=200, description="Whom the maps' ground is owed to, as text.")
    trust_forwarded_for: bool = Field(
        default=False,
        description="Take a caller's address from the last entry of `X-Forwarded-For`: only behind your own proxy.",
    )
    carrier_base_urls: dict[str, str] = Field(
        default={},
        description="A carrier's base address in place of the documented one, by carrier code: for simulators. In the "
        "environment `code=address` pairs.",
    )

    @field_validator("egress_allow", mode="before")
    @classmethod
    def _networks(cls, value: Any) -> Any:
        ranges = value.split(",") if isinstance(value, str) else value
        try:
            return tuple(ip_network(str(one).strip(), strict=False) for one in ranges if str(one).strip())
        except ValueError:
            raise ValueError("must be address ranges such as 127.0.0.0/8, with commas between them") from None

    @field_validator("public_url")
    @classmethod
    def _public(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment):
            raise ValueError("must be an address such as https://hub.example.com")
        return value

    @field_validator("map_tiles")
    @classmethod
    def _ground(cls, value: str) -> str:
        if value and not _TILES.fullmatch(value):
            raise ValueError("must be an address such as https://tiles.example.com/{z}/{x}/{y}.png or /streets.geojson")
        return value

    @field_validator("roles", mode="before")
    @classmethod
    def _roles(cls, value: Any) -> Any:
        return tuple(one.strip() for one in value.split(",") if one.strip()) if isinstance(value, str) else value

    @field_validator("carrier_base_urls", mode="before")
    @classmethod
    def _pairs(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        pairs = [pair.strip() for pair in value.split(",") if pair.strip()]
        if not all("=" in pair for pair in pairs):
            raise ValueError("write code=address pairs, with commas between them")
        return dict(pair.split("=", 1) for pair in pairs)

    @field_validator("egress_proxy")
    @classmethod
    def _proxy(cls, value: str) -> str:
        read_proxy(value)
        return value

    @field_validator("egress_authorities")
    @classmethod
    def _authorities(cls, value: str) -> str:
        try:
            Trust(value)
        except OSError:  # also what OpenSSL says of a file that holds none
            raise ValueError("is no file of certificates in PEM that can be read") from None
        return value

    @field_validator("proof_store")
    @classmethod
    def _proof_store(cls, value: str) -> str:
        if "://" in value:
            read_address(value)
        return value

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, value: str) -> str:
        if value:
            read_mail_server(value)
        return value

    @model_validator(mode="after")
    def _with_sender(self) -> Self:
        if self.smtp_url and not is_address(self.mail_from):
            raise ValueError("mail_from: with smtp_url goes the address letters come from")
        return self

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, value: str) -> str:
        if value and len(value) < SHORTEST_KEY:
            raise ValueError(f"needs at least {SHORTEST_KEY} characters")
        return value


SHORTEST_KEY = 32


def load(file: Path | None = None, environment: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Return the settings. Raises `pydantic.ValidationError` naming each bad key, `OSError`, `TOMLDecodeError`."""
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    if file is not None:
        values |= tomllib.loads(file.read_text(encoding="utf-8"))
    for name in Settings.model_fields:
        given = environment.get(PREFIX + name.upper())
        if given is not None:
            values[name] = given
    values |= {name: value for name, value in overrides.items() if value is not None}
    return Settings.model_validate(values)
