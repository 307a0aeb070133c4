"""The streams of a command: what passes, what is escaped, and what one that is too narrow makes of it."""

from __future__ import annotations

import io
import logging
import sys

import pytest

from gateway.terminal import PrintableStream, command_parser, complain, drawing, exit_status, guard_streams

HOSTILE = "\x1b]0;title\x07\x9b2J\u202eevil\u2066\x7f\r\u2028"


class Streams:
    """Both standard streams, in memory."""

    def __init__(self, encoding: str) -> None:
        self.bytes = {name: io.BytesIO() for name in ("stdout", "stderr")}
        self.texts = {name: io.TextIOWrapper(raw, encoding=encoding, write_through=True) for name, raw in self.bytes.items()}

    def read(self, name: str) -> str:
        """Return what has come through one of them."""
        return self.bytes[name].getvalue().decode()

    def guard(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put them in place of the test's own, and guard them."""
        for name, stream in self.texts.items():
            monkeypatch.setattr(sys, name, stream)
        guard_streams()


@pytest.fixture(params=["utf-8", "ascii", "iso-8859-1"])
def streams(request: pytest.FixtureRequest) -> Streams:
    """Streams of several encodings."""
    return Streams(request.param)


def test_print_log_warning_and_traceback_obey_nobody(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever way a text takes: print, write, the log's last resort, an exception that nobody caught."""
    streams.guard(monkeypatch)
    print(HOSTILE, end="\n")
    sys.stdout.writelines([HOSTILE, "\n"])
    logging.getLogger("foreign").warning(HOSTILE)
    try:
        raise ValueError(HOSTILE)
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
    for name in ("stdout", "stderr"):
        shown = streams.read(name)
        assert r"\u001b]0;title\u0007\u009b2J\u202eevil" in shown
        assert shown.replace("\n", "").isprintable()


def test_text_that_the_encoding_lacks_is_escaped_and_ends_nothing(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal without UTF-8; beyond U+FFFF as JSON has it."""
    streams.guard(monkeypatch)
    print("Ruído → 👩")
    complain("señal\nfalsa")
    assert streams.bytes["stdout"].getvalue().endswith(("→ 👩\n".encode(), rb"\u2192 \ud83d\udc69" + b"\n"))
    assert streams.bytes["stderr"].getvalue().count(b"\n") == 1


def test_guard_is_put_on_once_and_has_no_way_past_it(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes and the stream itself are not to be had by accident; drawing is, by its name."""
    streams.guard(monkeypatch)
    before = sys.stdout
    guard_streams()
    assert sys.stdout is before
    assert isinstance(before, PrintableStream)
    for name in ("buffer", "detach"):
        assert not hasattr(before, name)
    assert drawing(sys.stdout) is streams.texts["stdout"]
    assert drawing(streams.texts["stdout"]) is streams.texts["stdout"]
    assert before.encoding == streams.texts["stdout"].encoding


def test_stream_that_was_closed_at_the_start_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after `>&-`."""
    monkeypatch.setattr(sys, "stdout", None)
    guard_streams()
    print("nobody hears this")


def test_argument_is_quoted_in_one_line(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was typed is foreign too: scripts type names that others chose."""
    streams.guard(monkeypatch)
    with pytest.raises(SystemExit, match="2"):
        command_parser("sluice", "A gate.").parse_args(["x\nsluice: all is well\x1b[2J"])
    assert streams.read("stderr").splitlines()[-1] == r"sluice: error: unrecognized arguments: x\nsluice: all is well\u001b[2J"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (KeyError("x\ny"), 2),
        (OSError(5, "Disk\nfailed", "a\nb"), 2),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), 2),
        (KeyboardInterrupt(), 130),
    ],
)
def test_failure_is_one_line_and_a_status(
    error: BaseException, status: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file's name in an error of the system is foreign as well."""

    def fails() -> int:
        raise error

    monkeypatch.setattr(sys, "stderr", sys.stderr)
    assert exit_status(fails, (KeyError,)) == status
    assert len(capsys.readouterr().err.splitlines()) == (status != 130)
