"""`policy.apply`: what it refuses, what it tells, and what then stands in the log."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from consent.core.policies.fingerprint import key_sha256
from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.openings import Opening
from gateway.audit.log.payloads import PolicyPayload
from gateway.control.context import MethodError
from gateway.durable.configured import start
from gateway.errors import OperatorError, PoliciesRefusedError
from gateway.recipient.keys import generate, load_fingerprint, load_public
from tests.support import inside
from tests.support.asking import Answer, ask, begin
from tests.support.checking import check_here
from tests.support.disk_gate import DiskGate, configured, copy_of, started

CASES = '[case.{0}]\ndevice = "meter"\nzone = "mill"\nflow = "daily"\nresidents = [{{}}]\nreason = "{1}"\n'
LONGER = ("retention = 30 }", "retention = 31 }")
SHORTER = ("retention = 30 }", "retention = 29 }")


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a test's work."""
    asyncio.run(work)


def edited(gate: DiskGate, old: str, new: str) -> None:
    """Replace a text of the city's policies."""
    city = gate.live.place.policies / "city.toml"
    text = city.read_text()
    assert old in text
    city.write_text(text.replace(old, new))


def case(gate: DiskGate, reason: str) -> None:
    """Write a case that expects a reason; `no-consent` is the right one."""
    (gate.live.place.policies / "town.cases.toml").write_text(CASES.format("silent", reason))


def opened(opening: bytes | None) -> PolicyPayload:
    """Return what the opening of a policy entry holds."""
    assert opening is not None
    part = Opening.decode(opening).parts[0]
    assert not isinstance(part, bytes)
    return PolicyPayload.decode(part.data)


async def untouched(gate: DiskGate, **params: Any) -> str:
    """Apply, which must be refused with nothing changed; return the line."""
    shown, size = await gate.ask("policy.show"), gate.durable.state.log.size
    with pytest.raises(PoliciesRefusedError) as refusal:
        await gate.ask("policy.apply", **params)
    assert refusal.value.exit_status == 1
    assert (await gate.ask("policy.show"), gate.durable.state.log.size) == (shown, size)
    return str(refusal.value)


def test_apply_that_reveals_no_more_asks_for_nothing(tmp_path: Path) -> None:
    """Less, for longer consents than are asked, with a case that holds."""

    async def work() -> None:
        async with started(configured(tmp_path / "gw")) as gate:
            await gate.home("t/1", "daily")
            edited(gate, *SHORTER)
            case(gate, "no-consent")
            applied = await gate.ask("policy.apply")
            assert (applied["refused"], applied["failed"], applied["rises"], applied["rules"]) == (False, [], [], [])
            assert applied["ends"] == {"consents": 0, "subjects": 0, "flows": {}}
            assert applied["log_index"] == (await gate.ask("policy.show"))["log_index"]

    run(work())


def test_apply_of_a_rise_is_refused_and_tells_whose_consents_would_end(tmp_path: Path) -> None:
    """Fifteen households, and not one of them has lost anything; accepted, all of them have, and the answer says the same."""

    async def work() -> None:
        async with started(configured(tmp_path / "gw")) as gate:
            homes = [await gate.home(f"t/{n}", "daily") for n in range(15)]
            edited(gate, *LONGER)
            line = await untouched(gate)
            assert "`daily` of `meter` retention 30 days → 31 days, whoever agrees" in line
            assert "15 consents of 15 subjects end (`daily` 15)" in line
            tried = await gate.ask("policy.apply", dry_run=True)
            assert tried["refused"]
            command = f"sluice policy apply --accept {tried['proposal']} --config {gate.live.config}"
            assert f"`{command}` puts them in force all the same" in line
            assert await statuses(gate, homes) == {"Given"}
            applied = await gate.ask("policy.apply", accept=True)
            assert applied == tried | {"refused": False, "log_index": applied["log_index"]}
            assert applied["ends"] == {"consents": 15, "subjects": 15, "flows": {"daily": 15}}
            assert {(row["flow"], row["axis"], row["new"]) for row in applied["rises"]} == {("daily", "retention", "31 days")}
            assert await statuses(gate, homes) == {"Invalidated"}

    run(work())


async def statuses(gate: DiskGate, homes: list[dict[str, str]]) -> set[str]:
    """Return what counts of the consents of some households."""
    shown = [await gate.ask("consent.show", subject=home["subject"]) for home in homes]
    return {consent["status"] for each in shown for consent in each["consents"]}


def test_apply_that_ends_consents_is_refused_where_nothing_rises(tmp_path: Path) -> None:
    """Asked is more than the ceiling leaves: nothing more is revealed, and yet those who agreed have not agreed to that."""

    async def work() -> None:
        async with started(configured(tmp_path / "gw")) as gate:
            edited(gate, '[ceiling]\nidentity = "per-epoch"', '[ceiling]\nretention = 30\nidentity = "per-epoch"')
            await gate.ask("policy.apply")
            await gate.home("t/1", "daily")
            edited(gate, *LONGER)
            line = await untouched(gate)
            assert "1 consent of 1 subject ends (`daily` 1)" in line
            assert "rise" not in line
            assert (await gate.ask("policy.apply", accept=True))["ends"]["consents"] == 1

    run(work())


