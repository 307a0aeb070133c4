"""A process that logs has nothing of rich in memory, and may import it all the same."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.checkout import ROOT
from tests.support.waiting import HANG_S

ALONE = """
import sys
import gateway.cli, gateway.service
assert "structlog" in sys.modules
assert not [name for name in sys.modules if name.split(".")[0] in ("rich", "pygments")]
"""
BEFORE = """
import sys
import rich.console as before
import gateway.service
import rich.console
assert rich.console is before
"""
AFTERWARDS = """
import gateway.service
from rich.console import Console
Console().print("drawn")
"""


@pytest.mark.parametrize("program", [ALONE, BEFORE, AFTERWARDS], ids=["alone", "before", "afterwards"])
def test_process_that_logs_does_without_rich_until_it_wants_it(program: str) -> None:
    """Only the demo's screen is drawn with it."""
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=HANG_S, check=False)
    assert ran.returncode == 0, ran.stderr
