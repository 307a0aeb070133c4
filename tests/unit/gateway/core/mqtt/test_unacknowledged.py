"""What was received and awaits its acknowledgement: in order, the session's own markers in their turn."""

from __future__ import annotations

import pytest

from gateway.core.mqtt.unacknowledged import Unacknowledged
from tests.unit.gateway.core.mqtt.playbook import puback


def received(*packet_ids: int) -> Unacknowledged:
    """Return what was received in this order; markers are negative."""
    waiting = Unacknowledged()
    for packet_id in packet_ids:
        if packet_id > 0:
            waiting.packet_ids.append(packet_id)
        else:
            waiting.add_marker(-packet_id)
    return waiting


def test_markers_are_acknowledged_once_no_frame_is_left_before_them() -> None:
    """Neither earlier nor later, whoever acknowledges the frames."""
    waiting = received(-1, 2, 3, -4, -5, 6)
    assert (len(waiting), waiting.frames) == (6, 3)
    assert waiting.acknowledge_markers() == puback(1)
    assert waiting.acknowledge([2]) == puback(2)
    assert waiting.acknowledge([3, 0]) == puback(3) + puback(4) + puback(5)
    assert waiting.acknowledge([6]) == puback(6)
    assert (len(waiting), waiting.frames) == (0, 0)


@pytest.mark.parametrize("packet_ids", [[3], [2, 4], [2, 3, 6]])
def test_frames_out_of_their_order_are_refused_and_nothing_is_acknowledged(packet_ids: list[int]) -> None:
    """The owner's record is wrong, and the broker would take it for a commit."""
    waiting = received(2, -1, 3)
    with pytest.raises(ValueError, match="out of order"):
        waiting.acknowledge(packet_ids)
    assert len(waiting) == 3
