"""The folder of a recipient's bundles: stored as received, opened, and delivered once each.

    <log index>.bundle            the bytes exactly as received
    <log index>-<hash>.bundle     other bytes received under the same log index: at most one of the two is the gateway's
    <log index>.jsonl             the records, one JSON object a line; where this file exists, the bundle has been delivered
    <log index>.voided            what was reported of a bundle that the log voids; it is not delivered, unless it was already
    log.checkpoint                the latest checkpoint of the log, where one is given (see ``coverage``)

A bundle is stored before it is acknowledged to the broker. It is delivered at once or, where a log is given, when a checkpoint
covers it; until then it waits, and a wait that is too long is reported. Bundles that were not delivered are tried again at the
next start.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.files import refuse_anothers, write_whole
from gateway.recipient.coverage import Coverage, CoverageError, CoverageVerdict
from gateway.recipient.opening import OpenedBundle, open_bundle, peek
from gateway.recipient.records import record_to_json
from gateway.recipient.voids import void_text
from gateway.recipient.wire import MAX_LOG_INDEX, BundleError

OVERDUE_S: Final = 3600.0
"""How long a bundle may wait for a checkpoint that covers it; gateways publish every few seconds, copies of logs less often."""
KEPT_CHECKPOINT: Final = "log.checkpoint"

_BUNDLE_NAME = re.compile(r"(0|[1-9][0-9]{0,18})(?:-[0-9a-f]{16})?\.bundle")


class Inbox:
    """The stored bundles, those of them that wait, and the log indices already delivered.

    Args:
        folder: Where the files are; made if absent.
        private_key: The recipient's key; None for open data.
        coverage: The log that must cover a bundle before delivery; None delivers every bundle that opens.
        report: Takes one line for each rejected bundle, for bundles that wait too long, and for a faulty log.
        now_s: The clock that file times are compared with.
    """

    def __init__(
        self,
        folder: Path,
        private_key: X25519PrivateKey | None,
        coverage: Coverage | None,
        report: Callable[[str], None],
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._private_key = private_key
        self._coverage = coverage
        self._report = report
        self._now_s = now_s
        self._log_complaint = ""
        self._overdue: set[str] = set()
        refuse_anothers(folder)
        folder.mkdir(parents=True, exist_ok=True)
        names = sorted(os.listdir(folder))
        self._delivered = {int(name[:-6]) for name in names if re.fullmatch(r"[0-9]+\.jsonl", name)}
        found = {name: int(match[1]) for name in names if (match := _BUNDLE_NAME.fullmatch(name))}
        self._stored = set(found)
        self._voided = {int(name[:-7]) for name in names if re.fullmatch(r"[0-9]+\.voided", name)}
        settled = self._delivered | self._voided
        self._waiting = {name: index for name, index in found.items() if index not in settled}
        self._arrived_s = {name: (folder / name).stat().st_mtime for name in self._waiting}

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
            self._report(f"message on `{topic}` dropped: {error}")
            return False
        if address.topic != topic or log_index not in (None, index):
            self._report(f"message on `{topic}` dropped: the bundle in it is for `{address.topic}` at log index `{index}`")
            return False
        name = self._free_name(index, data)
        if name is None:
            return False
        write_whole(self._folder / name, data)
        self._stored.add(name)
        if index in self._delivered:
            self._report_second(name, index)
            return False
        self._waiting[name] = index
        self._arrived_s[name] = self._now_s()
        return True

    def settle(self) -> Iterator[OpenedBundle]:
        """Deliver every waiting bundle that is covered: write its records, then yield it."""
        covered_size = self._covered_size() if self._waiting or self._delivered else 0
        self._tell_voided(covered_size)
        ready = [(index, name) for name, index in self._waiting.items() if index < covered_size]
        for index, name in sorted(ready):
            if index in self._delivered:  # another bundle with this index has just been delivered
                self._report_second(name, index)
                del self._waiting[name]
                continue
            bundle = self._admit(name, index)
            if bundle is not None:
                write_whole(self._folder / f"{index}.jsonl", b"".join(map(_line, json_records(bundle))))
                self._delivered.add(index)
                del self._waiting[name]
                yield bundle
        self._tell_overdue()

    def _tell_voided(self, covered_size: int) -> None:
        """Report, once each, the bundles at hand that the log voids, and record that beside them; none of them is handed on."""
        held = {*self._waiting.values(), *self._delivered} - self._voided
        if self._coverage is None or not covered_size or not held:
            return
        try:
            found = self._coverage.voided(held)
        except CoverageError as error:
            self._complain(error)
            return
        for index, void in sorted(found.items()):
            line = f"`{self._folder / str(index)}.bundle`: {void_text(void)}"
            write_whole(self._folder / f"{index}.voided", f"{line}\n".encode())
            self._voided.add(index)
            self._report(line)
        self._waiting = {name: index for name, index in self._waiting.items() if index not in self._voided}

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

    def _free_name(self, index: int, data: bytes) -> str | None:
        """Return the file name for a bundle, or None if the same bytes are stored already."""
        first, other = f"{index}.bundle", f"{index}-{sha256(data).hexdigest()[:16]}.bundle"
        if first not in self._stored:
            return first
        return None if other in self._stored or (self._folder / first).read_bytes() == data else other

    def _report_second(self, name: str, index: int) -> None:
        self._report(f"log index `{index}` came with two contents; the one in `{name}` was not handed on")

    def _admit(self, name: str, index: int) -> OpenedBundle | None:
        """Open a bundle; return it if it can be delivered now, and stop waiting if it never can."""
        try:
            bundle = open_bundle((self._folder / name).read_bytes(), self._private_key, index)
            verdict = self._verdict(bundle)
        except BundleError as error:
            self._report(f"`{self._folder / name}`: {error}")
        except CoverageError as error:
            self._complain(error)
            return None
        else:
            if verdict is CoverageVerdict.COVERED:
                return bundle
            if verdict is CoverageVerdict.NOT_YET:
                return None
            self._report(f"`{self._folder / name}`: {verdict.value}")
        del self._waiting[name]
        return None

    def _verdict(self, bundle: OpenedBundle) -> CoverageVerdict:
        if self._coverage is None:
            return CoverageVerdict.COVERED
        return self._coverage.check(bundle.address.log_origin, bundle.log_index, bundle.sha256)

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


def json_records(bundle: OpenedBundle) -> Iterator[dict[str, object]]:
    """Yield a bundle's records as JSON objects, each with the bundle's log index."""
    for record in bundle.records:
        yield {"log_index": bundle.log_index, **record_to_json(record)}


def _line(values: dict[str, object]) -> bytes:
    return msgspec.json.encode(values) + b"\n"
