"""The check of policies in this process: for tests that start many gateways and are about something else.

The process of its own, which every real gateway uses, has tests of its own.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import msgspec

from gateway.commands.check import check_folder
from gateway.commands.check_report import as_json
from gateway.edge.policy_check import CheckReport


async def check_here(folder: Path, sinks: Collection[str]) -> CheckReport:
    """Check a policies folder as the process would."""
    return msgspec.json.decode(as_json(check_folder(folder, sinks)), type=CheckReport)
