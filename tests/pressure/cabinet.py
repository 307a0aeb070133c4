"""What a street cabinet does to a gateway, for real: a memory card that fills up, turns read-only or slow, and what is looked at
afterwards.

The cards are files behind the loop device, and so need root; where it is missing the tests skip, and say so.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from firmware_sim.load import Load
from gateway.audit.log.entries import Kind
from gateway.audit.log.payloads import GapPayload
from gateway.audit.log.reader import OpeningsReader
from gateway.commands.gateway import status_text
from tests.crash.street import Message
from tests.crash.town import Town
from tests.support.asking import Answer
from tests.support.audits import run_audit
from tests.support.killed_gate import first_part
from tests.support.live import LiveGateway
from tests.support.memory import peak_kib
from tests.support.recounted import entries_of
from tests.support.small_disk import SmallDisk, loop_disk, run_as_root, why_no_loop_disk
from tests.support.waiting import HANG_S

MOST_MIB = 150
"""So much memory a gateway takes at most, whatever happens."""
CARD_MIB = 96
MINUTE_MS = 60_000
_THROTTLE = Path("/sys/fs/cgroup/blkio/blkio.throttle.write_iops_device")


@dataclass(frozen=True, slots=True)
class Card:
    """The memory card of a street cabinet.

    Attributes:
        disk: What is mounted of it.
    """

    disk: SmallDisk

    def fail(self) -> None:
        """Have the kernel find an error on it, after which nobody may write any more, as on a card that dies."""
        Path(f"/sys/fs/ext4/{Path(self.disk.device).name}/trigger_fs_error").write_text("played by a test")

    def mend(self) -> None:
        """Check it and mount it again; nobody may have a file open there."""
        run_as_root("umount", str(self.disk.folder))
        command = ["e2fsck", "-p", self.disk.device]
        subprocess.run(command, capture_output=True, timeout=HANG_S, check=False)  # its status is 1 where it mended something
        self.disk.mount()

    @contextlib.contextmanager
    def slowed(self, writes_per_s: int) -> Iterator[None]:
        """Let the block device take only so many writes a second, of anybody."""
        number = Path(f"/sys/block/{Path(self.disk.device).name}/dev").read_text().strip()
        if not _THROTTLE.exists():
            pytest.skip("the kernel's block i/o controller of the first kind is not mounted here, so no device can be slowed")
        _THROTTLE.write_text(f"{number} {writes_per_s}")
        try:
            yield
        finally:
            _THROTTLE.write_text(f"{number} 0")


@contextlib.contextmanager
def memory_card(folder: Path) -> Iterator[Card]:
    """Mount an empty card at a folder, which is made; skip where nobody may."""
    if reason := why_no_loop_disk():
        pytest.skip(reason)
    with loop_disk(folder, CARD_MIB) as disk:
        yield Card(disk)


def publish_all(play: Town, messages: Sequence[Message]) -> None:
    """Have the city's own devices publish, as fast as the broker takes it; it says that all has arrived."""
    pairs = [(message.topic, message.payload) for message in messages]
    assert Load("127.0.0.1", play.broker.port, pairs).run(HANG_S).acknowledged == len(pairs)


def peak_mib(live: LiveGateway) -> float:
    """Return the most memory that a running gateway has had, in MiB."""
    assert live.process is not None
    return peak_kib(live.process.pid) / 1024


def line_of(shown: Answer, name: str) -> str:
    """Return a line of what `sluice status` prints, as its operator reads it; empty where there is none."""
    return next((line for line in status_text(shown).splitlines() if line.startswith(f"{name} ")), "")


def ended(live: LiveGateway) -> int:
    """Wait until the process ends; return its exit status."""
    assert live.process is not None
    return live.process.wait(HANG_S)


def gaps(live: LiveGateway) -> list[str]:
    """Return the reasons of the gaps in the published log, in order."""
    assert live.place.openings is not None
    openings = OpeningsReader(live.place.openings)
    indices = [index for index, entry in entries_of(live.place.database).items() if entry.kind is Kind.GAP]
    return [GapPayload.decode(first_part(openings.read(index) or b"")).reason for index in indices]


def check_replay(live: LiveGateway) -> None:
    """Fail unless an auditor who replays the published log with its openings finds nothing."""
    found, said = run_audit("replay", str(live.place.log), live.folder, key=live.vkey, openings=live.place.openings)
    assert found == 0, said
