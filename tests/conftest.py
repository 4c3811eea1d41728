"""What all tests share: the longer modes, and databases of both kinds.

A test that asks for `database` gets a SQLite file with the newest schema; marked `both_databases` it runs a second time
on PostgreSQL (see `postgres.py`), and with `--postgres-all` every such test does.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import postgres
import pytest

from gateway import schema

if TYPE_CHECKING:
    from collections.abc import Iterator

_MEMORY = Path("/dev/shm")
_ENOUGH = 4 << 30


def _write_into_memory() -> None:
    """Let all temporary files lie in memory where there is room: a commit then waits for no disk."""
    if "TMPDIR" not in os.environ and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _ENOUGH:
        os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)


_write_into_memory()
hypothesis.settings.register_profile("here", deadline=None)  # tests never time
hypothesis.settings.load_profile("here")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="fault runs and fuzzing in full length")
    parser.addoption("--postgres-all", action="store_true", help="every test that has a database also on PostgreSQL")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database" not in metafunc.fixturenames:
        return
    marks = {mark.name for mark in metafunc.definition.iter_markers()}
    wanted = "both_databases" in marks or metafunc.config.getoption("--postgres-all")
    if wanted and "sqlite_only" not in marks:
        metafunc.parametrize("database", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with its schema and nothing in it, made once."""
    path = tmp_path_factory.mktemp("empty") / "gateway.db"
    schema.migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def databases() -> Iterator[postgres.Databases]:
    """PostgreSQL's databases; a server is started for the first test that wants one."""
    server = None
    if not postgres.GIVEN:
        if postgres.binaries() is None:
            pytest.skip("NO POSTGRESQL HERE: install it, or name a server in GATEWAY_TEST_POSTGRES")
        server = postgres.Server()
    made = postgres.Databases(postgres.GIVEN or server.address)
    yield made
    if server is not None:
        server.remove()
    else:
        made.drop_all()


@pytest.fixture
def postgresql(databases: postgres.Databases) -> Iterator[str]:
    """The address of a PostgreSQL database with the newest schema and nothing in it."""
    url = databases.fresh()
    yield url
    databases.drop(url)


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database with the newest schema and nothing in it."""
    if getattr(request, "param", "sqlite") == "postgresql":
        url: str = request.getfixturevalue("postgresql")
        return url
    shutil.copy(request.getfixturevalue("empty_database"), tmp_path / "gateway.db")
    return f"sqlite:///{tmp_path}/gateway.db"
