"""Root may write everywhere; but a command typed as root leaves nothing in folders of another user, whose gateway it would stop.

It says what to type instead, before it has written anything. Every command of the program has its row here.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.cli import build_parser
from gateway.files import AnothersFolderError, as_user, refuse_anothers
from tests.docs.shell import leaves
from tests.support.live import LiveGateway
from tests.support.shell import sluice

NOBODY = 65_534
SOMEBODY = 47_110
"""A user without a name."""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give folders away")

SUBJECT = "1b943fafc95377f8ec39815c29cb0a02"
ASKS_THE_GATEWAY = {
    "device add": ["--profile", "meter", "--zone", "north-quay", "--topic", "t/9", "--owner", "city"],
    "device list": [],
    "device show": [SUBJECT],
    "device own": [SUBJECT, "--owner", "city"],
    "device revoke": [SUBJECT],
    "policy apply": [],
    "policy show": [],
    "policy explain": [SUBJECT, "energy-hourly"],
    "policy diff": ["in-force", "policies", "--config", "gateway.toml"],
    "consent grant": [SUBJECT, "energy-hourly"],
    "consent request": [SUBJECT, "energy-hourly"],
    "consent refuse": [SUBJECT, "energy-hourly"],
    "consent pause": [SUBJECT, "energy-hourly"],
    "consent resume": [SUBJECT, "energy-hourly"],
    "consent withdraw": [SUBJECT, "energy-hourly"],
    "consent revoke": [SUBJECT, "energy-hourly", "--authority", "a court"],
    "consent receipt": [SUBJECT, "energy-hourly", "--out", "receipt.json"],
    "consent show": [SUBJECT],
    "consent export": [SUBJECT, "--out", "export.json"],
    "consent releases": [SUBJECT],
    "consent erase": [SUBJECT, "--yes"],
    "subject show": [SUBJECT],
    "subject code": [SUBJECT],
    "subject claim": ["abcd-efgh"],
    "subject leave": [SUBJECT, SUBJECT],
    "clock advance": ["2030-01-01T00:00:00Z"],
    "keys rotate": ["log"],
    "keys status": [],
    "backup": ["backups/one"],
}
WRITES_BY_ITSELF = {
    "run": [],
    "keys init": [],
    "restore": ["old.db"],
    "check": ["--junit", "junit.xml"],
    "device discover": ["--csv", "devices.csv"],
    "policy migrate": ["policies", "--write"],
    "recipient keygen": ["keys"],
    "recipient open": ["--follow", "--broker", "127.0.0.1:1", "--gateway", "gw-test", "--recipient", "r", "--into", "inbox"],
    "witness keygen": ["w.example/1", "--key", "w.skey", "--state", "witness"],
    "witness run": ["--listen", "127.0.0.1:0", "--key", "w.skey", "--state", "witness", "--log", "VKEY"],
    "audit export": ["state/log", "out"],
    "audit prove": ["0", "state/log", "--key", "VKEY"],
    "demo": ["--for", "1s", "--dir", "city"],
}
ONLY_READS = {
    "status", "device try", "consent check-receipt", "recipient fingerprint", "recipient missing", "audit verify", "audit replay",
    "audit check-proof", "audit explain", "audit find", "sim run", "sim load", "portal",
}  # fmt: skip


@pytest.fixture(scope="module")
def well(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gateway's folder as its user has it, with a little log."""
    live = LiveGateway(tmp_path_factory.mktemp("well") / "g", port=1)
    live.offline([("policy.apply", {})])
    return live.folder


@pytest.fixture
def anothers(well: Path, tmp_path: Path) -> Path:
    """A copy of it that belongs to another user, in a folder of root's."""
    folder = Path(shutil.copytree(well, tmp_path / "g"))
    given_away(folder, NOBODY)
    return folder


