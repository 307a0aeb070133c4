"""The portal over a log folder, served on a free port, without a gateway: what a browser finds, whatever lies in the folder."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from consent.portal.app import make_app
from consent.portal.config import PortalConfig
from consent.portal.log_record import LogRecord, machine_ms
from consent.portal.record import PublicRecord
from consent.portal.site import Site
from tests.support.portal import SaidGate, SaidHome, said_state


@dataclass(frozen=True)
class ServedPortal:
    """A portal that is being served.

    Attributes:
        address: Its origin, as `http://127.0.0.1:20000`.
        record: What it knows of the log; it looks when it is told to.
    """

    address: str
    record: LogRecord

    def look(self) -> None:
        """Read the log as it is now."""
        self.record.look()
        while self.record.read_on():
            pass


@contextmanager
def served(
    folder: Path, gate: SaidGate | None = None, record: PublicRecord | None = None, home: SaidHome | None = None
) -> Iterator[ServedPortal]:
    """Serve the pages over a log folder, which has been read to its end once.

    Args:
        gate: What answers in place of a gateway; by default one that is away.
        record: What the pages show in place of the folder; its files are served all the same.
        home: The citizens' door; by default one that is away.
    """
    known = LogRecord(folder)
    config = PortalConfig(log_folder=str(folder), door="", requests_per_minute=0)
    asked = gate or SaidGate(said_state(), away=True)
    site = Site(config, record or known, asked, home or SaidHome(), machine_ms)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)  # whoever comes before the server has begun waits for it
        server = uvicorn.Server(uvicorn.Config(make_app(site), log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        portal = ServedPortal(f"http://127.0.0.1:{listener.getsockname()[1]}", known)
        portal.look()
        thread.start()
        try:
            yield portal
        finally:
            server.should_exit = True
            thread.join()
