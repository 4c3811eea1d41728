"""One contract over all shops: each promise, each shop, each sample."""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest
from damage import cuts, damaged

from connectors.errors import Forged, Unreadable
from connectors.samples import samples
from connectors.shops import HERE, UnknownShop, shop, shop_codes
from connectors.shops.base import ActSaid, OrderSaid
from connectors.shops.companies import BadCompanies, carriers_called, companies
from connectors.shops.replay import document, golden

EVERY = [(shop(code), sample) for code in shop_codes() for sample in samples(HERE / code / "samples")]
PARAMETERS = [pytest.param(*pair, id=f"{pair[0].code}:{pair[1].name}") for pair in EVERY]
PUSHED = [pytest.param(*pair, id=f"{pair[0].code}:{pair[1].name}") for pair in EVERY if pair[1].secrets]


def read(of, sample, body=None):
    payload = sample.payload(of.code)
    return of.read(payload if body is None else replace(payload, body=body))


def test_there_are_the_shops_we_say():
    assert shop_codes() == ("generic", "shopify", "woocommerce")
    with pytest.raises(UnknownShop, match="there are generic, shopify, woocommerce"):
        shop("nothing")


@pytest.mark.parametrize("code", shop_codes())
def test_its_facts_are_complete_and_its_readme_says_how_well_it_is_proved(code):
    facts, folder = shop(code).facts, HERE / code
    assert (facts.code, facts.kind) == (code, "shop")
    assert facts.sources
    assert facts.secrets["signing_secret"].optional is False
    assert all(secret.title for secret in facts.secrets.values())
    assert re.search(r"(?i)proof level\W*written", (folder / "README.md").read_text("utf-8"))
    for meaning_source in _sources(folder):
        assert meaning_source in facts.sources, meaning_source


def _sources(folder):
    codes = folder / "codes.csv"
    return {line.split(",")[4] for line in codes.read_text("utf-8").splitlines()[1:]} if codes.exists() else set()


@pytest.mark.parametrize("code", shop_codes())
def test_it_uses_only_the_kit(code):
    for file in (HERE / code).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                top = name.partition(".")[0]
                assert top in (*sys.stdlib_module_names, "orjson") or name.startswith(("connectors.", "normalizer.")), (
                    name
                )
                assert top not in {"asyncio", "http", "logging", "os", "socket", "subprocess", "threading", "time"}, (
                    name
                )


@pytest.mark.parametrize(("of", "sample"), PARAMETERS)
def test_a_sample_reads_to_its_golden(of, sample):
    file = HERE / of.code / "samples" / f"{sample.name}.orders.json"
    assert golden(of, sample) == file.read_text("utf-8"), "run make golden and read the difference"
    assert "trouble" not in orjson.loads(file.read_bytes())


@pytest.mark.parametrize("code", shop_codes())
def test_no_golden_stands_without_its_sample(code):
    folder = HERE / code / "samples"
    assert {file.name.removesuffix(".orders.json") for file in folder.glob("*.json")} == {
        file.stem for file in folder.glob("*.http")
    }


@pytest.mark.parametrize(("of", "sample"), PUSHED)
def test_the_same_bytes_read_the_same_and_the_order_comes_first(of, sample):
    first = read(of, sample)
    assert document(first) == document(read(of, sample))
    assert all(not isinstance(one, OrderSaid) for one in first.said[1:])
    keys = [one.key for one in first.said if isinstance(one, ActSaid)]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(("of", "sample"), PUSHED)
def test_a_cut_body_is_unreadable(of, sample):
    if not read(of, sample).said:
        pytest.skip("its topic is not read")
    for length, body in cuts(sample.body):
        reading = read(of, sample, body)
        assert isinstance(reading.trouble, Unreadable), length


@pytest.mark.parametrize(("of", "sample"), PUSHED)
def test_a_damaged_body_says_something_or_is_unreadable(of, sample):
    personal = re.compile("ines@|ulla@|Rua do|Musterweg")
    for what, body in damaged(sample.body):
        reading = read(of, sample, body)
        assert reading.trouble is None or not personal.search(str(reading.trouble)), what
        document(reading)


@pytest.mark.parametrize(("of", "sample"), PUSHED)
def test_a_push_is_accepted_with_its_secret_only(of, sample):
    push = sample.push()
    assert of.challenge(push) is None
    of.verify(push, sample.secrets)
    wrong = [
        (push, {}),
        (push, {"signing_secret": "another"}),
        (push, {"signing_secret": ""}),
        (replace(push, body=push.body + b" "), sample.secrets),
        (replace(push, body=b""), sample.secrets),
    ]
    for name in push.headers:
        if "signature" in name or "hmac" in name:
            wrong += [
                (replace(push, headers=dict(push.headers) | {name: value}), sample.secrets)
                for value in ("", "nonsense", "v1,", "dGVzdA==", push.headers[name][:-4] + "AAA=")
            ]
            wrong.append((replace(push, headers={k: v for k, v in push.headers.items() if k != name}), sample.secrets))
    if of.signs_time:
        wrong += [
            (replace(push, received_at=sample.at + timedelta(minutes=minutes)), sample.secrets) for minutes in (-6, 6)
        ]
    for forged, secrets in wrong:
        with pytest.raises(Forged) as refused:
            of.verify(forged, secrets)
        assert not any(value and value in str(refused.value) for value in sample.secrets.values())


def test_a_new_webhook_of_woocommerce_is_answered_and_nothing_else_is_taken_for_one():
    of = shop("woocommerce")
    (sample,) = [sample for one, sample in EVERY if one is of and sample.name == "new-webhook"]
    push = sample.push()
    assert of.challenge(push).status == 200
    for body in (b"webhook_id=", b"webhook_id=3&x=1", b"webhook_id=x", b'{"webhook_id": 3}', b""):
        assert of.challenge(replace(push, body=body)) is None, body


def test_every_company_a_shop_may_name_is_a_connector_of_ours():
    assert companies()
    assert carriers_called("UPS") == ("ups",)
    assert carriers_called(" DHL  Express ")[0] == "dhl-express"
    assert carriers_called("canada-post") == ("canada-post",)
    assert carriers_called("Hexe Kurier") == ()
    assert issubclass(BadCompanies, ValueError)
