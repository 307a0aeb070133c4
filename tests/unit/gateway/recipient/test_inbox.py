"""The folder of received bundles: everything kept, each handed on once, nothing before the log covers it."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.core.release.formats.open_data import OpenData
from gateway.recipient import inbox as inbox_module
from gateway.recipient.coverage import Coverage
from gateway.recipient.inbox import KEPT_CHECKPOINT, OVERDUE_S, Inbox
from gateway.recipient.records import encode_open_record, encode_record
from gateway.recipient.stored import Quota
from tests.support.recipients import (
    ADDRESS,
    HOSTILE_VALUES,
    OTHER_KEY,
    PRIVATE_KEY,
    SIGNER,
    GatewayLog,
    content_key,
    forged,
    record,
    sealed,
)

_TOPIC = ADDRESS.topic
_REFUSALS = ("that no gateway writes", "no record", "not well-formed")


class _Reports(list[str]):
    """Lines that were reported."""


@pytest.fixture
def reports() -> _Reports:
    """Nothing reported yet."""
    return _Reports()


def _inbox(folder: Path, reports: _Reports, log: GatewayLog | None = None, quota: Quota | None = None) -> Inbox:
    coverage = None if log is None else Coverage(log.folder.path, SIGNER.verifier)
    return Inbox(folder / "in", PRIVATE_KEY, coverage, reports.append, quota=quota or Quota())


def _names(folder: Path) -> set[str]:
    return {path.name for path in (folder / "in").iterdir()}


def _indices(inbox: Inbox) -> list[int]:
    return [bundle.log_index for bundle in inbox.settle()]


def test_settle_bundle_handed_on_once_with_its_records(tmp_path: Path, reports: _Reports) -> None:
    """The bytes lie there as received, the records beside them as JSON lines."""
    inbox = _inbox(tmp_path, reports)
    data = sealed(7, count=2)
    assert inbox.store(data, _TOPIC, 7)
    assert _indices(inbox) == [7]
    assert _indices(inbox) == []
    assert (tmp_path / "in" / "7.bundle").read_bytes() == data
    lines = [json.loads(line) for line in (tmp_path / "in" / "7.jsonl").read_text().splitlines()]
    assert [(line["log_index"], line["result"]) for line in lines] == [(7, 50.25), (7, 50.75)]
    assert {path.name for path in (tmp_path / "in").iterdir()} == {"7.bundle", "7.jsonl"}
    assert reports == []


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("settled", [False, True])
def test_store_delivered_again_handed_on_once(tmp_path: Path, reports: _Reports, restart: bool, settled: bool) -> None:
    """A redelivery, before or after settling, before or after a restart, changes nothing."""
    inbox = _inbox(tmp_path, reports)
    inbox.store(sealed(), _TOPIC, 7)
    handed_on = _indices(inbox) if settled else []
    data = (tmp_path / "in" / "7.bundle").read_bytes()
    if restart:
        inbox = _inbox(tmp_path, reports)
    assert not inbox.store(data, _TOPIC, 7)
    assert handed_on + _indices(inbox) == [7]
    assert reports == []


def test_settle_in_order_of_the_log(tmp_path: Path, reports: _Reports) -> None:
    """What waits together is handed on by log index."""
    inbox = _inbox(tmp_path, reports)
    for index in (12, 3, 100):
        inbox.store(sealed(index), _TOPIC, index)
    assert _indices(inbox) == [3, 12, 100]


def test_settle_kept_aside_until_a_checkpoint_covers_it(tmp_path: Path, reports: _Reports) -> None:
    """With a log given nothing is handed on before the log's checkpoint accounts for it, also over a restart."""
    log = GatewayLog(tmp_path / "log")
    inbox = _inbox(tmp_path, reports, log)
    log.fill(7)
    data = sealed(7)
    inbox.store(data, _TOPIC, 7)
    assert _indices(inbox) == []
    log.publish()
    assert _indices(inbox) == []
    log.add(sha256(data).digest())
    inbox = _inbox(tmp_path, reports, log)
    assert (_indices(inbox), inbox.waiting) == ([], 1)
    log.publish()
    assert (_indices(inbox), inbox.waiting) == ([7], 0)
    assert reports == []