def test_apply_with_a_failing_case_is_refused(tmp_path: Path) -> None:
    """The line names it; accepted, the answer does."""

    async def work() -> None:
        async with started(configured(tmp_path / "gw")) as gate:
            case(gate, "refused")
            line = await untouched(gate)
            assert "1 case fails (`town.cases.toml`: `case.silent`: expected `refused`, got `no-consent`)" in line
            tried = await gate.ask("policy.apply", dry_run=True, accept=True)
            assert (tried["refused"], tried["log_index"]) == (False, None)
            applied = await gate.ask("policy.apply", accept=True)
            assert applied["failed"] == [
                {"file": "town.cases.toml", "case": "silent", "expected": "`refused`", "got": "`no-consent`"}
            ]
            (gate.live.place.policies / "town.cases.toml").write_text("[case.silent]\nwhy = 1\n")
            with pytest.raises(OperatorError, match=r"^`town.cases.toml`"):
                await gate.ask("policy.apply", accept=True)

    run(work())


def test_apply_of_another_key_is_refused_and_shows_both_fingerprints(tmp_path: Path) -> None:
    """The file's own comment is the new key's and helps nobody; the opening of the entry that accepts it holds the key's hash."""

    async def work() -> None:
        live = configured(tmp_path / "gw")
        async with started(live) as gate:
            file = live.place.policies / "keys/office.pub"
            before = load_fingerprint(file)
            entry = (await gate.ask("policy.show"))["log_index"]
            stored = load_public(file).public_bytes_raw()
            assert opened(await gate.durable.store.reader.opening(entry)).keys == {"office": key_sha256(stored)}
            attacker = generate(tmp_path / "attacker")
            shutil.copy(attacker.public_path, file)
            line = await untouched(gate)
            assert f"key of `office`: now {attacker.fingerprint}, before {before}" in line
            tried: Answer = await gate.ask("policy.apply", dry_run=True)
            assert tried["keys"] == [{"recipient": "office", "fingerprint": attacker.fingerprint, "before": before}]
            assert (await gate.ask("policy.show"))["keys"] == {"office": before}
            index = (await gate.ask("policy.apply", accept=True))["log_index"]
            assert (await gate.ask("policy.show"))["keys"] == {"office": attacker.fingerprint}
            sha256 = key_sha256(load_public(attacker.public_path).public_bytes_raw())
            assert opened(await gate.durable.store.reader.opening(index)).keys == {"office": sha256}
            assert gate.verify().ok

    run(work())


def test_apply_of_a_key_line_under_the_former_fingerprint_is_refused_even_if_accepted(tmp_path: Path) -> None:
    """A comment that is not the key's own is a lie or a mistake, and names its file."""

    async def work() -> None:
        live = configured(tmp_path / "gw")
        async with started(live) as gate:
            file = live.place.policies / "keys/office.pub"
            other = generate(tmp_path / "other").public_path.read_text().splitlines()[-1]
            file.write_text("\n".join([*file.read_text().splitlines()[:-1], other, ""]))
            with pytest.raises(OperatorError, match=r"`keys/office.pub`: a comment gives the fingerprint `"):
                await gate.ask("policy.apply", accept=True)

    run(work())


def test_first_policies_with_a_failing_case_begin_no_log(tmp_path: Path) -> None:
    """A first start is an apply like any other."""

    async def work() -> None:
        live = configured(tmp_path / "gw")
        (live.place.policies / "town.cases.toml").write_text(CASES.format("silent", "refused"))
        with pytest.raises(PoliciesRefusedError, match=r"1 case fails .*policy apply --accept [0-9a-f]{16} "):
            async with started(live):
                pass
        (live.place.policies / "town.cases.toml").unlink()
        async with started(live) as gate:
            assert gate.durable.state.log.size > 0

    run(work())


@pytest.mark.parametrize("killed", [False, True])
def test_dry_run_where_no_gateway_runs_leaves_every_trace_of_how_the_last_one_ended(killed: bool, tmp_path: Path) -> None:
    """It begins no run, so a start after a kill still logs that; and none after a run that ended in order."""

    async def work() -> None:
        live = configured(tmp_path / "gw")
        async with started(live) as gate:
            size = gate.durable.state.log.size
            if killed:
                live = copy_of(live, tmp_path / "copy")
        for _ in range(2):
            durable = await start(live.place, live.keys, reading=True, check=check_here)
            tried = await begin(durable, "policy.apply", {"dry_run": True})
            await durable.close()
            assert (tried["refused"], tried["log_index"], durable.state.log.size) == (False, None, size)
        async with started(live) as gate:
            entries = [Entry.decode(await gate.durable.store.reader.entry(n)) for n in range(size, gate.durable.state.log.size)]
            assert [entry.kind for entry in entries if entry.kind is Kind.GAP] == [Kind.GAP] * killed

    run(work())


