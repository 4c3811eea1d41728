"""SOAP as an encoding: what leaves, what is read, and what is refused."""

import base64
import hashlib
import logging
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from lxml import etree

from connectors.auth import Basic, FilledBody, Together
from connectors.client import HttpClient
from connectors.errors import Rejected, Unavailable, Unreadable
from connectors.facts import Facts
from connectors.soap import Service, SoapFault, elements, envelope_of, username_token

WSDL = """<?xml version="1.0"?>
<w:definitions targetNamespace="urn:depot" xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:d="urn:depot"
    xmlns:s="{binding}" xmlns:x="http://www.w3.org/2001/XMLSchema">
  <w:types><x:schema targetNamespace="urn:depot" elementFormDefault="qualified">{extra}
    <x:element name="Ask"><x:complexType><x:sequence>
      <x:element name="Number" type="x:string"/><x:element name="Password" type="x:string" minOccurs="0"/>
    </x:sequence></x:complexType></x:element>
    <x:element name="Answer"><x:complexType><x:sequence>
      <x:element name="At" type="x:dateTime" minOccurs="0"/><x:element name="Count" type="x:int" minOccurs="0"/>
      <x:element name="Note" type="x:string" minOccurs="0"/>
    </x:sequence><x:attribute name="age" type="x:int"/></x:complexType></x:element>
    <x:element name="Other"><x:complexType><x:sequence>
      <x:element name="Note" type="x:string"/></x:sequence></x:complexType></x:element>
  </x:schema></w:types>
  <w:message name="in"><w:part name="p" element="d:Ask"/></w:message>
  <w:message name="out"><w:part name="p" element="d:Answer"/></w:message>
  <w:message name="other"><w:part name="p" element="d:Other"/></w:message>
  <w:portType name="t">
    <w:operation name="Ask"><w:input message="d:in"/><w:output message="d:out"/></w:operation>
    <w:operation name="Other"><w:input message="d:in"/><w:output message="d:other"/></w:operation>
  </w:portType>
  <w:binding name="b" type="d:t"><s:binding transport="http://schemas.xmlsoap.org/soap/http" style="document"/>
    <w:operation name="Ask"><s:operation soapAction="urn:ask"/>
      <w:input><s:body use="literal"/></w:input><w:output><s:body use="literal"/></w:output></w:operation>
    <w:operation name="Other"><s:operation soapAction="urn:other"/>
      <w:input><s:body use="literal"/></w:input><w:output><s:body use="literal"/></w:output></w:operation>
  </w:binding>
  <w:service name="S"><w:port name="P" binding="d:b"><s:address location="https://soap.example/"/></w:port></w:service>
</w:definitions>"""

SOAP_11, SOAP_12 = "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"


def described(folder: Path, binding: str = "http://schemas.xmlsoap.org/wsdl/soap/", extra: str = "") -> Service:
    file = folder / "service.wsdl"
    file.write_text(WSDL.format(binding=binding, extra=extra))
    return Service(file)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    return described(tmp_path_factory.mktemp("soap11"))


@pytest.fixture(scope="module")
def service_12(tmp_path_factory):
    return described(tmp_path_factory.mktemp("soap12"), binding="http://schemas.xmlsoap.org/wsdl/soap12/")


def wrapped(content: str, namespace: str = SOAP_11, before: str = "") -> bytes:
    return f'{before}<e:Envelope xmlns:e="{namespace}"><e:Body>{content}</e:Body></e:Envelope>'.encode()


def answer(inside: str, attributes: str = "") -> bytes:
    return wrapped(f'<d:Answer xmlns:d="urn:depot"{attributes}>{inside}</d:Answer>')


def test_zeep_is_not_imported_before_the_first_envelope():
    seen = subprocess.run(
        [sys.executable, "-c", "import sys, connectors.soap; print('zeep' in sys.modules)"],
        capture_output=True,
        check=True,
        text=True,
    )
    assert seen.stdout.strip() == "False"


def test_a_soap_11_request_carries_its_action_in_a_header(service):
    body, headers = service.request("Ask", Number="A&1")
    assert headers == {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '"urn:ask"'}
    root = etree.fromstring(body)
    assert root.tag == f"{{{SOAP_11}}}Envelope"
    assert root.findtext(".//{urn:depot}Number") == "A&1"


def test_a_soap_12_request_carries_its_action_in_the_media_type(service_12):
    body, headers = service_12.request("Ask", Number="A1")
    assert headers == {"Content-Type": 'application/soap+xml; charset=utf-8; action="urn:ask"'}
    assert etree.fromstring(body).tag == f"{{{SOAP_12}}}Envelope"


@pytest.mark.parametrize("arguments", [{"Numbr": "A1"}, {}])
def test_arguments_that_do_not_fit_the_wsdl_are_refused(service, arguments):
    with pytest.raises(ValueError, match="do not fit the WSDL"):
        service.request("Ask", **arguments)


