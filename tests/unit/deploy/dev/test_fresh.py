"""``./dev fresh``: what of this site goes into the bare system, what is kept between runs, and what it says at the end."""

from __future__ import annotations

import os
import subprocess
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.dev import commands, debian, fresh, site
from deploy.dev.environment import SetupError
from tests.support.checkout import ROOT


def test_site_paths_named_by_settings_are_those_that_exist(tmp_path: Path) -> None:
    """A folder of packages, and the parent of an index, whose files lie beside it; nothing that is absent, never the root."""
    index, wheels = tmp_path / "own" / "index", tmp_path / "wheels"
    index.mkdir(parents=True)
    wheels.mkdir()
    value = f"file://{index} file:{index}\n {wheels} /nowhere/at/all / named.example/{wheels.name}"
    assert set(site.named_paths(value)) == {index.parent, wheels}


def test_site_pip_settings_of_the_user_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All files become one, read in pip's own order."""
    machine, user = tmp_path / "machine.conf", tmp_path / "user.conf"
    machine.write_text("[global]\ntimeout = 10\nretries = 3\n")
    user.write_text("[global]\ntimeout = 60\n[install]\nprefer-binary = true\n")
    monkeypatch.setattr(site, "PIP_FILES", (str(machine), str(tmp_path / "absent.conf"), str(user)))
    merged = site.pip_settings()
    assert dict(merged["global"]) == {"timeout": "60", "retries": "3"}
    assert dict(merged["install"]) == {"prefer-binary": "true"}


def test_site_environ_has_ways_to_registries_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger has none of our variables but those without which nothing can be installed here."""
    kept = {"https_proxy": "x", "NO_PROXY": "y", "PIP_FIND_LINKS": "/z", "SSL_CERT_FILE": "/c"}
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in {**kept, "PYTHONPATH": "/p", "SLUICE_TEST_DATA": "/d", "PIP_TARGET": "/t", "LANG": "pt_BR.UTF-8"}.items():
        monkeypatch.setenv(name, value)
    assert site.environ() == kept


def test_site_without_a_mirror_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where apt knows of no Debian archive, or is not there at all, that is the message."""
    monkeypatch.setattr(site, "_apt", lambda *_: "Somebody Else somewhere\n\nDebian Debian-Security there\n")
    with pytest.raises(SetupError, match="knows of none"):
        site.debian_mirror()
    monkeypatch.setattr(site, "_apt", lambda *_: "Debian Debian-Security there\nDebian Debian here\n")
    assert site.debian_mirror() == "here"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A cache of the test's own, and a debootstrap that only makes a file; returns the programs run."""
    ran: list[str] = []

    def run(command: Sequence[str | Path], failure: str) -> None:
        words = [os.fspath(word) for word in command]
        ran.append(words[0])
        if words[0] == "debootstrap":
            Path(words[4]).mkdir()
            (Path(words[4]) / "made").write_text("once")
        elif subprocess.run(words, check=False, capture_output=True).returncode != 0:
            raise SetupError(failure)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a cache"))
    monkeypatch.setattr(fresh, "run_quietly", run)
    monkeypatch.setattr(site, "debian_mirror", lambda: "nowhere")
    return ran


def test_fresh_base_system_is_built_once_and_again_when_old(cache: list[str]) -> None:
    """The second run takes the archive; one whose packages the mirror may have dropped is built anew."""
    archive = fresh.base_archive("bookworm")
    assert fresh.base_archive("bookworm") == archive
    assert cache.count("debootstrap") == 1
    old_s = time.time() - (fresh.KEPT_DAYS + 1) * 86_400
    os.utime(archive, (old_s, old_s))
    fresh.base_archive("bookworm")
    assert cache.count("debootstrap") == 2
    with tarfile.open(archive) as kept:
        assert "./made" in kept.getnames()


def test_fresh_broken_archive_is_not_kept(cache: list[str], tmp_path: Path) -> None:
    """A run that was cut off while it wrote cannot spoil all later ones."""
    archive = fresh.base_archive("trixie")
    archive.write_bytes(archive.read_bytes()[:20])
    with pytest.raises(SetupError, match="could not be unpacked"):
        fresh._unpack(archive, tmp_path / "system")
    assert not archive.exists()


def test_fresh_without_namespaces_falls_back_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """An ordinary user gets a fresh clone on this machine; the first step that fails is the verdict."""
    checkout = tmp_path / "a checkout"
    checkout.mkdir()
    dev = checkout / "dev"
    dev.write_text('#!/bin/sh\necho "ran $1 in $PWD"\n[ "$1" = demo ]\n')
    dev.chmod(0o755)
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", "all"]):
        subprocess.run(["git", "-C", checkout, *words], check=True)
    (checkout / "more").touch()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert fresh.main(checkout, []) == 1
    shown = capfd.readouterr()
    assert "no bare Debian without root" in shown.err
    assert "1 changed files are not" in shown.err
    assert shown.out.count("ran demo in ") == shown.out.count("ran test in ") == 1
    assert str(checkout) not in shown.out
    assert "./dev demo ok in" in shown.err
    assert "./dev test failed with 1 in" in shown.err


def test_fresh_summary_has_the_count_of_the_tests() -> None:
    """The line that goes into a report says what passed and what was skipped."""
    line = "4 failed, 4263 passed, 41 skipped, 53 deselected, 1 xfailed in 301.20s (0:05:01)"
    text = fresh.Outcome("./dev test", 1, 312.4, line).to_text()
    assert text == "./dev test failed with 1 in 312 s (4 failed, 4263 passed, 41 skipped, 53 deselected, 1 xfailed)"
    assert fresh.Outcome("./dev demo", 0, 41.2, "nothing of the kind").to_text() == "./dev demo ok in 41 s"


def test_library_that_is_absent_names_its_package() -> None:
    """A shared library is looked for as the loader looks for it."""
    assert debian.missing_packages([debian.Program("libc.so.6", "libc6"), debian.Program("libnowhere.so.9", "nowhere")]) == [
        "nowhere"
    ]


def test_readme_names_every_package_that_the_tests_install() -> None:
    """Nobody's machine is given a package that the page did not announce."""
    readme = (ROOT / "README.md").read_text()
    announced = readme.partition("installed if missing")[0].rpartition("./dev test")[2]
    missing = [program.package for program in commands.COMMANDS["test"].programs if f"`{program.package}`" not in announced]
    assert not missing
