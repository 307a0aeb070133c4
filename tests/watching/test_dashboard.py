"""The dashboard and the alert rules ask for figures that a gateway has, in queries that Prometheus understands."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.checkout import ROOT
from tests.support.watched_gateway import watched_gateway
from tests.watching.alerting import RULES, promtool

DASHBOARD = ROOT / "deploy" / "grafana-dashboard.json"
_FIGURE = re.compile(r"\bsluice_\w+")
_TYPE = re.compile(r"^# TYPE (\S+) (\S+)$", re.MULTILINE)


def panels() -> list[dict[str, Any]]:
    """Return the panels that show something."""
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def queries() -> list[str]:
    """Return what they ask."""
    return [target["expr"] for panel in panels() for target in panel["targets"]]


def series_names(text: str) -> Iterator[str]:
    """Yield the names that the series of an exposition have, whether or not they have a sample now."""
    for name, kind in _TYPE.findall(text):
        yield from (f"{name}_bucket", f"{name}_count", f"{name}_sum") if kind == "histogram" else (name,)


async def test_figures_that_are_asked_for_are_told(tmp_path: Path) -> None:
    """Each name in a query of the dashboard, and in a rule; a name that was mistyped would show nothing, and raise nothing."""
    async with watched_gateway(tmp_path) as scene:
        told = set(series_names(scene.text()))
    rules = "\n".join(line for line in RULES.read_text().splitlines() if not line.lstrip().startswith("#"))
    asked = {name for text in (*queries(), rules) for name in _FIGURE.findall(text)}
    assert len(asked) > 40
    assert asked - told == set()


def test_queries_are_understood(tmp_path: Path) -> None:
    """As rules that record them, which promtool reads as Prometheus does; and so are the alert rules."""
    recorded = [{"record": f"q{number}", "expr": query} for number, query in enumerate(queries())]
    file = tmp_path / "queries.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": recorded}]}))
    for rules in (file, RULES):
        checked = subprocess.run([promtool(), "check", "rules", str(rules)], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert "FAILED" not in checked.stdout


def test_panels_have_titles_of_their_own_and_lie_beside_each_other() -> None:
    """No two cover the same place, so that whoever imports it sees all of them."""
    titles = [panel["title"] for panel in panels()]
    assert len(set(titles)) == len(titles) >= 20
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells
