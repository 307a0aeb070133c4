"""What an operator may meet is explained in `docs/operating.md`: each counted reason, each log line, each line of status."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.commands.gateway import status_text
from gateway.core import model
from gateway.core.model import Reject
from gateway.watching.health import REASONS
from tests.docs.pages import pages
from tests.support.checkout import ROOT
from tests.support.status import SHOWN
from tests.support.watched_gateway import watched_gateway

OPERATING = pages()["docs/operating.md"]
CODE = set(OPERATING.code_words())
_EVENT = re.compile(r'_log\.(?:info|warning|error)\(\s*"([^"]+)"')
_DECISION = re.compile(r"`([a-z-]+)`")


def test_rejections_are_all_explained() -> None:
    """Each reason for which a frame or observation is refused."""
    reasons = {value.reason for value in vars(model).values() if isinstance(value, Reject)}
    assert reasons
    assert reasons <= CODE


def test_decisions_to_withhold_are_all_explained() -> None:
    """Each reason that a decision may give, but for those that a checked registry cannot lead to."""
    from consent.core.decide import Decision

    told = (Decision.__doc__ or "").partition("Empty where permitted, else one of")[2].partition("bounds:")[0]
    reasons = set(_DECISION.findall(told)) - {"unknown-flow", "unknown-zone", "requested"}
    assert {"no-consent", "ceiling"} <= reasons
    assert reasons <= CODE


def test_log_lines_are_all_explained() -> None:
    """Each event that the gateway logs."""
    rooms = [path for path in (ROOT / "gateway").rglob("*.py") if "demo" not in path.parts]
    events = {event for path in rooms for event in _EVENT.findall(path.read_text())}
    assert {"started", "broker connected"} <= events
    assert events <= CODE


def test_status_lines_are_all_explained() -> None:
    """Each line of the screen that can be other than well."""
    troubled = {**SHOWN, "owners_assumed": 1, "intake": {"waits": "the disk has no room"}, "ledger": {}}
    lines = {line.split()[0] for line in status_text(troubled).splitlines()}
    assert lines - {"gateway", "policies", "registry"} <= CODE


def test_reasons_for_not_being_ready_are_all_explained() -> None:
    """In the words in which they are told."""
    assert set(REASONS.values()) <= CODE


async def test_figures_are_all_explained(tmp_path: Path) -> None:
    """Each by its name, without what all names begin with."""
    async with watched_gateway(tmp_path) as scene:
        names = set(re.findall(r"^# TYPE sluice_(\S+)", scene.text(), re.MULTILINE))
    assert len(names) >= 50
    assert names <= CODE


def test_alerts_are_all_explained() -> None:
    """Each has a line with what to do."""
    alerts = set(re.findall(r"- alert: (\w+)", (ROOT / "deploy" / "prometheus-rules.yml").read_text()))
    assert len(alerts) >= 18
    assert alerts <= CODE
