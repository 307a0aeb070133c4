"""A city in which everything goes wrong: nothing is lost, counted twice or leaked, and the log stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.soak import soak
from tests.soak.wrong_gateway import WAYS

SEED = 15
MINUTES, WRONG_MINUTES = 2.0, 0.5


@pytest.mark.slow
def test_nothing_is_lost_counted_twice_or_leaked_whatever_goes_wrong(tmp_path: Path) -> None:
    """Each thing goes wrong at least once; what cannot here is said. How fast it was, and how large, is nothing to a test."""
    result = soak(tmp_path, SEED, MINUTES, lambda _: None, print)
    assert (result.lost, result.counted_twice, result.leaked) == (0, 0, 0), result.examples
    assert (result.audit, result.replay, result.ledger, result.recipient) == ("ok", "ok", "balanced", "ok")
    assert result.tracebacks == 0, result.examples
    assert result.kills > 0
    assert result.records > 0
    assert {"withdrawals", "grants", "policies", "erasures", "exports"} <= result.actions.keys()
    assert len(result.faults) + len(result.not_played) == 10


@pytest.mark.slow
def test_each_figure_tells_of_a_gateway_that_is_wrong_on_purpose(tmp_path: Path) -> None:
    """In every way at once, while nothing else goes wrong; a soak whose figures stay zero could not fail."""
    result = soak(tmp_path, SEED, WRONG_MINUTES, lambda _: None, print, ",".join(WAYS))
    assert not result.holds
    assert min(result.lost, result.counted_twice, result.leaked) > 0
    assert result.audit != "ok"
    assert result.ledger != "balanced"
