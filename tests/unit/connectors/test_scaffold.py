"""A new carrier's folder starts green."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

import connectors
from connectors.replay import golden
from connectors.samples import samples
from connectors.scaffold import CannotCreate, create
from gateway.reading import document


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A connectors folder of its own, loaded by the real loader."""
    monkeypatch.setattr(connectors, "HERE", tmp_path)
    monkeypatch.setattr(connectors, "__path__", [*connectors.__path__, str(tmp_path)])
    connectors.carrier_codes.cache_clear()
    connectors.connector.cache_clear()
    yield tmp_path
    connectors.carrier_codes.cache_clear()
    connectors.connector.cache_clear()
    sys.modules.pop("connectors.lime_post", None)


async def test_a_new_carrier_loads_and_reads_its_sample(root):
    files = create("lime-post", document, root)
    assert sorted(str(file.relative_to(root / "lime_post")) for file in files) == [
        "README.md",
        "__init__.py",
        "carrier.toml",
        "codes.csv",
        "samples/delivered.events.json",
        "samples/delivered.http",
    ]
    assert connectors.carrier_codes() == ("lime-post",)
    carrier = connectors.connector("lime-post")
    assert carrier.facts.name == "Lime Post"
    assert connectors.capabilities(carrier) == ("polls",)
    (sample,) = samples(root / "lime_post" / "samples")
    text = await golden(carrier, sample, document)
    assert text == (root / "lime_post/samples/delivered.events.json").read_text("utf-8")
    (shipment,) = orjson.loads(text)["shipments"]
    assert (shipment["tracking_number"], shipment["status"]) == ("123456789012", "delivered")
    assert [event["at"] for event in shipment["events"]] == ["2026-02-27T15:20:00Z", "2026-02-28T09:05:00Z"]


@pytest.mark.parametrize(
    "code", ["", "Lime", "lime_post", "-lime", "lime-", "li--me", "../lime", "limé", "1lime", "l" * 41]
)
def test_a_bad_code_is_refused_and_nothing_written(tmp_path, code):
    with pytest.raises(CannotCreate):
        create(code, document, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("taken", ["lime", "client"])
def test_a_taken_name_is_refused(tmp_path, taken):
    (tmp_path / "lime").mkdir()
    (tmp_path / "client.py").touch()
    with pytest.raises(CannotCreate, match="exists already"):
        create(taken, document, tmp_path)


def test_what_is_written_is_clean_by_the_repositorys_own_lint(tmp_path):
    repository = Path(__file__).parents[3]
    create("lime-post", document, tmp_path)
    ruff = Path(sys.executable).with_name("ruff")
    if not ruff.exists():
        pytest.skip("ruff is not installed")
    module = tmp_path / "lime_post" / "__init__.py"
    for command in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        config = ["--config", str(repository / "pyproject.toml")]
        done = subprocess.run([ruff, *command, *config, module], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
