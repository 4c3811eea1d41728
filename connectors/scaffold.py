"""A carrier folder ready to fill: what `carrier-gateway new-carrier CODE` writes.

What it writes loads, passes the checks and reads its own sample, so a new carrier starts green: then every line of it
is replaced by what the carrier's documents say.
"""

from __future__ import annotations

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.facts import read_facts
from connectors.replay import golden_text
from connectors.samples import load
from normalizer.codes import CodeTable, read_codes

if TYPE_CHECKING:
    from connectors.base import Connector
    from connectors.replay import Document

HERE = Path(__file__).parent


class CannotCreate(ValueError):  # noqa: N818 - it says what cannot be done
    """The folder cannot be written; the text says why."""


def create(code: str, document: Document, root: Path = HERE) -> list[Path]:
    """Write `root/<code>` with facts, words, behaviour, a sample, its golden and a README; return the files.

    `document` reads a payload into the golden's values (`gateway.reading.document`).

    Raises `CannotCreate` for a code that is none, or one that is taken.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", code) or len(code) > 40:  # noqa: PLR2004 - fits any column
        raise CannotCreate(
            f"{code!r} is no carrier code: small letters, digits and single hyphens, such as 'lime-post'"
        )
    folder = root / code.replace("-", "_")
    if folder.exists() or (root / f"{folder.name}.py").exists():
        raise CannotCreate(f"{folder.name} exists already")
    name = " ".join(part.capitalize() for part in code.split("-"))
    (folder / "samples").mkdir(parents=True)
    files = []
    for path, text in _FILES.items():
        file = folder / path
        file.write_text(text.replace("@CODE@", code).replace("@NAME@", name), "utf-8")
        files.append(file)
    sample = load(folder / "samples" / "delivered.http")
    golden = folder / "samples" / "delivered.events.json"
    golden.write_text(golden_text(document(load_folder(folder), sample.payload(code))), "utf-8")
    return [*files, golden]


def load_folder(folder: Path) -> Connector:
    """Load a connector from any folder, under a module name of its own."""
    spec = spec_from_file_location(f"connectors.{folder.name}", folder / "__init__.py")
    if spec is None or spec.loader is None:  # pragma: no cover - a file of that name always has a loader
        raise CannotCreate(f"{folder.name} cannot be loaded")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    codes = read_codes((folder / "codes.csv").read_text("utf-8").splitlines(), f"{folder.name}/codes.csv")
    connector: Connector = module.Carrier(read_facts(folder / "carrier.toml"), CodeTable(codes))
    return connector


_FACTS = """\
code = "@CODE@"
name = "@NAME@"
website = "https://www.example.com/"
# tracking_page = "https://www.example.com/track/{number}"
countries = []                  # ISO 3166-1; empty means the world
kind = "parcel"                 # parcel, post, freight, last_mile, standard, simulator
unconfirmed = ["everything: this folder was just made"]

[api]
production = "https://api.example.com"
test = "https://sandbox.example.com"
format = "json"                 # json, xml, soap
batch = 1                       # numbers in one call
# per_second = 5                # only what the carrier documents; per account
# per_day = 1000

[clock]
kind = "offset"                 # what its times carry: offset, utc, local, zone, mixed, none
# zone = "Europe/Berlin"        # the documented zone of bare local times

[secrets.api_key]
title = "API key"
help = "Where the carrier shows it"

# [[numbers]]
# id = "parcel"
# name = "@NAME@ parcel"
# pattern = '(?P<serial>[0-9]{12})'
# valid = ["123456789012"]
# invalid = ["12345678901"]

[sources]                       # which document each group of facts was taken from
api = "https://www.example.com/developers"
codes = "https://www.example.com/developers/codes"
"""

_CODES = """\
code,status,substatus,moves,source,note
DELIVERED,delivered,to_recipient,,https://www.example.com/developers/codes,an example row
PICKED_UP,in_transit,picked_up,,https://www.example.com/developers/codes,an example row
"""

_BEHAVIOUR = '''\
"""@NAME@: one line about what this carrier's API is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from connectors.auth import KeyAuth
from connectors.base import Connector, Payload, Polls, rows, text_of
from normalizer.clock import iso
from normalizer.model import Place, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said


class Carrier(Connector, Polls):
    """The tracking API, version and date of its documents."""

    def auth(self, secrets: Mapping[str, str]) -> KeyAuth:
        """The account's key, in a header of its own."""
        return KeyAuth("X-Api-Key", secrets["api_key"])

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about one number."""
        return await http.get(f"/v1/parcels/{quote(numbers[0], safe='')}")

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:  # noqa: ARG002 - all is in the part
        """Yield a parcel's events as they stand."""
        for event in rows(part["events"]):
            yield Scan(
                number=part["parcel"],
                at=iso(event["time"]),
                codes=(event["code"],),
                text=text_of(event, "text") or "",
                place=Place(city=text_of(event, "city"), country=text_of(event, "country")),
            )
'''

_SAMPLE = """\
# origin: written
# about: picked up and delivered
# numbers: 123456789012
# secrets: api_key=sample-key
GET /v1/parcels/123456789012 HTTP/1.1
X-Api-Key: sample-key

###
HTTP/1.1 200 OK
Content-Type: application/json

{
  "parcel": "123456789012",
  "events": [
    {"code": "PICKED_UP", "time": "2026-02-27T16:20:00+01:00", "text": "Picked up", "city": "Bonn", "country": "DE"},
    {"code": "DELIVERED", "time": "2026-02-28T10:05:00+01:00", "text": "Delivered", "city": "Köln", "country": "DE"}
  ]
}
"""

_README = """\
# @NAME@

What it is, in a line or two; which API and version; who gets credentials and where.

* Proof level: written
* Documents: https://www.example.com/developers
* Asked: `GET /v1/parcels/{number}`, one number a call
* Unconfirmed: everything; this folder was just made

## Quirks

What surprises in this carrier's answers, each with its source.
"""

_FILES = {
    "carrier.toml": _FACTS,
    "codes.csv": _CODES,
    "__init__.py": _BEHAVIOUR,
    "samples/delivered.http": _SAMPLE,
    "README.md": _README,
}
