"""The filters of the sensors' broker: which of them overlap, and which topics none of them matches, so that nothing is heard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from consent.core.review.warnings import Note, Weight
from gateway.core.examples.example import Example
from gateway.core.mqtt.topics import covers, overlaps, topic_matches

_KEY = "broker.filters"


def overlapping_filters(file: str, filters: Sequence[str]) -> Iterator[Note]:
    """Yield a warning for each two filters of the sensors' broker that match a topic in common.

    Args:
        file: The name of the configuration.
        filters: As configured.
    """
    for one, other in overlaps(filters):
        if one == other:
            yield Note(Weight.WARNING, file, _KEY, f"`{one}` stands there twice: once is enough")
            continue
        wide, narrow = (other, one) if covers(other, one) else (one, other)
        if covers(wide, narrow):
            said = f"`{narrow}` brings nothing that `{wide}` does not: take it out"
        else:
            twice = "what both match is delivered twice, and counted once only where the broker tells by which it came"
            said = f"`{one}` and `{other}` overlap: {twice}"
        yield Note(Weight.WARNING, file, _KEY, said)


def unheard_devices(file: str, listed: Iterable[Mapping[str, Any]]) -> Iterator[Note]:
    """Yield a warning where registered devices publish to topics that no filter matches.

    Args:
        file: The name of the configuration.
        listed: The rows of `device.list`, of a gateway that runs with it; topics stay in the registry.
    """
    unheard = [row["device"] for row in listed if row.get("unmatched")]
    if unheard:
        one, *others = unheard
        which = (
            f"topics to which `{len(unheard)}` devices, such as `{one}`, publish"
            if others
            else f"topic to which device `{one}` publishes"
        )
        said = f"no filter matches the {which}: nothing of {'them' if others else 'it'} is ever heard"
        yield Note(Weight.WARNING, file, _KEY, said)


def unheard_examples(filters: Sequence[str], examples: Iterable[Example]) -> Iterator[Note]:
    """Yield a note for each topic of an example that no filter matches; other gateways may subscribe to it."""
    for example in examples:
        for message in example.messages:
            if message.topic and not any(topic_matches(pattern, message.topic) for pattern in filters):
                said = f"no filter of this gateway matches `{message.topic}`"
                yield Note(Weight.NOTE, example.file, f"{message.key}.topic", said)
