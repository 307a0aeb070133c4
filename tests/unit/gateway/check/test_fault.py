"""A fault, whoever tells of it: file, key and message in one line."""

from __future__ import annotations

import pytest

from consent.errors import PolicyError
from gateway.check.fault import Fault
from gateway.errors import OperatorError


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("`g.toml`: `broker.port`: expected `int`", Fault("g.toml", "broker.port", "expected `int`")),
        ("`g.toml`: `sink.city`: wrong: `x`: y", Fault("g.toml", "sink.city", "wrong: `x`: y")),
        ("`g.toml`: not toml: what", Fault("g.toml", "", "not toml: what")),
        ("`g.toml`: `/keys/x.pem`: cannot be read", Fault("g.toml", "", "`/keys/x.pem`: cannot be read")),
        ("`other`: is empty", Fault("g.toml", "", "`other`: is empty")),
        ("there is nothing", Fault("g.toml", "", "there is nothing")),
    ],
)
def test_error_of_a_configuration_is_told_by_file_and_key(line: str, fault: Fault) -> None:
    """By the form of its line; another file than the configuration stays a part of the message."""
    found = Fault.of_configuration(OperatorError(line), "g.toml")
    assert found == fault
    assert line in str(found)


def test_error_of_policies_is_the_same_line() -> None:
    """With key and without."""
    for error in (PolicyError("city.toml", "city.id", "is missing"), PolicyError("city.toml", "", "is missing")):
        assert str(Fault.of_policies(error)) == str(error)


def test_fault_is_one_printable_line_whatever_it_quotes() -> None:
    """No text of a file reaches a terminal as it is."""
    fault = Fault.at("a\n.toml", "k\x1b[31m", "`\u202e` is " + "x" * 5000)
    assert str(fault).isprintable()
    assert len(str(fault)) < 1500
