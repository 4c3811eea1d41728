"""Documents are true: generated pages are fresh, settings are all named, links lead somewhere, snippets work."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import time
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from connectors import connector
from connectors.scaffold import _FILES
from gateway.accounts import check_secrets
from gateway.api import build, insights
from gateway.api.answers.shipments import Basis
from gateway.app import Gateway
from gateway.cli import main
from gateway.insights import counting, foretelling, norms, outcome
from gateway.reference import PAGES
from gateway.settings import PREFIX, Settings, load
from normalizer import eta
from normalizer.model import OrderStatus
from normalizer.trouble import LIMITS, Trouble
from webhooks.schedule import JITTER, SCHEDULE
from webhooks.signing import Key, Signer, new_secret

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
WEBHOOKS = (ROOT / "docs" / "merchant-webhooks.md").read_text("utf-8")
BODY = '{"id":"msg_1","type":"ping","data":{"größe":1}}'.encode()


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_fresh(name):
    old = (ROOT / name).read_text("utf-8")
    assert PAGES[name](old) == old, f"{name} is out of date: run make docs"


def test_docs_writes_what_is_out_of_date_and_check_only_says_so(tmp_path, capsys):
    (tmp_path / "docs").mkdir()
    (tmp_path / "config").mkdir()
    shutil.copy(ROOT / "docs" / "operations.md", tmp_path / "docs")
    assert main(["docs", "--folder", str(tmp_path), "--check"]) == 1
    assert "docs/carriers.md is out of date: run make docs" in capsys.readouterr().out.splitlines()
    assert not (tmp_path / "docs" / "carriers.md").exists()
    assert main(["docs", "--folder", str(tmp_path)]) == 0
    assert "config/default.toml written" in capsys.readouterr().out.splitlines()
    assert main(["docs", "--folder", str(tmp_path), "--check"]) == 0
    assert capsys.readouterr().out == ""


def test_the_settings_file_holds_every_setting_with_its_default():
    said = tomllib.loads((ROOT / "config" / "default.toml").read_text("utf-8"))
    assert list(said) == list(Settings.model_fields)
    assert Settings.model_validate(said) == Settings()


def test_every_setting_stands_in_operations_and_nothing_else_does():
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    named = {name.removeprefix(PREFIX).lower() for name in re.findall(rf"\b{PREFIX}[A-Z_]+\b", page)}
    assert named == set(Settings.model_fields)


def test_operations_names_every_path_a_proxy_has_to_let_through(tmp_path):
    app = build(Gateway(Settings(database=f"sqlite:///{tmp_path}/g.db")))
    firsts = {f"/{route.resource.canonical.split('/')[1]}" for route in app.router.routes()} - {"/"}
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    section = page.split("## In front of it")[1].split("\n## ")[0]
    assert set(re.findall(r"`(/[a-z0-9.]+)`", section)) == firsts


@pytest.mark.parametrize("name", ["development.toml", "production.example.toml"])
def test_example_settings_load(name):
    assert load(ROOT / "config" / name, environment={}) != Settings()


def test_example_accounts_are_accounts():
    listed = tomllib.loads((ROOT / "config" / "accounts.example.toml").read_text("utf-8"))["accounts"]
    assert len(listed) == 3
    for account in listed:
        check_secrets(connector(account["carrier"]), account["secrets"])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_links_and_named_files_exist(document):
    text = document.read_text("utf-8")
    for link in re.findall(r"\]\(([^)]+)\)", text):
        if link.startswith("#"):
            assert f'<a id="{link[1:]}"></a>' in text, link
        elif not link.startswith("https://"):
            assert (document.parent / link).exists(), link
    files = re.findall(r"`((?:gateway|connectors|webhooks|normalizer|docs|config|tests)/[\w./-]+\.\w+)`", text)
    for file in files:
        assert (ROOT / file).exists(), file
    for number in re.findall(r"`decisions/(\d{4})`", text):
        assert list((ROOT / "docs" / "decisions").glob(f"{number}-*.md")), number


@pytest.mark.parametrize("decision", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=lambda one: one.stem)
def test_a_decision_is_short_and_has_its_three_parts(decision):
    text = decision.read_text("utf-8")
    assert len(text.splitlines()) <= 30
    assert re.fullmatch(rf"# {int(decision.stem[:4])}\. .+", text.splitlines()[0])
    for part in ("**Context.**", "**Decision.**", "**Consequences.**"):
        assert part in text


def test_the_insights_page_says_what_is_counted_and_foretold():
    page = " ".join((ROOT / "docs" / "insights.md").read_text("utf-8").split())
    assert f"with {eta.ENOUGH} parcels speaks" in page
    assert f"fewer than {eta.LEFT} of the parcels" in page
    assert f'"needed": {eta.ENOUGH}' in page
    assert f"at most {insights.MOST_DAYS} of them; the last {insights.USUAL_DAYS} by default" in page
    assert "was {}, {} and {} hours before the arrival".format(*outcome.LEADS) in page
    assert f"for {counting.SETTLED_DAYS} days; then what was counted stays" in page
    assert (eta.ENOUGH_SILENCES, norms.FADES, foretelling.SPEAKS_MS) == (100, 0.8, 86_400_000)
    for call in insights.CALLS.all:
        assert f"`{call.method} {call.path}`" in page
    assert re.findall(r"\| `(\w+)` \| carrier", page) == list(get_args(Basis))


def test_the_schedule_told_to_merchants_is_the_one_that_is_kept():
    words = re.search(r"tried again after (.+?), each up to a fifth later", " ".join(WEBHOOKS.split()))[1]
    unit = {"s": 1_000, "min": 60_000, "h": 3_600_000}
    told = [int(count) * unit[name] for count, name in re.findall(r"(\d+) (s|min|h)\b", words)]
    assert (0, *told) == SCHEDULE
    assert JITTER == 0.2


def test_the_files_of_a_new_carrier_are_the_ones_described():
    page = (ROOT / "docs" / "adding-a-carrier.md").read_text("utf-8")
    for file in _FILES:
        assert f"`{file}`" in page or (file.startswith("samples/") and "`samples/*.http`" in page), file


def snippet(language):
    return re.search(rf"```{language}\n(.*?)```", WEBHOOKS, re.DOTALL)[1]


def signed(secret, *, at=None):
    return Signer([Key("hmac", secret)]).headers("msg_1", int(time.time() if at is None else at), BODY)


def cases():
    """Yield (name, secret, headers, body, whether it is to be believed)."""
    secret, other = new_secret(), new_secret()
    good = signed(secret)
    yield "good", secret, good, BODY, True
    yield "changed body", secret, good, BODY + b" ", False
    yield "other secret", other, good, BODY, False
    yield "other id", secret, {**good, "webhook-id": "msg_2"}, BODY, False
    yield "old", secret, signed(secret, at=time.time() - 3600), BODY, False
    both = f"v1,{base64.b64encode(bytes(32)).decode()} {good['webhook-signature']} v1a,AAAA"
    yield "one of several", secret, {**good, "webhook-signature": both}, BODY, True


def test_the_python_snippet_believes_what_is_ours_and_nothing_else():
    names = {}
    exec(snippet("python"), names)
    for name, secret, headers, body, believed in cases():
        assert names["verify"](secret, headers, body) is believed, name


@pytest.mark.skipif(shutil.which("node") is None, reason="the JavaScript snippet needs node")
def test_the_javascript_snippet_believes_what_is_ours_and_nothing_else(tmp_path):
    (tmp_path / "verify.mjs").write_text(snippet("javascript"), "utf-8")
    (tmp_path / "run.mjs").write_text(
        'import { readFileSync } from "node:fs"; import { verify } from "./verify.mjs";\n'
        'const cases = JSON.parse(readFileSync("cases.json"));\n'
        "console.log(JSON.stringify(cases.map((c) => verify(c.secret, c.headers, Buffer.from(c.body)))));\n"
    )
    wanted = list(cases())
    told = [{"secret": one[1], "headers": one[2], "body": one[3].decode()} for one in wanted]
    (tmp_path / "cases.json").write_text(json.dumps(told))
    done = subprocess.run(["node", "run.mjs"], cwd=tmp_path, capture_output=True, check=True, timeout=30)
    assert json.loads(done.stdout) == [one[4] for one in wanted]


def test_every_make_target_people_are_told_of_exists():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert {"demo", "test", "check", "serve", "golden", "bench", "docs", "lock", "clean"} <= targets
    for document in [*DOCUMENTS, ROOT / ".ci" / "run"]:
        told = re.findall(r"(?:^|`)make ([a-z]{2,})", document.read_text("utf-8"), re.MULTILINE)
        assert set(told) <= targets, document


def test_the_lock_covers_every_dependency_and_names_no_place():
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    locked = set(re.findall(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==", lock, re.MULTILINE))
    for one in wanted:
        assert re.match(r"[A-Za-z0-9._-]+", one)[0].lower().replace("_", "-") in locked, one
    assert "://" not in lock
    assert "://" not in (ROOT / "Makefile").read_text("utf-8")


def test_the_page_of_trouble_names_every_kind_and_the_figures_in_force():
    page = (ROOT / "docs" / "trouble.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(Trouble)
    rows = re.findall(r"^\| ([a-z ]+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", page, re.MULTILINE)
    figures = {name.replace(" ", "_"): tuple(map(int, row)) for name, *row in rows}
    assert figures == {
        kind: (one.stalled, one.on_vehicle, one.not_handed_over, one.customs, one.delay) for kind, one in LIMITS.items()
    }


def test_the_page_of_orders_names_every_status_of_an_order():
    page = (ROOT / "docs" / "orders.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(OrderStatus)
