"""The record as the portal follows it, over folders that are whole, growing, damaged, turned back, forked or somebody else's."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.core.policies.archive import pack_files
from consent.portal.log_record import LogRecord
from consent.portal.record import SeenBy
from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.cosignature import signature_lines
from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.handover import Handover
from gateway.audit.log.notes import Signer, Verifier, sign_note
from gateway.audit.log.reader import LogReader
from gateway.audit.log.tiles import policies_path
from gateway.audit.proof import EntryProof
from gateway.audit.verify.trust import Anchors
from tests.support.checkout import ROOT
from tests.support.log import ORIGIN, SIGNER, START_MS, SampleLog, sample
from tests.support.logs import COSIGNED_S, COSIGNERS, LOGS, cosign, grow, grown, publish_quickly
from tests.support.policy_folder import load_policies
from tests.support.waiting import HANG_S

NOW_MS = 1_796_000_000_000


def read(folder: Path) -> LogRecord:
    """Return the record of a folder, read to its end."""
    return read_on(LogRecord(folder, lambda: NOW_MS))


def read_on(record: LogRecord) -> LogRecord:
    """Look again, and read all that there is."""
    record.look()
    while record.read_on():
        pass
    return record


def fault_of(record: LogRecord) -> tuple[str, str]:
    """Return kind and place of what does not hold."""
    assert record.fault is not None
    return record.fault.kind, record.fault.where


def with_key(log: SampleLog) -> SampleLog:
    """Put the log's key into its folder."""
    log.log.write_vkey(SIGNER.vkey())
    return log


def describe(folder: Path, vkeys: dict[str, str]) -> None:
    """Write a description that names witnesses."""
    (folder / ".well-known").mkdir(exist_ok=True)
    named = [{"name": name, "vkey": vkey, "url": None} for name, vkey in vkeys.items()]
    (folder / ".well-known" / "sluice.json").write_text(json.dumps({"format": "sluice-log/1", "witnesses": named}))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> SampleLog:
    """A log with every kind of entry, cosigned by witnesses that its description names."""
    log = sample(tmp_path_factory.mktemp("whole"))
    cosign(log)
    describe(log.log.path, {one.name: one.vkey() for one in COSIGNERS})
    return log


@pytest.fixture(scope="module")
def whole_record(whole: SampleLog) -> LogRecord:
    """Its record."""
    return read(whole.log.path)


@pytest.mark.parametrize("name", LOGS)
def test_whole_log_is_read_to_its_end_whatever_its_size(name: str, tmp_path: Path) -> None:
    """Counts, times and every entry are those that were written."""
    log = with_key(LOGS[name](tmp_path))
    record = read(log.log.path)
    assert record.fault is None
    assert record.is_read
    assert record.head is not None
    assert (record.head.origin, record.head.size, record.head.root) == (ORIGIN, log.writer.size, log.writer.root())
    assert sum(record.count(kind.word) for kind in Kind) == log.writer.size
    entries = [record.entry(index) for index in range(log.writer.size)]
    assert [each and each.sequence for each in entries] == list(range(log.writer.size))
    assert record.entry(log.writer.size) is None
    assert record.entry(-1) is None
    if entries and entries[-1]:
        assert record.head.latest_ms == entries[-1].time_ms


def test_every_kind_is_counted(whole: SampleLog) -> None:
    """By its word, and none that there is not."""
    record = read(whole.log.path)
    assert {kind.word: record.count(kind.word) for kind in Kind} == {kind.word: whole.kinds.count(kind) for kind in Kind}
    assert record.count("flood") == 0


