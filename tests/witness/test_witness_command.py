"""What is typed to set a witness up, and each way in which it can be mistyped."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path

import pytest

from gateway.audit.log.cosignature import Cosigner
from gateway.audit.log.notes import COSIGNATURE, Signer, Verifier
from gateway.audit.log.submission import origin_hash
from gateway.cli import main
from gateway.errors import CorruptionError, OperatorError
from gateway.witness.folder import WitnessFolder
from gateway.witness.page import page
from gateway.witness.settings import load_cosigner, load_settings, settings_from

_LOG = Signer("gw.example/log", bytes(32))
_OTHER_LOG = Signer("gw2.example/log", bytes([1]) * 32)
_COSIGNER = Cosigner("witness.example", bytes(32))
_GOOD = 'listen = "a:1"\nkey_file = "k"\nstate_folder = "s"\n'


def _keygen(folder: Path, *more: str) -> int:
    return main(
        ["witness", "keygen", "witness.example", "--key", str(folder / "w.skey"), "--state", str(folder / "state"), *more]
    )


def test_keygen_makes_a_key_that_only_its_owner_can_read_and_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And prints the public key, which is one of a witness."""
    assert _keygen(tmp_path, "--json") == 0
    vkey = json.loads(capsys.readouterr().out)["witness_vkey"]
    assert Verifier.parse(vkey).algorithm == COSIGNATURE
    assert stat.S_IMODE((tmp_path / "w.skey").stat().st_mode) == 0o600
    assert load_cosigner(tmp_path / "w.skey").vkey() == vkey
    WitnessFolder(tmp_path / "state", Verifier.parse(vkey)).close()


