"""A restore brings back the policies and keys that were in force last, whatever lies in the policies folder."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from gateway.edge.store.database import DATABASE_FILE
from gateway.errors import OperatorError
from gateway.recipient.keys import generate, load_fingerprint
from gateway.restore.restore import restore
from tests.support.disk_gate import configured, started
from tests.support.live import LiveGateway

LONGER = ("retention = 30 }", "retention = 31 }")


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a test's work."""
    asyncio.run(work)


def edit(live: LiveGateway, old: str, new: str) -> None:
    """Replace a text of the city's policies."""
    city = live.place.policies / "city.toml"
    city.write_text(city.read_text().replace(old, new))


async def put_back(live: LiveGateway, backup: Path) -> None:
    """Lose the database and restore the backup."""
    for file in live.place.state.glob(f"{DATABASE_FILE}*"):
        file.unlink()
    await asyncio.to_thread(restore, live.place, backup, live.place.openings, replace=False)


@pytest.mark.parametrize("applied_since", [False, True])
def test_restore_puts_nothing_in_force_that_apply_has_not(applied_since: bool, tmp_path: Path) -> None:
    """The folder has a rise and another key that nobody has accepted; policies that were applied after the backup count."""

    async def work() -> None:
        live = configured(tmp_path / "gw")
        key_file, backup = live.place.policies / "keys/office.pub", tmp_path / "backup"
        async with started(live) as gate:
            home = await gate.home("t/1", "daily")
            await gate.ask("backup", file=str(backup))
            if applied_since:
                edit(live, *LONGER)
                shutil.copy(generate(tmp_path / "second").public_path, key_file)
                await gate.ask("policy.apply", accept=True)
            shown = await gate.ask("policy.show")
        kept = key_file.read_bytes()
        edit(live, "exact_group = 1", "exact_group = 2")
        if applied_since:
            shutil.copy(generate(tmp_path / "third").public_path, key_file)
            with pytest.raises(OperatorError, match=rf"the key of `office` in force was another: `{shown['keys']['office']}`"):
                await put_back(live, backup)
            key_file.write_bytes(kept)
        else:
            shutil.copy(generate(tmp_path / "attacker").public_path, key_file)
        await put_back(live, backup)
        async with started(live) as gate:
            now = await gate.ask("policy.show")
            assert (now["sha256"], now["keys"]) == (shown["sha256"], shown["keys"])
            assert (now["keys"]["office"] == load_fingerprint(key_file)) is applied_since
            (consent,) = (await gate.ask("consent.show", subject=home["subject"]))["consents"]
            assert consent["status"] == ("Invalidated" if applied_since else "Given")
            assert gate.verify().ok

    run(work())
