"""An export holds what its checkpoint covers, and verifies where nothing of the project is installed."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from gateway.audit import command
from gateway.audit.export import Export, verifier_program
from gateway.audit.log.reader import LogUnreachableError
from gateway.audit.log.tiles import policies_path
from gateway.audit.verify.verify import verify_folder
from tests.support.log import SIGNER, sample
from tests.support.logs import LOGS, MemorySource


def _standalone(folder: Path) -> subprocess.CompletedProcess[str]:
    called = [sys.executable, "-I", "-S", str(folder / "verify.py"), "--key", SIGNER.vkey()]
    return subprocess.run(called, capture_output=True, text=True, check=False, cwd="/")


@pytest.mark.parametrize("name", LOGS)
def test_export_of_every_log_verifies_by_itself_and_with_ours(name: str, tmp_path: Path) -> None:
    """With Python's standard library alone, from any folder, and with `sluice audit verify`."""
    log = LOGS[name](tmp_path / "made")
    done = Export(MemorySource.of(log.log.path), tmp_path / "out").run()
    assert (done.size, done.missing) == (log.writer.size, [])
    told = _standalone(tmp_path / "out")
    assert (told.returncode, told.stderr) == (0, ""), told.stdout
    assert told.stdout.splitlines()[-1] == "audit: ok"
    assert verify_folder(tmp_path / "out", SIGNER.vkey()).ok


def test_export_copies_what_the_checkpoint_covers_and_nothing_else(tmp_path: Path) -> None:
    """Policies too, where they lie there; no partial files of earlier checkpoints, and no files that no entry names."""
    log = sample(tmp_path / "made")
    (log.log.path / "labels/99").write_bytes(bytes(16))
    (log.log.path / "notes.txt").write_text("x")
    policies = policies_path(hashlib.sha256(b"policy").digest())
    (log.log.path / "policies").mkdir(exist_ok=True)
    (log.log.path / policies).write_bytes(b"kept")
    (log.log.path / "policies/other").write_bytes(b"not named")
    Export(MemorySource.of(log.log.path), tmp_path / "out").run()
    found = {str(file.relative_to(tmp_path / "out")) for file in (tmp_path / "out").rglob("*") if file.is_file()}
    assert found == {
        *("checkpoint", "log.vkey", "verify.py", policies),
        *("tile/0/000.p/15", "tile/entries/000.p/15", "labels/5", "labels/9", "labels/13"),
    }
    assert (tmp_path / "out/verify.py").read_bytes() == verifier_program()


def test_export_of_a_damaged_log_says_what_is_missing_and_keeps_the_evidence(tmp_path: Path) -> None:
    """Nothing is judged and nothing is mended; the verifier in it finds what is wrong."""
    log = sample(tmp_path / "made")
    source = MemorySource.of(log.log.path)
    del source.files["labels/9"]
    source.files["tile/entries/000.p/15"] = source.files["tile/entries/000.p/15"][:-1]
    done = Export(source, tmp_path / "out").run()
    assert [finding.where for finding in done.missing] == []
    told = _standalone(tmp_path / "out")
    assert told.returncode == 1
    assert "WRONG  tile/entries/000.p/15" in told.stdout
    source = MemorySource.of(log.log.path)
    del source.files["labels/9"]
    assert [one.where for one in Export(source, tmp_path / "again").run().missing] == ["labels/9"]


def test_export_without_checkpoint_or_into_a_full_folder_is_refused(tmp_path: Path) -> None:
    """Nothing is overwritten, and nothing is exported that names no size."""
    with pytest.raises(LogUnreachableError):
        Export(MemorySource({}), tmp_path / "out").run()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    with pytest.raises(FileExistsError, match="not empty"):
        Export(MemorySource({}), tmp_path / "full")


def test_export_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What it prints, and how it ends."""
    log = sample(tmp_path / "made")
    out, target = io.StringIO(), tmp_path / "out"
    args = Namespace(place=str(log.log.path), out=target, json=False)
    assert command.run("export", args, out) == 0
    assert out.getvalue().splitlines()[-1] == f"verify it anywhere: python3 {target / 'verify.py'} --key VKEY"
    assert command.run("export", args, out) == 2
    assert "is not empty" in capsys.readouterr().err
    file = tmp_path / "file"
    file.touch()
    assert command.run("export", Namespace(place=str(log.log.path), out=file, json=False), out) == 2
    assert capsys.readouterr().err == f"sluice: `{file}` is no folder\n"
    (log.log.path / "labels/9").unlink()
    out = io.StringIO()
    assert command.run("export", Namespace(place=str(log.log.path), out=tmp_path / "two", json=True), out) == 1
    assert json.loads(out.getvalue())["problems"] == ["labels/9: absent"]
