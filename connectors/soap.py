"""SOAP as an encoding: envelopes out, replies in; the same client, auth, limits and kept bytes as for REST.

zeep writes and reads, from a small WSDL of our own beside the connector. What bites, and what is done about it here:

* zeep takes 0.4 s to import, so it is imported when the first envelope is needed; a WSDL is loaded once per process.
* A reply is parsed strictly, with no document type, entity or network. MTOM and attachments are not read.
* zeep turns a value it cannot convert into None and logs the value, perhaps a recipient's. Here it raises, so the
  reply is `Unreadable`. It also makes midnight of a bare day and False of any odd boolean: so let a WSDL of ours say
  `xs:string` for every date, time and flag that is read, and convert it in the connector.
* `client.settings(extra_http_headers=...)` leaks one task's headers into another, so it is never used: HTTP headers
  are returned beside the envelope.
* A carrier may add elements; a reply type of ours ends in `xs:any` where that must not hurt.
"""

from __future__ import annotations

import asyncio
import logging
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Any

from lxml import etree

from connectors.errors import CarrierError, Rejected, Unavailable, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from connectors.client import Answer, CarrierClient

SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
XSI = "http://www.w3.org/2001/XMLSchema-instance"

_REFUSED_CREDENTIALS = frozenset({"FailedAuthentication", "InvalidSecurity", "InvalidSecurityToken"})
"""Fault codes of WS-Security 1.1, section 12, that say the account is not let in."""

_THEIR_TROUBLE = frozenset({"Server", "Receiver"})
"""SOAP 1.1, 4.4.1, and SOAP 1.2, 5.4.6: the message was fine, the other side could not process it now."""

_ODD_SHAPES = (AssertionError, AttributeError, LookupError, TypeError, ValueError, ArithmeticError, RecursionError)
"""What zeep itself raises over a reply of another shape."""

_loading = Lock()


class SoapFault(Unreadable):
    """The carrier answered with a fault. Read from a kept payload it is an `Unreadable` like any other.

    `code` is the most specific fault code without its prefix, `text` the carrier's words. The words are no part of the
    exception's own text, because a fault may quote what was sent.
    """

    def __init__(self, code: str, text: str, kind: str) -> None:
        super().__init__(f"the carrier answered with the fault {code}")
        self.code = code
        self.text = text
        self.kind = kind

    def as_carrier_error(self) -> CarrierError:
        """Return what it means while asking: `Rejected`, `Unavailable`, or `Unreadable` where it blames our request."""
        if self.code.rpartition(".")[2] in _REFUSED_CREDENTIALS:
            return Rejected(str(self))
        if self.kind in _THEIR_TROUBLE:
            return Unavailable(str(self))
        return Unreadable(str(self))


