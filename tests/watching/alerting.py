"""Alert rules on a stretch of time that is made of scrapes, judged by Prometheus' own `promtool test rules`."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.checkout import ROOT
from tests.support.watched_gateway import Samples

RULES = ROOT / "deploy" / "prometheus-rules.yml"
SCRAPED = 'instance="127.0.0.1:9469",job="sluice"'
"""The labels that Prometheus itself gives each series of a gateway."""

_RULE = re.compile(
    r"- alert: (\w+)\n(?: {8}.*\n)*? {8}labels: \{severity: (\w+)\}\n {8}annotations: \{summary: \"(.+)\", runbook: \"(.+)\"\}\n"
)

Labels = Mapping[str, str]


class Stretch(NamedTuple):
    """What was scraped each minute for some minutes; nothing, where nobody answered."""

    minutes: int
    samples: Samples


def promtool() -> str:
    """Return the path of Prometheus' tool, or skip the test."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("`promtool` is not installed")
    return found


class Rule(NamedTuple):
    """What a rule says of its alert."""

    severity: str
    summary: str
    runbook: str


def rules() -> dict[str, Rule]:
    """Return the rules by their alerts."""
    found = {alert: Rule(*said) for alert, *said in _RULE.findall(RULES.read_text())}
    assert len(found) == RULES.read_text().count("- alert:")
    return found


def check(folder: Path, stretches: Sequence[Stretch], fires: Mapping[str, Iterable[Labels]]) -> None:
    """Check that at the end of the stretches these alerts fire with these labels, and no other does.

    Args:
        folder: For promtool's file.
        stretches: One after another.
        fires: By alert, the labels of each that fires, beside its severity.
    """
    case = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": list(_series(stretches)),
                "alert_rule_test": list(_expected(sum(one.minutes for one in stretches) - 1, fires)),
            }
        ],
    }
    file = folder / "case.yml"
    file.write_text(json.dumps(case))  # JSON is YAML
    judged = subprocess.run([promtool(), "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout + judged.stderr


def _series(stretches: Sequence[Stretch]) -> Iterator[dict[str, str]]:
    for series in sorted({series for one in stretches for series in one.samples}):
        values = " ".join(
            f"{one.samples[series]!r}+0x{one.minutes - 1}" if series in one.samples else f"_x{one.minutes}" for one in stretches
        )
        name, _, labels = series.partition("{")
        yield {"series": f"{name}{{{SCRAPED}{',' + labels if labels else '}'}", "values": values}


def _expected(minute: int, fires: Mapping[str, Iterable[Labels]]) -> Iterator[dict[str, Any]]:
    for alert, rule in rules().items():
        annotations = {"summary": rule.summary, "runbook": rule.runbook}
        expected = [
            {"exp_labels": {"severity": rule.severity, **labels}, "exp_annotations": annotations}
            for labels in fires.get(alert, ())
        ]
        yield {"eval_time": f"{minute}m", "alertname": alert, "exp_alerts": expected}
