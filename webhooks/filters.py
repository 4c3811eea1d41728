"""Conditions on fields of a message's `data`, and the choice of fields that are sent. Pure.

A path names members with dots: `shipment.carrier`. Where it meets a list it goes on into every element. What is absent
is null. A condition is a plain value, a list of plain values of which one must be there, or tests by name:
`{"in", "not_in", "exists", "starts_with", "gt", "gte", "lt", "lte"}`.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

MAX_FILTER_PATHS = 20
MAX_VALUES = 200
MAX_FIELDS = 50
_DEEPEST = 10

Path = tuple[str, ...]


class BadPattern(ValueError):  # noqa: N818 - it names what is bad
    """An event type, pattern, filter or field that could never match; the text names the field and the reason."""


@dataclass(frozen=True, slots=True)
class Filter:
    """All of its conditions must hold. An empty one lets everything pass."""

    conditions: tuple[tuple[Path, tuple[Callable[[list[Any]], bool], ...]], ...] = ()

    def __bool__(self) -> bool:
        """Tell whether it asks for anything."""
        return bool(self.conditions)

    def passes(self, data: Any) -> bool:
        """Tell whether a message's `data` meets every condition."""
        for path, tests in self.conditions:
            found = values_at(data, path)
            if not all(test(found) for test in tests):
                return False
        return True


EVERYTHING = Filter()


def read_filter(wanted: Mapping[str, Any] | None) -> Filter:
    """Read a filter as a merchant writes it. Raises `BadPattern`."""
    if not wanted:
        return EVERYTHING
    if len(wanted) > MAX_FILTER_PATHS:
        raise BadPattern(f"filter: at most {MAX_FILTER_PATHS} paths")
    return Filter(tuple((_path(path, "filter"), _tests(f"filter.{path}", one)) for path, one in wanted.items()))


def values_at(data: Any, path: Path) -> list[Any]:
    """Return what stands at a path: one value, or as many as the lists on the way have; null for what is absent."""
    found = [data]
    for name in path:
        found = [one.get(name) if isinstance(one, dict) else None for one in _spread(found)]
    return _spread(found)


def _spread(values: list[Any]) -> list[Any]:
    if not any(isinstance(one, list) for one in values):
        return values
    return [inner for one in values for inner in (one if isinstance(one, list) else [one])]


def _path(path: str, of: str) -> Path:
    names = tuple(path.split("."))
    if not all(names):
        raise BadPattern(f"{of}: {path!r} is no path such as 'shipment.carrier'")
    if len(names) > _DEEPEST:
        raise BadPattern(f"{of}: {path[:40]!r} goes deeper than {_DEEPEST} names")
    return names


def _tests(field: str, wanted: Any) -> tuple[Callable[[list[Any]], bool], ...]:
    if not isinstance(wanted, dict):
        return (_one_of(_plain_values(field, wanted)),)
    if not wanted:
        raise BadPattern(f"{field}: it tests nothing")
    return tuple(_test(field, name, operand) for name, operand in wanted.items())


def _test(field: str, name: str, operand: Any) -> Callable[[list[Any]], bool]:
    if name == "in":
        return _one_of(_plain_values(field, operand))
    if name == "not_in":
        unwanted = _plain_values(field, operand)
        return lambda found: not any(_exact(one) in unwanted for one in found)
    if name == "exists":
        if not isinstance(operand, bool):
            raise BadPattern(f"{field}: exists takes true or false")
        return lambda found: any(one is not None for one in found) is operand
    if name == "starts_with":
        if not isinstance(operand, str) or not operand:
            raise BadPattern(f"{field}: starts_with takes a text")
        return lambda found: any(isinstance(one, str) and one.startswith(operand) for one in found)
    compare = _ORDERS.get(name)
    if compare is None:
        raise BadPattern(f"{field}: {name!r} is none of in, not_in, exists, starts_with, {', '.join(_ORDERS)}")
    if isinstance(operand, bool) or not isinstance(operand, int | float | str):
        raise BadPattern(f"{field}: {name} takes a number, or a text such as a time")
    kind: tuple[type, ...] = (str,) if isinstance(operand, str) else (int, float)
    return lambda found: any(
        isinstance(one, kind) and not isinstance(one, bool) and compare(one, operand) for one in found
    )


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def _one_of(wanted: frozenset[Any]) -> Callable[[list[Any]], bool]:
    return lambda found: any(_exact(one) in wanted for one in found)


def _plain_values(field: str, wanted: Any) -> frozenset[Any]:
    values = wanted if isinstance(wanted, list) else [wanted]
    if not values or not all(value is None or isinstance(value, str | int | float | bool) for value in values):
        raise BadPattern(f"{field}: expected a plain value or a list of plain values")
    if len(values) > MAX_VALUES:
        raise BadPattern(f"{field}: at most {MAX_VALUES} values")
    return frozenset(_exact(value) for value in values)


def _exact(value: Any) -> tuple[bool, Any]:
    """Keep `true` apart from 1: in Python they are equal, in JSON they are not."""
    if isinstance(value, dict | list):
        return (False, object())
    return (isinstance(value, bool), value)


class Projection:
    """The fields of `data` an endpoint wants sent.

    Equal wishes are one object (see `endpoint_rows`), so that a message is written out once for all of them.
    """

    __slots__ = ("_tree",)

    def __init__(self, paths: Iterable[Path]) -> None:
        self._tree: dict[str, Any] = {}
        for path in sorted(set(paths), key=len):
            _grow(self._tree, path)

    def of(self, body: bytes) -> bytes:
        """Return a message's bytes with the chosen fields of `data` only; what is absent is left out."""
        message = orjson.loads(body)
        message["data"] = _pick(message["data"], self._tree)
        return orjson.dumps(message)


def read_fields(fields: Sequence[str] | None) -> Projection | None:
    """Read the paths of the fields to be sent; None sends all of them. Raises `BadPattern`."""
    if fields is None:
        return None
    if not fields:
        raise BadPattern("fields: an empty list would send nothing; leave it out to send everything")
    if len(fields) > MAX_FIELDS:
        raise BadPattern(f"fields: at most {MAX_FIELDS} paths")
    return Projection([_path(path, f"fields[{index}]") for index, path in enumerate(fields)])


def _grow(tree: dict[str, Any], path: Path) -> None:
    """Add a path; one that stands for a whole member takes everything below it."""
    for name in path[:-1]:
        branch = tree.setdefault(name, {})
        if branch is None:
            return
        tree = branch
    tree[path[-1]] = None


def _pick(data: Any, tree: Mapping[str, Any]) -> Any:
    if isinstance(data, list):
        return [_pick(one, tree) for one in data]
    if not isinstance(data, dict):
        return data
    return {
        name: data[name] if branch is None else _pick(data[name], branch)
        for name, branch in tree.items()
        if name in data
    }
