"""Receipts are linked data: two independent JSON-LD programs read the same graph from them, in terms that exist.

Which terms exist stands in ``dpv_terms``; our own are defined in `docs/vocabulary.jsonld`. Nothing is fetched: the one program
has a loader that refuses to, and the context of a receipt names no other.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any, NoReturn

import pytest
from pyld import jsonld  # type: ignore[import-untyped]  # the package has no annotations
from rdflib import DCTERMS, RDF, RDFS, SKOS, Graph, Namespace, URIRef
from rdflib.compare import isomorphic
from rdflib.term import Node

from consent.core.consents.records import Status
from consent.core.disclosure import Identity, Space, Time
from consent.core.policies.policy import Statistic
from consent.core.receipts.canonical_json import Json, write_receipt
from consent.core.receipts.record import STATUS_TYPES
from consent.core.receipts.terms import CONTEXT, VERSIONS
from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies
from tests.support.receipt_samples import CASES
from tests.unit.consent.core.receipts.dpv_terms import IRIS, NAMESPACES, PURPOSES, TERMS

VOCABULARY = ROOT / "docs" / "vocabulary.jsonld"
DPV = Namespace(NAMESPACES["dpv"])
OURS = Namespace("urn:sluice:vocab:")
FORMS = {URIRef(OURS[version.removeprefix("sluice:")]) for version in VERSIONS}
KEYWORDS = {"@context", "@id", "@type", "included"}
WHOLE = [case for case in CASES if case != "policies unknown"]


def refuse(url: str, options: object) -> NoReturn:
    """Load nothing."""
    raise AssertionError(f"{url} would be fetched: {options}")


def expanded(document: Json) -> list[Any]:
    """Return a document without its context, every term written out."""
    found: list[Any] = jsonld.expand(document, {"documentLoader": refuse})
    return found


def graph_of(document: Json) -> Graph:
    """Return a document as a graph."""
    graph = Graph()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the parser uses a class that its own package calls deprecated
        graph.parse(data=json.dumps(document), format="json-ld")
    return graph


@cache
def graph_in(case: str) -> Graph:
    """Return the graph of a receipt."""
    return graph_of(CASES[case])


def keys(value: Any) -> Iterator[str]:
    """Go through the keys of all objects, but for the languages of texts."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield key
            if key not in ("title", "description"):
                yield from keys(below)
    elif isinstance(value, list):
        for below in value:
            yield from keys(below)


def values(value: Any) -> int:
    """Count the values that hold no others."""
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 1 if below is None else sum(values(each) for each in below)


def nodes(value: Any) -> Iterator[Json]:
    """Go through all objects of an expanded document."""
    if isinstance(value, dict):
        yield value
    for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(below)


def one(graph: Graph, subject: Node | None, predicate: Node) -> Node:
    """Return the one value of a property."""
    (found,) = graph.objects(subject, predicate)
    return found


def iris(graph: Graph) -> set[str]:
    """Return all names in a graph, those of datatypes aside."""
    return {str(term) for triple in graph for term in triple if isinstance(term, URIRef)}


@pytest.mark.parametrize("case", CASES)
def test_every_key_is_a_term_and_none_is_dropped(case: str) -> None:
    """Each maps to an absolute name, and as many values come out as went in."""
    receipt = CASES[case]
    body = {key: value for key, value in receipt.items() if key != "@context"}
    assert set(keys(body)) <= CONTEXT.keys() | KEYWORDS
    found = expanded(receipt)
    for node in nodes(found):
        assert all(key.startswith("@") or ":" in key for key in node)
        assert ":" in node.get("@id", ":")
        assert all(":" in kind for kind in [node.get("@type", ":")] for kind in ([kind] if isinstance(kind, str) else kind))
    plain = [node for node in nodes(found) if "@value" in node]
    extra = sum(("@type" in node) + ("@language" in node) for node in plain)
    assert values(found) - extra == values(body)


@pytest.mark.parametrize("case", CASES)
def test_compacting_gives_the_receipt_back(case: str) -> None:
    """Reading a receipt as linked data and writing it again loses nothing."""
    again = jsonld.compact(expanded(CASES[case]), CONTEXT, {"documentLoader": refuse})
    assert _loose(again) == _loose(CASES[case])


def _loose(value: Any) -> Any:
    """Return a value with lists of one written as that one."""
    if isinstance(value, dict):
        return {key: _loose(below) for key, below in value.items()}
    if isinstance(value, list):
        return _loose(value[0]) if len(value) == 1 else [_loose(below) for below in value]
    return value


