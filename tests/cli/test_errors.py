"""Whatever is wrong with files, folders or options is said in one line with the right exit status, never a traceback.

Every case spoils one thing in a gateway's folder that was well before, and runs one command on it as a process of its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from consent.control import ControlClient, ControlError
from gateway.edge.keys.keyring import init_keys
from gateway.recipient.keys import generate
from tests.support.live import LiveGateway
from tests.support.shell import cold_sluice, sluice
from tests.support.waiting import HANG_S

CONFIG, CITY = "gateway.toml", "policies/city.toml"
DATABASE = "state/sluice.db"

Spoil = Callable[[Path], None]


@pytest.fixture(scope="module")
def well(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gateway's folder with keys, policies, a registry and a little log, its brokers away."""
    folder = tmp_path_factory.mktemp("well") / "g"
    live = LiveGateway(folder, port=1)
    live.add_devices(
        [{"profile": "meter", "zone": "north-quay", "topic": f"t/{n}", "owner": "resident", "subject": "new"} for n in range(3)]
    )
    live.offline([("policy.apply", {})])
    (live.place.state / "ballast").unlink()
    return folder


@pytest.fixture
def folder(well: Path, tmp_path: Path) -> Path:
    """A copy of it, to be spoiled."""
    return Path(shutil.copytree(well, tmp_path / "g", symlinks=True))


# ways to spoil things


def replaced(file: str, old: str, new: str) -> Spoil:
    """Replace a text that stands in a file."""

    def spoil(folder: Path) -> None:
        text = (folder / file).read_text()
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1))

    return spoil


def added(file: str, text: str) -> Spoil:
    """Put a text behind a file's end."""

    def spoil(folder: Path) -> None:
        with (folder / file).open("a") as target:
            target.write(text)

    return spoil


def configured(old: str, new: str) -> Spoil:
    """Change the configuration."""
    return replaced(CONFIG, old, new)


def city(old: str, new: str) -> Spoil:
    """Change the main policy file."""
    return replaced(CITY, old, new)


def holding(file: str, data: bytes, mode: int = 0o600) -> Spoil:
    """Give a file other bytes."""

    def spoil(folder: Path) -> None:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(mode)

    return spoil


def moded(file: str, mode: int) -> Spoil:
    """Give a file another mode."""
    return lambda folder: (folder / file).chmod(mode)


def gone(file: str) -> Spoil:
    """Take a file or folder away."""

    def spoil(folder: Path) -> None:
        path = folder / file
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

    return spoil


def linked(file: str) -> Spoil:
    """Put a symbolic link to the file in its place."""

    def spoil(folder: Path) -> None:
        path = folder / file
        path.rename(path.with_suffix(".real"))
        path.symlink_to(path.with_suffix(".real"))

    return spoil


def cut(file: str, size_bytes: int) -> Spoil:
    """Keep only a file's beginning."""
    return lambda folder: os.truncate(folder / file, size_bytes)


def piped(file: str) -> Spoil:
    """Put a named pipe in a file's place, from which nothing ever comes."""

    def spoil(folder: Path) -> None:
        path = folder / file
        path.unlink(missing_ok=True)
        os.mkfifo(path)

    return spoil


def fresh(*spoils: Spoil) -> Spoil:
    """Spoil a gateway that has never run, so that it reads its policies."""

    def spoil(folder: Path) -> None:
        gone("state")(folder)
        for one in spoils:
            one(folder)

    return spoil


def both(*spoils: Spoil) -> Spoil:
    """Spoil several things."""

    def spoil(folder: Path) -> None:
        for one in spoils:
            one(folder)

    return spoil


def nothing(_folder: Path) -> None:
    """Leave all as it is."""


def other_root_key(folder: Path) -> None:
    """Replace the root key by another one."""
    holding("keys/root.key", bytes(range(32)))(folder)


def other_log_key(folder: Path) -> None:
    """Replace the log's key by another of the same name."""
    init_keys(folder / "other", "test.example/gw-test")
    (folder / "other" / "log.skey").replace(folder / "keys" / "log.skey")


