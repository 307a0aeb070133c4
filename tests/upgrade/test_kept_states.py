"""What earlier versions have left is opened, gone on with, verified, replayed and restored by this one, to the last figure."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.durable.configured import start
from gateway.edge.keys.keyring import load_keys
from tests.support.asking import perform
from tests.support.checking import check_here
from tests.support.checkout import ROOT
from tests.support.passkey_forms import assertion
from tests.support.recounted import StoredTallies, stored_tallies
from tests.support.shell import sluice
from tests.support.waiting import HANG_S
from tests.upgrade.coming_in import passkey_of
from tests.upgrade.gate import (
    CONFIG_FILE,
    DATABASE_FILE,
    HOUR_MS,
    LATENESS_MS,
    MINUTE_MS,
    RECIPIENTS,
    Gate,
    MethodError,
    faults_of_receipt,
    journal_kinds,
    log_kinds,
    part_kinds,
    place_of,
    published,
    records_in,
    replayed,
    restore_backup,
    started,
    verified,
    vkey_of,
)
from tests.upgrade.keep import kept_states, unpack

ALL_KINDS = {"genesis", "policy", "consent", "withdrawal", "erasure", "release", "void", "account", "key", "gap"}
"""Of log entries; `reidentification` has a number and is made by nothing yet."""

Figures = dict[str, Any]


@dataclass(frozen=True)
class Writer:
    """What the version that wrote a state did otherwise than this one.

    Attributes:
        journal_kinds: Which kinds of journal records a gateway without a broker wrote.
        one_homes_value: Whether its policies asked for a statistic that is one household's value.
        states_owners: Whether it stored whose a device is.
        has_quantities: Whether its policies say by which quantities and with which noise figures about households are made.
            What policies that do not have gathered is not gone on with.
        has_public_numbers: Whether it counted what anyone may know.
    """

    journal_kinds: frozenset[int] = frozenset(range(8))
    one_homes_value: bool = False
    states_owners: bool = True
    has_quantities: bool = True
    has_public_numbers: bool = False
    has_credentials: bool = False

    @property
    def unsupported_pairs(self) -> int:
        """Return how many pairs stood open of figures that policies may no longer ask."""
        return 0 if self.has_quantities else 13

    @property
    def unsupported_windows(self) -> int:
        """Return in how many windows they stood."""
        return 0 if self.has_quantities else 5


WRITERS = {
    "v0_1": Writer(journal_kinds=frozenset(range(7)), one_homes_value=True, states_owners=False, has_quantities=False),
    "v0_2": Writer(has_quantities=False),
    "v0_3": Writer(has_quantities=False),
    "v0_4": Writer(has_quantities=False),
    "v0_5": Writer(journal_kinds=frozenset({*range(8), 11, 13})),
    "v0_6": Writer(journal_kinds=frozenset({*range(8), 11, 13}), has_public_numbers=True),
    "v0_7": Writer(journal_kinds=frozenset({*range(8), 11, 13}), has_public_numbers=True, has_credentials=True),
    "v0_8": Writer(journal_kinds=frozenset({*range(8), 11, 13}), has_public_numbers=True, has_credentials=True),
}


class Kept:
    """A kept state in a folder of its own."""

    def __init__(self, name: str, folder: Path, figures: Figures) -> None:
        self.name = name
        self.folder = folder
        self.figures = figures
        self.writer = WRITERS[name]
        self.checkpoint = str(figures["checkpoint"]).encode()

    def check_log(self) -> None:
        """Fail unless the log verifies with its openings, has grown from the kept checkpoint, and every release matches."""
        report = verified(self.folder, self.checkpoint)
        assert report.ok, report.to_text()
        assert report.ledger == "balanced"
        replay = replayed(self.folder)
        assert replay.exit_status == 0, replay.to_text()
        verdicts = replay.as_json()["releases"]
        assert sum(verdicts.values()) == verdicts["match"] + verdicts["opening erased"] >= self.figures["kinds"]["release"]


@pytest.fixture(params=kept_states(), ids=lambda path: path.name)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    """Unpack each kept state in turn."""
    folder = tmp_path / "gateway"
    return Kept(request.param.name, folder, unpack(request.param, folder))


def test_kept_state_holds_something_of_every_kind(kept: Kept) -> None:
    """No table is empty, and every kind of entry, opening and journal record is among what is kept, or nothing would be shown."""
    assert kept.figures["kinds"].keys() == ALL_KINDS
    assert kept.figures["journal"].keys() == set(map(str, kept.writer.journal_kinds))
    shapes = {kind.removesuffix("-2").removesuffix("-3") for kind in kept.figures["parts"]}
    assert ALL_KINDS - {"consent", "withdrawal"} | {"erased"} < shapes
    credentials = {"enrolment", "credentials-ended"}
    assert shapes >= credentials if kept.writer.has_credentials else shapes.isdisjoint(credentials)
    assert len(shapes - ALL_KINDS - {"erased"} - credentials) == 2, "records of consent, and contributions"
    with closing(sqlite3.connect(f"file:{kept.folder / 'state' / DATABASE_FILE}?mode=ro", uri=True)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        empty = [name for name in tables if not database.execute(f"SELECT count(*) FROM {name}").fetchone()[0]]  # noqa: S608  its own
        assert empty == []
        ((settled,),) = database.execute("SELECT count(*) FROM opening WHERE kind = 'consent' AND settled_ms IS NOT NULL")
        assert settled


def test_kept_log_is_read_as_it_was_written(kept: Kept) -> None:
    """Entries and openings are of the kinds recorded, and verification and replay find what they found."""
    assert log_kinds(kept.folder) == kept.figures["kinds"]
    assert part_kinds(published(kept.folder)[1]) == kept.figures["parts"]
    steps = [step.status.value for step in verified(kept.folder).steps]
    assert steps[: len(kept.figures["steps"])] == kept.figures["steps"]
    assert "failed" not in steps, "nor do the steps that have come since find anything"
    assert replayed(kept.folder).as_json()["releases"] == kept.figures["releases"]
    kept.check_log()


def test_kept_log_is_verified_by_the_verifier_that_stands_alone(kept: Kept) -> None:
    """The one file that auditors carry about reads the kept log too."""
    script = ROOT / "gateway/audit/standalone/verify.py"
    log, _ = published(kept.folder)
    done = subprocess.run(
        [sys.executable, script, log, "--key", vkey_of(kept.folder)], capture_output=True, text=True, check=False, timeout=HANG_S
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_kept_bundles_are_opened_by_their_recipients(kept: Kept) -> None:
    """As many records are in each as there were."""
    files = list((kept.folder / "received").iterdir())
    assert {file.name.split("-")[1] for file in files} == set(RECIPIENTS)
    for file in files:
        _, recipient, count = file.name.split("-")
        assert len(records_in(kept.folder, recipient, file.read_bytes())) == int(count)


def test_kept_receipts_still_hold(kept: Kept) -> None:
    """Every receipt in a citizen's hands is found in order, by the check and by the shell."""
    files = sorted((kept.folder / "receipts").iterdir())
    assert files
    assert [file.name for file in files if faults_of_receipt(kept.folder, json.loads(file.read_text()))] == []
    done = sluice(kept.folder, "consent", "check-receipt", str(files[0]), "--key", vkey_of(kept.folder))
    assert done.status == 0, done


