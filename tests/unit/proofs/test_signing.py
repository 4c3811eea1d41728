"""Signature Version 4, held against the examples its author publishes for an object store."""

from datetime import UTC, datetime

from gateway.proofs.signing import Signer

SIGNER = Signer("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
AT = datetime(2013, 5, 24, tzinfo=UTC)
HOST = "examplebucket.s3.amazonaws.com"


def signature(headers):
    return headers["authorization"].rpartition("Signature=")[2]


def test_the_published_example_of_getting_an_object():
    headers = SIGNER.headers("GET", "/test.txt", {"host": HOST, "range": "bytes=0-9"}, b"", AT)
    assert signature(headers) == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    assert headers["x-amz-date"] == "20130524T000000Z"


def test_the_published_example_of_putting_an_object():
    sent = {"host": HOST, "date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"}
    headers = SIGNER.headers("PUT", "/test%24file.text", sent, b"Welcome to Amazon S3.", AT)
    assert signature(headers) == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"


def test_the_secret_is_not_shown():
    assert "wJalr" not in repr(SIGNER)
