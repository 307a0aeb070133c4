"""A reason that a page has words for is said; any other is not shown as it came."""

from __future__ import annotations

from consent.portal.gates.public import GateRefusedError
from consent.portal.joining.refusals import OTHER, reason_of
from tests.support.own_home import refused


def test_only_reasons_that_the_page_knows_are_said() -> None:
    """A newer gateway may have others, and an older one none."""
    assert reason_of(refused("code-old"), {"code-old"}) == "code-old"
    assert reason_of(refused("code-old"), {"code-unknown"}) == OTHER
    assert reason_of(GateRefusedError("in words"), {"code-old"}) == OTHER
