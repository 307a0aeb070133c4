"""Makes ``merkle.json``: roots of small trees, right proofs, and each of them made wrong as a forger or a fault would.

What a changed claim is worth is not assumed but judged by the recursive definition: the size that a proof was made for is bound
by its shape alone, so some changed sizes still hold, and the vectors say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from tests.vectors.generator.rfc6962 import Tree, node, path, proves_consistency, proves_inclusion, split, subproof

ENTRIES = [b"", b"\x00", b"\x01", *(b"entry %d" % n for n in range(3, 21))]
_TREE = Tree(ENTRIES)
_SPANS = {_TREE.hash(start, end): f"{start}:{end}" for start in range(21) for end in range(start + 1, 22)}
_GARBAGE = sha256(b"garbage").digest()
_INCLUDED = [(0, 1), (1, 2), (2, 3), (5, 8), (6, 7), (9, 13), (20, 21)]
_GROWN = [(1, 2), (2, 3), (3, 7), (4, 8), (7, 8), (8, 13), (12, 21)]
_LARGE = [(23_456_789, 40_000_001), (40_000_000, 40_000_001)]


@dataclass(frozen=True)
class Inclusion:
    """A claim that a leaf is in a tree."""

    index: int
    size: int
    leaf: bytes
    proof: tuple[bytes, ...]
    root: bytes

    def probe(self, what: str) -> dict[str, Any]:
        """Return it as the file holds it, judged."""
        right = proves_inclusion(self.index, self.size, self.leaf, self.proof, self.root)
        return {
            "what": what,
            "accept": right,
            "index": self.index,
            "size": self.size,
            "leaf": _name(self.leaf),
            "proof": [_name(one) for one in self.proof],
            "root": _name(self.root),
        }


@dataclass(frozen=True)
class Consistency:
    """A claim that one tree begins with another."""

    old_size: int
    new_size: int
    proof: tuple[bytes, ...]
    old_root: bytes
    new_root: bytes

    def probe(self, what: str) -> dict[str, Any]:
        """Return it as the file holds it, judged."""
        right = proves_consistency(self.old_size, self.new_size, self.proof, self.old_root, self.new_root)
        return {
            "what": what,
            "accept": right,
            "old_size": self.old_size,
            "new_size": self.new_size,
            "proof": [_name(one) for one in self.proof],
            "old_root": _name(self.old_root),
            "new_root": _name(self.new_root),
        }


def values() -> dict[str, Any]:
    """Return the entries, the hashes of all subtrees that probes name by their span, the roots by size, and the probes."""
    inclusion = [probe for claim in _inclusions() for probe in _distinct(_inclusion_probes(claim))]
    inclusion += _large_probes()
    consistency = [probe for claim in _consistencies() for probe in _distinct(_consistency_probes(claim))]
    consistency += [claim.probe(what) for what, claim in _odd_consistencies()]
    used = {text for probe in (*inclusion, *consistency) for text in _texts(probe)}
    return {
        "entries": [entry.hex() for entry in ENTRIES],
        "roots": [_TREE.hash(0, size).hex() for size in range(len(ENTRIES) + 1)],
        "hashes": {span: hash_.hex() for hash_, span in _SPANS.items() if span in used},
        "inclusion": inclusion,
        "consistency": consistency,
    }


def _name(hash_: bytes) -> str:
    """Return the span of a subtree of the tree, or the bytes in hexadecimal."""
    return _SPANS.get(hash_, hash_.hex())


def _texts(probe: dict[str, Any]) -> Iterator[str]:
    for value in probe.values():
        yield from value if isinstance(value, list) else [value] if isinstance(value, str) else []


def _distinct(probes: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield each claim once, under the first of its descriptions."""
    seen = []
    for probe in probes:
        claim = {key: value for key, value in probe.items() if key != "what"}
        if claim not in seen:
            seen.append(claim)
            yield probe


