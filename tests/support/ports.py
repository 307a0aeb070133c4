"""Free ports for the servers that tests start, so chosen that tests running side by side do not take each other's."""

from __future__ import annotations

import itertools
import os
import socket

_FIRST, _BLOCK, _BLOCKS = 20_000, 120, 100
"""Below the ports that the kernel gives to outgoing connections: none is taken between our look and the server's start."""

_candidates = itertools.cycle(range(_FIRST + os.getpid() % _BLOCKS * _BLOCK, _FIRST + (os.getpid() % _BLOCKS + 1) * _BLOCK))
"""The block of this process: the next process has the next."""


def free_port() -> int:
    """Return a TCP port of the loopback interface that nothing listens on, and that this process was not given lately.

    Raises: OSError: all of this process's ports are taken.
    """
    for port in itertools.islice(_candidates, _BLOCK):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port from {_FIRST} on")
