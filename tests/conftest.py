"""What all tests share: the longer mode, and the carriers' own documents where they lie beside the project."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="fault runs and fuzzing in full length")
