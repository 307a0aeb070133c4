"""The parser of all commands: quick to make, since every command waits for it."""

from __future__ import annotations

from tests.support.loaded import loaded_by


def test_parser_is_made_without_what_only_some_commands_run() -> None:
    """Connections, sentences for citizens and the gateway itself are loaded by the commands that need them."""
    loaded = loaded_by("from gateway.cli import build_parser; build_parser()")
    unwanted = {"asyncio", "aiomqtt", "h11", "ssl", "structlog", "consent.texts.load", "gateway.app", "gateway.audit.verify"}
    assert not unwanted & loaded
