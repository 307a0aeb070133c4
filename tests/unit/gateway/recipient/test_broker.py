"""The broker that is listened to: certificates, and why a connection fails, in words."""

from __future__ import annotations

import gc
import os
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from gateway.recipient.broker import BrokerAddress, Subscription, TlsError, client, misfit, reason, tls_context
from tests.support.authority import Authority
from tests.support.mosquitto import running_mosquitto
from tests.support.ports import free_port


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Who has issued the broker's certificate."""
    return Authority(tmp_path)


@pytest.fixture
def ports(tmp_path: Path, authority: Authority) -> Iterator[tuple[int, int]]:
    """A Mosquitto's ports: in clear, and with TLS."""
    secure = free_port()
    certificate, key = authority.issue("broker")
    with running_mosquitto(tmp_path, extra=f"listener {secure} 127.0.0.1\ncertfile {certificate}\nkeyfile {key}\n") as broker:
        yield broker.port, secure


async def test_misfit_names_what_the_port_speaks(ports: tuple[int, int], authority: Authority) -> None:
    """Each kind of port, spoken to in each way."""
    clear, secure = ports
    context = tls_context(authority.file)
    assert await misfit(BrokerAddress("127.0.0.1", clear)) is None
    assert await misfit(BrokerAddress("127.0.0.1", secure, tls=context)) is None
    in_clear, over_tls = (
        await misfit(BrokerAddress("127.0.0.1", secure)),
        await misfit(BrokerAddress("127.0.0.1", clear, tls=context)),
    )
    assert in_clear == "this port speaks tls: give `--tls`, or `--ca-file` with the certificates to trust"
    assert over_tls == "this port speaks mqtt in clear: give the port for tls, or `--no-tls`"


async def test_misfit_of_a_port_where_nobody_listens_says_nothing() -> None:
    """Then the reason is another."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        assert await misfit(BrokerAddress("127.0.0.1", port)) is None
        assert await misfit(BrokerAddress("127.0.0.1", port, tls=tls_context())) is None


async def test_client_of_a_port_that_closes_fails_at_once_and_not_when_its_time_is_up(ports: tuple[int, int]) -> None:
    """A TLS port closes what is in clear without a word; nobody waits ten seconds to be told nothing."""
    broker = BrokerAddress("127.0.0.1", ports[1])
    with pytest.raises(aiomqtt.MqttError, match="closed the connection unanswered"):
        await client(broker, Subscription("g", "r")).__aenter__()


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # paho leaves the socket of a failed handshake open
async def test_client_of_a_broker_with_an_unknown_certificate_says_which_option_names_others(ports: tuple[int, int]) -> None:
    """The system's certificates do not cover a city's own authority."""
    broker = BrokerAddress("127.0.0.1", ports[1], tls=tls_context())
    with pytest.raises(aiomqtt.MqttError) as refused:
        await client(broker, Subscription("g", "r")).__aenter__()
    said = reason(refused.value)
    assert said.startswith("its certificate is not trusted: unable to get local issuer certificate; `--ca-file` ")
    del refused
    gc.collect()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "connection refused"),
        (OSError("no\nreason\x1b[2J given"), "no reason"),
        (aiomqtt.MqttError(), "mqtterror"),
        (aiomqtt.MqttCodeError(ReasonCode(PacketTypes.CONNACK, "Bad user name or password")), "bad user name or password"),
        (
            aiomqtt.MqttCodeError(ReasonCode(PacketTypes.DISCONNECT, "Session taken over")),
            "another listener with the same mqtt client id",
        ),
        (aiomqtt.MqttCodeError(ReasonCode(PacketTypes.DISCONNECT, "Unspecified error")), "no reason given"),
    ],
)
def test_reason_is_one_printable_line(error: Exception, said: str) -> None:
    """Whatever the network or the broker says."""
    assert said in reason(error)
    assert reason(error).isprintable()


def test_tls_context_verifies_against_the_given_certificates_or_the_systems(authority: Authority) -> None:
    """Names and certificates are checked either way."""
    for context in (tls_context(), tls_context(authority.file)):
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert len(tls_context(authority.file).get_ca_certs()) == 1


@pytest.mark.parametrize("kind", ["absent", "empty", "nonsense", "fifo"])
def test_tls_context_of_a_file_without_certificates_refused(tmp_path: Path, kind: str) -> None:
    """In one line that names it."""
    path = tmp_path / "ca.crt"
    match kind:
        case "empty":
            path.touch()
        case "nonsense":
            path.write_text("no certificate\n")
        case "fifo":
            os.mkfifo(path)
    with pytest.raises(TlsError, match=rf"^`{path}`: (cannot be read: |holds no certificates in pem)"):
        tls_context(path)


async def test_client_says_nothing_on_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """What its libraries log would reach the terminal past every rule on what may stand there."""
    subscribed = client(BrokerAddress("127.0.0.1", 1), Subscription("g", "r"))
    subscribed._logger.error("raw \x1b[2J")
    assert capsys.readouterr().err == ""
