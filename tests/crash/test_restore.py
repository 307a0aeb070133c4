"""Backup and restore: a lost database is brought back without forking the log, without reviving anybody who was erased, without
releasing anything twice, and closed wherever it is not known what was said since.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.openings import Opening
from gateway.audit.log.payloads import RESTORED, RESTORED_BOOKS, GapPayload
from gateway.audit.log.reader import FolderSource
from gateway.config import Installation
from gateway.control.context import MethodError
from gateway.edge.store.database import DATABASE_FILE
from gateway.edge.store.store import BALLAST_FILE
from gateway.edge.store.writing import StoreWriter
from gateway.errors import CorruptionError, OperatorError
from gateway.restore.published_log import PublishedLog
from gateway.restore.restore import Restored, restore
from tests.support.disk_gate import HOUR_MS, MIDNIGHT_MS, DiskGate, configured, copy_of, sealed_blobs, started
from tests.support.live import LiveGateway
from tests.support.shell import sluice
from tests.support.victim import SCOPE, SEALED, Home, day_ends, found, fragments_found, outage, town, traces, unsealed


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a test's work."""
    asyncio.run(work)


async def put_back(place: Installation, backup: Path, *, openings: Path | None = None, replace: bool = False) -> Restored:
    """Restore as the command does, in a thread of its own."""
    return await asyncio.to_thread(restore, place, backup, openings, replace=replace)


async def backed_up(gate: DiskGate, name: str = "backup") -> Path:
    """Make a backup, and return where it is."""
    path = gate.live.folder / name
    await gate.ask("backup", file=str(path))
    return path


def lose(live: LiveGateway) -> None:
    """Lose the database; the keys, the policies, the published log and the openings are still there."""
    for file in live.place.state.glob(f"{DATABASE_FILE}*"):
        file.unlink()


def payload_of(gate: DiskGate, opening: bytes | None) -> GapPayload:
    """Return what a gap entry says."""
    assert opening is not None
    part = Opening.decode(opening).parts[0]
    assert not isinstance(part, bytes)
    return GapPayload.decode(part.data)


async def lived_on(live: LiveGateway) -> tuple[Path, Home, list[Home], dict[str, bytes], list[bytes]]:
    """Make a backup, and let much happen after it: releases, a withdrawal, a grant, a newcomer, an erasure.

    Returns: The backup; the victim, who is erased; the others; the victim's traces; what was sealed in the backup.
    """
    async with started(live) as gate:
        victim, others = await town(gate)
        await outage(gate, [victim, *others])
        backup = await backed_up(gate)
        wanted, sealed = traces(gate, victim), sealed_blobs(live, SEALED)
        await gate.deliver()
        await gate.ask("consent.withdraw", subject=others[0]["subject"], scope=SCOPE)
        await gate.ask("consent.erase", subject=victim["subject"])
        code = (await gate.ask("subject.code", subject=others[1]["subject"]))["claim_code"]
        await gate.ask("subject.claim", code=code)
        await outage(gate, others)
        await gate.deliver()
        await gate.ask("policy.apply")
    return backup, victim, others, wanted, sealed


def test_restored_gateway_continues_the_log_and_knows_what_was_said_since(tmp_path: Path) -> None:
    """Withdrawals, newcomers and erasures after the backup hold; the books balance, the log verifies, and nothing is ended."""

    async def work() -> None:
        live = configured(tmp_path / "gw")
        backup, victim, others, wanted, sealed = await lived_on(live)
        lose(live)
        published = PublishedLog.open(FolderSource(live.place.log), "log", live.keys.log_verifiers)
        left = [f"tile/0/000.p/{published.size + n}" for n in range(1, 9)] + [f"labels/{published.size}"]
        for path in left:
            (live.place.log / path).write_bytes(b"of a publication that never came about")
        restored = await put_back(live.place, backup, openings=live.place.openings)
        assert not any((live.place.log / path).exists() for path in left), "they would stand in the way of the next ones"
        assert restored.erased_again == 1
        assert (restored.openings_missing, restored.consents_ended, restored.strangers) == (0, 0, 0)
        async with started(live) as gate:
            state = gate.durable.state
            assert found(gate.file_bytes() | unsealed(gate), wanted) == []
            present = set(sealed_blobs(live, SEALED))
            assert fragments_found(gate.file_bytes(), [blob for blob in sealed if blob not in present]) == 0
            assert bytes.fromhex(victim["subject"]) not in state.registry.subjects
            permits = {home["subject"]: await _permits(gate, home) for home in others}
            assert list(permits.values()) == [["Withdrawn"], ["Given"], ["Given"]]
            assert len(state.registry.subjects[bytes.fromhex(others[1]["subject"])].residents) == 2, "the newcomer is known"
            gap = payload_of(gate, await gate.durable.store.reader.opening(restored.gap))
            assert gap.reason == RESTORED
            assert gap.clock == "simulated"
            report = gate.verify()
            assert report.ok, report
            assert "recounted from releases and voids" in report.steps[6].detail
            assert "begun anew" not in report.steps[6].detail
            assert state.ledger.imbalances() == []
            assert state.ledger.sum("pairs.open") == state.ledger.sum("pairs.waiting") == state.ledger.sum("bundles.ready") == 0

    run(work())


