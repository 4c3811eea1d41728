"""Canpar against the carrier's own types: what we ask, read and write as samples are fields of those types.

The types stand in one file with prefixes that it does not declare, so it is no schema that anything could validate by.
"""

import re
from pathlib import Path

import pytest
from lxml import etree

from connectors import HERE
from connectors.canpar import SERVICE
from connectors.samples import samples

FILE = Path(__file__).resolve().parents[4] / "shared/carriers/canpar/CanparAddonsService.xsd"
WSDL = HERE / "canpar" / "service.wsdl"
XS = "{http://www.w3.org/2001/XMLSchema}"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the carriers' documents (../shared) are not here")


def fields(tree: etree._ElementTree, name: str) -> list[str]:
    (found,) = (node for node in tree.iter(f"{XS}complexType") if node.get("name") == name)
    return [node.get("name") for node in found.iter(f"{XS}element")]


def test_what_we_read_by_name_are_fields_of_the_carriers_types():
    source = (HERE / "canpar" / "__init__.py").read_text("utf-8")
    read = set(re.findall(r'_text\(\w+, "(\w+)"\)|find(?:all)?\(f"\{DATA\}(\w+)"\)', source))
    names = {one or other for one, other in read}
    official = etree.parse(FILE)
    known = {name for kind in ("TrackingResultV2", "TrackingEventV2", "Address") for name in fields(official, kind)}
    assert len(names) == 19
    assert names <= known


def test_what_we_ask_with_are_fields_of_the_carriers_question_and_credentials_are_none_of_them():
    asked, theirs = fields(etree.parse(WSDL), "TrackByBarcodeV2Rq"), fields(etree.parse(FILE), "TrackByBarcodeV2Rq")
    assert [name for name in theirs if name in asked] == asked == ["barcode", "track_shipment"]
    assert not {"user_id", "password"} & set(theirs)


def test_the_question_and_the_answer_are_elements_of_the_carriers_namespace():
    root = etree.parse(FILE).getroot()
    body, _ = SERVICE.request("trackByBarcodeV2", request={"barcode": "D1", "track_shipment": "false"})
    asked = etree.fromstring(body)[-1][0]
    assert etree.QName(asked).namespace == root.get("targetNamespace")
    names = {node.get("name") for node in root.findall(f"{XS}element")}
    assert {etree.QName(asked).localname, "trackByBarcodeV2Response"} <= names


def test_our_samples_hold_only_fields_of_the_carriers_types():
    official = etree.parse(FILE)
    known = {
        name
        for kind in ("TrackByBarcodeV2Rs", "TrackingResultV2", "TrackingEventV2", "Address")
        for name in fields(official, kind)
    }
    used = set()
    for sample in samples(HERE / "canpar" / "samples"):
        for node in etree.fromstring(sample.body).iter("{*}return"):
            used |= {etree.QName(below).localname for below in node.iterdescendants()}
    assert used <= known
    assert {"events", "signed_by", "code_description_fr", "consignee_address", "error"} <= used