def statements(*sql: str) -> Spoil:
    """Tamper with the database."""

    def spoil(folder: Path) -> None:
        with contextlib.closing(sqlite3.connect(folder / DATABASE, isolation_level=None)) as database:
            for statement in sql:
                database.execute(statement)

    return spoil


def flipped_pages(folder: Path) -> None:
    """Overwrite all but the first page of the database."""
    statements("PRAGMA wal_checkpoint(TRUNCATE)")(folder)
    data = bytearray((folder / DATABASE).read_bytes())
    data[4096:] = b"\x5a" * (len(data) - 4096)
    (folder / DATABASE).write_bytes(data)


def old_database(folder: Path) -> None:
    """Let the log grow, then put the database of before back."""
    shutil.copytree(folder / "state", folder / "backup")
    assert sluice(folder, "policy", "apply").status == 0
    for path in (folder / "state").glob("sluice.db*"):
        path.unlink()
    for path in (folder / "backup").glob("sluice.db*"):
        shutil.copy(path, folder / "state")


ORPHANED = "DROP TRIGGER entry_stays", "DELETE FROM entry WHERE entry_index = 1"
ADD = ("device", "add", "--profile", "meter", "--zone", "north-quay", "--topic", "x")
GOOD = b'{"profile": "meter", "zone": "north-quay", "topic": "t/a", "owner": "city", "subject": "none"}\n'
UNOWNED = b'{"profile": "meter", "zone": "north-quay", "topic": "x", "subject": "none"}\n'
RUN, CHECK, APPLY = ("run",), ("check",), ("policy", "apply")


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that is wrong.

    Attributes:
        name: In a few words.
        command: What to run in the folder.
        spoil: Makes it wrong.
        says: What the line must name.
        status: The exit status.
    """

    name: str
    command: tuple[str, ...]
    spoil: Spoil
    says: tuple[str, ...]
    status: int = 2


CASES = [
    # the configuration
    Case("config-missing", RUN, gone(CONFIG), (CONFIG, "no such file")),
    Case("config-is-a-folder", RUN, both(gone(CONFIG), holding(f"{CONFIG}/x", b"")), (CONFIG, "directory")),
    Case("config-bad-utf-8", RUN, holding(CONFIG, b'gateway = "\xff"\n'), (CONFIG, "utf-8")),
    Case("config-not-toml", RUN, holding(CONFIG, b"gateway = = 1\n"), (CONFIG, "not toml")),
    Case("config-empty", RUN, holding(CONFIG, b""), (CONFIG, "`gateway`")),
    Case("config-unknown-key", RUN, configured('state_folder = "state"', 'colour = "red"'), (CONFIG, "`colour`")),
    Case(
        "config-unknown-key-in-section",
        CHECK,
        configured("[broker]", "[broker]\nprot = 1"),
        (CONFIG, "`broker.prot`", "did you mean `port`?"),
    ),
    Case("config-wrong-type", RUN, configured("port = 1", 'port = "x"'), (CONFIG, "`broker.port`")),
    Case("config-port-out-of-range", RUN, configured("port = 1", "port = 70000"), (CONFIG, "`broker.port`")),
    Case("config-bad-name", RUN, configured('"gw-test"', '"Böse Gasse"'), (CONFIG, "`gateway`")),
    Case("config-no-filters", RUN, configured('["t/#"]', "[]"), (CONFIG, "`broker.filters`")),
    Case("config-malformed-filter", RUN, configured('["t/#"]', '["t/#/x"]'), (CONFIG, "`broker.filters`", "`t/#/x`")),
    Case("config-filter-takes-all", RUN, configured('["t/#"]', '["#"]'), (CONFIG, "`broker.filters`", "`#`", "sluice/")),
    Case("config-filter-takes-ours", CHECK, configured('["t/#"]', '["t/#", "+/gw-test/+"]'), (CONFIG, "`+/gw-test/+`")),
    Case("config-filter-upstream", RUN, configured('["t/#"]', '["sluice/#"]'), (CONFIG, "`sluice/#`")),
    Case(
        "config-bad-shared-group",
        RUN,
        configured("[broker]", '[broker]\nshared_group = "a/b"'),
        (CONFIG, "`broker.shared_group`"),
    ),
    Case("clock-without-start", RUN, added(CONFIG, "[clock]\nsimulated = true\n"), (CONFIG, "`clock.start`")),
    Case(
        "clock-start-no-time",
        CHECK,
        added(CONFIG, '[clock]\nsimulated = true\nstart = "noon"\n'),
        (CONFIG, "`clock.start`", "`noon`"),
    ),
    Case(
        "clock-start-without-offset",
        RUN,
        added(CONFIG, '[clock]\nsimulated = true\nstart = "2026-05-01T00:00:00"\n'),
        (CONFIG, "`clock.start`", "offset"),
    ),
    Case("clock-rate-negative", RUN, added(CONFIG, "[clock]\nrate = -1\n"), (CONFIG, "`clock.rate`")),
    Case(
        "clock-without-at-and-a-log",
        RUN,
        added(CONFIG, '[clock]\nsimulated = true\nstart = "2040-05-01T00:00:00Z"\n'),
        (CONFIG, "`clock.at`"),
    ),
    # files that the configuration names
    Case(
        "password-without-user", RUN, configured("[broker]", '[broker]\npassword_file = "pw"'), ("broker.password_file", "user")
    ),
    Case("ca-without-tls", RUN, configured("[broker]", '[broker]\nca_file = "ca.pem"'), ("broker.ca_file", "tls")),
    Case("password-missing", RUN, configured("[broker]", '[broker]\nuser = "u"\npassword_file = "pw"'), ("pw`", "no such file")),
    Case(
        "password-readable",
        CHECK,
        both(configured("[broker]", '[broker]\nuser = "u"\npassword_file = "pw"'), holding("pw", b"secret", 0o644)),
        ("pw`", "0644"),
    ),
    Case("ca-missing", CHECK, configured("[sink.city]", '[sink.city]\ntls = true\nca_file = "ca.pem"'), ("ca.pem",)),
    Case(
        "certificate-garbage",
        RUN,
        both(configured("[broker]", '[broker]\ntls = true\ncertificate_file = "c.pem"'), holding("c.pem", b"hello")),
        ("c.pem",),
    ),
    # keys
    Case("root-key-missing", RUN, gone("keys/root.key"), ("root.key", "no such file", "put your copy of the keys back")),
    Case(
        "root-key-missing-at-first",
        RUN,
        both(fresh(nothing), gone("keys")),
        ("keys/root.key", "no such file; make the keys with `sluice keys init --config "),
    ),
    Case(
        "root-key-missing-at-first-check", CHECK, both(fresh(nothing), gone("keys")), ("root.key", "`sluice keys init --config ")
    ),
    Case("root-key-readable", RUN, moded("keys/root.key", 0o644), ("root.key", "0644")),
    Case("root-key-readable-check", CHECK, moded("keys/root.key", 0o640), ("root.key", "0640")),
    Case("root-key-symlink", RUN, linked("keys/root.key"), ("root.key", "symbolic link")),
    Case("root-key-truncated", RUN, cut("keys/root.key", 31), ("root.key", "`31`")),
    Case("root-key-folder", RUN, both(gone("keys/root.key"), holding("keys/root.key/x", b"")), ("root.key",)),
    Case("log-key-missing", APPLY, gone("keys/log.skey"), ("log.skey",)),
    Case("log-key-truncated", RUN, cut("keys/log.skey", 30), ("log.skey",)),
    Case("log-key-bad-utf-8", CHECK, holding("keys/log.skey", b"\xff\xfe"), ("log.skey",)),
    Case("root-key-of-another-database", RUN, other_root_key, ("root key",), 3),
    Case("root-key-of-another-database-offline", APPLY, other_root_key, ("root key",), 3),
    Case("log-key-of-another-log", RUN, other_log_key, ("sluice.db", "checkpoint"), 3),
    Case("keys-init-again", ("keys", "init"), nothing, ("root.key", "exists")),
    Case("keys-init-below-a-file", ("keys", "init"), configured('"keys"', '"gateway.toml/keys"'), ("gateway.toml/keys",)),
    Case("keys-init-without-config", ("keys", "init", "--config", "no.toml"), nothing, ("no.toml",)),
    # policies
    Case("policies-missing", CHECK, gone("policies"), ("city.toml", "policies")),
    Case("city-missing", CHECK, gone(CITY), ("city.toml",)),
    Case("city-bad-utf-8", CHECK, holding(CITY, b"\xff"), ("city.toml", "utf-8")),
    Case("city-not-toml", APPLY, added(CITY, "\n[["), ("city.toml", "toml")),
    Case("policy-unknown-key", CHECK, city("[ceiling]\n", "[ceiling]\ncolour = 1\n"), ("city.toml", "`ceiling.colour`")),
    Case("policy-wrong-type", APPLY, city("group = 10 ", 'group = "ten" '), ("city.toml", "`ceiling.group`")),
    Case("policy-unknown-recipient", CHECK, city('recipient = "city-energy"', 'recipient = "nobody"'), ("city.toml", "`nobody`")),
    Case("policy-unknown-level", CHECK, city('time = "1h"', 'time = "2h"'), ("city.toml", "ask.time", "`2h`")),
    Case("policy-without-statistic", APPLY, city('statistic = { consumption = "sum" }\n', ""), ("city.toml", "statistic")),
    Case("policy-bad-ladder", CHECK, city("[0.001, 0.01, 0.1, 1]", "[0.001, 0.0015]"), ("city.toml", "ladder")),
    Case("policy-unknown-district", CHECK, city('district = "riverside"', 'district = "mars"'), ("city.toml", "`mars`")),
    Case("policy-unconfigured-sink", CHECK, city('sink = "city"', 'sink = "moon"'), ("city.toml", "sink`", "`moon`")),
    Case("policy-unconfigured-sink-run", RUN, fresh(city('sink = "city"', 'sink = "moon"')), ("city.toml", "`moon`")),
    Case(
        "device-class-bad-codec",
        APPLY,
        replaced("policies/devices/meter.toml", 'codec = "json"', 'codec = "xml"'),
        ("devices/meter.toml", "`codec`", "`xml`"),
    ),
    Case(
        "device-class-two-fields-at-one-place",
        RUN,
        fresh(replaced("policies/devices/secure-meter.toml", 'path = "total_kwh"', 'path = "kwh"')),
        ("devices/secure-meter.toml", "path"),
    ),
    Case(
        "neighbourhood-unknown-axis",
        CHECK,
        replaced("policies/neighbourhoods/convent.toml", 'time = "4h"', 'times = "4h"'),
        ("neighbourhoods/convent.toml", "times"),
    ),
    Case("policy-is-a-pipe", CHECK, piped("policies/devices/pipe.toml"), ("`devices/pipe.toml`", "regular file")),
    Case("policy-is-a-pipe-offline", APPLY, piped(CITY), ("`city.toml`", "regular file")),
    Case("recipient-key-is-a-pipe", CHECK, piped("policies/keys/city-energy.pub"), ("city-energy.pub", "regular file")),
    Case("recipient-key-missing", CHECK, gone("policies/keys/city-energy.pub"), ("city-energy.pub", "no such file")),
    Case("recipient-key-missing-run", RUN, fresh(gone("policies/keys/city-energy.pub")), ("city-energy.pub",)),
    Case("recipient-key-garbage", APPLY, holding("policies/keys/city-energy.pub", b"\xff\x00"), ("city-energy.pub",)),
    # places
    Case("state-is-a-file", RUN, fresh(holding("state", b"")), ("/state`", "cannot be used as a folder")),
    Case(
        "state-below-a-file",
        APPLY,
        configured('"state"', '"gateway.toml/state"'),
        ("gateway.toml`", "cannot be used as a folder"),
    ),
    Case("log-is-a-file", RUN, fresh(holding("state/log", b"")), ("state/log`",)),
    Case("openings-is-a-file", RUN, fresh(holding("state/openings", b"")), ("state/openings`",)),
    Case(
        "runtime-below-a-file",
        RUN,
        configured("keys_folder", 'runtime_folder = "gateway.toml/run"\nkeys_folder'),
        ("control.sock",),
    ),
    Case(
        "runtime-path-too-long",
        RUN,
        configured("keys_folder", f'runtime_folder = "{"r" * 120}"\nkeys_folder'),
        ("control.sock", "too long"),
    ),
    # our own records
    Case("database-no-database", RUN, fresh(holding(DATABASE, b"hello " * 999)), (DATABASE,), 3),
    Case("database-damaged", RUN, flipped_pages, (DATABASE,), 3),
    Case("database-damaged-offline", ("device", "list"), flipped_pages, (DATABASE,), 3),
    Case("database-newer", RUN, statements("PRAGMA user_version = 999"), (DATABASE, "`999`")),
    Case("database-lacks-an-entry", RUN, statements(*ORPHANED), ("`1`", "missing"), 3),
    Case("database-bad-ledger", RUN, statements("UPDATE batch SET ledger = x'c1'"), (DATABASE,), 3),
    Case("database-unsealed-row", RUN, statements("UPDATE device SET sealed = zeroblob(60)"), ("`device`",), 3),
    Case("database-older-than-the-log", RUN, old_database, ("old state",), 3),
    Case("checkpoint-garbage", RUN, holding("state/log/checkpoint", b"\xff\n"), ("state/log",), 3),
    # commands
    Case("status-without-gateway", ("status",), nothing, ("control.sock", "no gateway"), 1),
    Case("clock-advance-of-a-real-clock", ("clock", "advance", "2030-01-01T00:00:00Z"), nothing, ("clock",)),
    Case("device-add-without-options", ("device", "add"), nothing, ("`--profile`",)),
    Case("device-add-no-file", ("device", "add", "--from", "none.jsonl"), nothing, ("none.jsonl",)),
    Case("device-add-no-json", ("device", "add", "--from", CITY), nothing, (CITY,)),
    Case("device-add-bad-utf-8", ("device", "add", "--from", "d"), holding("d", b"\xff"), ("`d`",)),
    Case("device-add-no-objects", ("device", "add", "--from", "d"), holding("d", b"[1]\n"), ("`d`: line 1: is no json object",)),
    Case("device-add-no-owner", (*ADD, "--subject", "new"), nothing, ("whose is it?", "`--owner city`", "`--owner resident`")),
    Case("device-add-resident-of-nobody", (*ADD, "--owner", "resident"), nothing, ("`--subject new`",)),
    Case(
        "device-add-line-without-owner",
        ("device", "add", "--from", "d"),
        holding("d", UNOWNED),
        ("`d`: line 1, topic `x`: states no owner",),
    ),
    Case(
        "device-add-line-with-unknown-owner",
        ("device", "add", "--from", "d"),
        holding("d", b'{"topic": "x", "owner": "residents"}'),
        ("`d`: line 1, topic `x`: `owner`: `residents` is none: write `",),
    ),
    Case(
        "device-add-from-beside-options",
        (*ADD, "--from", "d"),
        holding("d", GOOD),
        ("`--profile` does not go with `--from`",),
    ),
    *(
        Case(
            f"device-add-{name}",
            ("device", "add", "--from", "d"),
            holding("d", b"\n" + GOOD + line),
            (f"`d`: line 3, topic `{topic}`: {said}",),
        )
        for name, line, topic, said in (
            (
                "line-of-unknown-profile",
                GOOD.replace(b"meter", b"toaster").replace(b"t/a", b"t/b"),
                "t/b",
                "there is no device profile `toaster`",
            ),
            (
                "line-of-unknown-zone",
                GOOD.replace(b"north-quay", b"mars").replace(b"t/a", b"t/b"),
                "t/b",
                "there is no zone `mars`",
            ),
            ("line-with-unknown-key", GOOD.replace(b"zone", b"zon"), "t/a", "`zon` is not a parameter"),
            ("line-with-number", GOOD.replace(b'"meter"', b"7"), "t/a", "`profile` has the wrong type"),
            ("line-of-registered-topic", GOOD.replace(b"t/a", b"t/0"), "t/0", "a device with this topic is registered already"),
            ("topic-twice", GOOD, "t/a", "the same topic stands twice"),
        )
    ),
    Case("device-add-from-empty", ("device", "add", "--from", "d"), holding("d", b"\n"), ("`d`: holds no device",)),
    Case("device-add-from-endless", ("device", "add", "--from", "/dev/zero"), nothing, ("`/dev/zero`: no regular file",)),
    Case("device-add-from-pipe", ("device", "add", "--from", CITY), piped(CITY), (f"`{CITY}`: no regular file",)),
    Case("config-endless", ("status", "--config", "/dev/zero"), nothing, ("`/dev/zero`: no regular file",)),
    Case("config-pipe", CHECK, piped(CONFIG), (f"`{CONFIG}`: no regular file",)),
    Case(
        "config-named-nowhere",
        ("status", "--config", "none.toml"),
        nothing,
        ("`none.toml`: no such file; name the configuration",),
    ),
    Case("device-own-unknown", ("device", "own", "00" * 16, "--owner", "city"), nothing, ("there is no device",)),
    Case(
        "device-add-unknown-profile",
        ("device", "add", "--profile", "toaster", "--zone", "north-quay", "--topic", "x", "--owner", "city"),
        nothing,
        ("`toaster`",),
    ),
    Case("grant-no-limit", ("consent", "grant", "00" * 16, "energy-hourly", "--limit", "time"), nothing, ("`time`",)),
    Case(
        "grant-odd-limits",
        ("consent", "grant", "x", "y", "--limit", "precision=2", "--limit", "precision.a=1"),
        nothing,
        ("subject",),
    ),
    Case("grant-unknown-subject", ("consent", "grant", "00" * 16, "energy-hourly"), nothing, ("subject",)),
    Case("recipient-key-absent", ("recipient", "open", "--key", "none.key", "b"), nothing, ("none.key",)),
    Case(
        "recipient-key-readable",
        ("recipient", "open", "--key", "recipients/city-energy.key", "b"),
        moded("recipients/city-energy.key", 0o644),
        ("city-energy.key", "0644"),
    ),
    Case("recipient-no-bundle", ("recipient", "open", CONFIG), nothing, (CONFIG,), 1),
    Case("recipient-log-without-key", ("recipient", "open", "--log", "state/log", CONFIG), nothing, ("`--log-key`",)),
    Case(
        "recipient-bad-log-key", ("recipient", "open", "--log", "state/log", "--log-key", "x", CONFIG), nothing, ("`--log-key`",)
    ),
    Case("audit-bad-key", ("audit", "verify", "state/log", "--key", "hello"), nothing, ("hello",)),
    Case("audit-binary-key", ("audit", "verify", "state/log", "--key", DATABASE), nothing, ("key",)),
    Case("audit-no-folder", ("audit", "verify", "none", "--key", "keys/log.vkey"), nothing, ("`none`",)),
    Case(
        "audit-no-openings",
        ("audit", "verify", "state/log", "--key", "keys/log.vkey", "--openings", "none"),
        nothing,
        ("`none`",),
    ),
    Case("demo-in-a-full-folder", ("demo", "--for", "1s", "--dir", "."), nothing, ("not empty",)),
    Case("demo-below-a-file", ("demo", "--for", "1s", "--dir", "gateway.toml/x"), nothing, ("gateway.toml/x",)),
    Case("demo-no-span", ("demo", "--for", "soon", "--dir", "d"), nothing, ("`--for`", "`soon`")),
    Case("demo-no-broker", ("demo", "--broker", "here", "--dir", "d"), nothing, ("`--broker`", "`here`")),
    Case("demo-no-start", ("demo", "--for", "1s", "--start", "noon", "--dir", "d"), nothing, ("`--start`", "`noon`")),
    Case(
        "demo-start-too-early",
        ("demo", "--for", "1s", "--start", "1970-01-01T00:00:00Z", "--dir", "d"),
        nothing,
        ("`--start`", "`1970-01-01T00:00:00Z`", "1980"),
    ),
    Case(
        "demo-start-too-late",
        ("demo", "--for", "1s", "--start", "9999-12-31T23:00:00Z", "--dir", "d"),
        nothing,
        ("`--start`", "`9999-12-31T23:00:00Z`", "2200"),
    ),
    Case("demo-broker-away", ("demo", "--for", "1s", "--broker", "127.0.0.1:1", "--dir", "d"), nothing, ("`127.0.0.1:1`",)),
    Case("demo-no-rate", ("demo", "--rate", "nan", "--dir", "d"), nothing, ("`--rate`",)),
    Case("demo-json-nowhere", ("demo", "--for", "1s", "--json", "none/x.json", "--dir", "d"), nothing, ("none/x.json",)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_command_with_something_wrong_says_so_in_one_line(case: Case, folder: Path) -> None:
    """One line on stderr that names file and key, nothing on stdout, and the right exit status."""
    case.spoil(folder)
    done = sluice(folder, *case.command)
    line = done.line
    assert done.status == case.status, line
    assert done.out == ""
    for text in case.says:
        assert text in line, line


@pytest.mark.parametrize("name", ["config-missing", "root-key-readable", "policy-unknown-key"])
def test_command_from_cold_says_the_same(name: str, folder: Path) -> None:
    """A process started from nothing, as by a shell, gives the same line and exit status."""
    (case,) = (case for case in CASES if case.name == name)
    case.spoil(folder)
    cold, warm = cold_sluice(folder, *case.command), sluice(folder, *case.command)
    assert cold == warm
    assert cold.status == case.status


def test_run_with_a_taken_metrics_port_says_so_and_leaves_no_socket(folder: Path) -> None:
    """The port is named, and the control socket is gone again."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        added(CONFIG, f"[metrics]\nport = {port}\n")(folder)
        done = sluice(folder, "run")
    assert done.status == 2
    assert f"`{port}`" in done.line
    assert not (folder / "state" / "control.sock").exists()


