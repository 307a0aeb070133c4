"""A port that speaks TLS where the configuration says clear text, and the reverse: one line says so, in log, status and check."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.core.mqtt.events import Connected, Disconnected, LinkEvent
from gateway.core.mqtt.settings import SessionSettings
from gateway.edge.broker_terms import BrokerTerms, ask_terms
from gateway.edge.link import LinkSettings
from gateway.edge.mqtt import MqttLink
from gateway.edge.tls import tls_context
from tests.support.authority import Authority
from tests.support.mosquitto import running_mosquitto
from tests.support.ports import free_port
from tests.support.waiting import HANG_S

SESSION = SessionSettings(client_id="gw")


@dataclass(frozen=True, slots=True)
class Ports:
    """One broker's listeners, and the certificate of its authority."""

    clear: int
    tls: int
    authority: Path


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ports]:
    """A Mosquitto that listens in clear on one port and with TLS on another."""
    folder = tmp_path_factory.mktemp("broker")
    authority, port = Authority(folder), free_port()
    certificate, key = authority.issue("broker")
    listener = f"listener {port} 127.0.0.1\ncertfile {certificate}\nkeyfile {key}\n"
    with running_mosquitto(folder, extra=listener) as broker:
        yield Ports(broker.port, port, authority.file)


async def first_event(settings: LinkSettings) -> tuple[LinkEvent, str | None]:
    """Run a link until something comes of its attempt; return that, and the problem that it names."""
    events: asyncio.Queue[LinkEvent] = asyncio.Queue()
    link = MqttLink(settings, on_event=events.put_nowait)
    task = asyncio.create_task(link.run())
    try:
        async with asyncio.timeout(HANG_S):
            return await events.get(), link.problem
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_tls_port_spoken_to_in_clear_is_named(ports: Ports) -> None:
    """The line says which port, and which key to set."""
    event, problem = await first_event(LinkSettings(host="127.0.0.1", port=ports.tls, session=SESSION))
    assert isinstance(event, Disconnected)
    assert event.reason.endswith(f"`127.0.0.1:{ports.tls}` gives no answer in mqtt; is it a port for tls? then set `tls = true`")
    assert problem == event.reason


async def test_clear_port_spoken_to_in_tls_is_named(ports: Ports) -> None:
    """The same the other way round."""
    event, problem = await first_event(
        LinkSettings(host="127.0.0.1", port=ports.clear, session=SESSION, tls=tls_context(ports.authority))
    )
    assert isinstance(event, Disconnected)
    assert event.reason.startswith(f"cannot reach `127.0.0.1:{ports.clear}`: ")
    assert event.reason.endswith("; is it a port for tls? if not, set `tls = false`")
    assert problem == event.reason


async def test_broker_that_answers_in_tls_is_named() -> None:
    """Some servers send an alert before they close; it is no broken MQTT."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"\x15\x03\x01\x00\x02\x02\x46")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        event, _ = await first_event(LinkSettings(host="127.0.0.1", port=port, session=SESSION))
    assert isinstance(event, Disconnected)
    assert (
        event.reason
        == f"the broker answered in tls: `127.0.0.1:{port}` gives no answer in mqtt; is it a port for tls? then set `tls = true`"
    )


async def test_check_finds_that_a_tls_port_gives_no_answer(ports: Ports) -> None:
    """What `sluice check` asks before anything runs."""
    assert await ask_terms("127.0.0.1", ports.tls, None, SESSION) == BrokerTerms(unanswered=True)


async def test_port_where_nothing_listens_is_refused_in_the_systems_words() -> None:
    """Without addresses and tuples."""
    port = free_port()
    for host in ("127.0.0.1", "localhost"):
        event, _ = await first_event(LinkSettings(host=host, port=port, session=SESSION))
        assert isinstance(event, Disconnected)
        assert event.reason == f"cannot reach `{host}:{port}`: connection refused"


async def test_certificate_of_no_trusted_authority_says_where_to_name_it(ports: Ports) -> None:
    """The city's own authority is not among the system's."""
    event, _ = await first_event(LinkSettings(host="127.0.0.1", port=ports.tls, session=SESSION, tls=tls_context()))
    assert isinstance(event, Disconnected)
    assert event.reason.endswith("; name its authority's certificate at `ca_file`")


async def test_systems_certificates_are_trusted_unless_a_file_is_named(ports: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system trusts an authority, nobody has to name a file."""
    monkeypatch.setenv(ssl.get_default_verify_paths().openssl_cafile_env, str(ports.authority))
    event, problem = await first_event(LinkSettings(host="127.0.0.1", port=ports.tls, session=SESSION, tls=tls_context()))
    assert isinstance(event, Connected)
    assert problem is None
