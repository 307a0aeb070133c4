"""The verifier that rides in exports: nothing but the standard library, and the same verdict as ours on everything."""

from __future__ import annotations

import ast
import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audit.export import verifier_program
from gateway.audit.log.canonical import encode
from gateway.audit.log.chain import Chain
from gateway.audit.log.entries import Entry, EntryError, Kind
from gateway.audit.log.notes import Signer
from gateway.audit.standalone import verify as standalone
from gateway.audit.verify.verify import verify_folder
from tests.support.log import ORIGIN, SIGNER, SampleLog, sample
from tests.support.logs import COSIGNERS, LARGE, LOGS, cosign

PROGRAM = Path(standalone.__file__)

# RFC 8032, section 7.1: public key, message, signature.
_RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        hashlib.sha512(b"abc").hexdigest(),
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
]


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program as a stranger would: no site packages, no environment, no current folder on the path."""
    called = [sys.executable, "-I", "-S", str(PROGRAM), *arguments, str(folder)]
    return subprocess.run(called, capture_output=True, text=True, check=False, cwd="/")


# Ed25519


def _library_accepts(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@pytest.mark.parametrize(("key", "message", "signature"), _RFC_8032)
def test_signatures_of_rfc_8032_are_accepted_and_none_with_a_bit_flipped(key: str, message: str, signature: str) -> None:
    """Test vectors 1, 2, 3 and SHA(abc) of section 7.1."""
    public, text, signed = bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature)
    assert standalone.ed25519_verify(public, text, signed)
    for bit in range(0, 512, 37):
        damaged = bytearray(signed)
        damaged[bit // 8] ^= 1 << bit % 8
        assert not standalone.ed25519_verify(public, text, bytes(damaged))
    assert not standalone.ed25519_verify(public, text + b"x", signed)


def _small_orders() -> list[bytes]:
    """Return the eight points of small order."""
    found: set[bytes] = set()
    for y in range(2, 40):
        point = standalone.decompress(y.to_bytes(32, "little"))
        if point is not None:
            torsion = standalone.multiply(standalone.ORDER, point)
            found |= {standalone.compress(standalone.multiply(n, torsion)) for n in range(8)}
    return sorted(found)


def _edge_encodings() -> list[bytes]:
    """Return every encoding of the points of small order, canonical or not, and all numbers beyond the field."""
    small = {int.from_bytes(one, "little") & (2**255 - 1) for one in _small_orders()}
    numbers = {*range(standalone.P, 2**255), *small, *(y + standalone.P for y in small if y + standalone.P < 2**255)}
    return sorted((y | sign << 255).to_bytes(32, "little") for y in numbers for sign in (0, 1))


def test_small_orders_and_second_forms_get_the_verdict_of_the_library() -> None:
    """As public key and as R, with S of nought, at the order and above: nothing passes here that fails there."""
    small, edges, chosen = _small_orders(), _edge_encodings(), random.Random(1)
    assert len(small) == 8
    accepted = 0
    for key in edges:
        pairs = [(r, 0) for r in small] + [(r, s) for r in chosen.sample(edges, 2) for s in (1, standalone.ORDER)]
        for r, s in pairs:
            message, signature = chosen.randbytes(2), r + s.to_bytes(32, "little")
            verdict = standalone.ed25519_verify(key, message, signature)
            assert verdict is _library_accepts(key, message, signature), (key.hex(), signature.hex())
            accepted += verdict
    assert accepted


@settings(max_examples=30, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=80), st.integers(0, 3))
def test_malleable_signatures_get_the_verdict_of_the_library(seed: bytes, message: bytes, multiple: int) -> None:
    """S plus a multiple of the order is another form of the same equation, and is refused."""
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = private.public_key().public_bytes_raw(), private.sign(message)
    s = int.from_bytes(signature[32:], "little") + multiple * standalone.ORDER
    changed = signature[:32] + s.to_bytes(32, "little")
    verdict = standalone.ed25519_verify(public, message, changed)
    assert verdict is (multiple == 0)
    assert verdict is _library_accepts(public, message, changed)


@given(st.binary(max_size=70), st.binary(max_size=70))
def test_keys_and_signatures_of_other_lengths_are_refused(key: bytes, signature: bytes) -> None:
    """Only 32 and 64 bytes are ever looked at."""
    assert standalone.ed25519_verify(key, b"", signature) is _library_accepts(key, b"", signature)


# entries


def _accepts(data: bytes) -> bool:
    try:
        standalone.parse_entry(data)
    except ValueError:
        return False
    return True


def _ours_accepts(data: bytes) -> bool:
    try:
        entry = Entry.decode(data)
    except EntryError:
        return False
    return entry.sequence >= entry.consent_head


def _sample_entries() -> list[bytes]:
    chain, digest = Chain(), hashlib.sha256(b"").digest()
    further = {
        Kind.POLICY: {"policy": digest},
        Kind.RELEASE: {"bundle_sha256": digest, "labels_root": digest},
        Kind.ERASURE: {"subject_sha256": digest, "parts_deleted": 300},
    }
    return [chain.make(kind, 1_790_000_000_000, digest, **further.get(kind, {})).encode() for kind in Kind]  # type: ignore[arg-type]


def test_entries_of_every_kind_are_read_and_no_second_spelling_of_them() -> None:
    """Bytes of every kind of entry, bit by bit and at the edges of CBOR's heads: both readers agree on what is an entry."""
    for entry in _sample_entries():
        assert _accepts(entry)
        for place in (place for place in range(len(entry)) if place < 24 or place > len(entry) - 12 or place % 9 == 0):
            for value in {entry[place] ^ 1 << bit for bit in range(8)} | {0, 23, 24, 255}:
                changed = entry[:place] + bytes((value,)) + entry[place + 1 :]
                if _ours_accepts(changed) is not _accepts(changed):
                    assert _only_the_consent_head_is_too_late(changed), changed.hex()


