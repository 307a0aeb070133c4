"""Erasure, attacked: after it, every byte on the disk is searched for what was the subject's, in clear, sealed, and unsealed.

The town has three households and a victim. Before the erasure the victim's data is everywhere that it can be: released, in a
bundle that stands ready, in one under way, in open windows, waiting for a city that is away, in the journal and in the openings.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Coroutine
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiosqlite
import pytest

from gateway.audit.log import folder as log_folder
from gateway.audit.log.openings import Opening, Part, label, subject_label_key
from gateway.audit.log.payloads import Contribution
from gateway.control.context import MethodError
from gateway.core.changes import erasure
from gateway.durable.holdings import holdings_of
from gateway.edge.store.database import DATABASE_FILE, PAGE_BYTES
from gateway.edge.store.pages import stale_spans
from gateway.edge.store.writing import StoreWriter
from gateway.files import replace_file
from tests.support.asking import perform
from tests.support.disk_gate import (
    DiskGate,
    configured,
    copy_of,
    file_bytes_of,
    sealed_blobs,
    started,
)
from tests.support.live import LiveGateway
from tests.support.victim import (
    SCOPE,
    SEALED,
    TOPIC,
    _device,
    day_ends,
    found,
    fragments_found,
    outage,
    town,
    traces,
    under_way,
    unsealed,
)


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a test's work."""
    asyncio.run(work)


def test_erasure_leaves_nothing_of_the_subject_in_any_byte_on_the_disk(tmp_path: Path) -> None:
    """Neither in clear nor sealed, in no file, free page or write-ahead log; nor in what the root key opens."""

    async def work() -> None:
        async with started(configured(tmp_path / "gw")) as gate:
            victim, others = await town(gate)
            handed = await under_way(gate, [victim, *others])
            await outage(gate, [victim, *others])
            wanted, key = traces(gate, victim), gate.live.keys.lookup_hash(bytes.fromhex(victim["subject"]))
            before = sealed_blobs(gate.live, SEALED)
            openings = set(sealed_blobs(gate.live, ["opening"]))
            assert len(found(gate.file_bytes() | unsealed(gate), wanted)) > 20, "the search finds what is there"
            assert fragments_found(gate.file_bytes(), before) == len(set(before))

            answer = await gate.ask("consent.erase", subject=victim["subject"])

            assert answer["handed_over"] == [handed]
            assert answer["scrubbed"]
            files = gate.file_bytes()
            assert found(files | unsealed(gate), {**wanted, "key of its rows": key}) == []
            rows = gate.durable.store._segments
            assert set(rows.sealers) == {rows.segment}, "the keys of former segments are forgotten in memory too"
            kept = {blob for table in ("subject", "device", "claim", "consent") for blob in sealed_blobs(gate.live, [table])}
            assert fragments_found(files, [blob for blob in before if blob not in kept]) == 0
            gone = openings - set(sealed_blobs(gate.live, ["opening"]))
            assert len(gone) >= 5
            assert fragments_found(files, list(gone)) == 0
            report = gate.verify()
            assert report.ok, report
            assert f"{answer['parts_deleted']} parts erased" in report.steps[5].detail

    run(work())


def test_erasure_takes_back_a_bundle_that_has_not_left_and_spares_the_others_figures(tmp_path: Path) -> None:
    """What is sent instead is the figure of the three others, and their readings; the journal after a restart agrees."""

    async def work() -> None:
        live = configured(tmp_path / "gw")
        async with started(live) as gate:
            victim, others = await town(gate)
            await gate.send(*((home["topic"], {"total": 100.5}) for home in (victim, *others)))  # so that all are of one kind
            await day_ends(gate)
            await gate.deliver()
            await outage(gate, [victim, *others])
            await day_ends(gate)
            unsent = await gate.form()
            assert unsent is not None
            assert [r.result for r in gate.opened(unsent) if r.flow == "hourly"] == [4.0] * 4
            wanted = traces(gate, victim)
            await gate.ask("consent.erase", subject=victim["subject"])
            assert found(gate.file_bytes() | unsealed(gate), wanted) == []
        async with started(live) as gate:
            state = gate.durable.state
            held = {member for window in state.windows for member in window.members}
            held |= {member for table in state.windows.tables.values() for member in table.rows}
            assert held == {bytes.fromhex(home["subject"]) for home in others}
            records = await gate.deliver()
            assert [r.result for r in records if r.flow == "hourly"] == [3.0] * 4
            assert len([r for r in records if r.flow == "raw"]) == 3 * 4
            assert state.ledger.imbalances() == []
            assert gate.verify().ok

    run(work())