def test_an_operation_that_the_wsdl_does_not_know_is_refused(service):
    with pytest.raises(ValueError, match="Steal"):
        service.request("Steal", Number="A1")


def test_a_reply_is_read_into_typed_values(service):
    said = service.reply("Ask", answer("<d:At>2026-11-03T14:30:00+01:00</d:At><d:Count>2</d:Count>"))
    assert said.At.isoformat() == "2026-11-03T14:30:00+01:00"
    assert said.Count == 2
    assert said.Note is None


@pytest.mark.parametrize(
    "body",
    [
        answer("<d:At>2026-02-30T10:00:00</d:At>"),
        answer("<d:Count>two</d:Count>"),
        answer("", attributes=' age="old"'),
    ],
    ids=["an impossible date", "a number in words", "an attribute of another kind"],
)
def test_a_value_that_cannot_be_converted_is_unreadable_and_not_none(service, body, caplog):
    with caplog.at_level(logging.DEBUG), pytest.raises(Unreadable, match="not a reply to Ask"):
        service.reply("Ask", body)
    assert caplog.records == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no xml at all",
        b"<html><body>busy</body></html>",
        b"<a/>",
        wrapped(""),
        wrapped("", namespace="urn:other"),
        wrapped('<d:Other xmlns:d="urn:depot"><d:Note>x</d:Note></d:Other>'),
        wrapped('<d:Answer xmlns:d="urn:else"/>'),
        answer("<d:Surprise/>"),
        wrapped('<d:Answer xmlns:d="urn:depot"/>', before='<!DOCTYPE e [<!ENTITY x "y">]>'),
        answer("<d:Note>&x;</d:Note>"),
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_reply_to_the_operation_is_unreadable(service, body):
    with pytest.raises(Unreadable):
        service.reply("Ask", body)


def test_a_reply_cut_anywhere_is_unreadable(service):
    whole = answer("<d:At>2026-11-03T14:30:00+01:00</d:At><d:Count>2</d:Count><d:Note>depot</d:Note>")
    for length in range(len(whole)):
        with pytest.raises(Unreadable):
            service.reply("Ask", whole[:length])


def test_an_external_file_is_never_read_through_an_entity(service, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("do not show")
    body = wrapped("<d/>", before=f'<!DOCTYPE e [<!ENTITY x SYSTEM "{secret.as_uri()}">]>')
    with pytest.raises(Unreadable, match="document type"):
        service.reply("Ask", body)


def test_a_wsdl_that_imports_from_the_network_is_refused_without_asking(tmp_path):
    reaching = described(tmp_path, extra='<x:import namespace="urn:n" schemaLocation="http://127.0.0.1:9/n.xsd"/>')
    with pytest.raises(Exception, match=r"127\.0\.0\.1") as refused:
        reaching.request("Ask", Number="A1")
    assert type(refused.value).__name__ == "ExternalReferenceForbidden"


def fault_11(code: str, text: str = "ticket 4711") -> bytes:
    return wrapped(f"<e:Fault><faultcode>{code}</faultcode><faultstring>{text}</faultstring></e:Fault>")


def fault_12(code: str, subcode: str = "") -> bytes:
    finer = f"<e:Subcode><e:Value>{subcode}</e:Value></e:Subcode>" if subcode else ""
    said = f"<e:Code><e:Value>{code}</e:Value>{finer}</e:Code><e:Reason><e:Text>ticket 4711</e:Text></e:Reason>"
    return wrapped(f"<e:Fault>{said}</e:Fault>", SOAP_12)


@pytest.mark.parametrize(
    ("body", "code", "meaning"),
    [
        (fault_11("e:Server"), "Server", Unavailable),
        (fault_11("e:Server.Busy"), "Server.Busy", Unavailable),
        (fault_11("e:Client"), "Client", Unreadable),
        (fault_11("wsse:FailedAuthentication"), "FailedAuthentication", Rejected),
        (fault_11("e:Client.InvalidSecurity"), "Client.InvalidSecurity", Rejected),
        (fault_12("e:Receiver"), "Receiver", Unavailable),
        (fault_12("e:Sender"), "Sender", Unreadable),
        (fault_12("e:Sender", "wsse:FailedAuthentication"), "FailedAuthentication", Rejected),
        (wrapped("<e:Fault/>"), "unnamed", Unreadable),
    ],
)
def test_a_fault_is_named_by_what_happens_next(body, code, meaning):
    with pytest.raises(SoapFault) as raised:
        envelope_of(body)
    assert raised.value.code == code
    assert type(raised.value.as_carrier_error()) is meaning


def test_a_fault_in_a_kept_reply_is_unreadable_and_does_not_repeat_the_carriers_words(service):
    with pytest.raises(Unreadable) as raised:
        service.reply("Ask", fault_11("e:Client", "password hunter2 is wrong"))
    assert str(raised.value) == "the carrier answered with the fault Client"
    assert raised.value.text == "password hunter2 is wrong"


def test_a_user_name_token_stands_in_the_security_header(service):
    body, _ = service.request("Ask", Number="A1")
    root = etree.fromstring(username_token("shop", "hunter2")(body))
    token = root.find(f"{{{SOAP_11}}}Header/{{{WSSE}}}Security/{{{WSSE}}}UsernameToken")
    assert token.findtext(f"{{{WSSE}}}Username") == "shop"
    assert token.findtext(f"{{{WSSE}}}Password") == "hunter2"
    assert root.findtext(".//{urn:depot}Number") == "A1"


def test_a_user_name_token_may_hold_a_digest_instead_of_the_password(service):
    body, _ = service.request("Ask", Number="A1")
    filled = username_token("shop", "hunter2", digest=True)(body)
    assert b"hunter2" not in filled
    token = etree.fromstring(filled).find(f".//{{{WSSE}}}UsernameToken")
    nonce = base64.b64decode(token.findtext(f"{{{WSSE}}}Nonce"))
    made = nonce + token.findtext(f"{{{WSU}}}Created").encode() + b"hunter2"
    expected = base64.b64encode(hashlib.sha1(made).digest()).decode()
    assert token.findtext(f"{{{WSSE}}}Password") == expected


def test_credentials_are_put_into_the_elements_left_empty_for_them(service):
    body, _ = service.request("Ask", Number="A1", Password="")
    filled = etree.fromstring(elements(Password="a<b")(body))
    assert filled.findtext(".//{urn:depot}Password") == "a<b"
    without = etree.fromstring(elements(Password="")(body))
    assert without.find(".//{urn:depot}Password") is None


def test_credentials_without_a_place_are_an_error_and_not_dropped(service):
    body, _ = service.request("Ask", Number="A1")
    with pytest.raises(ValueError, match="0 elements Password"):
        elements(Password="x")(body)


def test_many_threads_may_ask_at_once_from_the_first_moment(tmp_path):
    fresh = described(tmp_path)

    def turn(count: int) -> tuple[str | None, int]:
        body, _ = fresh.request("Ask", Number=str(count))
        said = fresh.reply("Ask", answer(f"<d:Count>{count}</d:Count>"))
        return etree.fromstring(body).findtext(".//{urn:depot}Number"), said.Count

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(turn, range(64))) == [(str(count), count) for count in range(64)]


