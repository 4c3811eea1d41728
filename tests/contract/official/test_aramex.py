"""Aramex against the carrier's own descriptions: our envelope fits live and test, our samples fit one of them."""

from pathlib import Path

import pytest
from lxml import etree

from connectors import HERE, connector
from connectors.aramex import PATH, SERVICE
from connectors.samples import samples

FOLDER = Path(__file__).resolve().parents[4] / "shared/carriers/aramex"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
WSDL_SOAP = "http://schemas.xmlsoap.org/wsdl/soap/"
XS = "{http://www.w3.org/2001/XMLSchema}"
ARRAYS = "http://schemas.microsoft.com/2003/10/Serialization/Arrays"
TRACKING = "http://ws.aramex.net/ShippingAPI/v1/"
LIVE, TEST = "ShipmentsTracking.production.wsdl", "ShipmentsTracking.test.wsdl"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the carriers' documents (../shared) are not here")


def described(folder: Path, arrays_in: str, tracking_in: str) -> etree.XMLSchema:
    """The carrier's two schemas, which import each other without saying where the other is."""
    for namespace, file, other in ((ARRAYS, arrays_in, TRACKING), (TRACKING, tracking_in, ARRAYS)):
        tree = etree.parse(FOLDER / file).getroot()
        (schema,) = (one for one in tree.iter(f"{XS}schema") if one.get("targetNamespace") == namespace)
        for known in schema.findall(f"{XS}import"):
            schema.remove(known)
        schema.insert(0, schema.makeelement(f"{XS}import", namespace=other, schemaLocation=f"{hash(other)}.xsd"))
        (folder / f"{hash(namespace)}.xsd").write_bytes(etree.tostring(schema))
    return etree.XMLSchema(etree.parse(folder / f"{hash(TRACKING)}.xsd"))


@pytest.mark.parametrize(("arrays", "tracking"), [(LIVE, LIVE), (TEST, TEST), (TEST, "tracking.xsd")])
def test_what_we_ask_is_valid_by_each_of_the_carriers_descriptions(tmp_path, arrays, tracking):
    account = ("UserName", "Password", "Version", "AccountNumber", "AccountPin", "AccountEntity", "AccountCountryCode")
    body, _ = SERVICE.request(
        "TrackShipments",
        ClientInfo=dict.fromkeys(account, "1"),
        Shipments={"string": ["30411872205"]},
        GetLastTrackingUpdateOnly="false",
    )
    (asked,) = etree.fromstring(body).find(f"{{{SOAP}}}Body")
    described(tmp_path, arrays, tracking).assertValid(asked)


def test_our_samples_are_answered_as_the_live_or_the_newer_description_says(tmp_path):
    live, newer = described(tmp_path, LIVE, LIVE), described(tmp_path, TEST, "tracking.xsd")
    fits = {}
    for sample in samples(HERE / "aramex" / "samples"):
        (answer,) = etree.fromstring(sample.body).find(f"{{{SOAP}}}Body")
        if etree.QName(answer).localname != "Fault":
            fits[sample.name] = (live.validate(answer), newer.validate(answer))
    assert fits["out-for-delivery"][0] is True
    assert fits["delivered"] == (False, True)
    assert all(any(pair) for pair in fits.values()), fits
    assert len(fits) == 7


@pytest.mark.parametrize("file", [LIVE, TEST])
def test_we_ask_with_the_action_of_the_carriers_wsdl(file):
    _, headers = SERVICE.request(
        "TrackShipments",
        ClientInfo=dict.fromkeys(
            ("UserName", "Password", "Version", "AccountNumber", "AccountPin", "AccountEntity", "AccountCountryCode"),
            "",
        ),
        Shipments={"string": ["1"]},
        GetLastTrackingUpdateOnly="false",
    )
    actions = {node.get("soapAction") for node in etree.parse(FOLDER / file).iter(f"{{{WSDL_SOAP}}}operation")}
    assert headers["SOAPAction"].strip('"') in actions


def test_we_ask_at_the_test_address_of_the_carriers_wsdl():
    (address,) = etree.parse(FOLDER / TEST).iter(f"{{{WSDL_SOAP}}}address")
    assert address.get("location") == connector("aramex").facts.api.test + PATH