def _only_the_consent_head_is_too_late(data: bytes) -> bool:
    """Say whether an entry is refused by our reader, and by the other one's chain, for the one rule that binds two fields."""
    _, numbers, _ = standalone.parse_entry(data)
    return numbers[standalone.CONSENT_HEAD] > numbers[standalone.SEQUENCE]


@given(st.recursive(st.integers(-2, 2**64) | st.binary(max_size=40) | st.booleans(), lambda x: st.lists(x, max_size=3)))
def test_what_is_no_entry_is_refused_without_a_crash(value: object) -> None:
    """Any other CBOR, and its beginning."""
    try:
        data = encode({"a": value})
    except ValueError:
        return
    for changed in (data, b"\xa7" + data, b"\xa9\x00\x01\x01" + data, data[:-1]):
        assert not _accepts(changed)


# logs


@pytest.mark.parametrize("name", LOGS)
def test_program_passes_every_log_that_ours_passes(name: str, tmp_path: Path) -> None:
    """With `python -I -S`: no site packages, no environment."""
    log = LOGS[name](tmp_path)
    done = _run(log.log.path, "--key", SIGNER.vkey())
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.startswith(f"log: {ORIGIN}, {log.writer.size} entries")
    assert done.stdout.splitlines()[-1] == "audit: ok"


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_program_passes_logs_of_three_levels(name: str, tmp_path: Path) -> None:
    """Full tiles above full tiles, and what hangs over."""
    log = LARGE[name](tmp_path)
    done = _run(log.log.path, "--key", SIGNER.vkey())
    assert done.returncode == 0, done.stdout
    file = log.log.path / "tile/1/000"
    data = file.read_bytes()
    file.write_bytes(data[:33] + bytes((data[33] ^ 1,)) + data[34:])
    done = _run(log.log.path, "--key", SIGNER.vkey())
    assert done.returncode == 1
    assert "WRONG  tile/1/000: hash 1 is not that of the tile below" in done.stdout


