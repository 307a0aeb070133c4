"""The records of a device profile: what a file leaves unsaid means what it meant before there was anything to say."""

from __future__ import annotations

from consent.core.profiles.profile import (
    AbsentSequence,
    Compression,
    Field,
    Match,
    SequenceField,
    TimeField,
    TimeFormat,
    TimeOrigin,
)
from gateway.core.codecs.field_map import is_plain
from tests.support.profiles import parsed_profile


def test_file_that_says_nothing_new_is_read_as_before() -> None:
    """By the compiled way, with every record as it was."""
    profile = parsed_profile('[time]\npath = "at"\nformat = "unix-s"\n[sequence]\npath = "n"\nboot = "b"')

    assert profile.fields == {"temperature": Field(("t",), "Cel")}
    assert profile.time == TimeField("at", TimeFormat.UNIX_S, TimeOrigin.DEVICE)
    assert profile.sequence == SequenceField("n", "b", AbsentSequence.REFUSED)
    assert (profile.match, profile.each, profile.hub, profile.compression) == (Match(), None, (), Compression.NONE)
    assert is_plain(profile)
