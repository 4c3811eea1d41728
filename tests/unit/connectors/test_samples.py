"""Samples are whole HTTP messages: what is read, what is refused, and that writing gives the same back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.samples import BadSample, dump, load, read, samples

POLL = b"""# origin: written
# about: two in one call
# numbers: LM1, LM2
# secrets: api_key=k1 'note=two words'
# at: 2026-02-01T09:00:00+01:00
POST /v1/track?lang=en&lang=de&x= HTTP/1.1
X-Api-Key: k1

{"numbers": ["LM1", "LM2"]}

###
HTTP/1.1 200 OK
Content-Type: application/json; charset=utf-8

{"a": 1,

 "b": "###"}

"""
PUSH = (
    b"# origin: recorded\n# about: a push\n"
    b"POST /push?token=t HTTP/1.1\r\nAuthorization: Basic x\r\nX-Kind: News\r\n\r\n<a>\xff</a>\r\n"
)
HEAD = b"# origin: written\n# about: x\n"


def test_a_call_is_read_whole():
    sample = read(POLL, "two")
    request, response = sample.exchanges[0]
    assert (sample.name, sample.origin, sample.about, sample.source) == ("two", "written", "two in one call", "poll")
    assert sample.numbers == ("LM1", "LM2")
    assert sample.secrets == {"api_key": "k1", "note": "two words"}
    assert sample.at == datetime(2026, 2, 1, 8, tzinfo=UTC)
    assert (request.method, request.path, request.query) == ("POST", "/v1/track", {"lang": "de", "x": ""})
    assert request.headers == {"x-api-key": "k1"}
    assert request.body == b'{"numbers": ["LM1", "LM2"]}'
    assert response.status == 200
    assert sample.body == b'{"a": 1,\n\n "b": "###"}'
    payload = sample.payload("lime")
    assert (payload.body, payload.numbers, payload.source) == (sample.body, ("LM1", "LM2"), "poll")
    assert payload.headers == {"content-type": "application/json; charset=utf-8"}


def test_a_push_is_read_as_the_call_it_is_and_kept_without_its_credentials():
    sample = read(PUSH, "news")
    push = sample.push()
    assert sample.source == "push"
    assert (push.method, push.query, push.body) == ("POST", {"token": "t"}, b"<a>\xff</a>")
    assert push.headers == {"authorization": "Basic x", "x-kind": "News"}
    assert sample.payload("lime").headers == {"x-kind": "News"}


def test_one_call_may_take_several_requests():
    pair = b"GET /a HTTP/1.1\n\n###\nHTTP/1.1 200\n\n{}\n"
    sample = read(HEAD + pair + b"### then\n" + pair.replace(b"/a", b"/b"), "two")
    assert [request.path for request, _ in sample.exchanges] == ["/a", "/b"]
    with pytest.raises(BadSample, match="is no push"):
        sample.push()


@pytest.mark.parametrize(
    "data",
    [
        POLL,
        PUSH,
        HEAD + b"# call: locate\nGET / HTTP/1.1\n\n###\nHTTP/1.1 404\n",
        HEAD + b"# varies: stamp, id\nPOST / HTTP/1.1\n\nstamp=1&id=2\n###\nHTTP/1.1 200\n\n{}\n",
    ],
)
def test_what_is_written_reads_the_same(data):
    sample = read(data, "x")
    assert read(dump(sample), "x") == sample
    assert sample.varies == (("stamp", "id") if b"varies" in data else ())


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "origin"),
        (b"# origin: guessed\n", "origin"),
        (b"# origin: written\nGET / HTTP/1.1\n", "what it is about"),
        (HEAD + b"# mood: good\nGET / HTTP/1.1\n", "'mood'"),
        (HEAD + HEAD, "stands twice"),
        (HEAD + b"# at: yesterday\nGET / HTTP/1.1\n", "is no time"),
        (HEAD + b"# at: 2026-01-01T00:00:00\nGET / HTTP/1.1\n", "names no offset"),
        (HEAD + b"# call: sing\nGET / HTTP/1.1\n", "the call is none of"),
        (HEAD + b"# secrets: k1\nGET / HTTP/1.1\n", "key=value"),
        (HEAD, "is no request line"),
        (HEAD + b"GET track HTTP/1.1\n", "is no request line"),
        (HEAD + b"GET / HTTP/1.1\nno header\n", "is no header line"),
        (HEAD + b"GET / HTTP/1.1\n\n###\n200 OK\n", "is no status line"),
        (HEAD + b"GET / HTTP/1.1\n\n###\nHTTP/1.1 200\n\n###\nGET / HTTP/1.1\n", "has no response"),
    ],
)
def test_a_broken_rule_is_named(data, rule):
    with pytest.raises(BadSample, match=rule):
        read(data, "x")


def test_a_folders_samples_come_by_name(tmp_path):
    for name in ("b", "a"):
        (tmp_path / f"{name}.http").write_bytes(POLL)
    (tmp_path / "a.events.json").write_text("{}")
    assert [sample.name for sample in samples(tmp_path)] == ["a", "b"]
    assert load(tmp_path / "b.http").name == "b"
