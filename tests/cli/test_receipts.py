"""Receipts from the shell: written for whatever was said, checked offline, and refused once anything in them is another."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support.live import LiveGateway
from tests.support.shell import Shell, sluice

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


def test_receipt_is_printed_as_a_page_in_the_language_of_the_locale(shell: Shell, household: str) -> None:
    """From the gateway, and later from the file alone; the file is written all the same."""
    page = shell.run("consent", "receipt", household, SCOPE, "--text", "--out", "page.jsonld", "--language", "es")
    assert page.startswith("RECIBO DE LO QUE USTED DIJO SOBRE SUS DATOS\n\nEl ")
    assert "sluice consent check-receipt page.jsonld --key CLAVE" in page
    printed = sluice(shell.live.folder, "consent", "receipt", household, SCOPE, "--text", locale="pt_PT.UTF-8").out
    assert printed.startswith("RECIBO DO QUE DISSE SOBRE OS SEUS DADOS\n\nEm ")
    unchecked = sluice(shell.live.folder, "consent", "check-receipt", "page.jsonld", "--text", locale="es_ES.UTF-8")
    assert (unchecked.status, "Este recibo no se ha comprobado" in unchecked.out) == (0, True)
    checked = " ".join(shell.run("consent", "check-receipt", "page.jsonld", "--text", "--key", key(shell)).split())
    assert "This receipt was checked with the key that you named, and all of it holds." in checked
    text = Path(shell.live.folder, "page.jsonld").read_text()
    Path(shell.live.folder, "forged.jsonld").write_text(text.replace("City energy office", "Everybody's friend", 1))
    forged = shell.run("consent", "check-receipt", "forged.jsonld", "--text", "--key", key(shell), status=1)
    assert "DO NOT RELY ON THIS RECEIPT" in forged
    assert "wrong: the receipt's signature is not by this key" in forged
    assert "name the log's public key with `--key`" in shell.refused("consent", "check-receipt", "page.jsonld")


def test_receipt_is_read_from_regular_files_alone(shell: Shell) -> None:
    """A pipe or a device could keep its reader for ever."""
    os.mkfifo(shell.live.folder / "pipe")
    for name in ("pipe", "/dev/zero", "none.jsonld"):
        assert shell.refused("consent", "check-receipt", name, "--key", key(shell)).startswith(f"`{name}`: ")


def test_releases_are_found_by_a_receipt_and_by_an_export(shell: Shell, household: str) -> None:
    """Whatever the household was given; the key is written in one form in both."""
    shell.run("consent", "receipt", household, SCOPE, "--out", "find.jsonld")
    shell.run("consent", "export", household, "--out", "export.json")
    log = str(shell.live.place.log)
    for file in ("find.jsonld", "export.json"):
        assert shell.run("audit", "find", log, "--receipt", file).splitlines()[-1] == "found: 0 releases"
    receipt = json.loads(Path(shell.live.folder, "find.jsonld").read_text())
    export = json.loads(Path(shell.live.folder, "export.json").read_text())
    assert [receipt["labelKey"]] == export["label_keys"]
    assert shell.run("audit", "find", log, "--label-key", receipt["labelKey"]).splitlines()[-1] == "found: 0 releases"


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
