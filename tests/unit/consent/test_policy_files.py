"""Reading a policies folder: which files count, and that none that counts is overlooked."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from consent.core.policies.archive import MOST_BYTES, MOST_FILES
from consent.errors import PolicyError
from consent.policy_files import read_case_files, read_policy_files
from consent.printable import printable
from tests.support.consent_samples import small_city
from tests.support.policy_folder import load_policies


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
    with pytest.raises(PolicyError, match=r"^`devices/huge.toml`: makes the files longer than 1048576 bytes together$"):
        read_policy_files(tmp_path)
    (tmp_path / "devices/huge.toml").unlink()
    (tmp_path / "devices/gone.toml").symlink_to(tmp_path / "nowhere")
    with pytest.raises(PolicyError, match=r"^`devices/gone.toml`: cannot be read: no such file or directory$"):
        read_policy_files(tmp_path)


def test_folder_of_files_that_are_small_and_too_much_together_is_refused_and_not_read_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor one of too many files: not one is opened that could no longer count."""
    quarter = b"#" * (MOST_BYTES // 4)
    _folder(tmp_path, {f"{name}.toml": quarter for name in "abcde"} | {f"{name}.cases.toml": quarter for name in "abcde"})
    opened: list[str] = []
    open_file = os.open

    def counted(path: Path, flags: int) -> int:
        opened.append(path.name)
        return open_file(path, flags)

    monkeypatch.setattr(os, "open", counted)
    for read, ending in ((read_policy_files, ".toml"), (read_case_files, ".cases.toml")):
        with pytest.raises(PolicyError, match=rf"^`e{ending}`: makes the files longer than 1048576 bytes together$"):
            read(tmp_path)
    assert len(opened) == 10
    many = _folder(tmp_path / "many", {f"{number:04}.toml": b"" for number in range(MOST_FILES + 3)})
    with pytest.raises(PolicyError, match=r"^`1000.toml`: is one file more than the 1000 that may be read together$"):
        read_policy_files(many)
    assert len(opened) == 10 + MOST_FILES


def test_read_case_files_reads_cases_anywhere_and_nothing_else(tmp_path: Path) -> None:
    """Beside what they are about, and no part of the policies' digest."""
    cases = {"city.cases.toml": b"a", "neighbourhoods/old.cases.toml": b"b", "devices/meter.cases.toml": b"c"}
    _folder(tmp_path, {**small_city(), **cases, ".old/x.cases.toml": b"?", "devices/.y.cases.toml": b"?"})
    assert read_case_files(tmp_path) == cases
    before = load_policies(tmp_path).sha256
    (tmp_path / "city.cases.toml").write_bytes(b"other")
    assert load_policies(tmp_path).sha256 == before


def test_read_case_files_that_cannot_be_read_names_them(tmp_path: Path) -> None:
    """The same lines as for policies."""
    _folder(tmp_path, small_city(files={"city.cases.toml": b"#" * ((1 << 20) + 1)}))
    with pytest.raises(PolicyError, match=r"^`city.cases.toml`: makes the files longer than 1048576 bytes together$"):
        read_case_files(tmp_path)
    with pytest.raises(PolicyError, match=r"^`city.toml`: there is no policies folder `.*/none`$"):
        read_case_files(tmp_path / "none")


@pytest.mark.parametrize("name", ["city.toml", "devices/meter.toml", "neighbourhoods/old.toml", "city.cases.toml"])
def test_folder_for_a_file_is_refused(name: str, tmp_path: Path) -> None:
    """What lies in it would be overlooked."""
    files = small_city()
    files.pop(name, None)
    _folder(tmp_path, files)
    (tmp_path / name).mkdir(parents=True)
    with pytest.raises(PolicyError, match=rf"^`{name}`: is a folder, and should be a file$"):
        read_policy_files(tmp_path)


@pytest.mark.parametrize("name", ["devices", "neighbourhoods"])
def test_file_for_a_folder_is_refused(name: str, tmp_path: Path) -> None:
    """An empty file where the ceilings of the neighbourhoods should be."""
    _folder(tmp_path, {"city.toml": b"", name: b""})
    with pytest.raises(PolicyError, match=rf"^`{name}`: is no folder, and should be one$"):
        read_policy_files(tmp_path)


def test_policies_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """`--policies city.toml`."""
    (tmp_path / "city.toml").write_bytes(b"")
    with pytest.raises(PolicyError, match=r"^`city.toml`: there is no policies folder `.*/city.toml`$"):
        read_policy_files(tmp_path / "city.toml")


def _to_itself(folder: Path) -> None:
    (folder / "city.toml").unlink()
    (folder / "city.toml").symlink_to("city.toml")


def _folder_to_itself(folder: Path) -> None:
    (folder / "neighbourhoods").rename(folder / "kept")
    (folder / "kept" / "old.toml").unlink()
    (folder / "neighbourhoods").symlink_to("neighbourhoods")


def _folder_to_its_parent(folder: Path) -> None:
    (folder / "neighbourhoods" / "old.toml").unlink()
    (folder / "neighbourhoods").rmdir()
    (folder / "neighbourhoods").symlink_to(".")


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (_to_itself, "`city.toml`: cannot be read: too many levels of symbolic links"),
        (_folder_to_itself, "`neighbourhoods`: is no folder, and should be one"),
        (_folder_to_its_parent, "`neighbourhoods`: is a link to a folder, and such links are not followed"),
    ],
)
def test_links_in_a_circle_are_refused(spoil: Callable[[Path], None], line: str, tmp_path: Path) -> None:
    """A link that leads to itself or back up ends the reading, which never goes round."""
    spoil(_folder(tmp_path, small_city()))
    with pytest.raises(PolicyError) as caught:
        read_policy_files(tmp_path)
    assert str(caught.value) == line


