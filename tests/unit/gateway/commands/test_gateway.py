"""The screen of `sluice status`."""

from __future__ import annotations

import pytest

from gateway.commands.gateway import status_text
from tests.support.status import SHOWN


@pytest.mark.parametrize(("assumed", "told"), [(0, []), (1, ["ASSUMED for 1 device"]), (2, ["ASSUMED for 2 devices"])])
def test_status_ends_with_the_accounts_below_the_ledger(assumed: int, told: list[str]) -> None:
    """Devices whose owner is assumed stand beside the registry: what follows the ledger is accounts alone."""
    lines = status_text({**SHOWN, "owners_assumed": assumed}).splitlines()
    assert [line.split(maxsplit=1)[1].partition(":")[0] for line in lines if line.startswith("owners")] == told
    assert lines[-2].startswith("ledger ")
    assert lines[-1].split() == ["frames.received", "5"]


@pytest.mark.parametrize(("forgotten", "told"), [(0, []), (7, ["5 times remembered, 7 FORGOTTEN: what is older is withheld"])])
def test_status_tells_of_times_that_had_to_be_forgotten(forgotten: int, told: list[str]) -> None:
    """Only where there are any: it is what an operator can do something about."""
    lines = status_text({**SHOWN, "times": {"remembered": 5, "forgotten": forgotten}}).splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines if line.startswith("repeats")] == told
