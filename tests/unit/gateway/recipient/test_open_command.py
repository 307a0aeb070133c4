"""Opening bundles from files and from a broker: output, messages and exit status."""

from __future__ import annotations

import io
import itertools
import json
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from gateway.core.release.formats.open_data import OpenData
from gateway.recipient import follow as follow_module
from gateway.recipient.broker import BrokerAddress
from gateway.recipient.keys import format_private, format_public
from gateway.recipient.records import encode_open_record, encode_record
from gateway.terminal import PrintableStream
from tests.support.authority import Authority
from tests.support.mosquitto import mosquitto_program, running_mosquitto
from tests.support.recipients import (
    ADDRESS,
    HOSTILE_VALUES,
    PRIVATE_KEY,
    SIGNER,
    GatewayLog,
    content_key,
    forged,
    record,
    run_command,
    sealed,
)
from tests.support.waiting import HANG_S

_WHERE = ("--broker", "h:1", "--gateway", "g", "--recipient", "r")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """The sample recipient's private key in a file."""
    path = tmp_path / "city.key"
    path.write_text(format_private(PRIVATE_KEY))
    path.chmod(0o600)
    return path


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A sealed bundle as received."""
    path = tmp_path / "7.bundle"
    path.write_bytes(sealed(7, count=2))
    return path


def test_open_json_one_object_a_record(key: Path, bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each record is one line of JSON that says under which log index it came."""
    assert run_command("open", bundle, "--key", key, "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["log_index"], line["result"], line["unit"]) for line in lines] == [(7, 50.25, "dB"), (7, 50.75, "dB")]
    assert {(line["content_key"], line["counter"]) for line in lines} == {(content_key().key_id.hex(), 0)}


def test_open_without_a_log_warns_that_anyone_can_make_such_bundles(
    tmp_path: Path, key: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On standard error, so that the output stays data; with a log there is nothing to warn of."""
    assert run_command("open", bundle, "--key", key) == 0
    assert "warning: without `--log` and `--log-key` nothing shows that what comes is the gateway's" in capsys.readouterr().err
    log = GatewayLog(tmp_path / "log")
    log.fill(7)
    log.add(sha256(bundle.read_bytes()).digest())
    log.publish()
    assert run_command("open", bundle, "--key", key, "--log", tmp_path / "log", "--log-key", SIGNER.vkey()) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_open_prints_names_that_the_output_has_no_characters_for(
    tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch, form: tuple[str, ...]
) -> None:
    """A terminal of another character set ends nothing, and JSON stays JSON."""
    path, output = tmp_path / "7.bundle", io.BytesIO()
    path.write_bytes(content_key().seal([encode_record(msgspec.structs.replace(record(), cell="雪\U0001f600"))], 7))
    monkeypatch.setattr(sys, "stdout", PrintableStream(io.TextIOWrapper(output, "ascii")))
    assert run_command("open", path, "--key", key, *form) == 0
    printed = output.getvalue().decode("ascii")
    assert json.loads(printed)["cell"] == "雪\U0001f600" if form else r"\u96ea\ud83d\ude00" in printed


@pytest.mark.parametrize("form", [(), ("--json",)])
@pytest.mark.parametrize("what", HOSTILE_VALUES)
def test_open_forged_bundle_is_one_line_and_the_others_are_printed(
    tmp_path: Path, key: Path, bundle: Path, capsys: pytest.CaptureFixture[str], what: str, form: tuple[str, ...]
) -> None:
    """Nothing of it reaches the terminal, in either form, and nothing ends but the one bundle."""
    made_up = tmp_path / "8.bundle"
    made_up.write_bytes(forged(what, 8))
    assert run_command("open", made_up, bundle, "--key", key, *form) == 1
    output = capsys.readouterr()
    assert len(output.out.splitlines()) == 2
    (line,) = [line for line in output.err.splitlines() if "warning" not in line]
    assert "8.bundle`: bundle " in line
    assert line.isprintable()


def test_open_text_says_when_what_and_where(key: Path, bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For people, a record is one line."""
    assert run_command("open", bundle, "--key", key) == 0
    first = capsys.readouterr().out.splitlines()[0]
    for part in ("7", "2026-03-01T00:00:00Z/2026-03-01T01:00:00Z", "noise-hourly", "LAeq 50.25 dB", "district-1", "n=17"):
        assert part in first


def test_open_same_bundle_twice_printed_once(tmp_path: Path, key: Path, bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Copies of a bundle count once; another bundle of the same index is a finding."""
    copy, other = tmp_path / "copy", tmp_path / "other"
    copy.write_bytes(bundle.read_bytes())
    assert run_command("open", bundle, copy, "--key", key, "--json") == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    other.write_bytes(sealed(7))
    assert run_command("open", bundle, other, "--key", key, "--json") == 1
    output = capsys.readouterr()
    assert len(output.out.splitlines()) == 2
    assert "came before with other bytes" in output.err


def test_open_changed_or_misnamed_bundle_is_a_finding(
    tmp_path: Path, key: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What does not open is told by name, and the others are printed all the same."""
    changed, misnamed = tmp_path / "changed.bundle", tmp_path / "8.bundle"
    whole = bundle.read_bytes()
    changed.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    misnamed.write_bytes(bundle.read_bytes())
    assert run_command("open", changed, misnamed, bundle, "--key", key, "--json") == 1
    output = capsys.readouterr()
    assert len(output.out.splitlines()) == 2
    assert "changed.bundle`: bundle was changed" in output.err
    assert "8.bundle`: bundle says log index `7`" in output.err


def test_open_with_log_prints_what_it_covers(tmp_path: Path, key: Path, bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a log given, a bundle is printed once a checkpoint covers it, and refused where the log says otherwise."""
    log = GatewayLog(tmp_path / "log")
    vkey = tmp_path / "log.vkey"
    vkey.write_text(SIGNER.vkey() + "\n")
    arguments = ("open", bundle, "--key", key, "--log", tmp_path / "log", "--log-key", vkey, "--json")
    log.fill(7)
    log.publish()
    assert run_command(*arguments) == 1
    assert "kept aside at log index `7`: no checkpoint covers it yet" in capsys.readouterr().err
    log.add(sha256(bundle.read_bytes()).digest())
    log.publish()
    assert run_command(*arguments) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    bundle.write_bytes(sealed(7, count=2))
    assert run_command(*arguments) == 1
    assert "the log does not account for it" in capsys.readouterr().err


def test_open_with_log_names_a_bundle_that_the_log_voids(
    tmp_path: Path, key: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log says that the bundle never left: nothing is printed, the recipient is told what that means, and the exit is 1."""
    log, digest = GatewayLog(tmp_path / "log"), sha256(bundle.read_bytes()).digest()
    arguments = ("open", bundle, "--key", key, "--log", tmp_path / "log", "--log-key", SIGNER.vkey(), "--json")
    log.fill(7)
    log.add(digest)
    log.publish()
    assert run_command(*arguments) == 0
    capsys.readouterr()
    void = log.void(7, digest)
    log.publish()
    assert run_command(*arguments) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert f"the log voids it by entry `{void}`: it says that no byte of this bundle was ever sent, and you have it" in output.err


def test_open_log_of_another_key_is_a_finding(
    tmp_path: Path, key: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A checkpoint that the key did not sign vouches for nothing."""
    log = GatewayLog(tmp_path / "log")
    log.fill(9)
    log.publish()
    (tmp_path / "log" / "checkpoint").write_bytes(b"nonsense")
    assert run_command("open", bundle, "--key", key, "--log", tmp_path / "log", "--log-key", SIGNER.vkey()) == 1
    assert "checkpoint" in capsys.readouterr().err


def test_open_open_data_without_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Open data needs no key."""
    path = tmp_path / "4.bundle"
    path.write_bytes(OpenData(ADDRESS).seal([encode_open_record(record())], 4))
    assert run_command("open", path, "--json") == 0
    assert json.loads(capsys.readouterr().out)["log_index"] == 4


@pytest.mark.parametrize(
    ("options", "port", "secure"),
    [
        ((), 1883, False),
        ((), 8883, True),
        (("--tls",), 1883, True),
        (("--no-tls",), 8883, False),
        (("--ca-file", "ca.pem"), 1883, True),
    ],
)
def test_open_follow_speaks_tls_where_the_port_or_an_option_says_so(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    port: int,
    secure: bool,
) -> None:
    """With the system's certificates unless others are named; at the port for it, as other clients do."""
    brokers = list[BrokerAddress]()

    async def no_follow(broker: BrokerAddress, *_: object) -> None:
        brokers.append(broker)

    monkeypatch.setattr(follow_module, "follow", no_follow)
    monkeypatch.chdir(tmp_path)
    Authority(tmp_path)
    where = ("--broker", f"broker.example:{port}", "--gateway", "g", "--recipient", "r")
    assert run_command("open", "--follow", *where, *options) == 0
    assert (brokers[0].tls is not None) is secure
    assert len(capsys.readouterr().err.splitlines()) == 1  # the warning that there is no log


def test_open_follow_prints_records_alone_on_standard_output(tmp_path: Path, key: Path) -> None:
    """The program itself, with a real broker: what it tells of itself is on standard error, and Ctrl-C ends it well."""
    with running_mosquitto(tmp_path) as mosquitto:
        where = ("--broker", f"127.0.0.1:{mosquitto.port}", "--gateway", ADDRESS.gateway, "--recipient", ADDRESS.recipient)
        program = Path(sys.executable).with_name("sluice")
        command: list[str | Path] = [
            program,
            "recipient",
            "open",
            "--follow",
            *where,
            "--key",
            key,
            "--into",
            tmp_path / "in",
            "--json",
        ]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            assert process.stderr is not None
            assert process.stdout is not None
            told = list(itertools.takewhile(lambda line: "connected" not in line, process.stderr))
            (tmp_path / "7.sent").write_bytes(sealed(7, count=2))
            published = [mosquitto_program("mosquitto_pub"), "-p", str(mosquitto.port), "-V", "5", "-q", "1"]
            subprocess.run([*published, "-t", ADDRESS.topic, "-f", tmp_path / "7.sent"], check=True, timeout=HANG_S)
            lines = [json.loads(process.stdout.readline()) for _ in range(2)]
            process.send_signal(signal.SIGINT)
            rest, errors = process.communicate(timeout=HANG_S)
        finally:
            process.kill()
            process.wait(HANG_S)
    assert [line["log_index"] for line in lines] == [7, 7]
    assert (process.returncode, rest, errors) == (0, "", "")
    assert [line.partition(" ")[0] for line in told] == ["sluice:"] * 2
    assert "warning: without `--log`" in told[0]
    assert f"listening to broker `127.0.0.1:{mosquitto.port}` in clear, on topic `{ADDRESS.topic}`" in told[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("open",), "name bundle files"),
        (("open", "absent.bundle"), "`absent.bundle`: cannot be read"),
        (("open", "x", "--key", "absent.key"), "`absent.key`: cannot be read"),
        (("open", "x", "--log", "."), "go together"),
        (("open", "x", "--log", ".", "--log-key", "nonsense"), "`--log-key`: `nonsense`: there is no such file"),
        (("open", "x", "--log", ".", "--log-key", "two-lines"), "`--log-key`: `two-lines`: is no file with a log's public key"),
        (("open", "--follow"), "needs `--broker`"),
        (("open", "--follow", "--broker", "h:1"), "needs `--gateway`"),
        (("open", "--follow", "--broker", "h", "--gateway", "g", "--recipient", "r"), "not of the form HOST:PORT"),
        (("open", "--follow", "--broker", "h:99999", "--gateway", "g", "--recipient", "r"), "not of the form HOST:PORT"),
        (("open", "--follow", "--broker", "h:1", "--gateway", "g/#", "--recipient", "r"), "cannot be part of an mqtt topic"),
        (("open", "x", "--follow"), "takes no bundle files"),
        (
            ("open", "--follow", *_WHERE, "--ca-file", "absent"),
            "`--ca-file`: `absent`: cannot be read: no such file or directory",
        ),
        (("open", "--follow", *_WHERE, "--ca-file", "two-lines"), "`--ca-file`: `two-lines`: holds no certificates in pem"),
        (("open", "--follow", *_WHERE, "--ca-file", "two-lines", "--no-tls"), "`--no-tls` and `--ca-file` do not go together"),
        (("open", "--follow", *_WHERE, "--password-file", "/dev/zero"), "`/dev/zero`: the password cannot be read"),
        (("open", "--follow", *_WHERE, "--password-file", "none"), "`none`: the password cannot be read: no such file"),
        (("open", "large", "--log", "none", "--log-key", SIGNER.vkey()), "`none`: no checkpoint is there"),
        (("open", "/dev/zero"), "`/dev/zero`: cannot be read: no regular file"),
        (("open", "large"), "`large`: cannot be read: longer than 131072 bytes"),
        (("open", "x", "--key", "office.pub"), "the public one; give the private one, `office.key`"),
        (("open", "--follow", "--broker", "h:1", "--gateway", "g", "--recipient", "r", "--password-file", "absent"), "password"),
    ],
)
def test_open_bad_options_one_line_and_exit_2(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What the user has to mend is one line on standard error."""
    monkeypatch.chdir(tmp_path)
    Path("two-lines").write_text("no\nkey\n")
    Path("large").write_bytes(bytes(131_073))
    Path("office.pub").write_text(format_public(PRIVATE_KEY.public_key()))
    assert run_command(*arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