@pytest.mark.parametrize("command", [RUN, APPLY], ids=["run", "offline"])
def test_second_gateway_on_a_state_folder_is_refused(command: tuple[str, ...], folder: Path) -> None:
    """The lock is held by another process: one line that names the folder."""
    with (folder / "state" / "sluice.lock").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        done = sluice(folder, *command)
    assert done.status == 2
    assert "state`: a gateway is running" in done.line


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveGateway]:
    """A gateway that runs, its brokers away."""
    gateway = LiveGateway(tmp_path / "g", port=1)
    try:
        yield gateway.start()
    finally:
        gateway.end()


def test_broken_policies_leave_the_old_in_force(live: LiveGateway) -> None:
    """Neither `policy apply` nor SIGHUP lets a broken set in; both name file and key, and the log does not grow."""
    before, size = live.call("policy.show"), live.status()["log"]["size"]
    added(CITY, "\n[limits2]\nx = 1\n")(live.folder)
    done = sluice(live.folder, "policy", "apply")
    assert done.status == 2
    assert done.line.startswith("`city.toml`: `limits2`")
    assert live.process is not None
    live.process.send_signal(signal.SIGHUP)
    deadline_s = time.monotonic() + HANG_S
    while "policies not applied" not in live.log():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    assert "`city.toml`: `limits2`" in live.log()
    assert live.call("policy.show") == before
    assert live.status()["log"]["size"] == size
    assert live.stop() == 0
    assert "Traceback" not in live.log()


