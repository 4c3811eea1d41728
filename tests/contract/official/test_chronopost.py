"""Chronopost against the carrier's own schema: our envelope is valid, and a reply that uses every field reads whole."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from connectors import HERE, connector
from connectors.base import Payload
from connectors.chronopost import LANGUAGE, PATH, SERVICE
from connectors.samples import samples

FOLDER = Path(__file__).resolve().parents[4] / "shared/carriers/chronopost"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
NAMESPACE = "http://cxf.tracking.soap.chronopost.fr/"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the carriers' documents (../shared) are not here")

FULL = f"""<c:trackSkybillV2Response xmlns:c="{NAMESPACE}"><return>
  <errorCode>0</errorCode><errorMessage>fine</errorMessage>
  <listEventInfoComp>
    <events><code>D</code><eventDate>2026-11-03T11:17:45.123+01:00</eventDate>
      <eventLabel>Livraison effectuée</eventLabel>
      <highPriority>true</highPriority><NPC>n</NPC><officeLabel>Agence</officeLabel><zipCode>29000</zipCode>
      <infoCompList><name>Lieu</name><value>Quimper</value></infoCompList>
      <infoCompList><name>Lieu</name></infoCompList></events>
    <events><eventLabel>Contrôle</eventLabel></events>
    <events/>
    <skybillNumber>EN610477003FR</skybillNumber>
  </listEventInfoComp>
</return></c:trackSkybillV2Response>"""


@pytest.fixture(scope="module")
def schema():
    return etree.XMLSchema(etree.parse(FOLDER / "TrackingServiceWS.xsd"))


def test_what_we_ask_is_valid_by_the_carriers_schema(schema):
    body, headers = SERVICE.request("trackSkybillV2", language=LANGUAGE, skybillNumber="EN610477003FR")
    (asked,) = etree.fromstring(body).find(f"{{{SOAP}}}Body")
    schema.assertValid(asked)
    assert headers["SOAPAction"] == '""'


def test_our_samples_are_answered_as_the_carriers_schema_says(schema):
    bodies = [sample.body for sample in samples(HERE / "chronopost" / "samples") if b"<!DOCTYPE" not in sample.body]
    assert len(bodies) == 9
    for body in bodies:
        (answer,) = etree.fromstring(body).find(f"{{{SOAP}}}Body")
        schema.assertValid(answer)


def test_we_ask_at_the_address_and_with_the_action_of_the_carriers_wsdl():
    wsdl = etree.parse(FOLDER / "TrackingServiceWS.wsdl")
    addresses = {node.get("location") for node in wsdl.iter("{http://schemas.xmlsoap.org/wsdl/soap/}address")}
    actions = {node.get("soapAction") for node in wsdl.iter("{http://schemas.xmlsoap.org/wsdl/soap/}operation")}
    assert addresses == {connector("chronopost").facts.api.production + PATH}
    assert actions == {""}


def test_a_reply_that_uses_every_field_reads_whole(schema):
    answer = etree.fromstring(FULL)
    schema.assertValid(answer)
    envelope = f'<e:Envelope xmlns:e="{SOAP}"><e:Body>{FULL}</e:Body></e:Envelope>'
    payload = Payload(
        carrier="chronopost",
        body=envelope.encode(),
        source="poll",
        received_at=datetime(2026, 11, 3, tzinfo=UTC),
        numbers=("EN610477003FR",),
    )
    reading = connector("chronopost").read(payload)
    assert reading.trouble is None
    assert [(scan.codes, scan.text) for scan in reading.scans] == [(("D",), "Livraison effectuée"), ((), "Contrôle")]
    assert reading.scans[0].at.isoformat() == "2026-11-03T11:17:45.123000+01:00"
    assert reading.scans[0].extra == {
        "high_priority": True,
        "information": [{"name": "Lieu", "value": "Quimper"}],
    }
    assert reading.scans[1].at is None