async def _permits(gate: DiskGate, home: Home) -> list[str]:
    return [each["status"] for each in (await gate.ask("consent.show", subject=home["subject"]))["consents"]]


def test_restored_gateway_does_not_know_what_was_done_to_devices_since(tmp_path: Path) -> None:
    """The log names no device; so the page on operating has it repeated by hand before the gateway starts."""

    async def work() -> None:
        live = configured(tmp_path / "gw")
        async with started(live) as gate:
            rows = [{"profile": "meter", "zone": "mill", "topic": f"t/{n}", "owner": "city", "subject": "none"} for n in range(2)]
            owned, revoked = [row["device"] for row in (await gate.ask("device.add", devices=rows))["devices"]]
            backup = await backed_up(gate)
            await gate.ask("device.own", device=owned, owner="resident", subject="new")
            await gate.ask("device.revoke", device=revoked)
        lose(live)
        await put_back(live.place, backup, openings=live.place.openings)
        async with started(live) as gate:
            listed = {row["device"]: (row["owner"], row["subject"]) for row in (await gate.ask("device.list"))["devices"]}
        assert listed == {owned: ("city", None), revoked: ("city", None)}

    run(work())


def test_restored_gateway_releases_nothing_that_stood_in_the_backup(tmp_path: Path) -> None:
    """Windows and records of before are dropped and accounted for; of the hour under way nothing is told, of the next all is."""

    async def work() -> None:
        live = configured(tmp_path / "gw")
        async with started(live) as gate:
            homes = [await gate.home(f"homes/{n}/meter", SCOPE) for n in range(5)]
            await gate.to(MIDNIGHT_MS + HOUR_MS)
            await outage(gate, homes)
            standing = gate.durable.state.ledger.sum("pairs.open"), gate.durable.state.ledger.sum("pairs.waiting")
            backup = await backed_up(gate)
            await day_ends(gate)
            assert [r.n for r in await gate.deliver() if r.flow == "hourly"] == [5] * 4
            now_ms = gate.now_ms
        lose(live)
        await put_back(live.place, backup, openings=live.place.openings)
        async with started(live) as gate:
            await gate.to(now_ms)
            ledger = gate.durable.state.ledger
            assert ledger.sum("pairs.suppressed.restored") + ledger.sum("pairs.withheld_at_release.restored") < sum(standing)
            assert await gate.deliver() == []
            restored_ms = gate.now_ms // HOUR_MS * HOUR_MS
            for _ in range(2):
                await gate.hour(*homes)
            await day_ends(gate)
            told = [(r.phenomenon_time[0], r.n) for r in await gate.deliver() if r.flow == "hourly"]
            assert told == [(restored_ms + HOUR_MS, 5)], "the hour of the restore misses readings, and it alone"
            assert gate.verify().ok

    run(work())


