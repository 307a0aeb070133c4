"""Reading a policies folder: which files count."""

from __future__ import annotations

from pathlib import Path

import pytest

from consent.errors import PolicyError
from consent.policy_files import load_policies, read_policy_files
from tests.unit.consent.samples import small_city


def _folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def test_load_policies_of_a_folder_reads_what_counts(tmp_path: Path) -> None:
    """Cases, README files, keys and hidden files lie beside the policies and are no part of them."""
    other = {
        "README.md": b"#",
        "town.cases.toml": b"?",
        "keys/office.pub": b"\0",
        ".old/city.toml": b"?",
        "devices/.x.toml": b"?",
    }
    city = load_policies(_folder(tmp_path, {**small_city(), **other}))
    assert city.files == small_city()
    assert set(city.profiles) == {"meter"}


def test_load_policies_of_no_folder_or_an_empty_one_says_so(tmp_path: Path) -> None:
    """What is absent is named."""
    with pytest.raises(PolicyError, match=r"^`city.toml`: is missing$"):
        load_policies(tmp_path)
    with pytest.raises(PolicyError, match=r"^`city.toml`: there is no policies folder `.*/none`$"):
        load_policies(tmp_path / "none")


def test_load_policies_with_a_misplaced_file_is_refused(tmp_path: Path) -> None:
    """A ceiling in a folder of the wrong name must not be overlooked."""
    _folder(tmp_path, small_city(files={"neighbourhood/old.toml": b""}))
    with pytest.raises(PolicyError, match=r"^`neighbourhood/old.toml`: is neither `city.toml` nor "):
        load_policies(tmp_path)


def test_read_policy_files_that_cannot_be_read_names_them(tmp_path: Path) -> None:
    """A dangling link and a file that is far too large are faults of that file."""
    _folder(tmp_path, small_city(files={"devices/huge.toml": b"#" * ((1 << 20) + 1)}))
    with pytest.raises(PolicyError, match=r"^`devices/huge.toml`: is larger than 1048576 bytes$"):
        read_policy_files(tmp_path)
    (tmp_path / "devices/huge.toml").unlink()
    (tmp_path / "devices/gone.toml").symlink_to(tmp_path / "nowhere")
    with pytest.raises(PolicyError, match=r"^`devices/gone.toml`: cannot be read: no such file or directory$"):
        read_policy_files(tmp_path)
