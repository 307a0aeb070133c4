"""Every command that the program has is documented with all its options, and every one that is documented exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.dev.commands import COMMANDS
from gateway.cli import build_parser
from tests.docs.pages import Page, pages
from tests.docs.shell import calls, leaves, options

PARSERS = dict(leaves(build_parser()))
OF_EVERY_GATEWAY_COMMAND = {"--config", "--json"}
_SECTION = re.compile(r"^### `sluice (?P<words>[a-z -]+)`\n(?P<text>.*?)(?=^#{2,3} |\Z)", re.MULTILINE | re.DOTALL)
_GROUP = re.compile(r"^## .*\n(?P<text>(?:(?!### ).*\n)*)(?P<sections>(?:(?!## ).*\n)*)", re.MULTILINE)
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
_PARSED = [(page.name, words) for page in pages().values() for words in calls(page, "sluice")]


def sections() -> dict[str, str]:
    """Return what `docs/commands.md` says of each command."""
    return {match["words"]: match["text"] for match in _SECTION.finditer(pages()["docs/commands.md"].text)}


def told_for_all(words: str) -> str:
    """Return what `docs/commands.md` says at the head of a command's chapter."""
    chapters = _GROUP.finditer(pages()["docs/commands.md"].text)
    return next(match["text"] for match in chapters if f"### `sluice {words}`\n" in match["sections"])


def in_prose(page: Page) -> Iterator[str]:
    """Go through the commands that a page names between backticks."""
    return (word.removeprefix("sluice ") for word in page.code_words() if word.startswith("sluice ") and word[7] not in "-…")


def test_commands_documented_are_those_that_there_are() -> None:
    """One section for each, in `docs/commands.md`."""
    assert sections().keys() == PARSERS.keys()


@pytest.mark.parametrize("words", PARSERS)
def test_command_section_names_each_option_and_no_other(words: str) -> None:
    """`--config` and `--json` are told once for all."""
    named = set(_OPTION.findall(sections()[words]))
    known = options(PARSERS[words])
    assert named <= known
    assert known - OF_EVERY_GATEWAY_COMMAND <= named | set(_OPTION.findall(told_for_all(words)))


@pytest.mark.parametrize("words", PARSERS)
def test_command_help_says_what_each_option_and_argument_is(words: str) -> None:
    """Nobody has to guess from a name alone."""
    assert PARSERS[words].description
    assert not [action.dest for action in PARSERS[words]._actions if not action.help]


@pytest.mark.parametrize(("page", "words"), _PARSED, ids=[f"{page}: {' '.join(words)}"[:80] for page, words in _PARSED])
def test_snippet_is_understood_by_the_program(page: str, words: list[str]) -> None:
    """Every call of `sluice` in a page is parsed as the program itself would parse it."""
    try:
        build_parser().parse_args(words)
    except SystemExit:
        pytest.fail(f"{page}: sluice {' '.join(words)}")


def test_prose_names_only_commands_that_exist() -> None:
    """What stands between backticks can be typed, as far as it goes."""
    beginnings = {words[:end] for words in PARSERS for end in range(len(words) + 1) if words[end : end + 1] in ("", " ")}
    unknown = [
        f"{page.name}: {said}"
        for page in pages().values()
        for said in in_prose(page)
        if re.sub(r" -.*| [A-Z].*", "", f" {said}").strip() not in beginnings
    ]
    assert not unknown


def test_dev_snippets_name_commands_that_exist() -> None:
    """`./dev NAME`, in snippets and between backticks."""
    said = [words[0] for page in pages().values() for words in calls(page, "dev")]
    said += [word.split()[1] for page in pages().values() for word in page.code_words() if word.startswith("./dev ")]
    assert set(said) - {"--help"} <= COMMANDS.keys()
    assert {"demo", "test"} <= set(said)


def test_exit_statuses_of_errors_are_documented() -> None:
    """Each status that a failure can have stands in the table."""
    from gateway.errors import CorruptionError, OperatorError, SluiceError

    table = pages()["docs/commands.md"].text
    for status in {0, SluiceError.exit_status, OperatorError.exit_status, CorruptionError.exit_status}:
        assert f"\n| {status} |" in table


def test_default_configuration_file_is_the_documented_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the environment, or the machine's; what lies in the current folder counts only if it is named."""
    monkeypatch.delenv("SLUICE_CONFIG", raising=False)
    assert build_parser().parse_args(["status"]).config == Path("/etc/sluice/gateway.toml")
    monkeypatch.setenv("SLUICE_CONFIG", "")
    assert build_parser().parse_args(["status"]).config == Path("/etc/sluice/gateway.toml")
    monkeypatch.setenv("SLUICE_CONFIG", "north.toml")
    assert build_parser().parse_args(["status"]).config == Path("north.toml")
    assert build_parser().parse_args(["status", "--config", "south.toml"]).config == Path("south.toml")
    assert "by default that of `SLUICE_CONFIG` in the environment, or else" in pages()["docs/commands.md"].text