def test_restore_without_openings_ends_every_consent_and_tells_the_households(tmp_path: Path) -> None:
    """A withdrawal whose opening is not at hand could be anybody's: all are asked again, and erasures hold all the same."""

    async def work() -> None:
        live = configured(tmp_path / "gw")
        backup, victim, others, wanted, _ = await lived_on(live)
        lose(live)
        restored = await put_back(live.place, backup)
        assert restored.openings_missing == 2, "a withdrawal and a newcomer"
        assert restored.consents_ended == 3
        assert restored.erased_again == 1
        async with started(live) as gate:
            assert found(gate.file_bytes() | unsealed(gate), wanted) == []
            for home in others:
                shown = (await gate.ask("consent.show", subject=home["subject"]))["consents"]
                assert [(each["status"], each["channel"]) for each in shown] == [("Invalidated", "gateway")]
                messages = (await gate.ask("subject.show", subject=home["subject"]))["messages"]
                assert "restored from an older copy" in messages[-1]["text"]
                assert not any("has changed" in message["text"] for message in messages)
            await gate.hour(*others)
            assert await gate.deliver() == []
            gap = payload_of(gate, await gate.durable.store.reader.opening(restored.gap))
            assert gap.reason == RESTORED_BOOKS
            report = gate.verify()
            assert report.ok, report
            assert "books begun anew `1` times after a gap" in report.steps[6].detail
            assert victim["subject"] not in str(await gate.ask("device.list"))

    run(work())


def test_restore_of_an_untouched_backup_drops_only_what_was_under_way(tmp_path: Path) -> None:
    """Where nothing was logged since, nobody's consent changes, and no opening is needed."""

    async def work() -> None:
        live = configured(tmp_path / "gw")
        async with started(live) as gate:
            victim, others = await town(gate)
            backup = await backed_up(gate)
            entries = gate.durable.state.log.size
        lose(live)
        restored = await put_back(live.place, backup)
        assert restored.consents_ended == restored.openings_missing == 0
        assert restored.entries_since <= 1, "at most the account of its last moment"
        assert restored.log_entries > entries
        async with started(live) as gate:
            assert [await _permits(gate, home) for home in (victim, *others)] == [["Given"]] * 4
            assert gate.durable.state.identity.sub_epoch > 1_000_000, (
                "no earlier process's pseudonyms can share a domain with these"
            )
            assert not gate.durable.state.registry.claims, "a code may have been used since"
            assert gate.verify().ok

    run(work())


def test_restore_drops_what_a_bundle_under_way_held(tmp_path: Path) -> None:
    """One that stood ready and one handed over stay counted as sent, for good; neither is sent again."""

    async def work() -> None:
        live = configured(tmp_path / "gw")
        async with started(live) as gate:
            victim, others = await town(gate)
            await outage(gate, [victim, *others])
            assert await gate.form()
            backup = await backed_up(gate)
        lose(live)
        await put_back(live.place, backup, openings=live.place.openings)
        async with started(live) as gate:
            assert gate.durable.to_send_again == []
            totals = gate.durable.state.ledger.totals
            assert (totals["bundles.sent"], totals["bundles.ready"]) == (1, 0)
            assert gate.verify().ok

    run(work())


def test_restore_demands_a_current_log(tmp_path: Path) -> None:
    """None, an older one, another gateway's, one that was tampered with, and one that forked are refused, with exit status 3."""

    async def work() -> None:
        live = configured(tmp_path / "gw")
        async with started(live) as gate:
            await gate.home("homes/1/meter", SCOPE)
        older = tmp_path / "older"
        shutil.copytree(live.place.log, older)
        fork = copy_of(live, tmp_path / "fork")
        async with started(live) as gate:
            await gate.home("homes/2/meter", SCOPE)
            backup = await backed_up(gate)
        async with started(fork) as gate:
            for n in range(3, 8):
                await gate.home(f"homes/{n}/meter", SCOPE)
        lose(live)
        whole = tmp_path / "whole"
        live.place.log.rename(whole)
        await _refused(live, backup, None, "no checkpoint can be read here, and restoring demands the current published log")
        await _refused(live, backup, older, "and the backup more: it is an older copy")
        await _refused(live, backup, fork.place.log, r"the published log and the backup differ at entry `\d+`")
        other = configured(tmp_path / "other")
        async with started(other):
            pass
        await _refused(live, backup, other.place.log, "the published checkpoint is not this log's")
        tampered = tmp_path / "tampered"
        shutil.copytree(whole, tampered)
        for file in (tampered / "tile" / "entries").rglob("*"):
            if file.is_file():
                data = bytearray(file.read_bytes())
                data[-1] ^= 1
                file.write_bytes(data)
        await _refused(live, backup, tampered, "`")
        live.place.log.rename(tmp_path / "last")
        whole.rename(live.place.log)
        await put_back(live.place, backup)

    run(work())


