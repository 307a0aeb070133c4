"""Paths and expressions: which is which, and where each begins."""

from __future__ import annotations

import pytest

from consent.core.profiles.paths import Root
from consent.errors import PolicyError
from gateway.core.codecs.message.locate import compile_path, root_in
from tests.support.trees import profile_of


@pytest.mark.parametrize(
    ("text", "root"),
    [("a", Root.MESSAGE), ("^a", Root.WHOLE), ("^", Root.WHOLE), ("", Root.MESSAGE), ("$topic[0]", Root.TOPIC)],
)
def test_path_begins_alike_in_both_languages(text: str, root: Root) -> None:
    """What stands for the topic, the payload and the whole message is no JMESPath."""
    for profile in (profile_of(), profile_of(jmespath=True)):
        assert root_in(profile, text) is root
        compile_path(profile, text, "each")


def test_path_that_is_none_names_file_and_key() -> None:
    """In either language."""
    for profile in (profile_of(), profile_of(jmespath=True)):
        with pytest.raises(PolicyError, match=r"`devices/probe.toml`: `time.path`: "):
            compile_path(profile, "a[", "time.path")
