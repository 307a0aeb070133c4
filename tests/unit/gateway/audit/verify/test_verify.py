"""Verification of a log folder: nothing wrong is passed, and each finding names what is at fault."""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import random
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.audit import command
from gateway.audit.log import canonical
from gateway.audit.log.earlier_payloads import written_by
from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.notes import Signer, sign_note
from gateway.audit.log.openings import Opening, Part, labels_file, labels_root
from gateway.audit.log.payloads import (
    AccountPayload,
    Contribution,
    PublicationPart,
    ReleasedDraw,
    ReleasePayload,
    ReleaseRecord,
    VoidPayload,
)
from gateway.audit.log.reader import LogUnreachableError
from gateway.audit.log.tiles import LogWriter
from gateway.audit.verify.report import Report, StepStatus
from gateway.audit.verify.verify import verify_folder
from tests.support.earlier_version import earlier_payloads
from tests.support.log import ORIGIN, SIGNER, START_MS, SUBJECTS, SampleLog, sample


def _verify(log: SampleLog, openings: bool = True) -> Report:
    return verify_folder(log.log.path, SIGNER.vkey(), log.openings_folder.path if openings else None)


def _audit_verify(folder: Path, key: str, openings: Path | None, as_json: bool, out: io.StringIO) -> int:
    """Run `sluice audit verify`; return its exit status."""
    args = argparse.Namespace(place=str(folder), key=key, witnesses=None, no_key=False, openings=openings, json=as_json)
    args.since = args.keep = None
    return command.run("verify", args, out)


def _step(report: Report, number: int) -> str:
    return report.steps[number - 1].status


def test_verify_of_a_sound_log_passes_every_step(tmp_path: Path) -> None:
    """With openings the ledger is balanced, without it says that it cannot be checked, which is no finding."""
    log = sample(tmp_path)
    report = _verify(log)
    assert report.ok, report.to_text()
    assert [step.status for step in report.steps] == [StepStatus.PASSED] * 7 + [StepStatus.UNCHECKED] * 2 + [
        StepStatus.PASSED
    ] * 2
    assert (report.ledger, report.origin, report.size, report.exit_status) == ("balanced", ORIGIN, log.writer.size, 0)
    public = _verify(log, openings=False)
    assert public.ok
    assert public.ledger == "not checkable, no openings"
    assert [step.number for step in public.steps if step.status is StepStatus.UNCHECKED] == [6, 7, 8, 9]


def test_verify_of_an_empty_log_passes(tmp_path: Path) -> None:
    """A checkpoint of size 0 over nothing."""
    log = SampleLog(tmp_path)
    log.publish()
    assert _verify(log).ok
    wrong = LogWriter(ORIGIN).checkpoint().text().replace("47DE", "57DE")
    (log.log.path / "checkpoint").write_bytes(sign_note(wrong, SIGNER))
    assert _verify(log).findings[0].problem == "line 3: not the root of an empty log"


def test_verify_names_the_file_of_every_byte_changed(tmp_path: Path) -> None:
    """Bits flipped all over each file of the log and its openings are found, and laid to that file."""
    log = sample(tmp_path)
    chosen = random.Random(11)
    for path in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
        name = str(path.relative_to(tmp_path)).removeprefix("log/")
        whole = path.read_bytes()
        for position in {0, len(whole) - 1, *(chosen.randrange(len(whole)) for _ in range(8))}:
            damaged = bytearray(whole)
            damaged[position] ^= 1 << chosen.randrange(8)
            path.write_bytes(damaged)
            report = _verify(log)
            assert report.exit_status == 1, (name, position)
            assert {finding.where for finding in report.findings} & {name}, (name, position, report.to_text())
        path.write_bytes(whole)
    assert _verify(log).ok


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> SampleLog:
    """A log of 70,000 entries, which has three levels of tiles."""
    log = SampleLog(tmp_path_factory.mktemp("large"))
    log.begin()
    while log.writer.size < 70_000:
        log.writer.append(log.chain.make(Kind.ACCOUNT, START_MS, bytes(32)).encode())
    for path, data in log.writer.files_since(0).items():  # unforced, to be quick
        (log.log.path / path).parent.mkdir(parents=True, exist_ok=True)
        (log.log.path / path).write_bytes(data)
    log.log.publish({}, sign_note(log.writer.checkpoint().text(), SIGNER))
    return log


