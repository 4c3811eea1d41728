"""Logs: one line per happening, JSON for machines or plain for eyes, without secrets and without people.

Values are masked by the names of their keys, wherever nested. Of an exception only its kind and where it arose are
written, never its text: the text of foreign errors may quote a value, and a value may be a recipient's.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal, TextIO

import orjson
import structlog

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request being answered; stands on every line written meanwhile."""

MASK = "***"
_WORDS = frozenset(
    {
        "address",
        "apikey",
        "authorization",
        "body",
        "cookie",
        "credentials",
        "email",
        "headers",
        "key",
        "name",
        "password",
        "phone",
        "recipient",
        "secret",
        "secrets",
        "signature",
        "token",
    }
)
"""A key is masked when one of the words it is made of is among these (`api_key`, `webhook-signature`, `firstName`)."""

_ANYWHERE = ("authorization", "secret", "token", "password", "apikey", "signature", "cookie", "recipient", "email")
_SPLIT = re.compile(r"[^a-zA-Z0-9]+|(?<=[a-z0-9])(?=[A-Z])")
_IN_TEXT = re.compile(r"(?i)\b(?:bearer|basic)\s+\S+|\b(?:whs(?:ec|k)_|gwk_)\S+|(?<=\?)[^\s\"'>]+")
"""What may stand in a foreign logger's sentence: credentials, and the query of an address."""
_OWN = frozenset({"event", "level", "logger", "timestamp", "request_id", "error", "where"})
_DEEPEST = 8
_QUIET = ("httpx", "httpcore", "aiohttp.access", "alembic", "apscheduler", "zeep", "urllib3", "sqlalchemy.engine")
"""Libraries that write addresses of requests (with keys and numbers in them) or chatter: only their warnings count."""

Processor = Any


def configure(
    level: str = "info", form: Literal["json", "console"] = "json", stream: TextIO | None = None
) -> logging.Handler:
    """Send all logs, structlog's and the standard library's, through one redacting handler; return it."""
    shared: list[Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_request_id,
        without_error_text,
        redact,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    last: Processor = (
        structlog.processors.JSONRenderer(serializer=_dumps)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
            keep_exc_info=False,
            keep_stack_info=False,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for quiet in _QUIET:
        logging.getLogger(quiet).setLevel(max(logging.WARNING, root.level))
    # A turn that is left out because the one before it still runs is how our jobs are meant.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    return handler


def logger(of: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of one part of the house."""
    made: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(of)
    return made


def redact(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask what has a telling key, wherever nested, and credentials that stand in a sentence."""
    for key, value in line.items():
        if key == "event":
            line[key] = _IN_TEXT.sub(MASK, value) if isinstance(value, str) else _clean(value, 0)
        elif key not in _OWN and not key.startswith("_"):
            line[key] = MASK if is_sensitive(key) else _clean(value, 0)
    return line


def is_sensitive(key: str) -> bool:
    """Tell whether a value under this key must not be written."""
    folded = key.lower()
    if any(part in folded.replace("_", "").replace("-", "") for part in _ANYWHERE):
        return True
    return any(word.lower() in _WORDS for word in _SPLIT.split(key) if word)


def _clean(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _IN_TEXT.sub(MASK, value)
    if isinstance(value, dict):
        if depth >= _DEEPEST:
            return MASK
        return {key: MASK if is_sensitive(str(key)) else _clean(one, depth + 1) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return MASK if depth >= _DEEPEST else [_clean(one, depth + 1) for one in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return f"<{type(value).__name__}>"  # the text of bytes and objects is nobody's promise


def without_error_text(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace an exception by its kind and the places it came through."""
    told = line.pop("exc_info", None)
    line.pop("stack_info", None)
    trouble = told[1] if isinstance(told, tuple) else told
    if trouble is True:
        trouble = sys.exc_info()[1]
    if isinstance(trouble, BaseException):
        line["error"] = type(trouble).__name__
        frames = traceback.extract_tb(trouble.__traceback__)[-_FRAMES:]
        line["where"] = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
    return line


_FRAMES = 12


def _with_request_id(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    request_id = REQUEST_ID.get()
    if request_id is not None:
        line["request_id"] = request_id
    return line


def _dumps(line: Mapping[str, Any], **_options: Any) -> str:
    return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
