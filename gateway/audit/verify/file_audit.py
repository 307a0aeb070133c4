"""Every file of a log's folder accounted for: the policies against the entries that put them in force, and what no entry names.

Tiles, bundles of entries and labels are read by the steps before; what is left here is to see that nothing lies beside them.
A web server does not list its files: then all that entries name has been read, and of the rest nothing is known.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from hashlib import sha256

from gateway.audit.log.handover import KEYS_NAME
from gateway.audit.log.paths import LabelsFile, PoliciesFile, TileFile, parse_path
from gateway.audit.log.reader import CHECKPOINT_NAME, VKEY_NAME, FileError, LogReader
from gateway.audit.log.tiles import policies_path
from gateway.audit.verify.report import StepRecord


class FileAudit:
    """Takes the entries that name files, in order; its findings go to two steps.

    Args:
        reader: The log.
        size: How many entries the checkpoint covers.
        policies: The record of the step about policies.
        files: The record of the step about all files.
        checked: The log index up to which another verification has checked the entries, which are not taken.
    """

    def __init__(self, reader: LogReader, size: int, policies: StepRecord, files: StepRecord, *, checked: int = 0) -> None:
        self._reader = reader
        self._size = size
        self._policies = policies
        self._files = files
        self._checked = checked
        self._named: set[bytes] = set()
        self._releases = array("Q")  # in rising order

    def take_policies(self, index: int, digest: bytes) -> None:
        """Check the policies that an entry has put in force, unless an earlier one has already."""
        if digest in self._named:
            return
        self._named.add(digest)
        try:
            packed = self._reader.policies(digest)
        except FileError as problem:
            self._policies.add(problem.where, f"{problem.problem}, and entry `{index}` has put it in force")
            return
        if sha256(packed).digest() != digest:
            self._policies.add(policies_path(digest), f"not the policies that entry `{index}` has put in force")

    def take_release(self, index: int) -> None:
        """Record that a release has labels; their own step checks them."""
        self._releases.append(index)

    def close(self) -> None:
        """Account for all files, once all entries have been taken."""
        self._policies.detail = f"{len(self._named)} policy sets"
        paths = self._reader.source.paths()
        if paths is None:
            self._files.leave_out("a web server does not list its files; those that entries name were read")
            return
        read = before = beyond = 0
        try:
            for path in paths:
                file = parse_path(path)
                if path in (CHECKPOINT_NAME, VKEY_NAME, KEYS_NAME):
                    read += 1
                elif file is not None and not file.is_covered(self._size):
                    beyond += 1
                elif file is not None and self._is_read(file):
                    read += 1
                elif file is not None and self._may_be_of_before(file):
                    before += 1
                else:
                    self._files.name(path)
        except FileError as problem:
            self._files.add(problem.where, problem.problem)
        self._files.detail = f"{read} files read, {len(self._files.unknown)} that no entry names, {beyond} beyond the checkpoint"
        if self._checked:
            self._files.detail += f", {before} of before the kept checkpoint"

    def _is_read(self, file: TileFile | LabelsFile | PoliciesFile) -> bool:
        if isinstance(file, TileFile):
            return True  # narrower ones of earlier checkpoints are compared with those of this one
        if isinstance(file, PoliciesFile):
            return file.sha256 in self._named
        at = bisect_left(self._releases, file.index)
        return at < len(self._releases) and self._releases[at] == file.index

    def _may_be_of_before(self, file: TileFile | LabelsFile | PoliciesFile) -> bool:
        """Return whether an entry that was checked another time may name the file."""
        return self._checked > 0 and not (isinstance(file, LabelsFile) and file.index >= self._checked)
