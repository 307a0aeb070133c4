"""The configuration file: defaults, paths, and one clear line for whatever is wrong."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import msgspec.inspect
import pytest

from gateway.config import (
    CONFIG_FILE,
    CONFIG_VARIABLE,
    Broker,
    Config,
    ConfigError,
    Installation,
    MqttSinkSettings,
    load_config,
)
from gateway.edge.store.database import DATABASE_FILE
from gateway.errors import OperatorError

LEAST = 'gateway = "gw"\n[broker]\nfilters = ["t/#"]\n'
CLOCK = LEAST + "[clock]\nsimulated = true\n"


def written(tmp_path: Path, text: str | bytes) -> Path:
    """Write a configuration file."""
    file = tmp_path / "gateway.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_load_least_file_defaults_for_the_rest(tmp_path: Path) -> None:
    """A gateway's id and what to subscribe to are all that must be said."""
    config = load_config(written(tmp_path, LEAST)).config
    assert (config.gateway, config.broker.filters, config.broker.host, config.broker.port) == ("gw", ("t/#",), "127.0.0.1", 1883)
    assert (config.batches.commit_ms, config.batches.frames) == (250, 1000)
    assert (config.release.tick_ms, config.release.checkpoint_ms, config.windows.lateness_s) == (10_000, 10_000, 900)
    assert (config.clock.simulated, config.sink, config.metrics.port) == (False, {}, 0)


def test_load_everything_that_may_be_said(tmp_path: Path) -> None:
    """Each section and key is read."""
    text = """
gateway = "north.1"
state_folder = "/var/lib/sluice"
keys_folder = "k"
policies_folder = "p"
runtime_folder = "/run/sluice"
[broker]
host = "broker.example"
port = 8883
user = "u"
password_file = "secret"
tls = true
ca_file = "ca.pem"
certificate_file = "c.pem"
private_key_file = "/etc/key.pem"
filters = ["a/+/b", "c"]
receive_maximum = 65535
shared_group = "g"
keep_alive_s = 5
[sink.city]
port = 1
[sink.other]
host = "::1"
[batches]
commit_ms = 0
frames = 1
[windows]
lateness_s = 0
[release]
tick_ms = 50
checkpoint_ms = 50
outbox_rows = 10
contributions = 1000
[audit]
log_folder = "public"
openings_folder = "auditors"
[clock]
simulated = true
start = "2026-05-01T00:00:00Z"
at = 1777593600.5
rate = 0
[metrics]
port = 9100
"""
    place = load_config(written(tmp_path, text))
    assert place.config.sink == {"city": MqttSinkSettings(port=1), "other": MqttSinkSettings(host="::1")}
    assert (place.config.clock.at, place.config.clock.rate) == (1_777_593_600.5, 0)
    assert (place.state, place.keys, place.policies) == (Path("/var/lib/sluice"), tmp_path / "k", tmp_path / "p")
    assert place.control_socket == Path("/run/sluice/control.sock")
    assert (place.log, place.openings) == (Path("/var/lib/sluice/public"), Path("/var/lib/sluice/auditors"))
    assert place.path("secret") == tmp_path / "secret"
    assert place.path("/etc/key.pem") == Path("/etc/key.pem")


