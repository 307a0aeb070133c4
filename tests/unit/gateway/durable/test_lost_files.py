"""Lost tiles and bundles put back: those that are absent, from the entries after the size from which the tree continues."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from gateway.audit.log.notes import Signer
from gateway.audit.log.tiles import LogWriter
from gateway.durable.lost_files import LostFiles
from gateway.edge.publisher import Publisher

SIGNER = Signer("o", bytes(32))


def test_only_what_is_absent_is_written(tmp_path: Path) -> None:
    """A full tile after the edge, and a partial one at the end; nothing of what was there, or comes later."""
    whole, edge = LogWriter("o"), LogWriter("o")
    for n in range(600):
        whole.append(b"%d" % n)
        if n < 256:
            edge.append(b"%d" % n)
    files = whole.files_since(0)
    absent = {"tile/0/001": 512, "tile/entries/002.p/88": 600}

    async def entries() -> AsyncIterator[bytes]:
        for n in range(256, 700):
            yield b"%d" % n

    async def work() -> bool:
        publisher = Publisher(tmp_path / "log", None, SIGNER.verifier)
        resumed = LogWriter.resumed("o", 256, edge.edge())
        return await LostFiles(absent, 512).put_back(publisher, resumed, entries(), 600)

    assert asyncio.run(work())
    found = {
        str(file.relative_to(tmp_path / "log")): file.read_bytes()
        for file in (tmp_path / "log" / "tile").rglob("*")
        if file.is_file()
    }
    assert found == {path: files[path] for path in absent}
