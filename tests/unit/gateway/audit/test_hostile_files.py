"""An auditor is stopped by no file: pipes, devices and endless or enormous ones, wherever a command reads one."""

from __future__ import annotations

import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.notes import sign_note
from gateway.audit.standalone import verify as standalone
from tests.support.audits import run_audit
from tests.support.log import ORIGIN, SIGNER, SampleLog, sample
from tests.support.logs import COSIGNERS, policy_text

_TB = 1 << 40


def _pipe(file: Path) -> None:
    os.mkfifo(file)


def _device(file: Path) -> None:
    file.symlink_to("/dev/zero")


def _sparse(file: Path) -> None:
    file.touch()
    os.truncate(file, _TB)


_HOSTILE = pytest.mark.parametrize("make", [_pipe, _device, _sparse])
Make = Callable[[Path], None]


def _run(verb: str, log: SampleLog, **given: Any) -> tuple[int, str]:
    folder = log.log.path.parent
    return run_audit(verb, str(log.log.path), folder, **({"file": folder / "receipt"} | given))


def _replace(file: Path, make: Make) -> None:
    file.unlink(missing_ok=True)
    make(file)


@_HOSTILE
@pytest.mark.parametrize("name", ["tile/0/000.p/15", "tile/entries/000.p/15", "labels/9", "policies"])
def test_file_of_the_log_that_is_none_is_a_finding(tmp_path: Path, name: str, make: Make) -> None:
    """It is named, and nothing of it is read."""
    log = sample(tmp_path)
    file = log.log.path / name
    if name == "policies":
        file = next(file.iterdir())
    _replace(file, make)
    status, text = _run("verify", log)
    assert status == 1
    expected = "longer than `" if make is _sparse else "no regular file"
    assert f"  {file.relative_to(log.log.path)}: {expected}" in text
    wrong = standalone.verify(log.log.path, standalone.parse_key(SIGNER.vkey()), [])[1]
    assert str(file.relative_to(log.log.path)) in {one.where for one in wrong}


def test_partial_files_that_hold_more_than_they_may_are_not_read(tmp_path: Path) -> None:
    """A folder of enormous ones, which take no room on a disk, costs an auditor neither memory nor time; one is named."""
    log = sample(tmp_path)
    for count in range(1, 15):
        for kind in ("0", "entries"):
            file = log.log.path / f"tile/{kind}/000.p/{count}"
            file.parent.mkdir(exist_ok=True)
            file.unlink(missing_ok=True)
            file.touch()
            os.truncate(file, 16 << 20)
    tracemalloc.start()
    try:
        status, text = _run("verify", log)
        _, _, checked = _stand_alone(log)
        taken_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert status == 1
    assert text.count("not the first ") == 2
    assert sum("it is not the start of" in problem for problem in checked) == 2
    assert taken_bytes < 48 << 20  # one bound at a time, not one for each file


