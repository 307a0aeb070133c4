"""An MQTT 5 broker for the demo and the quick tests, so that neither needs one installed on the machine.

It is rumqttd, from the ``iotcore`` package, in a child process that ends with ours. Not for production: it keeps sessions in
memory only, redelivers messages under new identifiers without the DUP flag, and disconnects on out-of-order acknowledgements.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
import tempfile
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

_START_S = 10.0
_LOOK_S = 0.02
_STARTS = 3

# Its log keeps this much per filter, read or not, and then drops the oldest: a trade of memory against loss.
_SEGMENT_BYTES = 8 << 20
_SEGMENTS = 32

_CONFIGURATION = """\
id = 0

[router]
id = 0
max_connections = 20000
max_outgoing_packet_count = 1000
max_segment_size = {segment_bytes}
max_segment_count = {segments}

[v5.1]
name = "v5"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 0

[v5.1.connections]
connection_timeout_ms = 10000
max_payload_size = {largest_packet_bytes}
max_inflight_count = {most_in_flight}
"""


@asynccontextmanager
async def embedded_broker(*, largest_packet_bytes: int = 1 << 20, most_in_flight: int = 1000) -> AsyncIterator[int]:
    """Run a broker on a free port of the loopback interface while the context lasts.

    Args:
        largest_packet_bytes: Larger packets end their sender's connection.
        most_in_flight: How many unacknowledged messages it sends to a client.

    Yields:
        The port.

    Raises:
        RuntimeError: when it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="sluice-broker-") as folder:
        file = Path(folder) / "broker.toml"
        process, port = await _start(file, largest_packet_bytes, most_in_flight)
        try:
            yield port
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _start(file: Path, largest_packet_bytes: int, most_in_flight: int) -> tuple[asyncio.subprocess.Process, int]:
    """Write the configuration and start; as another process may take the port in between, retry with another port."""
    for _ in range(_STARTS):
        port = _configure(file, largest_packet_bytes, most_in_flight)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gateway.demo.embedded_broker",
            str(file),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,  # its clients' text goes to no terminal
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C ends the demo, which ends its broker last, once all has drained
        )
        if await _listens(process, port):
            return process, port
        if process.returncode is None:
            process.kill()
        await process.wait()
    raise RuntimeError("the embedded broker does not start")


def _configure(file: Path, largest_packet_bytes: int, most_in_flight: int) -> int:
    """Write the configuration for a free port, and return the port."""
    port = _free_port()
    text = _CONFIGURATION.format(
        port=port,
        segment_bytes=_SEGMENT_BYTES,
        segments=_SEGMENTS,
        largest_packet_bytes=largest_packet_bytes,
        most_in_flight=most_in_flight,
    )
    file.write_text(text, encoding="utf-8")
    return port


async def _listens(process: asyncio.subprocess.Process, port: int) -> bool:
    """Wait until the broker accepts connections; return False if it ends or takes too long."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + _START_S
    while process.returncode is None and loop.time() < deadline_s:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(_LOOK_S)
        else:
            writer.close()
            return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _serve(file: str) -> None:
    """Run the broker in the child process, until it is killed or its standard input closes because the parent has ended."""
    from iotcore import IotCoreBroker

    logging.getLogger("rumqttd").setLevel(logging.CRITICAL)

    def end_with_parent() -> None:
        sys.stdin.buffer.read()
        os._exit(0)

    threading.Thread(target=end_with_parent, daemon=True).start()
    IotCoreBroker(config_path=file).run_forever()


if __name__ == "__main__":
    _serve(sys.argv[1])