@pytest.mark.parametrize(
    ("name", "position", "step", "problem"),
    [
        ("tile/0/100", 32 * 7, 2, "the hash of entry `25607` is wrong"),
        ("tile/0/273.p/112", 32 * 3 + 5, 2, "the hash of entry `69891` is wrong"),
        ("tile/1/000", 32 * 9, 2, "hash `9` is not that of `tile/0/009`"),
        ("tile/1/001.p/17", 32, 2, "hash `1` is not that of `tile/0/257`"),
        ("tile/2/000.p/1", 1, 2, "hash `0` is not that of `tile/1/000`"),
        ("tile/entries/100", 30, 3, "entry `25600` does not hash to its leaf"),
        ("tile/entries/273.p/112", 30, 3, "entry `69888` does not hash to its leaf"),
    ],
)
def test_verify_of_a_large_log_lays_a_change_to_the_one_file(
    large: SampleLog, name: str, position: int, step: int, problem: str
) -> None:
    """The neighbours in the tree are not blamed."""
    path = large.log.path / name
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[position] ^= 0x40
    path.write_bytes(damaged)
    try:
        report = _verify(large, openings=False)
    finally:
        path.write_bytes(whole)
    assert [(finding.where, finding.problem) for finding in report.findings] == [(name, problem)]
    assert _step(report, step) is StepStatus.FAILED


@pytest.mark.parametrize("name", ["checkpoint", "tile/0/000.p/15", "tile/entries/000.p/15", "labels/9"])
def test_verify_names_absent_and_truncated_files(tmp_path: Path, name: str) -> None:
    """A file that is gone or cut short is a finding; but without a checkpoint there is no log that could be wrong."""
    log = sample(tmp_path)
    path = log.log.path / name
    path.write_bytes(path.read_bytes()[:-1])
    assert name in {finding.where for finding in _verify(log).findings}
    path.unlink()
    if name == "checkpoint":
        with pytest.raises(LogUnreachableError, match="checkpoint: absent"):
            _verify(log)
    else:
        assert [(f.where, f.problem) for f in _verify(log).findings if f.where == name] == [(name, "absent")]


def test_verify_takes_the_start_of_a_full_tile_for_a_partial_one_that_is_gone(tmp_path: Path) -> None:
    """A reader with an older checkpoint still finds everything."""
    log = SampleLog(tmp_path)
    log.begin()
    log.publish()
    old = log.log.read_checkpoint()
    assert old is not None
    while log.writer.size < 256:
        log.account()
    log.publish()
    (log.log.path / "checkpoint").write_bytes(old)
    report = _verify(log)
    assert report.ok, report.to_text()
    assert report.size == 5


def test_verify_with_another_key_or_for_another_origin_stops_at_the_checkpoint(tmp_path: Path) -> None:
    """Nothing further is said about a log whose head nobody trusted has signed."""
    log = sample(tmp_path)
    stranger = Signer(ORIGIN, bytes(32))
    report = verify_folder(log.log.path, stranger.vkey())
    assert {finding.where for finding in report.findings} == {"checkpoint", "log.vkey"}
    assert [step.status for step in report.steps[1:]] == [StepStatus.UNCHECKED] * 10
    assert report.ledger == "not checkable, no trustworthy checkpoint"
    text = log.writer.checkpoint().text().replace(ORIGIN, "other.example/log")
    (log.log.path / "checkpoint").write_bytes(sign_note(text, SIGNER))
    assert "line 1: origin" in _verify(log).findings[0].problem


def test_verify_of_a_checkpoint_over_another_tree_names_the_checkpoint(tmp_path: Path) -> None:
    """Tiles and entries agree; the signed root is not theirs."""
    log = sample(tmp_path)
    other = LogWriter(ORIGIN)
    for n in range(log.writer.size):
        other.append(b"%d" % n)
    (log.log.path / "checkpoint").write_bytes(sign_note(other.checkpoint().text(), SIGNER))
    report = _verify(log)
    assert [finding.where for finding in report.findings] == ["checkpoint"]
    assert _step(report, 2) is StepStatus.FAILED