def given_away(folder: Path, uid: int) -> None:
    """Give a folder and all in it to a user."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, uid, uid)


def listing(folder: Path) -> list[tuple[str, int, int, int]]:
    """Return what is in a folder, whose it is, how long, and when it was last changed."""
    return sorted((str(p), s.st_uid, s.st_size, s.st_mtime_ns) for p in folder.rglob("*") for s in [p.lstat()])


def test_every_command_says_here_whether_it_writes() -> None:
    """A new one gets its row, or the next test does not see it."""
    named = [*ASKS_THE_GATEWAY, *WRITES_BY_ITSELF, *ONLY_READS]
    assert sorted(named) == sorted(dict(leaves(build_parser())))


def prepared(folder: Path, command: str) -> Iterator[str]:
    """Yield the words of a command, with what it needs in place."""
    words = {**ASKS_THE_GATEWAY, **WRITES_BY_ITSELF}[command]
    yield from command.split()
    for word in words:
        yield (folder / "keys" / "log.vkey").read_text().strip() if word == "VKEY" else word


@pytest.mark.parametrize("command", [*ASKS_THE_GATEWAY, "run", "restore", "check", "device discover", "recipient keygen", "demo"])
def test_command_as_root_writes_nothing_of_roots_into_anothers_folder_and_says_what_to_type(command: str, anothers: Path) -> None:
    """No file is left, none changes, and the line that it prints is the same command as the folder's owner."""
    words = list(prepared(anothers, command))
    before = listing(anothers)
    done = sluice(anothers, *words)
    assert done.status == 2, done
    assert "belongs to `nobody`, who could not use what `root` leaves there" in done.line
    assert done.line.endswith(f"; type `{as_user(NOBODY, ['sluice', *words])}`")
    assert listing(anothers) == before


@pytest.mark.parametrize("command", ["audit export", "audit prove", "recipient open", "witness keygen"])
def test_command_of_an_auditor_recipient_or_witness_likewise(command: str, anothers: Path) -> None:
    """They have no gateway, and folders all the same."""
    words = list(prepared(anothers, command))
    before = listing(anothers)
    done = sluice(anothers, *words)
    assert done.status == 2, done
    assert "belongs to `nobody`" in done.line
    assert "; type `runuser -u nobody -- sluice " in done.line
    assert listing(anothers) == before


def test_witness_run_as_root_on_anothers_state_folder_refused(tmp_path: Path) -> None:
    """The lock that it would leave is root's, and the witness could not start again."""
    made = sluice(tmp_path, "witness", "keygen", "w.example/1", "--key", "w.skey", "--state", "witness")
    assert made.status == 0, made
    given_away(tmp_path / "witness", NOBODY)
    before = listing(tmp_path)
    vkey = "example.com/log+0b14a1da+AY0xAsH2zGLmnmZiNDZhgNlPuVdjuuZXnHWpVb+MTnbs"
    done = sluice(tmp_path, "witness", "run", "--listen", "127.0.0.1:0", "--key", "w.skey", "--state", "witness", "--log", vkey)
    assert (done.status, listing(tmp_path)) == (2, before), done


def test_policy_migrate_as_root_in_anothers_folder_shows_the_edits_and_makes_none(anothers: Path) -> None:
    """They are made as the folder's owner; to look at them anybody may."""
    city = anothers / "policies" / "city.toml"
    text = city.read_text()
    assert 'statistic = { LAeq = "mean" }' in text
    city.write_text(text.replace('statistic = { LAeq = "mean" }', 'statistic = { LAeq = "energy-mean" }'))
    before = listing(anothers)
    assert sluice(anothers, "policy", "migrate", "policies").status == 1
    done = sluice(anothers, "policy", "migrate", "policies", "--write")
    assert (done.status, listing(anothers)) == (2, before), done
    assert done.line.endswith("; type `runuser -u nobody -- sluice policy migrate policies --write`")


