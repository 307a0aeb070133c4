"""`blocks`: how long intake and withdrawals wait while the gateway does something large, and how much memory that takes.

Each action runs in a gateway process of its own (``tests.bench.blocked``) on a database of its own; a start is measured from the
process's beginning until it answers. Waits are what somebody would have waited on this machine, whoever else uses it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.blocked import ACTIONS
from tests.bench.blocks_city import blocks_gateway
from tests.bench.starting import STARTS
from tests.bench.timing import say
from tests.support.checkout import ROOT


def run(actions: Sequence[str], starts: Sequence[str], households: int, folder: Path) -> dict[str, Any]:
    """Run some actions and starts, one after another."""
    found: dict[str, Any] = {"actions": [], "start": []}
    if actions:
        say(f"{households} households")
        blocks_gateway(folder / "made", households)
    for action in actions:
        copy = folder / action
        shutil.copytree(folder / "made", copy)
        found["actions"].append(_row([sys.executable, "-m", "tests.bench.blocked", action, str(copy)]))
        say(json.dumps(found["actions"][-1]))
        shutil.rmtree(copy)
    for name in starts:
        for row in STARTS[name](folder / f"start-{name}"):
            found["start"].append(row)
            say(json.dumps(row))
    return found


def _row(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    row: dict[str, Any] = json.loads(done.stdout)
    return row


def main(arguments: list[str]) -> int:
    """Run the bench; return the exit status."""
    parser = argparse.ArgumentParser("./dev bench blocks", description="who waits while the gateway does something large")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there")
    parser.add_argument("--households", type=int, default=10_000, help="each with a meter (default %(default)s)")
    parser.add_argument("--action", action="append", choices=[*ACTIONS, *STARTS], help="only this one; may be repeated")
    args = parser.parse_args(arguments)
    chosen = args.action or [*ACTIONS, *STARTS]
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        found = run(
            [name for name in chosen if name in ACTIONS],
            [name for name in chosen if name in STARTS],
            args.households,
            Path(folder),
        )
    if args.json is not None:
        args.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0
