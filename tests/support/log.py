"""A small log with every kind of entry that the gateway writes, made by the production code, for tests to damage."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from pathlib import Path

from gateway.audit.log.chain import Chain
from gateway.audit.log.entries import Kind
from gateway.audit.log.folder import LogFolder, OpeningsFolder
from gateway.audit.log.notes import Signer, sign_note
from gateway.audit.log.openings import (
    Opening,
    Part,
    commit,
    label,
    labels_file,
    labels_root,
    opening_salt,
    subject_label_key,
)
from gateway.audit.log.payloads import (
    CITY_OWNED,
    AccountPayload,
    Contribution,
    EmptiedOpening,
    ErasurePayload,
    GapPayload,
    GenesisPayload,
    PolicyPayload,
    ReleasePayload,
    ReleaseRecord,
    VoidPayload,
    erase_subject,
)
from gateway.audit.log.tiles import LogWriter, labels_path, policies_path

ORIGIN = "gw-1.example.org/audit/2026"
SIGNER = Signer(ORIGIN, bytes(range(32)))
START_MS = 1_790_000_000_000
SUBJECTS = tuple(bytes([n]) * 16 for n in (1, 2, 3))
_DISCLOSURE = {"identity": "aggregate", "time": "1h", "space": "district", "group": 15, "retention": 365}


def secret(subject: bytes) -> bytes:
    """Return the secret of a test subject."""
    return hashlib.sha256(subject).digest()


class SampleLog:
    """Builds a log entry by entry and publishes it."""

    def __init__(self, folder: Path) -> None:
        self.random = random.Random(7)
        self.chain = Chain()
        self.writer = LogWriter(ORIGIN)
        self.log = LogFolder(folder / "log")
        self.openings_folder = OpeningsFolder(folder / "openings")
        self.openings: dict[int, Opening] = {}
        self.kinds: list[Kind] = []
        self.published = 0
        self.totals: dict[str, int] = {}
        self.accounted: dict[str, int] = {}

    def add(self, kind: Kind, parts: Sequence[tuple[bytes, bytes]], **fields: object) -> int:
        """Append an entry over these parts and keep its opening."""
        entry = self.chain.make(kind, START_MS + 1000 * self.writer.size, commit(parts), **fields)  # type: ignore[arg-type]
        index = self.writer.append(entry.encode())
        self.kinds.append(kind)
        self.openings[index] = Opening(index, tuple(Part(*part) for part in parts))
        return index

    def one(self, kind: Kind, payload: bytes, **fields: object) -> int:
        """Append an entry whose payload is a single part."""
        return self.add(kind, [(self.random.randbytes(32), payload)], **fields)

    def begin(self) -> None:
        """Append genesis, a policy and a consent for each subject."""
        self.one(Kind.GENESIS, GenesisPayload(ORIGIN, True).encode())
        digest = hashlib.sha256(b"policy").digest()
        self.log.restore({policies_path(digest): b"policy"})
        self.one(Kind.POLICY, PolicyPayload(digest, {}).encode(), policy=digest)
        for subject in SUBJECTS:
            self.one(Kind.CONSENT, b"consent of " + subject)

    def release(self, subjects: Sequence[bytes] = SUBJECTS, pairs: int = 2, singles: int = 1) -> int:
        """Append a release of one aggregate over the subjects and some single readings of the city's own devices."""
        index = self.writer.size
        window = (START_MS, START_MS + 3_600_000)
        records = [ReleaseRecord("meter", ("1h", "district", "0.1"), "centre", window, pairs * len(subjects), "aggregate")]
        single = ReleaseRecord("air", ("exact", "block", "1"), "b1", window, 1, "per-record", owner=CITY_OWNED)
        records += [single] * singles
        parts = [(self.random.randbytes(32), ReleasePayload("city", tuple(records)).encode())]
        for number, subject in enumerate(subjects):
            share = Contribution(0, subject, _DISCLOSURE, 1, (2 + number,), pairs)
            parts.append((opening_salt(secret(subject), index, 0), share.encode()))
        labels = labels_file([label(subject_label_key(secret(s)), index) for s in subjects], self.random.randbytes)
        self.log.write_labels(index, labels)
        added = self.add(Kind.RELEASE, parts, bundle_sha256=hashlib.sha256(b"bundle").digest(), labels_root=labels_root(labels))
        assert added == index
        self.book({"pairs.aggregated": pairs * len(subjects), "pairs.released": singles, "bundles.formed": 1, "bundles.sent": 1})
        return index

    def void(self, release: int, pairs: int, singles: int) -> int:
        """Append the void of a release of so many pairs."""
        self.book({"pairs.aggregated": -pairs, "pairs.released": -singles, "bundles.sent": -1, "bundles.voided": 1})
        self.book({"pairs.open": pairs, "pairs.waiting": singles})
        return self.add(Kind.VOID, [VoidPayload(release).part(hashlib.sha256(b"bundle").digest())])

    def book(self, changes: dict[str, int]) -> None:
        """Move amounts between accounts."""
        for name, change in changes.items():
            self.totals[name] = self.totals.get(name, 0) + change

    def account(self, **overrides: int) -> int:
        """Append an account entry, its received, decoded and considered figures made to fit; overrides spoil totals."""
        totals = dict(self.totals)
        totals["pairs.contributed"] = totals.get("pairs.aggregated", 0) + totals.get("pairs.open", 0)
        totals["pairs.recorded"] = totals.get("pairs.released", 0) + totals.get("pairs.waiting", 0)
        totals["pairs.withheld.no-consent"] = 4
        totals["pairs.considered"] = totals["pairs.contributed"] + totals["pairs.recorded"] + 4
        totals |= {"frames.received": 11, "frames.admitted": 8, "frames.ignored": 2, "frames.rejected.malformed": 1}
        totals |= {"readings.carried": 5, "readings.admitted": 4, "readings.rejected.unknown_device": 1}
        totals |= {"observations.decoded": 8, "observations.asked": 8}
        totals |= {name.replace("__", "."): amount for name, amount in overrides.items()}
        changes = {name: amount - self.accounted.get(name, 0) for name, amount in totals.items()}
        self.accounted = totals
        return self.one(Kind.ACCOUNT, AccountPayload(totals, changes).encode())

    def erase(self, subject: bytes) -> int:
        """Delete a subject's parts and append the erasure, which lists them."""
        emptied = []
        for index, opening in self.openings.items():
            if self.kinds[index] is Kind.RELEASE:
                self.openings[index], numbers = erase_subject(opening, subject)
            else:
                numbers = (0,) if opening.parts[0] in _said_by(subject, opening) else ()
                self.openings[index] = opening.erase(numbers)
            if numbers:
                emptied.append(EmptiedOpening(index, numbers))
        digest, deleted = hashlib.sha256(subject).digest(), sum(len(each.parts) for each in emptied)
        payload = ErasurePayload(digest, deleted, tuple(emptied)).encode()
        return self.one(Kind.ERASURE, payload, subject_sha256=digest, parts_deleted=deleted)

    def publish(self) -> None:
        """Write tiles, openings and a signed checkpoint of the present size."""
        self.openings_folder.write({index: opening.encode() for index, opening in self.openings.items()})
        note = sign_note(self.writer.checkpoint().text(), SIGNER)
        self.log.publish(self.writer.files_since(self.published), note)
        self.published = self.writer.size

    def path(self, name: str) -> Path:
        """Return the file that a finding names."""
        return (self.openings_folder.path.parent if name.startswith("openings/") else self.log.path) / name


def _said_by(subject: bytes, opening: Opening) -> list[Part]:
    return [part for part in opening.parts if isinstance(part, Part) and part.data == b"consent of " + subject]


def sample(folder: Path) -> SampleLog:
    """Return a published log of some fifteen entries: two checkpoints, a void, a withdrawal and an erasure among them."""
    log = SampleLog(folder)
    log.log.write_vkey(SIGNER.vkey())
    log.begin()
    first = log.release()
    log.account()
    log.publish()
    log.one(Kind.WITHDRAWAL, b"withdrawal")
    log.void(first, 6, 1)
    log.release(SUBJECTS[:2], pairs=3, singles=2)
    log.account()
    log.erase(SUBJECTS[0])
    log.one(Kind.GAP, GapPayload("started", "", "real").encode())
    log.release((), singles=3)
    log.account()
    log.publish()
    return log


__all__ = ["ORIGIN", "SIGNER", "START_MS", "SUBJECTS", "SampleLog", "labels_path", "sample", "secret"]