def test_erased_subjects_device_is_unknown_also_after_a_restart(tmp_path: Path) -> None:
    """What it goes on sending is rejected, as from any stranger."""

    async def work() -> None:
        live = configured(tmp_path / "gw")
        async with started(live) as gate:
            victim, _ = await town(gate)
            await gate.ask("consent.erase", subject=victim["subject"])
            await gate.send((TOPIC, {"kwh": 1.0}))
            rejected = gate.durable.state.ledger.totals["frames.rejected.unknown_device"]
        async with started(live) as gate:
            await gate.send((TOPIC, {"kwh": 1.0}))
            assert gate.durable.state.ledger.totals["frames.rejected.unknown_device"] == rejected + 1

    run(work())


def test_erasing_twice_is_refused_in_one_line(tmp_path: Path) -> None:
    """The second answer says no more than that nobody is there."""

    async def work() -> None:
        async with started(configured(tmp_path / "gw")) as gate:
            victim, _ = await town(gate)
            await gate.ask("consent.erase", subject=victim["subject"])
            size = gate.durable.state.log.size
            for method in ("consent.erase", "consent.export", "consent.releases", "consent.show", "subject.show"):
                with pytest.raises(MethodError, match=r"^there is no such subject$"):
                    await gate.ask(method, subject=victim["subject"])
            assert gate.durable.state.log.size == size

    run(work())


def test_erasure_keeps_everybody_elses_part_and_finds_the_victims_by_label_alone(tmp_path: Path) -> None:
    """Each release opens as before but for the victim's parts; a citizen who kept the label key still finds the releases."""

    async def work() -> None:
        async with started(configured(tmp_path / "gw")) as gate:
            victim, others = await town(gate)
            await outage(gate, [victim, *others])
            await gate.deliver()
            subject = bytes.fromhex(victim["subject"])
            label_key = subject_label_key(gate.durable.state.registry.subjects[subject].secret)
            before = {index: Opening.decode(data) async for index, data in gate.durable.store.reader.each_opening()}
            answer = await gate.ask("consent.erase", subject=victim["subject"])
            after = {index: Opening.decode(data) async for index, data in gate.durable.store.reader.each_opening()}
            deleted = 0
            for index, opening in before.items():
                assert after[index].commitment() == opening.commitment()
                for old, new in zip(opening.parts, after[index].parts, strict=True):
                    assert isinstance(old, Part)
                    deleted += new != old
                    assert (new == old) is (subject not in old.data), "only parts that name the victim have gone"
            assert deleted == answer["parts_deleted"]
            exported = {index: gate.durable.publisher._openings.read(index) for index in after}  # type: ignore[union-attr]
            assert exported == {index: opening.encode() for index, opening in after.items()}
            labels = dict(await gate.durable.store.reader.labels(0))
            releases = [index for index, data in labels.items() if label(label_key, index) in data]
            assert releases
            for index in releases:
                named = [Contribution.decode(part.data).subject for part in after[index].parts[1:] if isinstance(part, Part)]
                assert named
                assert subject not in named

    run(work())


def test_erasure_is_logged_by_the_hash_of_the_id_and_published_before_the_answer(tmp_path: Path) -> None:
    """The published checkpoint covers the entry, and the entry tells nobody who it was."""

    async def work() -> None:
        async with started(configured(tmp_path / "gw")) as gate:
            victim, _ = await town(gate)
            answer = await gate.ask("consent.erase", subject=victim["subject"])
            published = gate.durable.publisher.published_checkpoint()
            assert published is not None
            assert published.size > answer["log_index"]
            content = await gate.durable.store.reader.entry(answer["log_index"])
            assert sha256(bytes.fromhex(victim["subject"])).digest() in content
            assert bytes.fromhex(victim["subject"]) not in content

    run(work())


