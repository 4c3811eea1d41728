"""Allied Express: words without codes, pieces, and errors inside the result."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from lxml import etree

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import Unavailable, Unreadable
from normalizer.codes import Meaning
from normalizer.model import Missing, Place, Status

CARRIER: Any = connector("allied-express")
NUMBER = "AOE55500044R"


def reply(inside: str) -> bytes:
    return (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        f'<n:getShipmentsStatusResponse xmlns:n="urn:any"><result>{inside}</result></n:getShipmentsStatusResponse>'
        "</e:Body></e:Envelope>"
    ).encode()


def scan(words: str = "", barcode: str = NUMBER, at: str = "2026-03-05T14:03:55.000+11:00") -> str:
    told = {"consignmentNote": NUMBER, "depotLocation": "NOWRA", "scannedBarcode": barcode, "scannedStatus": words}
    told["scannnedTimestamp"] = at
    listed = "".join(f"<{name}>{value}</{name}>" for name, value in told.items())
    return f"<statusBarcodesList>{listed}</statusBarcodesList>"


def read(body: bytes) -> Any:
    now = datetime(2026, 3, 6, tzinfo=UTC)
    return CARRIER.read(Payload(carrier="allied-express", body=body, source="poll", received_at=now, numbers=(NUMBER,)))


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("Freight has been delivered", Meaning(Status.DELIVERED, "other")),
        ("FREIGHT HAS BEEN DELIVERED.", Meaning(Status.DELIVERED, "other")),
        ("Freight has not been delivered", None),
        ("", None),
    ],
)
def test_words_have_a_meaning_only_where_they_are_listed_exactly(words: str, meaning: Meaning | None) -> None:
    (said,) = read(reply(scan(words))).scans
    assert CARRIER.codes.look_up(said.codes, said.phrase) == (None, meaning)


def test_a_time_keeps_the_depots_offset() -> None:
    (said,) = read(reply(scan(at="2026-03-05T11:00:00.000+10:30"))).scans
    assert said.at == datetime(2026, 3, 5, 0, 30, tzinfo=UTC)
    assert said.at.utcoffset() == timedelta(hours=10, minutes=30)
    assert said.place == Place(facility="NOWRA", country="AU")


def test_a_barcode_other_than_the_note_is_a_piece() -> None:
    own, piece = read(reply(scan() + scan(barcode=f"{NUMBER}001"))).scans
    assert (own.piece, piece.piece) == (None, f"{NUMBER}001")
    assert own.number == piece.number == NUMBER


def test_nothing_found_is_an_unknown_number_and_any_other_error_is_unreadable_and_not_quoted() -> None:
    missing = read(reply("<statusError>No Shipment status found.</statusError>")).missing
    assert missing == [Missing(number=NUMBER, text="No Shipment status found.")]
    trouble = read(reply("<statusError>Jane moved</statusError>")).trouble
    assert isinstance(trouble, Unreadable)
    assert "Jane" not in str(trouble)


def test_an_empty_result_is_an_unknown_number() -> None:
    assert read(reply("")).missing == [Missing(number=NUMBER)]


async def test_the_question_holds_the_key_and_the_number_and_a_fault_is_tried_later() -> None:
    seen: list[httpx.Request] = []

    def wire(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        inside = "<e:Fault><faultcode>e:Server</faultcode><faultstring>x</faultstring></e:Fault>"
        body = f'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>{inside}</e:Body></e:Envelope>'
        return httpx.Response(500, text=body, headers={"content-type": "text/xml"})

    async with HttpClient(
        CARRIER.facts, CARRIER.auth({"account_key": "k&"}), transport=httpx.MockTransport(wire)
    ) as http:
        with pytest.raises(Unavailable):
            await CARRIER.poll(http, [NUMBER])
    question = etree.fromstring(seen[0].content)[0][0]
    assert etree.QName(question).localname == "getShipmentsStatus"
    assert [(part.tag, part.text) for part in question] == [("String_1", "k&"), ("String_2", NUMBER)]