def test_witnesses_are_those_of_the_description_with_the_times_of_their_cosignatures(whole: SampleLog, tmp_path: Path) -> None:
    """One that has not cosigned has no time, and one without a usable key is nobody."""
    folder = tmp_path / "log"
    shutil.copytree(whole.log.path, folder)
    absent = "absent.example/w"
    describe(folder, {**{one.name: one.vkey() for one in COSIGNERS[:2]}, absent: COSIGNERS[2].vkey(), "keyless": "nothing"})
    cosign_only(folder, whole, 2)
    head = read(folder).head
    assert head is not None
    seen = [SeenBy(one.name, COSIGNED_S * 1000, one.vkey()) for one in COSIGNERS[:2]]
    assert head.witnesses == (*seen, SeenBy(absent, 0, COSIGNERS[2].vkey()))


def cosign_only(folder: Path, log: SampleLog, count: int) -> None:
    """Leave the lines of the log and of the first witnesses in the checkpoint."""
    lines = (log.log.path / "checkpoint").read_bytes().split(b"\n")
    (folder / "checkpoint").write_bytes(b"\n".join([*lines[: 5 + count], b""]))


def test_wrong_cosignature_is_named(whole: SampleLog, tmp_path: Path) -> None:
    """With the witness; the log's own signature still holds."""
    folder = tmp_path / "log"
    shutil.copytree(whole.log.path, folder)
    describe(folder, {COSIGNERS[0].name: COSIGNERS[0].vkey()})
    cosign_only(folder, whole, 0)
    note = (folder / "checkpoint").read_bytes()
    other = COSIGNERS[0].cosign("another log\n", COSIGNED_S)
    (folder / "checkpoint").write_bytes(note + signature_lines([other]))
    record = read(folder)
    assert fault_of(record) == ("cosignature", COSIGNERS[0].name)
    assert record.head is not None
    assert record.head.witnesses[0].cosigned_ms == 0


def test_nothing_yet_is_no_fault(tmp_path: Path) -> None:
    """The portal may start before the gateway has ever run."""
    record = read(tmp_path / "log")
    assert (record.head, record.fault, record.policies, record.is_read) == (None, None, None, False)
    assert record.entry(0) is None
    assert record.proof(0) is None
    log = with_key(grown(tmp_path, 3))
    assert read_on(record).head is not None
    assert record.count("account") == log.writer.size - 1


