"""The other commands of a recipient, run in process: output, messages and exit status."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.core.release.formats.open_data import OpenData
from gateway.recipient.keys import load_fingerprint
from gateway.recipient.records import encode_open_record, encode_record
from tests.support.recipients import ADDRESS, SIGNER, GatewayLog, content_key, record, run_command, sealed


def test_keygen_then_again_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first run says where the files are, the second that they are there."""
    assert run_command("keygen", tmp_path, "--json") == 0
    assert Path(json.loads(capsys.readouterr().out)["private"]).name == "recipient.key"
    assert run_command("keygen", tmp_path) == 2
    assert "exists already" in capsys.readouterr().err
    assert run_command("keygen", tmp_path / "second") == 0
    assert "fingerprint" in capsys.readouterr().out


def test_keygen_in_a_policies_folder_refused_with_the_line_to_type(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files are published; what is printed keeps the private half out and puts the public one in, and works."""
    monkeypatch.setenv("HOME", str(tmp_path))
    keys = tmp_path / "policies" / "keys"
    keys.mkdir(parents=True)
    (tmp_path / "policies" / "city.toml").touch()
    assert run_command("keygen", keys / "office") == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert list(keys.iterdir()) == []
    typed = line.rpartition("`sluice recipient ")[2].rstrip("`\n").replace("~", str(tmp_path)).split(" ")
    assert run_command(*typed) == 0
    assert load_fingerprint(tmp_path / "office.key") == load_fingerprint(keys / "office.pub")
    assert [path.name for path in keys.iterdir()] == ["office.pub"]


@pytest.fixture
def received(tmp_path: Path) -> Path:
    """A folder and a log of six bundles for this recipient: one voided, one lost, one of another recipient's between."""
    log, seals = GatewayLog(tmp_path / "log"), content_key(b"\x05" * 32)
    folder = tmp_path / "bundles"
    folder.mkdir()
    log.fill(3)
    for number in range(6):
        data = seals.seal([encode_record(record(number))], log.writer.size)
        index = log.add(sha256(data).digest())
        if number == 1:
            log.void(index, sha256(data).digest())
        elif number != 3:
            (folder / f"{index}.bundle").write_bytes(data)
        log.add(bytes(32))
    log.publish()
    return folder


def test_missing_counts_what_is_here_what_was_lost_and_what_nothing_can_tell(
    received: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of six numbers one is void and one never came; the last release in the log could be anybody's."""
    options = ("--into", received, "--log", tmp_path / "log", "--log-key", SIGNER.vkey())
    assert run_command("missing", *options, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert {key: found[key] for key in ("held", "content_keys", "not_covered", "lost", "most_lost", "unnumbered")} == {
        "held": 4, "content_keys": 1, "not_covered": 0, "lost": 1, "most_lost": 3, "unnumbered": 1,
    }  # fmt: skip
    assert [(each["first"], each["last"], each["voided"], each["lost"]) for each in found["missing"]] == [
        (1, 1, 1, 0),
        (3, 3, 0, 1),
    ]
    assert run_command("missing", *options) == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[:3] == ["bundles       4", "content keys  1", "lost          1 at least, 3 at most"]
    assert printed[-1].startswith("unnumbered    1  (releases in the log after the last number of a key")


def test_missing_counts_nothing_that_the_log_does_not_cover(
    received: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A forged counter can neither hide a loss nor make one up; open data has no counter."""
    (received / "5.bundle").write_bytes(sealed(5))
    (received / "900.bundle").write_bytes(sealed(900))
    (received / "6.bundle").write_bytes(OpenData(ADDRESS).seal([encode_open_record(record())], 6))
    (received / "7.bundle").write_bytes(b"nothing")
    options = ("--into", received, "--log", tmp_path / "log", "--log-key", SIGNER.vkey())
    assert run_command("missing", *options, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["held"], found["not_covered"], found["lost"]) == (4, 3, 1)
    assert run_command("missing", *options) == 1
    assert "not covered   3  (files" in capsys.readouterr().out


def test_missing_nothing_is_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every number is here."""
    log, seals = GatewayLog(tmp_path / "log"), content_key()
    for index in range(3):
        data = seals.seal([encode_record(record())], index)
        log.add(sha256(data).digest())
        (tmp_path / f"{index}.bundle").write_bytes(data)
    log.publish()
    assert run_command("missing", "--into", tmp_path, "--log", tmp_path / "log", "--log-key", SIGNER.vkey()) == 0
    assert capsys.readouterr().out.splitlines() == [
        "bundles       3",
        "content keys  1",
        "lost          0 at least, 0 at most",
        "unnumbered    0  (releases in the log after the last number of a key: others', or yours and lost)",
    ]


def test_missing_of_no_folder_or_of_a_log_that_does_not_hold_together_told(
    received: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first is for the user to mend, the second a finding."""
    log = ("--log", tmp_path / "log", "--log-key", SIGNER.vkey())
    assert run_command("missing", "--into", tmp_path / "absent", *log) == 2
    assert "absent`: no such file or directory" in capsys.readouterr().err
    for lacking in ("none", "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        assert run_command("missing", "--into", received, "--log", tmp_path / lacking, "--log-key", SIGNER.vkey()) == 2
        said = capsys.readouterr()
        assert f"{lacking}`: no checkpoint is there" in said.err
        assert said.out == ""  # no figure that could be taken for an answer
    (tmp_path / "log" / "checkpoint").write_bytes(b"nonsense")
    assert run_command("missing", "--into", received, *log) == 1
    assert "checkpoint" in capsys.readouterr().err
