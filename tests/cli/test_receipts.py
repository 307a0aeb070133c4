"""Receipts from the shell: written for whatever was said, checked offline, and refused once anything in them is another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.live import LiveGateway
from tests.support.shell import Shell

SCOPE = "purpose:energy-planning"


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A shell beside a gateway that does not run: the same methods, in this process."""
    return Shell(LiveGateway(tmp_path_factory.mktemp("receipts") / "g", port=1))


@pytest.fixture(scope="module")
def household(shell: Shell) -> str:
    """The id of a household that has granted, paused, resumed and withdrawn."""
    (device,) = shell.json(
        "device", "add", "--profile", "meter", "--zone", "north-quay", "--topic", "t/1", "--owner", "resident", "--subject", "new"
    )["devices"]
    subject: str = device["subject"]
    shell.run("consent", "grant", subject, SCOPE, "--limit", "time=4h")
    for step in ("pause", "resume", "withdraw"):
        shell.run("consent", step, subject, SCOPE)
    return subject


def key(shell: Shell) -> str:
    """Return the file with the log's public key."""
    return str(shell.live.place.keys / "log.vkey")


def test_receipt_of_every_step_checks_offline_and_chains(shell: Shell, household: str) -> None:
    """One for each record of the history; each names the one that it replaces."""
    history = shell.json("consent", "show", household)["history"]
    assert [row["status"] for row in history] == ["Given", "Paused", "Given", "Withdrawn"]
    assert [row["previous"] for row in history] == [None, *(row["sha256"] for row in history[:-1])]
    for row in history:
        file = f"{row['log_index']}.jsonld"
        shell.run("consent", "receipt", household, SCOPE, "--log-index", str(row["log_index"]), "--out", file)
        checked = shell.json("consent", "check-receipt", file, "--key", key(shell))
        assert checked == {"ok": True, "record": f"{row['status']} for {SCOPE}", "problems": []}


def test_receipt_printed_is_that_of_the_latest(shell: Shell, household: str) -> None:
    """Without an index it is what counts now."""
    receipt = json.loads(shell.run("consent", "receipt", household, SCOPE))
    assert "Withdrawn" in json.dumps(receipt)


def test_receipt_changed_or_of_another_log_does_not_check(shell: Shell, household: str) -> None:
    """A word in it, or whose key is trusted: either makes the check fail, with status 1."""
    shell.run("consent", "receipt", household, SCOPE, "--out", "r.jsonld")
    file = Path(shell.live.folder, "r.jsonld")
    text = file.read_text()
    Path(shell.live.folder, "changed.jsonld").write_text(text.replace("energy-planning", "energy-plannink", 1))
    Path(shell.live.folder, "garbage.jsonld").write_bytes(b"\xff{")
    for name in ("changed.jsonld", "garbage.jsonld"):
        assert "wrong:" in shell.run("consent", "check-receipt", name, "--key", key(shell), status=1)


def test_receipt_of_what_was_never_said_is_refused(shell: Shell, household: str) -> None:
    """One line, status 2."""
    assert "nothing was said about `noise-hourly`" in shell.refused("consent", "receipt", household, "noise-hourly")
    assert "at log index `0`" in shell.refused("consent", "receipt", household, SCOPE, "--log-index", "0")


@pytest.mark.parametrize("wrong", ["no-such-file.vkey", "name+00000000+A", "gateway.toml"])
def test_receipt_is_not_checked_with_what_is_no_key(shell: Shell, household: str, wrong: str) -> None:
    """One line, status 2: nothing was found to be wrong with the receipt."""
    shell.run("consent", "receipt", household, SCOPE, "--out", f"{len(wrong)}.k.jsonld")
    assert "`--key`" in shell.refused("consent", "check-receipt", f"{len(wrong)}.k.jsonld", "--key", wrong)


def test_receipt_goes_to_a_new_file_that_only_its_owner_can_read(shell: Shell, household: str) -> None:
    """The label key stands in it, by which whoever has it finds the household's releases."""
    shell.run("consent", "receipt", household, SCOPE, "--out", "own.jsonld")
    file = Path(shell.live.folder, "own.jsonld")
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.read_bytes()
    assert "exists already" in shell.refused("consent", "receipt", household, SCOPE, "--out", "own.jsonld")
    assert file.read_bytes() == before
