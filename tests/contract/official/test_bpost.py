"""bpost's samples against the carrier's XSD: whole names and order, as the documents it imports are not here."""

from pathlib import Path

import pytest
from lxml import etree

from connectors import connector
from connectors.bpost import ITEM

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT.parent / "shared/carriers/bpost/tracking_info_v1.xsd"
SAMPLES = sorted((ROOT / "connectors/bpost/samples").glob("*.http"))
XS = "{http://www.w3.org/2001/XMLSchema}"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the carriers' documents (../shared) are not here")


def schema():
    """Return the schema with every type of the missing import as anything."""
    tree = etree.parse(FILE).getroot()
    tree.remove(tree.find(f"{XS}import"))
    for element in tree.iter(f"{XS}element"):
        if (element.get("type") or "").startswith("common:"):
            element.set("type", "xs:anyType")
    return etree.XMLSchema(tree)


def items():
    for path in SAMPLES:
        body = path.read_bytes().rpartition(b"\n\n")[2].strip()
        if b"<itemTracking" in body:
            yield pytest.param(body, id=path.stem)


@pytest.mark.parametrize("body", list(items()))
def test_our_samples_are_items_by_the_schema(body):
    schema().assertValid(etree.fromstring(body))


def test_we_read_the_schemas_own_root():
    tree = etree.parse(FILE).getroot()
    (root,) = tree.findall(f"{XS}element")
    assert f"{{{tree.get('targetNamespace')}}}{root.get('name')}" == ITEM


def test_the_elements_we_read_are_the_schemas():
    named = {element.get("name") for element in etree.parse(FILE).getroot().iter(f"{XS}element")}
    assert named >= {"itemCode", "deliveryTime", "deliveryTimeWindow", "plannedDeliveryDateWindowStart", "stateInfo"}
    assert named >= {"plannedDeliveryDateWindowEnd", "itemDetail", "weightInGrams", "productCode", "pickupPoint"}
    assert named >= {"time", "location", "stateCode", "stateDescription", "customerReference", "crossReference"}
    assert connector("bpost").facts.api.batch == 1