def test_load_paths_relative_to_the_file_and_not_to_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It means the same wherever it is started from, also where the file is named by a relative path."""
    (tmp_path / "etc").mkdir()
    written(tmp_path / "etc", LEAST)
    monkeypatch.chdir(tmp_path)
    place = load_config(Path("etc/gateway.toml"))
    assert (place.folder, place.state, place.control_socket) == (
        tmp_path / "etc",
        tmp_path / "etc/state",
        tmp_path / "etc/state/control.sock",
    )
    assert (place.log, place.openings, place.path(None)) == (tmp_path / "etc/state/log", None, None)


def _least(old: str, new: str) -> str:
    assert old in LEAST
    return LEAST.replace(old, new)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "`gateway`: is missing"),
        ('gateway = "gw"', "`broker`: is missing"),
        ('gateway = "gw"\n[broker]\n', "`broker.filters`: is missing"),
        ("colour = 1\n" + LEAST, "`colour`: is not a known key"),
        (LEAST + "colour = 1\n", "`broker.colour`: is not a known key"),
        (LEAST + "[sink.city]\nprot = 1\n", "`sink.city.prot`: is not a known key; did you mean `port`?"),
        (LEAST + '[sink.city]\nkind = "nats"\n', "`sink.city.kind`: unknown kind `nats`; known: `mqtt`"),
        (LEAST + "[sink.city]\nkind = 3\n", "`sink.city.kind`: unknown kind `3`; known: `mqtt`"),
        (LEAST + "[sink]\ncity = 3\n", "`sink.city`: should be a table, not a whole number"),
        ("sink = 3\n" + LEAST, "`sink`: should be a table, not a whole number"),
        (_least('"gw"', "7"), "`gateway`: should be text, not a whole number"),
        (_least('"gw"', '"GW"'), "`gateway`: `GW` should be 1 to 63 lower-case letters, digits, points and hyphens"),
        (_least('"gw"', '"a/b"'), "`gateway`: `a/b` should be 1 to 63"),
        (_least('"gw"', '"gw\\n"'), "`gateway`: `gw\\n` should be 1 to 63"),
        (_least('["t/#"]', "[]"), "`broker.filters`: should be a list of 1 or more"),
        (_least('"t/#"', "7"), "`broker.filters[0]`: should be text, not a whole number"),
        (_least('"t/#"', '"t/#/x"'), "`broker.filters`: topic filter `t/#/x`"),
        (
            _least('"t/#"', '"#"'),
            "`broker.filters`: topic filter `#` would match the gateway's own topic `sluice/#`: begin it with a name",
        ),
        (_least('"t/#"', '"+/gw/city"'), "`broker.filters`: topic filter `+/gw/city` would match"),
        (LEAST + "port = 0\n", "`broker.port`: `0` should be a whole number from 1 to 65535"),
        (LEAST + "port = 65536\n", "`broker.port`: `65536` should be a whole number from 1 to 65535"),
        (LEAST + 'port = "1883"\n', "`broker.port`: should be a whole number, not text"),
        (LEAST + "keep_alive_s = 4\n", "`broker.keep_alive_s`: `4` should be a whole number from 5 to 65535"),
        (LEAST + 'shared_group = "a/b"\n', "`broker.shared_group`: `a/b` should be text without `/`, `+` and `#`"),
        (LEAST + 'tls = "yes"\n', "`broker.tls`: should be true or false, not text"),
        (LEAST + "[batches]\ncommit_ms = -1\n", "`batches.commit_ms`: `-1` should be a whole number from 0 to 10000"),
        (LEAST + "[batches]\nframes = 0\n", "`batches.frames`: `0` should be"),
        (LEAST + "[windows]\nlateness_s = 86401\n", "`windows.lateness_s`: `86401` should be"),
        (LEAST + "[release]\ntick_ms = 49\n", "`release.tick_ms`: `49` should be"),
        (LEAST + "[release]\noutbox_rows = 1.5\n", "`release.outbox_rows`: should be a whole number, without a point"),
        (LEAST + "[release]\noutbox_rows = 9\n", "`release.outbox_rows`: `9` should be 10 or more"),
        (LEAST + "[audit]\nopenings_folder = 3\n", "`audit.openings_folder`: should be text, not a whole number"),
        (LEAST + "[metrics]\nport = 65536\n", "`metrics.port`: `65536` should be"),
        (
            LEAST + 'host = "mqtt://broker"\n',
            "`broker.host`: `mqtt://broker` should be the name or address of a host, without scheme",
        ),
        (LEAST + 'host = "10.0.0.1:1883"\n', "`broker.host`: `10.0.0.1:1883` should be the name or address of a host"),
        (LEAST + 'host = ""\n', "`broker.host`: `` should be the name or address of a host"),
        (LEAST + 'user = ""\n', "`broker.user`: `` should be a name without control characters"),
        (
            _least('"t/#"', '"$share/g/t/#"'),
            "`broker.filters`: `$share/g/t/#` names a group: leave the filter alone, and name the",
        ),
        ('state_folder = "a\\u0000b"\n' + LEAST, "`state_folder`: `a\\u0000b` should be a path without control characters"),
        (f'keys_folder = "{"k" * 256}"\n' + LEAST, "`keys_folder`: `kkk"),
        (LEAST + '[audit]\nlog_folder = "."\n', "`audit.log_folder`: `"),
        (CLOCK, "`clock.start`: is missing: say when simulated time begins"),
        (CLOCK + 'start = "noon"\n', "`clock.start`: `noon` is no time"),
        (CLOCK + 'start = "2026-05-01T00:00:00"\n', "`clock.start`: `2026-05-01T00:00:00` does not say its offset"),
        (CLOCK + "start = 2026-05-01T00:00:00Z\n", "`clock.start`: should be text, not a date and time"),
        (CLOCK + "rate = -1\n", "`clock.rate`: `-1` should be a number from 0 to 1000000"),
        (CLOCK + "rate = nan\n", "`clock.rate`: `NaN` should be a number from 0 to"),
        (CLOCK + "rate = inf\n", "`clock.rate`: `Infinity` should be a number from 0 to"),
        (CLOCK + "at = nan\n", "`clock.at`: `NaN` should be"),
        (CLOCK + "at = inf\n", "`clock.at`: `Infinity` should be"),
        ("gateway = ", "is not toml: invalid value"),
        (LEAST + "[broker]\n", "is not toml: `broker` stands there twice, the second time in line 4"),
        (b'gateway = "\xff"\n', "is not utf-8 at byte 11, in line 1"),
        (b"\x00", "is not utf-8, but looks like utf-16: save it as utf-8"),
    ],
)
def test_load_broken_file_one_line_that_names_file_and_key(tmp_path: Path, text: str | bytes, told: str) -> None:
    """An operator sees which file, which key, and what it should be."""
    file = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    line = str(caught.value)
    assert line.startswith(f"`{file}`: ")
    assert told in line
    assert "\n" not in line
    assert isinstance(caught.value, OperatorError)
    assert caught.value.exit_status == 2


def test_load_absent_file_or_folder_told(tmp_path: Path) -> None:
    """A path that holds no file is named."""
    with pytest.raises(
        ConfigError, match=r"absent\.toml`: no such file; name the configuration with `--config` or `SLUICE_CONFIG`$"
    ):
        load_config(tmp_path / "absent.toml")
    with pytest.raises(ConfigError, match=r"is a directory$"):
        load_config(tmp_path)


def test_config_every_field_is_explained() -> None:
    """The structs are the manual: each names its every field in its docstring, or in that of what it extends."""
    whole = Config(gateway="gw", broker=Broker(filters=("t",)))
    values = [getattr(whole, name) for name in Config.__struct_fields__]
    sections = [value for value in values if isinstance(value, msgspec.Struct)]
    assert len(sections) == 8
    for section in (whole, *sections):
        manual = "".join(base.__doc__ or "" for base in type(section).__mro__)
        for name in section.__struct_fields__:
            assert f"{name}:" in manual or getattr(section, name) in sections, f"{type(section).__name__}.{name}"


WRONG = ('"x"', '""', "7", "-1", "1.5", "nan", "true", "[]", '[1, "x"]', "{}", "{ x = 1 }", "2026-05-01", "01:02:03", "9" * 30)
FOREIGN = re.compile(r"[Ee]xpected|[Oo]bject|[Aa]rray|null|`int|`str|`float|`bool|field|`\$|\[\.\.\.\]")


def keys(struct: type[msgspec.Struct], table: str = "") -> Iterator[tuple[str, str]]:
    """Yield every key that the file may hold, with its table."""
    for field in msgspec.structs.fields(struct):
        kind = msgspec.inspect.type_info(field.type)
        if isinstance(kind, msgspec.inspect.DictType):
            assert isinstance(kind.value_type, msgspec.inspect.StructType)
            yield from keys(kind.value_type.cls, f"{field.name}.city")
        elif isinstance(kind, msgspec.inspect.StructType):
            yield from keys(kind.cls, field.name)
        else:
            yield table, field.name


@pytest.mark.parametrize(("table", "key"), list(keys(Config)))
def test_whatever_stands_at_any_key_is_told_in_our_words_with_file_and_key(tmp_path: Path, table: str, key: str) -> None:
    """And so is the key, spelled wrong."""
    tables = {"": {"gateway": '"gw"'}, "broker": {"filters": '["t/#"]'}, "clock": {"start": '"2026-05-01T00:00:00Z"'}}
    told = 0
    for wrong in (*WRONG, None):
        spoiled = {name: dict(values) for name, values in tables.items()}
        spoiled.setdefault(table, {}).pop(key, None)
        spoiled[table][key if wrong else f"{key}x"] = wrong or "1"
        text = "".join(
            (f"[{name}]\n" if name else "") + "".join(f"{each} = {value}\n" for each, value in values.items())
            for name, values in spoiled.items()
        )
        try:
            load_config(file := written(tmp_path, text))
        except ConfigError as error:
            told += 1
            line = str(error)
            assert not FOREIGN.search(line), line
            assert line.startswith(f"`{tmp_path / 'gateway.toml'}`: `{table}{'.' if table else ''}{key}"), line
            assert "\n" not in line
        else:
            assert file.exists()
    assert told >= len(WRONG) // 2


def test_no_configuration_is_endless(tmp_path: Path) -> None:
    """A device or a pipe is refused unread, and a file of a size that no configuration has."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"#" * (1 << 21))
    for file, told in (
        ("/dev/zero", "no regular file"),
        (tmp_path / "pipe", "no regular file"),
        (tmp_path / "large", "longer than"),
    ):
        with pytest.raises(ConfigError, match=told):
            load_config(Path(file))
    with pytest.raises(ConfigError, match="zero byte"):
        load_config(Path("a\0b"))


