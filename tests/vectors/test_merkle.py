"""Trees and proofs: our own vectors, made from the recursive definitions of RFC 6962."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from gateway.audit.log.merkle import (
    ProofError,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from gateway.audit.log.tiles import LogWriter
from gateway.audit.standalone import verify as standalone
from tests.support.judged import misjudged
from tests.vectors.generator.files import load

_VECTORS = load("merkle.json")
_ENTRIES = [bytes.fromhex(entry) for entry in _VECTORS["entries"]]
_HASHES = [leaf_hash(entry) for entry in _ENTRIES]


def _bytes(text: str) -> bytes:
    """Return a hash that is named by its span, or given in hexadecimal."""
    return bytes.fromhex(_VECTORS["hashes"].get(text, text))


def _inclusion(probe: Any) -> tuple[int, int, bytes, list[bytes], bytes]:
    proof = [_bytes(one) for one in probe["proof"]]
    return probe["index"], probe["size"], _bytes(probe["leaf"]), proof, _bytes(probe["root"])


def _consistency(probe: Any) -> tuple[int, int, list[bytes], bytes, bytes]:
    proof = [_bytes(one) for one in probe["proof"]]
    return probe["old_size"], probe["new_size"], proof, _bytes(probe["old_root"]), _bytes(probe["new_root"])


@pytest.mark.parametrize("size", range(len(_ENTRIES) + 1))
def test_root_of_each_size_is_the_definitions(size: int) -> None:
    """Of the list, of the writer, and of the verifier that rides in exports."""
    writer = LogWriter("log.example")
    for entry in _ENTRIES[:size]:
        writer.append(entry)
    roots = {tree_root(_HASHES[:size]).hex(), writer.root().hex(), standalone.root_over(_HASHES[:size]).hex()}
    assert roots == {_VECTORS["roots"][size]}


def test_inclusion_probes_are_judged_as_the_definition_judges_them() -> None:
    """Right proofs are accepted; those with a wrong number, size, leaf, root, hash, order or length are refused."""
    probes = _VECTORS["inclusion"]
    assert (len(probes), sum(probe["accept"] for probe in probes)) == (258, 11)
    cases = [(probe["what"], probe["accept"], partial(verify_inclusion, *_inclusion(probe))) for probe in probes]
    assert misjudged(cases, ProofError) == []


def test_consistency_probes_are_judged_as_the_definition_judges_them() -> None:
    """Right proofs are accepted; those with a wrong size, root, hash, order or length are refused."""
    probes = _VECTORS["consistency"]
    assert (len(probes), sum(probe["accept"] for probe in probes)) == (306, 18)
    cases = [(probe["what"], probe["accept"], partial(verify_consistency, *_consistency(probe))) for probe in probes]
    assert misjudged(cases, ProofError) == []


def test_proofs_that_we_make_are_those_of_the_vectors() -> None:
    """Hash for hash, for every right claim about the vectors' own tree."""
    made = [probe for probe in _VECTORS["inclusion"] if probe["what"] == f"leaf {probe['index']} of {probe['size']}"]
    small = [probe for probe in made if probe["size"] <= len(_ENTRIES)]
    assert len(small) == 7
    for probe in small:
        assert inclusion_proof(_HASHES[: probe["size"]], probe["index"]) == _inclusion(probe)[3], probe["what"]
    grown = [probe for probe in _VECTORS["consistency"] if probe["what"] == f"from {probe['old_size']} to {probe['new_size']}"]
    assert len(grown) == 7
    for probe in grown:
        assert consistency_proof(_HASHES[: probe["new_size"]], probe["old_size"]) == _consistency(probe)[2], probe["what"]