FACTS = Facts.model_validate(
    {
        "code": "depot",
        "name": "Depot",
        "website": "https://depot.example",
        "clock": {"kind": "utc"},
        "api": {"production": "https://soap.example/track.asmx", "format": "soap"},
    }
)


async def asked(service: Service, status: int, body: bytes, content_type: str = "text/xml", auth=None):
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(status, content=body, headers={"content-type": content_type})

    async with HttpClient(FACTS, auth, transport=httpx.MockTransport(handler)) as client:
        return await service.ask(client, "Ask", Number="A1", Password=""), seen


async def test_asking_posts_the_envelope_and_hands_over_the_bytes_untouched(service):
    auth = Together(Basic("k", "p"), FilledBody(elements(Password="hunter2")))
    body = answer("<d:Count>1</d:Count>")
    got, (request,) = await asked(service, 200, body, auth=auth)
    assert got.body == body
    assert str(request.url) == "https://soap.example/track.asmx"
    assert request.headers["soapaction"] == '"urn:ask"'
    assert request.headers["content-length"] == str(len(request.content))
    assert etree.fromstring(request.content).findtext(".//{urn:depot}Password") == "hunter2"
    assert base64.b64decode(request.headers["authorization"].split()[1]) == b"k:p"


@pytest.mark.parametrize(
    ("status", "body", "content_type", "error"),
    [
        (200, b"<!DOCTYPE html><title>checking your browser</title>", "text/html; charset=utf-8", Unavailable),
        (200, b"\n<html>wait</html>", "application/octet-stream", Unavailable),
        (500, fault_11("e:Server"), "text/xml", Unavailable),
        (500, fault_11("e:Client"), "text/xml", Unreadable),
        (500, fault_11("wsse:FailedAuthentication"), "text/xml", Rejected),
        (200, fault_11("e:Server"), "text/xml", Unavailable),
        (400, fault_12("e:Sender"), "application/soap+xml", Unreadable),
        (500, b"oops", "text/plain", Unavailable),
        (401, b"", "text/plain", Rejected),
        (503, b"", "text/plain", Unavailable),
    ],
)
async def test_an_answer_that_is_none_says_what_happens_next(service, status, body, content_type, error):
    with pytest.raises(error):
        await asked(service, status, body, content_type)


async def test_a_strange_answer_with_status_200_is_handed_over_to_be_kept(service):
    got, _ = await asked(service, 200, b"half an envel")
    assert got.body == b"half an envel"
