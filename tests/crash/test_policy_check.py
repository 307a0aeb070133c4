"""Policies are checked beside a running gateway: it goes on meanwhile, and neither the check nor its end takes it along."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest

from gateway.control.doors import ControlDoor
from gateway.edge.policy_check import CheckReport
from tests.support.asking import as_plain
from tests.support.asking import ask as ask_door
from tests.support.checking import check_here
from tests.support.inside import ask, assembled, running, started
from tests.support.live import LiveGateway
from tests.support.shell import sluice
from tests.support.waiting import HANG_S

ROW = {"profile": "meter", "zone": "north-quay", "topic": "t/1", "owner": "resident", "subject": "new"}
SLOW_CASE = (
    '[case.{0}]\ndevice = "meter"\nzone = "north-quay"\nflow = "energy-hourly"\nresidents = [{{}}]\nreason = "no-consent"\n'
)


async def test_gateway_goes_on_while_policies_are_checked(tmp_path: Path) -> None:
    """What is asked and changed meanwhile is answered; the policies come into force after it, on what is so by then."""
    live = LiveGateway(tmp_path / "g", port=1)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(folder: Path, sinks: Collection[str]) -> CheckReport:
        begun.set()
        await go_on.wait()
        return await check_here(folder, sinks)

    async with started(live) as durable:
        durable._policy_check = slow
        app = assembled(durable)
        async with running(app):
            before = await ask(app, "policy.show")
            applying = asyncio.create_task(ControlDoor(app).answer("policy.apply", {}))
            await begun.wait()
            (added,) = (await ask(app, "device.add", {"devices": [ROW]}))["devices"]
            await ask(app, "consent.grant", {"subject": added["subject"], "scope": "energy-hourly"})
            assert await ask_door(app, "policy.show") == before
            assert not applying.done()
            go_on.set()
            assert as_plain(await applying)["log_index"] > before["log_index"]


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveGateway]:
    """A gateway that runs, its brokers away."""
    gateway = LiveGateway(tmp_path / "g", port=1)
    gateway.offline([])
    try:
        yield gateway.start()
    finally:
        gateway.end()


def until(condition: Callable[[], object]) -> None:
    """Wait for something."""
    deadline_s = time.monotonic() + HANG_S
    while not condition():
        assert time.monotonic() < deadline_s, "it did not come about"
        time.sleep(0.01)


def checks(live: LiveGateway) -> list[int]:
    """Return the processes that check policies for a gateway, by their ids."""
    assert live.process is not None
    own = live.process.pid
    children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
    return [int(pid) for pid in children if b"check" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")]


def test_gateway_that_is_to_end_does_not_wait_for_a_check(live: LiveGateway) -> None:
    """It ends in order, and the check with it."""
    cases = "".join(SLOW_CASE.format(f"n{number}") for number in range(6000))
    (live.place.policies / "city.cases.toml").write_text(cases)
    assert live.process is not None
    live.process.send_signal(signal.SIGHUP)
    until(lambda: checks(live))
    (pid,) = checks(live)
    assert live.stop() == 0
    until(lambda: not Path(f"/proc/{pid}").exists())
    assert "Traceback" not in live.log()
    assert live.verify().exit_status == 0


def test_check_that_is_killed_leaves_the_gateway_and_its_policies_as_they_were(live: LiveGateway) -> None:
    """As the kernel does where memory runs out; the log says so."""
    before = live.call("policy.show")
    cases = "".join(SLOW_CASE.format(f"n{number}") for number in range(6000))
    (live.place.policies / "city.cases.toml").write_text(cases)
    assert live.process is not None
    live.process.send_signal(signal.SIGHUP)
    until(lambda: checks(live))
    (pid,) = checks(live)
    os.kill(pid, signal.SIGKILL)
    until(lambda: "policies not applied" in live.log())
    assert "the check of the policies broke, and they are not put in force: ended by signal 9" in live.log()
    assert live.call("policy.show") == before
    assert live.stop() == 0


def test_apply_and_reload_tell_every_fault_of_the_policies(live: LiveGateway) -> None:
    """One line each, in the shell and in the log."""
    (live.place.policies / "city.cases.toml").write_text("[case.one]\nwhy = 1\n")
    (live.place.policies / "keys/city-energy.pub").write_text("no key\n")
    done = sluice(live.folder, "policy", "apply", "--accept")
    assert done.status == 2
    lines = done.err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("sluice: `city.") for line in lines)
    assert live.process is not None
    live.process.send_signal(signal.SIGHUP)
    until(lambda: live.log().count("policies not applied") == 2)
    assert all(line.removeprefix("sluice: ") in live.log() for line in lines)
