"""What callers ask the search."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from gateway.api.fields import Query


class SearchQuery(Query):
    """A question, or up to 50 numbers on lines or between commas."""

    q: Annotated[str, StringConstraints(min_length=1, max_length=6_000)]
    limit: Annotated[
        int,
        Field(ge=1, le=50, description="Shipments, and orders, at most; of each of several numbers at most 5."),
    ] = 20