def test_links_to_files_are_followed_and_other_links_are_left_alone(tmp_path: Path) -> None:
    """Files may be put in place as links, keys may lie elsewhere, and a loop among those is nobody's business."""
    _folder(tmp_path / "store", small_city())
    folder = tmp_path / "policies"
    for name in small_city():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(tmp_path / "store" / name)
    (folder / "keys").symlink_to(tmp_path)
    assert load_policies(folder).files == small_city()


def test_folder_that_cannot_be_listed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ceilings in it must not be overlooked."""
    _folder(tmp_path, small_city())
    listed = os.scandir

    def scandir(path: Any) -> Iterator[os.DirEntry[str]]:
        if Path(path).name == hidden:
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    hidden = "neighbourhoods"
    with pytest.raises(PolicyError, match=r"^`neighbourhoods`: cannot be read: permission denied$"):
        read_policy_files(tmp_path)
    hidden = tmp_path.name
    with pytest.raises(PolicyError, match=rf"^`{tmp_path}`: cannot be read: permission denied$"):
        read_policy_files(tmp_path)


@pytest.mark.parametrize("name", ["devices/a\nb.toml", "\x01.cases.toml", "devices/\udcff.toml"])
def test_file_with_an_odd_name_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    """A line end, a control character or what is no character in a name does not break the line, nor a report."""
    _folder(tmp_path, small_city(files={name: b""}))
    with pytest.raises(PolicyError) as caught:
        read_policy_files(tmp_path)
    assert str(caught.value) == f"`{printable(name)}`: has a name that cannot be shown"


# what lies in wait for whoever reads the folder


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _to_nowhere(path: Path) -> None:
    path.symlink_to("/nowhere/at/all.toml")


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _to_a_folder(path: Path) -> None:
    path.symlink_to("..")


def _folder_of_that_name(path: Path) -> None:
    path.mkdir()


def _socket(path: Path) -> None:
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as bound:  # the name of a socket has a short limit
        bound.bind(path.name)


def _larger_than_any(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)  # takes no room


_ODD: list[Callable[[Path], None]] = [
    *(_fifo, _endless, _to_nowhere, _loop, _to_a_folder, _folder_of_that_name, _socket, _larger_than_any),
]


@pytest.mark.parametrize("odd", _ODD, ids=lambda make: make.__name__.strip("_"))
@pytest.mark.parametrize("name", ["odd.toml", "devices/odd.toml", "neighbourhoods/odd.toml", "odd.cases.toml"])
def test_what_is_no_file_under_a_policys_name_is_refused_at_once(odd: Callable[[Path], None], name: str, tmp_path: Path) -> None:
    """Wherever it stands: nothing is waited for, nothing read without end, nothing overlooked."""
    _folder(tmp_path, small_city())
    odd(tmp_path / name)
    with pytest.raises(PolicyError, match=rf"^`{name}`: "):
        read_case_files(tmp_path) if name.endswith(".cases.toml") else read_policy_files(tmp_path)


def test_pipe_that_takes_a_files_place_while_the_folder_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the listing and the reading anybody who may write there can exchange the file."""
    _folder(tmp_path, small_city())
    is_file = Path.is_file

    def exchanged(path: Path) -> bool:
        known = is_file(path)
        if path.name == "city.toml" and known:
            path.unlink()
            os.mkfifo(path)
        return known

    monkeypatch.setattr(Path, "is_file", exchanged)
    with pytest.raises(PolicyError, match=r"^`city.toml`: is no regular file$"):
        read_policy_files(tmp_path)