def test_settle_bundle_of_an_entry_that_never_comes_told_once_when_overdue(tmp_path: Path, reports: _Reports) -> None:
    """A bundle for an index far beyond the log is kept aside, and told after an hour, also when that began before a restart."""
    log = GatewayLog(tmp_path / "log")
    log.fill(3)
    log.publish()
    coverage = Coverage(log.folder.path, SIGNER.verifier)
    inbox = Inbox(tmp_path / "in", PRIVATE_KEY, coverage, reports.append)
    inbox.store(sealed(7), _TOPIC, 7)
    inbox.store(sealed(1 << 40), _TOPIC, 1 << 40)
    assert (_indices(inbox), reports) == ([], [])
    stored_s = (tmp_path / "in" / "7.bundle").stat().st_mtime
    later = Inbox(tmp_path / "in", PRIVATE_KEY, coverage, reports.append, lambda: stored_s + OVERDUE_S + 60)
    assert (_indices(later), _indices(later), later.waiting) == ([], [], 2)
    (line,) = reports
    assert "`2` bundles have waited for `60` min and no checkpoint covers them: the first is" in line
    assert "7.bundle" in line


def test_settle_behind_a_rollback_hands_nothing_on_and_names_it(tmp_path: Path, reports: _Reports) -> None:
    """Entries cut off the log and written anew cannot pass a recipient who has seen them, whatever the new ones account for."""
    log = GatewayLog(tmp_path / "log")
    first, second = sealed(7), content_key(b"\x02" * 32).seal([encode_record(record(3))], 8)
    log.fill(7)
    log.add(sha256(first).digest())
    log.publish()
    coverage = Coverage(log.folder.path, SIGNER.verifier, tmp_path / "in" / KEPT_CHECKPOINT)
    inbox = Inbox(tmp_path / "in", PRIVATE_KEY, coverage, reports.append)
    inbox.store(first, _TOPIC, 7)
    assert _indices(inbox) == [7]
    forked = GatewayLog(tmp_path / "forked")
    forked.fill(8)
    forked.add(sha256(second).digest())
    forked.publish()
    coverage = Coverage(forked.folder.path, SIGNER.verifier, tmp_path / "in" / KEPT_CHECKPOINT)
    inbox = Inbox(tmp_path / "in", PRIVATE_KEY, coverage, reports.append)
    inbox.store(second, _TOPIC, 8)
    assert (_indices(inbox), _indices(inbox), inbox.waiting) == ([], [], 1)
    assert reports == ["the first `8` entries are not those seen before: the log has split"]


def test_settle_forged_bundle_never_handed_on_and_true_one_is(tmp_path: Path, reports: _Reports) -> None:
    """Someone else sealed for the same public key and came first: the log tells which is the gateway's."""
    log = GatewayLog(tmp_path / "log")
    inbox = _inbox(tmp_path, reports, log)
    log.fill(7)
    forged = content_key(b"\x01" * 32).seal([encode_record(record(99))], 7)
    true = sealed(7)
    log.add(sha256(true).digest())
    log.publish()
    assert inbox.store(forged, _TOPIC, 7)
    assert inbox.store(true, _TOPIC, 7)
    handed_on = list(inbox.settle())
    assert [bundle.records for bundle in handed_on] == [(record(0),)]
    assert len(reports) == 1
    assert inbox.waiting == 0


def test_settle_forged_bundle_alone_told_and_not_handed_on(tmp_path: Path, reports: _Reports) -> None:
    """Where the log names other bytes, what came is refused, once."""
    log = GatewayLog(tmp_path / "log")
    log.fill(7)
    log.add(bytes(32))
    log.publish()
    inbox = _inbox(tmp_path, reports, log)
    inbox.store(sealed(7), _TOPIC, 7)
    assert (_indices(inbox), _indices(inbox), inbox.waiting) == ([], [], 0)
    assert [line for line in reports if "the log does not account for it" in line] == reports
    assert len(reports) == 1