def test_keygen_overwrites_neither_key_nor_state(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2; both stay as they were."""
    assert _keygen(tmp_path) == 0
    before = (tmp_path / "w.skey").read_bytes()
    assert _keygen(tmp_path) == 2
    (tmp_path / "w.skey").rename(tmp_path / "kept")
    assert _keygen(tmp_path) == 2
    assert "never made anew" in capsys.readouterr().err
    assert not (tmp_path / "w.skey").exists()
    assert (tmp_path / "kept").read_bytes() == before


def test_keygen_name_that_cannot_stand_in_a_signature_line_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is made."""
    assert main(["witness", "keygen", "my witness", "--key", str(tmp_path / "k"), "--state", str(tmp_path / "s")]) == 2
    assert "`my witness`" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_key_readable_by_others_or_of_a_log_is_refused(tmp_path: Path) -> None:
    """As every secret file is; and a log's key never cosigns."""
    file = tmp_path / "w.skey"
    file.write_text(Cosigner("witness.example", bytes(32)).skey())
    file.chmod(0o640)
    with pytest.raises(OperatorError, match="0640"):
        load_cosigner(file)
    file.chmod(0o600)
    assert load_cosigner(file).name == "witness.example"
    for data in (_LOG.skey().encode(), b"\xff", b""):
        file.write_bytes(data)
        with pytest.raises(OperatorError, match="not a witness's signing key"):
            load_cosigner(file)


def test_settings_from_a_file_are_those_of_options(tmp_path: Path) -> None:
    """Paths relative to it; a log by its key or by a file of keys."""
    (tmp_path / "logs").write_text(f"# neighbours\n{_OTHER_LOG.vkey()}\n\n")
    file = tmp_path / "witness.toml"
    file.write_text(f'listen = "[::1]:8711"\nkey_file = "w.skey"\nstate_folder = "state"\nlogs = ["{_LOG.vkey()}", "logs"]\n')
    found = load_settings(file)
    assert (found.host, found.port, found.key_file, found.state_folder) == ("::1", 8711, tmp_path / "w.skey", tmp_path / "state")
    assert found.logs == (_LOG.verifier, _OTHER_LOG.verifier)
    options = settings_from("[::1]:8711", tmp_path / "w.skey", tmp_path / "state", [_LOG.vkey(), str(tmp_path / "logs")])
    assert options == found
    assert not found.proxies


def test_proxies_in_front_are_addresses_or_networks_in_the_file_as_in_options(tmp_path: Path) -> None:
    """One of each family."""
    proxies = ["192.0.2.7", "2001:db8::/48"]
    file = tmp_path / "witness.toml"
    file.write_text(_GOOD + f'logs = ["{_LOG.vkey()}"]\nproxies = {json.dumps(proxies)}\n')
    found = load_settings(file)
    assert [str(proxy) for proxy in found.proxies] == ["192.0.2.7/32", "2001:db8::/48"]
    assert found == settings_from("a:1", tmp_path / "k", tmp_path / "s", [_LOG.vkey()], proxies)


def _read_by_the_witness(what: str, file: Path, state: Path) -> None:
    """Have one of the files that a witness reads be read."""
    if what == "settings":
        load_settings(file)
    elif what == "logs":
        settings_from("a:1", state, state, [str(file)])
    else:
        folder = WitnessFolder(state, _COSIGNER.verifier)
        try:
            if what == "contradiction":
                folder.contradiction("gw.example/log")
            else:
                folder.load(["gw.example/log"])
        finally:
            folder.close()


@pytest.mark.parametrize("what", ["settings", "logs", "state", "checkpoint", "contradiction"])
@pytest.mark.parametrize("spoil", ["a pipe", "endless"])
def test_file_that_would_keep_its_reader_for_ever_is_refused_unread(what: str, spoil: str, tmp_path: Path) -> None:
    """A pipe that nobody writes to, and a sparse file of a tebibyte, in the place of each file that a witness reads."""
    state = tmp_path / "state"
    WitnessFolder.create(state, _COSIGNER.verifier)
    log = state / origin_hash("gw.example/log")
    log.mkdir()
    places = {"state": state / "witness.vkey", "checkpoint": log / "checkpoint", "contradiction": log / "contradiction"}
    file = places.get(what, tmp_path / what)
    file.unlink(missing_ok=True)
    if spoil == "a pipe":
        os.mkfifo(file)
    else:
        file.touch()
        os.truncate(file, 1 << 40)
    with pytest.raises((OperatorError, OSError)) as caught:
        _read_by_the_witness(what, file, state)
    assert isinstance(caught.value, OperatorError) or what == "contradiction"
    assert str(tmp_path) in str(caught.value)


def test_page_shows_foreign_names_in_their_order_and_without_markup() -> None:
    """Whoever names a log may be its adversary: neither markup nor what turns the order of words round reaches the page."""
    name = "gw\u202e\u2066\x9b<script>/log"
    text = page(Cosigner(f"w{name}", bytes(32)).verifier, [name], {}, [name]).body.decode()
    assert not re.search("[\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert r"<bdi>gw\u202e\u2066\u009b&lt;script&gt;/log</bdi>" in text
    assert "<script>" not in text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nonsense", "not toml"),
        (_GOOD, "`logs` is absent"),
        (_GOOD + "logs = []", "at least one log"),
        (_GOOD + "logs = [1]", "`logs` is not a list of keys"),
        (_GOOD + 'logs = "x"', "`logs` is of another type"),
        (_GOOD + 'logs = ["a+b"]', "`a+b` is not a key"),
        (_GOOD + 'logs = ["absent"]', "neither a log's key nor a readable file"),
        (_GOOD + f'logs = ["{Cosigner("w", bytes(32)).vkey()}"]', "is no log's key"),
        (_GOOD + "logs = []\nport = 1", "`port` is none of"),
        (_GOOD + f'logs = ["{_LOG.vkey()}"]\nproxies = "x"', "`proxies` is of another type"),
        (_GOOD + f'logs = ["{_LOG.vkey()}"]\nproxies = [1]', "`proxies` is not a list of addresses"),
        (_GOOD + f'logs = ["{_LOG.vkey()}"]\nproxies = ["nginx"]', "proxy `nginx` is no address such as 192.0.2.7"),
        ("x = " + "[" * 5000, "nested too deep"),
        (_GOOD.replace("a:1", "a") + f'logs = ["{_LOG.vkey()}"]', "`a` is not of the form HOST:PORT"),
        (_GOOD.replace("a:1", "a:65536") + f'logs = ["{_LOG.vkey()}"]', "`a:65536` is not of the form"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused_naming_file_and_key(tmp_path: Path, text: str, problem: str) -> None:
    """One line, exit status 2."""
    file = tmp_path / "witness.toml"
    file.write_text(text)
    with pytest.raises(OperatorError) as caught:
        load_settings(file)
    assert str(caught.value).startswith(f"`{file}`: ")
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ([], "name `--listen`, or a file with `--config`"),
        (["--listen", "127.0.0.1:0", "--key", "k", "--state", "s"], "name `--log`"),
        (["--config", "absent.toml"], "`absent.toml`: no such file"),
        (["--config", "absent.toml", "--key", "k"], "`--key` beside `--config`"),
        (["--listen", "127.0.0.1:0", "--key", "absent.skey", "--state", "s", "--log", _LOG.vkey()], "`absent.skey`"),
    ],
)
def test_run_with_options_that_do_not_do_is_refused(options: list[str], problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2, and which one it is."""
    assert main(["witness", "run", *options]) == 2
    assert problem in capsys.readouterr().err


def test_witness_whose_checkpoint_is_gone_beside_a_contradiction_does_not_begin_anew(tmp_path: Path) -> None:
    """It has seen the log, and no longer knows how far: to cosign from nothing would vouch for any history."""
    verifier = Cosigner("witness.example", bytes(32)).verifier
    WitnessFolder.create(tmp_path / "state", verifier)
    folder = WitnessFolder(tmp_path / "state", verifier)
    try:
        assert folder.keep_contradiction("gw.example/log", b"another history\n")
        assert not folder.keep_contradiction("gw.example/log", b"a third\n")  # so that it is told once
        with pytest.raises(CorruptionError, match="is gone"):
            folder.load(["gw.example/log"])
        assert folder.load(["other.example/log"]) == {}
    finally:
        folder.close()