@pytest.mark.parametrize("case", CASES)
def test_two_programs_read_the_same_graph(case: str) -> None:
    """`pyld` and `rdflib` agree on every triple."""
    quads = jsonld.to_rdf(CASES[case], {"format": "application/n-quads", "documentLoader": refuse})
    other = Graph()
    other.parse(data=quads, format="nt")
    assert len(graph_in(case)) > 100
    assert isomorphic(graph_in(case), other)


@pytest.mark.parametrize("case", CASES)
def test_dpv_terms_exist(case: str) -> None:
    """Every name in the namespaces of the Data Privacy Vocabulary is on the checked list."""
    used = {iri for iri in iris(graph_in(case)) if "w3id.org" in iri}
    assert used <= IRIS


def test_list_of_terms_holds_no_other() -> None:
    """What no receipt uses any more leaves the list, too."""
    used = {iri for graph in [*map(graph_in, CASES), graph_of(_vocabulary())] for iri in iris(graph)}
    assert {iri for iri in IRIS if iri not in used} <= {str(DPV[purpose]) for purpose in PURPOSES.split()}


def test_prefixes_are_those_of_the_list() -> None:
    """A namespace has one spelling in receipts and in the list."""
    assert {prefix: CONTEXT[prefix] for prefix in NAMESPACES} == NAMESPACES


def test_shipped_policies_name_purposes_that_exist() -> None:
    """What they call a DPV purpose is one."""
    assert {purpose.dpv for purpose in load_policies(ROOT / "policies").purposes.values()} <= set(PURPOSES.split())


def test_status_types_are_dpv_terms_for_all_but_paused() -> None:
    """And whoever does not know ours reads that it is not valid for processing."""
    known = set(TERMS["dpv"].split())
    for status, kinds in STATUS_TYPES.items():
        own = [kind for kind in kinds if not kind.startswith("dpv:")]
        assert own == (["sluice:ConsentPaused"] if status is Status.PAUSED else [])
        assert all(kind.removeprefix("dpv:") in known for kind in kinds if kind not in own)


# --- ISO/IEC TS 27560 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", WHOLE)
def test_mandatory_fields_of_the_record_are_there(case: str) -> None:
    """Header, processing, parties and event, by the field table of the DPV guide to ISO/IEC TS 27560:2023."""
    graph = graph_in(case)
    (record,) = graph.subjects(RDF.type, DPV.ConsentRecord)
    assert str(one(graph, record, DCTERMS.conformsTo)).startswith(NAMESPACES["dpv-27560"] + "record")
    for field in (DPV.hasIdentifier, DPV.hasJurisdiction, DPV.hasDataController, DPV.hasDataSubject):
        assert str(one(graph, record, field))
    notice = one(graph, record, DPV.hasNotice)
    assert {str(language) for language in graph.objects(notice, DCTERMS.language)} == {"en", "pt"}
    control = one(graph, record, DPV.hasConsentControl)
    assert (control, RDF.type, DPV.WithdrawConsent) in graph
    assert str(one(graph, control, DPV.isExercisedAt))
    assert len(list(graph.objects(record, DPV.hasRight))) >= 5
    assert list(graph.objects(record, DPV.hasProcess))


@pytest.mark.parametrize("case", WHOLE)
def test_mandatory_fields_of_each_process_are_there(case: str) -> None:
    """Purpose with its kind, PII type, legal basis, recipient, storage place and retention."""
    graph = graph_in(case)
    for process in graph.objects(None, DPV.hasProcess):
        purpose, recipient = one(graph, process, DPV.hasPurpose), one(graph, process, DPV.hasRecipient)
        assert str(one(graph, purpose, SKOS.broader))
        assert len(list(graph.objects(recipient, DCTERMS.title))) == 2
        assert DPV.ExpressedConsent in set(graph.objects(process, DPV.hasLegalBasis))
        for data in graph.objects(process, DPV.hasPersonalData):
            assert str(one(graph, data, SKOS.broader) in (DPV.ObservedPersonalData, DPV.DerivedPersonalData))
        conditions = {one(graph, each, RDF.type): each for each in graph.objects(process, DPV.hasStorageCondition)}
        assert str(one(graph, one(graph, conditions[DPV.StorageLocation], DPV.hasLocation), RDFS.label))
        retention = one(graph, one(graph, conditions[DPV.StorageDuration], DPV.hasDuration), RDF.value)
        assert str(retention).startswith("P")


