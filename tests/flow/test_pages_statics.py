"""Files of pages: kept for ever by their hash, packed, and nothing outside their folder."""

import gzip

import pytest

from gateway.pages.statics import FOLDER, statics


async def test_a_file_is_addressed_by_content_and_kept_for_ever(house):
    address = statics().url("tokens.css")
    plain = await house.call("GET", address, key=None, headers={"Accept-Encoding": "identity"})
    assert plain.status == 200
    assert plain.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert plain.headers["Content-Type"] == "text/css; charset=utf-8"
    assert plain.headers["X-Content-Type-Options"] == "nosniff"
    assert plain.body == (FOLDER / "tokens.css").read_bytes()
    again = await house.call("GET", address, key=None, headers={"If-None-Match": plain.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")


async def test_a_file_is_sent_packed_to_who_unpacks_it(house):
    async with house.session.get(
        house.url + statics().url("tokens.css"), headers={"Accept-Encoding": "br, gzip"}
    ) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert int(answer.headers["Content-Length"]) < len(await answer.read()) / 2


async def test_an_old_address_gets_todays_file_and_may_not_keep_it(house):
    answer = await house.call("GET", "/static/0123456789ab/tokens.css", key=None)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("name", ["nothing.css", "../app.py", "%2e%2e/app.py", "..%2fapp.py", "/etc/passwd"])
async def test_nothing_outside_the_folder_is_served(house, name):
    answer = await house.call("GET", f"/static/{statics().hash}/{name}", key=None)
    assert answer.status == 404


def test_packing_is_the_same_every_time():
    for static in statics().files.values():
        if static.packed is not None:
            assert gzip.decompress(static.packed) == static.body