def test_erasure_after_what_others_asked_for_in_the_same_breath_takes_that_too(tmp_path: Path) -> None:
    """A consent that is not committed yet when the erasure begins is found and erased with the rest."""

    async def work() -> None:
        async with started(configured(tmp_path / "gw")) as gate:
            victim, others = await town(gate)
            wanted = traces(gate, victim)
            await perform(
                gate.durable,
                ("consent.pause", {"subject": victim["subject"], "scope": SCOPE}),
                ("consent.withdraw", {"subject": others[0]["subject"], "scope": SCOPE}),
                ("consent.erase", {"subject": victim["subject"]}),
            )
            assert found(gate.file_bytes() | unsealed(gate), wanted) == []
            assert gate.verify().ok

    run(work())


class _Images:
    """Copies the whole folder at every step that changes the disk, as a kill would leave it there."""

    def __init__(self, live: LiveGateway, folder: Path, every: int) -> None:
        self.live, self.folder, self.every = live, folder, every
        self.steps = 0
        self.taken: list[LiveGateway] = []

    def take(self) -> None:
        self.steps += 1
        if self.steps % self.every == 0:
            self.taken.append(copy_of(self.live, self.folder / str(self.steps)))


def test_erasure_killed_at_any_step_is_whole_or_not_at_all_and_the_next_start_finishes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every statement and every file, a copy of the disk is started: nobody is half erased, and nothing is left behind."""

    async def work() -> None:
        live = configured(tmp_path / "gw")
        images = _Images(live, tmp_path / "images", every=2)
        async with started(live) as gate:
            victim, others = await town(gate)
            await outage(gate, [victim, *others])
            wanted = traces(gate, victim)
            with monkeypatch.context() as patch:
                _watch(patch, images)
                await gate.ask("consent.erase", subject=victim["subject"])
        assert len(images.taken) > 20
        erased = 0
        for image in images.taken:
            async with started(image) as gate:
                report = gate.verify()
                assert report.ok, report
                whole = bytes.fromhex(victim["subject"]) in gate.durable.state.registry.subjects
                if whole:
                    assert len(found(gate.file_bytes() | unsealed(gate), wanted)) > 20
                    await gate.ask("consent.erase", subject=victim["subject"])
                else:
                    erased += 1
                    with pytest.raises(MethodError, match="there is no such subject"):
                        await gate.ask("consent.erase", subject=victim["subject"])
                assert found(gate.file_bytes() | unsealed(gate), wanted) == []
                assert gate.verify().ok
        assert 3 < erased < len(images.taken) - 3, "both sides of the commit were seen"

    run(work())


def _watch(patch: pytest.MonkeyPatch, images: _Images) -> None:
    """Take an image before every statement and every file that is put in place."""
    execute, many, replace = aiosqlite.Connection.execute, aiosqlite.Connection.executemany, replace_file

    def executed(db: aiosqlite.Connection, sql: str, *more: Any) -> Any:
        if not sql.startswith("SELECT"):
            images.take()
        return execute(db, sql, *more)

    async def executed_many(db: aiosqlite.Connection, sql: str, rows: list[Any]) -> None:
        for row in rows:  # one by one, so that a kill between two of them is seen
            images.take()
            await many(db, sql, [row])

    def replaced(target: Path, data: bytes, mode: int) -> None:
        images.take()
        replace(target, data, mode)

    patch.setattr(aiosqlite.Connection, "execute", executed)
    patch.setattr(aiosqlite.Connection, "executemany", executed_many)
    patch.setattr(log_folder, "replace_file", replaced)


def test_erasure_without_room_to_rewrite_the_file_says_so_and_the_next_start_does_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The subject is erased and logged all the same; what lies in free space goes as soon as there is room."""

    async def work() -> None:
        live = configured(tmp_path / "gw")
        async with started(live) as gate:
            victim, others = await town(gate)
            await outage(gate, [victim, *others])
            wanted = traces(gate, victim)
            before = sealed_blobs(gate.live, ["outbox", "segment", "batch"])

            async def no_room(_: StoreWriter) -> bool:
                return False

            with monkeypatch.context() as patch:
                patch.setattr(StoreWriter, "scrub", no_room)
                answer = await gate.ask("consent.erase", subject=victim["subject"])
            assert not answer["scrubbed"]
            assert bytes.fromhex(victim["subject"]) not in gate.durable.state.registry.subjects
        async with started(live) as gate:
            assert not await gate.durable.store.writer.scrub_is_due()
            assert found(gate.file_bytes() | unsealed(gate), wanted) == []
            assert fragments_found(gate.file_bytes(), before) == 0

    run(work())


