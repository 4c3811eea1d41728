"""DPD Web Services against the carrier's own types: our questions are valid, our samples answer as they say."""

from copy import deepcopy
from pathlib import Path

import pytest
from lxml import etree

from connectors import HERE, connector
from connectors.dpd_web_services import SERVICE
from connectors.samples import samples

FOLDER = Path(__file__).resolve().parents[4] / "shared/carriers/dpd-web-services"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the carriers' documents (../shared) are not here")


def schema(name: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(FOLDER / name))


def only_child(body: bytes, part: str) -> etree._Element:
    (child,) = etree.fromstring(body).find(f"{{{SOAP}}}{part}")
    return deepcopy(child)


def qualified(answer: etree._Element) -> etree._Element:
    """One sample is written as public clients read answers: below the result without a namespace."""
    for node in answer.iter(etree.Element):
        if etree.QName(node).namespace is None:
            node.tag = etree.QName(etree.QName(answer).namespace, node.tag).text
    return answer


def test_our_questions_and_their_proof_are_valid_by_the_carriers_types():
    login, _ = SERVICE.request("getAuth", delisId="u", password="p", messageLanguage="en_EN")
    schema("LoginServiceV21.xsd").assertValid(only_child(login, "Body"))
    header = {"authentication": {"delisId": "u", "authToken": "t", "messageLanguage": "en_EN"}}
    asked, _ = SERVICE.request("getTrackingData", headers=header, parcelLabelNumber="05222600410017")
    schema("ParcelLifecycleServiceV20.xsd").assertValid(only_child(asked, "Body"))
    schema("Authentication20.xsd").assertValid(only_child(asked, "Header"))


def test_our_samples_are_answered_as_the_carriers_types_say():
    tracking = schema("ParcelLifecycleServiceV20.xsd")
    checked = []
    for sample in samples(HERE / "dpd_web_services" / "samples"):
        if b"Fault" in sample.body:
            continue
        tracking.assertValid(qualified(only_child(sample.body, "Body")))
        checked.append(sample.name)
    assert len(checked) == 6


def test_every_listed_status_has_a_row_but_the_one_nobody_explains():
    listed = [line.split(",")[0] for line in (FOLDER / "codes.csv").read_text("utf-8").splitlines()[1:]]
    assert len(listed) == 11
    without = [code for code in listed if code not in connector("dpd-web-services").codes.codes]
    assert without == ["ReturningFromDelivery"]
