"""The commands on PostgreSQL: migrating is a step of its own, one gateway serves, and what is wrong is said."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ports import free_port

from gateway import schema
from gateway.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postgres import Databases

PROGRAM = Path(sys.executable).with_name("carrier-gateway")
KEY = "a key for the commands' tests, long enough"


@pytest.fixture
def unmigrated(databases: Databases) -> Iterator[str]:
    url = databases.empty()
    yield url
    databases.drop(url)


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command on a database; return exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("GATEWAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GATEWAY_SECRET_KEY", KEY)
    monkeypatch.setenv("GATEWAY_LOG_LEVEL", "error")

    def ran(url: str, *words: str) -> tuple[int, str, str]:
        monkeypatch.setenv("GATEWAY_DATABASE", url)
        code = main(words)
        said = capsys.readouterr()
        return code, said.out, said.err

    return ran


def test_it_does_not_start_on_a_schema_of_another_version_and_says_what_to_run(unmigrated: str, run: Run) -> None:
    code, out, err = run(unmigrated, "serve", "--port", str(free_port()))
    assert (code, out) == (1, "")
    assert err == (
        f"carrier-gateway: the schema of {unmigrated} is not there yet, this program needs {schema.newest()}: "
        f"run carrier-gateway migrate --database {unmigrated}\n"
    )
    assert run(unmigrated, "merchant", "create", "A shop") == (1, "", err)
    code, out, err = run(unmigrated, *err.split("run carrier-gateway ")[1].split())
    assert (code, out, err) == (0, f"{unmigrated} is at {schema.newest()}\n", "")
    assert run(unmigrated, "merchant", "create", "A shop")[0] == 0


def test_a_second_gateway_says_that_there_is_one_and_ends(postgresql: str, run: Run) -> None:
    first = subprocess.Popen(
        [PROGRAM, "serve", "--port", str(free_port())],
        env=os.environ | {"GATEWAY_DATABASE": postgresql}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with first:
        assert first.stdout is not None
        address = re.findall(r"http://[^,]+", first.stdout.readline())[0]
        code, out, err = run(postgresql, "serve", "--port", str(free_port()))
        assert (code, out) == (1, "")
        assert re.match(
            r"carrier-gateway: another gateway owns this database: process \d+ on \S+, since 20\S+Z\n$", err
        )
        code, out, _ = run(postgresql, "doctor")
        assert re.search(rf"^ok     owner: process {first.pid} on \S+ serves it, since 20", out, re.MULTILINE)
        # commands work beside it, and it goes on
        assert run(postgresql, "merchant", "create", "A shop")[0] == 0
        with urllib.request.urlopen(f"{address}/readyz") as answer:
            assert answer.status == 200
        first.terminate()
    assert first.returncode == 0


def test_a_password_is_in_no_error_and_no_finding(run: Run) -> None:
    away = f"postgresql://hub:a-secret-word@127.0.0.1:{free_port()}/hub"
    code, out, err = run(away, "serve")
    assert (code, out) == (1, "")
    assert err.startswith("carrier-gateway: the database is away: ")
    code, out, err = run(away, "doctor")
    assert code == 1
    assert "BROKEN database: postgresql://hub:***@127.0.0.1" in out
    assert "a-secret-word" not in out + err


def test_an_address_that_leads_nowhere_says_what_to_mend(postgresql: str, run: Run) -> None:
    nowhere = postgresql.rsplit("/", 1)[0] + "/of_no_such_name"
    code, out, err = run(nowhere, "serve")
    assert (code, out) == (1, "")
    assert err == (
        "carrier-gateway: there is no database of that name on the server: make it with createdb, or correct "
        "GATEWAY_DATABASE\n"
    )
    code, out, err = run("postgresql://hub:a-secret-word@127.0.0.1:port/hub", "doctor")
    assert (code, err) == (1, "")
    assert "the database's address cannot be read: write postgresql://USER:PASSWORD@HOST:PORT/NAME" in out


def test_the_doctor_looks_at_the_server_and_misses_a_secret_key(
    postgresql: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = run(postgresql, "doctor")
    assert "ok     owner: no gateway has served this database yet\n" in out
    assert (code, "BROKEN fsync: is off" in out) == (1, True)  # which the tests' own server is, to be quick
    assert re.search(rf"^ok     database: {re.escape(postgresql)}, \d+\.\d MB, schema \d+$", out, re.MULTILINE)
    monkeypatch.setenv("GATEWAY_SECRET_KEY", "")
    code, out, _ = run(postgresql, "doctor")
    assert code == 1
    assert "BROKEN secret_key: is not set. Set GATEWAY_SECRET_KEY" in out
