"""Finds what the shell snippets of the documentation call: commands of `sluice` and of `./dev`, word by word."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.docs.pages import Page

SHELLS = ("sh", "console")
_ENDS = frozenset("|&;<>()")


def calls(page: Page, program: str) -> Iterator[list[str]]:
    """Go through the calls of a program in a page's shell snippets, without the program's name itself."""
    for block in page.blocks(*SHELLS):
        for line in block.text.replace("\\\n", " ").splitlines():
            for words in _commands(line):
                called = _without_prefix(words)
                if called and PurePosixPath(called[0]).name == program:
                    yield called[1:]


def _commands(line: str) -> Iterator[list[str]]:
    """Split a line at pipes, redirections and the like."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in lexer:
        if set(word) <= _ENDS:
            yield words
            words = []
        else:
            words.append(word)
    yield words


def _without_prefix(words: list[str]) -> list[str]:
    """Return a command without what runs it as another user."""
    return words[4:] if words[:2] == ["runuser", "-u"] and words[3:4] == ["--"] else words


def leaves(parser: argparse.ArgumentParser, path: tuple[str, ...] = ()) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Go through the commands below a parser that have no commands below themselves: their words, and their own parsers."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield " ".join(path), parser
    for action in below:
        for name, each in action.choices.items():
            yield from leaves(each, (*path, name))


def options(parser: argparse.ArgumentParser) -> set[str]:
    """Return the long options of a command, but for `--help`."""
    found = {option for action in parser._actions for option in action.option_strings if option.startswith("--")}
    return found - {"--help"}