async def test_kept_state_is_opened_with_its_figures(kept: Kept) -> None:
    """Ledger, windows, outbox and bundles are those of the moment of the kill, but that what stood ready now stands."""
    kept_rows = _bundles(kept.folder)
    async with started(kept.folder) as gate:
        ledger = dict(kept.figures["ledger"])
        ledger["bundles.sent"] += ledger.pop("bundles.ready")
        ledger["pairs.open"] -= kept.writer.unsupported_pairs
        ledger["pairs.withdrawn"] += kept.writer.unsupported_pairs
        assert gate.ledger == ledger
        assert gate.imbalances == []
        assert (gate.open_windows, gate.waiting) == (
            kept.figures["open_windows"] - kept.writer.unsupported_windows,
            kept.figures["waiting"],
        )
        assert gate.under_way == kept.figures["unacknowledged"]
        assert gate.to_send_again() == kept_rows
        assert gate.log_entries == kept.figures["log_entries"] + 2, "the unclean end, and the account of it"
        assert len((await gate.ask("device.list"))["devices"]) == kept.figures["devices"]
        assert journal_kinds(await gate.journal()) == {}, "a new segment has begun"
    kept.check_log()


async def test_kept_devices_have_the_owners_that_they_were_meant_to_have(kept: Kept) -> None:
    """Rows that state none are a resident's where they have a subject, else the city's, and the crew is told which."""
    async with started(kept.folder) as gate:
        listed = (await gate.ask("device.list"))["devices"]
        assert {(one["owner"], one["subject"] is None) for one in listed} == {("resident", False), ("city", True)}
        assert [one["owner_assumed"] for one in listed] == [not kept.writer.states_owners] * kept.figures["devices"]
        device = next(one["device"] for one in listed if one["subject"])
        before = gate.ledger
        await gate.ask("device.own", device=device, owner="city")
        assert gate.ledger["pairs.withdrawn"] == before["pairs.withdrawn"], "what it gave stands: it is read by the same consents"
    kept.check_log()


