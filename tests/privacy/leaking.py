"""A gateway that leaks, to prove that the search for canaries would find it.

    python -m tests.privacy.leaking LEAK run --config FILE

Each leak is one function of the gateway replaced, as a careless change might.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from prometheus_client.core import Metric

from consent.core.policies.policy import PolicySet
from gateway.cli import main
from gateway.core import pipeline
from gateway.core.mqtt.events import Frame
from gateway.core.release import draft, records
from gateway.core.release.records import Waiting
from gateway.core.state import State
from gateway.core.windows.targets import Terms
from gateway.edge.keys.sealing import Sealer
from gateway.edge.mqtt import MqttLink
from gateway.recipient.records import Record
from gateway.watching import metrics
from gateway.watching.metrics import Figures

_take_frames = pipeline.take_frames


def logged_topic() -> None:
    """Whoever is unknown is named in the output."""

    def take_frames(state: State, frames: Any, now_ms: int) -> None:
        for frame in frames:
            if frame.topic not in state.devices:
                print(f'{{"event": "unknown device", "topic": "{frame.topic}"}}', file=sys.stderr)
        _take_frames(state, frames, now_ms)

    pipeline.take_frames = take_frames


def unsealed_registry() -> None:
    """Rows of the registry lie on the disk as they are."""
    _leave_open("device")


def unsealed_journal() -> None:
    """So does the journal, with what devices call their runs."""
    _leave_open("batch")


def _leave_open(open_table: str) -> None:
    seal, unseal = Sealer.seal, Sealer.open

    def seal_others(self: Sealer, table: str, row_id: bytes, plaintext: bytes) -> bytes:
        return plaintext if table == open_table else seal(self, table, row_id, plaintext)

    def open_others(self: Sealer, table: str, row_id: bytes, sealed: bytes) -> bytes:
        return sealed if table == open_table else unseal(self, table, row_id, sealed)

    Sealer.seal, Sealer.open = seal_others, open_others  # type: ignore[method-assign]


def device_in_record_id() -> None:
    """Records of one device can be told to be of one device."""

    def single_record(waiting: Waiting, terms: Terms, policies: PolicySet) -> Record:
        return msgspec.structs.replace(records.single_record(waiting, terms, policies), id=waiting.contributor)

    vars(draft)["single_record"] = single_record


def topic_in_metrics() -> None:
    """A figure for each topic."""
    collect = Figures.collect

    def with_topics(self: Figures) -> Iterator[Metric]:
        yield from collect(self)
        if (app := self._watch.app) is not None:
            topics = {str(topic): 1.0 for topic in app.durable.state.registry.devices}
            yield metrics._gauge("topic", "Registered", topics, "topic")

    Figures.collect = with_topics  # type: ignore[method-assign]


def topic_on_the_wire() -> None:
    """Bundles carry, in base64, the topic of the frame that came last."""
    last: list[Frame] = []
    try_publish: Callable[..., int | None] = MqttLink.try_publish

    def take_frames(state: State, frames: Any, now_ms: int) -> None:
        last[:] = frames[-1:]
        _take_frames(state, frames, now_ms)

    def with_topic(self: MqttLink, topic: str, payload: bytes, *, user_properties: Any = (), retain: bool = False) -> int | None:
        source = [("source", base64.b64encode(frame.topic.encode()).decode()) for frame in last]
        return try_publish(self, topic, payload, user_properties=(*user_properties, *source), retain=retain)

    pipeline.take_frames = take_frames
    MqttLink.try_publish = with_topic  # type: ignore[method-assign]


LEAKS: dict[str, Callable[[], None]] = {
    leak.__name__: leak
    for leak in (logged_topic, unsealed_registry, unsealed_journal, device_in_record_id, topic_in_metrics, topic_on_the_wire)
}

if __name__ == "__main__":
    LEAKS[sys.argv[1]]()
    sys.exit(main(sys.argv[2:]))
