"""A gateway's log made as long as after years, written at once into its database and folder while it does not run.

Every second entry is a release with a labels file, the others are accounts; each follows from those before, and the last head is
signed. What their commitments commit to, nobody knows.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

from gateway.audit.log.chain import Chain
from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.notes import sign_note
from gateway.audit.log.openings import labels_root
from gateway.audit.log.reader import CHECKPOINT_NAME
from gateway.audit.log.tiles import LogWriter, labels_path
from gateway.edge.store.database import DATABASE_FILE
from tests.support.live import LiveGateway

_LABELS = bytes(range(256))
_ROOT = labels_root(_LABELS)
_LINKS = 30_000
"""A file system gives a file 65,000 names at most."""


def lengthen(live: LiveGateway, size: int) -> None:
    """Add entries up to a size; nothing is forced to the disk."""
    signer = live.keys.log_signer
    with closing(sqlite3.connect(live.place.state / DATABASE_FILE)) as database, database:
        entries = [content for (content,) in database.execute("SELECT content FROM entry ORDER BY entry_index")]
        releases = range(len(entries) | 1, size, 2)
        writer = LogWriter(signer.name)
        for content in entries:
            writer.append(content)
        writer.take_full_files()
        database.executemany("INSERT INTO entry VALUES (?, ?)", _grown(live.place.log, writer, Entry.decode(entries[-1]), size))
        database.executemany("INSERT INTO labels VALUES (?, ?)", ((index, _LABELS) for index in releases))
        _link_labels(live.place.log, releases)
        note = sign_note(writer.checkpoint().text(), signer)
        _put(live.place.log, {**writer.partial_files(), CHECKPOINT_NAME: note})
        database.execute("DELETE FROM head")
        database.execute("INSERT INTO head VALUES (?, ?)", (size, note))


def _grown(folder: Path, writer: LogWriter, last: Entry, size: int) -> Iterator[tuple[int, bytes]]:
    """Yield the rows of entries up to a size, and write the files that they fill."""
    chain = Chain.after(last)
    for index in range(writer.size, size):
        commitment = index.to_bytes(32, "big")
        if index % 2:
            entry = chain.make(Kind.RELEASE, last.time_ms, commitment, bundle_sha256=commitment, labels_root=_ROOT)
        else:
            entry = chain.make(Kind.ACCOUNT, last.time_ms, commitment)
        content = entry.encode()
        writer.append(content)
        if files := writer.take_full_files():
            _put(folder, files)
        yield index, content


def _put(folder: Path, files: Mapping[str, bytes]) -> None:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


def _link_labels(folder: Path, releases: range) -> None:
    """Make the labels files, most of which are names of a few."""
    (folder / "labels").mkdir(exist_ok=True)
    first = ""
    for n, index in enumerate(releases):
        path = os.path.join(folder, labels_path(index))
        if n % _LINKS:
            os.link(first, path)
        else:
            Path(path).write_bytes(_LABELS)
            first = path