def _rewrite(log: SampleLog, change: Callable[[Entry], Entry | bytes], index: int) -> Report:
    """Publish the log anew with one entry changed, signed by the log's own key, and verify it."""
    bundle = (log.log.path / f"tile/entries/000.p/{log.writer.size}").read_bytes()
    writer, at = LogWriter(ORIGIN), 0
    while at < len(bundle):
        end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        data = bundle[at + 2 : end]
        if writer.size == index:
            changed = change(Entry.decode(data))
            data = changed if isinstance(changed, bytes) else changed.encode()
        writer.append(data)
        at = end
    for path, content in writer.files_since(0).items():
        (log.log.path / path).write_bytes(content)
    for older in log.log.path.glob("tile/*/000.p/7"):
        older.unlink()
    (log.log.path / "checkpoint").write_bytes(sign_note(writer.checkpoint().text(), SIGNER))
    return _verify(log)


_REWRITES: list[tuple[int, Callable[[Entry], Entry | bytes], int, str]] = [
    (6, lambda e: msgspec.structs.replace(e, sequence=7), 4, "sequence is `7`, not `6`"),
    (6, lambda e: msgspec.structs.replace(e, policy=bytes(32)), 4, "the policy changes without a policy entry"),
    (6, lambda e: msgspec.structs.replace(e, consent_head=3), 4, "consent_head is `3`, not `4`"),
    (7, lambda e: msgspec.structs.replace(e, consent_head=4), 4, "consent_head is `4`, not `7`"),
    (12, lambda e: msgspec.structs.replace(e, kind=Kind.GENESIS), 4, "a second genesis"),
    (12, lambda e: e.encode() + b"\x00", 4, "not the deterministic encoding of an entry"),
    (12, lambda _: b"\xa0", 4, "not a map of the fields of an entry"),
    (9, lambda e: msgspec.structs.replace(e, labels_root=bytes(32)), 5, "its labels do not lead to the root in the entry"),
    (6, lambda e: msgspec.structs.replace(e, commitment=bytes(32)), 6, "does not lead to the commitment in the entry"),
]


@pytest.mark.parametrize(("index", "change", "step", "problem"), _REWRITES)
def test_verify_of_a_well_signed_but_wrong_entry_names_it(
    tmp_path: Path, index: int, change: Callable[[Entry], Entry | bytes], step: int, problem: str
) -> None:
    """The log's own key does not make a false entry true."""
    report = _rewrite(sample(tmp_path), change, index)
    failed = report.steps[step - 1]
    assert failed.status is StepStatus.FAILED
    assert [(f.where.split("/")[-1].split(" ")[-1], f.problem) for f in failed.findings] == [(str(index), problem)]


def test_verify_reports_a_clock_set_back_but_does_not_mind(tmp_path: Path) -> None:
    """The log's order is that of its indices."""
    report = _rewrite(sample(tmp_path), lambda e: msgspec.structs.replace(e, time_ms=1), 6)
    assert report.ok
    assert report.steps[3].detail == "15 entries, clock set back `1` times, simulated clock"


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        ({"frames__received": 10}, "frames.received `10` is not admitted `8` + ignored `2` + rejected `1`"),
        ({"frames__lost": 1}, "unknown account `frames.lost`"),
        ({"bundles__formed": 5, "bundles__ready": 3}, "bundles.formed is `5`, releases and voids say `2`"),
        ({"pairs__aggregated": 5, "pairs__contributed": 5}, "pairs.aggregated is `5`, releases and voids say `12`"),
    ],
)
def test_verify_finds_accounts_that_do_not_add_up(tmp_path: Path, overrides: dict[str, int], problem: str) -> None:
    """Each balance, and each figure that releases and voids bear out."""
    log = SampleLog(tmp_path)
    log.begin()
    log.release()
    log.release()
    log.account(**overrides)
    log.publish()
    report = _verify(log)
    assert report.ledger == "unbalanced"
    assert ("entry 7", problem) in {(finding.where, finding.problem) for finding in report.findings}
    assert all(finding.where == "entry 7" for finding in report.findings)


