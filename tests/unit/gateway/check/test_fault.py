"""A fault, whoever tells of it: file, key and message in one line."""

from __future__ import annotations

from consent.errors import PolicyError
from gateway.check.fault import Fault
from gateway.config import ConfigFileError
from gateway.errors import OperatorError


def test_error_of_a_configuration_is_told_by_file_and_key() -> None:
    """As the error has them, whatever the line looks like."""
    for key, message in (
        ("broker.port", "is missing"),
        ("sink.city", "wrong: `x`: y"),
        ("", "`/keys/x.pem`: is none"),
    ):
        error = ConfigFileError(PolicyError("g.toml", key, message))
        assert Fault.of_configuration(error, "g.toml") == Fault("g.toml", key, message)
        assert str(Fault.of_configuration(error, "g.toml")) == str(error)


def test_error_that_names_no_place_is_told_of_the_whole_file() -> None:
    """Another file than the configuration stays a part of the message."""
    found = Fault.of_configuration(OperatorError("`other`: `is.empty`: x"), "g.toml")
    assert found == Fault("g.toml", "", "`other`: `is.empty`: x")


def test_error_of_policies_is_the_same_line() -> None:
    """With key and without."""
    for error in (PolicyError("city.toml", "city.id", "is missing"), PolicyError("city.toml", "", "is missing")):
        assert str(Fault.of_policies(error)) == str(error)


def test_fault_is_one_printable_line_whatever_it_quotes() -> None:
    """No text of a file reaches a terminal as it is."""
    fault = Fault.at("a\n.toml", "k\x1b[31m", "`\u202e` is " + "x" * 5000)
    assert str(fault).isprintable()
    assert len(str(fault)) < 1500