async def _refused(live: LiveGateway, backup: Path, log: Path | None, because: str) -> None:
    shutil.rmtree(live.place.log, ignore_errors=True)
    if log is not None:
        shutil.copytree(log, live.place.log)
    with pytest.raises(CorruptionError, match=because) as caught:
        await put_back(live.place, backup)
    assert caught.value.exit_status == 3
    assert not (live.place.state / DATABASE_FILE).exists()
    assert not (live.place.state / "restoring").exists()


def test_restore_never_overwrites_a_database_unasked_nor_under_a_running_gateway(tmp_path: Path) -> None:
    """A database that is there needs `--replace`, and no option goes past the lock."""

    async def work() -> None:
        live = configured(tmp_path / "gw")
        async with started(live) as gate:
            await gate.home("homes/1/meter", SCOPE)
            backup = await backed_up(gate)
            with pytest.raises(OperatorError, match="a gateway is running on this state folder"):
                await put_back(live.place, backup, replace=True)
        before = (live.place.state / DATABASE_FILE).read_bytes()
        with pytest.raises(OperatorError, match="a database is there; `--replace` puts the backup in its place"):
            await put_back(live.place, backup)
        assert (live.place.state / DATABASE_FILE).read_bytes() == before
        await put_back(live.place, backup, replace=True)
        async with started(live) as gate:
            assert gate.verify().ok

    run(work())


def test_restore_refuses_what_is_no_backup_of_this_gateway(tmp_path: Path) -> None:
    """An absent file, any other file, and a backup that another root key has sealed."""

    async def work() -> None:
        live = configured(tmp_path / "gw")
        async with started(live) as gate:
            await gate.home("homes/1/meter", SCOPE)
            backup = await backed_up(gate)
        lose(live)
        with pytest.raises(OperatorError, match="no such file"):
            await put_back(live.place, tmp_path / "nothing")
        (tmp_path / "text").write_text("not a database")
        with pytest.raises(OperatorError, match="is no backup"):
            await put_back(live.place, tmp_path / "text")
        (live.place.keys / "root.key").write_bytes(bytes(32))
        with pytest.raises(CorruptionError, match="does not open"):
            await put_back(live.place, backup)

    run(work())


def test_restore_broken_off_leaves_no_database_and_can_be_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is half restored never takes the database's place."""

    async def work() -> None:
        live = configured(tmp_path / "gw")
        backup, *_ = await lived_on(live)
        lose(live)

        async def no_room(_: StoreWriter) -> bool:
            return False

        with monkeypatch.context() as patch:
            patch.setattr(StoreWriter, "scrub", no_room)
            with pytest.raises(OperatorError, match="no room to restore"):
                await put_back(live.place, backup, openings=live.place.openings)
        assert {file.name for file in live.place.state.iterdir()} <= {"log", "openings", "sluice.lock", BALLAST_FILE}
        (live.place.state / "restoring").mkdir()  # as a kill leaves it
        (live.place.state / "restoring" / DATABASE_FILE).write_bytes(b"half")
        await put_back(live.place, backup, openings=live.place.openings)
        async with started(live) as gate:
            assert gate.verify().ok

    run(work())


def test_restored_twice_from_the_same_backup_the_log_still_goes_on(tmp_path: Path) -> None:
    """A second loss right after the first is no different: the gap stands twice, and the erased stay erased."""

    async def work() -> None:
        live = configured(tmp_path / "gw")
        backup, _, others, wanted, _ = await lived_on(live)
        for _ in range(2):
            lose(live)
            await put_back(live.place, backup, openings=live.place.openings)
            async with started(live) as gate:
                assert found(gate.file_bytes() | unsealed(gate), wanted) == []
                assert await _permits(gate, others[0]) == ["Withdrawn"]
                assert gate.verify().ok
        async with started(live) as gate:
            kinds = [Entry.decode(content).kind async for content in gate.durable.store.reader.entries()]
            assert kinds.count(Kind.GAP) >= 2

    run(work())


