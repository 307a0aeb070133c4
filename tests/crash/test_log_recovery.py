"""What a start makes of a log folder that has lost files, and of files or entries that somebody has changed."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest

from gateway.audit.verify.verify import verify_folder
from gateway.config import load_config
from gateway.durable.log_recovery import ComparedLog
from gateway.durable.state import Durable
from gateway.edge.store.database import DATABASE_FILE
from gateway.errors import CorruptionError
from tests.crash.scene import MIDNIGHT_MS
from tests.crash.street import ZONES
from tests.crash.town import POLICIES
from tests.support.asking import call
from tests.support.inside import ReluctantSink, SetClock, assembled, running, started, take, until
from tests.support.live import LiveGateway
from tests.support.waiting import HANG_S

ENTRIES = 300


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> LiveGateway:
    """Return a gateway whose log has a full tile, a release, and partial files of two sizes."""
    return asyncio.run(_published(tmp_path_factory.mktemp("published")))


async def _published(folder: Path) -> LiveGateway:
    live, clock = LiveGateway(folder, 1, policies=POLICIES), SetClock(MIDNIGHT_MS)
    async with started(live, clock) as durable:
        await _release(durable, clock)
        while durable.state.log.size < ENTRIES - 1:
            durable.state.log.checkpoint(durable.state.ledger, clock.time_ms, heartbeat=True)
        await durable.commit()
        durable.publisher.write_waiting()
        durable.state.log.checkpoint(durable.state.ledger, clock.time_ms, heartbeat=True)
        await durable.commit()
    return live


async def _release(durable: Durable, clock: SetClock) -> None:
    row = {"profile": "footfall", "zone": ZONES[0], "topic": "t/gate", "owner": "city", "subject": "none"}
    call(durable, "device.add", {"devices": [row]})
    clock.time_ms += 1000
    take(durable, "t/gate", b'{"t":%d,"seq":1,"boot":1,"count":3}' % (clock.time_ms // 1000))
    await durable.commit()
    sink = ReluctantSink()
    app = assembled(durable, sink)
    async with running(app):
        await until(lambda: sink.taken)


@pytest.fixture
def live(published: LiveGateway, tmp_path: Path) -> LiveGateway:
    """Return a copy of it, to be damaged."""
    shutil.copytree(published.folder, tmp_path / "copy", ignore=shutil.ignore_patterns("ballast", "control.sock"))
    copy = LiveGateway.__new__(LiveGateway)
    copy.__dict__ |= published.__dict__
    copy.folder = tmp_path / "copy"
    copy.config = copy.folder / "gateway.toml"
    copy.place = load_config(copy.config)
    return copy


def files(live: LiveGateway) -> dict[str, bytes]:
    """Return the published log, by path."""
    return {str(file.relative_to(live.place.log)): file.read_bytes() for file in live.place.log.rglob("*") if file.is_file()}


def lasting(published: dict[str, bytes]) -> dict[str, bytes]:
    """Return those of a log's files that are never replaced: all but the checkpoint and what is not full."""
    return {path: data for path, data in published.items() if path != "checkpoint" and ".p/" not in path}


def lose(live: LiveGateway, lost: str) -> None:
    """Delete a file or a folder of the published log."""
    target = live.place.log / lost
    shutil.rmtree(target) if target.is_dir() else target.unlink()


async def start(live: LiveGateway) -> None:
    """Start and end."""
    async with started(live, SetClock(MIDNIGHT_MS + 60_000)):
        pass


@pytest.mark.parametrize(
    "lost", ["tile", "tile/0/000", "tile/0/001.p", "tile/1", "tile/entries", "labels", "policies", "checkpoint", "."]
)
async def test_start_puts_back_what_the_log_folder_has_lost(live: LiveGateway, lost: str) -> None:
    """Each kind of file, and the whole folder: byte for byte what was published before, and the log verifies."""
    before = files(live)
    lose(live, lost)
    await start(live)
    assert lasting(before).items() <= files(live).items()
    report = verify_folder(live.place.log, live.vkey, live.place.openings)
    assert report.ok, report.to_text()


