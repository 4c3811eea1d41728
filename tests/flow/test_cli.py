"""The commands as an operator meets them: exact output, one line where something is wrong, never a traceback."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import urllib.request
from importlib.metadata import version
from pathlib import Path

import orjson
import pytest

from connectors import HERE
from connectors.samples import samples
from connectors.shops import HERE as SHOPS
from gateway import accounts, keys, schema
from gateway.cli import main
from gateway.clock import now_ms
from gateway.db import sqlite_engine
from gateway.ids import new_id
from gateway.inbox import Kept, NewPayload, _row
from gateway.people import accounts as channels
from gateway.people.sending import AccountKey
from gateway.settings import Settings
from gateway.shops import accounts as shop_accounts
from gateway.shops import inbox as shop_inbox
from gateway.staff import people
from gateway.tables import Tables
from gateway.vault import Vault, secret_key
from webhooks import endpoints
from webhooks.tables import Tables as Endpoints

PROGRAM = Path(sys.executable).with_name("carrier-gateway")
SAMPLES = {code: {one.name: one for one in samples(HERE / code / "samples")} for code in ("demo", "ups", "purolator")}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A folder of its own, and no settings from outside."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("GATEWAY_")]:
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def run(capsys):
    """Run a command; return exit code, standard output and standard error."""

    def ran(*arguments):
        try:
            code = main(arguments)
        except SystemExit as left:  # argparse
            code = left.code
        said = capsys.readouterr()
        return code, said.out, said.err

    return ran


def body_of(home, carrier, name):
    file = home / f"{name}.body"
    file.write_bytes(SAMPLES[carrier][name].body)
    return str(file)


def test_help_loads_nothing_heavy():
    heavy = "{'pydantic', 'sqlalchemy', 'aiohttp', 'lxml', 'httpx', 'zeep', 'orjson'}"
    check = f"import sys, gateway.cli; gateway.cli._parser(); sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_help_names_every_command(run):
    code, out, _ = run("--help")
    assert code == 0
    commands = (
        "serve demo migrate doctor merchant import replay codes carriers detect normalize new-carrier docs openapi"
    )
    for command in re.split(" ", commands):
        assert command in out.split()


def test_it_says_which_version_it_is(run):
    assert run("--version") == (0, f"carrier-gateway {version('carrier-gateway')}\n", "")


def test_without_a_command_it_shows_what_there_is(run):
    code, out, err = run()
    assert (code, out) == (2, "")
    assert "usage: carrier-gateway" in err


def test_carriers_lists_every_connector_with_its_capabilities_and_proof(run):
    code, out, _ = run("carriers", "--json")
    listed = {one["code"]: one for one in json.loads(out)}
    assert code == 0
    assert sorted(listed) == sorted(folder.parent.name.replace("_", "-") for folder in HERE.glob("*/carrier.toml"))
    assert listed["demo"] == {
        "code": "demo",
        "name": "Demo Carrier",
        "kind": "simulator",
        "format": "json",
        "capabilities": ["polls", "pushes", "subscribes", "locates", "proves"],
        "proof_level": "written",
        "codes": 31,
    }
    code, out, _ = run("carriers")
    assert out.splitlines()[0].split() == ["CODE", "NAME", "FORMAT", "CAN", "PROOF"]


def test_detect_names_the_carriers_best_first(run):
    code, out, _ = run("detect", "demo 3001-0001 3", "--json")
    assert code == 0
    assert json.loads(out) == [
        {
            "carrier": "demo",
            "name": "Demo Carrier",
            "service": None,
            "checksum": "passed",
            "confidence": 0.991,
            "connector": True,
        }
    ]
    assert run("detect", "DEMO300100013")[1] == "demo  Demo Carrier    check digit passed  99%\n"
    assert run("detect", "DEMO300100014") == (0, "no carrier we know uses such numbers\n", "")


def test_detect_refuses_what_is_no_number(run):
    assert run("detect", " - ") == (2, "", "carrier-gateway: ' - ' holds neither letters nor digits\n")


@pytest.mark.parametrize(
    ("carrier", "name", "more"),
    [
        ("demo", "delivered", ()),
        ("ups", "delivered_signed", ("--number", "1Z7R4K904348117106")),
        ("purolator", "delivered", ("--header", "Content-Type: text/xml; charset=utf-8")),
        ("demo", "push-returned", ("--push",)),
    ],
)
def test_normalize_prints_what_the_golden_says(run, home, carrier, name, more):
    code, out, err = run("normalize", "--carrier", carrier, *more, body_of(home, carrier, name))
    assert (code, err) == (0, "")
    golden = json.loads((HERE / carrier / "samples" / f"{name}.events.json").read_bytes())
    said = json.loads(out)
    for document in (golden, said):
        for shipment in document["shipments"]:
            for event in shipment["events"]:
                del event["received_at"]
    assert said == golden
    assert out.startswith('{\n  "shipments": [\n')


def test_normalize_reads_standard_input():
    body = SAMPLES["demo"]["unlisted-code"].body
    done = subprocess.run(
        [PROGRAM, "normalize", "--carrier", "demo", "-"], input=body, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["unlisted_codes"] == [{"code": "BALLOON", "count": 1, "example": "Taken by balloon"}]


@pytest.mark.parametrize(("carrier", "name"), [("demo", "delivered"), ("purolator", "delivered")])
def test_a_truncated_body_is_refused_with_its_reason(run, home, carrier, name):
    file = home / "cut.body"
    file.write_bytes(SAMPLES[carrier][name].body[:-20])
    code, out, err = run("normalize", "--carrier", carrier, str(file))
    assert (code, out) == (2, "")
    assert err.startswith("carrier-gateway: this is not readable as ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("normalize", "--carrier", "ups", "nowhere.json"), "nowhere.json cannot be read: No such file or directory"),
        (("normalize", "--carrier", "nobody", "-"), "there is no carrier 'nobody'; there are "),
        (
            ("normalize", "--carrier", "ups", "--header", "no colon", "-"),
            "'no colon' is no header: write 'Name: value'",
        ),
        (("new-carrier", "ups"), "ups exists already"),
        (("new-carrier", "Not A Code"), "'Not A Code' is no carrier code"),
        (("codes",), "say which: --unlisted, or --carrier CODE"),
        (("codes", "--carrier", "nobody"), "there is no carrier 'nobody'"),
        (("codes", "--unlisted"), "there is no database sqlite:///./gateway.db"),
        (("replay",), "there is no database sqlite:///./gateway.db"),
        (("merchant", "create", " "), "a merchant needs a name"),
        (("serve", "--roles", "cook"), "bad settings: --roles[0] must be "),
        (("serve", "--roles", ""), "bad settings: --roles "),
        (("serve", "--port", "70000"), "bad settings: --port must be less than or equal to 65535"),
        (("serve", "--database", "sqlite:///"), "the database sqlite:/// names no file"),
        (("serve", "--database", "sqlite:///."), "the database sqlite:///. names no file"),
        (("serve", "--database", "sqlite:///no/where/g.db"), "there is no folder no/where for the database"),
        (("serve", "--database", "mysql://db/x"), "the database must be sqlite:///FILE or postgresql://"),
        (("serve", "--config", "nowhere.toml"), "nowhere.toml cannot be read: No such file or directory"),
        (("demo", "--seconds", "3"), "the story needs at least 10 seconds"),
        (("docs", "--check"), "there is no folder docs: run it where the repository is"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(run, arguments, line):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"carrier-gateway: {line}")
    assert err.count("\n") == 1


def test_a_misspelt_setting_is_named(run, home):
    (home / "own.toml").write_text('databse = "sqlite:///x.db"\n')
    code, _, err = run("migrate", "--config", "own.toml")
    assert code == 2
    assert (
        err == "carrier-gateway: bad settings: databse in own.toml there is no such setting; did you mean database?\n"
    )
    (home / "own.toml").write_text("database = \n")
    assert run("migrate", "--config", "own.toml")[2].startswith("carrier-gateway: own.toml is not TOML: ")


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("PORT", "abc", "must be a whole number"),
        ("PUBLIC_URL", "hub.example.com", "must be an address such as https://hub.example.com"),
        ("EGRESS_ALLOW", "10.0.0.0/8x", "must be address ranges such as 127.0.0.0/8, with commas between them"),
        (
            "MAP_TILES",
            "tiles",
            "must be an address such as https://tiles.example.com/{z}/{x}/{y}.png or /streets.geojson",
        ),
        ("TRUST_FORWARDED_FOR", "maybe", "must be true or false"),
        ("LOG_FORMAT", "xml", "must be 'json' or 'console'"),
        ("SECRET_KEY", "short", "needs at least 32 characters"),
    ],
)
def test_a_wrong_setting_is_named_by_its_variable_with_what_it_must_be(run, monkeypatch, variable, value, reason):
    monkeypatch.setenv(f"GATEWAY_{variable}", value)
    assert run("doctor") == (2, "", f"carrier-gateway: bad settings: GATEWAY_{variable} {reason}\n")


def test_a_restored_database_without_its_key_is_not_served_with_a_fresh_one(run, home):
    settings = Settings(database="sqlite:///gateway.db")
    schema.migrate(settings.database)
    new = accounts.prepare(Vault(secret_key(settings)), "mer_a", "ups", {"client_id": "i", "client_secret": "s"})
    with sqlite_engine(settings.database).begin() as conn:
        accounts.create(conn, "mer_a", new, now_ms())
    (home / "gateway.db.key").unlink()
    line = (
        "carrier-gateway: gateway.db.key is gone, and gateway.db holds secrets that were sealed with it: bring the "
        "file back, or set GATEWAY_SECRET_KEY to what it held\n"
    )
    assert run("serve", "--port", "0") == (1, "", line)
    assert not (home / "gateway.db.key").exists()
    (home / "gateway.db.key").mkdir()
    code, _, err = run("serve", "--port", "0")
    assert (code, err) == (
        1, "carrier-gateway: gateway.db.key cannot be read: Is a directory; the key must be a file of ours to read\n"
    )  # fmt: skip


def test_a_role_without_a_merchant_makes_nobody_an_operator(run):
    run("migrate")
    code, out, err = run("person", "invite", "ana@shop.example", "--role", "support")
    assert (code, out) == (2, "")
    assert err == "carrier-gateway: --role support is of a merchant's people: name the merchant with --merchant\n"


def test_a_command_on_what_is_there_makes_no_empty_database(run, home):
    for command in (
        ("person", "shut-out", "ana@shop.example"),
        ("person", "invite", "ana@shop.example", "--merchant", "mer_a"),
    ):
        code, out, err = run(*command)
        assert (code, out) == (2, "")
        assert err.startswith("carrier-gateway: there is no database sqlite:///./gateway.db: name it with --database")
    assert list(home.iterdir()) == []


def test_an_unexpected_error_is_one_line_too(run, monkeypatch):
    monkeypatch.setattr("gateway.commands.reading.connectors", lambda: 1 / 0)
    assert run("carriers") == (
        1,
        "",
        "carrier-gateway: ZeroDivisionError: division by zero (GATEWAY_LOG_LEVEL=debug shows where)\n",
    )
    monkeypatch.setenv("GATEWAY_LOG_LEVEL", "debug")
    with pytest.raises(ZeroDivisionError):
        run("carriers")


def test_a_merchants_key_opens_the_door_and_only_its_digest_is_kept(run, home):
    code, out, _ = run("merchant", "create", "My  Shop", "--database", "sqlite:///own.db")
    made = json.loads(out)
    assert code == 0
    assert list(made) == ["merchant_id", "api_key"]
    with sqlite_engine("sqlite:///own.db", read_only=True).connect() as conn:
        found = keys.find(conn, keys.digest(made["api_key"]))
        assert (found.merchant_id, found.role) == (made["merchant_id"], "merchant")
        assert [tuple(row[1:2]) for row in conn.execute(Tables.merchant.select())] == [("My Shop",)]
    assert made["api_key"].encode() not in (home / "own.db").read_bytes()


def test_migrate_says_where_the_schema_is_and_may_run_twice(run):
    newest = schema.newest()
    assert run("migrate") == (0, f"sqlite:///./gateway.db is at {newest}\n", "")
    assert run("migrate") == (0, f"sqlite:///./gateway.db is at {newest}, as before\n", "")


def keep(body, carrier="demo", at=1_772_000_000_000):
    """Put a payload into the database as if an earlier program had kept it."""
    payload = NewPayload(
        merchant_id="mer_1", carrier=carrier, account_id=None, source="push", received_at=at, body=body
    )
    with sqlite_engine("sqlite:///./gateway.db").begin() as conn:
        conn.execute(Tables.payload.insert(), [_row(Kept(new_id("pay", at), payload))])


@pytest.mark.parametrize("command", [("migrate",), ("merchant", "create", "A shop"), ("replay",), ("serve",)])
def test_a_database_of_a_newer_program_is_left_alone_with_a_line(run, command):
    run("migrate")
    engine = sqlite_engine("sqlite:///./gateway.db")
    with engine.begin() as conn:
        conn.exec_driver_sql("update alembic_version set version_num = '9999'")
    code, out, err = run(*command)
    assert (code, out) == (1, "")
    assert err.endswith("run the version that made it, or a newer one\n")
    with engine.connect() as conn:
        assert conn.exec_driver_sql("select version_num from alembic_version").scalar() == "9999"


def test_what_is_no_database_is_said_in_plain_words(run, home):
    (home / "gateway.db").write_bytes(b"only words, and many of them " * 40)
    for command in (("migrate",), ("merchant", "create", "A shop"), ("replay",)):
        code, _, err = run(*command)
        assert (code, err) == (
            1,
            "carrier-gateway: the database: file is not a database (GATEWAY_LOG_LEVEL=debug shows where)\n",
        )


def test_settings_that_are_no_text_are_named(run, home):
    (home / "own.toml").write_bytes(b"\xff\xfe")
    code, _, err = run("migrate", "--config", "own.toml")
    assert code == 2
    assert err.startswith("carrier-gateway: own.toml is not TOML: ")


def test_replay_reads_kept_payloads_again_and_codes_shows_what_has_no_row(run):
    run("migrate")
    assert run("codes", "--unlisted")[1] == "every code that carriers sent has a row\n"
    keep(SAMPLES["demo"]["unlisted-code"].body)
    assert run("replay", "--carrier", "demo", "--since", "2026-01-01") == (
        0,
        "1 payloads read again, 1 new events\n",
        "",
    )
    assert run("replay") == (0, "1 payloads read again, 0 new events\n", "")
    assert run("replay", "--since", "1m") == (0, "0 payloads read again, 0 new events\n", "")
    assert run("replay", "--unreadable")[1] == "0 payloads read again, 0 new events\n"
    (found,) = json.loads(run("codes", "--unlisted", "--json")[1])
    assert {name: found[name] for name in ("carrier", "code", "example")} == {
        "carrier": "demo",
        "code": "BALLOON",
        "example": "Taken by balloon",
    }
    assert run("codes", "--unlisted", "--carrier", "ups")[1] == "every code that carriers sent has a row\n"
    assert run("codes", "--unlisted")[1].splitlines()[1].split()[:2] == ["demo", "BALLOON"]


def test_codes_prints_a_carriers_table(run):
    rows = json.loads(run("codes", "--carrier", "demo", "--json")[1])
    assert {"code": "LOST", "status": "exception", "substatus": "lost", "moves": "tells"} in rows
    assert len(rows) == 31


@pytest.mark.parametrize("since", ["yesterday", "7w", "2026-13-01"])
def test_replay_refuses_what_is_no_time(run, since):
    run("migrate")
    code, _, err = run("replay", "--since", since)
    assert code == 2
    assert err == f"carrier-gateway: {since!r} is no time: write 2026-11-01, 2026-11-01T08:00:00Z, 36h or 7d\n"


def test_openapi_prints_the_apis_document(run):
    code, out, _ = run("openapi")
    said = json.loads(out)
    assert code == 0
    assert said["openapi"] == "3.1.0"
    assert "/v1/shipments" in said["paths"]


class TestDoctor:
    """What the doctor finds."""

    def found(self, run, *arguments):
        code, out, _ = run("doctor", "--json", *arguments)
        return code, {one["of"]: (one["level"], one["text"]) for one in json.loads(out)}

    def account(self, secret_key, carrier="demo", secrets=None):
        vault = Vault(secret_key)
        given = {"api_key": "k", "signing_secret": "s"}
        new = accounts.prepare(vault, "mer_1", "demo", given)
        with sqlite_engine("sqlite:///./gateway.db").begin() as conn:
            accounts.create(conn, "mer_1", new, 1_793_500_000_000)
            if secrets is not None:
                accounts.change(conn, "mer_1", new.id, 1, secrets=accounts.seal(vault, "mer_1", new.id, secrets))
            conn.execute(Tables.account.update().values(carrier=carrier))
        return new.id

    def test_before_the_first_start_nothing_is_broken(self, run):
        code, found = self.found(run)
        assert code == 0
        assert found["database"] == ("note", "gateway.db does not exist yet")

    def test_a_fresh_database_is_fine(self, run):
        run("migrate")
        code, found = self.found(run)
        assert code == 0
        assert found["database"][0] == "ok"
        assert found["clock"][0] == "ok"
        assert found["secret_key"] == ("note", "is not set; the first start makes one in gateway.db.key")
        assert found["proofs"] == ("ok", "kept in proofs")

    def test_a_place_for_proofs_that_cannot_be_used_is_broken(self, run, monkeypatch):
        run("migrate")
        monkeypatch.setenv("GATEWAY_PROOF_STORE", "s3+http://key:word@127.0.0.1:9/proofs")
        code, found = self.found(run)
        assert code == 1
        assert found["proofs"][0] == "broken"
        assert "word" not in found["proofs"][1]

    def test_an_old_sqlite_is_named_with_what_to_mind(self, run, monkeypatch):
        monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 2))
        assert self.found(run)[1]["sqlite"][0] == "note"
        monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 3))
        assert self.found(run)[1]["sqlite"][0] == "ok"

    def test_a_misspelt_variable_is_named(self, run, monkeypatch):
        monkeypatch.setenv("GATEWAY_EGRESS_ALOW", "127.0.0.0/8")
        code, out, _ = run("doctor")
        assert code == 0
        wanted = "note   GATEWAY_EGRESS_ALOW: is set, and is no setting. Did you mean GATEWAY_EGRESS_ALLOW?"
        assert wanted in out.splitlines()

    def test_an_unknown_carrier_in_a_setting_is_named(self, run, monkeypatch):
        monkeypatch.setenv("GATEWAY_CARRIER_BASE_URLS", "upx=http://127.0.0.1:9,dhl-unified=http://127.0.0.1:9")
        code, out, _ = run("doctor")
        assert code == 1
        (line,) = [line for line in out.splitlines() if line.startswith("BROKEN carrier_base_urls: upx: ")]
        assert "there is no connector of that code. Did you mean " in line
        assert "ups" in line
        assert "note   carrier_base_urls: dhl-unified are not asked at their own address" in out.splitlines()

    def test_a_carrier_whose_clock_runs_ahead_is_named(self, run):
        run("migrate")
        row = {"carrier": "dhl-unified", "count": 2, "payload_id": "pay_1", "first_at": 1, "last_at": 1_793_500_000_000}
        with sqlite_engine("sqlite:///./gateway.db").begin() as conn:
            conn.execute(Tables.clock_ahead.insert(), [row | {"merchant_id": one} for one in ("mer_1", "mer_2")])
        code, found = self.found(run)
        assert code == 0
        level, text = found["clock of dhl-unified"]
        assert level == "note"
        assert text == (
            "4 events were dated more than 14 hours after their receipt, which stands for their time; the last at "
            "2026-11-01T02:26:40Z in pay_1"
        )

    def test_a_damaged_database_is_broken(self, run, home):
        (home / "gateway.db").write_bytes(b"not a database, only words" * 100)
        code, found = self.found(run)
        assert code == 1
        assert found["database"] == ("broken", "gateway.db cannot be read: file is not a database")

    def test_an_old_schema_is_broken_and_says_the_command(self, run):
        run("migrate")
        with sqlite_engine("sqlite:///./gateway.db").begin() as conn:
            conn.exec_driver_sql("update alembic_version set version_num = '0001'")
        code, out, _ = run("doctor")
        assert code == 1
        assert (
            f"BROKEN database: the schema is at 0001, this program needs {schema.newest()}. Run carrier-gateway migrate"
            in out.splitlines()
        )

    def test_a_newer_schema_is_broken_and_no_migrating_is_advised(self, run):
        run("migrate")
        with sqlite_engine("sqlite:///./gateway.db").begin() as conn:
            conn.exec_driver_sql("update alembic_version set version_num = '9999'")
        code, out, _ = run("doctor")
        assert code == 1
        assert "Run the version that made it, or a newer one" in out

    def test_a_key_file_that_holds_no_key_is_broken(self, run, home):
        run("migrate")
        (home / "gateway.db.key").write_text("")
        code, found = self.found(run)
        assert code == 1
        assert found["secret_key"][0] == "broken"
        assert found["secret_key"][1].startswith("gateway.db.key holds no key")

    def test_a_lost_key_file_is_broken_once_something_is_sealed(self, run):
        run("migrate")
        self.account("a key that was in the file, long enough")
        code, found = self.found(run)
        assert code == 1
        assert found["secret_key"] == (
            "broken",
            "is not set, and gateway.db.key is gone; credentials and webhook secrets cannot be opened",
        )

    def test_credentials_sealed_with_another_key_are_found(self, run, monkeypatch):
        run("migrate")
        account = self.account("the right key, thirty-two characters")
        monkeypatch.setenv("GATEWAY_SECRET_KEY", "the right key, thirty-two characters")
        code, found = self.found(run)
        assert (code, found["accounts"]) == (0, ("ok", "1 looked at"))
        monkeypatch.setenv("GATEWAY_SECRET_KEY", "a wrong key, of thirty-two characters")
        code, found = self.found(run)
        assert code == 1
        assert found[f"account {account} (demo)"] == ("broken", "its credentials were sealed with another key")

    def test_channels_are_looked_at_too(self, run, monkeypatch):
        run("migrate")
        right = "the right key, thirty-two characters"
        monkeypatch.setenv("GATEWAY_SECRET_KEY", right)
        assert "channels" not in self.found(run)[1]
        key = AccountKey("mer_1", "cha_1")
        sealed = channels.seal(Vault(right), *key, {"auth_token": "t"})
        with sqlite_engine("sqlite:///./gateway.db").begin() as conn:
            channels.create(conn, key, channel="sms", label="", settings={}, sealed=sealed, now=1)
        assert self.found(run)[1]["channels"] == ("ok", "1 looked at")
        with sqlite_engine("sqlite:///./gateway.db").begin() as conn:
            channels.change(conn, key, 2, state="rejected", state_reason="credentials")
        code, found = self.found(run)
        assert (code, found["channel cha_1 (sms)"]) == (0, ("note", "is rejected: credentials"))
        monkeypatch.setenv("GATEWAY_SECRET_KEY", "a wrong key, of thirty-two characters")
        code, found = self.found(run)
        assert (code, found["channel cha_1 (sms)"]) == (1, ("broken", "its secrets were sealed with another key"))

    @pytest.mark.parametrize(
        ("carrier", "secrets", "text"),
        [
            ("demo", {"api_key": "k"}, "lacks signing_secret"),
            ("gone-carrier", None, "there is no connector of that code"),
        ],
    )
    def test_an_account_that_cannot_work_is_broken(self, run, monkeypatch, carrier, secrets, text):
        run("migrate")
        monkeypatch.setenv("GATEWAY_SECRET_KEY", "the right key, thirty-two characters")
        account = self.account("the right key, thirty-two characters", carrier, secrets)
        code, found = self.found(run)
        assert code == 1
        assert found[f"account {account} ({carrier})"] == ("broken", text)

    def test_a_clock_behind_the_payloads_is_broken(self, run):
        run("migrate")
        keep(b"{}", at=4_000_000_000_000)
        code, found = self.found(run)
        assert code == 1
        assert found["clock"][0] == "broken"

    def test_a_key_file_others_can_read_is_named(self, run, home):
        run("migrate")
        (home / "gateway.db.key").write_text("a key of more than thirty-two characters\n")
        (home / "gateway.db.key").chmod(0o644)
        assert self.found(run)[1]["secret_key"] == ("note", "gateway.db.key can be read by others")
        (home / "gateway.db.key").chmod(stat.S_IRUSR)
        assert self.found(run)[1]["secret_key"] == ("note", "lies in gateway.db.key, beside the database")

    def test_what_waits_for_somebody_is_named(self, run, monkeypatch):
        run("migrate")
        monkeypatch.setenv("GATEWAY_SECRET_KEY", "the right key, thirty-two characters")
        keep(b"not json")
        keep(SAMPLES["demo"]["unlisted-code"].body, at=1_772_000_000_001)
        run("replay")
        vault = Vault("the right key, thirty-two characters")
        with sqlite_engine("sqlite:///./gateway.db").begin() as conn:
            made, _ = endpoints.create(conn, vault, "mer_1", endpoints.Wishes(url="https://shop.example/hook"), 1)
            conn.execute(Endpoints.endpoint.update().values(state="disabled", state_reason="gone"))
        code, found = self.found(run)
        assert code == 0
        assert found["inbox"] == ("note", "1 payloads could not be read")
        assert found["codes"] == ("note", "1 codes have no row")
        assert found[f"endpoint {made.id}"] == ("note", "is disabled: gone")

    def test_no_secret_stands_in_what_the_doctor_says(self, run, monkeypatch):
        run("migrate")
        monkeypatch.setenv("GATEWAY_SECRET_KEY", "the right key, thirty-two characters")
        self.account("the right key, thirty-two characters", secrets={"api_key": "hush-hush"})
        _, out, err = run("doctor")
        assert "hush-hush" not in out + err
        assert "the right key" not in out + err


class TestServe:
    """The program as a process of its own."""

    def start(self, home, *arguments):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
        return subprocess.Popen(
            [PROGRAM, "serve", "--port", "0", *arguments],
            cwd=home,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_it_says_where_it_is_and_stops_when_told(self, home, number):
        process = self.start(home)
        first = process.stdout.readline()
        address = first.split()[3].rstrip(",")
        assert first == f"carrier gateway on {address}, its API described at {address}/docs\n"
        assert process.stdout.readline() == "make a merchant: carrier-gateway merchant create NAME\n"
        with urllib.request.urlopen(f"{address}/healthz", timeout=10) as answer:
            assert json.loads(answer.read()) == {"status": "ok"}
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
        assert process.returncode == 0
        assert "Traceback" not in err
        assert [orjson.loads(line)["event"] for line in err.splitlines()][-1] == "stopped"
        assert (home / "gateway.db").exists()

    def test_a_taken_port_is_one_line_and_exit_code_1(self, home, run):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            code, _, err = run("serve", "--port", str(port))
        assert code == 1
        assert err == (
            f"carrier-gateway: cannot listen on 127.0.0.1:{port}: Address already in use; choose another with --port\n"
        )


def test_a_file_is_taken_in_and_what_was_refused_is_said_line_by_line(run, home):
    _, out, _ = run("merchant", "create", "A shop")
    merchant_id = json.loads(out)["merchant_id"]
    file = home / "orders.csv"
    file.write_text("order_number,placed_at\nA-1,2026-11-01T08:00:00Z\nA-2,yesterday\n")
    command = ("import", str(file), "--kind", "orders", "--merchant", merchant_id)
    code, out, err = run(*command)
    assert (code, err) == (1, "")
    assert out.splitlines()[0].startswith("line 3: placed_at: ")
    assert out.splitlines()[1] == "2 orders: 1 new, 0 there already, 1 refused"
    assert run(*command)[1].splitlines()[1] == "2 orders: 0 new, 1 there already, 1 refused"
    file.write_text("tracking_number,carrier,order_number\nDEMO100200302,demo,A-1\n")
    assert run("import", str(file), "--merchant", merchant_id) == (
        0,
        "1 shipments: 1 new, 0 there already, 0 refused\n",
        "",
    )


def test_a_file_that_cannot_be_taken_in_is_refused_in_a_line(run, home):
    file = home / "orders.csv"
    file.write_text("colour\nred\n")
    code, _, err = run("import", str(file), "--kind", "orders", "--merchant", "mer_of_nobody")
    assert (code, err.startswith(f"carrier-gateway: {file} has the column 'colour'")) == (2, True)
    file.write_text("order_number,placed_at\nA-1,2026-11-20T08:00:00Z\n")
    said = f"carrier-gateway: {file} holds no shipments, it seems, but orders: say --kind orders\n"
    assert run("import", str(file), "--merchant", "mer_of_nobody") == (2, "", said)
    run("migrate")
    for arguments, reason in (
        ((str(file), "--kind", "orders"), "there is no merchant 'mer_of_nobody'"),
        (("nothing.csv",), "nothing.csv cannot be read: No such file or directory"),
        (("orders.txt",), "say which it is: --format csv or --format ndjson"),
    ):
        code, out, err = run("import", *arguments, "--merchant", "mer_of_nobody")
        assert (code, out, err) == (2, "", f"carrier-gateway: {reason}\n")


def test_a_shop_s_pushes_that_could_not_be_read_are_read_again(run, home):
    _, out, _ = run("merchant", "create", "A shop")
    merchant_id = json.loads(out)["merchant_id"]
    settings = Settings(database="sqlite:///gateway.db")
    vault = Vault(secret_key(settings))
    sample = next(one for one in samples(SHOPS / "shopify" / "samples") if one.name == "order-created")
    row = shop_accounts.prepare(
        vault, merchant_id, "shopify", {"signing_secret": "x"}, label="", order_prefix="", now=1_780_000_000_000
    )
    engine = sqlite_engine("sqlite:///gateway.db")
    with engine.begin() as conn:
        account = shop_accounts.create(conn, row)
        for body in (sample.body, b"nonsense"):
            kept = shop_inbox.sealed(vault, account, {"x-shopify-topic": "orders/create"}, body, 1_780_000_000_000)
            shop_inbox.keep(conn, kept | {"state": "unreadable", "reason": "an older version's"})
    assert "note   shops: 2 pushes of shops could not be read" in run("doctor")[1]
    code, out, _ = run("replay", "--shops")
    assert (code, out) == (0, "2 pushes of shops read again, 1 of them are read now\n")
    with engine.begin() as conn:
        assert conn.exec_driver_sql("select order_number from merchant_order").scalars().all() == ["#1001"]
    engine.dispose()


def test_an_operator_is_shut_out_and_let_in_again(run):
    assert run("person", "shut-out", "olga@hub.example")[0] != 0
    link = json.loads(run("person", "invite", "olga@hub.example")[1])["link"]

    def lived(work):
        engine = sqlite_engine("sqlite:///gateway.db")
        with engine.begin() as conn:
            return work(conn)

    token = link.rpartition("/")[2]
    lived(lambda conn: people.accept(conn, token, "Olga", "kept", now_ms()))
    kept_back = json.loads(run("person", "invite", "olga@hub.example")[1])["link"].rpartition("/")[2]
    code, out, _ = run("person", "shut-out", "Olga@hub.example")
    assert (code, json.loads(out)) == (0, {"email": "olga@hub.example", "role": "operator", "shut_out": True})
    assert lived(lambda conn: people.by_email(conn, "olga@hub.example")) is None
    assert lived(lambda conn: people.invitation(conn, kept_back, now_ms())) is None
    again = json.loads(run("person", "invite", "olga@hub.example")[1])["link"].rpartition("/")[2]
    assert lived(lambda conn: people.accept(conn, again, "Olga", "kept", now_ms()))["disabled_at"] is None
