"""Proofs' bytes lie in a folder or in a bucket: kept whole, given back, deleted, and only for who has the key."""

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.proofs.places import Folder, PlaceTrouble, open_place, read_address

KEY, SECRET, REGION = "shop-key", "pa/ss:wo rd", "eu-test-1"
NAME = "mer_1/ab/prf_1ab"


@pytest.fixture(scope="module")
def bucket():
    """The address of a bucket in a process of its own."""
    server = Path(__file__).with_name("bucket_server.py")
    with subprocess.Popen([sys.executable, server, KEY, SECRET, REGION], stdout=subprocess.PIPE, text=True) as process:
        port = int(process.stdout.readline())
        yield f"127.0.0.1:{port}/proofs/of-shops?region={REGION}"
        process.terminate()


@pytest.fixture(params=["folder", "bucket"])
async def place(request, bucket, tmp_path):
    setting = f"s3+http://{KEY}:pa%2Fss%3Awo%20rd@{bucket}" if request.param == "bucket" else str(tmp_path / "proofs")
    opened = open_place(setting, "sqlite:///unused.db")
    yield opened
    await opened.close()


async def test_bytes_are_kept_replaced_given_back_and_deleted(place):
    assert await place.get(NAME) is None
    await place.put(NAME, b"one")
    await place.put(NAME, b"two" * 100_000)
    assert await place.get(NAME) == b"two" * 100_000
    await place.delete(NAME)
    await place.delete(NAME)
    assert await place.get(NAME) is None


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a//b", "a b", "", "a/../b"])
async def test_a_name_leads_nowhere_else(place, name):
    for work in (place.get(name), place.put(name, b"x"), place.delete(name)):
        with pytest.raises(ValueError, match="made of ids"):
            await work


@pytest.mark.parametrize("login", [f"{KEY}:wrong", f"other:{SECRET.replace('/', '%2F').replace(' ', '%20')}"])
async def test_another_key_opens_nothing(bucket, login):
    opened = open_place(f"s3+http://{login}@{bucket}", "")
    with pytest.raises(PlaceTrouble, match="answers 403"):
        await opened.put(NAME, b"x")
    await opened.close()


async def test_a_bucket_that_is_away_is_trouble_for_later():
    opened = open_place("s3+http://a:b@127.0.0.1:9/proofs", "")
    with pytest.raises(PlaceTrouble, match="cannot be reached"):
        await opened.get(NAME)
    await opened.close()


async def test_a_file_is_its_owners_alone_and_no_half_is_left(tmp_path):
    place = Folder(tmp_path)
    await place.put(NAME, b"x")
    (file,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert file == tmp_path / NAME
    assert file.stat().st_mode & 0o077 == 0


async def test_a_folder_that_cannot_be_written_is_trouble_for_later(tmp_path):
    (tmp_path / "mer_1").write_text("in the way")
    with pytest.raises(PlaceTrouble, match="cannot be written"):
        await Folder(tmp_path).put(NAME, b"x")


def test_beside_the_database_by_default(tmp_path):
    assert open_place("", f"sqlite:///{tmp_path}/g.db")._root == tmp_path / "proofs"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("s3://k:s@host/bucket", "no address such as"),
        ("s3+https://host/bucket", "names no key"),
        ("s3+https://k:s@host", "names no bucket"),
        ("s3+https://k:s@host/buck et", "names no bucket"),
        ("s3+https://k:s@host/bucket?zone=x", "no other query"),
    ],
)
def test_a_wrong_address_is_named_without_its_secret(text, why):
    with pytest.raises(ValueError, match=why) as refused:
        read_address(text)
    assert "k:s" not in str(refused.value)


async def test_a_place_says_where_it_is_without_a_secret(place):
    told = await place.check()
    assert told.endswith(("/proofs", "/proofs/of-shops"))
    assert "ss:wo" not in told
    assert KEY not in told


async def test_a_folder_that_could_not_be_made_is_found_out(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PlaceTrouble, match="cannot be written"):
        await Folder(tmp_path / "file" / "proofs").check()
