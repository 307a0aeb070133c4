"""What a hostile gateway may say of numbers: what cannot be is as if it were away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from consent.citizen_messages import Mine, Nobody, SessionOpened, SignInChallenge
from consent.messages import plain
from consent.portal.gates.citizen import OutcomeUnknownError
from consent.portal.gates.citizen_door import CitizenDoor
from consent.portal.gates.public import GateAwayError
from consent.portal.gates.public_door import PublicGate
from consent.portal.gates.ranges import LEAST, MOST, check_ranges
from consent.portal.visit import Visit
from tests.support.portal import said_state
from tests.support.spoken_door import spoken


@pytest.mark.parametrize(
    "value", [0, -1, LEAST, MOST, 1.5, None, True, "x", {"day": ""}, {"day": "2026-11-28"}, {"days": ["2026-11-28"]}]
)
def test_what_can_be_passes(value: object) -> None:
    """And can be written as a date."""
    check_ranges(msgspec.Raw(msgspec.json.encode({"a": [value]})))
    if isinstance(value, int | float):
        assert Visit("en").moment(int(value))


@pytest.mark.parametrize("value", [MOST + 1, LEAST - 1, 1e300, 1 << 62, {"day": "2026-13-45"}, {"days": ["yesterday"]}])
def test_what_cannot_be_does_not(value: object) -> None:
    """Wherever it stands."""
    with pytest.raises(ValueError, match=r".+"):
        check_ranges(msgspec.Raw(msgspec.json.encode({"a": [value]})))


async def test_doors_take_a_gateway_that_says_so_for_away(tmp_path: Path) -> None:
    """Of a change nobody knows then whether it was carried out."""

    def says(method: str, params: Any) -> Any:
        if method == "public.state":
            return {"result": plain(said_state(now_ms=MOST + 1))}
        return {"result": {"token": "ab", "kind": "passkey", "ends_ms": 1 << 60}}

    async with spoken(tmp_path / "s", says):
        public, door = PublicGate(tmp_path / "s"), CitizenDoor(tmp_path / "s")
        with pytest.raises(GateAwayError):
            await public.state()
        with pytest.raises(GateAwayError):
            await door.ask("session.challenge", Nobody(), SignInChallenge)
        with pytest.raises(OutcomeUnknownError):
            await door.ask("session.extend", Mine(), SessionOpened, session="ab", request="00" * 16)
        await public.close()
        await door.close()


def test_bits_are_no_number() -> None:
    """Those of a device of which many messages have come, in the export of its household."""
    check_ranges(msgspec.Raw(msgspec.json.encode({"sequences": [{"bitmap": 2**64 - 1}]})))