@pytest.mark.parametrize("case", WHOLE)
def test_mandatory_fields_of_party_and_event_are_there(case: str) -> None:
    """Of the controller all that it takes to find it, of the event who, when, how and until when."""
    graph = graph_in(case)
    controller = one(graph, None, DPV.hasDataController)
    assert (controller, RDF.type, DPV.DataController) in graph
    for field in (DPV.hasIdentifier, DPV.hasName, DPV.hasAddress, DPV.hasContact, DPV.hasDataProtectionOfficer):
        assert str(one(graph, controller, field))
    event = one(graph, None, DPV.hasConsentStatus)
    for field in (DPV.isIndicatedAtTime, DPV.isIndicatedBy, DPV.hasIndicationMethod):
        assert str(one(graph, event, field))
    assert str(one(graph, one(graph, event, DPV.hasDuration), RDF.value))


@pytest.mark.parametrize("case", WHOLE)
def test_mandatory_fields_of_the_receipt_are_there(case: str) -> None:
    """Its schema, identifier, time, publisher, and the one record that it wraps."""
    graph = graph_in(case)
    (receipt,) = graph.subjects(RDF.type, DPV.ConsentReceipt)
    schemas = {str(schema) for schema in graph.objects(receipt, DCTERMS.conformsTo)}
    assert str(OURS["receipt-v4"]) in schemas
    assert any(schema.startswith(NAMESPACES["dpv-27560"] + "receipt") for schema in schemas)
    for field in (DPV.hasIdentifier, DCTERMS.created, DCTERMS.publisher, DPV.hasRecordOfActivity):
        assert str(one(graph, receipt, field))


def test_processes_of_several_flows_stay_apart() -> None:
    """The guide's own samples repeat a key, and lose all but the last of them."""
    assert len(set(graph_in("Given").objects(None, DPV.hasProcess))) == 3
    assert write_receipt(CASES["Given"]).count(b'"hasProcess": [') == 1


# --- Our own vocabulary -----------------------------------------------------------------------------------------------


def _vocabulary() -> Json:
    found: Json = json.loads(VOCABULARY.read_text())
    return found


def test_own_terms_are_defined() -> None:
    """Every one that a receipt uses or could use."""
    defined = {str(subject) for subject in graph_of(_vocabulary()).subjects()}
    used = {iri for graph in map(graph_in, CASES) for iri in iris(graph) if iri.startswith(OURS)}
    levels = {f"{axis}-{level.label}" for axis in ("identity", "time", "space") for level in _levels(axis)}
    statistics = {f"statistic-{statistic}" for statistic in Statistic}
    in_context = [term["@id"] if isinstance(term, dict) else term for term in CONTEXT.values()]
    own = {term.removeprefix("sluice:") for term in in_context if term.startswith("sluice:")}
    assert used | {str(OURS[term]) for term in levels | statistics | own} <= defined


def _levels(axis: str) -> list[Identity | Time | Space]:
    kinds: dict[str, type[Identity | Time | Space]] = {"identity": Identity, "time": Time, "space": Space}
    return list(kinds[axis])


@pytest.mark.parametrize("axis", ["identity", "time", "space"])
def test_levels_are_ordered_as_the_lattice_orders_them(axis: str) -> None:
    """Each names the next one, which reveals more."""
    graph = graph_of(_vocabulary())
    names = [OURS[f"{axis}-{level.label}"] for level in sorted(_levels(axis))]
    assert [(less, more) for less, more in pairwise(names) if (less, OURS.revealsLessThan, more) not in graph] == []
    assert not list(graph.objects(names[-1], OURS.revealsLessThan))


def test_definitions_are_whole_and_name_only_terms_that_exist() -> None:
    """Each thing says what it means, in the file and in the page beside it; what it comes under is DPV's or ours."""
    graph = graph_of(_vocabulary())
    page = (ROOT / "docs" / "vocabulary.md").read_text()
    for subject in set(graph.subjects()):
        means = [*graph.objects(subject, SKOS.definition), *graph.objects(subject, DCTERMS.description)]
        assert len(means) == 1, subject
        if (subject, RDF.type, SKOS.ConceptScheme) not in graph:
            assert f"`{str(subject).removeprefix(OURS)}`" in page, subject
        if (subject, RDF.type, SKOS.ConceptScheme) not in graph and subject not in FORMS:
            assert str(means[0]) in page, subject
    named = {str(term) for term in graph.objects(None, SKOS.broader)} | {str(term) for term in graph.objects(None, RDFS.domain)}
    named |= {str(term) for term in graph.objects(None, RDFS.range) if "XMLSchema" not in str(term)}
    assert named <= IRIS | {str(subject) for subject in graph.subjects()} | {str(SKOS.Concept), str(RDFS.Resource)}


def test_vocabulary_is_linked_data_by_itself() -> None:
    """It fetches nothing and drops nothing, either."""
    found = expanded(_vocabulary())
    assert all(key.startswith("@") or ":" in key for node in nodes(found) for key in node)
    assert set(keys(_vocabulary()["graph"])) <= _vocabulary()["@context"].keys() | KEYWORDS