def test_folder_that_may_not_be_looked_into_is_as_one_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a gateway that has just made it for itself alone, or on a disk that fails: the portal goes on."""
    record = LogRecord(tmp_path / "log", lambda: NOW_MS)

    def refused(path: object, **_: object) -> os.stat_result:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(os, "stat", refused)
    record.look()
    assert (record.head, record.fault) == (None, None)


def test_growth_is_followed_and_read_once(tmp_path: Path) -> None:
    """Over partial files that become full, and over more blocks than one."""
    log = with_key(grown(tmp_path, 1))
    record = read(log.log.path)
    for size in (2, 255, 256, 257, 600, 1100):
        grow(log, size)
        read_on(record)
        assert record.fault is None
        assert record.count("genesis") == 1
        assert record.count("account") == size - 1
        assert (found := record.entry(size - 1)) is not None
        assert found.time_ms == START_MS + size - 1


async def test_follow_takes_up_what_is_published(tmp_path: Path) -> None:
    """It goes on by itself until it is cancelled."""
    log = with_key(grown(tmp_path, 1))
    record = LogRecord(log.log.path)
    following = asyncio.create_task(record.follow(0.001))
    for size in (1, 300):
        grow(log, size)
        async with asyncio.timeout(HANG_S):
            while not (record.is_read and record.head and record.head.size == size):  # noqa: ASYNC110  nothing tells of it
                await asyncio.sleep(0)
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following
    assert record.count("account") == 299


def test_a_slice_is_one_block(tmp_path: Path) -> None:
    """However many entries there are to be read, no step reads more than 256 of them."""
    record = LogRecord(with_key(grown(tmp_path, 700)).log.path)
    record.look()
    counts = []
    while record.read_on():
        counts.append(record.count("account"))
    assert counts == [255, 511]
    assert record.count("account") == 699


def test_entry_is_offered_with_a_proof_that_others_can_check(whole: SampleLog) -> None:
    """By the log's key alone, with the witnesses' lines in it."""
    record = read(whole.log.path)
    for index in range(whole.writer.size):
        proof = record.proof(index)
        assert proof is not None
        parsed = EntryProof.parse(proof)
        anchors = Anchors(Verifier.parse(SIGNER.vkey()))
        data, checkpoint, _ = parsed.check(anchors)
        assert Entry.decode(data) == record.entry(index)
        assert checkpoint.size == whole.writer.size
        assert parsed.note == (whole.log.path / "checkpoint").read_bytes()


# rules


def with_rules(folder: Path, *, publish_file: bool = True) -> tuple[SampleLog, bytes]:
    """Return a log in which the shipped rules come into force, and their hash."""
    packed = pack_files(load_policies(ROOT / "policies").files)
    digest = sha256(packed).digest()
    log = with_key(SampleLog(folder))
    log.one(Kind.GENESIS, b"genesis")
    if publish_file:
        log.log.restore({policies_path(digest): packed})
    log.one(Kind.POLICY, b"rules", policy=digest)
    log.one(Kind.ACCOUNT, b"account")
    publish_quickly(log)
    return log, digest


def test_rules_in_force_are_those_of_the_last_entry_and_every_change_is_kept(tmp_path: Path) -> None:
    """Parsed from the file that the entry names."""
    log, digest = with_rules(tmp_path)
    record = LogRecord(log.log.path)
    record.look()
    assert record.policies is not None
    assert record.policies.sha256 == digest
    assert not record.is_read
    read_on(record)
    assert [(each.index, each.sha256, each.policies) for each in record.changes] == [(1, digest, record.policies)]
    assert record.fault is None


@pytest.mark.parametrize("spoil", ["absent", "other"])
def test_rules_that_are_not_those_of_the_entry_are_not_shown(spoil: str, tmp_path: Path) -> None:
    """They are a fault until the right file is there."""
    log, digest = with_rules(tmp_path, publish_file=spoil != "absent")
    file = log.log.path / policies_path(digest)
    right = pack_files(load_policies(ROOT / "policies").files)
    if spoil == "other":
        file.write_bytes(right.replace(b"Ribera", b"Rivera", 1))
    record = read(log.log.path)
    assert record.policies is None
    assert fault_of(record) == ("damaged", policies_path(digest))
    assert [each.policies for each in record.changes] == [None]
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(right)
    assert read_on(record).fault is None
    assert [each.policies and each.policies.sha256 for each in record.changes] == [digest]
    assert record.changes[0].policies is record.policies


# contradictions


def forked(folder: Path, size: int) -> SampleLog:
    """Return a log of the same key with other entries from the fourth on."""
    log = SampleLog(folder)
    grow(log, 3)
    grow(log, size, b"\x01" * 32)
    return log


def replace_by(target: Path, other: Path) -> None:
    """Put another log's files in the place of a log's."""
    shutil.rmtree(target)
    shutil.copytree(other, target)


def test_rollback_is_named_and_the_record_stays_at_what_held(tmp_path: Path) -> None:
    """Until the log is again where it was."""
    log = with_key(grown(tmp_path / "a", 300, (200,)))
    record = read(log.log.path)
    head, now = record.head, (log.log.path / "checkpoint").read_bytes()
    older = with_key(grown(tmp_path / "b", 200))
    (log.log.path / "checkpoint").write_bytes((older.log.path / "checkpoint").read_bytes())
    read_on(record)
    assert fault_of(record) == ("rollback", "checkpoint")
    assert record.fault is not None
    assert (record.fault.size, record.fault.before) == (200, 300)
    assert record.head is head
    (log.log.path / "checkpoint").write_bytes(now)
    assert read_on(record).fault is None


@pytest.mark.parametrize("size", [300, 301, 700])
def test_fork_is_named_and_stays_named(size: int, tmp_path: Path) -> None:
    """Two signatures prove it, whatever is served afterwards."""
    log = with_key(grown(tmp_path / "a", 300))
    record = read(log.log.path)
    head = record.head
    shutil.copytree(log.log.path, tmp_path / "kept")
    replace_by(log.log.path, with_key(forked(tmp_path / "b", size)).log.path)
    read_on(record)
    assert fault_of(record) == ("fork", "checkpoint")
    assert record.head is head
    replace_by(log.log.path, tmp_path / "kept")
    read_on(record)
    assert fault_of(record) == ("fork", "checkpoint")


def test_other_key_is_named(tmp_path: Path) -> None:
    """A folder that is all at once somebody else's, whose own signatures fit."""
    log = with_key(grown(tmp_path, 5))
    record = read(log.log.path)
    head, other = record.head, Signer(ORIGIN, bytes(32))
    log.log.write_vkey(other.vkey())
    (log.log.path / "checkpoint").write_bytes(sign_note(log.writer.checkpoint().text(), other))
    read_on(record)
    assert fault_of(record) == ("key", "log.vkey")
    assert record.head is head


