"""The templates: always escaped, an unknown name is an error, and texts come from `gateway.texts` alone."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway.pages.shapes import shape
from gateway.pages.statics import statics

if TYPE_CHECKING:
    from gateway.texts import Speech

FOLDER = Path(__file__).parent.parent / "templates"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals["static"] = statics().url
    made.globals["shape"] = shape
    return made


def render(name: str, speech: Speech, **values: Any) -> str:
    """Return a template filled in. It says its texts by `say("name")` and knows `speech` and `static("file")`."""
    return _environment().get_template(name).render(speech=speech, say=speech.say, **values)
