"""Those who draw on a terminal past its guard: what is foreign in what they draw is text, whatever it holds."""

from __future__ import annotations

import io
import re
import sys

import pytest
import structlog
from rich.table import Table
from rich.text import Text

from gateway.audit.verify.progress import Progress
from gateway.demo.screen import Screen
from gateway.service import set_up_logging
from gateway.terminal import PrintableStream, drawing, guard_streams

HOSTILE = "\x1b]0;title\x07\x9b2J\u202eevil\x7f\nforged line"
OURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""Control sequences of colours and of the cursor."""


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _shown(terminal: io.StringIO) -> str:
    """Return what was drawn, without our own sequences; nothing that a terminal obeys is left."""
    text = OURS.sub("", terminal.getvalue())
    assert text.replace("\n", "").replace("\r", "").isprintable(), repr(text)
    return text


def test_log_line_on_a_terminal_is_coloured_and_its_text_printable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Event, values of any kind, and the exception with its lines; one line of log stays one."""
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    guard_streams()
    before = structlog.get_config()
    try:
        set_up_logging()
        log = structlog.get_logger()
        log.info(HOSTILE, reason=HOSTILE, many=[HOSTILE, {"x": HOSTILE}], error=ValueError(HOSTILE), size=3, none=None)
        text = _shown(terminal)
        assert "\x1b[" in terminal.getvalue()
        assert text.count("\n") == 1
        assert r"\u001b]0;title\u0007\u009b2J\u202eevil\u007f\nforged line" in text
        try:
            raise ValueError(HOSTILE)
        except ValueError:
            log.exception("failed")
        assert r"ValueError: \u001b]0;title" in _shown(terminal)
    finally:
        structlog.configure(**before)


def test_log_line_elsewhere_is_json_that_means_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a journal takes it."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    guard_streams()
    before = structlog.get_config()
    try:
        set_up_logging()
        structlog.get_logger().info("heard", reason=HOSTILE)
    finally:
        structlog.configure(**before)
    assert stream.getvalue().isascii()
    assert r"\u202eevil" in stream.getvalue()


def test_screen_of_the_demo_draws_and_shows_foreign_text_escaped() -> None:
    """Styled, in a table, and as a plain line."""
    terminal = _Terminal()
    screen = Screen(PrintableStream(terminal))  # type: ignore[arg-type]
    table = Table()
    table.add_column(HOSTILE)
    table.add_row(Text(HOSTILE, "bold"))
    screen._console.print(table)
    screen._console.print(HOSTILE, markup=False)
    assert r"\u202e" in _shown(terminal)


def test_progress_bar_reaches_the_terminal_behind_the_guard() -> None:
    """It goes back to the line's begin, which the guard would write out."""
    terminal = _Terminal()
    guarded = PrintableStream(terminal)
    bar = Progress(drawing(guarded), 0.0)  # type: ignore[arg-type]
    bar.show(1, 2, 10.0)
    bar.clear()
    assert terminal.getvalue().startswith("\r[")
    assert terminal.getvalue().endswith("\r\x1b[K")