def test_erasure_whose_segment_finds_no_room_is_not_called_done(tmp_path: Path) -> None:
    """On a full disk the loop commits no piece of it: what was the subject's is still in the segment before."""

    async def work() -> None:
        live = configured(tmp_path / "gw")
        async with started(live) as gate:
            victim, others = await town(gate)
            await outage(gate, [victim, *others])
            subject, durable = bytes.fromhex(victim["subject"]), gate.durable
            wanted = traces(gate, victim)
            await durable.commit()
            erasure.erase(durable.state, subject, await holdings_of(durable, subject), gate.now_ms)
            await durable.commit()
            before = sealed_blobs(gate.live, ["segment", "batch"])
            added = asyncio.Event()
            durable.turns.wake = added.set
            answer = asyncio.create_task(durable.erased(in_turns=True))
            await added.wait()
            durable.turns.run_all()
            assert not await answer
            assert await durable.store.writer.scrub_is_due()
        async with started(live) as gate:
            assert not await gate.durable.store.writer.scrub_is_due()
            assert found(gate.file_bytes() | unsealed(gate), wanted) == []
            assert fragments_found(gate.file_bytes(), before) == 0

    run(work())


def test_scrub_takes_the_copies_that_split_pages_keep_of_deleted_rows(tmp_path: Path) -> None:
    """SQLite overwrites a deleted row where it lay, not what it left where pages were split or joined."""

    async def work() -> None:
        chance = random.Random(0)
        async with started(configured(tmp_path / "gw")) as gate:
            db = gate.durable.store._database
            present = dict[int, bytes]()
            for number in range(1, 4001):
                present[number] = chance.randbytes(16)
                content = number.to_bytes(8, "big") + b"#mark#"
                row = (present[number], (content * 200)[: chance.choice((40, 300, 900, 1500))])
                await db.execute("INSERT INTO claim VALUES (?, ?)", row)
                if number % 20 == 0:
                    dropped = chance.sample(list(present), 12)
                    await db.execute_all("DELETE FROM claim WHERE id = ?", [(present.pop(each),) for each in dropped])
            await gate.durable.store.truncate_wal()
            assert _stale_pages(gate) > 50
            assert await gate.durable.store.writer.scrub()
            assert _stale_pages(gate) == 0
            assert _marked(gate) == set(present)
            await db.execute("DELETE FROM claim")

    run(work())


def _stale_pages(gate: DiskGate) -> int:
    """Return how many pages of the file have bytes that belong to no row and are not zero."""
    data = gate.file_bytes()[DATABASE_FILE]
    return sum(any(stale_spans(data[at : at + PAGE_BYTES], at // PAGE_BYTES + 1)) for at in range(0, len(data), PAGE_BYTES))


def _marked(gate: DiskGate) -> set[int]:
    held = b"".join(gate.file_bytes().values())
    return {int.from_bytes(found[:8], "big") for found in re.findall(rb".{8}#mark#", held, re.DOTALL)}


def test_erasure_in_a_running_gateway_is_answered_when_all_is_gone(tmp_path: Path) -> None:
    """Asked over the control socket, beside a backup; the process goes on, and a kill right after the answer changes nothing."""
    live = configured(tmp_path / "gw")
    live.start()
    try:
        rows = [_device(TOPIC, {"subject": "new"}), _device("homes/2/meter", {"subject": "new"})]
        victim, other = live.call("device.add", {"devices": rows})["devices"]
        for home in (victim, other):
            live.call("consent.grant", {"subject": home["subject"], "scope": SCOPE})
        assert live.call("consent.export", {"subject": victim["subject"]})["devices"][0]["topic"] == TOPIC
        wanted = {name: bytes.fromhex(victim[name]) for name in ("subject", "resident", "device")}
        answer = live.call("consent.erase", {"subject": victim["subject"]})
        files = file_bytes_of(live)
        live.kill()
        assert (answer["scrubbed"], answer["parts_deleted"]) == (True, 1)
        assert found(files, {**wanted, "topic": TOPIC.encode()}) == []
        live.start()
        assert live.status()["subjects"] == 1
        assert live.call("backup", {"file": str(tmp_path / "backup")})["log_entries"] > answer["log_index"]
        assert live.verify().ok
    finally:
        live.end()
