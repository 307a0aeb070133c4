"""A progress bar on the terminal while a long log is read; none for quick work or without a terminal."""

from __future__ import annotations

from typing import Final, TextIO

_WAIT_S: Final = 1.0
_INTERVAL_S: Final = 0.2
_WIDTH: Final = 40


class Progress:
    """Shows how much of a log has been read, starting one second after the work began.

    Args:
        terminal: Where to draw, overwriting one line; None draws nothing.
        started_s: When the work began, by a monotonic clock.
    """

    def __init__(self, terminal: TextIO | None, started_s: float = 0.0) -> None:
        self._terminal = terminal
        self._next_s = started_s + _WAIT_S
        self._drawn = False

    def show(self, done: int, total: int, now_s: float) -> None:
        """Redraw the bar if it is due."""
        if self._terminal is None or now_s < self._next_s or total <= 0:
            return
        self._next_s, self._drawn = now_s + _INTERVAL_S, True
        filled = _WIDTH * done // total
        bar = "#" * filled + "." * (_WIDTH - filled)
        self._terminal.write(f"\r[{bar}] {100 * done // total:3} %  {done} of {total} entries")
        self._terminal.flush()

    def clear(self) -> None:
        """Erase the bar."""
        if self._terminal is not None and self._drawn:
            self._terminal.write("\r\x1b[K")
            self._terminal.flush()
            self._drawn = False