def _flipped(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


@contextmanager
def _unguarded(live: LiveGateway) -> Iterator[sqlite3.Connection]:
    """Open the database, in which nothing keeps the log's entries as they are any more."""
    with closing(sqlite3.connect(live.place.state / DATABASE_FILE)) as database, database:
        database.executescript("DROP TRIGGER entry_is_fixed; DROP TRIGGER entry_stays;")
        yield database


def _entry_changed(live: LiveGateway, index: int) -> None:
    with _unguarded(live) as database:
        (content,) = database.execute("SELECT content FROM entry WHERE entry_index = ?", (index,)).fetchone()
        changed = content[:-1] + bytes([content[-1] ^ 1])
        database.execute("UPDATE entry SET content = ? WHERE entry_index = ?", (changed, index))


def _entries_cut(live: LiveGateway, size: int) -> None:
    with _unguarded(live) as database:
        database.execute("DELETE FROM entry WHERE entry_index >= ?", (size,))


def _policies_changed(live: LiveGateway) -> None:
    (file,) = (live.place.log / "policies").iterdir()
    _flipped(file, 40)


DAMAGE: list[tuple[Callable[[LiveGateway], None], str]] = [
    (lambda live: _flipped(live.place.log / "tile/0/000", 17 * 32), r"`tile/0/000`: the hash of entry `17` was changed"),
    (
        lambda live: _flipped(live.place.log / "tile/0/001.p/44", 3 * 32),
        r"`tile/0/001.p/44`: the hash of entry `259` was",
    ),
    (lambda live: _flipped(live.place.log / "tile/0/001.p/43", 3 * 32), r"`tile/0/001.p/43` was changed"),
    (lambda live: _flipped(live.place.log / "tile/1/000.p/1", 5), r"`tile/1/000.p/1`: hash `0` was changed"),
    (lambda live: _flipped(live.place.log / "tile/entries/000", 40), r"`tile/entries/000`: entry `0` was changed"),
    (lambda live: _flipped(live.place.log / "tile/entries/000", 0), r"`tile/entries/000`: entry `0` was changed"),
    (_policies_changed, r"`policies/[0-9a-f]{64}` was changed"),
    (lambda live: _entry_changed(live, 17), r"sluice.db`: log entry `17` was changed"),
    (lambda live: _entry_changed(live, 258), r"sluice.db`: log entry `258` was changed"),
    (lambda live: _entries_cut(live, 270), r"the published log has `300` entries and the database `270`: an old state was"),
]


@pytest.mark.parametrize(("damage", "named"), DAMAGE, ids=[named.strip("`") for _, named in DAMAGE])
async def test_start_on_a_changed_tile_or_entry_signs_nothing_and_names_it(
    live: LiveGateway, damage: Callable[[LiveGateway], None], named: str
) -> None:
    """Whichever of the three places was changed, it is that one that is named; the published log stays as it is."""
    damage(live)
    before = files(live)
    with pytest.raises(CorruptionError, match=named):
        await start(live)
    assert files(live) == before


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda live: _entry_changed(live, 258), r"its entries do not lead to the head of size `300` that was signed"),
        (lambda live: _entries_cut(live, 270), r"log entry `270` is missing"),
    ],
)
async def test_start_on_changed_entries_without_a_log_folder_holds_them_against_the_stored_head(
    live: LiveGateway, damage: Callable[[LiveGateway], None], named: str
) -> None:
    """Who wipes the folder as well gets no further: the head that was signed last lies in the database."""
    damage(live)
    shutil.rmtree(live.place.log)
    with pytest.raises(CorruptionError, match=named):
        await start(live)
    assert "tile" not in {path.split("/")[0] for path in files(live)}


@pytest.fixture
def compared(live: LiveGateway) -> LiveGateway:
    """Return the copy after a start that has found all of it right: the next continues from its full tile."""
    asyncio.run(start(live))
    return live


async def run_to_the_end_of_the_comparison(live: LiveGateway) -> None:
    """Start, and run until the rest of the log is compared."""
    async with started(live, SetClock(MIDNIGHT_MS + 60_000)) as durable:
        app = assembled(durable, ReluctantSink())
        async with running(app):
            await durable.compare_rest()


def _latest(folder: Path) -> Path:
    return max(folder.iterdir(), key=lambda file: int(file.name))


def _kept(live: LiveGateway, **changed: object) -> None:
    """Change what the last good start has kept."""
    with closing(sqlite3.connect(live.place.state / DATABASE_FILE)) as database, database:
        ((content,),) = database.execute("SELECT content FROM compared").fetchall()
        kept = msgspec.structs.replace(msgspec.msgpack.decode(content, type=ComparedLog), **changed)
        database.execute("UPDATE compared SET content = ?", (msgspec.msgpack.encode(kept),))


NEW: list[tuple[Callable[[LiveGateway], None], str]] = [
    (lambda live: _flipped(_latest(live.place.log / "tile/0/001.p"), 3 * 32), r"the hash of entry `259` was changed"),
    (lambda live: _flipped(_latest(live.place.log / "tile/1/000.p"), 5), r"`tile/1/000.p/1`: hash `0` was changed"),
    (lambda live: _flipped(_latest(live.place.log / "tile/entries/001.p"), 40), r"entry `256` was changed"),
    (lambda live: _entry_changed(live, 258), r"sluice.db`: log entry `258` was changed"),
    (lambda live: _kept(live, edge=(bytes(32),)), r"its entries do not lead to the head of size `\d+` that was signed"),
]


@pytest.mark.parametrize(("damage", "named"), NEW, ids=[named.strip("`") for _, named in NEW])
async def test_start_compares_what_is_new_since_the_last_good_one_before_it_signs(
    compared: LiveGateway, damage: Callable[[LiveGateway], None], named: str
) -> None:
    """And holds what it continues from against a head that was signed."""
    damage(compared)
    before = files(compared)
    with pytest.raises(CorruptionError, match=named):
        await start(compared)
    assert files(compared) == before