async def refused(gate: DiskGate, proposal: str) -> str:
    """Accept a proposal that is no longer what the policies come to; return the line, after checking that nothing changed."""
    line = await untouched(gate, accept=proposal)
    assert f"proposal `{proposal}` is no longer what they come to" in line
    assert "policy apply --dry-run" in line
    return line


def test_proposal_is_accepted_only_as_it_was_shown(tmp_path: Path) -> None:
    """Another text that decides alike, another case, a household more: what was looked at comes into force, or nothing."""

    async def work() -> None:
        async with started(configured(tmp_path / "gw")) as gate:
            await gate.home("t/1", "daily")
            edited(gate, *LONGER)
            tried = await gate.ask("policy.apply", dry_run=True)
            assert tried["proposal"] == (await gate.ask("policy.apply", dry_run=True, accept=True))["proposal"]
            assert (await gate.ask("policy.apply", dry_run=True, accept=tried["proposal"]))["refused"] is False
            edited(gate, LONGER[1], LONGER[1] + " # for the archive")
            await refused(gate, tried["proposal"])
            edited(gate, " # for the archive", "")
            case(gate, "refused")
            await refused(gate, tried["proposal"])
            case(gate, "no-consent")
            home = await gate.home("t/2", "daily")
            await refused(gate, tried["proposal"])
            await gate.ask("consent.withdraw", subject=home["subject"], scope="daily")
            again = await gate.ask("policy.apply", dry_run=True)
            applied = await gate.ask("policy.apply", accept=again["proposal"])
            assert applied == again | {"refused": False, "log_index": applied["log_index"]}

    run(work())


def test_proposal_is_refused_once_other_policies_are_in_force(tmp_path: Path) -> None:
    """Also where nothing of it needs a word: it was said for a change of something else."""

    async def work() -> None:
        async with started(configured(tmp_path / "gw")) as gate:
            edited(gate, *SHORTER)
            tried = await gate.ask("policy.apply", dry_run=True)
            assert tried["refused"] is False
            await gate.ask("policy.apply")
            await refused(gate, tried["proposal"])
            await refused(gate, "yes")

    run(work())


def test_first_policies_are_accepted_by_the_proposal_that_a_dry_run_showed(tmp_path: Path) -> None:
    """Where no gateway ever ran, the start that the command makes puts them in force, and the command itself once more."""

    async def work() -> None:
        live = configured(tmp_path / "gw")
        (live.place.policies / "town.cases.toml").write_text(CASES.format("silent", "refused"))
        durable = await start(live.place, live.keys, reading=True, check=check_here)
        tried = await begin(durable, "policy.apply", {"dry_run": True})
        await durable.close()
        with pytest.raises(PoliciesRefusedError, match="no longer what they come to"):
            await start(live.place, live.keys, accept="0" * 16, check=check_here)
        durable = await start(live.place, live.keys, accept=tried["proposal"], check=check_here)
        applied = await begin(durable, "policy.apply", {"accept": tried["proposal"]})
        (live.place.policies / "town.cases.toml").write_text(CASES.format("quiet", "refused"))
        with pytest.raises(PoliciesRefusedError, match="no longer what they come to"):
            await begin(durable, "policy.apply", {"accept": tried["proposal"]})
        await durable.close()
        assert (tried["refused"], applied["refused"]) == (True, False)

    run(work())


def test_several_that_apply_at_once_put_one_after_another_in_force_or_are_told(tmp_path: Path) -> None:
    """Each of them has looked at what it replaces; whoever looked at something that is in force no more says so."""

    async def work() -> None:
        live = configured(tmp_path / "gw")
        city = live.place.policies / "city.toml"
        async with inside.started(live) as durable:
            app = inside.assembled(durable)
            async with inside.running(app):
                city.write_text(city.read_text().replace(*SHORTER))
                calls = [ask(app, "policy.apply", {"dry_run": dry}) for dry in (False, False, True, False)]
                answers = await asyncio.gather(*calls, return_exceptions=True)
                refused = [str(answer) for answer in answers if isinstance(answer, MethodError)]
                done = [answer for answer in answers if isinstance(answer, dict)]
                assert len(refused) + len(done) == len(answers)
                assert set(refused) <= {"other policies have come into force meanwhile: apply again"}
                assert any(answer["log_index"] is not None for answer in done)
                again = await ask(app, "policy.apply")
                assert durable.state.force is not None
                assert again["log_index"] == durable.state.force.entry

    asyncio.run(work())
