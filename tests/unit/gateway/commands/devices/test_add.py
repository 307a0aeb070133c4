"""What is refused of a list of devices is told by the line and topic that the crew wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.cli import main
from gateway.commands.devices.add import _by_line
from gateway.commands.devices.rows import NumberedRow

FILE = Path("devices.csv")
ROWS = [NumberedRow(2, {"topic": "a"}), NumberedRow(5, {"topic": "b"})]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("`devices[1]`: no such zone", "`devices.csv`: line 5, topic `b`: no such zone"),
        ("`devices[0].zone` is missing", "`devices.csv`: line 2, topic `a`: `zone` is missing"),
        ("`devices[0].subject`: is no id", "`devices.csv`: line 2, topic `a`: `subject` is no id"),
        ("`devices[1]`: it is that of `devices[0]`: two", "`devices.csv`: line 5, topic `b`: it is that of line 2: two"),
        ("no gateway", "no gateway"),
    ],
)
def test_place_in_a_request_is_told_as_a_line_of_the_file(said: str, told: str) -> None:
    """Also that of another device, which it overlaps."""
    assert _by_line(FILE, ROWS, said) == told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--dry-run", "--sheet", "s.html"], "`--sheet` does not go with `--dry-run`"),
        (["--language", "es"], "`--language` is that of a `--sheet`"),
    ],
)
def test_options_that_contradict_each_other_are_refused(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is asked or written."""
    device = ["--profile", "meter", "--zone", "z", "--topic", "t", "--owner", "city"]
    assert main(["device", "add", *device, *words]) == 2
    assert capsys.readouterr().err.startswith(f"sluice: {said}")
