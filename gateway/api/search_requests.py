"""What callers ask the search."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from gateway.api.fields import Query
from gateway.search import words


def _askable(text: str) -> str:
    if not words.of_question(text):
        raise ValueError(f"say at least {words.SHORTEST} letters or digits")
    return text


class SearchQuery(Query):
    """A question."""

    q: Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_askable)]
    limit: Annotated[int, Field(ge=1, le=50)] = 20