async def test_kept_numbers_of_the_public_are_counted_on(kept: Kept) -> None:
    """What was counted and shown is the same after the kill; a version that counted nothing begins with the present hour."""
    database = kept.folder / "state" / DATABASE_FILE
    before = stored_tallies(database) if kept.writer.has_public_numbers else StoredTallies({}, {}, {})
    assert bool(before.shown) is bool(before.hours) is kept.writer.has_public_numbers
    async with started(kept.folder) as gate:
        assert gate.shown_days == before.shown or not kept.writer.has_public_numbers
        await gate.deliver()
        await _hours(gate, kept, 2)
        await gate.deliver()
        await gate.settle()
        now = max(gate.shown_days)
        assert gate.shown_days[now].until == gate.now_ms // HOUR_MS
    after = stored_tallies(database)
    assert after.shown.keys() > before.shown.keys() or after.shown != before.shown
    for number, day in before.days.items():
        for key, tally in day.flows.items():
            assert after.days[number].flows[key].records >= tally.records


def _leave_off_credentials(export: dict[str, Any]) -> None:
    """Leave off what earlier versions had nothing of."""
    assert not export.pop("enrolment_entries", [])
    assert not export.pop("ended_keys", [])
    for resident in export["residents"]:
        assert not any(resident.pop(part, None) for part in ("user_handle", "passkeys", "paper", "sessions", "answered"))
    for claim in export["open_claims"]:
        assert claim.pop("how", "letter") == "letter"
        assert claim.pop("proof", None) is None


async def test_people_of_a_kept_state_come_in_as_before(kept: Kept) -> None:
    """By the passkeys that they had; the one that was ended brings nobody in. A state without an address lets in nobody."""
    async with started(kept.folder) as gate:
        if not kept.writer.has_credentials:
            with pytest.raises(MethodError, match="nobody comes in over the portal"):
                await gate.ask_as_citizen("session.challenge")
            return
        for number, comes_in in ((1, True), (2, False), (3, True)):
            asked = await gate.ask_as_citizen("session.challenge")
            given = assertion(passkey_of(number), asked["challenge"])
            if not comes_in:
                with pytest.raises(MethodError):
                    await gate.ask_as_citizen("session.open", assertion=given)
                continue
            opened = await gate.ask_as_citizen("session.open", assertion=given)
            shown = await gate.ask_as_citizen("home.show", opened["token"])
            assert [one["how"] for one in shown["passkeys"]] == [{1: "letter", 3: "recovery"}[number]]
            assert len(shown["enrolments"]) == 4
    kept.check_log()


async def test_kept_exports_say_the_same_today(kept: Kept) -> None:
    """What is held about each household is what was exported, but for the bundle that since counts as handed over."""
    passing = ("time_ms", "log", "bundles_under_way", "contributions", "waiting", "releases")
    async with started(kept.folder) as gate:
        for file in sorted((kept.folder / "exports").iterdir()):
            before = json.loads(file.read_text())
            now = json.loads(json.dumps(await gate.ask("consent.export", subject=before["subject"])))
            for export in (before, now):
                if not kept.writer.has_credentials:
                    _leave_off_credentials(export)
                for device in export["devices"]:
                    del device["remembered_times_ms"]  # what was forgotten before the kill is forgotten again at the next tick
                    assert device.pop("owner", "resident") == "resident", "versions that stored no owner showed none"
                    assert device.pop("hub_id", None) is None, "earlier versions knew no hubs"
                    device.pop("heard", None)  # of this run alone
                    assert not device.pop("last_message", None), "nor repeats that are told by arrival"
                    assert not device.pop("registers", []), "nor registers that are judged"
                if not kept.writer.has_quantities:
                    export["counters"] = [row for row in export["counters"] if row["identity"] != "aggregate"]
                for message in export["messages"]:
                    del message["text"]  # earlier versions named a scope by its id, this one by its title
            assert {key: now[key] for key in now if key not in passing} == {
                key: before[key] for key in before if key not in passing
            }
            assert [each["log_index"] for each in now["releases"]] == [each["log_index"] for each in before["releases"]]


async def test_kept_state_is_gone_on_with(kept: Kept) -> None:
    """What was under way arrives, open windows are released with what comes in now, and the log grows from the kept one."""
    async with started(kept.folder) as gate:
        for index in gate.under_way:
            await gate.acknowledge(index)
        before = gate.ledger
        await _hours(gate, kept, 3)
        assert await gate.deliver() >= len(RECIPIENTS)
        assert gate.waiting == {}
        assert gate.imbalances == []
        assert gate.ledger["pairs.aggregated"] > before["pairs.aggregated"]
        assert gate.ledger["pairs.released"] > before["pairs.released"]
        subject = next(iter(kept.figures["meters"].values()))
        await gate.ask("consent.erase", subject=subject)
    async with started(kept.folder) as gate:
        assert gate.imbalances == []
    kept.check_log()