def test_key_that_the_former_has_handed_over_to_is_gone_by(tmp_path: Path) -> None:
    """The pages follow a log that is handed over while they run; a key that only calls itself the heir is another one."""
    log = with_key(grown(tmp_path, 5))
    record, heir = read(log.log.path), Signer(ORIGIN, bytes(32))
    log.log.write_handovers(Handover.make(5, SIGNER, heir).note)
    assert read_on(record).fault is None, "published ahead of the checkpoint that covers it"
    grow(log, 9)
    (log.log.path / "checkpoint").write_bytes(sign_note(log.writer.checkpoint().text(), heir))
    log.log.write_vkey(heir.vkey())
    assert read_on(record).fault is None
    assert record.head is not None
    assert (record.head.size, record.head.vkey) == (9, heir.vkey())
    (log.log.path / "log.keys").unlink()  # whoever has stolen the former key, and a way into the folder, leaves it out
    log.log.write_vkey(SIGNER.vkey())
    grow(log, 11)
    (log.log.path / "checkpoint").write_bytes(sign_note(log.writer.checkpoint().text(), SIGNER))
    assert fault_of(read_on(record)) == ("key", "log.vkey")
    assert record.head.size == 9
    stranger = Signer(ORIGIN, b"9" * 32)
    log.log.write_handovers(Handover.make(5, stranger, heir).note)
    assert fault_of(read_on(record)) == ("key", "log.vkey")


@pytest.mark.parametrize("note", [b"", b"\xff", b"no note", b"\n\n", b"x\n0\n\n\xe2\x80\x94 x AAAA\n"])
def test_checkpoint_that_the_log_has_not_signed_is_named(note: bytes, tmp_path: Path) -> None:
    """Before there was one that held, and after."""
    log = with_key(grown(tmp_path, 5))
    right = (log.log.path / "checkpoint").read_bytes()
    (log.log.path / "checkpoint").write_bytes(note)
    record = read(log.log.path)
    assert fault_of(record) == ("signature", "checkpoint")
    assert record.head is None
    (log.log.path / "checkpoint").write_bytes(right)
    assert read_on(record).fault is None
    (log.log.path / "checkpoint").write_bytes(note)
    assert fault_of(read_on(record)) == ("signature", "checkpoint")
    assert record.head is not None


def test_vanished_checkpoint_is_named(tmp_path: Path) -> None:
    """It was there before."""
    log = with_key(grown(tmp_path, 5))
    record = read(log.log.path)
    (log.log.path / "checkpoint").unlink()
    assert fault_of(read_on(record)) == ("absent", "checkpoint")
    assert record.head is not None


def test_claimed_size_costs_nothing(tmp_path: Path) -> None:
    """A checkpoint may claim any size; what is kept is bounded by what is there."""
    log = with_key(grown(tmp_path, 5))
    claimed = Checkpoint(ORIGIN, (1 << 63) - 1, bytes(32))
    (log.log.path / "checkpoint").write_bytes(sign_note(claimed.text(), SIGNER))
    record = read(log.log.path)
    assert record.head is None
    assert record.fault is not None
    assert record.fault.kind == "damaged"


