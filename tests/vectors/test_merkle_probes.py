"""The official inclusion and consistency probes, each accepted or refused as it says."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.log.merkle import ProofError, leaf_hash, node_hash, tree_root, verify_consistency, verify_inclusion
from tests.data import shared_path

_TESTDATA = "vectors/merkle/testdata"
_LENIENT = "consistency/additional/sizes-are-equal-one-and-proof-is-empty.json"


def _probes(kind: str) -> list[Any]:
    """Return the probes' names as parameters; one that stands for their absence when there are none."""
    base = Path(os.environ.get("SLUICE_TEST_DATA", Path(__file__).resolve().parents[2].parent / "shared")) / _TESTDATA
    names = sorted(str(path.relative_to(base)) for path in (base / kind).rglob("*.json"))
    reason = "expects success over roots that are not 32 bytes long, which we refuse"
    marks = pytest.mark.xfail(raises=ProofError, strict=True, reason=reason)
    return [pytest.param(name, marks=marks) if name == _LENIENT else name for name in names] or ["absent"]


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)


def _load(name: str) -> Any:
    return json.loads((shared_path(_TESTDATA) / name).read_text())


def test_probes_are_all_there() -> None:
    """98 of each kind."""
    base = shared_path(_TESTDATA)
    assert [len(list((base / kind).rglob("*.json"))) for kind in ("inclusion", "consistency")] == [98, 98]


@pytest.mark.parametrize("name", _probes("inclusion"))
def test_inclusion_probe_is_judged_as_it_says(name: str) -> None:
    """Right proofs are accepted, all others refused."""
    probe = _load(name)
    proof = [_bytes(one) for one in probe["proof"] or ()]
    claim = (probe["leafIdx"], probe["treeSize"], _bytes(probe["leafHash"]), proof, _bytes(probe["root"]))
    if probe["wantErr"]:
        with pytest.raises(ProofError):
            verify_inclusion(*claim)
    else:
        verify_inclusion(*claim)


@pytest.mark.parametrize("name", _probes("consistency"))
def test_consistency_probe_is_judged_as_it_says(name: str) -> None:
    """Right proofs are accepted, all others refused."""
    probe = _load(name)
    proof = [_bytes(one) for one in probe["proof"] or ()]
    claim = (probe["size1"], probe["size2"], proof, _bytes(probe["root1"]), _bytes(probe["root2"]))
    if probe["wantErr"]:
        with pytest.raises(ProofError):
            verify_consistency(*claim)
    else:
        verify_consistency(*claim)


def test_reference_tree_of_the_rfc_has_its_roots_and_hashes() -> None:
    """Eight leaves, nine roots, one leaf and one node."""
    reference = json.loads(shared_path("vectors/rfc6962-reference-tree.json").read_text())
    hashes = [leaf_hash(bytes.fromhex(leaf)) for leaf in reference["leaves_hex"]]
    assert [tree_root(hashes[:size]).hex() for size in range(9)] == reference["roots_hex"]
    leaf, node = reference["hash_vectors"]["leaf"], reference["hash_vectors"]["node"]
    assert leaf_hash(leaf["data_utf8"].encode()).hex() == leaf["hash"]
    assert node_hash(node["left_utf8"].encode(), node["right_utf8"].encode()).hex() == node["hash"]