def _old_entry_cut(live: LiveGateway) -> None:
    with _unguarded(live) as database:
        database.execute("DELETE FROM entry WHERE entry_index = 17")


def _labels_changed(live: LiveGateway) -> None:
    (file,) = (live.place.log / "labels").iterdir()
    _flipped(file, 0)


OLD: list[tuple[Callable[[LiveGateway], None], str]] = [
    (lambda live: _flipped(live.place.log / "tile/0/000", 17 * 32), r"`tile/0/000`: the hash of entry `17` was changed"),
    (lambda live: _flipped(live.place.log / "tile/entries/000", 40), r"`tile/entries/000`: entry `0` was changed"),
    (_policies_changed, r"`policies/[0-9a-f]{64}` was changed"),
    (_labels_changed, r"`labels/\d+` was changed"),
    (lambda live: _entry_changed(live, 17), r"sluice.db`: log entry `17` was changed"),
    (_old_entry_cut, r"log entry `17` is missing"),
]


@pytest.mark.parametrize(("damage", "named"), OLD, ids=[named.strip("`") for _, named in OLD])
async def test_old_difference_found_while_running_ends_the_run_and_no_later_start_signs(
    compared: LiveGateway, damage: Callable[[LiveGateway], None], named: str
) -> None:
    """The next start compares everything, so it fails at once: nobody has to wait for the second finding."""
    damage(compared)
    async with started(compared, SetClock(MIDNIGHT_MS + 60_000)) as durable:
        app = assembled(durable, ReluctantSink())
        with pytest.raises(CorruptionError, match=named):
            await asyncio.wait_for(app.run(), HANG_S)
    before = files(compared)
    with pytest.raises(CorruptionError, match=named):
        await start(compared)
    assert files(compared) == before


async def test_latest_time_that_was_changed_is_found_while_running(compared: LiveGateway) -> None:
    """Else a clock that stands behind the log would pass for plausible; the next start knows it from the entries again."""
    _kept(compared, latest_entry_ms=MIDNIGHT_MS)
    async with started(compared, SetClock(MIDNIGHT_MS + 60_000)) as durable:
        with pytest.raises(CorruptionError, match="its first `256` entries do not lead to what was signed"):
            await asyncio.wait_for(assembled(durable, ReluctantSink()).run(), HANG_S)
    await start(compared)


@pytest.mark.parametrize("changed", [{"policy": bytes(32)}, {"consent_head": 7}], ids=["policy", "consent head"])
async def test_what_each_entry_repeats_was_changed_and_is_found_while_running(
    compared: LiveGateway, changed: dict[str, object]
) -> None:
    """Else the entries that follow could name policies or consents that were never in force."""
    _kept(compared, **changed)
    async with started(compared) as durable:
        with pytest.raises(CorruptionError, match="its first `256` entries do not lead to what was signed"):
            await durable.compare_rest()
    await start(compared)


def test_old_difference_ends_the_process_with_the_status_of_a_start_that_finds_it(compared: LiveGateway) -> None:
    """One line that names it, and 3."""
    _flipped(compared.place.log / "tile/0/000", 17 * 32)
    compared.start(wait=False)
    try:
        assert compared.process is not None
        assert compared.process.wait(HANG_S) == 3
    finally:
        compared.end()
    assert "`tile/0/000`: the hash of entry `17` was changed" in compared.log()
    assert '"started"' in compared.log(), "it was found at the start, not after it"


@pytest.mark.parametrize("lost", ["tile/0/000", "tile/entries", "labels", "policies"])
async def test_old_files_that_were_lost_come_back_while_the_gateway_runs(compared: LiveGateway, lost: str) -> None:
    """Byte for byte."""
    before = files(compared)
    lose(compared, lost)
    await run_to_the_end_of_the_comparison(compared)
    assert lasting(before).items() <= files(compared).items()


@pytest.mark.parametrize("lost", ["checkpoint", "."])
async def test_start_compares_everything_where_the_log_folder_has_lost_its_checkpoint(compared: LiveGateway, lost: str) -> None:
    """Then somebody has put another folder in its place, or none, and all of it is back before anything is signed."""
    before = files(compared)
    lose(compared, lost)
    (compared.place.log / "tile/0/000").unlink(missing_ok=True)
    await start(compared)
    assert files(compared)["tile/0/000"] == before["tile/0/000"]


async def test_changed_file_met_while_running_ends_the_publishing(live: LiveGateway) -> None:
    """A partial file under the name of the next one: the log is not published over it."""
    async with started(live, SetClock(MIDNIGHT_MS + 60_000)) as durable:
        durable.state.log.checkpoint(durable.state.ledger, MIDNIGHT_MS + 60_000, heartbeat=True)
        await durable.commit()
        size = durable.state.log.size
        planted = live.place.log / f"tile/0/001.p/{size - 256}"
        planted.write_bytes(b"other")
        with pytest.raises(CorruptionError, match=rf"`tile/0/001.p/{size - 256}` is published with other content"):
            durable.publisher.write_waiting()
