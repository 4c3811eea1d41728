"""The commands: what each takes, and which function does it. What a command needs is imported when it runs."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    Parsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse names it nowhere else

_WHAT = "One hub between every parcel carrier and everybody who wants to know where a parcel is."
_DATABASE = "where the truth is kept: sqlite:///gateway.db or postgresql://user:password@host/name (GATEWAY_DATABASE)"


class Refusal(Exception):  # noqa: N818 - it names what happened
    """A command cannot do what was asked: one line for people, exit code 2 for bad input, 1 for a broken state."""

    def __init__(self, reason: str, code: int = 2) -> None:
        super().__init__(reason)
        self.code = code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code: 0 done, 1 something is wrong, 2 the input is."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.run is None:
        parser.print_help(sys.stderr)
        return 2
    module, _, name = given.run.partition(":")
    try:
        code: int | None = getattr(import_module(module), name)(given)
        sys.stdout.flush()
    except Refusal as refusal:
        _complain(str(refusal))
        return refusal.code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as trouble:  # people get a line and not a traceback
        if os.environ.get("GATEWAY_LOG_LEVEL") == "debug":
            raise
        _complain(_for_people(trouble))
        return 1
    return code or 0


def _for_people(trouble: Exception) -> str:
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - all four only where something went wrong

    from gateway.db import NotNow  # noqa: PLC0415
    from gateway.schema import UnknownSchema  # noqa: PLC0415
    from gateway.vault import KeyTrouble  # noqa: PLC0415

    if isinstance(trouble, NotNow | UnknownSchema | KeyTrouble):
        return str(trouble)
    said = (
        f"the database: {trouble.orig}" if isinstance(trouble, DBAPIError) else f"{type(trouble).__name__}: {trouble}"
    )
    return f"{said} (GATEWAY_LOG_LEVEL=debug shows where)"


def _complain(line: str) -> None:
    sys.stderr.write("carrier-gateway: " + " ".join(line.split()) + "\n")


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # noqa: PLC0415 - slow to load

        sys.stdout.write(f"carrier-gateway {version('carrier-gateway')}\n")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="carrier-gateway", description=_WHAT)
    parser.add_argument("--version", nargs=0, action=_Version, help="say which version this is and exit")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _running(commands)
    _data(commands)
    _reading(commands)
    _developing(commands)
    return parser


def _command(commands: Parsers, name: str, run: str, what: str, more: str = "") -> argparse.ArgumentParser:
    made = commands.add_parser(name, help=what, description=f"{what[:1].upper()}{what[1:]}. {more}".strip())
    made.set_defaults(run=f"gateway.commands.{run}")
    return made


def _settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", help="settings in TOML; GATEWAY_* in the environment win over it")
    parser.add_argument("--database", metavar="URL", help=_DATABASE)


def _running(commands: Parsers) -> None:
    serve = _command(
        commands, "serve", "running:serve", "run the gateway", "One process; all roles unless told otherwise."
    )
    _settings(serve)
    serve.add_argument("--host", help="the address to listen on (127.0.0.1)")
    serve.add_argument("--port", type=int, help="the port to listen on (8080); 0 takes a free one")
    serve.add_argument("--roles", metavar="LIST", help="what this process does: api,ingest,poll,dispatch")
    demo = _command(
        commands,
        "demo",
        "running:demo",
        "show it at work",
        "Starts a gateway, carriers that live parcels' lives, and a merchant that verifies every webhook.",
    )
    demo.add_argument("--seconds", type=float, help="how long the story takes; without, it goes on until Ctrl-C")
    demo.add_argument("--port", type=int, default=0, help="the gateway's port; by default a free one")
    migrate = _command(commands, "migrate", "data:migrate", "bring the database's schema up to date")
    _settings(migrate)
    doctor = _command(
        commands,
        "doctor",
        "checking:doctor",
        "look for what is wrong",
        "Checks settings, database, clock, secret key and every account; exit code 1 if something is broken.",
    )
    _settings(doctor)
    doctor.add_argument("--json", action="store_true", help="the findings as JSON")


def _data(commands: Parsers) -> None:
    merchant = commands.add_parser("merchant", help="make a merchant", description="Make a merchant.")
    whats = merchant.add_subparsers(title="commands", metavar="COMMAND", required=True)
    create = _command(whats, "create", "data:create_merchant", "make a merchant and the first key", "Prints both once.")
    create.add_argument("name", metavar="NAME", help="what the merchant is called")
    create.add_argument("--email", metavar="ADDRESS", help="where it is written to when an endpoint of it fails")
    _settings(create)
    taken = _command(
        commands,
        "import",
        "importing:take_in",
        "take in a file of orders or shipments",
        "CSV or NDJSON, as the API takes it; also beside a gateway that serves. Exit code 1 where lines were refused.",
    )
    taken.add_argument("file", metavar="FILE", help="its name ends in .csv or .ndjson; - reads standard input")
    taken.add_argument("--merchant", metavar="ID", required=True, help="whose they are")
    taken.add_argument("--kind", choices=("orders", "shipments"), default="shipments", help="what is in it (shipments)")
    taken.add_argument("--format", choices=("csv", "ndjson"), help="where the file's name does not tell")
    _settings(taken)
    person = commands.add_parser("person", help="let somebody in to the console", description="People at the console.")
    whos = person.add_subparsers(title="commands", metavar="COMMAND", required=True)
    invite = _command(
        whos,
        "invite",
        "staff:invite",
        "make a link with which somebody sets a password",
        "Also for a forgotten password. The link is good for three days, once.",
    )
    invite.add_argument("email", metavar="EMAIL", help="the address they sign in with")
    invite.add_argument("--merchant", metavar="ID", help="whose person they are; left out, an operator of the gateway")
    invite.add_argument("--role", choices=("merchant", "support"), help="what they may there (merchant)")
    _settings(invite)
    shut_out = _command(
        whos,
        "shut-out",
        "staff:shut_out",
        "end somebody's sessions and links; they may not sign in any more",
        "An invitation lets them in again.",
    )
    shut_out.add_argument("email", metavar="EMAIL", help="the address they sign in with")
    _settings(shut_out)
    replay = _command(
        commands,
        "replay",
        "data:replay",
        "read kept payloads again",
        "After a code table or a connector was mended: only real changes are told.",
    )
    _settings(replay)
    replay.add_argument("--carrier", metavar="CODE", help="of one carrier")
    replay.add_argument("--since", metavar="TIME", help="RFC 3339, or so long ago: 36h, 7d")
    replay.add_argument("--shops", action="store_true", help="shops' pushes that could not be read, and nothing else")
    replay.add_argument("--unreadable", action="store_true", help="only payloads that could not be read")
    codes = _command(commands, "codes", "data:codes", "carriers' codes and what they mean")
    _settings(codes)
    codes.add_argument("--unlisted", action="store_true", help="codes that carriers sent and that have no row yet")
    codes.add_argument("--carrier", metavar="CODE", help="of one carrier")
    codes.add_argument("--json", action="store_true", help="as JSON")


def _reading(commands: Parsers) -> None:
    carriers = _command(commands, "carriers", "reading:carriers", "every connector and what it can do")
    carriers.add_argument("--json", action="store_true", help="as JSON")
    detect = _command(
        commands, "detect", "reading:detect", "whose a tracking number may be", "Best first; a hint, never proof."
    )
    detect.add_argument("number", metavar="NUMBER", help="a tracking number, spaced as you like")
    detect.add_argument("--json", action="store_true", help="as JSON")
    normalize = _command(
        commands,
        "normalize",
        "reading:normalize",
        "read one carrier body and print what it means",
        "No database and no network. Exit code 2 where the body cannot be read.",
    )
    normalize.add_argument("file", metavar="FILE", help="the body; - reads standard input")
    normalize.add_argument("--carrier", metavar="CODE", required=True, help="whose body it is: carriers lists them")
    normalize.add_argument("--push", action="store_true", help="the body came as a push, not as an answer")
    normalize.add_argument("--header", metavar="'K: V'", action="append", default=[], help="a header that came with it")
    normalize.add_argument("--number", metavar="N", action="append", default=[], help="the number that was asked for")


def _developing(commands: Parsers) -> None:
    new = _command(commands, "new-carrier", "reading:new_carrier", "write a carrier folder ready to fill")
    new.add_argument("code", metavar="CODE", help="small letters, digits and hyphens, such as lime-post")
    docs = _command(commands, "docs", "pages:docs", "write the generated pages anew")
    docs.add_argument("--folder", default=".", help="the repository (.)")
    docs.add_argument("--check", action="store_true", help="write nothing; exit code 1 where a page is out of date")
    _command(commands, "openapi", "pages:openapi", "print the OpenAPI document of the HTTP API")
