"""The order of publications: figures about subjects leave one span after another, each in as many parts as the one before it.

A span without figures is published all the same, so that nobody learns from a missing bundle that there was nothing to tell. A
publication that is missing from the log, comes twice or out of order was left out or added by somebody.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from consent.core.disclosure import DAY_MS, WINDOW_MS
from consent.core.periods import WEEK_MS, Period
from consent.core.policies.policy import PolicySet
from gateway.audit.log.payloads import PublicationPart
from gateway.audit.replay.draws import kind_of

Stream = tuple[str, str]
"""(recipient, kind of publication)"""

Place = tuple[int, int]
"""(end of the published span in milliseconds, number of the part)"""


@dataclass(slots=True)
class _Progress:
    """How far a recipient's publications of a kind have come.

    Attributes:
        last: The latest part; None before the first.
        parts: How many parts the latest has.
        policy_entry: By which policies.
        reopened: Parts that were voided and have not been formed again.
        is_open: Whether some may be missing here: openings are, or there was a time without such flows, or a restoration.
        began_ms: The end of the first publication after such a time, while it is the latest; else -1.
    """

    last: Place | None = None
    parts: int = 0
    policy_entry: int = -1
    reopened: set[Place] = field(default_factory=set)
    is_open: bool = True
    began_ms: int = -1


class PublicationOrder:
    """Takes the publications of a log in order.

    Attributes:
        begins: Whether the latest one is the first after a beginning: it may tell of spans before it that are told nowhere else.
    """

    def __init__(self) -> None:
        self.begins = False
        self._streams: dict[Stream, _Progress] = {}
        self._steps: dict[Stream, int] = {}
        self._of: dict[int, tuple[Stream, Place]] = {}  # what each release published

    def take_policies(self, policies: PolicySet | None) -> None:
        """Take the policies that come into force; None where they cannot be read."""
        self._steps = {} if policies is None else steps_ms(policies)
        for stream, progress in self._streams.items():
            if stream not in self._steps:
                progress.is_open = True
                progress.reopened.clear()

    def pass_over(self) -> None:
        """Pass over a release whose opening is missing, or a restoration: any parts may be missing here."""
        for progress in self._streams.values():
            progress.is_open = True

    def take(self, index: int, policy_entry: int, recipient: str, part: PublicationPart) -> list[str]:
        """Take a release that is part of a publication; return what is wrong with its place."""
        self.begins = False
        stream, place = (recipient, part.kind), (part.end, part.part)
        step_ms = self._steps.get(stream)
        if step_ms is None:
            return [f"no flow for `{recipient}` is published by the {part.kind}"]
        if (Period.WEEK.start_ms(part.end) != part.end) if part.kind == "week" else part.end % step_ms:
            return [f"its publication ends where no {part.kind} does"]
        if part.part >= part.parts:
            return [f"it is part `{part.part}` of `{part.parts}`, counted from 0"]
        progress = self._streams.setdefault(stream, _Progress())
        self.begins = progress.is_open or place[0] == progress.began_ms
        progress.began_ms = part.end if self.begins else -1
        found = self._out_of_place(progress, policy_entry, place, part.parts, step_ms)
        again = place in progress.reopened and policy_entry == progress.policy_entry
        if again:
            progress.reopened.discard(place)
        elif not found or progress.last is None or place > progress.last:
            progress.last, progress.parts, progress.is_open = place, part.parts, False
            progress.policy_entry = policy_entry
            progress.reopened.clear()
        self._of[index] = stream, place
        return found

    def void(self, index: int) -> None:
        """Void a release, whose part has to be formed again."""
        stream, place = self._of.pop(index, (None, None))
        if stream is not None and place is not None:
            self._streams[stream].reopened.add(place)

    def _out_of_place(self, progress: _Progress, policy_entry: int, place: Place, parts: int, step_ms: int) -> list[str]:
        """Return what is wrong with a part's place, given those before it."""
        last, reopened = progress.last, progress.reopened
        if progress.is_open or last is None:
            return []
        unfinished = last[1] + 1 < progress.parts or bool(reopened)
        within, follows = (last[0], last[1] + 1), (_next_end(last[0], step_ms), 0)
        if policy_entry != progress.policy_entry:  # what has not left may lie in other parts, counted anew
            expected = {(last[0], 0), within} if unfinished else {follows}
        elif reopened:
            if place not in reopened and place > last:
                return ["a part before it was voided, and is not formed again yet"]
            expected = {min(reopened)}
        else:
            expected = {within if unfinished else follows}
            if place > last and parts != progress.parts:
                return [f"it has `{parts}` parts, the publication before it `{progress.parts}` by the same policies"]
        if place in expected:
            return []
        if place in reopened:
            return ["a part before it was voided, and is not formed again yet"]
        if place <= last:
            return ["that part was published before, or its turn is past"]
        return [f"a part is missing before it: the last one was part `{last[1]}` of `{progress.parts}`"]


def _next_end(end_ms: int, step_ms: int) -> int:
    """Return the first end of a span after another."""
    return end_ms + step_ms if step_ms == WEEK_MS else (end_ms // step_ms + 1) * step_ms


def steps_ms(policies: PolicySet) -> dict[Stream, int]:
    """Return how long the spans are that each recipient's publications of a kind are about."""
    found: dict[Stream, int] = {}
    for (flow_id, _), mechanism in policies.mechanisms.items():
        flow = policies.flows[flow_id]
        kind = kind_of(mechanism)
        step_ms = WINDOW_MS.get(flow.ask.time, DAY_MS) if kind == "window" else WEEK_MS if kind == "week" else DAY_MS
        stream = (flow.recipient, kind)
        found[stream] = min(step_ms, found.get(stream, step_ms))
    return found
