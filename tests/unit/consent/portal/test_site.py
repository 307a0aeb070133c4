"""What the pages are made from."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from tests.support.portal import NOW_MS, SaidGate, SaidRecord, said_site, said_state


def test_site_is_the_same_for_every_page() -> None:
    """No page changes it for another; its clock is an argument."""
    site = said_site(SaidGate(said_state()), SaidRecord(None))
    assert site.now_ms() == NOW_MS
    with pytest.raises(FrozenInstanceError):
        site.gate = SaidGate(said_state())  # type: ignore[misc]
