"""Pages written from the program itself: carriers, statuses, settings. A test keeps them fresh."""

from __future__ import annotations

from collections import Counter
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from connectors import HERE, capabilities, connectors
from connectors.samples import ORIGINS, proof_level, samples
from gateway.demo.telling import STATUS_WORDS
from gateway.settings import PREFIX, Settings
from normalizer.model import ENDS, SUBSTATUSES, Status
from webhooks.channels import KINDS
from webhooks.channels.meanings import read_meanings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from connectors.base import Connector

_MADE = "<!-- Written by `make docs`; change the program, not this page. -->"

_CAN = {
    "polls": "asks about numbers",
    "pushes": "takes pushes, proved by the carrier's own scheme",
    "subscribes": "asks for pushes number by number",
    "locates": "asks where the courier is",
    "proves": "fetches proof of delivery",
    "contacts": "reaches the courier",
}

_PROOF = {
    "written": "samples made up after the carrier's documents",
    "documented": "samples taken from the carrier's documents",
    "recorded": "samples seen on the wire",
}


def carriers_page() -> str:
    """Return `docs/carriers.md`."""
    known = list(connectors().values())
    lines = [
        "# Carriers",
        "",
        _MADE,
        "",
        "What each connector can do and how well that is proved. The proof level is the strongest origin among a",
        "connector's samples:",
        "",
        *(f"* **{level}**: {_PROOF[level]}" for level in ORIGINS),
        "",
        "A passing test proves that the samples are read, not that the carrier still answers so.",
        "",
        *_table(
            ("Carrier", "Code", "Format", "Can", "Codes with a meaning", "Samples", "Proof"),
            (
                (
                    f"[{one.facts.name}](#{one.code})",
                    f"`{one.code}`",
                    one.facts.api.format.upper(),
                    ", ".join(capabilities(one)),
                    str(len(one.codes.codes) + len(one.codes.phrases)),
                    str(len(samples(HERE / one.code.replace("-", "_") / "samples"))),
                    proof_level(one.code),
                )
                for one in known
            ),
        ),
    ]
    for one in known:
        lines += ["", *_carrier(one)]
    return "\n".join(lines) + "\n"


def _carrier(one: Connector) -> Iterator[str]:
    facts = one.facts
    yield f'<a id="{one.code}"></a>'
    yield ""
    yield f"## {facts.name}"
    yield ""
    for name in capabilities(one):
        yield f"* {name}: {_CAN[name]}"
    yield f"* clock: {facts.clock.kind}" + (f" ({facts.clock.note})" if facts.clock.note else "")
    limits = [f"{facts.api.batch} numbers a call"] if facts.api.batch > 1 else []
    limits += [f"{facts.api.per_second:g} calls a second"] if facts.api.per_second else []
    limits += [f"{facts.api.per_day} calls a day"] if facts.api.per_day else []
    if limits:
        yield f"* limits kept: {', '.join(limits)}"
    if facts.secrets:
        yield ""
        yield from _table(
            ("Credential", "What it is", "For"),
            (
                (
                    f"`{name}`",
                    secret.title
                    + (" (optional)" if secret.optional else "")
                    + (f". {secret.help}" if secret.help else ""),
                    {"poll": "asking", "push": "pushes", "both": "asking and pushes"}[secret.use],
                )
                for name, secret in facts.secrets.items()
            ),
        )
    else:
        yield "* needs no account"
    if facts.unconfirmed:
        yield ""
        yield "Not confirmed by any source in reach:"
        yield ""
        for doubt in facts.unconfirmed:
            yield f"* {doubt}"


def statuses_page() -> str:
    """Return `docs/statuses.md`."""
    used = _used()
    lines = [
        "# Statuses",
        "",
        _MADE,
        "",
        "Where a parcel is in its life, for every carrier alike. Each status has finer details or reasons. The last",
        "column counts the carriers' codes that lead there; a code without a row is `unknown` and never guessed.",
    ]
    for status in Status:
        words = STATUS_WORDS[status.value]
        over = "; nothing more is expected after it" if status in ENDS else ""
        lines += ["", f"## `{status.value}`", "", f"{words[:1].upper()}{words[1:]}{over}.", ""]
        lines += _table(
            ("Detail", "Codes"), ((f"`{one}`", str(used[status, one] or "")) for one in SUBSTATUSES[status])
        )
    return "\n".join(lines) + "\n"


