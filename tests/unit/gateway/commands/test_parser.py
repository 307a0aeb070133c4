"""The shell's verbs and the table of control methods say the same."""

from __future__ import annotations

import argparse

import msgspec
import pytest

from gateway.cli import build_parser
from gateway.control.context import Door
from gateway.control.methods import METHODS
from tests.docs.shell import leaves

PARSERS = dict(leaves(build_parser()))
VERBS = {str(parser.get_default("method")): (words, parser) for words, parser in PARSERS.items() if parser.get_default("method")}
OWN = {"status", "policy.diff"}
"""Methods whose verbs do more than call them."""
GIVEN_OTHERWISE = {
    "device.add": {"devices"},
    "device.discover": {"report"},
    "consent.grant": {"limits"},
    "consent.show": {"locale"},
    "policy.explain": {"locale"},
    "subject.show": {"locale"},
}
"""Parameters that a verb puts together from several options, or takes from its environment."""


def test_every_method_for_the_shell_has_its_verb() -> None:
    """And no verb calls a method that is not for the shell; what anyone may ask has pages instead."""
    own = {name for name, method in METHODS.items() if Door.SHELL in method.doors and Door.PUBLIC not in method.doors}
    assert VERBS.keys() | OWN == own
    assert {name.replace(".", " ") for name in own} <= PARSERS.keys()


@pytest.mark.parametrize("name", VERBS)
def test_verb_is_named_and_asks_as_its_method_does(name: str) -> None:
    """It takes the method's struct; each parameter has an operand or option of its name, and what must be given is."""
    words, parser = VERBS[name]
    method = METHODS[name]
    assert words == name.replace(".", " ")
    assert parser.get_default("takes") is method.params
    actions = {action.dest: action for action in parser._actions if not isinstance(action, argparse._HelpAction)}
    for field in msgspec.structs.fields(method.params):
        if field.name in GIVEN_OTHERWISE.get(name, set()):
            continue
        assert field.name in actions
        assert actions[field.name].required or not field.required
