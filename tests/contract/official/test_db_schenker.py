"""DB Schenker against the carrier's own WSDL: address, action, and the elements of question and answer."""

from pathlib import Path

import pytest
from lxml import etree

from connectors import HERE, connector
from connectors.db_schenker import PATH, SERVICE
from connectors.samples import samples

FILE = Path(__file__).resolve().parents[4] / "shared/carriers/db-schenker/trackingWebServiceV2.production.wsdl"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
WSDL_SOAP = "{http://schemas.xmlsoap.org/wsdl/soap/}"
XS = "{http://www.w3.org/2001/XMLSchema}"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the carriers' documents (../shared) are not here")


@pytest.fixture(scope="module")
def wsdl():
    return etree.parse(FILE)


def fields(wsdl: etree._ElementTree, element: str) -> list[str]:
    (found,) = (node for node in wsdl.iter(f"{XS}element") if node.get("name") == element)
    return [node.get("name") for node in found.iterdescendants(f"{XS}element")]


def test_we_ask_at_the_address_with_the_action_and_the_elements_of_the_wsdl(wsdl):
    arguments = {"AccessKey": "k", "in": {"referenceType": "ff", "referenceNumber": "1"}}
    body, headers = SERVICE.request("getPublicShipmentDetails", **arguments)
    (asked,) = etree.fromstring(body).find(f"{{{SOAP}}}Body")
    (address,) = wsdl.iter(f"{WSDL_SOAP}address")
    (operation,) = wsdl.iter(f"{WSDL_SOAP}operation")
    assert address.get("location") == connector("db-schenker").facts.api.production + PATH
    assert headers["SOAPAction"] == f'"{operation.get("soapAction")}"'
    schema = next(wsdl.iter(f"{XS}schema"))
    assert asked.tag == f"{{{schema.get('targetNamespace')}}}getPublicServiceShipmentDetails"
    # The schema says nothing of elementFormDefault, so its own elements stand without a namespace.
    assert schema.get("elementFormDefault") is None
    assert [child.tag for child in asked] == fields(wsdl, "getPublicServiceShipmentDetails") == ["AccessKey", "in"]


def test_our_samples_are_answered_by_the_element_of_the_wsdl(wsdl):
    answered = 0
    for sample in samples(HERE / "db_schenker" / "samples"):
        (answer,) = etree.fromstring(sample.body).find(f"{{{SOAP}}}Body")
        if etree.QName(answer).localname == "getPublicShipmentDetailsResponse":
            assert [child.tag for child in answer] == fields(wsdl, "getPublicShipmentDetailsResponse") == ["out"]
            answered += 1
    assert answered == 5
