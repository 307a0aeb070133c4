"""A configuration looked at where it lies: what would keep the gateway from starting is told by key, all of it at once."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.audit.log.notes import Signer
from gateway.check.installation import faults_of, notes_of
from gateway.config import load_config
from gateway.edge.keys.keyring import init_keys
from gateway.edge.keys.log import log_origin
from gateway.files import user_name
from tests.support.live import LiveGateway


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A gateway's folder in which nothing is wrong."""
    LiveGateway(tmp_path / "g", port=1883)
    return tmp_path / "g"


def faults(folder: Path, old: str = "", new: str = "", extra: str = "") -> list[str]:
    """Return the faults of a configuration with one text changed, and some added."""
    text = (folder / "gateway.toml").read_text()
    assert old in text
    (folder / "changed.toml").write_text(text.replace(old, new, 1) + extra)
    return [str(fault) for fault in faults_of(load_config(folder / "changed.toml"))]


def test_installation_as_it_is_made_has_no_fault(folder: Path) -> None:
    """And of the folders that are not there yet only the state's is noted, which holds the others."""
    assert faults(folder) == []
    (note,) = notes_of(load_config(folder / "gateway.toml"))
    assert (note.key, note.message) == (
        "state_folder",
        f"there is no `{folder / 'state'}` yet: the gateway makes it when it starts",
    )


@pytest.mark.parametrize("key", ["state", "keys", "policies"])
def test_folder_that_is_a_file_or_missing_is_told_by_its_key(folder: Path, key: str) -> None:
    """A state that is not there is made; keys and policies are not."""
    (folder / "plain").write_text("")
    said = faults(folder, f'{key}_folder = "{key}"', f'{key}_folder = "plain/x"')
    assert len(said) == 1
    assert said[0].startswith(f"`changed.toml`: `{key}_folder`: ")
    assert "plain" in said[0]
    missing = faults(folder, f'{key}_folder = "{key}"', f'{key}_folder = "none"')
    assert [line.partition(": ")[2].partition(": ")[0] for line in missing] == ([] if key == "state" else [f"`{key}_folder`"])


def test_folder_that_cannot_be_made_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Because the one above it is somebody else's."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    (said,) = faults(folder)
    lacks = f"there is no `{folder / 'state'}`, and `{user_name(os.geteuid())}` cannot make it"
    todo = "make it for the user that the gateway runs as, and run the check as that user"
    assert said == f"`changed.toml`: `state_folder`: {lacks}: {todo}"


def test_runtime_folder_that_the_unit_makes_is_no_fault_before_the_start(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever checks before the first start, or after a stop, is the gateway's user, who may not write to `/run`."""
    text = (folder / "gateway.toml").read_text()
    (folder / "gateway.toml").write_text(re.sub(r"^runtime_folder.*\n", "", text, flags=re.M))
    (folder / "state").mkdir()
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != Path("/run") and access(path, mode))
    assert faults(folder, 'gateway = "', 'runtime_folder = "/run/sluice-of-nobody"\ngateway = "') == []
    (note,) = notes_of(load_config(folder / "changed.toml"))
    assert note.key == "runtime_folder"
    assert "`RuntimeDirectory`" in note.message


@pytest.mark.parametrize("content", ["", "\n", "  \n"])
def test_empty_password_file_is_told_by_its_key(folder: Path, content: str) -> None:
    """A broker would refuse the connection, and say not why."""
    (folder / "password").write_text(content)
    (folder / "password").chmod(0o600)
    said = faults(folder, "[broker]", '[broker]\nuser = "gw"\npassword_file = "password"')
    assert said == [
        f"`changed.toml`: `broker.password_file`: `{folder / 'password'}`: is empty: write the password of `gw` into it"
    ]


def test_certificates_of_each_connection_are_told_by_its_key(folder: Path) -> None:
    """One fault hides no other."""
    tls = 'tls = true\nport = 8883\nca_file = "none.pem"'
    said = faults(folder, "[sink.city]\nport = 1883", f"[sink.city]\n{tls}", extra=f"\n[sink.other]\n{tls}\n")
    assert [line.split("`")[3] for line in said] == ["sink.city.tls", "sink.other.tls"]
    assert all("none.pem" in line for line in said)