def test_verify_finds_a_difference_that_is_not_one(tmp_path: Path) -> None:
    """Totals may not jump between account entries."""
    log = SampleLog(tmp_path)
    log.begin()
    totals = {"frames.received": 3, "frames.admitted": 3}
    log.one(Kind.ACCOUNT, AccountPayload(totals, totals).encode())
    log.one(Kind.ACCOUNT, AccountPayload(totals, {"frames.received": 1}).encode())
    log.publish()
    assert [(finding.where, finding.problem) for finding in _verify(log).findings] == [
        ("entry 6", "frames.received `3` is not `3` before and a difference of `1`")
    ]


def test_verify_finds_a_void_of_what_is_no_release(tmp_path: Path) -> None:
    """Only a release can be voided."""
    log = SampleLog(tmp_path)
    log.begin()
    log.one(Kind.VOID, VoidPayload(3).encode())
    log.publish()
    assert [(f.where, f.problem) for f in _verify(log).findings] == [("entry 5", "voids `3`, which is no release before it")]


def test_verify_without_some_openings_checks_the_others(tmp_path: Path) -> None:
    """An opening that has expired is no finding, nor does the ledger pass as balanced where it could not be recounted."""
    log = sample(tmp_path)
    log.openings_folder.delete([5])
    report = _verify(log)
    assert report.ok, report.to_text()
    assert report.ledger == "not fully checkable, 3 of 3 accounts opened, 1 recounted from releases and voids"
    log.openings_folder.delete([6, 10, 14])
    report = _verify(log)
    assert report.ok
    assert report.ledger == "not checkable, no account openings"


@pytest.mark.parametrize(
    ("kinds", "keep_last", "ledger"),
    [
        ([Kind.RELEASE], False, "not fully checkable, 3 of 3 accounts opened, 0 recounted from releases and voids"),
        ([Kind.RELEASE], True, "not fully checkable, 3 of 3 accounts opened, 1 recounted from releases and voids"),
        ([Kind.VOID], False, "not fully checkable, 3 of 3 accounts opened, 2 recounted from releases and voids"),
        ([Kind.ACCOUNT], True, "not fully checkable, 1 of 3 accounts opened, 1 recounted from releases and voids"),
        ([Kind.ACCOUNT], False, "not checkable, no account openings"),
        ([Kind.CONSENT, Kind.WITHDRAWAL, Kind.POLICY], False, "balanced"),
    ],
)
def test_verify_with_openings_held_back_never_calls_the_ledger_balanced(
    kinds: list[Kind], keep_last: bool, ledger: str, tmp_path: Path
) -> None:
    """Who hands out the accounts and keeps the releases to itself gets no better verdict than who hands out nothing."""
    log = sample(tmp_path)
    found = [index for index, kind in enumerate(log.kinds) if kind in kinds]
    log.openings_folder.delete(found[:-1] if keep_last else found)
    out = io.StringIO()
    assert _audit_verify(log.log.path, SIGNER.vkey(), log.openings_folder.path, False, out) == 0
    assert out.getvalue().splitlines()[-2:] == [f"ledger: {ledger}", "audit: ok"]


def test_verify_leaves_openings_newer_than_the_checkpoint_and_unfinished_ones_alone(tmp_path: Path) -> None:
    """The gateway may be at work; what has no entry's name is a stranger."""
    log = sample(tmp_path)
    folder = log.openings_folder.path
    (folder / "15").write_bytes(b"newer")
    (folder / ".16.new").write_bytes(b"half")
    assert _verify(log).ok
    (folder / "note.txt").write_bytes(b"x")
    assert [finding.where for finding in _verify(log).findings] == ["openings/note.txt"]


def test_verify_counts_erased_parts_against_the_erasure_entries(tmp_path: Path) -> None:
    """Parts cannot be made to vanish without an entry that says how many."""
    log = sample(tmp_path)
    opening = log.openings[9]
    log.openings_folder.write({9: opening.erase({2}).encode()})
    assert [(finding.where, finding.problem) for finding in _verify(log).findings] == [
        ("entry 9", "part `2` is erased, and no erasure names it")
    ]