def test_partial_file_with_another_beginning_is_named(tmp_path: Path) -> None:
    """It is no longer than it may be, and says something else."""
    log = sample(tmp_path)
    for kind in ("0", "entries"):
        file = log.log.path / f"tile/{kind}/000.p/3"
        length = len((log.log.path / f"tile/{kind}/000.p/15").read_bytes())
        file.write_bytes(bytes(96 if kind == "0" else length // 10))
    status, text = _run("verify", log)
    assert status == 1
    assert "tile/0/000.p/3: not the first 3 hashes of the tile" in text
    assert "tile/entries/000.p/3: not the first 3 entries of the bundle" in text
    assert sum("it is not the start of" in problem for problem in _stand_alone(log)[2]) == 2


def _stand_alone(log: SampleLog) -> tuple[bool, list[str], list[str]]:
    """Return whether the standalone verifier trusts the checkpoint, what it read, and what is wrong."""
    checkpoint, wrong, what = standalone.verify(log.log.path, standalone.parse_key(SIGNER.vkey()), [])
    return checkpoint is not None, what, [f"{each.where}: {each.problem}" for each in wrong]


@_HOSTILE
@pytest.mark.parametrize("verb", ["verify", "replay", "prove", "explain", "find", "export"])
def test_checkpoint_that_is_no_file_is_no_log(tmp_path: Path, verb: str, make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing was signed, so that nothing contradicts it."""
    log = sample(tmp_path)
    _replace(log.log.path / "checkpoint", make)
    status, text = _run(verb, log, openings=log.openings_folder.path if verb == "replay" else None)
    assert (status, text) == (2, "")
    said = capsys.readouterr().err
    assert said.startswith(f"sluice: `{log.log.path}`: the log cannot be reached: checkpoint: ")
    assert said.count("\n") == 1


@_HOSTILE
def test_opening_that_is_no_file_is_a_finding(tmp_path: Path, make: Make) -> None:
    """In every command that reads openings."""
    log = sample(tmp_path)
    _replace(log.openings_folder.path / "9", make)
    for verb in ("verify", "replay", "find"):
        status, text = _run(verb, log, openings=log.openings_folder.path)
        assert (status, "openings/9: " in text) == (1, True), (verb, text)
    assert _run("explain", log, openings=log.openings_folder.path, index=9)[0] == 1


@_HOSTILE
@pytest.mark.parametrize(
    ("verb", "option"),
    [("verify", "since"), ("verify", "witnesses"), ("check-proof", "file"), ("check-proof", "entry")],
)
def test_option_that_names_no_file_is_refused(
    tmp_path: Path, verb: str, option: str, make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line names it."""
    log, file = sample(tmp_path), tmp_path / "file"
    assert _run("prove", log, out=tmp_path / "receipt")[0] == 0
    _replace(file, make)
    assert _run(verb, log, **{option: file}) == (2, "")
    assert capsys.readouterr().err.startswith(f"sluice: `{file}`: ")


@_HOSTILE
def test_key_or_label_key_in_no_file_is_refused(tmp_path: Path, make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither is a key of that text."""
    log, file = sample(tmp_path), tmp_path / "file"
    make(file)
    assert _run("verify", log, key=str(file)) == (2, "")
    assert _run("find", log, label_key=[str(file)]) == (2, "")
    assert _run("find", log, label_key=[], receipt=[file]) == (2, "")
    assert capsys.readouterr().err.count("\n") == 3


@_HOSTILE
def test_key_beside_the_log_that_is_no_file_offers_none(tmp_path: Path, make: Make) -> None:
    """With a pinned key it is not needed; it is a stranger's file then."""
    log = sample(tmp_path)
    _replace(log.log.path / "log.vkey", make)
    assert _run("verify", log, key=None, no_key=True) == (2, "")
    assert _run("verify", log)[0] == 0


def test_file_that_states_no_size_is_read_and_bound(tmp_path: Path) -> None:
    """As those of the kernel do, some of them without end."""
    log = sample(tmp_path)
    file = log.log.path / "labels/9"
    file.unlink()
    file.symlink_to("/proc/self/maps")
    status, text = _run("verify", log)
    assert status == 1
    assert "labels/9: `" in text
    assert "labels/9: `1` bytes" not in text


# sizes


def _claim(log: SampleLog, size: int) -> None:
    """Sign a checkpoint of that size over the same tiles."""
    note = sign_note(Checkpoint(ORIGIN, size, bytes(32)).text(), SIGNER)
    (log.log.path / "checkpoint").write_bytes(note)


@pytest.mark.parametrize("verb", ["verify", "replay", "prove", "explain", "find", "export"])
@pytest.mark.parametrize("size", [1 << 24, 1 << 62, (1 << 63) - 1])
def test_size_that_no_tile_holds_ends_with_a_finding(
    tmp_path: Path, verb: str, size: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tile at the top is absent, and without it nothing is looked for, entry by entry."""
    log = sample(tmp_path)
    _claim(log, size)
    status, text = _run(verb, log, openings=log.openings_folder.path if verb == "replay" else None, index=size - 1)
    assert status == 1
    assert "tile/" in text + capsys.readouterr().err
    if verb in ("verify", "replay", "find"):
        assert f"nothing shows that the log has `{size}` entries" in text
    assert standalone.verify(log.log.path, standalone.parse_key(SIGNER.vkey()), [])[1][-1].problem.startswith("nothing shows")


@pytest.mark.parametrize("checked", [True, False])
def test_size_of_a_kept_checkpoint_takes_no_memory(tmp_path: Path, checked: bool) -> None:
    """The log's key may sign any, and somebody may hand it on."""
    log, kept = sample(tmp_path), tmp_path / "kept"
    _claim(log, 1 << 62)
    note = (log.log.path / "checkpoint").read_bytes()
    kept.write_bytes((b"sluice: every entry of this checkpoint has been checked\n" if checked else b"") + note)
    assert _run("verify", log, since=kept)[0] == 1


def _facade(folder: Path) -> SampleLog:
    """Return a log whose tile at the top is there, and next to nothing below it."""
    log = sample(folder)
    _claim(log, 1 << 62)
    top = log.log.path / "tile/7/000.p/64"
    top.parent.mkdir(parents=True)
    top.write_bytes(bytes(64 * 32))
    return log


def test_kept_checkpoint_of_a_facade_is_not_counted_up_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says was read before is passed over at once."""
    log, kept = _facade(tmp_path), tmp_path / "kept"
    note = (log.log.path / "checkpoint").read_bytes()
    kept.write_bytes(b"sluice: every entry of this checkpoint has been checked\n" + note)
    monkeypatch.setattr("gateway.audit.verify.stored_tree.MOST_FAULTS", 500)
    status, text = _run("verify", log, since=kept)
    assert (status, "reading stopped at `tile/1/" in text) == (1, True)
    (log.log.path / "checkpoint").unlink()


def test_verify_stops_where_the_tiles_of_a_long_log_are_a_facade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it finds more wrong than anyone would look into."""
    log = _facade(tmp_path)
    monkeypatch.setattr("gateway.audit.verify.stored_tree.MOST_FAULTS", 500)
    for verb in ("verify", "replay", "find"):
        status, text = _run(verb, log, openings=log.openings_folder.path if verb == "replay" else None)
        assert (status, "reading stopped before entry `" in text) == (1, True), text
    monkeypatch.setattr(standalone, "MOST_WRONG", 500)
    wrong = standalone.verify(log.log.path, standalone.parse_key(SIGNER.vkey()), [])[1]
    assert 500 < len(wrong) < 520
    assert wrong[-1].problem.startswith("reading stopped at `tile/0/")
    (log.log.path / "checkpoint").unlink()  # so many faults take long to count with the bounds as shipped


def test_unreachable_is_said_to_programs_too(tmp_path: Path) -> None:
    """In JSON, beside the line and the exit status."""
    log = sample(tmp_path)
    (log.log.path / "checkpoint").unlink()
    status, text = _run("verify", log, json=True)
    assert status == 2
    assert json.loads(text) == {
        "audit": "unreachable",
        "problem": f"`{log.log.path}`: the log cannot be reached: checkpoint: absent",
    }


def test_witness_policy_is_read_from_a_file_as_before(tmp_path: Path) -> None:
    """The bound is on what is no file."""
    log, policy = sample(tmp_path), tmp_path / "policy"
    policy.write_text(policy_text("any", COSIGNERS, vkey=SIGNER.vkey()))
    assert _run("verify", log, key=None, witnesses=policy)[0] == 1  # nobody has cosigned
