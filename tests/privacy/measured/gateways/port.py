"""What a gateway gives: the records that its recipients opened, whose they are, and who stands in the figures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from tests.privacy.measured.recording import Line, Members, Owner
from tests.privacy.measured.scenarios import START_MS, Scenario


@dataclass(slots=True)
class Released:
    """What left a gateway."""

    lines: list[Line] = field(default_factory=list)
    owners: list[Owner] = field(default_factory=list)
    members: list[Members] = field(default_factory=list)


class Gateway(Protocol):
    """A gateway that a scenario can be driven through."""

    name: str

    def drive(self, scenario: Scenario) -> Released:
        """Let a scenario happen, from its first hour until all that it gives has left."""


@dataclass(frozen=True, slots=True)
class Permit:
    """That a home permits a flow from one moment until another, at most at one level."""

    since_ms: int
    until_ms: int
    time: str | None
    group: int | None


class Permits:
    """Who permits what and when, for gateways for which every word counts at once."""

    def __init__(self, scenario: Scenario) -> None:
        place = {home: index for index, home in enumerate(scenario.homes)}
        self._of: dict[tuple[str, int], list[Permit]] = {}
        for one in scenario.said:
            spans = self._of.setdefault((one.flow, place[one.home]), [])
            if spans and spans[-1].until_ms > one.at:
                spans[-1] = Permit(spans[-1].since_ms, one.at, spans[-1].time, spans[-1].group)
            if one.does == "grant":
                spans.append(Permit(one.at, scenario.end_ms + START_MS, one.time, one.group))

    def throughout(self, flow: str, home: int, begin_ms: int, end_ms: int) -> Permit | None:
        """Return by what a home permits a flow during the whole of a span, if it does."""
        for one in self._of.get((flow, home), ()):
            if one.since_ms <= begin_ms and one.until_ms >= end_ms:
                return one
        return None


@dataclass(slots=True)
class Entry:
    """A record on its way into a bundle, and whose it is or who stands in it."""

    flow: str
    cell: str
    result: float
    span: tuple[int, int]
    identity: str
    n: int | None = None
    pseudonym: str | None = None
    owner: str | None = None
    members: list[str] | None = None
    hour: int | None = None


def bundle(released: Released, at_ms: int, recipient: str, entries: list[Entry]) -> None:
    """Send entries in their order as a bundle of JSON, padded to a multiple of 128 bytes, and let the recipient read it."""
    number = released.lines[-1].bundle + 1 if released.lines else 0
    content = json.dumps([[one.flow, one.cell, one.result, one.span, one.n, one.pseudonym] for one in entries])
    size = (len(content) // 128 + 1) * 128
    for pos, one in enumerate(entries):
        released.lines.append(
            Line(
                bundle=number,
                at=at_ms,
                bytes=size,
                recipient=recipient,
                pos=pos,
                flow=one.flow,
                cell=one.cell,
                result=one.result,
                span=one.span,
                n=one.n,
                identity=one.identity,
                pseudonym=one.pseudonym,
                hour=one.hour,
            )
        )
        if one.owner is not None:
            released.owners.append(Owner(number, pos, one.owner))
        if one.members is not None:
            released.members.append(Members(number, one.flow, one.cell, one.span, one.members))
    if not entries:
        released.lines.append(Line(bundle=number, at=at_ms, bytes=size, recipient=recipient))


def averages(kwh: list[float | None], hours: int) -> Iterator[tuple[int, int, float]]:
    """Yield (first hour, hour after the last, mean) of the last hours at each hour, from the first on."""
    for end in range(1, len(kwh) + 1):
        begin = max(0, end - hours)
        known = [one for one in kwh[begin:end] if one is not None]
        if len(known) == end - begin:
            yield begin, end, sum(known) / len(known)
