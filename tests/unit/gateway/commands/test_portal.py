"""`sluice portal`, from the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli import build_parser, main


def test_portal_has_a_configuration_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable that names the gateway's is not its."""
    monkeypatch.setenv("SLUICE_CONFIG", "gateway.toml")
    assert build_parser().parse_args(["portal"]).config == Path("/etc/sluice/portal.toml")
    assert build_parser().parse_args(["portal", "--config", "x.toml"]).config == Path("x.toml")


def test_configuration_that_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And status 2."""
    assert main(["portal", "--config", str(tmp_path / "none.toml")]) == 2
    assert capsys.readouterr().err == f"sluice: `{tmp_path / 'none.toml'}`: no such file or directory\n"


def test_other_commands_do_not_load_the_portal() -> None:
    """`sluice --help` stays quick: what the web takes is imported where it is served."""
    loaded = "any(name in sys.modules for name in ('starlette', 'uvicorn', 'jinja2'))"
    code = f"import sys, gateway.cli; gateway.cli.build_parser(); sys.exit({loaded})"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
