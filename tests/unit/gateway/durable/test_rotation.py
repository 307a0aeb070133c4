"""The log's key replaced by a gateway on its disk: interrupted anywhere, it goes on; the former signs no longer, and is gone."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway import files
from gateway.audit.log.handover import KEYS_NAME, parse_handovers
from gateway.audit.log.notes import Signer, split_note
from gateway.audit.log.reader import VKEY_NAME
from gateway.audit.verify.verify import verify_folder
from gateway.durable import rotation
from gateway.durable.configured import keys_of, start
from gateway.durable.rotation import Rotation
from gateway.durable.state import Durable
from gateway.edge.keys import keyring, log, root
from gateway.edge.keys.keyring import GatewayKeys, load_keys
from gateway.edge.keys.log import FORMER_LOG_KEY_FILE, LOG_KEY_FILE, LOG_PUBLIC_FILE, NEXT_LOG_KEY_FILE
from gateway.edge.keys.root import ROOT_KEY_FILE
from gateway.edge.keys.sealing import SealedRowError
from gateway.edge.store.resealing import Resealing
from gateway.edge.store.segment_keys import row_key
from gateway.errors import KeyFileError, OperatorError
from gateway.files import replace_file
from gateway.restore.restore import restore
from tests.support.asking import perform
from tests.support.checking import check_here
from tests.support.live import LiveGateway


class Stopped(BaseException):
    """The process is gone."""


@pytest.fixture
def live(tmp_path: Path) -> LiveGateway:
    """Return a gateway that has begun its log and runs no process."""
    made = LiveGateway(tmp_path, 1)
    made.offline([])
    return made


def run(live: LiveGateway, work: Callable[[Durable], Awaitable[Any]] | None = None) -> Any:
    """Start on what the disk holds, with the keys as their files are, do some work, and end in order."""

    async def whole() -> Any:
        durable = await start(live.place, keys_of(live.place), check=check_here)
        try:
            return None if work is None else await work(durable)
        finally:
            await durable.close()

    return asyncio.run(whole())


async def rotate(durable: Durable) -> dict[str, Any]:
    """Replace the log's key."""
    return (await perform(durable, ("keys.rotate", {"key": "log"})))[0]


async def status(durable: Durable) -> dict[str, Any]:
    """Return what is said of the keys."""
    return (await perform(durable, ("keys.status", {})))[0]


def signed_by(live: LiveGateway) -> set[bytes]:
    """Return the ids of the keys that have signed the published checkpoint."""
    return {one.key_id for one in split_note((live.place.log / "checkpoint").read_bytes())[1]}


def good(live: LiveGateway) -> bool:
    """Return whether an auditor who was given the first key finds nothing wrong."""
    report = verify_folder(live.place.log, live.vkey, live.place.openings)
    assert report.findings == ()
    return report.exit_status == 0


def test_key_replaced_and_the_former_destroyed_where_nobody_else_has_to_learn_it(live: LiveGateway) -> None:
    """Without witnesses one command does all of it; the log, its folder and the folder of the keys agree."""
    first = Signer.parse((live.place.keys / LOG_KEY_FILE).read_text())
    made = run(live, rotate)
    now = Signer.parse((live.place.keys / LOG_KEY_FILE).read_text())
    assert made | {"key": "log", "generation": 2, "vkey": now.vkey(), "waits_for": []} == made
    assert now.vkey() != first.vkey()
    assert now.name == first.name
    assert (live.place.log / VKEY_NAME).read_text().strip() == now.vkey()
    assert (live.place.keys / LOG_PUBLIC_FILE).read_text().strip() == now.vkey()
    (handover,) = parse_handovers((live.place.log / KEYS_NAME).read_bytes())
    assert (handover.old, handover.new, handover.index) == (first.verifier, now.verifier, made["log_index"])
    assert not [name for name in (NEXT_LOG_KEY_FILE, FORMER_LOG_KEY_FILE) if (live.place.keys / name).exists()]
    assert good(live)
    run(live)
    assert signed_by(live) == {now.verifier.key_id}
    assert run(live, rotate)["generation"] == 3
    assert run(live, status)["log"] | {"generation": 3, "former": "", "waits_for": []} == run(live, status)["log"]
    assert good(live)


