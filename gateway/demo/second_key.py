"""The energy office's second key: made while the demo plays, and named in the policies beside the first.

What leaves from then on opens with either, so that the office can go over to it without missing anything; when all has come, the
bundles are opened once more, with the second key alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.demo.city import DemoCity
from gateway.demo.gateway_process import GatewayProcess
from gateway.errors import OperatorError
from gateway.recipient.keys import generate, load_private
from gateway.recipient.opening import open_bundle
from gateway.recipient.wire import BundleError

RECIPIENT: Final = "city-energy"
_FIRST: Final = f"keys/{RECIPIENT}.pub"
_SECOND: Final = f"keys/{RECIPIENT}-2.pub"


@dataclass(frozen=True, slots=True)
class SecondKey:
    """A key that has come into force beside the first.

    Attributes:
        path: The private half's file.
        since_index: Log index of the policies that name it.
    """

    path: Path
    since_index: int

    def opened(self, received: Path) -> tuple[int, int]:
        """Return how many of a recipient's bundles since then open with this key alone, and how many there are."""
        key, opened, count = load_private(self.path), 0, 0
        for file in received.glob("*.bundle"):
            index = int(file.stem.partition("-")[0])
            if index > self.since_index:
                count += 1
                try:
                    open_bundle(file.read_bytes(), key, index)
                except BundleError:
                    continue
                opened += 1
        return opened, count


async def add_second_key(city: DemoCity, gateway: GatewayProcess) -> SecondKey:
    """Make the key, and put policies in force that name both.

    Raises:
        OperatorError: The policies do not name the first key as shipped.
        RefusedError: The gateway does not take them.
    """
    policies = city.place.policies
    text = (policies / "city.toml").read_text(encoding="utf-8")
    text, named = re.subn(
        rf'(?m)^public_key_file = "{re.escape(_FIRST)}"$', f'public_key_files = ["{_FIRST}", "{_SECOND}"]', text
    )
    if named != 1:
        raise OperatorError(f"`{policies / 'city.toml'}`: is not as shipped, so the demo cannot add a key")
    pair = generate(city.folder / "recipients" / f"{RECIPIENT}-2", policies / _SECOND)
    (policies / "city.toml").write_text(text, encoding="utf-8")
    applied = await gateway.call("policy.apply", {"accept": True})
    return SecondKey(pair.private_path, applied["log_index"])