def _tangle(folder: Path, rng: random.Random) -> None:
    """Fill a folder with files, folders and odd things, linked with each other at random."""
    places = [folder]
    for number in range(rng.randrange(1, 12)):
        path = rng.choice(places) / f"{number}{rng.choice(['.toml', '.cases.toml', '', '.pub'])}"
        match rng.randrange(4):
            case 0:
                path.write_bytes(b"x = 1\n")
            case 1:
                path.mkdir()
                places.append(path)
            case 2:
                path.symlink_to(os.path.relpath(rng.choice([*folder.rglob("*"), folder]), path.parent))
            case _:
                rng.choice(_ODD)(path)


@pytest.mark.parametrize("rounds", [40, pytest.param(1000, marks=pytest.mark.slow)])
def test_tangled_folder_is_read_or_refused_and_nothing_of_elsewhere_comes_in(rounds: int, tmp_path: Path) -> None:
    """Links of every kind, pipes, sockets and devices: what is returned stands in the folder's own files, under its own names."""
    for seed in range(rounds):
        folder = tmp_path / str(seed)
        folder.mkdir()
        (folder / "city.toml").write_bytes(b"")
        _tangle(folder, random.Random(seed))
        for read in (read_policy_files, read_case_files):
            try:
                found = read(folder)
            except PolicyError:
                continue
            assert set(found.values()) <= {b"", b"x = 1\n"}
            assert all(".." not in Path(name).parts and (folder / name).is_file() for name in found)
        shutil.rmtree(folder)


_OUTSIDE = ["../office.pub", "/etc/office.pub", "keys/../../office.pub", "keys\\office.pub", "keys/a\nb.pub"]


@pytest.mark.parametrize("file", _OUTSIDE)
def test_key_outside_the_folder_cannot_be_named(file: str, tmp_path: Path) -> None:
    """A recipient's key is named by a path inside the policies folder."""
    files = small_city()
    table = f'[recipient.far]\ntitle = {{ en = "Far", es = "Lejos" }}\npublic_key_file = {json.dumps(file)}\nsink = "city"\n'
    files["city.toml"] += table.encode()
    with pytest.raises(PolicyError, match=r"`recipient.far.public_key_file`: should be a path inside the policies folder"):
        load_policies(_folder(tmp_path, files))
