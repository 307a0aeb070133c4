"""Device profiles that come with the program: a city that names one has it, wherever the program was installed from."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from consent import shipped_profiles
from consent.core.policies.archive import MOST_FILES
from consent.core.policies.parse import parse_policies
from consent.errors import PolicyError
from consent.policy_files import read_policy_files, unused_profiles
from consent.shipped_profiles import shipped_names, shipped_text
from tests.support.checkout import ROOT
from tests.support.consent_samples import small_city
from tests.support.policy_folder import load_policies
from tests.support.waiting import HANG_S

SHIPPED = ("heat", "meter", "water")


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program with three profiles of its own."""
    folder = tmp_path / "program"
    folder.mkdir()
    for name in SHIPPED:
        (folder / f"{name}.toml").write_bytes(small_city()["devices/meter.toml"] + f"# shipped {name}\n".encode())
    monkeypatch.setattr(shipped_profiles, "_FOLDER", folder)
    return folder


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """Forget before and after each test what is shipped, which a program looks up once."""
    for forget in (shipped_names.cache_clear, shipped_text.cache_clear):
        forget()
    yield
    for forget in (shipped_names.cache_clear, shipped_text.cache_clear):
        forget()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return what writes the small city with a line of `[use]` and profiles of its own."""

    def write(use: str, *own: str) -> Path:
        files = small_city()
        meter = files.pop("devices/meter.toml")
        files["city.toml"] += f"\n[use]\ndevices = {use}\n".encode() if use else b""
        files |= {f"devices/{name}.toml": meter for name in own}
        for name, data in files.items():
            (tmp_path / "city" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "city" / name).write_bytes(data)
        return tmp_path / "city"

    return write


def test_named_profiles_are_in_force_and_the_citys_own_go_before_the_shipped(shipped: Path, write: Callable[..., Path]) -> None:
    """Each from the folder if it is there; what nobody names is not read, whatever it holds."""
    folder = write('["water", "meter"]', "meter", "noise")
    (folder / "devices/noise.toml").write_bytes(b"no toml at all")
    files = read_policy_files(folder)
    assert sorted(name for name in files if name.startswith("devices/")) == ["devices/meter.toml", "devices/water.toml"]
    assert files["devices/water.toml"].endswith(b"# shipped water\n")
    assert b"# shipped" not in files["devices/meter.toml"]
    assert set(load_policies(folder).profiles) == {"meter", "water"}
    assert unused_profiles(folder, files) == ["noise"]


def test_shipped_text_is_a_file_of_the_set_like_any_other(shipped: Path, write: Callable[..., Path]) -> None:
    """Another text is another SHA-256, and what lies in an archive is read without the program that shipped it."""
    folder = write('["water"]')
    before = load_policies(folder)
    (shipped / "water.toml").write_bytes(small_city()["devices/meter.toml"] + b"# mended\n")
    shipped_text.cache_clear()
    after = load_policies(folder)
    assert before.sha256 != after.sha256
    (shipped / "water.toml").unlink()
    again = parse_policies(before.files)
    assert (again.sha256, again.profiles) == (before.sha256, before.profiles)


def test_without_use_nothing_shipped_is_in_force(shipped: Path, write: Callable[..., Path]) -> None:
    """Every policies folder of before means what it meant."""
    folder = write("", "meter", "noise")
    assert set(load_policies(folder).profiles) == {"meter", "noise"}
    assert unused_profiles(folder, read_policy_files(folder)) == []


def test_name_that_is_nowhere_is_told_with_the_names_near_it(shipped: Path, write: Callable[..., Path]) -> None:
    """Those of the folder and those that are shipped."""
    with pytest.raises(PolicyError) as caught:
        read_policy_files(write('["watter", "meter"]', "waiter"))
    said = "there is no device profile `watter`, in `devices/` or shipped; near it: `water`, `waiter`"
    assert str(caught.value) == f"`city.toml`: `use.devices`: {said}"


def test_name_with_a_path_in_it_reaches_no_file(shipped: Path, write: Callable[..., Path]) -> None:
    """It is refused as no name before anything is looked for."""
    (shipped.parent / "secret.toml").write_bytes(small_city()["devices/meter.toml"])
    with pytest.raises(PolicyError, match=r"^`city.toml`: `use.devices`: `../secret` is no name"):
        load_policies(write('["../secret"]'))


def test_shipped_profiles_count_among_the_files_of_a_set(shipped: Path, write: Callable[..., Path]) -> None:
    """A set that would have one file too many by them is refused."""
    folder = write('["water", "heat"]')
    for number in range(MOST_FILES - 2):
        (folder / f"neighbourhoods/n{number}.toml").write_bytes(b"")
    with pytest.raises(PolicyError, match="is one file more than the 1000 that may be read together"):
        read_policy_files(folder)


def test_profiles_of_the_checkout_are_those_that_an_installed_package_has(tmp_path: Path) -> None:
    """The link that both are found by leads to where people read them, and a wheel carries a copy of each."""
    lying = {path.stem for path in (ROOT / "policies/devices").glob("*.toml")}
    assert (set(shipped_names()), len(shipped_names())) == (lying, len(lying))
    folders = {"egg_info": "egg-base={}", "build": "build-base={}/build", "build_py": "build-lib={}/lib"}
    steps = [part for step, folder in folders.items() for part in (step, f"--{folder.format(tmp_path)}")]
    build = [sys.executable, "-c", "from setuptools import setup; setup()", "-q", *steps]
    made = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False, timeout=HANG_S)
    assert made.returncode == 0, made.stderr
    carried = list((tmp_path / "lib/consent/shipped").glob("*.toml"))
    assert {path.stem for path in carried} == lying
    assert all(path.read_bytes() == shipped_text(path.stem) and not path.is_symlink() for path in carried)