def spoiled_files(log: SampleLog) -> Iterator[str]:
    """Yield the files that a checkpoint covers of a log of 600 entries."""
    for file in sorted(log.log.path.rglob("*")):
        if file.is_file() and file.name not in {"checkpoint", "log.vkey"}:
            yield file.relative_to(log.log.path).as_posix()


def _make_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


SPOIL: dict[str, Callable[[Path], object]] = {
    "gone": lambda file: file.unlink(),
    "empty": lambda file: file.write_bytes(b""),
    "short": lambda file: file.write_bytes(file.read_bytes()[:-1]),
    "long": lambda file: file.write_bytes(file.read_bytes() + b"x"),
    "folder": _make_folder,
    "flipped": lambda file: file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:]),
}


@pytest.mark.parametrize("spoil", SPOIL)
def test_damaged_file_is_named_and_no_entry_of_it_is_shown(spoil: str, tmp_path: Path) -> None:
    """Each file of tiles and entries, in each way; entries whose files are whole are shown still."""
    log = with_key(grown(tmp_path / "a", 600))
    whole = [Entry.decode(data) for data in _entries(log)]
    for name in spoiled_files(log):
        folder = tmp_path / "b"
        shutil.copytree(log.log.path, folder)
        SPOIL[spoil](folder / name)
        record = read(folder)
        assert all(record.entry(index) in (None, whole[index]) for index in (0, 1, 255, 256, 511, 512, 599)), name
        if spoil != "long" or ".p/" in name:  # what lies behind a full file's end is read by nobody
            assert record.fault is not None, name
        shutil.rmtree(folder)


def _entries(log: SampleLog) -> list[bytes]:
    reader = LogReader(log.log.path)
    return [data for block, width in ((0, 256), (1, 256), (2, 88)) for data in reader.bundle(block, width).entries]


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_no_flipped_byte_in_any_file_makes_it_crash_or_lie(
    whole: SampleLog, whole_record: LogRecord, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """What is shown is what was written, or is not shown and said to be at fault."""
    files = sorted(file for file in whole.log.path.rglob("*") if file.is_file())
    file = data.draw(st.sampled_from(files))
    at = data.draw(st.integers(0, file.stat().st_size - 1))
    flipped = bytearray(file.read_bytes())
    flipped[at] ^= data.draw(st.integers(1, 255))
    folder = tmp_path_factory.mktemp("flipped") / "log"
    shutil.copytree(whole.log.path, folder)
    (folder / file.relative_to(whole.log.path)).write_bytes(flipped)
    right, record = whole_record, read(folder)
    name = file.relative_to(whole.log.path).as_posix()
    if record.head is not None:
        assert right.head is not None
        assert (record.head.size, record.head.root) == (right.head.size, right.head.root)
        assert {seen.cosigned_ms for seen in record.head.witnesses} <= {0, COSIGNED_S * 1000}
    entries = [record.entry(index) for index in range(whole.writer.size)]
    assert all(entry in (None, right.entry(index)) for index, entry in enumerate(entries))
    if name.startswith("tile/") and name.endswith(f"/{whole.writer.size}"):  # partial files of before are read by nobody
        assert record.fault is not None
    shutil.rmtree(folder.parent)


@settings(max_examples=60, deadline=None)
@given(
    description=st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["witnesses", "name", "vkey"]), inner),
            max_leaves=8,
        ).map(lambda value: json.dumps(value).encode()),
    )
)
def test_no_description_makes_it_crash(whole: SampleLog, tmp_path_factory: pytest.TempPathFactory, description: bytes) -> None:
    """Nobody has signed it."""
    folder = tmp_path_factory.mktemp("described") / "log"
    shutil.copytree(whole.log.path, folder)
    (folder / ".well-known" / "sluice.json").write_bytes(description)
    record = read(folder)
    assert record.is_read
    assert record.fault is None
    shutil.rmtree(folder.parent)