async def test_kept_state_gets_new_keys(kept: Kept) -> None:
    """Its log is handed over and its rows are sealed anew; everybody who was given the key of then follows, and it goes on."""
    former = vkey_of(kept.folder)
    place = place_of(kept.folder)
    durable = await start(place, load_keys(place.keys), check=check_here)
    try:
        await perform(durable, ("keys.rotate", {"key": "log"}), ("keys.rotate", {"key": "root"}))
    finally:
        await durable.close()
    assert vkey_of(kept.folder) != former
    async with started(kept.folder) as gate:
        shown = await gate.ask("keys.status")
        assert (shown["log"]["generation"], shown["root"]["generation"], shown["root"]["resealing"]) == (2, 2, False)
        assert gate.imbalances == []
        assert len((await gate.ask("device.list"))["devices"]) == kept.figures["devices"]
        await _hours(gate, kept, 3)
        assert await gate.deliver()
    (kept.folder / "keys" / "log.vkey").write_text(f"{former}\n")  # as an auditor has it
    kept.check_log()


async def test_kept_backup_is_restored_on_the_kept_log(kept: Kept) -> None:
    """The erasure after the backup is done again, nothing is ended, and the log goes on from where it was published."""
    restored = await asyncio.to_thread(restore_backup, kept.folder, kept.folder / "backup.db")
    assert restored.erased_again == kept.figures["kinds"]["erasure"]
    assert (restored.openings_missing, restored.consents_ended, restored.strangers) == (0, 0, 0)
    async with started(kept.folder) as gate:
        assert gate.imbalances == []
        assert len((await gate.ask("device.list"))["devices"]) == kept.figures["devices"]
        await gate.to(kept.figures["now_ms"])
        await _hours(gate, kept, 3)
        assert await gate.deliver()
    kept.check_log()


def test_kept_configuration_is_accepted_by_the_shell(kept: Kept) -> None:
    """`sluice check` finds nothing wrong but what is no longer permitted; `policy migrate` mends what follows by itself."""
    if not kept.writer.has_quantities:
        refused = sluice(kept.folder, "check", "--config", CONFIG_FILE)
        assert refused.status == 2
        statistic = "`flow.nights.statistic.LAeq`: `energy-mean` over households is the value of one of them: write `mean`"
        assert (statistic in refused.err) == kept.writer.one_homes_value
        for flow, name in FIGURES_ABOUT_HOUSEHOLDS:
            assert f"`flow.{flow}.ask.budget`: is missing: figures of `{name}` over households have noise" in refused.err
            assert f"`flow.{flow}.properties`: `{name}` over households stands in no `[quantity]`" in refused.err
        assert sluice(kept.folder, "policy", "migrate", "policies", "--write").status == 1, "what is left is for people to decide"
        _say_how_figures_are_made(kept.folder / "policies/city.toml")
    done = sluice(kept.folder, "check", "--config", CONFIG_FILE)
    assert done.status == 0, done


FIGURES_ABOUT_HOUSEHOLDS = (("hourly", "consumption"), ("register", "totalConsumption"), ("nights", "LAeq"))


def _say_how_figures_are_made(city: Path) -> None:
    """Decide what no migration can: which properties are one secret, and which figures are to be exact."""
    text = city.read_text()
    for flow, _ in FIGURES_ABOUT_HOUSEHOLDS:
        text = text.replace(f"[flow.{flow}]\n", f'[flow.{flow}]\nnoise = "none"\n')
    for quantity, properties in (("electricity", ["consumption", "totalConsumption"]), ("noise", ["LAeq"])):
        text += f"\n[quantity.{quantity}]\nproperties = {json.dumps(properties)}\n" + 'cell = "1h"\nclip = 10\npresence = 2\n'
    city.write_text(text)


async def _hours(gate: Gate, kept: Kept, count: int) -> None:
    """Let the kept meters report each hour, and the hours pass."""
    for _ in range(count):
        start_ms = gate.now_ms // HOUR_MS * HOUR_MS
        await gate.to(max(gate.now_ms, start_ms + 30 * MINUTE_MS))
        reading = json.dumps({"t": start_ms + 20 * MINUTE_MS, "kwh": 0.5, "temp": 20}).encode()
        await gate.take([(topic, reading) for topic in kept.figures["meters"]], packet_id=100)
        await gate.to(start_ms + HOUR_MS + LATENESS_MS)


def _bundles(folder: Path) -> dict[int, bytes]:
    """Return the bundles that lie in the database."""
    with closing(sqlite3.connect(f"file:{folder / 'state' / DATABASE_FILE}?mode=ro", uri=True)) as database:
        return dict(database.execute("SELECT entry_index, content FROM bundle"))
