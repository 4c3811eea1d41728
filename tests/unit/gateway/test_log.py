"""Logs hold what happened, and neither secrets nor people."""

import io
import logging

import orjson
import pytest

from gateway import log


@pytest.fixture
def lines():
    stream = io.StringIO()
    handler = log.configure("debug", "json", stream)
    yield lambda: [orjson.loads(line) for line in stream.getvalue().splitlines()]
    logging.getLogger().removeHandler(handler)
    handler.close()


@pytest.mark.parametrize(
    "key",
    [
        "authorization", "Authorization", "secret", "client_secret", "token", "access-token", "password", "api_key",
        "apiKey", "API_KEY", "signature", "webhook-signature", "cookie", "set-cookie", "body", "recipient", "email",
        "phone", "name", "first_name", "firstName", "address", "headers", "recipientEmail",
    ],
)  # fmt: skip
def test_a_telling_key_masks_its_value_wherever_nested(lines, key):
    log.logger("test").info("happened", **{key: "v-1"}, facts={"deep": [{key: {"deeper": "v-2"}}]})
    (line,) = lines()
    assert line[key] == log.MASK
    assert line["facts"] == {"deep": [{key: log.MASK}]}


@pytest.mark.parametrize(
    "key", ["carrier", "status", "payload", "number", "outcome", "merchant_id", "monkey", "renamed"]
)
def test_a_plain_key_stays(lines, key):
    log.logger("test").info("happened", **{key: "v-1"})
    assert lines()[0][key] == "v-1"


def test_credentials_and_queries_inside_a_sentence_are_masked(lines):
    logging.getLogger("foreign").warning(
        "GET %s sent %s and %s", "https://c.example/track?key=k-1&n=17", "Bearer abc.def", "whsec_c2VjcmV0"
    )
    (line,) = lines()
    assert line["event"] == "GET https://c.example/track?*** sent *** and ***"
    assert (line["logger"], line["level"]) == ("foreign", "warning")


def test_an_exceptions_text_is_never_written_only_its_kind_and_place(lines):
    def fails():
        raise ValueError("Ines Example, 18 Rua do Exemplo")

    for of in (log.logger("test"), logging.getLogger("foreign")):
        try:
            fails()
        except ValueError:
            of.exception("failed")
    ours, theirs = lines()
    for line in (ours, theirs):
        assert (line["event"], line["error"]) == ("failed", "ValueError")
        assert line["where"][-1].startswith("test_log.py:")
        assert line["where"][-1].endswith(" fails")
        assert "Ines" not in orjson.dumps(line).decode()


def test_bytes_and_objects_are_named_by_their_kind_only(lines):
    log.logger("test").info("happened", raw=b"Ines", thing=object(), count=3, ratio=0.5, yes=True, none=None)
    (line,) = lines()
    assert (line["raw"], line["thing"]) == ("<bytes>", "<object>")
    assert (line["count"], line["ratio"], line["yes"], line["none"]) == (3, 0.5, True, None)


def test_the_request_id_stands_on_every_line(lines):
    token = log.REQUEST_ID.set("req_1")
    log.logger("test").info("inside")
    logging.getLogger("foreign").info("inside too")
    log.REQUEST_ID.reset(token)
    log.logger("test").info("outside")
    assert [line.get("request_id") for line in lines()] == ["req_1", "req_1", None]


def test_libraries_that_write_addresses_are_quiet(lines):
    # Not httpx's own logger: a test tool in the same process filters that one.
    logging.getLogger("httpcore").info("GET https://c.example/track/17")
    logging.getLogger("httpcore").warning("this matters")
    assert logging.getLogger("httpx").level == logging.WARNING
    assert [line["event"] for line in lines()] == ["this matters"]


def test_the_level_is_kept_and_the_console_form_is_plain():
    stream = io.StringIO()
    handler = log.configure("warning", "console", stream)
    log.logger("test").info("not this")
    log.logger("test").warning("but this", carrier="ups", secret="s-1")
    logging.getLogger().removeHandler(handler)
    handler.close()
    text = stream.getvalue()
    assert "not this" not in text
    assert "but this" in text
    assert "carrier=ups" in text
    assert "s-1" not in text
