"""A citizen finds their own releases by their label key, offline, and nobody else's."""

from __future__ import annotations

import io
import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from consent.core.receipts.canonical_json import write_receipt
from gateway.audit import command
from gateway.audit.find import FoundRelease, Search
from gateway.audit.log.openings import subject_label_key
from gateway.audit.log.reader import LogReader, OpeningsReader
from gateway.audit.verify.trust import Anchors, open_checkpoint
from tests.support.log import SIGNER, START_MS, SUBJECTS, SampleLog, sample, secret
from tests.support.logs import MemorySource
from tests.support.receipt_samples import CASES

KEYS = [subject_label_key(secret(subject)) for subject in SUBJECTS]


def _search(log: SampleLog, *keys: bytes, openings: bool = False) -> Search:
    reader = LogReader(log.log.path)
    checkpoint, _ = open_checkpoint(reader.checkpoint(), Anchors(SIGNER.verifier))
    return Search(reader, checkpoint, keys, OpeningsReader(log.openings_folder.path) if openings else None)


def test_find_shows_exactly_the_releases_with_the_subject_in_them(tmp_path: Path) -> None:
    """The third subject is in the first release only, which was voided, as everybody sees; a stranger's key finds nothing."""
    log = sample(tmp_path)
    assert [[one.index for one in _search(log, key).run()] for key in KEYS] == [[5, 9], [5, 9], [5]]
    assert _search(log, bytes(32)).run() == []
    search = _search(log, KEYS[2])
    assert search.run() == [FoundRelease(5, START_MS + 5000, None, 8)]
    assert (search.releases, search.findings) == (3, ())


def test_find_with_openings_says_who_got_it_and_what_was_taken_back(tmp_path: Path) -> None:
    """An opening at hand tells recipient and void."""
    found = _search(sample(tmp_path), KEYS[1], openings=True).run()
    assert [(one.index, one.recipient, one.voided_by) for one in found] == [(5, "city", 8), (9, "city", None)]


def test_find_with_the_keys_before_and_after_a_resident_left_finds_both(tmp_path: Path) -> None:
    """A subject's key is replaced then; each release bears one label of either."""
    log = sample(tmp_path)
    assert [one.index for one in _search(log, KEYS[2], KEYS[1]).run()] == [5, 9]


def test_find_reads_no_more_for_one_citizen_than_for_another(tmp_path: Path) -> None:
    """Whoever serves the files learns nothing of who is looked for."""
    source = MemorySource.of(sample(tmp_path).log.path)
    reads = []
    for key in (KEYS[0], KEYS[2], bytes(32)):
        source.reads.clear()
        reader = LogReader(source)
        Search(reader, open_checkpoint(reader.checkpoint(), Anchors(SIGNER.verifier))[0], [key]).run()
        reads.append(list(source.reads))
    assert reads[0] == reads[1] == reads[2]


@pytest.mark.parametrize("change", [lambda data: data[16:], lambda data: bytes([data[0] ^ 1]) + data[1:], lambda data: b""])
def test_find_in_a_log_with_changed_labels_says_that_the_answer_may_not_be_whole(tmp_path: Path, change: Any) -> None:
    """A label taken out of a release does not pass unnoticed."""
    log = sample(tmp_path)
    file = log.log.path / "labels/5"
    file.write_bytes(change(file.read_bytes()))
    search = _search(log, KEYS[0])
    search.run()
    assert [finding.where for finding in search.findings] == ["labels/5"]


def test_find_over_a_changed_entry_or_opening_names_it(tmp_path: Path) -> None:
    """The search stands on entries that lead to the checkpoint, and on openings that lead to the entries."""
    log = sample(tmp_path)
    (log.openings_folder.path / "5").write_bytes(log.openings[6].encode())
    (log.openings_folder.path / "8").write_bytes(b"")
    search = _search(log, KEYS[0], openings=True)
    search.run()
    assert [finding.where for finding in search.findings] == ["openings/5", "openings/8"]
    bundle = log.log.path / "tile/entries/000.p/15"
    whole = bundle.read_bytes()
    bundle.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    search = _search(log, KEYS[0])
    assert [one.index for one in search.run()] == [5, 9]
    assert [finding.where for finding in search.findings] == ["tile/entries/000.p/15"]


def test_find_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Keys as text and as a file; what it prints; a finding ends with 1, a bad key with 2."""
    log = sample(tmp_path)
    file = tmp_path / "keys"
    file.write_text(KEYS[1].hex() + "\n")
    out = io.StringIO()
    common: dict[str, Any] = {"place": str(log.log.path), "key": SIGNER.vkey(), "witnesses": None}
    args = Namespace(**common, receipt=[], label_key=[KEYS[2].hex(), str(file)], openings=log.openings_folder.path, json=False)
    assert command.run("find", args, out) == 0
    assert out.getvalue().splitlines()[-3:] == [
        "       5  2026-09-21T14:13:25Z  to city  taken back by entry 8",
        "       9  2026-09-21T14:13:29Z  to city",
        "found: 2 releases",
    ]
    (log.log.path / "labels/5").unlink()
    out = io.StringIO()
    assert command.run("find", Namespace(**common, receipt=[], label_key=[str(file)], openings=None, json=True), out) == 1
    told = json.loads(out.getvalue())
    assert [one["index"] for one in told["found"]] == [9]
    assert told["problems"] == ["labels/5: absent"]
    file.write_text("x")
    assert command.run("find", Namespace(**common, receipt=[], label_key=[str(file)], openings=None, json=True), out) == 2
    assert "line 1 is no label key" in capsys.readouterr().err


def test_find_takes_a_receipt_as_it_was_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody has to copy a key out of it; one of another log is refused, since nothing would be found in this one."""
    log = sample(tmp_path)
    file, out = tmp_path / "receipt.jsonld", io.StringIO()
    receipt = {**CASES["Given"], "labelKey": KEYS[0].hex(), "logEntry": {"origin": SIGNER.name}}
    file.write_bytes(write_receipt(receipt))
    common: dict[str, Any] = {
        "place": str(log.log.path),
        "key": SIGNER.vkey(),
        "witnesses": None,
        "openings": None,
        "json": False,
    }
    assert command.run("find", Namespace(**common, receipt=[file], label_key=[]), out) == 0
    assert out.getvalue().splitlines()[-1] == "found: 2 releases"
    file.write_bytes(write_receipt({**receipt, "logEntry": {"origin": "sluice.elsewhere-1/log"}}))
    assert command.run("find", Namespace(**common, receipt=[file], label_key=[]), out) == 2
    assert "belongs to the log `sluice.elsewhere-1/log`, and this is" in capsys.readouterr().err
    assert command.run("find", Namespace(**common, receipt=[], label_key=[]), out) == 2
    assert "name a receipt with `--receipt FILE`" in capsys.readouterr().err