def test_command_as_root_that_a_running_gateway_answers_is_carried_out(tmp_path: Path) -> None:
    """Over its control socket root may ask and change what it likes: the gateway writes, as its own user."""
    live = LiveGateway(tmp_path / "g", port=1)
    live.start()
    try:
        given_away(live.folder, NOBODY)
        for words in (["status"], ["device", "list"], ["policy", "show"], ["policy", "apply"]):
            done = sluice(live.folder, *words)
            assert done.status == 0, done
    finally:
        live.end()


def test_keys_init_without_a_folder_made_for_the_gateways_user_refused(anothers: Path, tmp_path: Path) -> None:
    """Where keys would lie in a new folder below root's, the state folder tells whose gateway it is."""
    config = anothers / "gateway.toml"
    config.write_text(config.read_text().replace('"keys"', f'"{tmp_path}/keys"'))
    done = sluice(anothers, "keys", "init")
    assert (done.status, (tmp_path / "keys").exists()) == (2, False), done
    assert "type `runuser -u nobody -- sluice keys init`" in done.line


def test_database_tells_whose_gateway_it_is_in_a_folder_that_root_shares(well: Path, tmp_path: Path) -> None:
    """A state folder of root's in which the gateway may write by its group: what root left there would stop it too."""
    folder = Path(shutil.copytree(well, tmp_path / "g"))
    os.chown(folder / "state" / "sluice.db", NOBODY, NOBODY)
    before = listing(folder)
    done = sluice(folder, "device", "list")
    assert (done.status, listing(folder)) == (2, before), done
    assert done.line.endswith("; type `runuser -u nobody -- sluice device list`")


def test_gateway_that_root_runs_in_a_mounted_folder_goes_on(well: Path, tmp_path: Path) -> None:
    """As in a container: the folder is of a user of the host's, and the database root's own."""
    folder = Path(shutil.copytree(well, tmp_path / "g"))
    os.chown(folder / "state", SOMEBODY, SOMEBODY)
    done = sluice(folder, "device", "list")
    assert done.status == 0, done


def test_backup_of_roots_gateway_into_anothers_folder_refused(well: Path, tmp_path: Path) -> None:
    """The folder of the backup counts like the gateway's own."""
    folder = Path(shutil.copytree(well, tmp_path / "g"))
    (tmp_path / "elsewhere").mkdir()
    given_away(tmp_path / "elsewhere", SOMEBODY)
    done = sluice(folder, "backup", str(tmp_path / "elsewhere" / "one"))
    assert done.status == 2, done
    assert f"`setpriv --reuid={SOMEBODY} --regid={SOMEBODY} --clear-groups -- sluice backup " in done.line
    assert not list((tmp_path / "elsewhere").iterdir())


def test_commands_of_root_on_roots_own_folders_work(well: Path, tmp_path: Path) -> None:
    """A gateway that root runs is nobody else's."""
    folder = Path(shutil.copytree(well, tmp_path / "g"))
    for words in (["policy", "show"], ["device", "list"], ["backup", "one"]):
        done = sluice(folder, *words)
        assert done.status == 0, done


def test_line_to_type_is_quoted_for_the_shell() -> None:
    """It is one line that a shell takes apart as it was typed."""
    assert as_user(NOBODY, ["sluice", "backup", "a b; c"]) == "runuser -u nobody -- sluice backup 'a b; c'"


def test_file_for_a_reader_may_go_into_the_folder_of_sudos_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`sudo sluice consent export …` in one's own folder is no mistake."""
    given_away(tmp_path, SOMEBODY)
    monkeypatch.setenv("SUDO_UID", str(SOMEBODY))
    refuse_anothers(tmp_path / "export.json", for_reader=True)
    with pytest.raises(AnothersFolderError):
        refuse_anothers(tmp_path / "root.key")
    monkeypatch.setenv("SUDO_UID", str(NOBODY))
    with pytest.raises(AnothersFolderError):
        refuse_anothers(tmp_path / "export.json", for_reader=True)