def _with_release(log: SampleLog, parts: list[bytes]) -> Report:
    """Publish a log with one release of these parts and verify it."""
    labels = labels_file([], log.random.randbytes)
    with earlier_payloads() if written_by(Kind.RELEASE, parts[0]) == (1, 1) else nullcontext():  # a log is of one version
        log.begin()
    log.log.write_labels(5, labels)
    digest = hashlib.sha256(b"b").digest()
    salted = [(log.random.randbytes(32), part) for part in parts]
    log.add(Kind.RELEASE, salted, bundle_sha256=digest, labels_root=labels_root(labels))
    log.publish()
    return _verify(log)


def _share(record: int, n: int, consents: tuple[int, ...] = (2,), policy: int = 1) -> bytes:
    return Contribution(record, SUBJECTS[0], {"time": "1h"}, policy, consents, n).encode()


def _bundle(n: int, identity: str = "aggregate", **owner: str) -> bytes:
    record = {"flow": "f", "level": ["1h", "city", "1"], "cell": "c", "window": [0, 1], "n": n, "identity": identity, **owner}
    return msgspec.convert(
        {"kind": "release-3", "recipient": "city", "records": [record], "draws": [], "publication": None}, ReleasePayload
    ).encode()


def _published(n: int, records: int = 0) -> bytes:
    """Return a publication with one draw, and records before it, which verification lets stand."""
    draw = ReleasedDraw("f", ("1h", "city", "1"), "c", "p", "sum", "day", (0, 1), "none", "", 1, "", "", 5, 24, (), n)
    listed = (ReleaseRecord("f", ("1h", "city", "1"), "c", (0, 1), 2, "aggregate", owner="city"),) * records
    return ReleasePayload("city", listed, (draw,), PublicationPart("day", 1, 0, 1)).encode()


def _earlier(data: bytes) -> bytes:
    present: Any = canonical.decode(data)
    return canonical.encode({"kind": "release", "recipient": present["recipient"], "records": present["records"]})


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ([_bundle(2), _share(0, 2)], None),
        ([_bundle(2), _share(0, 2, consents=())], None),
        ([_earlier(_bundle(2)), _share(0, 2)], None),
        ([_earlier(_bundle(2))], None),
        ([_earlier(_bundle(2, owner="city"))], "a record states an owner"),
        ([_published(2), _share(0, 2)], None),
        ([_published(2, records=1), _share(1, 2)], None),
        ([_published(0)], None),
        ([_published(2)], "the contributions to draw `0` are `0` pairs, not `2`"),
        ([_published(2, records=1), _share(1, 3)], "the contributions to draw `1` are `3` pairs, not `2`"),
        ([_published(2), _share(1, 2)], "a contribution to record `1` of `1`"),
        ([_bundle(2, owner="city")], None),
        ([_bundle(2, owner="city"), _share(0, 2)], "record `0` is told by devices of no subject"),
        ([_bundle(2)], "the contributions to record `0` are `0` pairs, not `2`"),
        ([_bundle(2), _share(0, 1)], "the contributions to record `0` are `1` pairs, not `2`"),
        ([_bundle(2), _share(0, 3)], "the contributions to record `0` are `3` pairs, not `2`"),
        ([_bundle(2), _share(1, 2)], "a contribution to record `1` of `1`"),
        ([_bundle(2), _share(0, 2, consents=(5,))], "a contribution rests on an entry that comes later"),
        ([_bundle(2), _share(0, 2, policy=9)], "a contribution rests on an entry that comes later"),
        ([_bundle(2, "secret")], "record `0` is of the unknown identity `secret`"),
        ([b"\xa0"], "not a payload of kind `release`"),
        ([_bundle(2), b"\xa0"], "not a payload of kind `contribution`"),
    ],
)
def test_verify_of_a_release_adds_up_its_contributions(tmp_path: Path, parts: list[bytes], problem: str | None) -> None:
    """The parts must say together what the bundle's part says."""
    findings = _with_release(SampleLog(tmp_path), parts).findings
    if problem is None:
        assert findings == ()
    else:
        assert [finding.where for finding in findings] == ["openings/5"]
        assert findings[0].problem.startswith(problem)