def test_store_second_version_without_log_reported_not_handed_on(tmp_path: Path, reports: _Reports) -> None:
    """Two different bundles under one index: the second is kept as evidence and told."""
    inbox = _inbox(tmp_path, reports)
    inbox.store(sealed(7), _TOPIC, 7)
    assert _indices(inbox) == [7]
    other = sealed(7)
    assert not inbox.store(other, _TOPIC, 7)
    assert not inbox.store(other, _TOPIC, 7)
    assert _indices(inbox) == []
    assert len(reports) == 1
    assert "log index `7`" in reports[0]
    assert (tmp_path / "in" / f"7-{sha256(other).hexdigest()[:16]}.bundle").read_bytes() == other


@pytest.mark.parametrize(
    ("data", "topic", "log_index"),
    [
        (b"garbage", _TOPIC, 7),
        (sealed(7), _TOPIC, 8),
        (sealed(7), "sluice/other/city-environment", 7),
        (b"", _TOPIC, None),
    ],
)
def test_store_not_a_bundle_of_this_topic_dropped(
    tmp_path: Path, reports: _Reports, data: bytes, topic: str, log_index: int | None
) -> None:
    """What cannot be this recipient's bundle is told in a line and leaves no file."""
    inbox = _inbox(tmp_path, reports)
    assert not inbox.store(data, topic, log_index)
    assert len(reports) == 1
    assert list((tmp_path / "in").iterdir()) == []


def test_settle_wrong_key_told_once_and_tried_again_at_next_start(tmp_path: Path, reports: _Reports) -> None:
    """With the wrong key nothing is lost: the bundle stays, and opens once the right key is given."""
    wrong = Inbox(tmp_path / "in", OTHER_KEY, None, reports.append)
    wrong.store(sealed(7), _TOPIC, 7)
    assert _indices(wrong) == []
    assert _indices(wrong) == []
    assert len(reports) == 1
    assert "another key" in reports[0]
    assert _indices(_inbox(tmp_path, reports)) == [7]


def test_settle_broken_log_told_once_and_everything_kept(tmp_path: Path, reports: _Reports) -> None:
    """While the log is out of order nothing is handed on and nothing forgotten."""
    log = GatewayLog(tmp_path / "log")
    log.fill(7)
    data = sealed(7)
    log.add(sha256(data).digest())
    log.publish()
    checkpoint = log.folder.path / "checkpoint"
    good = checkpoint.read_bytes()
    checkpoint.write_bytes(good.replace(b"8\n", b"9\n"))
    inbox = _inbox(tmp_path, reports, log)
    inbox.store(data, _TOPIC, 7)
    assert [_indices(inbox), _indices(inbox)] == [[], []]
    assert len(reports) == 1
    checkpoint.write_bytes(good)
    assert _indices(inbox) == [7]


def test_store_disk_failure_raised_and_stored_on_redelivery(tmp_path: Path, reports: _Reports) -> None:
    """A bundle that could not be stored raises, so that it is not acknowledged, and is taken when it comes again."""
    inbox = _inbox(tmp_path, reports)
    folder = tmp_path / "in"
    folder.rename(tmp_path / "away")
    data = sealed(7)
    with pytest.raises(OSError, match="No such file"):
        inbox.store(data, _TOPIC, 7)
    (tmp_path / "away").rename(folder)
    assert inbox.store(data, _TOPIC, 7)
    assert _indices(inbox) == [7]


def test_settle_open_data_handed_on(tmp_path: Path, reports: _Reports) -> None:
    """Open data falls into the same folder."""
    inbox = Inbox(tmp_path / "in", None, None, reports.append)
    inbox.store(OpenData(ADDRESS).seal([encode_open_record(record())], 4), _TOPIC, None)
    assert _indices(inbox) == [4]


def _voided_log(folder: Path, data: bytes, size: int = 7) -> GatewayLog:
    """Return a log that has released a bundle, published, and not voided it yet."""
    log = GatewayLog(folder)
    log.fill(size)
    log.add(sha256(data).digest())
    log.publish()
    return log


