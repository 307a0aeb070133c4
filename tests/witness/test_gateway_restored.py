"""A gateway with witnesses is restored from a backup: it proves the published log to them, or says what it needs for that."""

from __future__ import annotations

import http.server
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from gateway.edge.store.database import DATABASE_FILE
from tests.support.live import LiveGateway
from tests.support.shell import Done, Shell, sluice
from tests.support.waiting import HANG_S
from tests.witness.witness_process import WitnessProcess
from tests.witness.witnessed_gateway import grow, seen, size, start_confirmed, with_witnesses

BACKUP = "backup"
Trio = tuple[LiveGateway, list[WitnessProcess]]


@pytest.fixture
def trio(tmp_path: Path) -> Iterator[Trio]:
    """A gateway with two witnesses, which runs, and a backup of it that is older than what both have cosigned."""
    live, witnesses = with_witnesses(tmp_path, 2)
    try:
        for witness in witnesses:
            witness.start()
        live.program = ("tests.witness.killed_publisher",)
        start_confirmed(live)
        Shell(live).run("backup", BACKUP)
        grow(live)
        yield live, witnesses
    finally:
        live.end()
        for witness in witnesses:
            witness.end()


def lose(live: LiveGateway) -> None:
    """Lose the database, of whose folder nothing but the log and the openings is left."""
    for file in live.place.state.glob(f"{DATABASE_FILE}*"):
        file.unlink()


def die_unpublished(live: LiveGateway) -> None:
    """Let the gateway die when its witnesses have cosigned a checkpoint and it has not published it."""
    assert live.process is not None
    (live.place.log.parent / "die").touch()
    live.call("policy.apply")
    live.process.wait(HANG_S)
    (live.place.log.parent / "die").unlink()


def goes_on(live: LiveGateway, witnesses: list[WitnessProcess]) -> None:
    """Start the gateway; its log grows beyond all that was there, cosigned by all of them, and verifies."""
    before = max(size(live), *(seen(live, witness) for witness in witnesses))
    start_confirmed(live)
    grow(live)
    live.wait_until(lambda _: all(seen(live, witness) == size(live) > before for witness in witnesses))
    assert live.stop() == 0
    assert live.verify().exit_status == 0


def ended(live: LiveGateway) -> str:
    """Start the gateway, which must end with status 3; return its line."""
    live.start(wait=False)
    assert live.process is not None
    assert live.process.wait(HANG_S) == 3
    return live.log().rpartition("sluice: ")[2].strip()


def failed(live: LiveGateway, *arguments: str) -> tuple[int, str]:
    """Run a restore that must fail; return its status and line."""
    done: Done = sluice(live.folder, "restore", BACKUP, *arguments)
    return done.status, done.line


def test_restored_gateway_proves_the_published_log_to_its_witnesses_and_goes_on(trio: Trio) -> None:
    """What was cosigned after the backup stands in the published log: the gateway begins there, and is cosigned again."""
    live, witnesses = trio
    one, other = witnesses
    other.stop()
    grow(live)
    live.kill()
    other.start()
    assert seen(live, other) < seen(live, one) == size(live), "two witnesses at two sizes"
    lose(live)
    Shell(live).run("restore", BACKUP)
    goes_on(live, witnesses)


@pytest.mark.slow
def test_checkpoint_that_was_cosigned_and_never_published_is_published_after_all(trio: Trio) -> None:
    """It was stored before any witness saw it; and where the database is lost, its entries lie in the log's folder."""
    live, witnesses = trio
    die_unpublished(live)
    assert size(live) < seen(live, witnesses[0])
    goes_on(live, witnesses)
    start_confirmed(live)
    die_unpublished(live)
    lose(live)
    for witness in witnesses:
        witness.stop()
    status, line = failed(live)
    assert (status, "does not tell whether it has cosigned it: restore when it answers" in line) == (2, True), line
    for witness in witnesses:
        witness.start()
    Shell(live).run("restore", BACKUP)
    goes_on(live, witnesses)


@pytest.mark.slow
def test_log_folder_that_is_older_than_what_a_witness_has_cosigned(trio: Trio) -> None:
    """Beside the current database it is made whole; a restore asks for a newer copy, and takes it from a URL."""
    live, witnesses = trio
    older, newer = live.folder / "older", live.folder / "newer"
    shutil.copytree(live.place.log, older)
    grow(live)
    live.kill()
    copied(older, live.place.log)
    goes_on(live, witnesses)
    shutil.copytree(live.place.log, newer)
    copied(older, live.place.log)
    lose(live)
    status, line = failed(live)
    assert status == 3
    assert line == (
        f"witness `w` has cosigned `{seen(live, witnesses[0])}` entries of this log, and `{live.place.log}` has `{size(live)}`: "
        "name a copy of the published log that has more with `--log`; where there is none, begin a new log under another "
        "`gateway` id, with new keys"
    )
    (live.place.log / f"tile/0/000.p/{size(live) + 1}").write_bytes(b"of a publication that never came about")
    with served(newer) as url:
        Shell(live).run("restore", BACKUP, "--log", url)
    goes_on(live, witnesses)
    status, line = failed(live, "--log", str(older), "--replace")
    assert (status, line.endswith("leave out `--log`")) == (2, True), line


@pytest.mark.slow
def test_old_database_that_was_put_back_is_brought_up_to_date(trio: Trio) -> None:
    """Each time the line names the command that leads on, and it does; the old database serves as its own backup."""
    live, witnesses = trio
    live.kill()
    old, card = live.folder / "old", live.folder / "card"
    old.mkdir()
    for file in live.place.state.glob(f"{DATABASE_FILE}*"):
        shutil.copy(file, old)
    shutil.copytree(live.place.log, card)
    live.start()
    grow(live)
    live.kill()
    put_back(old, live)
    assert "an old state was restored; `sluice restore" in ended(live)
    Shell(live).run("restore", f"old/{DATABASE_FILE}", "--replace")
    with sqlite3.connect(old / DATABASE_FILE) as before, sqlite3.connect(live.place.state / DATABASE_FILE) as restored:
        restored.execute("DELETE FROM head")  # as an earlier program restored it: with the backup's own last checkpoint
        restored.executemany("INSERT INTO head VALUES (?, ?)", before.execute("SELECT size, note FROM head").fetchall())
    goes_on(live, witnesses)
    shutil.copytree(live.place.log, live.folder / "copy")
    put_back(old, live)
    copied(card, live.place.log)
    reached, published = seen(live, witnesses[0]), size(live)
    assert ended(live).endswith(
        "an old state was restored; what leads on is `sluice restore FILE --replace --log COPY` with a copy of the published "
        f"log that has `{reached}` or more"
    )
    assert size(live) == published, "it has signed nothing"
    Shell(live).run("restore", BACKUP, "--replace", "--log", "copy")
    goes_on(live, witnesses)


def copied(source: Path, target: Path) -> None:
    """Put a copy of a folder in another one's place."""
    shutil.rmtree(target)
    shutil.copytree(source, target)


def put_back(old: Path, live: LiveGateway) -> None:
    """Put an old database in the place of the present one."""
    lose(live)
    for file in old.glob(f"{DATABASE_FILE}*"):
        shutil.copy(file, live.place.state)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder over HTTP; yield its URL."""
    handler = partial(_Silent, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        """Print nothing."""
