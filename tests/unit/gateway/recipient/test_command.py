"""The command of a recipient, run in process: output, messages and exit status."""

from __future__ import annotations

import argparse
import json
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.core.release.formats.open_data import OpenData
from gateway.recipient.command import add_arguments, run
from gateway.recipient.keys import format_private
from gateway.recipient.records import encode_open_record
from tests.support.recipients import ADDRESS, PRIVATE_KEY, SIGNER, GatewayLog, record, sealed


def _run(*arguments: str | Path) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args([str(argument) for argument in arguments]))


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


def test_keygen_then_again_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first run says where the files are, the second that they are there."""
    assert _run("keygen", tmp_path, "--json") == 0
    assert Path(json.loads(capsys.readouterr().out)["private"]).name == "recipient.key"
    assert _run("keygen", tmp_path) == 2
    assert "exists already" in capsys.readouterr().err
    assert _run("keygen", tmp_path / "second") == 0
    assert "fingerprint" in capsys.readouterr().out


def test_open_json_one_object_a_record(key: Path, bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each record is one line of JSON that says under which log index it came."""
    assert _run("open", bundle, "--key", key, "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["log_index"], line["result"], line["unit"]) for line in lines] == [(7, 50.25, "dB"), (7, 50.75, "dB")]


def test_open_text_says_when_what_and_where(key: Path, bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For people, a record is one line."""
    assert _run("open", bundle, "--key", key) == 0
    first = capsys.readouterr().out.splitlines()[0]
    for part in ("7", "2026-03-01T00:00:00Z/2026-03-01T01:00:00Z", "noise-hourly", "LAeq 50.25 dB", "district-1", "n=17"):
        assert part in first


def test_open_same_bundle_twice_printed_once(tmp_path: Path, key: Path, bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Copies of a bundle count once; another bundle of the same index is a finding."""
    copy, other = tmp_path / "copy", tmp_path / "other"
    copy.write_bytes(bundle.read_bytes())
    assert _run("open", bundle, copy, "--key", key, "--json") == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    other.write_bytes(sealed(7))
    assert _run("open", bundle, other, "--key", key, "--json") == 1
    output = capsys.readouterr()
    assert len(output.out.splitlines()) == 2
    assert "came before with other bytes" in output.err


def test_open_changed_or_misnamed_bundle_is_a_finding(
    tmp_path: Path, key: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What does not open is told by name, and the others are printed all the same."""
    changed, misnamed = tmp_path / "changed.bundle", tmp_path / "8.bundle"
    changed.write_bytes(bundle.read_bytes()[:-1] + b"\0")
    misnamed.write_bytes(bundle.read_bytes())
    assert _run("open", changed, misnamed, bundle, "--key", key, "--json") == 1
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
    assert _run(*arguments) == 1
    assert "kept aside at log index `7`: no checkpoint covers it yet" in capsys.readouterr().err
    log.add(sha256(bundle.read_bytes()).digest())
    log.publish()
    assert _run(*arguments) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    bundle.write_bytes(sealed(7, count=2))
    assert _run(*arguments) == 1
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
    assert _run(*arguments) == 0
    capsys.readouterr()
    void = log.void(7, digest)
    log.publish()
    assert _run(*arguments) == 1
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
    assert _run("open", bundle, "--key", key, "--log", tmp_path / "log", "--log-key", SIGNER.vkey()) == 1
    assert "checkpoint" in capsys.readouterr().err


def test_open_open_data_without_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Open data needs no key."""
    path = tmp_path / "4.bundle"
    path.write_bytes(OpenData(ADDRESS).seal([encode_open_record(record())], 4))
    assert _run("open", path, "--json") == 0
    assert json.loads(capsys.readouterr().out)["log_index"] == 4


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
        (("open", "--follow", "--broker", "h:1", "--gateway", "g", "--recipient", "r", "--password-file", "absent"), "password"),
    ],
)
def test_open_bad_options_one_line_and_exit_2(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What the user has to mend is one line on standard error."""
    monkeypatch.chdir(tmp_path)
    Path("two-lines").write_text("no\nkey\n")
    assert _run(*arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
