"""Bundles in flight: ready, then sent or voided, then acknowledged."""

from __future__ import annotations

import pytest

from gateway.core.effects import BundleRow
from gateway.core.inflight import Inflight, ReadyBundle

BUNDLE = ReadyBundle(5, "office", b"sealed", subjects=frozenset({b"home"}), full=True)


def test_bundle_is_ready_then_sent_then_acknowledged() -> None:
    """Stored when it is formed, deleted when the broker has it; in between its recipient has one under way."""
    inflight = Inflight()
    inflight.add(BUNDLE, "city")
    assert inflight.commit.bundles == [BundleRow(5, "office", "city", b"sealed")]
    assert inflight.has("office")
    inflight.hand_over("office")
    assert (inflight.ready, inflight.sent[5].full, inflight.has("office")) == ({}, True, True)
    inflight.acknowledge(5)
    assert (len(inflight), inflight.has("office"), inflight.commit.bundles_done) == (0, False, [5])


def test_bundle_is_voided_only_while_no_byte_has_left() -> None:
    """From the first byte on it stands."""
    inflight = Inflight()
    inflight.add(BUNDLE, "city")
    assert inflight.void("office") is BUNDLE
    assert (len(inflight), inflight.commit.bundles_done) == (0, [5])
    inflight.add(BUNDLE, "city")
    inflight.hand_over("office")
    with pytest.raises(KeyError):
        inflight.void("office")


def test_bundle_found_at_a_start_may_speak_of_anybody() -> None:
    """Whom it speaks of is known only to the process that formed it."""
    inflight = Inflight()
    inflight.add(BUNDLE, "city")
    inflight.hand_over("office")
    inflight.resume(3, "grid")
    assert (inflight.sent_about(b"home"), inflight.sent_about(b"other")) == ([3, 5], [3])
