"""Keeps a state as the present version makes it, for later versions to go on from.

    python -m tests.upgrade.keep v0_1    makes the folder `tests/upgrade/v0_1`, which must not exist

A kept state is made once, by the version that it is named for, and never again. It holds a gateway's folder as a kill leaves it
in the middle of things, a backup of before, what recipients have received of late, and what people hold of receipts and exports.
"""

from __future__ import annotations

import asyncio
import io
import json
import lzma
import shutil
import sys
import tarfile
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from tests.support.archives import extract
from tests.upgrade.gate import (
    BALLAST_FILE,
    HERE,
    LOCK_FILE,
    configure,
    journal_kinds,
    log_kinds,
    part_kinds,
    published,
    records_in,
    replayed,
    verified,
)
from tests.upgrade.life import Life
from tests.upgrade.story import story
from tests.upgrade.surroundings import fixed

ARCHIVE = "gateway.tar.xz"
FIGURES = "figures.json"
SEED = 1
LATE = 12
"""How many of the bundles received are kept: the latest."""


def kept_states() -> list[Path]:
    """Return the folders of all kept states, oldest first."""
    return sorted(path.parent for path in HERE.glob(f"v*/{ARCHIVE}"))


def unpack(kept: Path, folder: Path) -> dict[str, Any]:
    """Unpack a kept state into a new folder; return its figures."""
    extract(kept / ARCHIVE, folder)
    figures: dict[str, Any] = json.loads((kept / FIGURES).read_text())
    return figures


def pack(folder: Path) -> bytes:
    """Return a folder's files as an archive that depends on nothing else; the ballast and the lock are no part of it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(folder.rglob("*")):
            if path.name in (BALLAST_FILE, LOCK_FILE) or path.name.endswith(("-wal", "-shm")):
                continue
            member = tarfile.TarInfo(path.relative_to(folder).as_posix())
            member.mode = path.stat().st_mode & 0o777
            if path.is_dir():
                member.type = tarfile.DIRTYPE
                archive.addfile(member)
            else:
                content = path.read_bytes()
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return lzma.compress(out.getvalue(), preset=9)


async def make(folder: Path) -> dict[str, Any]:
    """Live the told life in an empty folder, and leave it as a kill would; return what a later version must find."""
    configure(folder)
    life = Life(folder, SEED)
    backup = await story(life)
    backup.rename(folder / "backup.db")
    await _hand_out(life, folder)
    gate = life.gate
    figures: dict[str, Any] = {
        "now_ms": gate.now_ms,
        "meters": {d.topic: home.subject for home in life.homes for d in home.devices if d.profile == "meter"},
        "devices": len((await gate.ask("device.list"))["devices"]),
        "open_windows": gate.open_windows,
        "waiting": gate.waiting,
        "unacknowledged": sorted([*gate.under_way, *gate.ready_indices]),
        "journal": journal_kinds(await gate.journal()),
    }
    await gate.settle()
    copy = folder.with_name("killed")
    shutil.copytree(folder, copy)
    figures |= {"log_entries": gate.log_entries, "ledger": gate.ledger}
    await life.end(killed=True)
    shutil.rmtree(folder)
    copy.rename(folder)
    log, openings = published(folder)
    figures |= {
        "kinds": log_kinds(folder),
        "parts": part_kinds(openings),
        "steps": [step.status.value for step in verified(folder).steps],
        "releases": replayed(folder).as_json()["releases"],
        "checkpoint": (log / "checkpoint").read_text(),
    }
    return figures


async def _hand_out(life: Life, folder: Path) -> None:
    """Write down what has left the gateway: bundles, receipts and exports."""
    for name in ("received", "receipts", "exports"):
        (folder / name).mkdir()
    for index, (recipient, content) in sorted(life.received.items())[-LATE:]:
        records = len(records_in(folder, recipient, content))
        (folder / "received" / f"{index}-{recipient}-{records}").write_bytes(content)
    for number, home in enumerate(life.homes):
        export = await life.gate.ask("consent.export", subject=home.subject)
        (folder / "exports" / f"{number}.json").write_text(json.dumps(export))
        said = {(row["scope"], row["resident"]) for row in export["history"] if row["resident"] in home.residents}
        for place, (scope, resident) in enumerate(sorted(said)):
            answer = await life.gate.ask("consent.receipt", subject=home.subject, scope=scope, resident=resident)
            (folder / "receipts" / f"{number}-{place}.json").write_text(json.dumps(answer["receipt"]))


def main(arguments: list[str]) -> int:
    """Make a kept state of a name."""
    target = HERE / arguments[0]
    with tempfile.TemporaryDirectory() as folder, fixed(wraps=False):
        place = Path(folder) / "gateway"
        place.mkdir()
        figures = asyncio.run(make(place))
        target.mkdir()
        (target / ARCHIVE).write_bytes(pack(place))
    (target / FIGURES).write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")
    print(Counter(figures["kinds"]), Counter(figures["parts"]), (target / ARCHIVE).stat().st_size)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
