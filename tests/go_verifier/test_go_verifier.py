"""The verifier in Go, on Debian's own packages, agrees with ours on every log that the tests make.

Slow, since the toolchain is half a gigabyte: `./dev test --slow` installs it, and whoever runs the quick tests does without.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.dev.debian import GO, GO_MOD, missing_packages
from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.handover import KEYS_NAME, LogKeys
from gateway.audit.log.notes import Signer, sign_note
from gateway.audit.log.reader import LogReader
from gateway.audit.verify.saved_checkpoint import SavedCheckpoint
from gateway.audit.verify.trust import Anchors
from gateway.audit.verify.verify import Verification, verify_folder
from tests.support.handed_over import SECOND, THIRD, HandedOver, handed_over
from tests.support.handover_cases import CASES
from tests.support.log import ORIGIN, SIGNER, SampleLog, sample
from tests.support.logs import COSIGNERS, LARGE, LOGS, cosign, grow, grown
from tests.support.waiting import HANG_S

pytestmark = pytest.mark.slow
SOURCE = Path(__file__).with_name("main.go")
PACKAGES = Path("/usr/share/gocode")


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built without network, modules or anything from outside Debian."""
    missing = missing_packages([GO, GO_MOD])
    if missing:
        pytest.skip(f"Debian packages are absent, which `./dev test --slow` installs: {' '.join(missing)}")
    folder = tmp_path_factory.mktemp("go")
    environ = {
        "GO111MODULE": "off",
        "GOPATH": str(PACKAGES),
        "GOPROXY": "off",
        "GOCACHE": str(folder / "cache"),
        "CGO_ENABLED": "0",
    }
    built = subprocess.run(
        ["go", "build", "-o", folder / "verifier", SOURCE], env=os.environ | environ, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    return folder / "verifier"


def _say(verifier: Path, folder: Path, *arguments: str, key: Signer = SIGNER) -> str:
    """Return what the program says of a folder, in one line."""
    called = [str(verifier), "-key", key.vkey(), *arguments, str(folder)]
    done = subprocess.run(called, capture_output=True, text=True, check=False, timeout=HANG_S)
    assert done.stderr == ""
    assert (done.returncode == 0) is done.stdout.startswith("ok ")
    return done.stdout.rstrip("\n")


@pytest.mark.parametrize("name", [*LOGS, *LARGE])
def test_go_passes_every_log_that_ours_passes(name: str, verifier: Path, tmp_path: Path) -> None:
    """Sizes around full tiles, three levels, every kind of entry."""
    log = {**LOGS, **LARGE}[name](tmp_path)
    assert verify_folder(log.log.path, SIGNER.vkey()).ok
    assert _say(verifier, log.log.path) == f"ok {log.writer.size} 0"


def test_go_counts_the_cosignatures_that_ours_counts(verifier: Path, tmp_path: Path) -> None:
    """cosignature/v1, of which the library knows nothing; one with a bit flipped refuses the checkpoint."""
    log = sample(tmp_path)
    cosign(log, COSIGNERS[:2])
    witnesses = [word for one in COSIGNERS for word in ("-witness", one.vkey())]
    assert _say(verifier, log.log.path, *witnesses) == "ok 15 2"
    assert _say(verifier, log.log.path, *witnesses[2:]) == "ok 15 1"
    file = log.log.path / "checkpoint"
    whole = file.read_bytes()
    file.write_bytes(whole[:-12] + bytes((whole[-12] ^ 1,)) + whole[-11:])
    assert _say(verifier, log.log.path, *witnesses).startswith("FAIL checkpoint")


def _damaged(log: SampleLog, count: int) -> list[tuple[Path, bytes, bytes]]:
    """Return files that a checkpoint covers, with their bytes and with one bit of them flipped."""
    chosen, found = random.Random(4), []
    for name in ("checkpoint", "tile/0/000.p/15", "tile/entries/000.p/15", "labels/5", "labels/9", "labels/13"):
        whole = (log.log.path / name).read_bytes()
        for _ in range(count):
            damaged = bytearray(whole)
            bit = chosen.randrange(8 * len(whole))
            damaged[bit // 8] ^= 1 << bit % 8
            found.append((log.log.path / name, whole, bytes(damaged)))
    return found


def test_go_finds_every_flipped_bit_that_ours_finds(verifier: Path, tmp_path: Path) -> None:
    """A sample over the files that the checkpoint covers."""
    for file, whole, damaged in _damaged(sample(tmp_path), 40):
        file.write_bytes(damaged)
        assert _say(verifier, tmp_path / "log").startswith("FAIL "), (file, damaged.hex())
        assert not verify_folder(tmp_path / "log", SIGNER.vkey()).ok
        file.write_bytes(whole)


def _pipe(file: Path) -> None:
    os.mkfifo(file)


def _device(file: Path) -> None:
    file.symlink_to("/dev/zero")


def _sparse(file: Path) -> None:
    file.touch()
    os.truncate(file, 1 << 40)


@pytest.mark.parametrize("make", [_pipe, _device, _sparse])
@pytest.mark.parametrize("name", ["checkpoint", "tile/0/000.p/15", "tile/entries/000.p/15", "labels/9", "policies"])
def test_go_is_stopped_by_no_file_that_is_none(verifier: Path, tmp_path: Path, name: str, make: Callable[[Path], None]) -> None:
    """Pipes, devices and enormous files are refused unread, as ours refuses them."""
    file = sample(tmp_path).log.path / name
    if name == "policies":
        file = next(file.iterdir())
    file.unlink()
    make(file)
    assert _say(verifier, tmp_path / "log").startswith("FAIL ")


@pytest.mark.parametrize("size", [1 << 24, 1 << 62, (1 << 63) - 1])
def test_go_is_stopped_by_no_size_that_no_tile_holds(verifier: Path, tmp_path: Path, size: int) -> None:
    """The first tile that is absent ends it."""
    log = sample(tmp_path)
    (log.log.path / "checkpoint").write_bytes(sign_note(Checkpoint(ORIGIN, size, bytes(32)).text(), SIGNER))
    assert _say(verifier, log.log.path).startswith("FAIL ")


@pytest.mark.parametrize(("older", "newer"), [(1, 2), (3, 300), (255, 257), (256, 512), (300, 700), (700, 66_000)])
def test_go_finds_growth_and_split_where_ours_does(verifier: Path, tmp_path: Path, older: int, newer: int) -> None:
    """Consistency from a kept checkpoint, by proof there and by recount here."""
    log, since = grown(tmp_path / "one", older), tmp_path / "since"
    since.write_bytes((log.log.path / "checkpoint").read_bytes())
    grow(log, newer)
    kept = SavedCheckpoint.parse(since.read_bytes(), LogKeys(SIGNER.verifier))
    assert _say(verifier, log.log.path, "-since", str(since)) == f"ok {newer} 0"
    grew = Verification(LogReader(log.log.path), Anchors(SIGNER.verifier), since=kept).run().steps[8]
    assert grew.status == "passed"
    other = SampleLog(tmp_path / "other")
    grow(other, newer, bytes([1]) * 32)
    assert _say(verifier, other.log.path, "-since", str(since)).startswith("FAIL since")
    split = Verification(LogReader(other.log.path), Anchors(SIGNER.verifier), since=kept).run().steps[8]
    assert split.status == "failed"


@pytest.mark.parametrize("name", CASES)
def test_go_follows_the_handovers_that_ours_follows(name: str, verifier: Path, tmp_path: Path) -> None:
    """The table to which `sluice audit verify` and `verify.py` are held too."""
    case = CASES[name]
    folder = case.folder(tmp_path)
    if case.passes:
        assert _say(verifier, folder, key=case.given).startswith("ok ")
    else:
        assert _say(verifier, folder, key=case.given).startswith("FAIL ")


def test_go_counts_no_key_of_the_log_as_a_witness(verifier: Path, tmp_path: Path) -> None:
    log = HandedOver(tmp_path)
    log.hand_over(SIGNER, SECOND)
    log.publish(SECOND, SIGNER)
    cosign(log.log, COSIGNERS[:1])
    assert _say(verifier, log.log.log.path, "-witness", COSIGNERS[0].vkey()) == "ok 16 1"


def test_go_finds_growth_across_handovers(verifier: Path, tmp_path: Path) -> None:
    """An earlier checkpoint is signed by the key of its time, and by no later one."""
    log = HandedOver(tmp_path)
    folder, since, signed_anew = log.log.log.path, tmp_path / "since", tmp_path / "signed anew"
    log.publish(SIGNER)
    since.write_bytes((folder / "checkpoint").read_bytes())
    signed_anew.write_bytes(sign_note(log.log.writer.checkpoint().text(), THIRD))
    log.hand_over(SIGNER, SECOND)
    log.hand_over(SECOND, THIRD)
    log.publish(THIRD)
    assert _say(verifier, folder, "-since", str(since)) == "ok 17 0"
    assert _say(verifier, folder, "-since", str(signed_anew)).startswith("FAIL checkpoint")
    assert _say(verifier, folder, "-since", str(since), key=THIRD).startswith("FAIL checkpoint")


def test_go_finds_every_flipped_bit_of_handovers(verifier: Path, tmp_path: Path) -> None:
    """One bit of each byte."""
    file = handed_over(tmp_path).log.log.path / KEYS_NAME
    whole, chosen = file.read_bytes(), random.Random(6)
    for at in range(len(whole)):
        file.write_bytes(whole[:at] + bytes((whole[at] ^ 1 << chosen.randrange(8),)) + whole[at + 1 :])
        assert _say(verifier, tmp_path / "log").startswith("FAIL "), at
    file.write_bytes(whole)
    assert _say(verifier, tmp_path / "log") == "ok 19 0"
