"""The standard streams of a command: nothing that a terminal obeys passes, and nothing that it cannot show ends the command.

Every way into a process (`gateway.cli`, `python -m gateway.witness`) calls ``guard_streams`` first. From then on all that is
printed, logged or raised is text with line feeds and tabs: other characters that a terminal would obey are written as JSON
escapes them, and so are those that the stream's encoding lacks. ``drawing`` is the one door beside it, for what draws on a
terminal by control sequences of its own; whoever uses it makes foreign text printable itself. Bytes have no door: what is to
leave byte for byte goes into a file.

An edge like ``gateway.files``, of use to all who print: commands, auditors, recipients and witnesses.
"""

from __future__ import annotations

import argparse
import codecs
import sys
from collections.abc import Callable, Iterable
from typing import Any, Final, NoReturn, TextIO

from consent.printable import escaped, printable, printable_lines

_BYTES: Final = frozenset({"buffer", "detach", "raw"})
_ESCAPES: Final = "sluice-escapes"
_USAGE: Final = 2
_INTERRUPTED: Final = 130


class PrintableStream:
    """A text stream before another one, which takes any text and passes on what can be printed.

    Args:
        stream: Where it goes; what this one lacks is asked of that.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        encoding = getattr(stream, "encoding", None) or "utf-8"
        self._narrow = None if codecs.lookup(encoding).name.startswith("utf") else encoding

    def write(self, text: str) -> int:
        """Write a text and return its length, as ``TextIO`` does."""
        shown = printable_lines(text)
        if self._narrow is not None:
            shown = shown.encode(self._narrow, _ESCAPES).decode(self._narrow)
        self._stream.write(shown)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write texts one after another."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        """Return what else the stream has, but no way past this one."""
        if name in _BYTES:
            raise AttributeError(f"a guarded stream has no `{name}`")
        return getattr(self._stream, name)


def guard_streams() -> None:
    """Put a ``PrintableStream`` before standard output and standard error, where there is none yet."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, PrintableStream):  # None: closed by whoever started us
            setattr(sys, name, PrintableStream(stream))


def drawing(stream: TextIO) -> TextIO:
    """Return the stream behind a guarded one, for control sequences of our own."""
    return stream._stream if isinstance(stream, PrintableStream) else stream


def complain(problem: object, program: str = "sluice") -> None:
    """Tell on standard error, in one line, what has gone wrong."""
    print(f"{program}: {printable(str(problem))}", file=sys.stderr, flush=True)


def command_parser(program: str, description: str) -> argparse.ArgumentParser:
    """Return the parser of a command line; what was typed it quotes in one line."""
    return _Parser(prog=program, description=description, allow_abbrev=False)


def exit_status(run: Callable[[], int], failures: tuple[type[Exception], ...]) -> int:
    """Run a command and return its exit status, having told in one line what stopped it.

    Args:
        failures: What the command's errors derive from; each has its ``exit_status``, or ends with 2,
            and may have several ``lines``.
    """
    try:
        return run()
    except failures as error:
        for line in getattr(error, "lines", ()) or (error,):
            complain(line)
        status: int = getattr(error, "exit_status", _USAGE)
        return status
    except UnicodeError:
        complain("an argument or file is not utf-8")
        return _USAGE
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        where = f"`{error.filename}`: " if error.filename else ""
        complain(f"{where}{(error.strerror or str(error)).lower()}")
        return _USAGE


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """End with the usage, the message in one line, and status 2."""
        super().error(printable(message))


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return escaped(error.object[error.start : error.end]), error.end


codecs.register_error(_ESCAPES, _escape)
