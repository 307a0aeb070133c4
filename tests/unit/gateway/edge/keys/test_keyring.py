"""The gateway's own keys on disk and what is derived from them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.audit.log.notes import Signer, Verifier
from gateway.edge.keys.keyring import GatewayKeys, init_keys, load_keys
from gateway.edge.keys.log import LOG_KEY_FILE, LOG_PUBLIC_FILE
from gateway.edge.keys.root import ROOT_KEY_FILE, KeptRoots
from gateway.edge.keys.sealing import SealedRowError
from gateway.errors import CorruptionError, KeyFileError, OperatorError

_ORIGIN = "sluice.example/river-street"
_SIGNER = Signer(_ORIGIN, bytes(32))


def test_init_keys_loaded_are_the_same(tmp_path: Path) -> None:
    """What is made can be loaded and derives the same keys; secret files are for their owner alone."""
    folder = tmp_path / "state" / "keys"
    made = init_keys(folder, _ORIGIN)
    loaded = load_keys(folder)
    assert loaded.device_key(b"d1", 0) == made.device_key(b"d1", 0)
    assert loaded.lookup_hash(b"topic") == made.lookup_hash(b"topic")
    assert loaded.sealer.open("t", b"1", made.sealer.seal("t", b"1", b"text")) == b"text"
    assert loaded.log_signer.vkey() == made.log_signer.vkey() == (folder / LOG_PUBLIC_FILE).read_text().strip()
    assert Verifier.parse(loaded.log_signer.vkey()).name == _ORIGIN
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert modes == {ROOT_KEY_FILE: 0o600, LOG_KEY_FILE: 0o600, LOG_PUBLIC_FILE: 0o644}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len((folder / ROOT_KEY_FILE).read_bytes()) == 32


@pytest.mark.parametrize("name", [ROOT_KEY_FILE, LOG_KEY_FILE, LOG_PUBLIC_FILE])
def test_init_keys_existing_file_never_overwritten(tmp_path: Path, name: str) -> None:
    """One key present, of whatever content, and nothing is written at all."""
    (tmp_path / name).write_bytes(b"precious")
    with pytest.raises(KeyFileError, match=rf"`.*{name}`: exists already"):
        init_keys(tmp_path, _ORIGIN)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"precious"


def test_init_keys_dangling_link_counts_as_existing(tmp_path: Path) -> None:
    """A link to nowhere is not written through."""
    (tmp_path / ROOT_KEY_FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyFileError, match="exists already"):
        init_keys(tmp_path, _ORIGIN)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("origin", ["", "two words", "a+b"])
def test_init_keys_impossible_origin_leaves_nothing(tmp_path: Path, origin: str) -> None:
    """An origin that cannot name a key is refused before any file is made."""
    with pytest.raises(KeyFileError, match="name"):
        init_keys(tmp_path / "keys", origin)
    assert not (tmp_path / "keys").exists()


def test_init_keys_folder_that_is_a_file_refused(tmp_path: Path) -> None:
    """Where the folder cannot be made, the message names it."""
    (tmp_path / "keys").write_text("")
    with pytest.raises(KeyFileError, match=r"`.*keys`: cannot be made"):
        init_keys(tmp_path / "keys", _ORIGIN)


@pytest.mark.parametrize("name", [ROOT_KEY_FILE, LOG_KEY_FILE])
@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644, 0o660, 0o610, 0o777])
def test_load_keys_wider_mode_refused(tmp_path: Path, name: str, mode: int) -> None:
    """Any right of group or others is refused, and the message names file and mode."""
    init_keys(tmp_path, _ORIGIN)
    (tmp_path / name).chmod(mode)
    with pytest.raises(KeyFileError, match=rf"`.*{name}`: mode `0{mode:o}`") as caught:
        load_keys(tmp_path)
    assert "\n" not in str(caught.value)


def test_load_keys_narrower_mode_accepted(tmp_path: Path) -> None:
    """A key that its owner cannot write is as good."""
    init_keys(tmp_path, _ORIGIN)
    (tmp_path / ROOT_KEY_FILE).chmod(0o400)
    load_keys(tmp_path)


@pytest.mark.parametrize("name", [ROOT_KEY_FILE, LOG_KEY_FILE])
def test_load_keys_symbolic_link_refused(tmp_path: Path, name: str) -> None:
    """A link could be turned elsewhere between two starts."""
    init_keys(tmp_path, _ORIGIN)
    (tmp_path / name).rename(tmp_path / "real")
    (tmp_path / name).symlink_to(tmp_path / "real")
    with pytest.raises(KeyFileError, match="symbolic link"):
        load_keys(tmp_path)


def test_load_keys_absent_or_no_file_refused(tmp_path: Path) -> None:
    """An absent key, and a pipe in its place, are told in one line."""
    with pytest.raises(KeyFileError, match=r"root\.key`: cannot be read: no such file"):
        load_keys(tmp_path)
    os.mkfifo(tmp_path / ROOT_KEY_FILE, 0o600)
    with pytest.raises(KeyFileError, match="not a regular file"):
        load_keys(tmp_path)


def test_key_errors_mean_exit_2_and_3() -> None:
    """A bad key file is the operator's to mend; a row that does not open is corruption."""
    assert issubclass(KeyFileError, OperatorError)
    assert issubclass(SealedRowError, CorruptionError)


def test_gateway_keys_each_use_has_its_own_key() -> None:
    """Devices, generations and uses share no key, and another root key shares nothing."""
    keys, others = (
        GatewayKeys(bytes([n]) * 32, _SIGNER, kept=KeptRoots(2, bytes([n + 2]) * 32, {1: bytes([n + 4]) * 32})) for n in (0, 1)
    )
    derived = [k.device_key(device, generation) for k in (keys, others) for device in (b"d1", b"d2") for generation in (0, 1)]
    assert len(set(derived)) == 8
    assert {len(key) for key in derived} == {32}
    assert keys.lookup_hash(b"a") not in (keys.lookup_hash(b"b"), others.lookup_hash(b"a"))
    assert len(keys.lookup_hash(b"a")) == 16
    with pytest.raises(ValueError, match="32 bytes"):
        GatewayKeys(bytes(16), _SIGNER)
