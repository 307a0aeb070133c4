"""The root key: where it lies, what it keeps of those before it, and that nothing else of them is left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.edge.keys.keyring import init_keys, load_keys
from gateway.edge.keys.root import ROOT_KEY_FILE
from gateway.errors import CorruptionError, KeyFileError


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_load_keys_root_key_of_wrong_length_refused(tmp_path: Path, length: int) -> None:
    """A root key cut short would still derive something: it is refused."""
    init_keys(tmp_path, "test.example/log")
    (tmp_path / ROOT_KEY_FILE).write_bytes(bytes(length))
    with pytest.raises(KeyFileError, match=f"has `{length}` bytes"):
        load_keys(tmp_path)


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


def test_what_roots_have_kept_is_overwritten_where_it_is_replaced_or_goes(tmp_path: Path) -> None:
    """A former root that is forgotten is not left in free space, sealed by a key that lies on the same card."""
    folder, held = tmp_path / "keys", list[Path]()

    def hold() -> None:
        """Give the bytes of every kept file a second name, under which they are seen once they have lost the first."""
        for kept in folder.glob("root-*.kept"):
            held.append(tmp_path / f"held {len(held)}")
            os.link(kept, held[-1])

    keys = init_keys(folder, "test.example/log")
    keys.replace_root(folder)
    hold()
    keys.replace_root(folder)  # another root's file takes the place of this one's
    hold()
    keys.forget_roots(folder, {1})  # and less is kept in the same
    hold()
    keys.forget_roots(folder, ())
    (present,) = folder.glob("root-*.kept")
    assert [any(each.read_bytes()) for each in held] == [False, False, False]
    assert any(present.read_bytes())
    assert load_keys(folder).former_generations == ()
