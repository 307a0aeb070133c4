"""Search for a citizen's own releases by label, which only a holder of the subject's label key can do.

Each release bears one label for each subject in it. Without the subject's label key a label looks random; with it, the label in a
release is computed by one HMAC. So the citizen reads the log's public files and reveals to nobody what was searched for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.earlier_payloads import decode_release, decode_void
from gateway.audit.log.entries import Entry, EntryError, Kind
from gateway.audit.log.merkle import leaf_hash, tree_root
from gateway.audit.log.openings import Opening, label, split_labels
from gateway.audit.log.payloads import PayloadError, void_commitment
from gateway.audit.log.reader import FileError, LogReader, OpeningsReader, opening_name
from gateway.audit.log.tiles import labels_path
from gateway.audit.verify.report import Finding, StepRecord
from gateway.audit.verify.stored_tree import StoredTree


@dataclass(frozen=True, slots=True)
class FoundRelease:
    """A release that holds data of the subject.

    Attributes:
        index: The release's log index.
        time_ms: When it was made, by the gateway's clock.
        recipient: Who got it; None where its opening is not available.
        voided_by: The entry that voided it before it was sent; None where there is none, or one of the earlier form
            whose opening is not available.
    """

    index: int
    time_ms: int
    recipient: str | None
    voided_by: int | None


class Search:
    """One search of a log for the releases of some label keys.

    Args:
        reader: The log.
        checkpoint: Its checkpoint.
        keys: The subject's label keys.
        openings: Openings, if any are available.

    Attributes:
        releases: How many releases the log holds in all.
        findings: Faults of the log, which may make the answer incomplete.
    """

    def __init__(
        self, reader: LogReader, checkpoint: Checkpoint, keys: Sequence[bytes], openings: OpeningsReader | None = None
    ) -> None:
        self.releases = 0
        self._reader = reader
        self._checkpoint = checkpoint
        self._keys = keys
        self._openings = openings
        self._step = StepRecord(0, "search")
        self._stopped = ""
        self._voided: dict[int, int] = {}
        self._expected: dict[bytes, int] = {}  # the commitment of the void of each release found

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The faults of the log."""
        return (*self._step.findings, *([Finding("log", self._stopped)] if self._stopped else []))

    def run(self) -> list[FoundRelease]:
        """Read the whole log and return the releases that hold data of the subject, in the log's order.

        Raises:
            LogUnreachableError: when the log cannot be read to its end.
        """
        tree = StoredTree(self._reader, self._checkpoint, self._step, self._step, steps=(self._step,))
        found = list(self._found(tree))
        tree.close()
        self._stopped = tree.stopped
        return [FoundRelease(one.index, one.time_ms, one.recipient, self._voided.get(one.index)) for one in found]

    def _found(self, tree: StoredTree) -> Iterator[FoundRelease]:
        for index, data in enumerate(tree.entries()):
            entry = self._decode(index, data)
            if entry is None:
                continue
            if entry.kind is Kind.RELEASE:
                self.releases += 1
                if self._is_in(index, entry):
                    self._expected[void_commitment(index, entry.bundle_sha256 or b"")] = index
                    yield FoundRelease(index, entry.time_ms, self._recipient(index, entry), None)
            elif entry.kind is Kind.VOID:
                self._take_void(index, entry)

    def _decode(self, index: int, data: bytes | None) -> Entry | None:
        if data is None:
            return None  # the tree has reported why
        try:
            return Entry.decode(data)
        except EntryError as error:
            self._step.add(f"entry {index}", str(error))
            return None

    def _is_in(self, index: int, entry: Entry) -> bool:
        """Return whether a release bears a label of one of the keys; labels that do not match the commitment count too."""
        try:
            labels = split_labels(self._reader.labels(index))
        except FileError as problem:
            self._step.add(problem.where, problem.problem)
            return False
        except ValueError as error:
            self._step.add(labels_path(index), str(error))
            return False
        if tree_root([leaf_hash(one) for one in labels]) != entry.labels_root:
            self._step.add(labels_path(index), "its labels do not lead to the root in the entry")
        return not {label(key, index) for key in self._keys}.isdisjoint(labels)

    def _recipient(self, index: int, entry: Entry) -> str | None:
        opening = self._opening(index, entry)
        if opening is None or opening.first is None:
            return None
        try:
            return decode_release(opening.first).recipient
        except PayloadError as error:
            self._step.add(opening_name(index), str(error))
            return None

    def _take_void(self, index: int, entry: Entry) -> None:
        if (release := self._expected.get(entry.commitment)) is not None:
            self._voided.setdefault(release, index)
        opening = self._opening(index, entry)
        if opening is None or opening.first is None:
            return
        try:
            self._voided.setdefault(decode_void(opening.first).release, index)
        except PayloadError as error:
            self._step.add(opening_name(index), str(error))

    def _opening(self, index: int, entry: Entry) -> Opening | None:
        try:
            return None if self._openings is None else self._openings.opening(index, entry.commitment)
        except FileError as problem:
            self._step.add(problem.where, problem.problem)
            return None