@pytest.mark.parametrize(
    ("kind", "payload", "problem"),
    [
        (Kind.ACCOUNT, VoidPayload(1).encode(), "not a payload of kind `account`"),
        (Kind.VOID, b"", "not a payload of kind `void`"),
        (Kind.GAP, VoidPayload(1).encode(), "not a payload of kind `gap`"),
        (Kind.GAP, b"\xff", "not a payload of kind `gap`"),
        (Kind.REIDENTIFICATION, b"\xff", "not CBOR"),
    ],
)
def test_verify_of_an_opening_of_another_kind_names_it(tmp_path: Path, kind: Kind, payload: bytes, problem: str) -> None:
    """What is committed to must also be what the entry says that it is."""
    log = SampleLog(tmp_path)
    log.begin()
    log.one(kind, payload)
    log.publish()
    findings = _verify(log).findings
    assert [finding.where for finding in findings] == ["openings/5"]
    assert findings[0].problem.startswith(problem)


def test_verify_of_an_opening_put_under_another_number_names_it(tmp_path: Path) -> None:
    """Openings cannot change places."""
    log = sample(tmp_path)
    (log.openings_folder.path / "3").write_bytes(log.openings[2].encode())
    assert [(f.where, f.problem) for f in _verify(log).findings] == [("openings/3", "the opening of entry `2`")]
    log.openings_folder.write({3: Opening(3, (Part(bytes(32), b"x"), Part(bytes(32), b"y"))).encode()})
    assert [f.problem for f in _verify(log).findings] == ["does not lead to the commitment in the entry"]


def test_audit_verify_prints_trust_steps_and_verdict(tmp_path: Path) -> None:
    """What a terminal shows, and the exit status."""
    log, out = sample(tmp_path), io.StringIO()
    assert _audit_verify(log.log.path, SIGNER.vkey(), None, False, out) == 0
    lines = out.getvalue().splitlines()
    assert lines[0] == f"log: {ORIGIN}, 15 entries"
    assert lines[1] == f"trust: pinned key {SIGNER.vkey()}"
    assert lines[2] == "witnesses: none configured"
    assert lines[3].startswith("1 checkpoint signed by the pinned key: passed")
    assert lines[-2:] == ["ledger: not checkable, no openings", "audit: ok"]


def test_audit_verify_as_json_has_the_same_verdict(tmp_path: Path) -> None:
    """What a program reads, findings included."""
    log, out = sample(tmp_path), io.StringIO()
    (log.log.path / "labels/5").write_bytes(b"")
    assert _audit_verify(log.log.path, SIGNER.vkey(), log.openings_folder.path, True, out) == 1
    report = json.loads(out.getvalue())
    assert (report["audit"], report["ledger"], report["size"]) == ("failed", "balanced", 15)
    assert report["trust"] == {
        "key": SIGNER.vkey(), "pinned": True, "witnesses": [], "cosigned": [], "witnesses_k": 0, "witnesses_n": 0,
        "quorum": None, "unknown": [], "handed_over": [],
    }  # fmt: skip
    statuses = [step["status"] for step in report["steps"]]
    assert statuses == [*["passed"] * 4, "failed", *["passed"] * 2, *["not checkable"] * 2, *["passed"] * 2]
    assert report["steps"][4]["findings"] == [{"where": "labels/5", "problem": "`0` bytes are not a power of two of labels"}]


def test_audit_verify_with_a_bad_key_or_folder_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line on standard error and exit status 2."""
    log = sample(tmp_path)
    for folder, key, openings in (
        (log.log.path, "nonsense", None),
        (tmp_path / "absent", SIGNER.vkey(), None),
        (log.log.path, SIGNER.vkey(), tmp_path / "absent"),
    ):
        out = io.StringIO()
        assert _audit_verify(folder, key, openings, False, out) == 2
        assert out.getvalue() == ""
        assert len(capsys.readouterr().err.splitlines()) == 1
