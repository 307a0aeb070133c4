"""The topics of FIWARE's agents."""

from __future__ import annotations

import pytest

from gateway.core.codecs.envelopes.agent_topics import measures_topic


@pytest.mark.parametrize(
    ("topic", "place"),
    [
        ("/json/key/dev/attrs", ("/json/key/dev/attrs", None)),
        ("json/key/dev/attrs/t", ("json/key/dev/attrs", "t")),
        ("json/key/dev/cmd", None),
        ("json/key/dev/cmdexe", None),
        ("json/key/dev/configuration/commands", None),
        ("json/key/dev/configuration/values", None),
        ("json/key/dev/attrs/cmd", ("json/key/dev/attrs", "cmd")),
        ("bridged/dev", ("bridged/dev", None)),
        ("attrs", ("attrs", None)),
        ("", ("", None)),
    ],
)
def test_topic_tells_measures_single_values_and_what_is_neither(topic: str, place: object) -> None:
    """A measure may be called like anything; a topic of no agent may be one of measures."""
    assert measures_topic(topic) == place
