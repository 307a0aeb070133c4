"""`sluice policy migrate` from a shell: shows, makes, refuses, and leaves a folder that `sluice check` finds well."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.shell import Done, sluice

NOISE = 'statistic = { LAeq = "mean" }'
LOUDEST = 'statistic = { LAeq = "energy-mean" }   # the loudest'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the shipped policies as an earlier version had them, with a comment, in a file of a mode of its own."""
    target = tmp_path / "policies"
    shutil.copytree(ROOT / "policies", target, ignore=shutil.ignore_patterns("keys"))
    city = target / "city.toml"
    text = city.read_text()
    assert NOISE in text
    city.write_text(text.replace(NOISE, LOUDEST))
    city.chmod(0o640)
    return target


def migrate(folder: Path, *arguments: str) -> Done:
    """Migrate the folder."""
    return sluice(folder.parent, "policy", "migrate", folder.name, *arguments)


def test_edits_are_shown_as_a_diff_and_not_made(folder: Path) -> None:
    """The exit status tells a script that there is something to do."""
    before = (folder / "city.toml").read_bytes()
    done = migrate(folder)
    assert (done.status, done.err) == (1, "")
    assert "--- a/city.toml\n+++ b/city.toml\n@@" in done.out
    changed = [line for line in done.out.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert changed == [f"-{LOUDEST}", f"+{LOUDEST.replace('energy-mean', 'mean')}"]
    assert done.out.endswith("\nnot written: 1 edit; `--write` makes them\n")
    assert (folder / "city.toml").read_bytes() == before


def test_edits_are_made_and_the_folder_is_well_then(folder: Path) -> None:
    """Comments stay, the mode stays, `check` agrees, and there is nothing left to do."""
    assert sluice(folder.parent, "check", "--policies", "policies").status == 2
    done = migrate(folder, "--write")
    assert done.status == 0, done
    assert "written: 1 edit; nothing of it is in force before `sluice policy apply`\n" in done.out
    shipped = (ROOT / "policies" / "city.toml").read_text()
    assert (folder / "city.toml").read_text() == shipped.replace(NOISE, f"{NOISE}   # the loudest")
    assert (folder / "city.toml").stat().st_mode & 0o777 == 0o640
    assert not list(folder.glob(".*"))
    assert sluice(folder.parent, "check", "--policies", "policies").status == 0
    again = migrate(folder, "--write")
    assert (again.status, again.out.strip(), again.err) == (0, "", "")


def test_migration_for_programs(folder: Path) -> None:
    """The same as data."""
    done = migrate(folder, "--json")
    found = json.loads(done.out)
    (edit,) = found["edits"]
    assert (done.status, found["written"], found["by_hand"], found["suggestions"]) == (1, False, [], [])
    assert (edit["file"], edit["key"], edit["old"], edit["new"]) == (
        "city.toml",
        "flow.noise-hourly.statistic.LAeq",
        "energy-mean",
        "mean",
    )


def test_what_is_left_to_hand_is_named_and_the_status_says_so(folder: Path) -> None:
    """Also with `--write`."""
    city = folder / "city.toml"
    city.write_text(city.read_text().replace('"energy-mean"', '"energy\\u002dmean"'))
    done = migrate(folder, "--write")
    line = next(number for number, text in enumerate(city.read_text().splitlines(), 1) if "u002d" in text)
    assert done.status == 1
    assert done.out.startswith(f"by hand: `city.toml`, line {line}: `flow.noise-hourly.statistic.LAeq`: `energy-mean` over")


@pytest.mark.parametrize("what", ["absent", "malformed", "link"])
def test_folder_that_cannot_be_migrated_is_one_line(folder: Path, what: str) -> None:
    """Nothing is written, and what is a link elsewhere is left to whoever owns what it leads to."""
    city = folder / "city.toml"
    match what:
        case "absent":
            shutil.rmtree(folder)
        case "malformed":
            city.write_text("[city")
        case _:
            city.rename(folder.parent / "elsewhere.toml")
            city.symlink_to(folder.parent / "elsewhere.toml")
    done = migrate(folder, "--write")
    assert done.status == 2
    assert done.line.count("\n") == 0
    assert {"absent": "there is no policies folder", "malformed": "is not toml", "link": "is a link"}[what] in done.line
