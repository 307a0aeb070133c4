"""The process that checks policies: its bounds, its ways to end, and that only what it has checked is taken."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from gateway.edge.policies import PoliciesFound
from gateway.edge.policy_check import MOST_FAULTS, CheckProcess, CheckReport, PolicyCheck, ReportedFault, find_policies
from gateway.errors import OperatorError, PoliciesFaultyError
from gateway.recipient.keys import generate
from tests.support.checking import check_here
from tests.support.live import LiveGateway

SINKS = ("city",)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The shipped policies with keys."""
    return LiveGateway(tmp_path / "g", port=1).place.policies


def edit(folder: Path, old: str, new: str) -> None:
    """Replace a text of the city's policies, wherever it stands."""
    city = folder / "city.toml"
    text = city.read_text()
    assert old in text
    city.write_text(text.replace(old, new))


def found(folder: Path, check: PolicyCheck | None = None, sinks: Collection[str] = SINKS) -> PoliciesFound:
    """Return what is found in a folder."""

    async def work() -> PoliciesFound:
        return await find_policies(check or CheckProcess(), folder, sinks)

    return asyncio.run(work())


def test_policies_without_fault_are_found_with_their_keys_and_failing_cases(folder: Path) -> None:
    """As the process reports it, and as the check in a process of one's own does."""
    assert found(folder).failed == ()
    edit(folder, 'time = "1h", space = "district"', 'time = "4h", space = "district"')
    outside, here = found(folder), found(folder, check_here)
    assert outside == here
    assert outside.public_keys.keys() == {"city-energy", "city-environment"}
    assert "city.cases.toml" in {failed.file for failed in outside.failed}
    assert all(str(failed).startswith(f"`{failed.file}`: `case.{failed.case}`: expected ") for failed in outside.failed)


def test_every_fault_is_told_in_a_line(folder: Path) -> None:
    """Of one check, not of one after another; a sink that is not there and a key that is none are among them."""
    shutil.copy(folder / "city.toml", folder / "keys/city-energy.pub")
    (folder / "city.cases.toml").write_text("[case.one]\nwhy = 1\n")
    with pytest.raises(PoliciesFaultyError) as refusal:
        found(folder, sinks=("elsewhere",))
    (folder / "city.cases.toml").unlink()
    lines = refusal.value.lines
    assert len(lines) >= 3
    assert all("\n" not in line and line.startswith("`") for line in lines)
    assert str(refusal.value) == f"{lines[0]}; and {len(lines) - 1} more faults"
    assert any("the configuration has no sink `city`" in line for line in lines)
    assert any(line.startswith("`city.cases.toml`: `case.one.why`") for line in lines)


def test_faults_beyond_a_screen_are_counted(folder: Path) -> None:
    """A thousand lines help nobody."""

    async def broken(folder: Path, sinks: Collection[str]) -> CheckReport:
        return CheckReport(
            None, {}, tuple(ReportedFault("city.toml", str(number), "is wrong") for number in range(MOST_FAULTS + 7))
        )

    with pytest.raises(PoliciesFaultyError) as refusal:
        found(folder, broken)
    assert refusal.value.lines[-1] == "and 7 more: `sluice check` tells all of them"
    assert len(refusal.value.lines) == MOST_FAULTS + 1


def test_check_that_takes_too_long_is_ended_and_said(folder: Path) -> None:
    """Nothing comes into force unchecked."""
    with pytest.raises(OperatorError, match=r"^the policies were not checked within 0.001 s, and are not put in force$"):
        found(folder, CheckProcess(most_s=0.001))


def test_check_that_takes_too_much_memory_breaks_alone_and_is_said(folder: Path) -> None:
    """How it ended is told, and so is the last that it said."""
    with pytest.raises(OperatorError, match=r"^the check of the policies broke, and they are not put in force: e.*") as refusal:
        found(folder, CheckProcess(most_bytes=24 << 20))
    assert "\n" not in str(refusal.value)


def test_check_that_cannot_be_run_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter may have been moved by an upgrade."""
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with pytest.raises(
        OperatorError, match=r"^the policies cannot be checked, and are not put in force: no such file or directory$"
    ):
        found(folder)


def test_one_check_is_made_at_a_time(folder: Path) -> None:
    """Many that are asked for at once do not take many times the memory."""
    at_once: list[int] = []

    class Counted(CheckProcess):
        running = 0

        async def _run(self, folder: Path, sinks: Collection[str]) -> CheckReport:
            Counted.running += 1
            at_once.append(Counted.running)
            await asyncio.sleep(0)
            Counted.running -= 1
            return CheckReport(None, {}, ())

    async def work() -> None:
        check = Counted()
        await asyncio.gather(*(check(folder, SINKS) for _ in range(5)))

    asyncio.run(work())
    assert at_once == [1] * 5


def _another_text(folder: Path) -> None:
    edit(folder, "# How to read", "# How to  read")


def _another_file(folder: Path) -> None:
    shutil.copy(folder / "neighbourhoods/convent.toml", folder / "neighbourhoods/other.toml")


def _another_key(folder: Path) -> None:
    shutil.copy(generate(folder.parent / "other").public_path, folder / "keys/city-energy.pub")


@pytest.mark.parametrize("change", [_another_text, _another_file, _another_key])
def test_folder_that_changes_behind_its_check_is_refused(change: Callable[[Path], None], folder: Path) -> None:
    """What was checked comes into force, or nothing."""

    async def then_changed(folder: Path, sinks: Collection[str]) -> CheckReport:
        report = await check_here(folder, sinks)
        change(folder)
        return report

    with pytest.raises(OperatorError, match=r": was changed while it was checked, and is not put in force: try again$"):
        found(folder, then_changed)


def test_failing_examples_of_a_report_are_taken_like_failing_cases(folder: Path) -> None:
    """One line for each place at which an example comes out otherwise."""

    async def with_examples(folder: Path, sinks: Collection[str]) -> CheckReport:
        import msgspec

        report = msgspec.to_builtins(await check_here(folder, sinks))
        differences = [{"key": "example.plain.readings.consumption", "message": "expected `3`, got `3000`"}]
        told = {"file": "devices/meter.toml", "example": "example.plain", "passed": False, "differences": differences}
        return msgspec.convert({**report, "examples": [told]}, CheckReport)

    (failed,) = found(folder, with_examples).failed_examples
    assert str(failed) == "`devices/meter.toml`: `example.plain.readings.consumption`: expected `3`, got `3000`"
