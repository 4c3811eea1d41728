"""Addresses: read as people write them, refused with a reason, sealed, found by a hash and shown masked."""

from __future__ import annotations

import pytest

from gateway.people import addresses
from gateway.people.addresses import BadAddress
from gateway.vault import Sealed, Vault

VAULT = Vault("a secret key for tests, long enough")
BROWSER = (
    '{"endpoint":"https://push.example/abc","expirationTime":null,"keys":{"p256dh":"'
    "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM"
    '","auth":"tBHItJI5svbpez7KI4CCXg"}}'
)


@pytest.mark.parametrize(
    ("channel", "written", "country", "read", "shown"),
    [
        ("sms", "0151 1234 5678", "DE", "+4915112345678", "+49•••••••••78"),
        ("sms", "+49 151 12345678", "", "+4915112345678", "+49•••••••••78"),
        ("whatsapp", "0043 664 1234567", "", "+436641234567", "+43••••••••67"),
        ("email", " Ines@Example.COM ", "", "Ines@example.com", "I•••@example.com"),
        ("console", " Ines ", "", "Ines", "I•••"),
    ],
)
def test_addresses_are_read_as_people_write_them(channel, written, country, read, shown):
    assert addresses.read(channel, written, country) == read
    assert addresses.masked(channel, read) == shown


@pytest.mark.parametrize(
    ("channel", "written", "reason"),
    [
        ("sms", "0151 1234 5678", "it lacks the country: begin with + and the calling code, or name the country"),
        ("sms", "+33 612", "too short for that country"),
        ("sms", " ", "missing"),
        ("email", "ines", "not an e-mail address"),
        ("push", "{}", "not a browser's push subscription"),
        ("console", "x" * 4_001, "longer than 4000 characters"),
    ],
)
def test_an_impossible_address_is_refused_with_the_reason_and_not_repeated(channel, written, reason):
    with pytest.raises(BadAddress) as bad:
        addresses.read(channel, written)
    assert str(bad.value) == reason


def test_one_person_is_one_hash_however_they_write_themselves():
    def hashed(channel, written, merchant="mer_1"):
        return addresses.hashed(VAULT, merchant, channel, addresses.read(channel, written))

    assert hashed("email", "ines@example.com") == hashed("email", "INES@EXAMPLE.com")
    assert hashed("email", "ines@example.com") != hashed("email", "ines@example.com", "mer_2")
    assert hashed("sms", "+4915112345678") != hashed("whatsapp", "+4915112345678")
    assert hashed("push", BROWSER) == hashed("push", BROWSER.replace('"expirationTime":null,', ""))
    assert addresses.masked("push", addresses.read("push", BROWSER)) == "push.example/•••"


def test_an_address_opens_only_for_its_own_wish():
    sealed = addresses.seal(VAULT, "mer_1", "wsh_1", "ines@example.com")
    assert addresses.opened(VAULT, "mer_1", "wsh_1", sealed) == "ines@example.com"
    assert b"ines" not in sealed
    with pytest.raises(Sealed):
        addresses.opened(VAULT, "mer_1", "wsh_2", sealed)
