"""The standard's own libraries, in Python and JavaScript, accept every kind of signature we send and no altered one.

The JavaScript library is fetched once with npm into the test runner's cache; without node, npm or a network those
tests are skipped, and say so.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from webhooks.schedule import DAY, HOUR
from webhooks.signing import Key, Signer, new_private_key, new_secret, rotate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

NPM_PACKAGE = "standardwebhooks@1"
BODIES = {
    "json": b'{"id":"msg_1","type":"shipment.delivered","data":{"shipment":null}}',
    "letters of many scripts": '{"city":"Łódź","name":"شركة","sign":"🚚","odd":"\u2028"}'.encode(),
    "long": b'{"text":"' + b"x" * 300_000 + b'"}',
}
IMPORTED = {
    "24 bytes, the fewest": "whsec_" + base64.b64encode(bytes(range(24))).decode(),
    "64 bytes, the most": "whsec_" + base64.b64encode(bytes(range(190, 254))).decode(),
    "+ and / in it": "whsec_" + base64.b64encode(b"\xfb\xef\xff" * 11).decode(),
}


@dataclass(frozen=True)
class Sent:
    """A request as it leaves, and the secret its receiver holds."""

    secret: str
    body: bytes
    headers: Mapping[str, str]


def sent(secret: str, keys: list[Key], body: bytes = BODIES["json"], at: int | None = None) -> Sent:
    stamp = int(time.time()) if at is None else at
    return Sent(secret, body, Signer(keys).headers("msg_2fz", stamp, body))


def good_ones() -> dict[str, Sent]:
    """Every kind of signature that an endpoint can be set to get."""
    now = int(time.time() * 1000)
    secret, fresh, newest = new_secret(), new_secret(), new_secret()
    plain = [Key("hmac", secret)]
    beside = [Key("ed25519", new_private_key()), *plain]
    once = rotate(plain, Key("hmac", fresh), until=now + 7 * DAY, now=now)
    twice = rotate(once, Key("hmac", newest), until=now + HOUR, now=now)
    both = rotate(beside, Key("hmac", fresh), until=now + DAY, now=now)
    found = {f"hmac, {name}": sent(secret, plain, body) for name, body in BODIES.items()}
    found |= {
        "ed25519 beside": sent(secret, beside),
        "rotated, the old secret": sent(secret, once),
        "rotated, the fresh secret": sent(fresh, once),
        "rotated twice, the first": sent(secret, twice),
        "rotated twice, the second": sent(fresh, twice),
        "rotated twice, the newest": sent(newest, twice),
        "rotated beside ed25519, old": sent(secret, both),
        "rotated beside ed25519, fresh": sent(fresh, both),
        "four minutes late": sent(secret, plain, at=int(time.time()) - 240),
    }
    return found | {f"imported, {name}": sent(kept, [Key("hmac", kept)]) for name, kept in IMPORTED.items()}


def altered_ones() -> dict[str, Sent]:
    """What a receiver must refuse: each differs in one thing from one that is accepted."""
    now = int(time.time() * 1000)
    secret, fresh = new_secret(), new_secret()
    good = sent(secret, [Key("hmac", secret)])
    over = rotate([Key("hmac", secret)], Key("hmac", fresh), until=now, now=now)
    only_ed25519 = Signer([Key("ed25519", new_private_key())])
    stamp = int(good.headers["webhook-timestamp"])

    def headers(**changed: str) -> Mapping[str, str]:
        return {**good.headers, **{name.replace("_", "-"): value for name, value in changed.items()}}

    signature = good.headers["webhook-signature"]
    flipped = signature[:10] + ("A" if signature[10] != "A" else "B") + signature[11:]
    return {
        "a byte more": replace(good, body=good.body + b" "),
        "a letter changed": replace(good, body=good.body.replace(b"delivered", b"deliverea")),
        "another id": replace(good, headers=headers(webhook_id="msg_2fy")),
        "another second": replace(good, headers=headers(webhook_timestamp=str(stamp - 1))),
        "a changed signature": replace(good, headers=headers(webhook_signature=flipped)),
        "another version's name": replace(good, headers=headers(webhook_signature=signature.replace("v1,", "v1a,"))),
        "another secret": replace(good, secret=new_secret()),
        "a secret whose overlap is over": sent(secret, over),
        "ed25519 alone": Sent(secret, good.body, only_ed25519.headers("msg_2fz", stamp, good.body)),
        "six minutes old": sent(secret, [Key("hmac", secret)], at=stamp - 360),
        "six minutes ahead": sent(secret, [Key("hmac", secret)], at=stamp + 360),
        "no signature": replace(good, headers=headers(webhook_signature="")),
    }


def python_accepts(one: Sent) -> bool:
    try:
        Webhook(one.secret).verify(one.body, dict(one.headers))
    except WebhookVerificationError:
        return False
    return True


SCRIPT = """
const { Webhook, WebhookVerificationError } = require("standardwebhooks");
const ask = JSON.parse(require("fs").readFileSync(0, "utf8"));
const answers = {};
for (const [name, one] of Object.entries(ask)) {
  try {
    new Webhook(one.secret).verify(Buffer.from(one.body, "base64"), one.headers);
    answers[name] = true;
  } catch (trouble) {
    if (!(trouble instanceof WebhookVerificationError)) throw trouble;
    answers[name] = false;
  }
}
process.stdout.write(JSON.stringify(answers));
"""


@pytest.fixture(scope="session")
def javascript_accepts(pytestconfig: pytest.Config) -> Callable[[Mapping[str, Sent]], dict[str, bool]]:
    """Ask the JavaScript library, fetched on first use."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        skip_loudly("neither node nor npm is installed" if npm is None else "node is not installed")
    folder: Path = pytestconfig.cache.mkdir("npm-standardwebhooks")  # type: ignore[union-attr]
    if not (folder / "node_modules" / "standardwebhooks").exists():
        command = [npm, "install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts", NPM_PACKAGE]
        (folder / "package.json").write_text("{}")
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
        if done.returncode:
            skip_loudly("npm could not fetch it")

    def ask(these: Mapping[str, Sent]) -> dict[str, bool]:
        asked = {
            name: {"secret": one.secret, "body": base64.b64encode(one.body).decode(), "headers": dict(one.headers)}
            for name, one in these.items()
        }
        done = subprocess.run(
            [node, "-e", SCRIPT], cwd=folder, input=json.dumps(asked), capture_output=True, text=True,
            env={"PATH": os.environ["PATH"], "NODE_PATH": str(folder / "node_modules")}, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        answers: dict[str, bool] = json.loads(done.stdout)
        return answers

    return ask


def skip_loudly(why: str) -> None:
    """Skip, and have the run's summary say that half of the proof is missing."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"signatures were not shown to the JavaScript library: {why}", stacklevel=2)
    pytest.skip(f"NOT SHOWN to JavaScript's standardwebhooks: {why}")


def test_pythons_official_library_accepts_every_kind_of_signature_we_send() -> None:
    assert {name: python_accepts(one) for name, one in good_ones().items()} == dict.fromkeys(good_ones(), True)


def test_pythons_official_library_refuses_every_altered_one() -> None:
    assert {name: python_accepts(one) for name, one in altered_ones().items()} == dict.fromkeys(altered_ones(), False)


def test_javascripts_official_library_accepts_every_kind_of_signature_we_send(javascript_accepts) -> None:
    these = good_ones()
    assert javascript_accepts(these) == dict.fromkeys(these, True)


def test_javascripts_official_library_refuses_every_altered_one(javascript_accepts) -> None:
    these = altered_ones()
    assert javascript_accepts(these) == dict.fromkeys(these, False)


def test_a_signature_names_its_kinds_newest_first_and_hmac_before_ed25519() -> None:
    now = int(time.time() * 1000)
    old, fresh = Key("hmac", new_secret()), Key("hmac", new_secret())
    keys = rotate([Key("ed25519", new_private_key()), old], fresh, until=now + HOUR, now=now)
    parts = sent(fresh.secret, keys).headers["webhook-signature"].split(" ")
    assert [part.partition(",")[0] for part in parts] == ["v1", "v1", "v1a"]
    assert parts[0] == sent(fresh.secret, [fresh]).headers["webhook-signature"]
