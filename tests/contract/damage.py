"""Bodies cut short and bodies with a node missing, null or of another kind."""

from __future__ import annotations

import copy
import json

from lxml import etree

MOST_CUTS, MOST_NODES = 200, 150


def cuts(body):
    """Yield (length, cut body): every length of a small body, an even choice of a large one, never whitespace only."""
    whole = body.rstrip()
    if whole[:1] not in (b"{", b"[", b"<"):
        return
    step = max(1, len(whole) // MOST_CUTS)
    for length in sorted({*range(0, len(whole), step), len(whole) - 1}):
        yield length, whole[:length]


def damaged(body):
    """Yield (what was done, body) for each node, or an even choice of many."""
    if body.lstrip()[:1] == b"<":
        yield from _damaged_xml(body)
    elif body.lstrip()[:1] in (b"{", b"["):
        yield from _damaged_json(body)


def _damaged_json(body):
    whole = json.loads(body)
    for value in (None, [], {}, "~", 7, [None], [[]]):
        yield f"the whole is {value!r}", json.dumps(value).encode()
    paths = list(_paths(whole))
    for path in paths[:: max(1, len(paths) // MOST_NODES)]:
        for name, value in (
            ("null", None),
            ("a text", "~\u00e9"),
            ("a number", -7.5e9),
            ("a list", [{}]),
            ("true", True),
        ):
            yield f"{path} is {name}", json.dumps(_replaced(whole, path, value)).encode()
        yield f"{path} is an object", json.dumps(_replaced(whole, path, {"~": []})).encode()
        yield f"{path} is empty", json.dumps(_replaced(whole, path, "")).encode()
        yield f"{path} is missing", json.dumps(_without(whole, path)).encode()


def _paths(node, path=()):
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from _paths(value, (*path, key))


def _replaced(whole, path, value):
    changed = copy.deepcopy(whole)
    node = changed
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return changed


def _without(whole, path):
    changed = copy.deepcopy(whole)
    node = changed
    for step in path[:-1]:
        node = node[step]
    del node[path[-1]]
    return changed


def _damaged_xml(body):
    count = sum(1 for _ in etree.fromstring(body).iter(etree.Element))
    for at in range(0, count, max(1, count // MOST_NODES)):
        for name, change in _XML_CHANGES.items():
            root = etree.fromstring(body)
            node = list(root.iter(etree.Element))[at]
            if change(node):
                yield f"{node.tag} is {name}", etree.tostring(root)


def _remove(node):
    parent = node.getparent()
    if parent is None:
        return False
    parent.remove(node)
    return True


def _empty(node):
    node.clear(keep_tail=True)
    return True


def _nonsense(node):
    node.clear(keep_tail=True)
    node.text = "~\u00e9"
    return True


def _number(node):
    node.clear(keep_tail=True)
    node.text = "-7500000000"
    return True


def _nested(node):
    inner = copy.deepcopy(node)
    inner.tail = None
    node.clear(keep_tail=True)
    node.append(inner)
    return True


def _renamed(node):
    node.tag = "odd"
    return True


_XML_CHANGES = {
    "missing": _remove,
    "empty": _empty,
    "nonsense": _nonsense,
    "a number": _number,
    "inside itself": _nested,
    "of another name": _renamed,
}