def test_settle_bundle_that_the_log_voids_after_it_was_handed_on_told_once(tmp_path: Path, reports: _Reports) -> None:
    """The log says that it never left, and here it is: told by the run that finds it, and recorded beside the bundle."""
    log = _voided_log(tmp_path / "log", data := sealed(7))
    inbox = _inbox(tmp_path, reports, log)
    inbox.store(data, _TOPIC, 7)
    assert (_indices(inbox), reports) == ([7], [])
    void = log.void(7, sha256(data).digest())
    log.publish()
    assert _indices(inbox) == []
    (line,) = reports
    assert f"7.bundle`: the log voids it by entry `{void}`: it says that no byte of this bundle was ever sent" in line
    assert (tmp_path / "in" / "7.voided").read_text() == f"{line}\n"
    assert (tmp_path / "in" / "7.bundle").read_bytes() == data
    again = _inbox(tmp_path, reports, log)
    assert (_indices(inbox), _indices(again), len(reports)) == ([], [], 1)


def test_settle_void_of_a_bundle_handed_on_by_an_earlier_run_told_by_the_next(tmp_path: Path, reports: _Reports) -> None:
    """What came in while nobody looked is found at the next start, from the files alone."""
    log = _voided_log(tmp_path / "log", data := sealed(7))
    inbox = _inbox(tmp_path, reports, log)
    inbox.store(data, _TOPIC, 7)
    assert _indices(inbox) == [7]
    log.fill(300)
    log.void(7, sha256(data).digest())
    log.publish()
    assert (_indices(_inbox(tmp_path, reports, log)), len(reports)) == ([], 1)


def test_settle_bundle_voided_before_it_was_handed_on_kept_aside_for_good(tmp_path: Path, reports: _Reports) -> None:
    """A bundle that the log takes back is not handed on, neither now nor at the next start; others are."""
    data = sealed(7)
    other = content_key(b"\x02" * 32).seal([encode_record(record(3))], 9)
    log = _voided_log(tmp_path / "log", data)
    log.void(7, sha256(data).digest())
    log.add(sha256(other).digest())
    log.publish()
    inbox = _inbox(tmp_path, reports, log)
    inbox.store(data, _TOPIC, 7)
    inbox.store(other, _TOPIC, 9)
    assert (_indices(inbox), inbox.waiting, len(reports)) == ([9], 0, 1)
    again = _inbox(tmp_path, reports, log)
    assert (_indices(again), again.waiting, len(reports)) == ([], 0, 1)


def test_settle_voids_of_other_bundles_and_of_other_bytes_leave_it_alone(tmp_path: Path, reports: _Reports) -> None:
    """A void is of one release; another's, or one under a salt of its own, is nothing to this recipient."""
    log = _voided_log(tmp_path / "log", data := sealed(7))
    inbox = _inbox(tmp_path, reports, log)
    inbox.store(data, _TOPIC, 7)
    log.void(6, sha256(data).digest())
    log.void(7, bytes(32))
    log.fill(20)
    log.publish()
    assert (_indices(inbox), reports) == ([7], [])


def test_settle_with_entries_that_do_not_lead_to_the_checkpoint_told_and_nothing_handed_on(
    tmp_path: Path, reports: _Reports
) -> None:
    """A void that somebody took out of the entries cannot hide: every entry is proven."""
    log = _voided_log(tmp_path / "log", data := sealed(7))
    inbox = _inbox(tmp_path, reports, log)
    inbox.store(data, _TOPIC, 7)
    assert _indices(inbox) == [7]
    log.void(7, sha256(data).digest())
    log.publish()
    entries = log.folder.path / "tile" / "entries" / "000.p" / "9"
    whole = entries.read_bytes()
    entries.write_bytes(whole.replace(whole[-32:], bytes(32)))
    assert _indices(inbox) == []
    (line,) = reports
    assert "do not hash to their leaves" in line
    entries.write_bytes(whole)
    assert (_indices(inbox), len(reports)) == ([], 2)


