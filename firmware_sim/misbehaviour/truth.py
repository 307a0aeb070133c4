"""The truth about one measurement: what was really measured, what was said, when it was sent, and why they differ.

``stations`` makes it beside the messages, ``sluice sim run --truth`` writes it, and tests hold a gateway's figures against it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from firmware_sim.devices import Values
from firmware_sim.wire import Value


@dataclass(frozen=True, slots=True)
class Truth:
    """What happened to one measurement.

    Args:
        topic: The device's topic in the scenario.
        identity: Its serial number.
        kind: Its kind.
        measured_ms: When it measured, in Unix milliseconds of true time.
        measured: What it measured.
        said_ms: The time that it said.
        said: What it said that it measured, in the same units, before the format rounds it.
        boot: The run that it said.
        sequence: The number that it said.
        sent_ms: When it was sent, each copy; empty: never, and nobody heard of it.
        faults: The names of the faults that befell it, in order; empty: what was sent is what was measured.
    """

    topic: str
    identity: str
    kind: str
    measured_ms: int
    measured: Values
    said_ms: int
    said: Mapping[str, Value] = field(repr=False)
    boot: int
    sequence: int
    sent_ms: tuple[int, ...]
    faults: tuple[str, ...]

    def line(self) -> str:
        """Return it as one line of JSON; what is no number in JSON (NaN) is null there, and has its fault's name."""
        said = {name: None if value != value else value for name, value in self.said.items()}
        names = ("topic", "identity", "kind", "measured_ms", "measured", "said_ms", "boot", "sequence", "sent_ms", "faults")
        return json.dumps({**{name: getattr(self, name) for name in names}, "said": said}, default=dict) + "\n"