def test_program_finds_a_flipped_bit_in_every_file_and_names_it(tmp_path: Path) -> None:
    """In every file some bits; entries are named by number, and ours gives the same verdict."""
    log, chosen = sample(tmp_path), random.Random(2)
    cosign(log)
    key, witnesses = standalone.parse_key(SIGNER.vkey()), [standalone.parse_key(one.vkey()) for one in COSIGNERS]
    for file in sorted(file for file in log.log.path.rglob("*") if file.is_file()):
        name, whole = str(file.relative_to(log.log.path)), file.read_bytes()
        for bit in (chosen.randrange(8 * len(whole)) for _ in range(8)):
            damaged = bytearray(whole)
            damaged[bit // 8] ^= 1 << bit % 8
            file.write_bytes(damaged)
            checkpoint, wrong, _ = standalone.verify(log.log.path, key, witnesses)
            reported = checkpoint is not None and bool(checkpoint.unknown)
            assert reported or any(name in str(one) or one.where.startswith("entry ") for one in wrong), (name, bit)
            assert verify_folder(log.log.path, SIGNER.vkey()).ok is not bool(wrong) or name == "checkpoint", (name, bit)
        file.write_bytes(whole)
    assert standalone.verify(log.log.path, key, witnesses)[1] == []


def test_program_says_whom_it_trusts(tmp_path: Path) -> None:
    """Witnesses k of n with their times, lines of unknown keys, and NONE where the key is the folder's own."""
    log = sample(tmp_path)
    cosign(log, COSIGNERS[:2])
    witnesses = [word for one in COSIGNERS[1:] for word in ("--witness", one.vkey())]
    done = _run(log.log.path, "--key", SIGNER.vkey(), *witnesses)
    assert done.returncode == 0
    assert "witnesses: 1 of 2\n  witness-2.example/w saw it at 2026-09-21T14:15:00Z\n" in done.stdout
    assert "line 6 `witness-1.example/w+" in done.stdout
    assert _run(log.log.path, "--key", SIGNER.vkey(), *witnesses, "--need", "2").returncode == 1
    done = _run(log.log.path, "--no-key")
    assert done.returncode == 0
    assert "trust: NONE" in done.stdout
    for arguments in ((), ("--key", "nonsense"), ("--key", SIGNER.vkey(), "--no-key")):
        assert _run(log.log.path, *arguments).returncode == 2
    assert _run(log.log.path, "--key", Signer(ORIGIN, bytes(32)).vkey()).returncode == 1


def test_program_refuses_a_witness_in_place_of_the_log(tmp_path: Path) -> None:
    """A cosignature is no signature of the log, even where the name is the same."""
    log = SampleLog(tmp_path)
    log.begin()
    log.publish()
    cosign(log)
    file = log.log.path / "checkpoint"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(line for line in lines if not line.startswith(f"— {ORIGIN}")))
    done = _run(log.log.path, "--key", SIGNER.vkey(), "--witness", COSIGNERS[0].vkey())
    assert done.returncode == 1
    assert "the log's key has not signed it" in done.stdout


# the file


@pytest.mark.parametrize("make", [None, os.mkfifo])
def test_folder_without_a_checkpoint_is_no_log(tmp_path: Path, make: Callable[[Path], None] | None) -> None:
    """Nothing was signed that could be wrong: exit 2, and one line."""
    checkpoint = sample(tmp_path).log.path / "checkpoint"
    checkpoint.unlink()
    if make is not None:
        make(checkpoint)
    done = _run(tmp_path / "log", "--key", SIGNER.vkey())
    assert (done.returncode, done.stdout) == (2, "")
    problem = "it is absent" if make is None else "it is no regular file"
    assert done.stderr == f"verify.py: the log cannot be reached: checkpoint: {problem}\n"


def test_program_is_one_file_of_the_standard_library_for_old_pythons() -> None:
    """It parses as Python 3.9, imports nothing that has to be installed, and writes, opens and calls nothing else."""
    text = PROGRAM.read_text()
    assert verifier_program() == PROGRAM.read_bytes()
    tree = ast.parse(text, feature_version=(3, 9))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported == {
        *("__future__", "argparse", "base64", "collections.abc", "hashlib", "hmac", "itertools", "json", "pathlib", "re", "sys"),
        *("time", "typing"),
    }
    called = {node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)}
    assert not called & {"write_text", "write_bytes", "unlink", "mkdir", "urlopen", "system", "open"}
    assert not any(isinstance(node, ast.Match) for node in ast.walk(tree))
    assert "strict=" not in text


@pytest.mark.parametrize("option", ["--key", "--witness"])
def test_argument_that_is_not_utf_8_is_refused(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In one line; what the shell passes on of other bytes can be in no name of a key."""
    name = "log\udc9b"
    rest = [] if option == "--key" else ["--key", SIGNER.vkey()]
    assert standalone.main([str(tmp_path), *rest, option, f"{name}+00000000+{'A' * 44}"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