def test_disk_that_fails_while_it_runs_ends_it_in_one_line(live: LiveGateway) -> None:
    """The log cannot be published any more: the process ends, however much waits, and the next start goes on from the commit."""
    log = live.place.log
    log.rename(log.with_name("moved"))
    log.touch()
    with contextlib.suppress(ControlError), ControlClient(live.place.control_socket) as client:  # answered, if it was quick
        client.call("policy.apply")
    assert live.process is not None
    assert live.process.wait(HANG_S) == 2
    assert "Traceback" not in live.log()
    (line,) = (line for line in live.log().splitlines() if not line.startswith("{"))
    assert "the disk failed" in line
    log.unlink()
    log.with_name("moved").rename(log)
    live.start()
    assert live.stop() == 0
    assert live.verify().exit_status == 0


def test_recipient_key_of_the_wrong_kind_is_refused(folder: Path) -> None:
    """A private key where a public one is due: one line that names the file and not its content."""
    pair = generate(folder / "mine")
    secret = pair.private_path.read_text()
    holding("policies/keys/city-energy.pub", secret.encode())(folder)
    done = sluice(folder, "check")
    assert done.status == 2
    line = done.line
    assert "city-energy.pub" in line
    assert secret.splitlines()[-1].rpartition(":")[2] not in line