def _inclusions() -> Iterator[Inclusion]:
    for index, size in _INCLUDED:
        proof = tuple(_TREE.hash(*span) for span in path(index, 0, size))
        yield Inclusion(index, size, _TREE.leaves[index], proof, _TREE.hash(0, size))


def _large_probes() -> Iterator[dict[str, Any]]:
    """Yield leaves among millions; the rest of such a tree is not needed, its subtrees' roots being whatever they are."""
    leaf = _TREE.leaves[3]
    for index, size in _LARGE:
        siblings = tuple(sha256(b"subtree %d:%d" % span).digest() for span in path(index, 0, size))
        right = Inclusion(index, size, leaf, siblings, _climb(index, size, leaf, siblings))
        yield right.probe(f"leaf {index} of {size}")
        yield replace(right, index=index - 1).probe(f"leaf {index} of {size}, said to be the one before")
        yield replace(right, leaf=_TREE.leaves[4]).probe(f"leaf {index} of {size}, another entry's leaf")
        yield replace(right, size=size // 2).probe(f"leaf {index} of {size}, the tree said to have half")
        yield replace(right, proof=siblings[:-1]).probe(f"leaf {index} of {size}, the last hash left out")


def _climb(m: int, n: int, hash_: bytes, siblings: Sequence[bytes]) -> bytes:
    """Return the root that a path leads to."""
    if n == 1:
        return hash_
    k = split(n)
    if m < k:
        return node(_climb(m, k, hash_, siblings[:-1]), siblings[-1])
    return node(siblings[-1], _climb(m - k, n - k, hash_, siblings[:-1]))


def _inclusion_probes(right: Inclusion) -> Iterator[dict[str, Any]]:
    where = f"leaf {right.index} of {right.size}"
    yield right.probe(where)
    index, size = right.index, right.size
    for number in (index - 1, index + 1, index ^ 2, size, -1):
        yield replace(right, index=number).probe(f"{where}, said to be leaf {number}")
    for number in (size - 1, size + 1, size * 2, size // 2, 0, -size):
        yield replace(right, size=number).probe(f"{where}, the tree said to have {number}")
    leaves = {
        "another entry's leaf": _TREE.leaves[(index + 1) % 21],
        "the entry's hash without the leaf's prefix": sha256(ENTRIES[index % 21]).digest(),
        "the root as leaf": right.root,
        "a leaf of no bytes": b"",
        "a leaf of 31 bytes": right.leaf[:31],
    }
    for what, hash_ in leaves.items():
        yield replace(right, leaf=hash_).probe(f"{where}, {what}")
    for what, hash_ in _wrong_roots(right.root).items():
        yield replace(right, root=hash_).probe(f"{where}, {what}")
    for what, proof in _wrong_proofs(right.proof, right.root):
        yield replace(right, proof=proof).probe(f"{where}, {what}")
    yield replace(right, leaf=b"", root=b"", proof=()).probe(f"{where}, leaf and root of no bytes, no proof")


def _wrong_roots(root: bytes) -> dict[str, bytes]:
    return {
        "the empty tree's root": sha256(b"").digest(),
        "a root of no bytes": b"",
        "a root of 31 bytes": root[:31],
        "a root of 33 bytes": root + b"\x00",
        "a root with a bit turned": _turned(root, 31, 0),
    }


def _wrong_proofs(proof: tuple[bytes, ...], root: bytes) -> Iterator[tuple[str, tuple[bytes, ...]]]:
    """Yield a proof made wrong at each of its hashes, at its ends and as a whole."""
    for at, one in enumerate(proof):
        before, after = proof[:at], proof[at + 1 :]
        yield f"hash {at} with a bit turned", (*before, _turned(one, at, at), *after)
        yield f"hash {at} left out", before + after
        yield f"hash {at} twice", (*before, one, one, *after)
        yield f"hash {at} of no bytes", (*before, b"", *after)
    if proof:
        yield "the first hash cut to 31 bytes", (proof[0][:31], *proof[1:])
    yield "garbage before the proof", (_GARBAGE, *proof)
    yield "garbage behind the proof", (*proof, _GARBAGE)
    yield "the root before the proof", (root, *proof)
    yield "the root behind the proof", (*proof, root)
    yield "no proof", ()
    yield "the proof backwards", proof[::-1]
    if len(proof) > 1:
        yield "two hashes joined as one", (proof[0] + proof[1], *proof[2:])
        yield "the first two hashes exchanged", (proof[1], proof[0], *proof[2:])


def _turned(hash_: bytes, byte: int, bit: int) -> bytes:
    return hash_[:byte] + bytes((hash_[byte] ^ (1 << bit),)) + hash_[byte + 1 :]


def _consistencies() -> Iterator[Consistency]:
    for old, new in _GROWN:
        proof = tuple(_TREE.hash(*span) for span in subproof(old, 0, new))
        yield Consistency(old, new, proof, _TREE.hash(0, old), _TREE.hash(0, new))


def _consistency_probes(right: Consistency) -> Iterator[dict[str, Any]]:
    old, new = right.old_size, right.new_size
    where = f"from {old} to {new}"
    yield right.probe(where)
    for number in (old - 1, old + 1, old ^ 2, 0, -old):
        yield replace(right, old_size=number).probe(f"{where}, the old tree said to have {number}")
    for number in (new - 1, new + 1, new * 2, new // 2, old):
        yield replace(right, new_size=number).probe(f"{where}, the new tree said to have {number}")
    yield replace(right, old_size=new, new_size=old).probe(f"{where}, sizes exchanged")
    yield replace(right, old_root=right.new_root, new_root=right.old_root).probe(f"{where}, roots exchanged")
    yield replace(right, old_root=right.new_root).probe(f"{where}, the new root twice")
    yield replace(right, new_root=right.old_root).probe(f"{where}, the old root twice")
    for what, hash_ in _wrong_roots(right.old_root).items():
        yield replace(right, old_root=hash_).probe(f"{where}, old: {what}")
    for what, hash_ in _wrong_roots(right.new_root).items():
        yield replace(right, new_root=hash_).probe(f"{where}, new: {what}")
    for what, proof in _wrong_proofs(right.proof, right.new_root):
        yield replace(right, proof=proof).probe(f"{where}, {what}")
    yield replace(right, proof=(right.old_root, *right.proof)).probe(f"{where}, the old root before the proof")
    yield replace(right, proof=(*right.proof, right.old_root)).probe(f"{where}, the old root behind the proof")


def _odd_consistencies() -> Iterator[tuple[str, Consistency]]:
    """Yield trees of one size, of none, and of fewer than none."""
    empty, one, eight = (_TREE.hash(0, size) for size in (0, 1, 8))
    yield "the empty tree to itself", Consistency(0, 0, (), empty, empty)
    yield "the empty tree to itself, with a proof", Consistency(0, 0, (_GARBAGE,), empty, empty)
    yield "the empty tree to another of no size", Consistency(0, 0, (), empty, one)
    yield "the empty tree to a larger one", Consistency(0, 8, (), empty, eight)
    yield "the empty tree to a larger one, with its root as proof", Consistency(0, 8, (eight,), empty, eight)
    yield "a tree of one to itself", Consistency(1, 1, (), one, one)
    yield "a tree of one to itself, with a proof", Consistency(1, 1, (one,), one, one)
    yield "a tree of one to another of one", Consistency(1, 1, (), one, _TREE.leaves[1])
    yield "a tree of eight to itself", Consistency(8, 8, (), eight, eight)
    yield "a tree of eight to another of eight", Consistency(8, 8, (), eight, _TREE.hash(8, 16))
    yield "roots of no bytes", Consistency(1, 1, (), b"", b"")
    yield "roots of twelve bytes", Consistency(1, 1, (), bytes(12), bytes(12))
    yield "sizes below nothing", Consistency(-1, -1, (), one, one)
    yield "a tree of eight to nothing", Consistency(8, 0, (), eight, empty)
