"""The command lines of a recipient: to parse them loads nothing of what they run."""

from __future__ import annotations

from tests.support.loaded import loaded_by


def test_options_load_nothing_of_what_they_run() -> None:
    """Every command of `sluice` parses all options, so what they load each of them waits for."""
    loaded = loaded_by(
        "from argparse import ArgumentParser; import gateway.recipient.arguments as it; it.add_arguments(ArgumentParser())"
    )
    assert {name for name in loaded if name.startswith("gateway.recipient.")} == {"gateway.recipient.arguments"}
