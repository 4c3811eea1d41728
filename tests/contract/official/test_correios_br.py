"""Correios against its own WSDL, XSD, tables and the answers that a public client captured."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from connectors import HERE, connector
from connectors.base import Payload
from connectors.correios_br import PATH, SERVICE
from connectors.samples import samples
from gateway.reading import document, read

FOLDER = Path(__file__).resolve().parents[4] / "shared/carriers/correios-br"
SERVICE_NAMES = "http://resource.webservice.correios.com.br/"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the carriers' documents (../shared) are not here")

CORREIOS = connector("correios-br")
FROM_THE_SITE = {"LDE/00", "OEC/01", "OEC/09"}


@pytest.fixture(scope="module")
def schema():
    return etree.XMLSchema(etree.parse(FOLDER / "Rastro_schema1.xsd"))


def answers(name):
    """Return a captured answer under the operation that we ask (the manual's example is of its sister)."""
    body = (FOLDER / name).read_bytes()
    return body.replace(b"buscaEventosResponse", b"buscaEventosListaResponse")


def payload(body):
    now = datetime(2026, 5, 20, tzinfo=UTC)
    return Payload(carrier="correios-br", body=body, source="poll", received_at=now)


def test_what_we_ask_is_valid_by_the_carriers_schema_and_goes_where_its_wsdl_says(schema):
    sample = next(one for one in samples(HERE / "correios_br" / "samples") if one.name == "two-objects")
    (asked,) = etree.fromstring(sample.exchanges[0][0].body).find(f"{{{SOAP}}}Body")
    schema.assertValid(asked)
    wsdl = etree.parse(FOLDER / "Rastro.wsdl")
    (address,) = wsdl.iter("{http://schemas.xmlsoap.org/wsdl/soap/}address")
    assert address.get("location").replace("http:", "https:").replace(":80/", "/") == (
        CORREIOS.facts.api.production + PATH
    )
    actions = {node.get("soapAction") for node in wsdl.iter("{http://schemas.xmlsoap.org/wsdl/soap/}operation")}
    _, headers = SERVICE.request(
        "buscaEventosLista", usuario="", senha="", tipo="L", resultado="T", lingua="101", objetos=["LX100200305BR"]
    )
    assert headers["SOAPAction"].strip('"') in actions


def test_our_samples_are_answered_as_the_carriers_schema_says(schema):
    checked = 0
    for sample in samples(HERE / "correios_br" / "samples"):
        (answer,) = etree.fromstring(sample.body).find(f"{{{SOAP}}}Body")
        if not answer.tag.endswith("Fault"):
            for node in list(answer.iter("objeto", "evento", "destino", "endereco")):
                node.tag = f"{{{SERVICE_NAMES}}}{node.tag}"  # as the schema has it; captured answers leave it out
            schema.assertValid(answer)
            assert len(CORREIOS.read(payload(etree.tostring(answer.getparent().getparent()))).scans) == len(
                CORREIOS.read(payload(sample.body)).scans
            )
            checked += 1
    assert checked == 9


def test_every_pair_of_the_manual_has_a_row_and_three_more_of_the_site():
    listed = {row["code"] for row in csv.DictReader((FOLDER / "codes.csv").read_text("utf-8").splitlines())}
    assert len(listed) == 197
    assert set(CORREIOS.codes.codes) == listed | FROM_THE_SITE


@pytest.mark.parametrize(
    ("name", "events", "status"),
    [
        ("buscaEventos-response-returned.sample.xml", 1, "returned"),
        ("buscaEventosLista-response-captured-one-object.sample.xml", 11, "returned"),
        ("buscaEventosLista-response-captured-two-objects.sample.xml", 12, "returned"),
    ],
)
def test_a_captured_answer_reads_whole(name, events, status):
    body = answers(name)
    result = read(CORREIOS, payload(body))
    root = etree.fromstring(body)
    assert (result.trouble, result.unlisted) == (None, {})
    assert [event.code for event in result.events] == [
        f"{node.findtext('tipo')}/{node.findtext('status')}" for node in root.iter("evento")
    ]
    assert len(result.events) == events
    assert {event.basis for event in result.events} == {"code"}
    assert {event.time_basis for event in result.events} == {"place"}
    assert document(CORREIOS, payload(body))["shipments"][0]["status"] == status


def test_the_captured_unknown_object_is_missing():
    result = read(CORREIOS, payload(answers("buscaEventosLista-response-captured-object-not-found.sample.xml")))
    assert [one.number for one in result.missing] == ["DU055087593BR"]
    assert (result.trouble, result.events) == (None, [])
