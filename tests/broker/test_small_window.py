"""A broker that has few messages in flight is not kept waiting while readings gather.

Mosquitto 2.0 has as many in flight as a client states, and sometimes more. So a relay in front of it holds messages back until
earlier ones are acknowledged: for all that the gateway can tell, the broker has a bound of its own, as others do. Like Mosquitto
it leaves it to TCP to send small packets together, which delays some of them.
"""

from __future__ import annotations

import contextlib
import socket
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from firmware_sim.load import Load, meter_messages
from tests.bench.city import FILTER, FIRST_READING_MS, POLICIES
from tests.support.live import LiveGateway
from tests.support.mosquitto import running_mosquitto

IN_FLIGHT = 20
READINGS = 1200
SLOW = "\n[batches]\ncommit_ms = 2500\n"
"""Were every window of the broker waited out, the readings would take two minutes and a half."""

_PUBLISH, _PUBACK = 0x30, 0x40


def test_twenty_in_flight_are_committed_by_twenties(tmp_path: Path) -> None:
    """The gateway learns what the broker has in flight: it does not wait for more, and does not commit less either."""
    with running_mosquitto(tmp_path) as broker, socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener, broker.port), daemon=True).start()
        port = listener.getsockname()[1]
        live = LiveGateway(
            tmp_path / "gateway",
            port,
            upstream_port=broker.port,
            policies=POLICIES,
            filters=(FILTER,),
            tick_ms=600_000,
            extra=SLOW,
        )
        try:
            live.start().wait_ready()
            before = batches(live)
            Load("127.0.0.1", broker.port, meter_messages(READINGS, 10, FIRST_READING_MS)).run()
            live.wait_until(lambda shown: shown["ledger"].get("frames.received", 0) == READINGS)
            assert READINGS / IN_FLIGHT <= batches(live) - before <= 2 * READINGS / IN_FLIGHT
        finally:
            live.end()
            listener.shutdown(socket.SHUT_RDWR)


def batches(live: LiveGateway) -> int:
    """Return the number of the last batch in the database."""
    with contextlib.closing(sqlite3.connect(f"file:{live.place.database}?mode=ro", uri=True)) as database:
        number: int = database.execute("SELECT max(number) FROM batch").fetchone()[0]
        return number


def serve(listener: socket.socket, broker_port: int) -> None:
    """Relay every connection until the listener is shut down."""
    with contextlib.suppress(OSError):
        while True:
            client, broker = listener.accept()[0], socket.create_connection(("127.0.0.1", broker_port))
            free = threading.Semaphore(IN_FLIGHT)
            threading.Thread(target=send, args=(broker, client, free), daemon=True).start()
            threading.Thread(target=answer, args=(client, broker, free), daemon=True).start()


def send(broker: socket.socket, client: socket.socket, free: threading.Semaphore) -> None:
    """Pass on what the broker sends, never more unacknowledged messages than may be in flight."""
    with broker, contextlib.suppress(OSError):
        for packet in packets(broker):
            if packet[0] & 0xF0 == _PUBLISH:
                free.acquire()
            client.sendall(packet)
        client.shutdown(socket.SHUT_RDWR)


def answer(client: socket.socket, broker: socket.socket, free: threading.Semaphore) -> None:
    """Pass on what the client sends."""
    with client, contextlib.suppress(OSError):
        for packet in packets(client):
            if packet[0] & 0xF0 == _PUBACK:
                free.release()
            broker.sendall(packet)
        broker.shutdown(socket.SHUT_RDWR)


def packets(source: socket.socket) -> Iterator[bytes]:
    """Yield the packets that come in, none longer than 16 KiB."""
    with source.makefile("rb") as stream:
        while head := stream.read(2):
            more = stream.read(1) if head[1] & 0x80 else b""
            length = (head[1] & 0x7F) + (more[0] << 7 if more else 0)
            yield head + more + stream.read(length)
