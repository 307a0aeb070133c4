"""What an operator may meet is explained in `docs/operating.md`: each counted reason, each log line, each line of status."""

from __future__ import annotations

import re

from gateway.commands.gateway import status_text
from gateway.core import model
from gateway.core.model import Reject
from tests.docs.pages import pages
from tests.support.checkout import ROOT
from tests.support.status import SHOWN

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
