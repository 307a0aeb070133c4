"""The shipped broker: what the gateway needs is allowed, no sensor sees or speaks for another, or gets another's session."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.live import LiveGateway
from tests.support.mosquitto import Mosquitto, mosquitto_program, running_mosquitto
from tests.support.shell import sluice
from tests.support.waiting import HANG_S

ACCESS = ROOT / "deploy" / "mosquitto.acl"
GATEWAY = "sluice-ribera-1"
USERS = (GATEWAY, "upstream", "7f3a", "7f3b")
READING = '{"t":1795357704,"seq":%d,"boot":1,"kwh":0.131}'


def secured(folder: Path) -> dict[str, str | None]:
    """Return settings by which a broker has the shipped access list, and each user's password is the name."""
    passwords, access = folder / "passwords", folder / "access"
    passwords.touch(mode=0o600)
    for user in USERS:
        subprocess.run([mosquitto_program("mosquitto_passwd"), "-b", str(passwords), user, user], check=True, capture_output=True)
    access.write_bytes(ACCESS.read_bytes())
    access.chmod(0o600)
    return {"allow_anonymous": "false", "password_file": str(passwords), "acl_file": str(access)}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker as shipped."""
    with running_mosquitto(tmp_path, secured(tmp_path)) as running:
        yield running


@pytest.fixture
def gateway(broker: Mosquitto, tmp_path: Path) -> Iterator[LiveGateway]:
    """A gateway at it, not started."""
    live = installed(tmp_path / "gw", broker.port)
    try:
        yield live
    finally:
        live.end()


def installed(folder: Path, port: int) -> LiveGateway:
    """Return a gateway with accounts at a broker that takes its bundles too."""
    live = LiveGateway(folder, port, gateway="ribera-1", filters=("homes/#", "streets/#"))
    config = live.config.read_text()
    for table, user in (("broker", GATEWAY), ("sink.city", "upstream")):
        (folder / f"{user}.password").write_text(user + "\n")
        (folder / f"{user}.password").chmod(0o600)
        config = config.replace(f"[{table}]\n", f'[{table}]\nuser = "{user}"\npassword_file = "{user}.password"\n')
    live.config.write_text(config)
    return live


def publish(broker: Mosquitto, user: str, topic: str, *options: str, seq: int = 1) -> subprocess.CompletedProcess[bytes]:
    """Publish a meter's reading as some user."""
    command = [mosquitto_program("mosquitto_pub"), "-V", "5", "-p", str(broker.port), "-u", user, "-P", user, "-q", "1"]
    return subprocess.run(
        [*command, "-t", topic, "-m", READING % seq, *options], check=False, capture_output=True, timeout=HANG_S
    )


def listen(broker: Mosquitto, user: str, *options: str) -> bytes:
    """Subscribe as some user to everything of interest for a second; return what came."""
    command = [mosquitto_program("mosquitto_sub"), "-V", "5", "-p", str(broker.port), "-u", user, "-P", user, "-W", "1"]
    topics = [part for topic in ("homes/#", "#", "homes/7f3b/meter", "sluice/#") for part in ("-t", topic)]
    return subprocess.run([*command, *topics, *options], check=False, capture_output=True, timeout=HANG_S).stdout


def test_access_gateway_runs_dry_and_hears_each_sensor_on_its_own_topics_alone(broker: Mosquitto, gateway: LiveGateway) -> None:
    """Of three messages two come from whom they should; the one in another's name is not passed on."""
    gateway.start().wait_ready()
    publish(broker, "7f3b", "homes/7f3a/meter")
    publish(broker, "7f3a", "homes/7f3a/meter")
    publish(broker, "7f3b", "homes/7f3b/meter")
    ledger = gateway.wait_drained(2)["ledger"]
    assert ledger["frames.received"] == 2
    gateway.stop()


def test_access_sensor_reads_nothing(broker: Mosquitto) -> None:
    """A sensor that subscribes to another's topic, or to all, is told nothing."""
    publish(broker, "7f3b", "homes/7f3b/meter")
    assert listen(broker, "7f3a") == b""


def test_sensor_under_the_gateways_client_id_gets_a_session_of_its_own(broker: Mosquitto, gateway: LiveGateway) -> None:
    """Each time it starts clean under that id, at work and while the gateway is away, and no reading is lost by it."""
    gateway.start().wait_ready()
    for seq in range(1, 4):
        assert publish(broker, "7f3b", "homes/7f3b/meter", "-i", GATEWAY, seq=seq).returncode == 0
        assert publish(broker, "7f3a", "homes/7f3a/meter", seq=seq).returncode == 0
    shown = gateway.wait_drained(6)["broker"]
    assert (shown["counters"]["connections"], shown["counters"].get("lost", 0)) == (1, 0)
    gateway.stop()
    publish(broker, "7f3a", "homes/7f3a/meter", seq=4)
    listen(broker, "7f3b", "-i", GATEWAY)
    gateway.start().wait_drained(7)
    assert gateway.log().count('"session_present": false') == 1
    gateway.stop()


@pytest.mark.parametrize("setting", ["true", "false"])
def test_gateway_and_check_tell_whether_client_ids_are_bound(tmp_path: Path, setting: str) -> None:
    """Before the gateway first runs, and while it runs, without a disturbance; no session is left by the question."""
    bound = setting == "true"
    settings = secured(tmp_path) | {"use_username_as_clientid": setting, "retain_available": "false" if bound else "true"}
    with running_mosquitto(tmp_path, settings) as broker:
        live = installed(tmp_path / "gw", broker.port)
        try:
            checked = [check_notes(live)]
            shown = live.start().wait_ready()
            connections = shown["broker"]["counters"]["connections"]
            checked.append(check_notes(live))
            assert live.status()["broker"]["counters"]["connections"] == connections == 1
            live.stop()
        finally:
            live.end()
        broker.stop()
        assert (tmp_path / "mosquitto.db").read_bytes().count(GATEWAY.encode() + b"-") == 0
    assert {shown["broker"]["ids_bound"], shown["sinks"]["city"]["ids_bound"]} == {bound}
    assert shown["broker"]["retains"] is not bound
    expected = [] if bound else ["broker: lets every account", "broker: keeps retained", "sink.city: lets every account"]
    assert [notes == expected for notes in checked] == [True] * 2, checked
    warned = "lets every account choose its client id" in live.log()
    assert warned is not bound


def check_notes(live: LiveGateway) -> list[str]:
    """Return what `sluice check` says of the brokers: the table, and what its broker does."""
    found = json.loads(sluice(live.folder, "check", "--json").out)
    return [
        f"{note['key']}: {' '.join(note['message'].removeprefix('the broker ').split()[: 3 if 'lets' in note['message'] else 2])}"
        for note in found["notes"]
        if note["file"] == "gateway.toml" and note["key"].startswith(("broker", "sink."))
    ]


def test_retained_messages_are_refused(broker: Mosquitto) -> None:
    """Nothing outlives its delivery in the broker's file; a device that insists is told at once."""
    insisting = [mosquitto_program("mosquitto_pub"), "-V", "311", "-p", str(broker.port), "-u", "7f3a", "-P", "7f3a", "-q", "1"]
    done = subprocess.run(
        [*insisting, "-t", "homes/7f3a/meter", "-m", READING % 77, "-r"], check=False, capture_output=True, timeout=HANG_S
    )
    assert done.returncode != 0
    broker.stop()
    assert b'"seq":77' not in (broker.folder / "mosquitto.db").read_bytes()