def test_settle_forged_bundles_are_told_one_by_one_and_the_true_ones_delivered(tmp_path: Path, reports: _Reports) -> None:
    """Without a log, whatever a forger seals costs its own delivery alone: now, and at each start."""
    inbox = _inbox(tmp_path, reports)
    for index, what in enumerate(HOSTILE_VALUES, 100):
        inbox.store(forged(what, index), _TOPIC, index)
    inbox.store(sealed(7), _TOPIC, 7)
    inbox.store(sealed(900), _TOPIC, 900)
    assert _indices(inbox) == [7, 900]
    assert len(reports) == len(HOSTILE_VALUES)
    assert all(line.isprintable() and any(said in line for said in _REFUSALS) for line in reports)
    assert reports[-1].endswith(f"(`{len(HOSTILE_VALUES)}` refused so far)")
    again = _inbox(tmp_path, reports)
    again.store(sealed(901), _TOPIC, 901)
    assert (_indices(again), again.waiting, len(reports)) == ([901], 0, 2 * len(HOSTILE_VALUES))


@pytest.mark.parametrize("odd", ["fifo", "device", "folder", "dangling"])
def test_settle_folder_with_odd_files_in_it_is_usable(tmp_path: Path, reports: _Reports, odd: str) -> None:
    """What somebody put among the bundles, or an earlier version left, ends no start."""
    folder = tmp_path / "in"
    folder.mkdir()
    match odd:
        case "fifo":
            os.mkfifo(folder / "5.bundle")
        case "device":
            (folder / "5.bundle").symlink_to("/dev/zero")
        case "folder":
            (folder / "5.bundle").mkdir()
        case _:
            (folder / "5.bundle").symlink_to("absent")
    inbox = _inbox(tmp_path, reports)
    inbox.store(sealed(7), _TOPIC, 7)
    assert (_indices(inbox), inbox.waiting, len(reports)) == ([7], 0, 1)
    assert "5.bundle" in reports[0]


def test_settle_junk_beyond_the_quota_deleted_oldest_first_and_told(tmp_path: Path, reports: _Reports) -> None:
    """What does not open is kept for a look, not without bound; what opened is never deleted."""
    inbox = _inbox(tmp_path, reports, quota=Quota(bundles=2))
    for index in range(5):
        inbox.store(sealed(index), _TOPIC, index)
    assert _indices(inbox) == [0, 1, 2, 3, 4]
    for index in (12, 11, 10, 13):
        inbox.store(forged("no number", index), _TOPIC, index)
        assert _indices(inbox) == []
    assert [line for line in reports if "full of bundles that do not open" in line] == [
        f"`{tmp_path / 'in'}`: full of bundles that do not open or that no log covers; deleted the oldest of them, "
        f"`{dropped}` so far, the last one `{name}`"
        for dropped, name in ((1, "12.bundle"), (2, "11.bundle"))
    ]
    bundles = {f"{index}.bundle" for index in (0, 1, 2, 3, 4, 10, 13)}
    assert _names(tmp_path) == bundles | {f"{index}.jsonl" for index in range(5)}


def test_settle_junk_of_earlier_runs_counts_towards_the_quota(tmp_path: Path, reports: _Reports) -> None:
    """A restart gives a forger no new room, neither with bundles that do not open nor with second ones."""
    quota = Quota(bundles=1)
    for index in (7, 8, 9):
        inbox = _inbox(tmp_path, reports, quota=quota)
        inbox.store(sealed(1), _TOPIC, 1)
        list(inbox.settle())
        inbox.store(forged("infinity", index), _TOPIC, index)
        list(inbox.settle())
    list(_inbox(tmp_path, reports, quota=quota).settle())
    assert len(_names(tmp_path)) == 3
    assert {"1.bundle", "1.jsonl"} < _names(tmp_path)


def test_settle_with_a_log_junk_for_indices_to_come_is_bounded_and_what_the_log_covers_stays(
    tmp_path: Path, reports: _Reports
) -> None:
    """A forger names entries that the log does not have yet: those wait, and are the last to go, but they go."""
    log = GatewayLog(tmp_path / "log")
    log.fill(3)
    data = sealed(3)
    log.add(sha256(data).digest())
    log.publish()
    inbox = _inbox(tmp_path, reports, log, Quota(bundles=2))
    inbox.store(data, _TOPIC, 3)
    inbox.store(sealed(2), _TOPIC, 2)
    for index in (70, 60, 50):
        inbox.store(sealed(index), _TOPIC, index)
    assert (_indices(inbox), inbox.waiting) == ([3], 2)
    assert _names(tmp_path) == {"3.bundle", "3.jsonl", "60.bundle", "50.bundle"}
    assert any("deleted the oldest of them" in line for line in reports)


