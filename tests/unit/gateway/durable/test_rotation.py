"""The log's key replaced by a gateway on its disk: interrupted anywhere, it goes on; the former signs no longer, and is gone."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.log.handover import KEYS_NAME, parse_handovers
from gateway.audit.log.notes import Signer, split_note
from gateway.audit.log.reader import VKEY_NAME
from gateway.audit.verify.verify import verify_folder
from gateway.durable.configured import keys_of, start
from gateway.durable.state import Durable
from gateway.edge import keys as key_files
from gateway.edge.keys import FORMER_LOG_KEY_FILE, LOG_KEY_FILE, LOG_PUBLIC_FILE, NEXT_LOG_KEY_FILE
from gateway.errors import OperatorError
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
        after(key_files, "write_whole", lambda path, *_: path.name == NEXT_LOG_KEY_FILE)
    elif step == "committed":
        monkeypatch.setattr(Durable, "end_handover", stop)
    elif step == "public half":
        after(key_files, "write_whole", lambda path, *_: path.name == LOG_PUBLIC_FILE)
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


def test_key_is_not_replaced_twice_at_once(live: LiveGateway) -> None:
    async def twice(durable: Durable) -> None:
        await durable.hand_over_log()
        with pytest.raises(OperatorError, match="being handed over already"):
            await durable.hand_over_log()

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
