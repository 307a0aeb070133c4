"""Publications: which of them each recipient is due next, and how far the one under way has come.

Figures about subjects leave in nothing else. A recipient has one publication for each UTC day, for each week, and for each span
of its shortest windows, as far as it has flows of that kind; each leaves once its end has passed and the readings that were
allowed to be late are in, in order, also when nothing is in it and after days without a connection. So that one was formed
tells nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from consent.core.disclosure import WINDOW_MS
from consent.core.periods import Period, Publish
from consent.core.policies.policy import Flow, PolicySet
from consent.core.policies.quantity import Mechanism


class PublicationKind(StrEnum):
    """What a publication is of: the figures of a UTC day, of a week, or of the windows that end at one moment."""

    WINDOW = "window"
    DAY = "day"
    WEEK = "week"

    @classmethod
    def of(cls, mechanism: Mechanism) -> PublicationKind:
        """Return in which kind of publication a flow's figures leave."""
        if mechanism.period is Period.WEEK:
            return cls.WEEK
        return cls.WINDOW if mechanism.publish is Publish.WINDOW else cls.DAY


class Due(NamedTuple):
    """A part of a publication that may be formed now.

    Attributes:
        begin_ms: The end of the publication before it.
        end_ms: The end of the span that is published.
        part: The number of the part, from 0.
    """

    recipient: str
    kind: PublicationKind
    begin_ms: int
    end_ms: int
    part: int


class PublicationProgress(NamedTuple):
    """How far a recipient's publications of a kind have come.

    Attributes:
        done_ms: What ended until then has been published.
        part: The next part of the next publication.
    """

    done_ms: int
    part: int = 0


class Publications:
    """The progress of all recipients' publications."""

    def __init__(self) -> None:
        """Begin without any."""
        self._progress: dict[tuple[str, PublicationKind], PublicationProgress] = {}
        self.plans: dict[Any, Any] = {}
        """How publications are laid out by the policies in force, as ``gateway.core.release`` has reckoned it; never stored."""

    def __iter__(self) -> Iterator[tuple[str, PublicationKind]]:
        """Iterate over recipients and the kinds of publications that they get."""
        return iter(self._progress)

    def begin(self, policies: PolicySet, now_ms: int, note: Callable[[str, str, int], None]) -> None:
        """Begin publications that policies have come to ask, from the span under way, and end those that they ask no more.

        Args:
            policies: Those in force.
            now_ms: The gateway's clock.
            note: Is told of each change, to be journalled: (recipient, kind, from when on; -1 for never).
        """
        wanted = {
            (recipient, kind): span_ms for recipient in policies.recipients for kind, span_ms in spans_ms(policies, recipient)
        }
        for recipient, kind in [key for key in self._progress if key not in wanted]:
            self.start(recipient, kind, -1)
            note(recipient, kind, -1)
        for (recipient, kind), span_ms in wanted.items():
            if (recipient, kind) not in self._progress:
                from_ms = _floor_ms(kind, span_ms, now_ms)
                self.start(recipient, kind, from_ms)
                note(recipient, kind, from_ms)

    def start(self, recipient: str, kind: str, from_ms: int) -> None:
        """Begin a recipient's publications of a kind with what ends after an instant; -1 ends them."""
        if from_ms < 0:
            self._progress.pop((recipient, PublicationKind(kind)), None)
        else:
            self._progress[recipient, PublicationKind(kind)] = PublicationProgress(from_ms)

    def begin_again(self, note: Callable[[str, str, int], None]) -> None:
        """Begin publications again of which some parts have left: other policies may distribute what has not left otherwise."""
        for (recipient, kind), progress in self._progress.items():
            if progress.part:
                self._progress[recipient, kind] = PublicationProgress(progress.done_ms)
                note(recipient, kind, progress.done_ms)

    def due(self, policies: PolicySet, recipient: str, watermark_ms: int) -> Due | None:
        """Return a recipient's next part, or None where none may be formed yet.

        Args:
            policies: Those in force.
            recipient: Whose.
            watermark_ms: What ends until then takes no more readings.
        """
        ended = []
        for kind, span_ms in spans_ms(policies, recipient):
            progress = self._progress.get((recipient, kind))
            if progress is not None:
                end_ms = _floor_ms(kind, span_ms, progress.done_ms) + span_ms
                if end_ms <= watermark_ms:
                    ended.append(Due(recipient, kind, progress.done_ms, end_ms, progress.part))
        return min(ended, key=lambda due: (due.end_ms, list(PublicationKind).index(due.kind)), default=None)

    def part(self, recipient: str, kind: str, end_ms: int) -> Due:
        """Return the next part of the publication that ends at a time: what the journal has of one that was formed."""
        progress = self._progress[recipient, PublicationKind(kind)]
        return Due(recipient, PublicationKind(kind), progress.done_ms, end_ms, progress.part)

    def formed(self, due: Due, *, is_last: bool) -> None:
        """Record that a part was formed."""
        done = PublicationProgress(due.end_ms) if is_last else PublicationProgress(due.begin_ms, due.part + 1)
        self._progress[due.recipient, due.kind] = done

    def void(self, due: Due) -> None:
        """Record that a part was voided: it is formed again."""
        if (due.recipient, due.kind) in self._progress:
            self._progress[due.recipient, due.kind] = PublicationProgress(due.begin_ms, due.part)

    def state(self) -> list[Any]:
        """Return plain data from which ``restore`` makes the same progress."""
        return [[recipient, str(kind), *progress] for (recipient, kind), progress in self._progress.items()]

    def restore(self, state: Iterable[Any]) -> None:
        """Continue from a stored state."""
        self._progress = {
            (recipient, PublicationKind(kind)): PublicationProgress(done_ms, part) for recipient, kind, done_ms, part in state
        }


def flows_of(policies: PolicySet, recipient: str, kind: PublicationKind) -> list[tuple[Flow, str, Mechanism]]:
    """Return the flows of a recipient whose figures leave in publications of a kind, each with a property."""
    return [
        (flow, name, mechanism)
        for (flow_id, name), mechanism in policies.mechanisms.items()
        if (flow := policies.flows[flow_id]).recipient == recipient and PublicationKind.of(mechanism) is kind
    ]


def spans_ms(policies: PolicySet, recipient: str) -> list[tuple[PublicationKind, int]]:
    """Return the kinds of publications that a recipient gets, and how long each spans; of windows, the shortest that it asks."""
    spans: list[tuple[PublicationKind, int]] = []
    for kind in PublicationKind:
        flows = flows_of(policies, recipient, kind)
        if flows and kind is PublicationKind.WINDOW:
            spans.append((kind, min(WINDOW_MS[flow.ask.time] for flow, _, _ in flows)))
        elif flows:
            spans.append((kind, Period(kind).length_ms))
    return spans


def _floor_ms(kind: PublicationKind, span_ms: int, t_ms: int) -> int:
    """Return the latest end of a span at or before an instant."""
    return t_ms // span_ms * span_ms if kind is PublicationKind.WINDOW else Period(kind).start_ms(t_ms)