def test_settle_bundle_that_the_log_covers_and_the_key_does_not_open_is_no_junk(tmp_path: Path, reports: _Reports) -> None:
    """With the wrong key nothing is lost, however much comes."""
    log = GatewayLog(tmp_path / "log")
    bundles = [sealed(index) for index in range(4)]
    for data in bundles:
        log.add(sha256(data).digest())
    log.publish()
    coverage = Coverage(log.folder.path, SIGNER.verifier)
    wrong = Inbox(tmp_path / "in", OTHER_KEY, coverage, reports.append, quota=Quota(bundles=1))
    for index, data in enumerate(bundles):
        wrong.store(data, _TOPIC, index)
    assert (_indices(wrong), _indices(wrong), len(reports)) == ([], [], 4)
    assert _indices(_inbox(tmp_path, reports, log)) == [0, 1, 2, 3]


def test_settle_true_bundle_that_came_second_gets_the_name_without_a_hash(tmp_path: Path, reports: _Reports) -> None:
    """Whichever came first, `7.bundle` is the gateway's, and the forged one is the junk, also after a restart."""
    log = GatewayLog(tmp_path / "log")
    true = sealed(7)
    log.fill(7)
    log.add(sha256(true).digest())
    log.publish()
    inbox = _inbox(tmp_path, reports, log)
    inbox.store(forged("infinity", 7), _TOPIC, 7)
    inbox.store(true, _TOPIC, 7)
    assert _indices(inbox) == [7]
    assert (tmp_path / "in" / "7.bundle").read_bytes() == true
    assert len(_names(tmp_path)) == 3
    assert _indices(_inbox(tmp_path, reports, log, Quota(bundles=0))) == []
    assert _names(tmp_path) == {"7.bundle", "7.jsonl"}


def test_settle_other_bytes_under_the_index_of_a_void_are_not_taken_for_that_bundle(tmp_path: Path, reports: _Reports) -> None:
    """Voids are public: somebody who makes up bytes for such an index must not make the recipient accuse the gateway."""
    log = _voided_log(tmp_path / "log", data := sealed(7))
    log.void(7, sha256(data).digest())
    log.publish()
    inbox = _inbox(tmp_path, reports, log)
    inbox.store(forged("infinity", 7), _TOPIC, 7)
    assert (_indices(inbox), inbox.waiting, len(reports)) == ([], 0, 1)
    assert "the log does not account for it" in reports[0]
    assert not (tmp_path / "in" / "7.voided").exists()


def test_settle_with_a_full_disk_delivers_once_there_is_room(
    tmp_path: Path, reports: _Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The records could not be written: the bundle still waits, also one that came second."""
    inbox = _inbox(tmp_path, reports)
    inbox.store(forged("infinity", 7), _TOPIC, 7)
    inbox.store(sealed(7), _TOPIC, 7)

    def full(target: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device", str(target))

    with monkeypatch.context() as patch:
        patch.setattr(inbox_module, "write_whole", full)
        for _ in range(2):
            with pytest.raises(OSError, match="No space left"):
                list(inbox.settle())
    assert (_indices(inbox), inbox.waiting) == ([7], 0)
    assert (tmp_path / "in" / "7.jsonl").exists()


def test_settle_records_lie_with_content_key_and_counter(tmp_path: Path, reports: _Reports) -> None:
    """So that gaps can be seen from the records alone."""
    seals = content_key()
    inbox = _inbox(tmp_path, reports)
    for index in (7, 9):
        inbox.store(seals.seal([encode_record(record())], index), _TOPIC, index)
    assert _indices(inbox) == [7, 9]
    lines = [json.loads((tmp_path / "in" / f"{index}.jsonl").read_text()) for index in (7, 9)]
    assert [line["counter"] for line in lines] == [0, 1]
    assert {line["content_key"] for line in lines} == {seals.key_id.hex()}
