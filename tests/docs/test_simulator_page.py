"""`docs/simulator.md` lists the keys, kinds and faults that the simulator knows, with their defaults, and its example is one."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

from firmware_sim.formats.kinds import KINDS
from firmware_sim.misbehaviour.faults_by_name import FAULTS
from firmware_sim.misbehaviour.truth import Truth
from firmware_sim.scenario import DEVICE_KEYS, SCENARIO_KEYS, load_scenario
from tests.docs.pages import pages

PAGE = pages()["docs/simulator.md"]
_ROW = re.compile(r"^\| (?P<first>[^|]+) \| (?P<second>[^|]*) \| [^|]+ \|$", re.MULTILINE)


def rows(heading: str) -> dict[str, str]:
    """Return the second column of the table under a heading, by its first."""
    section = PAGE.text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return {match["first"].strip("`"): match["second"] for match in _ROW.finditer(section) if match["first"].startswith("`")}


def test_page_lists_every_key() -> None:
    """In the order in which messages name them."""
    assert [*rows("Keys of a scenario")] == [*SCENARIO_KEYS]
    assert [*rows("Keys of a device")] == [*DEVICE_KEYS]


def test_page_lists_every_kind() -> None:
    """Those of real makes, with where each publishes."""
    assert [*rows("Kinds")] == [*KINDS]


def test_page_lists_every_fault_with_its_settings_and_defaults() -> None:
    """In the order in which they befall a measurement."""
    said = rows("Faults")
    assert [*said] == [*FAULTS]
    for name, kind in FAULTS.items():
        settings = [f"`{item.name}`" if item.default == "" else f"`{item.name}` {_plain(item.default)}" for item in fields(kind)]
        assert said[name].strip() == (", ".join(settings) or "none"), name


def _plain(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if not isinstance(default, float) or default < 1e4 else f"{default:.0f}"


def test_example_is_a_scenario_and_a_truth(tmp_path: Path) -> None:
    """As it stands there."""
    (scenario,) = PAGE.blocks("toml")
    path = tmp_path / "street.toml"
    path.write_text(scenario.text)
    assert len(load_scenario(path).devices) == 17
    (truth,) = PAGE.blocks("json")
    assert json.loads(truth.text).keys() == {item.name for item in fields(Truth)}
