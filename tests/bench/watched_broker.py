"""What passes between a broker and one client of it, measured on the way: how long each message waits for its PUBACK.

A relay of bytes in a process of its own, so that it costs neither the client nor the one that measures. It prints, when it is
asked by a line, the milliseconds of each PUBACK since as a line of JSON.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PUBLISH, _PUBACK = 0x30, 0x40


class Packets:
    """Takes a stream of MQTT apart as far as each packet's kind and identifier."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Yield kind and packet identifier of each PUBLISH of QoS 1 and each PUBACK that is complete."""
        data, at = self._rest + data, 0
        while (head := _head(data, at)) is not None and at + sum(head) <= len(data):
            first, (header, body) = data[at], head
            if first & 0xF0 == _PUBLISH and first & 0x06:
                topic = at + header
                named = topic + 2 + int.from_bytes(data[topic : topic + 2], "big")
                yield _PUBLISH, int.from_bytes(data[named : named + 2], "big")
            elif first & 0xF0 == _PUBACK:
                yield _PUBACK, int.from_bytes(data[at + header : at + header + 2], "big")
            at += header + body
        self._rest = data[at:]


def _head(data: bytes, at: int) -> tuple[int, int] | None:
    """Return the lengths of a packet's fixed header and of what follows; None where they have not come yet."""
    length = shift = 0
    for position in range(at + 1, min(at + 5, len(data))):
        length |= (data[position] & 0x7F) << shift
        shift += 7
        if not data[position] & 0x80:
            return position + 1 - at, length
    return None


class Waits:
    """The time from each PUBLISH to its PUBACK on one connection."""

    def __init__(self) -> None:
        self.all_ms: list[float] = []
        self._sent_s: dict[int, float] = {}

    def sent(self, kind: int, packet_id: int) -> None:
        """Record what goes to the client."""
        if kind == _PUBLISH:
            self._sent_s[packet_id] = time.monotonic()

    def answered(self, kind: int, packet_id: int) -> None:
        """Record what comes from it."""
        if kind == _PUBACK and (sent_s := self._sent_s.pop(packet_id, None)) is not None:
            self.all_ms.append(1000 * (time.monotonic() - sent_s))


@contextmanager
def relayed(port: int, relay_port: int) -> Iterator[subprocess.Popen[str]]:
    """Relay to a broker's port for the length of the context; ``waits_since_asked`` tells what it saw."""
    command = [sys.executable, "-P", __file__, str(port), str(relay_port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as relay:
        try:
            assert relay.stdout is not None
            assert relay.stdout.readline()  # it listens
            yield relay
        finally:
            relay.kill()


def waits_since_asked(relay: subprocess.Popen[str]) -> list[float]:
    """Return the milliseconds that each PUBACK took, of those that came since this was asked last."""
    assert relay.stdin is not None
    assert relay.stdout is not None
    relay.stdin.write("\n")
    relay.stdin.flush()
    found: list[float] = json.loads(relay.stdout.readline())
    return found


def _serve(listener: socket.socket, port: int, waits: Waits) -> None:
    while True:
        client, _ = listener.accept()
        broker = socket.create_connection(("127.0.0.1", port))
        for one in (client, broker):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_copy, args=(broker, client, waits.sent), daemon=True).start()
        threading.Thread(target=_copy, args=(client, broker, waits.answered), daemon=True).start()


def _copy(source: socket.socket, target: socket.socket, saw: Callable[[int, int], None]) -> None:
    packets = Packets()
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            for kind, packet_id in packets.feed(data):
                saw(kind, packet_id)
            target.sendall(data)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def main(port: int, relay_port: int) -> None:
    """Relay until the other end of standard input closes."""
    waits = Waits()
    with socket.create_server(("127.0.0.1", relay_port)) as listener:
        threading.Thread(target=_serve, args=(listener, port, waits), daemon=True).start()
        print("listening", flush=True)
        for _ in sys.stdin:
            print(json.dumps(waits.all_ms), flush=True)
            waits.all_ms.clear()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
