"""Messages about devices: what may be left out, and what says which device of a list is meant."""

from __future__ import annotations

import pytest

from consent.device_messages import Discover, NewDevice, NewDevices
from consent.errors import ControlRequestError
from consent.messages import decode

DEVICE = '{"profile":"meter","zone":"z","topic":"t","owner":"city","subject":"none"}'


def test_device_without_a_hub_needs_no_id() -> None:
    """As every request of a version that knew none."""
    assert decode(DEVICE.encode(), NewDevice).id == ""
    assert decode(f'{{"devices":[{DEVICE}]}}'.encode(), NewDevices).dry_run is False
    assert decode(b"{}", Discover) == Discover(for_s=60, report=False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'{{"devices":[{DEVICE},{DEVICE[:-1]},"id":7}}]}}', "`devices[1].id` has the wrong type"),
        (f'{{"devices":[{DEVICE[:-1]},"hub":"7"}}]}}', "`devices[0].hub` is not a parameter"),
        (f'{{"devices":[{DEVICE}],"dry_run":"yes"}}', "`dry_run` has the wrong type"),
    ],
)
def test_wrong_device_of_a_list_is_named(text: str, said: str) -> None:
    """By its place, which the shell tells as a line."""
    with pytest.raises(ControlRequestError) as refused:
        decode(text.encode(), NewDevices)
    assert said in str(refused.value)
