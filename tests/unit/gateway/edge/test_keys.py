"""The gateway's own keys on disk and what is derived from them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.log.notes import Signer, Verifier
from gateway.edge.keys import (
    LOG_KEY_FILE,
    LOG_PUBLIC_FILE,
    ROOT_KEY_FILE,
    GatewayKeys,
    KeptRoots,
    KeyFileError,
    SealedRowError,
    Sealer,
    init_keys,
    load_keys,
)
from gateway.errors import CorruptionError, OperatorError

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


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_load_keys_root_key_of_wrong_length_refused(tmp_path: Path, length: int) -> None:
    """A root key cut short would still derive something: it is refused."""
    init_keys(tmp_path, _ORIGIN)
    (tmp_path / ROOT_KEY_FILE).write_bytes(bytes(length))
    with pytest.raises(KeyFileError, match=f"has `{length}` bytes"):
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


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff\xfe", b"PRIVATE+KEY+a+00000000+AAAA"])
def test_load_keys_damaged_log_key_refused_without_repeating_it(tmp_path: Path, content: bytes) -> None:
    """A signing key that cannot be read is told without its text."""
    init_keys(tmp_path, _ORIGIN)
    (tmp_path / LOG_KEY_FILE).write_bytes(content)
    with pytest.raises(KeyFileError, match=r"log\.skey`: not a signing key") as caught:
        load_keys(tmp_path)
    assert "nonsense" not in str(caught.value)


def test_key_errors_mean_exit_2_and_3() -> None:
    """A bad key file is the operator's to mend; a row that does not open is corruption."""
    assert issubclass(KeyFileError, OperatorError)
    assert issubclass(SealedRowError, CorruptionError)


@given(st.text("abcdefgh_0123|", max_size=10), st.binary(max_size=20), st.binary(max_size=200))
def test_sealer_row_opens_under_its_own_place_alone(table: str, row_id: bytes, plaintext: bytes) -> None:
    """A sealed row opens where it was sealed, and nowhere else; sealed again it looks different."""
    sealer = Sealer(bytes(32))
    sealed = sealer.seal(table, row_id, plaintext)
    assert sealer.open(table, row_id, sealed) == plaintext
    assert len(sealed) == len(plaintext) + 28
    assert sealer.seal(table, row_id, plaintext) != sealed
    for place in ((table + "x", row_id), (table, row_id + b"x")):
        with pytest.raises(SealedRowError):
            sealer.open(*place, sealed)
    with pytest.raises(SealedRowError, match=r"sealed row of `.*` does not open"):
        Sealer(b"\x01" * 32).open(table, row_id, sealed)


def test_sealer_large_row_is_sealed_as_a_small_one() -> None:
    """It is sealed where it will lie; it opens, is as much longer, and no byte of it can change."""
    sealer, plaintext = Sealer(bytes(32)), bytes(range(256)) * (1 << 13)
    sealed = sealer.seal("opening", b"1", plaintext)
    assert sealer.open("opening", b"1", sealed) == plaintext
    assert len(sealed) == len(plaintext) + 28
    with pytest.raises(SealedRowError):
        sealer.open("opening", b"1", sealed[:-1] + bytes([sealed[-1] ^ 1]))


def test_sealer_each_byte_changed_or_cut_refused() -> None:
    """No byte of a sealed row can change or be lost unseen."""
    sealer = Sealer(bytes(32))
    sealed = sealer.seal("devices", b"1", b"text")
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        for data in (bytes(changed), sealed[:position]):
            with pytest.raises(SealedRowError):
                sealer.open("devices", b"1", data)


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


@pytest.mark.parametrize("mode", [0o400, 0o440])
def test_root_key_of_the_services_credentials_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int) -> None:
    """As systemd lays it down: for the user alone, or by an access list, which shows in the group's bits."""
    folder, credentials = tmp_path / "keys", tmp_path / "credentials"
    made = init_keys(folder, "test.example/log")
    credentials.mkdir()
    (folder / ROOT_KEY_FILE).rename(credentials / ROOT_KEY_FILE)
    (credentials / ROOT_KEY_FILE).chmod(mode)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    assert load_keys(folder).lookup_hash(b"topic") == made.lookup_hash(b"topic")
    (folder / ROOT_KEY_FILE).write_bytes(bytes(32))
    assert load_keys(folder).lookup_hash(b"topic") == made.lookup_hash(b"topic"), "a file beside it does not count"
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    with pytest.raises(KeyFileError, match="lets others read it"):
        load_keys(folder)


def test_root_key_among_credentials_that_everybody_may_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, credentials = tmp_path / "keys", tmp_path / "credentials"
    init_keys(folder, "test.example/log")
    credentials.mkdir()
    (folder / ROOT_KEY_FILE).rename(credentials / ROOT_KEY_FILE)
    (credentials / ROOT_KEY_FILE).chmod(0o444)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    with pytest.raises(KeyFileError, match="mode `0444` lets others read it"):
        load_keys(folder)


def test_credentials_without_a_root_key_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service may have others."""
    made = init_keys(tmp_path / "keys", "test.example/log")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert load_keys(tmp_path / "keys").lookup_hash(b"topic") == made.lookup_hash(b"topic")


def test_limit_rows_are_found_by_the_same_key_under_every_root(tmp_path: Path) -> None:
    """Sealed anew, and found as before."""
    keys = init_keys(tmp_path / "keys", "test.example/log")
    before, device = keys.lookup_hash(b"topic"), keys.device_key(b"d1", 0)
    keys.replace_root(tmp_path / "keys")
    keys.forget_roots(tmp_path / "keys", ())
    loaded = load_keys(tmp_path / "keys")
    assert (keys.root_generation, loaded.root_generation) == (2, 2)
    assert keys.lookup_hash(b"topic") == loaded.lookup_hash(b"topic") == before
    assert loaded.device_key(b"d1", loaded.device_generation()) != device
    assert [loaded.keeps_generation(number) for number in (0, 1)] == [False, True]
    with pytest.raises(CorruptionError, match="root key number `1`, which is not there"):
        loaded.device_key(b"d1", 0)
