"""The shipped access list: what the gateway needs is allowed, and no sensor sees or speaks for another."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.live import LiveGateway
from tests.support.mosquitto import Mosquitto, mosquitto_program, running_mosquitto

ACCESS = ROOT / "deploy" / "mosquitto.acl"
USERS = ("gateway", "7f3a", "7f3b")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker with the shipped access list, where each user's password is the name."""
    passwords, access = tmp_path / "passwords", tmp_path / "access"
    passwords.touch(mode=0o600)
    for user in USERS:
        subprocess.run([mosquitto_program("mosquitto_passwd"), "-b", str(passwords), user, user], check=True, capture_output=True)
    access.write_bytes(ACCESS.read_bytes())
    access.chmod(0o600)
    settings = {"allow_anonymous": "false", "password_file": str(passwords), "acl_file": str(access)}
    with running_mosquitto(tmp_path, settings) as running:
        yield running


def publish(broker: Mosquitto, user: str, topic: str, *options: str) -> None:
    """Publish a meter's reading as some user."""
    message = '{"t":1795357704,"seq":1,"boot":1,"kwh":0.131}'
    command = [mosquitto_program("mosquitto_pub"), "-V", "5", "-p", str(broker.port), "-u", user, "-P", user, "-q", "1"]
    subprocess.run([*command, "-t", topic, "-m", message, *options], check=False, capture_output=True, timeout=10)


def test_access_gateway_runs_dry_and_hears_each_sensor_on_its_own_topics_alone(broker: Mosquitto, tmp_path: Path) -> None:
    """Of three messages two come from whom they should; the one in another's name is not passed on."""
    password = tmp_path / "gw" / "broker.password"
    gateway = LiveGateway(tmp_path / "gw", broker.port, gateway="ribera-1", filters=("homes/#", "streets/#"))
    password.write_text("gateway\n")
    password.chmod(0o600)
    config = gateway.config.read_text()
    named = config.replace("[broker]\n", '[broker]\nuser = "gateway"\npassword_file = "broker.password"\n')
    gateway.config.write_text(
        named.replace("[sink.city]\n", '[sink.city]\nuser = "gateway"\npassword_file = "broker.password"\n')
    )
    try:
        gateway.start().wait_ready()
        publish(broker, "7f3b", "homes/7f3a/meter")
        publish(broker, "7f3a", "homes/7f3a/meter")
        publish(broker, "7f3b", "homes/7f3b/meter")
        ledger = gateway.wait_drained(2)["ledger"]
        assert ledger["frames.received"] == 2
        gateway.stop()
    finally:
        gateway.end()


def test_access_sensor_reads_nothing(broker: Mosquitto) -> None:
    """A sensor that subscribes to another's topic, or to all, is not told what the broker has kept for it."""
    publish(broker, "7f3b", "homes/7f3b/meter", "-r")
    command = [mosquitto_program("mosquitto_sub"), "-V", "5", "-p", str(broker.port), "-u", "7f3a", "-P", "7f3a", "-W", "1"]
    topics = [part for topic in ("homes/#", "#", "homes/7f3b/meter", "sluice/#") for part in ("-t", topic)]
    heard = subprocess.run([*command, *topics], check=False, capture_output=True, timeout=10)
    assert heard.stdout == b""
