"""A gateway with witnesses is restored from a backup: it proves the published log to them, or says what it needs for that."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.live import LiveGateway
from tests.support.shell import Shell
from tests.support.waiting import HANG_S
from tests.witness.witness_process import WitnessProcess
from tests.witness.witnessed_gateway import grow, seen, size, start_confirmed, with_witnesses

BACKUP = "backup"


@pytest.fixture
def trio(tmp_path: Path) -> Iterator[tuple[LiveGateway, list[WitnessProcess]]]:
    """A gateway with two witnesses, and a backup of it that is older than what both have cosigned."""
    live, witnesses = with_witnesses(tmp_path, 2)
    try:
        for witness in witnesses:
            witness.start()
        start_confirmed(live)
        grow(live)
        Shell(live).run("backup", BACKUP)
        yield live, witnesses
    finally:
        live.end()
        for witness in witnesses:
            witness.end()


def lose(live: LiveGateway) -> None:
    """Lose the database, of whose folder nothing but the log and the openings is left."""
    for file in live.place.state.glob("sluice.db*"):
        file.unlink()


def test_restored_gateway_proves_the_published_log_to_its_witnesses_and_goes_on(
    trio: tuple[LiveGateway, list[WitnessProcess]],
) -> None:
    """What was cosigned after the backup stands in the published log: the gateway begins there, and is cosigned again."""
    live, (one, other) = trio
    grow(live)
    other.stop()
    grow(live)
    published = size(live)
    live.kill()
    assert (seen(live, one), seen(live, other) < published) == (published, True), "two witnesses at two sizes"
    lose(live)
    Shell(live).run("restore", BACKUP)
    other.start()
    start_confirmed(live)
    grow(live)
    live.wait_until(lambda _: seen(live, one) == seen(live, other) == size(live) > published)
    assert live.stop() == 0
    assert live.verify().exit_status == 0