class Service:
    """One SOAP service, described by a WSDL file. Stateless after loading; safe in any number of threads and tasks.

    Args:
        wsdl: a local file; its imports may be local files only.
        service: the name of the WSDL's service; by default the first.
        port: the name of the service's port; by default the first.
    """

    def __init__(self, wsdl: Path, *, service: str | None = None, port: str | None = None) -> None:
        self._wsdl = wsdl
        self._names = {"service_name": service, "port_name": port}
        self._client: Any = None
        self._lock = Lock()

    def request(
        self, operation: str, *, headers: Mapping[str, Any] | None = None, **arguments: Any
    ) -> tuple[bytes, dict[str, str]]:
        """Return an operation's envelope and the HTTP headers that belong to it.

        Args:
            operation: its name in the WSDL.
            headers: the SOAP headers the WSDL declares, by the name of their part.
            arguments: the body's elements; a dict for an element with children.

        Raises `ValueError` where the WSDL knows no such operation or the arguments do not fit it.
        """
        client = self._loaded()
        try:
            envelope = client.create_message(
                client.service, operation, _soapheaders=dict(headers) if headers else None, **arguments
            )
        except (_zeep("zeep.exceptions").Error, TypeError) as trouble:
            raise ValueError(f"{operation}: the arguments do not fit the WSDL: {type(trouble).__name__}") from None
        action = self._binding().get(operation).soapaction or ""
        if etree.QName(envelope).namespace == SOAP_12:
            kind = "application/soap+xml; charset=utf-8" + (f'; action="{action}"' if action else "")
            return _written(envelope), {"Content-Type": kind}
        return _written(envelope), {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{action}"'}

    async def ask(
        self,
        http: CarrierClient,
        operation: str,
        *,
        path: str = "",
        headers: Mapping[str, Any] | None = None,
        refusals: Collection[str] = (),
        **arguments: Any,
    ) -> Answer:
        """Ask, and hand over an answer that holds no fault. Only for questions: it may be tried again within the call.

        A fault comes with HTTP 500 (SOAP 1.1) or 400 (SOAP 1.2), so those are looked into. `refusals` are the
        carrier's own fault codes that say the account is not let in.

        Raises `Unavailable`, `Rejected`, `NotFound`, or `Unreadable` where the carrier finds our request wrong.
        """
        if self._client is None:
            await asyncio.to_thread(self._loaded)  # half a second that would stand in everybody's way here
        envelope, http_headers = self.request(operation, headers=headers, **arguments)
        answer = await http.post(path, content=envelope, headers=http_headers, expect=(200, 400, 500), repeatable=True)
        if is_web_page(answer):
            raise Unavailable("a web page came instead of an answer")
        try:
            envelope_of(answer.body)
        except SoapFault as fault:
            raise (Rejected(str(fault)) if fault.code in refusals else fault.as_carrier_error()) from None
        except Unreadable:
            if answer.status == 200:  # noqa: PLR2004 - HTTP's OK: kept as it is, and found unreadable where it is read
                return answer
            raise Unavailable(f"HTTP {answer.status} without a SOAP answer") from None
        return answer

    def reply(self, operation: str, body: bytes) -> Any:
        """Read an operation's reply: zeep's object of the body's element, or of its only child.

        Raises `SoapFault` for a fault and `Unreadable` for everything else that is not this operation's reply.
        """
        root = envelope_of(body)
        described = self._binding().get(operation)
        try:
            # zeep reads an envelope without the expected element as None, so that is looked for first.
            _expect_element(root, described.output.body.qname)
            return described.process_reply(root)
        except (_zeep("zeep.exceptions").Error, *_ODD_SHAPES) as trouble:
            raise Unreadable(f"the answer is not a reply to {operation}: {type(trouble).__name__}") from None

    def _binding(self) -> Any:
        client = self._loaded()
        return client.service._binding  # noqa: SLF001 - zeep keeps the binding of a port nowhere else

    def _loaded(self) -> Any:
        if self._client is None:
            with self._lock:
                if self._client is None:
                    self._client = _load(self._wsdl, self._names)
        return self._client


def _load(wsdl: Path, names: Mapping[str, str | None]) -> Any:
    with _loading:  # two first uses in two threads must not meet inside zeep's own imports and caches
        zeep = _zeep("zeep")
        _zeep("zeep.xsd.types.simple").AnySimpleType.parse_xmlelement = _converted
        _zeep("zeep.xsd.elements.attribute").Attribute.parse = _converted_attribute
        logging.getLogger("zeep").setLevel(logging.ERROR)  # its debug log holds whole messages
        settings = zeep.Settings(
            strict=True, forbid_dtd=True, forbid_entities=True, forbid_external=True, xml_huge_tree=False
        )
        client: Any = zeep.Client(str(wsdl), settings=settings, **names)
        if client.service is None:  # asking binds it, so that no two threads bind it at once
            raise ValueError(f"{wsdl.name} describes no service")
        return client


def _zeep(module: str) -> Any:
    """Import a part of zeep when it is needed: 0.4 s, paid by the first envelope or reply."""
    return import_module(module)


def _converted(self: Any, xmlelement: Any, *_: Any, **__: Any) -> Any:
    """Convert a simple value or raise, where zeep's own method says None and logs the value."""
    return None if xmlelement.text is None else self.pythonvalue(xmlelement.text)


def _converted_attribute(self: Any, value: str) -> Any:
    return self.type.pythonvalue(value)


def _parsed(body: bytes) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as trouble:
        raise Unreadable(f"the body is not XML: {type(trouble).__name__}") from None
    if root.getroottree().docinfo.doctype:
        raise Unreadable("the body carries a document type, which SOAP forbids")
    return root


def envelope_of(body: bytes) -> etree._Element:
    """Return a reply's envelope. Raises `SoapFault` for a fault, `Unreadable` where a SOAP body with content lacks."""
    root = _parsed(body)
    name = etree.QName(root)
    if name.localname != "Envelope" or name.namespace not in (SOAP_11, SOAP_12):
        raise Unreadable("the body is no SOAP envelope")
    content = root.find(f"{{{name.namespace}}}Body")
    if content is None or not len(content):
        raise Unreadable("the SOAP envelope has no body")
    fault = content.find(f"{{{name.namespace}}}Fault")
    if fault is not None:
        raise _fault(fault, name.namespace)
    return root


def _expect_element(root: etree._Element, expected: etree.QName) -> None:
    first = root.find(f"{{{etree.QName(root).namespace}}}Body")
    if first is None or etree.QName(first[0]) != expected:
        raise ValueError("another element stands in the body")


def _fault(fault: etree._Element, namespace: str) -> SoapFault:
    if namespace == SOAP_11:
        code = _local(fault.findtext("{*}faultcode"))
        return SoapFault(code, (fault.findtext("{*}faultstring") or "").strip(), code.split(".")[0])
    values = [_local(value.text) for value in fault.iterfind(".//{*}Value")]
    kind = values[0] if values else "unnamed"
    return SoapFault(values[-1] if values else kind, (fault.findtext("{*}Reason/{*}Text") or "").strip(), kind)


def _local(name: str | None) -> str:
    return (name or "").strip().rpartition(":")[2] or "unnamed"


def is_web_page(answer: Answer) -> bool:
    """Say whether an answer is HTML: a firewall or a gateway spoke, not the service."""
    if answer.headers.get("content-type", "").startswith("text/html"):
        return True
    start = answer.body[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html"))


def username_token(username: str, password: str, *, digest: bool = False) -> Callable[[bytes], bytes]:
    """Return how a WS-Security UsernameToken is put into an envelope, for `connectors.auth.FilledBody`."""

    def fill(body: bytes) -> bytes:
        token = _zeep("zeep.wsse.username").UsernameToken(username, password, use_digest=digest)
        envelope, _ = token.apply(_parsed(body), {})
        return _written(envelope)

    return fill


def elements(**values: str) -> Callable[[bytes], bytes]:
    """Return how credentials are put into the elements of an envelope, for `connectors.auth.FilledBody`.

    The connector writes each element empty; the element of that local name gets the value, and goes where the value is
    empty. Raises `ValueError` unless there is exactly one such element.
    """

    def fill(body: bytes) -> bytes:
        root = _parsed(body)
        for name, value in values.items():
            found = list(root.iter(f"{{*}}{name}"))
            if len(found) != 1:
                raise ValueError(f"the envelope has {len(found)} elements {name}, expected one")
            parent = found[0].getparent()
            if not value and parent is not None:
                parent.remove(found[0])
            else:
                found[0].attrib.pop(f"{{{XSI}}}nil", None)
                found[0].text = value
        return _written(root)

    return fill


def _written(envelope: etree._Element) -> bytes:
    written: bytes = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
    return written
