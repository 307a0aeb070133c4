"""What the ingest bench measures: processes that receive readings from a broker at QoS 1, the gateway and three that do less.

The gateway stays up, on a broker of its own; the others share one, and each runs only while its turn lasts. All brokers have the
settings that are shipped.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import psutil

from firmware_sim.load import Load
from tests.bench.city import FILTER
from tests.broker.mosquitto import Mosquitto, mosquitto_program, running_mosquitto
from tests.live import LiveGateway

LOG_SUBSCRIPTIONS = "log_type subscribe\n"
"""Makes a broker tell when a consumer has subscribed; nothing that is logged lies in the measured time."""

_PAHO_PROGRAM = Path(__file__).with_name("bare_paho.py")
_READY_S = 10.0
_END_TOPIC = "bench/end"


class Consumer(Protocol):
    """A process that receives what is published to a broker."""

    @property
    def name(self) -> str:
        """The key of its figures in the result."""

    @property
    def port(self) -> int:
        """Of the broker from which it receives."""

    def receiving(self, count: int) -> Iterator[psutil.Process]:
        """Have it subscribed for the length of the context; ``count`` messages will come."""

    def wait(self, timeout_s: float) -> None:
        """Wait until all messages of this turn have come."""