@pytest.mark.parametrize("step", ["made", "committed", "public half", "moved aside", "in place", "wiped"])
def test_rotation_killed_at_any_step_goes_on_at_the_next_start(
    live: LiveGateway, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Between any two writes: the gateway starts, and the log is whole to whoever has the first key."""

    def stop(*_given: object, **_named: object) -> None:
        raise Stopped

    def after(module: Any, name: str, matches: Callable[..., bool]) -> None:
        whole = getattr(module, name)

        def do(*given: Any, **named: Any) -> Any:
            result = whole(*given, **named)
            if matches(*given):
                raise Stopped
            return result

        monkeypatch.setattr(module, name, do)

    if step == "made":
        after(files, "replace_file", lambda path, *_: path.name == NEXT_LOG_KEY_FILE)
    elif step == "committed":
        monkeypatch.setattr(Rotation, "end_handover", stop)
    elif step == "public half":
        after(files, "replace_file", lambda path, *_: path.name == LOG_PUBLIC_FILE)
    elif step == "moved aside":
        after(os, "replace", lambda _, path: Path(path).name == FORMER_LOG_KEY_FILE)
    elif step == "in place":
        after(os, "replace", lambda path, _: Path(path).name == NEXT_LOG_KEY_FILE)
    else:
        monkeypatch.setattr(Path, "unlink", stop)
    with pytest.raises(Stopped):
        run(live, rotate)
    monkeypatch.undo()
    run(live, rotate if step == "made" else status)
    assert run(live, status)["log"]["generation"] == 2
    assert sorted(file.name for file in live.place.keys.glob("log*")) == [LOG_KEY_FILE, LOG_PUBLIC_FILE]
    assert good(live)
    assert run(live, rotate)["generation"] == 3
    assert good(live)


def without_room(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Leave no room on the disk for a file of the folder of the keys."""

    def write(path: Path, *given: Any, **named: Any) -> None:
        if path.name == name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        replace_file(path, *given, **named)

    monkeypatch.setattr(files, "replace_file", write)


def test_handover_waits_for_room_with_both_keys(live: LiveGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is no reason to end, and to start and end again: the former key goes once that can be written."""
    without_room(monkeypatch, LOG_PUBLIC_FILE)
    new = run(live, rotate)["vkey"]
    assert run(live, status)["log"]["former"] != ""
    monkeypatch.undo()
    run(live, status)
    assert run(live, status)["log"] | {"vkey": new, "former": ""} == run(live, status)["log"]
    assert not (live.place.keys / NEXT_LOG_KEY_FILE).exists()
    assert good(live)


def test_replacing_the_logs_key_may_be_tried_again(live: LiveGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it failed, the new key never takes the former one's way."""
    signer = log.prepare_log_key(live.place.keys, Signer.parse((live.place.keys / LOG_KEY_FILE).read_text()).name)

    def fail(*_given: object) -> None:
        raise OSError(errno.EIO, "fails")

    with monkeypatch.context() as broken:
        broken.setattr(log, "sync_folder", fail)
        with pytest.raises(OSError, match="fails"):
            log.replace_log_key(live.place.keys, signer)
    for _ in range(2):
        log.replace_log_key(live.place.keys, signer)
        assert load_keys(live.place.keys).log_verifiers == (signer.verifier,)


def test_root_is_not_replaced_without_room(live: LiveGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command is refused, and nothing has changed."""
    lived_in(live)
    without_room(monkeypatch, ROOT_KEY_FILE)
    with pytest.raises(OperatorError, match="no room for another root key"):
        run(live, rotate_root)
    monkeypatch.undo()
    assert run(live, status)["root"]["generation"] == 1
    assert opens(load_keys(live.place.keys), live) == {True}


def test_former_key_is_overwritten_before_it_is_deleted(live: LiveGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[bytes] = []
    whole = Path.unlink

    def unlink(path: Path, *given: Any, **named: Any) -> None:
        if path.name == FORMER_LOG_KEY_FILE:
            left.append(path.read_bytes())
        whole(path, *given, **named)

    monkeypatch.setattr(Path, "unlink", unlink)
    run(live, rotate)
    assert left
    assert not any(left[0])


def test_gateway_with_the_keys_of_before_does_not_start(live: LiveGateway) -> None:
    """An old copy of the keys put back would sign a fork: it is refused, and the line says which key is missing."""
    shutil.copytree(live.place.keys, live.folder / "copy")
    vkey = run(live, rotate)["vkey"]
    shutil.rmtree(live.place.keys)
    shutil.copytree(live.folder / "copy", live.place.keys)
    with pytest.raises(OperatorError, match="put your copy of the latest keys back") as refused:
        run(live)
    assert vkey in str(refused.value)


def test_log_is_not_handed_over_more_often_than_verifiers_follow(live: LiveGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "MOST_HANDOVERS", 1)
    run(live, rotate)
    with pytest.raises(OperatorError, match="no verifier follows more"):
        run(live, rotate)


def test_key_is_not_replaced_twice_at_once(live: LiveGateway) -> None:
    async def twice(durable: Durable) -> None:
        await durable.rotation.hand_over_log()
        with pytest.raises(OperatorError, match="being handed over already"):
            await durable.rotation.hand_over_log()

    run(live, twice)


def test_lost_handovers_are_published_again(live: LiveGateway) -> None:
    """The folder of the log is made anew from the database, `log.keys` with it."""
    run(live, rotate)
    published = (live.place.log / KEYS_NAME).read_bytes()
    (live.place.log / KEYS_NAME).unlink()
    run(live)
    assert (live.place.log / KEYS_NAME).read_bytes() == published


def test_backup_of_before_is_restored_into_the_log_of_after(live: LiveGateway) -> None:
    """The key in force comes from the published log, whatever the backup knew of it."""
    backup = live.folder / "backup.db"

    async def back_up(durable: Durable) -> None:
        await perform(durable, ("backup", {"file": str(backup)}))

    run(live, back_up)
    run(live, rotate)
    restore(live.place, backup, live.place.openings, replace=True)
    assert run(live, status)["log"]["generation"] == 2
    assert good(live)


# the root key


async def rotate_root(durable: Durable) -> dict[str, Any]:
    """Replace the root key, and seal everything anew."""
    return (await perform(durable, ("keys.rotate", {"key": "root"})))[0]


def lived_in(live: LiveGateway) -> list[dict[str, Any]]:
    """Register a household and a sensor with a key, and let the first say yes; return what was answered."""
    rows = [
        {"profile": "meter", "zone": "garden-row", "topic": "t/meter", "owner": "resident", "subject": "new"},
        {"profile": "noise", "zone": "garden-row", "topic": "t/noise", "owner": "city", "subject": "none"},
    ]
    made: list[dict[str, Any]] = live.offline([("device.add", {"devices": rows})])[0]["devices"]
    live.offline([("consent.grant", {"subject": made[0]["subject"], "scope": "purpose:energy-planning"})])
    return made


def sealed_rows(live: LiveGateway) -> list[tuple[str, bytes, bytes]]:
    """Return every row that the state key seals: its table, what it is bound to, and its bytes."""
    tables = {"sealing_key": "wrapped", "opening": "sealed", "consent": "sealed", "subject": "sealed", "device": "sealed"}
    found: list[tuple[str, bytes, bytes]] = []
    with contextlib.closing(sqlite3.connect(live.place.database)) as connection:
        for table, column in tables.items():
            key = connection.execute(f"PRAGMA table_info({table})").fetchone()[1]
            for value, sealed in connection.execute(f"SELECT {key}, {column} FROM {table}"):  # noqa: S608  names of our own
                found.append((table, row_key(value) if isinstance(value, int) else value, sealed))
    return found


def opens(keys: GatewayKeys, live: LiveGateway) -> set[bool]:
    """Return whether keys open the rows: all of them, none, or some."""
    results = set()
    for table, place, sealed in sealed_rows(live):
        try:
            keys.sealer.open(table, place, sealed)
            results.add(True)
        except SealedRowError:
            results.add(False)
    return results


def test_root_replaced_and_nothing_left_that_the_former_opens(live: LiveGateway) -> None:
    """Every row is sealed anew; households, consents and the log are what they were."""
    lived_in(live)
    copy = load_keys(live.place.keys)
    assert opens(copy, live) == {True}
    made = run(live, rotate_root)
    assert made | {"key": "root", "generation": 2} == made
    assert opens(copy, live) == {False}, "a copy of the former root opens something yet"
    assert opens(load_keys(live.place.keys), live) == {True}
    shown = run(live, status)["root"]
    assert shown | {"generation": 2, "former": [], "resealing": False} == shown
    assert [len(rows) for rows in run(live, registered)] == [2, 1]
    assert good(live)
    assert run(live, rotate_root)["generation"] == 3
    assert [len(rows) for rows in run(live, registered)] == [2, 1]


async def registered(durable: Durable) -> tuple[list[Any], list[Any]]:
    """Return devices and subjects as they are in memory after a start."""
    return list(durable.state.registry.devices.values()), list(durable.state.registry.subjects.values())


def test_devices_keep_the_keys_that_they_hold(live: LiveGateway) -> None:
    """A key is in a device on a lamp post: it stays good, and its root is kept until no device has a key from it."""
    with_key = {"profile": "secure-meter", "zone": "garden-row", "topic": "t/signed", "owner": "resident", "subject": "new"}
    old = live.offline([("device.add", {"devices": [with_key]})])[0]["devices"][0]
    assert old["key"]
    run(live, rotate_root)

    async def keys(durable: Durable) -> dict[str, str]:
        state = durable.state
        return {each.topic: state.identity.device_key(each.id, each.generation).hex() for each in state.registry.devices.values()}

    assert run(live, keys)["t/signed"] == old["key"]
    live.keys = load_keys(live.place.keys)
    new = live.offline([("device.add", {"devices": [{**with_key, "topic": "t/later"}]})])[0]["devices"][0]
    assert run(live, keys) == {"t/signed": old["key"], "t/later": new["key"]}
    shown = run(live, status)["root"]
    assert (shown["former"], shown["devices"]) == ([1], {"1": 1, "2": 1})
    live.offline([("device.revoke", {"device": old["device"]})])
    run(live, rotate_root)
    assert run(live, status)["root"]["former"] == [2]
    assert run(live, keys) == {"t/later": new["key"]}


@pytest.mark.parametrize("step", ["kept", "replaced", "wiped", "logged", "half sealed", "sealed", "forgotten"])
def test_root_rotation_killed_at_any_step_goes_on(live: LiveGateway, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Between any two writes the gateway starts, with one root or the other, and loses nothing."""
    lived_in(live)
    first = (live.place.keys / ROOT_KEY_FILE).read_bytes()

    def stopping(whole: Callable[..., Any], on: Callable[..., bool], *, before: bool = False) -> Callable[..., Any]:
        def do(*given: Any, **named: Any) -> Any:
            if before and on(*given):
                raise Stopped
            result = whole(*given, **named)
            if on(*given):
                raise Stopped
            return result

        return do

    if step in ("kept", "replaced"):
        name = "root-" if step == "kept" else ROOT_KEY_FILE
        on = stopping(replace_file, lambda path, *_: path.name.startswith(name))
        monkeypatch.setattr(files, "replace_file", on)
    elif step == "wiped":
        on = stopping(root.destroy_other_kept, lambda *_: True, before=True)
        monkeypatch.setattr(keyring, "destroy_other_kept", on)
    elif step == "logged":
        monkeypatch.setattr(Resealing, "run", stopping(Resealing.run, lambda *_: True, before=True))
    elif step == "half sealed":
        monkeypatch.setattr(
            Resealing, "_reseal", stopping(Resealing._reseal, lambda _, table, *__: table == "consent", before=True)
        )
    else:
        on = stopping(GatewayKeys.forget_roots, lambda *_: True, before=step == "sealed")
        monkeypatch.setattr(GatewayKeys, "forget_roots", on)
    with pytest.raises(Stopped):
        run(live, rotate_root)
    monkeypatch.undo()
    assert [len(rows) for rows in run(live, registered)] == [2, 1], "it starts, and has lost nothing"
    run(live, status)
    replaced = (live.place.keys / ROOT_KEY_FILE).read_bytes() != first
    assert replaced == (step != "kept")
    assert run(live, status)["root"]["generation"] == 1 + replaced
    assert run(live, status)["root"]["resealing"] is False
    assert run(live, status)["root"]["former"] == [], "what nothing needs is destroyed, by the next start where it has to be"
    assert opens(load_keys(live.place.keys), live) == {True}
    assert run(live, rotate_root)["generation"] == 2 + replaced
    assert len(list(live.place.keys.glob("root-*.kept"))) == 1
    assert good(live)


def test_root_as_a_credential_is_not_replaced_behind_systemds_back(live: LiveGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials = live.folder / "credentials"
    credentials.mkdir()
    (live.place.keys / ROOT_KEY_FILE).rename(credentials / ROOT_KEY_FILE)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    with pytest.raises(KeyFileError, match="is a credential"):
        run(live, rotate_root)
    assert run(live, status)["root"]["generation"] == 1


def test_root_without_what_it_keeps_of_those_before_it_starts_nothing(live: LiveGateway) -> None:
    """It would look for rows under other hashes: an erasure would leave a household's, and its devices come back."""
    run(live, rotate_root)
    (kept,) = live.place.keys.glob("root-*.kept")
    content = kept.read_bytes()
    kept.unlink()
    with pytest.raises(OperatorError, match=r"has no `root-….kept` of this `root\.key`, which is number `2`"):
        run(live)
    files.write_whole(kept, content, 0o600)
    assert run(live, status)["root"]["generation"] == 2


def test_what_a_root_keeps_is_of_no_use_to_another(live: LiveGateway) -> None:
    """A damaged or exchanged file is named; without it, rows of before do not open, and nothing is made up."""
    lived_in(live)
    run(live, rotate_root)
    (kept,) = live.place.keys.glob("root-*.kept")
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(KeyFileError, match="is damaged"):
        load_keys(live.place.keys)
