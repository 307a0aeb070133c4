"""`sluice clock`: the simulated clock."""

from __future__ import annotations

from consent.messages import ClockTo
from gateway.commands.parser import Parser, Verbs, group, method


def add_verbs(verbs: Verbs[Parser]) -> None:
    """Add the verbs and their options."""
    noun = group(verbs, "clock", "the simulated clock")
    advance = method(noun, "clock.advance", "set a standing simulated clock forward and run one tick", ClockTo)
    advance.add_argument("to", metavar="TIME", help="to when, e.g. 2026-05-01T13:00:00Z")