def test_keys_of_another_gateway_are_told(folder: Path) -> None:
    """Its log would carry the name of another, and whoever follows that one would see two."""
    shutil.rmtree(folder / "keys")
    init_keys(folder / "keys", log_origin("north"))
    key = f"the log's key in `{folder / 'keys'}` was made for gateway `north`, whose log is `sluice.north/log`"
    assert faults(folder) == [f"`changed.toml`: `gateway`: `gw-test` is another gateway: {key}"]
    assert faults(folder, "gw-test", "north") == []


def test_public_half_of_another_key_is_told(folder: Path) -> None:
    """It is what auditors are given."""
    other = Signer("test.example/gw-test", bytes(32)).vkey()
    (folder / "keys/log.vkey").write_text(f"{other}\n")
    (said,) = faults(folder)
    assert said.startswith("`changed.toml`: `keys_folder`: ")
    assert "is the public half of another key than `log.skey`" in said
    (folder / "keys/log.vkey").write_text("what?\n")
    (said,) = faults(folder)
    assert said.endswith("no public key of a log")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "::1", "127.8.9.1"])
def test_metrics_on_the_port_of_a_broker_of_this_host_are_told(folder: Path, host: str) -> None:
    """Both cannot have it."""
    said = faults(folder, "[broker]", f'[broker]\nhost = "{host}"', extra="\n[metrics]\nport = 1883\n")
    (broker, *others) = said
    assert (
        broker
        == "`changed.toml`: `metrics.port`: `1883` is the port of `broker` on this host: give the figures a port of their own"
    )
    assert [line.split("`")[5:8:2] for line in others] == [["1883", "sink.city"]]
    said = faults(folder, "[broker]", '[broker]\nhost = "broker.example"', extra="\n[metrics]\nport = 1883\n")
    assert [line.split("`")[7] for line in said] == ["sink.city"]


def test_one_port_in_clear_and_encrypted_is_warned_of(folder: Path) -> None:
    """Most ports speak one of both."""
    assert faults(folder, "[sink.city]", "[sink.city]\ntls = true") == []
    (warning, note) = sorted(notes_of(load_config(folder / "changed.toml")), key=lambda each: each.key)
    said = "is `true`, and `false` for `broker`, on the same port `1883`: few brokers take both"
    assert str(warning) == f"warning: `changed.toml`: `sink.city.tls`: {said}"
    assert note.key == "state_folder"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "keys/root.key").unlink(),
        lambda folder: (folder / "keys/root.key").write_bytes(b"short"),
        lambda folder: (folder / "keys/log.skey").write_text("nonsense"),
        lambda folder: (folder / "keys/log.skey").chmod(0o644),
    ],
)
def test_keys_that_cannot_be_used_are_one_fault(folder: Path, spoil: Callable[[Path], None]) -> None:
    """By the key of their folder."""
    spoil(folder)
    (said,) = faults(folder)
    assert said.startswith("`changed.toml`: `keys_folder`: `")


@pytest.mark.parametrize(("content", "said"), [(b"one\ntwo\n", "holds several lines"), (b"\xef\xbb\xbfone\n", "byte order mark")])
def test_password_file_that_holds_more_than_a_password_is_told(folder: Path, content: bytes, said: str) -> None:
    """All of it would be sent, and the broker would say no more than that it is wrong."""
    (folder / "password").write_bytes(content)
    (folder / "password").chmod(0o600)
    (told,) = faults(folder, "[broker]", '[broker]\nuser = "gw"\npassword_file = "password"')
    assert said in told


def test_path_that_is_too_long_for_a_socket_is_told_by_its_key(folder: Path) -> None:
    """The kernel takes 107 bytes; the gateway would fail after it had made its database."""
    (told,) = faults(folder, 'state_folder = "state"', f'state_folder = "state"\nruntime_folder = "{"run/" * 30}"')
    assert "`runtime_folder`: " in told
    assert "the path of a socket at most 107: name a shorter `runtime_folder`" in told


@pytest.mark.parametrize(("tls", "port", "warned"), [("true", 1883, True), ("false", 8883, True), ("true", 8883, False)])
def test_port_that_is_spoken_to_otherwise_by_custom_is_warned_of(folder: Path, tls: str, port: int, warned: bool) -> None:
    """IANA has registered one for MQTT in clear and one for MQTT over TLS."""
    text = (folder / "gateway.toml").read_text().replace("[sink.city]\nport = 1883", f"[sink.city]\nport = {port}\ntls = {tls}")
    (folder / "changed.toml").write_text(text)
    keys = [note.key for note in notes_of(load_config(folder / "changed.toml"))]
    assert ("sink.city.tls" in keys) is warned
