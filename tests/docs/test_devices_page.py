"""`docs/devices.md` lists the profiles that come with the program and what each reads, and the profile that it writes works."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from consent.core.toml.file import TomlFile
from consent.shipped_profiles import shipped_names, shipped_text
from gateway.commands.check import check_folder
from tests.docs.pages import pages
from tests.support.checkout import ROOT
from tests.support.full_city import PROPERTIES, full_city

PAGE = pages()["docs/devices.md"]
_ROW = re.compile(r"^\| `(?P<name>[a-z0-9-]+)` \| (?P<devices>.*) \| (?P<topic>.*) \| (?P<reads>.*) \|$", re.MULTILINE)
_OWN = "Six more are of the example city's own making"


def test_page_lists_each_shipped_profile_with_the_properties_that_it_reads() -> None:
    """None is missing, and none is promised that is not there."""
    rows = {row["name"]: set(re.findall(r"`(\w+)`", row["reads"])) for row in _ROW.finditer(PAGE.prose())}
    (own,) = [paragraph for paragraph in PAGE.prose().split("\n\n") if paragraph.startswith(_OWN)]
    assert {*rows, *re.findall(r"`([a-z-]+)`", own)} == set(shipped_names())
    assert rows == {name: set(TomlFile(name, shipped_text(name)).tables["fields"]) for name in rows}


def test_page_says_of_hubs_that_they_are_hubs() -> None:
    """Whoever registers one needs the id behind it as well."""
    hubs = {row["name"] for row in _ROW.finditer(PAGE.prose()) if row["topic"].startswith("hub: ")}
    assert hubs == {name for name in shipped_names() if "hub" in TomlFile(name, shipped_text(name)).tables}


def test_profile_that_the_page_writes_is_checked_and_well(tmp_path: Path) -> None:
    """With the message that it starts from, which its first example holds but for what is not shown of it."""
    (profile,) = [block.text for block in PAGE.blocks("toml") if "[fields." in block.text]
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices/weather-w2.toml").write_text(profile)
    (tmp_path / "city.toml").write_bytes(full_city(["weather-w2"]))
    checked = check_folder(tmp_path, None)
    assert (checked.faults, checked.failed_examples) == ((), ())
    assert len(checked.examples) == 3


def test_properties_and_use_that_the_page_shows_are_those_of_a_city(tmp_path: Path) -> None:
    """What can be copied can be put in force."""
    use, properties, _ = [block.text for block in PAGE.blocks("toml") if "[fields." not in block.text]
    few = {name: PROPERTIES[name] for name in re.findall(r"^\[property\.(\w+)\]$", properties, re.MULTILINE)}
    text = full_city([], few).decode()
    text = text.replace("[use]\ndevices = []\n", use).split("[property.", 1)[0] + properties
    (tmp_path / "city.toml").write_text(text)
    checked = check_folder(tmp_path, None)
    assert (checked.faults, checked.failed_examples) == ((), ())
    assert checked.policies is not None
    assert len(checked.policies.profiles) == 3


def test_flow_that_the_page_shows_fits_the_city_of_the_repository(tmp_path: Path) -> None:
    """What a register has grown by leaves by it, as one more flow."""
    folder = tmp_path / "policies"
    shutil.copytree(ROOT / "policies", folder)
    before = check_folder(folder, None).policies
    with (folder / "city.toml").open("a") as file:
        file.write("\n" + next(block.text for block in PAGE.blocks("toml") if "[flow." in block.text))
    checked = check_folder(folder, None)
    assert checked.faults == ()
    assert before is not None
    assert checked.policies is not None
    assert set(checked.policies.flows) - set(before.flows) == {"plugs-hourly"}
