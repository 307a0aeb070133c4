"""What is refused of a list of devices is told by the line and topic that the crew wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.cli import main
from gateway.commands.devices.add import _by_line, _with_places
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


def test_what_is_refused_of_one_device_from_options_names_no_place_in_a_request() -> None:
    """Nobody wrote a list."""
    assert _by_line(FILE, None, "`devices[0]`: there is no zone `x`") == "there is no zone `x`"
    assert _by_line(FILE, None, "`devices[0].subject`: is no id") == "`subject` is no id"
    assert _by_line(FILE, None, "no gateway") == "no gateway"


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


def test_each_new_device_of_a_list_stands_with_its_topic() -> None:
    """Ids and codes are random: without the topic nobody knows whose card it is, nor which device."""
    rows = [{"topic": "homes/a", "zone": "mill"}, {"topic": "rtl_433/roof/events", "id": "Nexus-TH/172", "zone": "mill"}]
    added = [{"device": "62" * 16}, {"device": "9a" * 16, "claim_code": "K7QM-4T2X-9RHD"}]
    assert [list(each.items()) for each in _with_places(True, rows, added)] == [
        [("topic", "homes/a"), ("device", "62" * 16)],
        [("topic", "rtl_433/roof/events"), ("id", "Nexus-TH/172"), ("device", "9a" * 16), ("claim_code", "K7QM-4T2X-9RHD")],
    ]
    assert _with_places(False, rows, added) == added
