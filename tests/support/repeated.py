"""A step that is taken again and again in a thread of its own, beside what a test does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Self


class Repeated:
    """Takes a step after each pause while the context lasts; an error ends it, and is raised by ``check`` and with the context.

    Args:
        name: Of the thread.
        step: What to do.
        pause_s: How long to wait before each, in seconds.
    """

    def __init__(self, name: str, step: Callable[[], None], pause_s: Callable[[], float]) -> None:
        self._step = step
        self._pause_s = pause_s
        self._stopping = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=name)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        if kind is None:
            self.check()

    def check(self) -> None:
        """Raise the error that has ended it, if one has."""
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            while not self._stopping.wait(self._pause_s()):
                self._step()
        except Exception as error:  # noqa: BLE001  whatever it is, the thread that runs the test raises it
            self._error = error
