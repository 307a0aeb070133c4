"""The command lines of the simulator: to parse them loads nothing of what they run."""

from __future__ import annotations

from tests.support.loaded import loaded_by


def test_options_load_nothing_of_what_they_run() -> None:
    """Every command of `sluice` parses all options, so what they load each of them waits for."""
    loaded = loaded_by(
        "from argparse import ArgumentParser; import firmware_sim.arguments as it; it.add_arguments(ArgumentParser())"
    )
    assert {name for name in loaded if name.startswith("firmware_sim.")} == {"firmware_sim.arguments"}
