"""A door before the gateway's, through which a portal asks, line by line, and at which an answer can be cut off.

What happens between a request and its answer is then no matter of luck: the test says for which method, on which side of the
gateway, and what is done at that moment, such as killing one of the two.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from tests.support.waiting import HANG_S

Side = Literal["before", "after"]
"""`before`: the gateway never gets the request. `after`: it has answered, and the answer is lost."""


@dataclass(frozen=True)
class _Cut:
    method: str
    side: Side
    act: Callable[[], None]


class CutDoor:
    """The door: a Unix socket, of as many connections as come."""

    def __init__(self, path: Path, behind: Path) -> None:
        """Name its socket, and the gateway's."""
        self.path = path
        self.happened = threading.Event()
        """Set once what was asked for by ``cut`` has been done."""
        self.is_shut = False
        """Whether no question passes, as where the gateway is away."""
        self._behind = behind
        self._cut: _Cut | None = None
        self._listens = socket.socket(socket.AF_UNIX)

    def cut(self, method: str, side: Side, act: Callable[[], None]) -> None:
        """Do something with the next request of a method, once; its connection then breaks without an answer."""
        self.happened.clear()
        self._cut = _Cut(method, side, act)

    def __enter__(self) -> Self:
        """Open it."""
        self._listens.bind(str(self.path))
        self._listens.listen()
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close it."""
        with contextlib.suppress(OSError):
            self._listens.shutdown(socket.SHUT_RDWR)
        self._listens.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                asks, _ = self._listens.accept()
                threading.Thread(target=self._pass_on, args=(asks,), daemon=True).start()

    def _pass_on(self, asks: socket.socket) -> None:
        """Hand on the lines of one connection until either side ends it."""
        answers = socket.socket(socket.AF_UNIX)
        answers.settimeout(HANG_S)
        with asks, answers, contextlib.suppress(OSError):
            answers.connect(str(self._behind))
            there, here = asks.makefile("rb"), answers.makefile("rb")
            for line in there:
                if self.is_shut:
                    return
                cut = self._taken(line)
                if cut is not None and cut.side == "before":
                    self._act(cut)
                    return
                answers.sendall(line)
                answer = here.readline()
                if cut is not None:
                    assert answer
                    self._act(cut)
                    return
                if not answer:
                    return
                asks.sendall(answer)

    def _taken(self, line: bytes) -> _Cut | None:
        cut = self._cut
        if cut is None or json.loads(line)["method"] != cut.method:
            return None
        self._cut = None
        return cut

    def _act(self, cut: _Cut) -> None:
        cut.act()
        self.happened.set()
