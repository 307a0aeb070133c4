"""Proofs of entries: a single file that shows, without the log, that an entry is included in a log signed by a trusted key.

A proof holds the entry's index, the hashes that lead from it to the root, and the signed checkpoint with that root. The
format's extra data hold the entry itself, which is not authenticated as such but proven by the rest.

Source: C2SP tlog-proof v1.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.merkle import HASH_BYTES, ProofError, leaf_hash, verify_inclusion
from gateway.audit.verify.trust import Anchors, Trust, open_checkpoint

SUFFIX: Final = ".tlog-proof"
LONGEST_PROOF_BYTES: Final = 1 << 18
_FIRST_LINE = b"c2sp.org/tlog-proof@v1"
_INDEX = re.compile(rb"index (0|[1-9][0-9]{0,18})")
_MOST_HASHES = 63


class ProofFormatError(ValueError):
    """The bytes are no proof of an entry; the message names the line."""


@dataclass(frozen=True, slots=True)
class EntryProof:
    """A proof that an entry is in a log.

    Attributes:
        index: The entry's log index.
        hashes: Sibling hashes, from the leaf's sibling up to the root's child.
        note: The signed checkpoint, as the log served it.
        extra: In our proofs, the entry's bytes; None without extra data.
    """

    index: int
    hashes: tuple[bytes, ...]
    note: bytes
    extra: bytes | None = None

    def encode(self) -> bytes:
        """Return the bytes of a `.tlog-proof` file."""
        lines = [_FIRST_LINE]
        if self.extra is not None:
            lines.append(b"extra " + base64.b64encode(self.extra))
        lines.append(b"index %d" % self.index)
        lines += [base64.b64encode(one) for one in self.hashes]
        return b"\n".join([*lines, b"", self.note])

    @classmethod
    def parse(cls, data: bytes) -> EntryProof:
        """Return the proof in a file, without verifying it.

        Raises:
            ProofFormatError: when it is malformed.
        """
        head, blank, note = data.partition(b"\n\n")
        first, *lines = head.split(b"\n")
        if first != _FIRST_LINE:
            raise ProofFormatError(f"line 1: not `{_FIRST_LINE.decode()}`")
        number, extra = 2, None
        if lines and lines[0].startswith(b"extra "):
            extra = _decode(lines.pop(0).removeprefix(b"extra "), number)
            number += 1
        found = _INDEX.fullmatch(lines[0]) if lines else None
        if found is None or int(found[1]) >= 1 << 63:
            raise ProofFormatError(f"line {number}: no index")
        hashes = tuple(_decode(line, at, HASH_BYTES) for at, line in enumerate(lines[1:], number + 1))
        if len(hashes) > _MOST_HASHES:
            raise ProofFormatError(f"`{len(hashes)}` hashes where {_MOST_HASHES} are the most")
        if not blank:
            raise ProofFormatError("no checkpoint behind an empty line")
        return cls(int(found[1]), hashes, note, extra)

    def check(self, anchors: Anchors, entry: bytes | None = None) -> tuple[bytes, Checkpoint, Trust]:
        """Return the proven entry, the checkpoint that covers it, and the trust that this rests on.

        Args:
            anchors: The keys that are trusted.
            entry: The entry to be proven; by default the one in the proof.

        Raises:
            UntrustedError: when the checkpoint is not the trusted log's.
            ProofError: when there is no entry, or the proof does not lead from it to the checkpoint's root.
        """
        checkpoint, trust = open_checkpoint(self.note, anchors)
        if entry is None:
            entry = self.extra
        if entry is None:
            raise ProofError("the proof does not bring the entry along")
        verify_inclusion(self.index, checkpoint.size, leaf_hash(entry), self.hashes, checkpoint.root)
        return entry, checkpoint, trust


def _decode(text: bytes, line: int, length: int | None = None) -> bytes:
    """Return the bytes of canonical, padded base64."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProofFormatError(f"line {line}: malformed base64") from error
    if base64.b64encode(data) != text:
        raise ProofFormatError(f"line {line}: base64 that is not canonical")
    if length is not None and len(data) != length:
        raise ProofFormatError(f"line {line}: `{len(data)}` bytes where {length} are due")
    return data