_FOLLOWS = {
    "later": "it is tried again",
    "refused": "this notice never goes",
    "blocked": "this person said stop; nothing more goes to them",
    "gone": "this address exists no more",
    "rejected": "the account waits until its owner acts",
    "ours": "we could not get out; it is tried again",
}


def channels_page() -> str:
    """Return `docs/channels.md`."""
    lines = [
        "# Channels",
        "",
        _MADE,
        "",
        "How people are reached. A channel speaks one provider's format; its address is a setting where others speak",
        "the same. What a provider answers is read by tables; an answer without a row is tried again later.",
        "",
        "What follows from an answer:",
        "",
        *(f"* **{kind}**: {what}" for kind, what in _FOLLOWS.items()),
        "",
        "An SMS is measured in segments: 160 characters of GSM-7 or 70 of UCS-2 in one, 153 or 67 in each of several.",
    ]
    for kind, one in KINDS.items():
        lines += ["", f"## `{kind}`", "", f"{one.about}.", ""]
        if one.fields:
            names = (("secret " if field.secret else "") + f"`{field.name}`" for field in one.fields)
            needs = (
                "required" if field.required else f"`{field.default}`" if field.default else "" for field in one.fields
            )
            helps = (field.help for field in one.fields)
            lines += _table(("Setting", "Default", "What it is"), zip(names, needs, helps, strict=True))
        else:
            lines += ["It needs no settings."]
        if one.unconfirmed:
            lines += ["", "Not confirmed by any source in reach:", "", *(f"* {doubt}" for doubt in one.unconfirmed)]
        if one.tables:
            rows = (
                (f"`{code}`", row.kind, row.reason) for name in one.tables for code, row in read_meanings(name).items()
            )
            lines += ["", *_table(("Answer", "Taken as", "Meaning"), rows)]
    return "\n".join(lines) + "\n"


def _used() -> Counter[tuple[Status, str]]:
    used: Counter[tuple[Status, str]] = Counter()
    for one in connectors().values():
        for meaning in (*one.codes.codes.values(), *one.codes.phrases.values()):
            used[meaning.status, meaning.substatus] += 1
    return used


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def settings_file() -> str:
    """Return `config/default.toml`: every setting with its default, commented."""
    lines = [
        "# Every setting with its default. Copy what you change into a file of your own and start with --config FILE;",
        "# GATEWAY_<NAME> in the environment wins over it. Written by `make docs`: change gateway/settings.py instead.",
    ]
    for name, field in Settings.model_fields.items():
        lines += ["", *(f"# {line}" for line in wrap(field.description or "", 110))]
        lines.append(f"{name} = {_toml(field.default)}")
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    """Return a default as TOML spells it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(str(one)) for one in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }" if value else "{}"
    return f'"{value}"' if isinstance(value, str) else str(value)


def operations_page(old: str) -> str:
    """Return `docs/operations.md` with its table of settings made anew."""
    rows = (
        (f"`{PREFIX}{name.upper()}`", _as_variable(field.default), field.description or "")
        for name, field in Settings.model_fields.items()
    )
    before, _, rest = old.partition(_SETTINGS_BEGIN)
    _, _, after = rest.partition(_SETTINGS_END)
    return "\n".join(
        [before + _SETTINGS_BEGIN, "", *_table(("Variable", "Default", "What it is"), rows), "", _SETTINGS_END + after]
    )


def _as_variable(value: Any) -> str:
    """Return a default as it would stand in the environment."""
    text = ",".join(map(str, value)) if isinstance(value, tuple | dict) else str(value)
    return f"`{text}`" if text else ""


_SETTINGS_BEGIN = "<!-- settings: written by `make docs` -->"
_SETTINGS_END = "<!-- /settings -->"

PAGES: dict[str, Callable[[str], str]] = {
    "config/default.toml": lambda _old: settings_file(),
    "docs/carriers.md": lambda _old: carriers_page(),
    "docs/channels.md": lambda _old: channels_page(),
    "docs/operations.md": operations_page,
    "docs/statuses.md": lambda _old: statuses_page(),
}
"""File -> what writes it, given what stands there now."""
