"""The folder of a recipient's bundles: stored as received, opened, and delivered once each.

    <log index>.bundle            the bytes exactly as received
    <log index>-<hash>.bundle     other bytes received under the same log index: not the gateway's, once the other is delivered
    <log index>.jsonl             the records, one JSON object a line; where this file exists, the bundle has been delivered
    <log index>.voided            what was reported of a bundle that the log voids; it is not delivered, unless it was already
    log.checkpoint                the latest checkpoint of the log, where one is given (see ``coverage``)

A bundle is stored before it is acknowledged to the broker. It is delivered at once or, where a log is given, when a checkpoint
covers it; until then it waits, and a wait that is too long is reported. Bundles that were not delivered are tried again at the
next start. A bundle that cannot be used is reported, and ends nothing but itself; how many of those are kept is bounded
(see ``stored``).
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Collection, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.files import refuse_anothers, write_whole
from gateway.recipient.coverage import Coverage, CoverageError, CoverageVerdict
from gateway.recipient.opening import OpenedBundle, json_records, open_bundle, peek
from gateway.recipient.stored import Quota, StoredBundles, Unconfirmed, first_name
from gateway.recipient.voids import void_text
from gateway.recipient.wire import MAX_LOG_INDEX, BundleError

OVERDUE_S: Final = 3600.0
"""How long a bundle may wait for a checkpoint that covers it; gateways publish every few seconds, copies of logs less often."""
KEPT_CHECKPOINT: Final = "log.checkpoint"

DEFAULT_QUOTA: Final = Quota()


class Inbox:
    """The stored bundles, those of them that wait, and the log indices already delivered.

    Args:
        folder: Where the files are; made if absent.
        private_key: The recipient's key; None for open data.
        coverage: The log that must cover a bundle before delivery; None delivers every bundle that opens.
        report: Takes one line for each rejected bundle, for bundles that wait too long, and for a faulty log.
        now_s: The clock that file times are compared with.
        quota: The most that is kept of what does not open and of what no checkpoint covers.
    """

    def __init__(
        self,
        folder: Path,
        private_key: X25519PrivateKey | None,
        coverage: Coverage | None,
        report: Callable[[str], None],
        now_s: Callable[[], float] = time.time,
        quota: Quota = DEFAULT_QUOTA,
    ) -> None:
        self._folder = folder
        self._private_key = private_key
        self._coverage = coverage
        self._report = report
        self._now_s = now_s
        self._log_complaint = ""
        self._overdue: set[str] = set()
        self._refused = self._dropped = 0
        self._waiting: dict[str, int] = {}
        self._arrived_s: dict[str, float] = {}
        self._unconfirmed = Unconfirmed(quota)
        refuse_anothers(folder)
        folder.mkdir(parents=True, exist_ok=True)
        names = os.listdir(folder)
        self._delivered = {int(name[:-6]) for name in names if re.fullmatch(r"[0-9]+\.jsonl", name)}
        self._voided = {int(name[:-7]) for name in names if re.fullmatch(r"[0-9]+\.voided", name)}
        self._stored = StoredBundles(folder)
        for found in self._stored.find():
            if not self._is_settled(found.log_index):
                self._wait(found.name, found.log_index, found.size_bytes, found.arrived_s)
            elif found.name != first_name(found.log_index):
                self._unconfirmed.refuse(found.name, found.size_bytes)

    @property
    def waiting(self) -> int:
        """How many bundles wait for delivery."""
        return len(self._waiting)

    def store(self, data: bytes, topic: str, log_index: int | None) -> bool:
        """Store a bundle durably, unless the same bytes are stored already.

        Args:
            data: The bytes as received.
            topic: The topic on which it came.
            log_index: The log index in its user property, or None where it has none.

        Returns:
            Whether a new bundle waits for `settle`.

        Raises:
            OSError: If it could not be stored; it must then not be acknowledged.
        """
        try:
            address, index = peek(data)
        except BundleError as error:
            self._tell_refused(f"message on `{topic}` dropped: {error}")
            return False
        if address.topic != topic or log_index not in (None, index):
            self._tell_refused(f"message on `{topic}` dropped: the bundle in it is for `{address.topic}` at log index `{index}`")
            return False
        name = self._stored.write(index, data)
        if name is None:
            return False
        self._wait(name, index, len(data), self._now_s())
        if self._is_settled(index):
            self._refuse_second(name, index)
        return name in self._waiting

    def settle(self) -> Iterator[OpenedBundle]:
        """Deliver every waiting bundle that is covered: write its records, then yield it.

        Raises:
            OSError: If a file could not be written; what was not delivered still waits.
        """
        covered_size = self._covered_size() if self._waiting or self._delivered else 0
        self._tell_voided(self._delivered - self._voided if covered_size else ())
        ready = [(index, len(name), name) for name, index in self._waiting.items() if index < covered_size]
        for index, _, name in sorted(ready):  # of several with one index, the one named without a hash comes first
            if self._is_settled(index):
                self._refuse_second(name, index)
                continue
            bundle = self._admit(name, index)
            if bundle is None:
                continue
            first = self._make_first(name, index)
            if not self._tell_voided([index]):
                write_whole(self._folder / f"{index}.jsonl", b"".join(map(_line, json_records(bundle))))
                self._delivered.add(index)
            if self._is_settled(index):
                self._stop_waiting(first)
                self._unconfirmed.confirm(first)
            if index in self._delivered:
                yield bundle
        self._tell_overdue()
        self._make_room()

    def _is_settled(self, index: int) -> bool:
        return index in self._delivered or index in self._voided

    def _wait(self, name: str, index: int, size_bytes: int, arrived_s: float) -> None:
        self._waiting[name] = index
        self._arrived_s[name] = arrived_s
        self._unconfirmed.wait(name, size_bytes)

    def _stop_waiting(self, name: str) -> None:
        self._waiting.pop(name, None)
        self._arrived_s.pop(name, None)
        self._overdue.discard(name)

    def _tell_voided(self, held: Collection[int]) -> bool:
        """Report, once each, which of the gateway's bundles at hand the log voids, and record that beside them.

        Returns:
            Whether one of them may not be handed on: it is voided, or the log does not lead to its checkpoint.
        """
        if self._coverage is None or not held:
            return False
        try:
            found = self._coverage.voided(held)
        except CoverageError as error:
            self._complain(error)
            return True
        for index, void in sorted(found.items()):
            line = f"`{self._folder / first_name(index)}`: {void_text(void)}"
            write_whole(self._folder / f"{index}.voided", f"{line}\n".encode())
            self._voided.add(index)
            self._report(line)
        return bool(found)

    def _tell_overdue(self) -> None:
        """Report, once each, the bundles that no checkpoint has covered for too long: they are forged, or the log is withheld."""
        latest_s = self._now_s() - OVERDUE_S
        overdue = {name for name in self._waiting if self._arrived_s[name] < latest_s} - self._overdue
        if overdue and self._coverage is not None:
            first = min(overdue, key=self._waiting.__getitem__)
            self._report(
                f"`{len(overdue)}` bundles have waited for `{OVERDUE_S / 60:g}` min and no checkpoint covers them: "
                f"the first is `{self._folder / first}`"
            )
            self._overdue |= overdue

    def _admit(self, name: str, index: int) -> OpenedBundle | None:
        """Open a bundle; return it if it can be delivered now, and stop waiting if it never can."""
        data = self._stored.read(name)
        if data is None:
            self._refuse(name, "is no longer the file of a bundle")
            return None
        try:
            verdict = self._verdict(data, index)
            if verdict is CoverageVerdict.COVERED:
                return open_bundle(data, self._private_key, index)
        except BundleError as error:
            if self._coverage is not None:  # the log covers it, so it is no junk: it may open with another key
                self._unconfirmed.confirm(name)
            self._refuse(name, str(error))
        except CoverageError as error:
            self._complain(error)
        else:
            if verdict is CoverageVerdict.REFUTED:
                self._refuse(name, verdict.value)
        return None

    def _verdict(self, data: bytes, index: int) -> CoverageVerdict:
        if self._coverage is None:
            return CoverageVerdict.COVERED
        try:
            address, _ = peek(data)
        except BundleError:
            return CoverageVerdict.REFUTED
        return self._coverage.check(address.log_origin, index, sha256(data).digest())

    def _make_first(self, name: str, index: int) -> str:
        """Give the gateway's own bundle the name without a hash, also where another came first, and return that name."""
        first = first_name(index)
        displaced = self._stored.make_first(name, index)
        if displaced is not None:
            self._rename(first, displaced)
        self._rename(name, first)
        return first

    def _rename(self, old: str, new: str) -> None:
        self._unconfirmed.rename(old, new)
        if old in self._waiting:
            self._waiting[new], self._arrived_s[new] = self._waiting.pop(old), self._arrived_s.pop(old)

    def _refuse(self, name: str, reason: str) -> None:
        """Report a stored bundle that will not be delivered in this run; it is kept as long as the quota allows."""
        self._stop_waiting(name)
        self._unconfirmed.refuse(name)
        self._tell_refused(f"`{self._folder / name}`: {reason}")

    def _refuse_second(self, name: str, index: int) -> None:
        self._stop_waiting(name)
        self._unconfirmed.refuse(name)
        self._tell_refused(f"log index `{index}` came with two contents; the one in `{name}` was not handed on")

    def _tell_refused(self, line: str) -> None:
        self._refused += 1
        self._report(line if self._refused == 1 else f"{line} (`{self._refused}` refused so far)")

    def _make_room(self) -> None:
        """Delete the oldest of what nothing shows to be the gateway's, beyond the quota; say so ever more rarely."""
        for name in self._unconfirmed.excess():
            self._stored.delete(name)
            self._stop_waiting(name)
            self._dropped += 1
            if self._dropped & (self._dropped - 1) == 0:  # 1, 2, 4, 8 …
                self._report(
                    f"`{self._folder}`: full of bundles that do not open or that no log covers; "
                    f"deleted the oldest of them, `{self._dropped}` so far, the last one `{name}`"
                )

    def _covered_size(self) -> int:
        """Return the log index below which bundles may be delivered now."""
        if self._coverage is None:
            return MAX_LOG_INDEX + 1
        try:
            checkpoint = self._coverage.refresh()
        except CoverageError as error:
            self._complain(error)
            return 0
        return 0 if checkpoint is None else checkpoint.size

    def _complain(self, error: CoverageError) -> None:
        """Report what is wrong with the log once, not at every check."""
        if str(error) != self._log_complaint:
            self._log_complaint = str(error)
            self._report(self._log_complaint)


def _line(values: dict[str, object]) -> bytes:
    return msgspec.json.encode(values) + b"\n"