def test_absent_configuration_beside_one_of_this_folder_says_how_to_name_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not taken unasked: a folder may be anybody's."""
    written(tmp_path, LEAST)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ConfigError, match=r"no such file; name the configuration with `--config gateway\.toml`, which is in this"
    ):
        load_config(Path("/etc/sluice/none.toml"))


def test_command_to_type_names_no_configuration_where_it_is_the_machines_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """And names it in every other case."""
    monkeypatch.delenv(CONFIG_VARIABLE, raising=False)
    least = Config(gateway="gw", broker=Broker(filters=("t",)))
    assert Installation(least, CONFIG_FILE).command("keys", "init") == "sluice keys init"
    assert Installation(least, Path("/a b/g.toml")).command("keys") == "sluice keys --config '/a b/g.toml'"
    monkeypatch.setenv(CONFIG_VARIABLE, "/other.toml")
    assert Installation(least, CONFIG_FILE).command("keys") == "sluice keys --config /etc/sluice/gateway.toml"


@pytest.mark.parametrize("host", ["localhost", "broker_1", "::1", "fe80::1%eth0", "10.0.0.1", "broker.ribera.example."])
def test_load_hosts_by_name_or_address(host: str, tmp_path: Path) -> None:
    """Also those of a container's network, and of IPv6."""
    assert load_config(written(tmp_path, LEAST + f'host = "{host}"\n')).config.broker.host == host


