"""BRT against the request samples of its two services: what we send is what they show, number for number."""

from pathlib import Path

import pytest
from lxml import etree

from connectors.brt import ANY_YEAR, LANGUAGE, SERVICE

FOLDER = Path(__file__).resolve().parents[4] / "shared/carriers/brt"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the carriers' documents (../shared) are not here")


def question(text: bytes) -> bytes:
    tree = etree.fromstring(text, etree.XMLParser(remove_blank_text=True))
    (body,) = tree.iter("{http://schemas.xmlsoap.org/soap/envelope/}Body")
    names = [(node.tag, (node.text or "").strip()) for node in body.iterdescendants()]
    return repr(names).encode()


def test_we_track_as_the_request_sample_does():
    asked, _ = SERVICE.request(
        "brt_trackingbybrtshipmentid",
        arg0={"LINGUA_ISO639_ALPHA2": LANGUAGE, "SPEDIZIONE_ANNO": ANY_YEAR, "SPEDIZIONE_BRT_ID": "0" * 12},
    )
    theirs = (FOLDER / "tracking-by-shipment-id-request.sample.xml").read_bytes()
    assert question(asked) == question(theirs)


def test_we_look_a_parcel_up_as_the_request_sample_does():
    asked, _ = SERVICE.request("getidspedizionebyidcollo", arg0={"CLIENTE_ID": "0" * 7, "COLLO_ID": "0" * 15})
    theirs = (FOLDER / "shipment-id-by-parcel-id-request.sample.xml").read_bytes()
    assert question(asked) == question(theirs)