def test_old_database_put_back_by_hand_is_refused_and_the_line_names_restore(tmp_path: Path) -> None:
    """A copy of the file itself knows less than the log has published, and the gateway does not start on it."""

    async def work() -> None:
        live = configured(tmp_path / "gw")
        async with started(live) as gate:
            await gate.home("homes/1/meter", SCOPE)
        old = (live.place.state / DATABASE_FILE).read_bytes()
        async with started(live) as gate:
            await gate.home("homes/2/meter", SCOPE)
        lose(live)
        (live.place.state / DATABASE_FILE).write_bytes(old)
        with pytest.raises(CorruptionError, match="an old state was restored; `sluice restore` brings a backup up to date"):
            async with started(live):
                pass

    run(work())


def test_backup_is_one_private_file_without_anything_deleted_and_overwrites_nothing(tmp_path: Path) -> None:
    """It opens as a database by itself; what was erased before it was made is not in it; the log has all that it has."""

    async def work() -> None:
        live = configured(tmp_path / "gw")
        async with started(live) as gate:
            victim, _ = await town(gate)
            wanted, sealed = traces(gate, victim), sealed_blobs(live, SEALED)
            await gate.ask("consent.erase", subject=victim["subject"])
            path = await backed_up(gate)
            assert path.stat().st_mode & 0o777 == 0o600
            assert [file.name for file in live.folder.iterdir() if "backup" in file.name] == ["backup"]
            held = {"backup": path.read_bytes()}
            assert found(held, wanted) == []
            present = set(sealed_blobs(live, SEALED))
            assert fragments_found(held, [blob for blob in sealed if blob not in present]) == 0
            published = gate.durable.publisher.published_checkpoint()
            assert published is not None
            connection = sqlite3.connect(path)
            (size,) = connection.execute("SELECT count(*) FROM entry").fetchone()
            connection.close()
            assert size == published.size
            with pytest.raises(MethodError, match="exists already, and a backup overwrites nothing"):
                await gate.ask("backup", file=str(path))
            with pytest.raises(MethodError, match=f"`{tmp_path / 'absent'}`: there is no such folder; make it, or mount what"):
                await gate.ask("backup", file=str(tmp_path / "absent" / "new" / "backup"))
            assert not (tmp_path / "absent").exists()
            await gate.ask("backup", file=str(tmp_path / "new" / "backup"))
            assert ((tmp_path / "new").stat().st_mode & 0o777, (tmp_path / "new" / "backup").is_file()) == (0o700, True)
            with pytest.raises(MethodError, match=r"`/sys/new`: there is no such folder, and it cannot be made: "):
                await gate.ask("backup", file="/sys/new/backup")
            for odd in ("backup", "", f"{tmp_path}/a\0b"):
                with pytest.raises(MethodError, match=r"name the file by its whole path$"):
                    await gate.ask("backup", file=odd)
            with pytest.raises(MethodError, match=r"`/sys/backup`: .*; the gateway writes it, so the folder has to be "):
                await gate.ask("backup", file="/sys/backup")  # where nobody can make a file, root neither

    run(work())


def test_backup_and_restore_work_from_the_shell(tmp_path: Path) -> None:
    """Relative paths are the caller's; the refusals are lines with their exit status."""
    live = configured(tmp_path / "gw")
    made = sluice(
        live.folder,
        "device",
        "add",
        "--profile",
        "meter",
        "--zone",
        "mill",
        "--topic",
        "t/1",
        "--owner",
        "resident",
        "--subject",
        "new",
    )
    assert made.status == 0
    assert sluice(live.folder, "backup", "copy").status == 0
    again = sluice(live.folder, "backup", "copy")
    assert (again.status, again.line) == (2, f"`{live.folder / 'copy'}`: exists already, and a backup overwrites nothing")
    there = sluice(live.folder, "restore", "copy")
    assert (there.status, "`--replace`" in there.line) == (2, True)
    restored = sluice(live.folder, "restore", "copy", "--replace")
    assert restored.status == 0, restored.err
    assert "consents_ended    0" in restored.out
    lose(live)
    shutil.rmtree(live.place.log)
    lost = sluice(live.folder, "restore", "copy")
    assert lost.status == 3
    assert "restoring demands the current published log" in lost.line