@pytest.mark.parametrize(
    ("head", "audit", "key", "held"),
    [
        ("", 'log_folder = "."', "audit.log_folder", "state_folder"),
        ("", 'log_folder = ""', "audit.log_folder", "state_folder"),
        ("", 'log_folder = "../keys/.."', "audit.log_folder", "state_folder"),
        ("", 'log_folder = "../keys"', "audit.log_folder", "keys_folder"),
        ("", 'openings_folder = "log/openings"', "audit.log_folder", "audit.openings_folder"),
        ("", 'openings_folder = "log"', "audit.log_folder", "audit.openings_folder"),
        ("", 'openings_folder = "."', "audit.openings_folder", "state_folder"),
        ('policies_folder = "state"\n', "", "policies_folder", "state_folder"),
        ('keys_folder = "policies/keys"\n', "", "policies_folder", "keys_folder"),
        ('state_folder = "policies/state"\n', "", "policies_folder", "state_folder"),
        ("", 'log_folder = "../pw"', "audit.log_folder", "broker.password_file"),
    ],
)
def test_load_folder_that_would_show_what_another_keeps_refused(
    head: str, audit: str, key: str, held: str, tmp_path: Path
) -> None:
    """A log that is served to everyone from the state folder would publish the database, and openings with it."""
    broker = 'user = "gw"\npassword_file = "pw/broker"\n'
    with pytest.raises(ConfigError, match=rf"`{re.escape(key)}`: `.*` is for .* to read, and would hold `{re.escape(held)}`"):
        load_config(written(tmp_path, f"{head}{LEAST}{broker}[audit]\n{audit}\n"))


def test_load_log_and_openings_in_the_state_folder(tmp_path: Path) -> None:
    """Which is where they are by default; openings may lie anywhere that the log does not show."""
    place = load_config(written(tmp_path, LEAST + '[audit]\nopenings_folder = "openings"\n'))
    assert (place.log, place.openings) == (place.state / "log", place.state / "openings")


def test_database_has_the_name_that_the_store_gives_it(tmp_path: Path) -> None:
    """Whose it is tells whose gateway it is, before the store is opened."""
    assert load_config(written(tmp_path, LEAST)).database.name == DATABASE_FILE
