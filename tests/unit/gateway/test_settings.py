"""Settings and the vault."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from gateway.settings import load
from gateway.vault import Sealed, Vault, secret_key

if TYPE_CHECKING:
    from pathlib import Path

KEY = "k" * 40


def test_the_environment_wins_over_the_file_and_a_given_value_over_both(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text('port = 9000\nhost = "0.0.0.0"\nlog_level = "debug"\n')
    settings = load(file, {"GATEWAY_PORT": "9001", "GATEWAY_LOG_LEVEL": "error"}, log_level="warning")
    assert (settings.port, settings.host, settings.log_level) == (9001, "0.0.0.0", "warning")


def test_lists_in_the_environment_are_separated_by_commas() -> None:
    settings = load(
        environment={
            "GATEWAY_EGRESS_ALLOW": "127.0.0.0/8, ::1",
            "GATEWAY_ROLES": "api,ingest",
            "GATEWAY_CARRIER_BASE_URLS": "ups=http://127.0.0.1:1/ups,demo=http://127.0.0.1:1",
        }
    )
    assert settings.egress_allow == (ip_network("127.0.0.0/8"), ip_network("::1/128"))
    assert settings.roles == ("api", "ingest")
    assert settings.carrier_base_urls == {"ups": "http://127.0.0.1:1/ups", "demo": "http://127.0.0.1:1"}


def test_a_misspelt_key_and_a_bad_value_are_named(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text('prot = 1\nport = "many"\n')
    with pytest.raises(ValidationError) as trouble:
        load(file, {})
    assert {error["loc"] for error in trouble.value.errors()} == {("prot",), ("port",)}


def test_a_base_url_without_its_carrier_is_named_and_not_passed_over() -> None:
    with pytest.raises(ValidationError, match="code=address"):
        load(environment={"GATEWAY_CARRIER_BASE_URLS": "http://127.0.0.1:1/ups"})


def test_a_short_secret_key_is_refused_and_a_good_one_never_shown() -> None:
    with pytest.raises(ValidationError, match="32 characters"):
        load(environment={"GATEWAY_SECRET_KEY": "short"})
    assert KEY not in repr(load(environment={"GATEWAY_SECRET_KEY": KEY}))


def test_without_a_key_one_is_made_beside_the_database_for_its_owner_only(tmp_path: Path) -> None:
    settings = load(environment={}, database=f"sqlite:///{tmp_path}/g.db")
    made = secret_key(settings)
    assert len(made) >= 32
    assert secret_key(settings) == made
    assert (tmp_path / "g.db.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("held", ["", "\n", "short\n", "\u00e9" * 8])
def test_a_file_that_holds_no_key_is_told_and_never_sealed_with(tmp_path: Path, held: str) -> None:
    settings = load(environment={}, database=f"sqlite:///{tmp_path}/g.db")
    (tmp_path / "g.db.key").write_text(held)
    with pytest.raises(ValueError, match=r"g\.db\.key holds no key"):
        secret_key(settings)


def test_a_key_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(environment={}, database=f"sqlite:///{tmp_path}/g.db")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            secret_key(settings)
    assert list(tmp_path.iterdir()) == []
    assert len(secret_key(settings)) >= 32
    assert [one.name for one in tmp_path.iterdir()] == ["g.db.key"]


def test_processes_that_start_together_take_one_key(tmp_path: Path) -> None:
    settings = load(environment={}, database=f"sqlite:///{tmp_path}/g.db")
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: secret_key(settings), range(8)))
    assert len(set(made)) == 1


def test_what_is_sealed_opens_only_for_its_merchant_its_purpose_and_with_its_key() -> None:
    vault = Vault(KEY)
    sealed = vault.seal("mer_a", "account:1", b"secret")
    assert b"secret" not in sealed
    assert vault.open("mer_a", "account:1", sealed) == b"secret"
    assert vault.seal("mer_a", "account:1", b"secret") != sealed
    for merchant, purpose in (("mer_b", "account:1"), ("mer_a", "account:2")):
        with pytest.raises(Sealed, match="another merchant or purpose"):
            vault.open(merchant, purpose, sealed)
    with pytest.raises(Sealed, match="another secret key"):
        Vault("x" * 40).open("mer_a", "account:1", sealed)
    with pytest.raises(Sealed):
        vault.open("mer_a", "account:1", sealed[:-1])
