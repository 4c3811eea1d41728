"""The OpenAPI document is valid, whole and readable without a network."""

import re
from html.parser import HTMLParser

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway.api import CALLS, docs, openapi
from gateway.api.problems import KINDS
from webhooks.matching import TYPES


@pytest.fixture(scope="module")
def document():
    return openapi.build(CALLS)


def test_the_document_is_valid_openapi_3_1(document):
    assert document["openapi"] == "3.1.0"
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_every_call_stands_in_it_with_its_roles_and_problems(document):
    for call in CALLS:
        operation = document["paths"][call.path][call.method.lower()]
        for role in call.roles:
            assert role in operation["description"]
        expected = {str(status) for status in call.answers} | {"401", "403", "429", "500"}
        expected |= {str(KINDS[name].status) for name in call.problems}
        assert expected <= set(operation["responses"])
    ids = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(ids) == len(set(ids))


def test_every_outgoing_type_is_a_webhook(document):
    assert set(document["webhooks"]) == TYPES


def test_nothing_in_the_components_is_unused_or_missing(document):
    text = repr(document)
    for name in document["components"]["schemas"]:
        assert f"'#/components/schemas/{name}'" in text, name
    for name in re.findall(r"#/components/schemas/(\w+)", text):
        assert name in document["components"]["schemas"]


def test_who_sees_a_field_stands_beside_it(document):
    fields = document["components"]["schemas"]["Shipment"]["properties"]
    assert fields["recipient"]["x-visible-to"] == ["merchant", "support", "proven"]
    assert "storefront" in fields["status"]["x-visible-to"]


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        given = dict(attrs)
        self.ids.update({given["id"]} if "id" in given else set())
        self.links.update({given["href"]} if "href" in given else set())


def test_the_page_needs_no_script_and_no_network_and_its_links_lead_somewhere(document):
    page = _Page()
    page.feed(docs.page(document))
    assert not page.tags & {"script", "img", "iframe", "link", "object"}
    assert not any(name.startswith("on") or name in {"src", "style"} for name in page.attributes)
    inside = {link[1:] for link in page.links if link.startswith("#")}
    assert inside <= page.ids
    assert {link for link in page.links if not link.startswith("#")} == {"/openapi.json", "/console"}
    assert set(KINDS) <= page.ids
    for call in CALLS:
        assert call.path in docs.page(document)


def test_every_problem_type_leads_to_its_page():
    for name, kind in KINDS.items():
        page = docs.problem_page(name)
        assert page is not None
        assert kind.title.split(",")[0].replace("'", "&#x27;") in page
        assert kind.uri == f"/problems/{name}"
    assert docs.problem_page("nonsense") is None
