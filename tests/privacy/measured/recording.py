"""Recordings: what a recipient got from a gateway, and beside it what an attack is held against, as files of JSON lines.

    records.jsonl   one line a record, as it was opened, and one without `pos` for a bundle that held none
    truth.jsonl     what each home used; what each home said, and when; whose each single record is
    members.jsonl   which homes stand in each figure

An attack is given a ``Recording``, reads these files and nothing else, so that others can bring attacks of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import msgspec

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
WEEK_MS: Final = 7 * DAY_MS


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"span": "phenomenonTime"}):
    """A record, or a bundle without any.

    Attributes:
        bundle: Counts the bundles of a recording, in the order in which they left.
        pos: The record's place in its bundle, from 0; None where the bundle is empty.
        at: When the bundle left, in milliseconds since the Unix epoch.
        bytes: The bundle's size as it was sent.
        span: Begin and end of the time that the figure is about, in milliseconds.
        n: How many homes stand in it, as it was told.
        pseudonym: Under which a single home stands in it, in hexadecimal.
        hour: Of a typical day, its hour.
        mu: μ of the noise in it; None where it is exact.
    """

    bundle: int
    at: int
    bytes: int
    recipient: str
    pos: int | None = None
    flow: str = ""
    cell: str = ""
    result: float = 0.0
    span: tuple[int, int] = (0, 0)
    n: int | None = None
    identity: str = ""
    pseudonym: str | None = None
    hour: int | None = None
    mu: float | None = None


class DayOf(msgspec.Struct, frozen=True, tag_field="kind", tag="day"):
    """What one home used on one day; kWh by the hour, None where its meter sent nothing."""

    home: str
    cell: str
    day: int
    kwh: list[float | None]


class Said(msgspec.Struct, frozen=True, tag_field="kind", tag="said"):
    """What one home said: `grant`, `withdraw`; with the finest time and least group that it permits, if it said so."""

    at: int
    home: str
    cell: str
    flow: str
    does: str
    time: str | None = None
    group: int | None = None
    is_first: bool = False


class Owner(msgspec.Struct, frozen=True, tag_field="kind", tag="owner"):
    """Whose a single record is."""

    bundle: int
    pos: int
    home: str


class Members(msgspec.Struct, frozen=True):
    """The homes in a figure; of a home that stands only in a part of its time, nothing is told."""

    bundle: int
    flow: str
    cell: str
    span: tuple[int, int]
    homes: list[str]


class Recording:
    """A folder with one gateway's records of one scenario, read when they are asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def gateway(self) -> str:
        """Return whose records they are."""
        return self.folder.parent.name

    @cached_property
    def bundles(self) -> list[Line]:
        """The first line of each bundle: whatever its records, when it left, for whom, and how large."""
        seen: dict[int, Line] = {}
        for line in self._all:
            seen.setdefault(line.bundle, line)
        return list(seen.values())

    @cached_property
    def lines(self) -> list[Line]:
        """The records."""
        return [line for line in self._all if line.pos is not None]

    @cached_property
    def _all(self) -> list[Line]:
        return msgspec.json.Decoder(Line).decode_lines((self.folder / "records.jsonl").read_bytes())

    @cached_property
    def _truth(self) -> list[DayOf | Said | Owner]:
        return msgspec.json.Decoder(DayOf | Said | Owner).decode_lines((self.folder / "truth.jsonl").read_bytes())

    @cached_property
    def days(self) -> list[DayOf]:
        """What every home used."""
        return [one for one in self._truth if isinstance(one, DayOf)]

    @cached_property
    def said(self) -> list[Said]:
        """What homes said after the beginning, in order."""
        return [one for one in self._truth if isinstance(one, Said) and not one.is_first]

    @cached_property
    def permitted_first(self) -> list[Said]:
        """What homes had said before the beginning."""
        return [one for one in self._truth if isinstance(one, Said) and one.is_first]

    @cached_property
    def owners(self) -> dict[tuple[int, int], str]:
        """(bundle, place) → whose the record is."""
        return {(one.bundle, one.pos): one.home for one in self._truth if isinstance(one, Owner)}

    @cached_property
    def members(self) -> list[Members]:
        """Who stands in each figure."""
        return msgspec.json.Decoder(Members).decode_lines((self.folder / "members.jsonl").read_bytes())

    @cached_property
    def kwh(self) -> dict[tuple[str, int], float]:
        """(home, beginning of an hour) → what it used; hours in which its meter sent nothing have no entry."""
        return {
            (one.home, one.day + hour * HOUR_MS): kwh for one in self.days for hour, kwh in enumerate(one.kwh) if kwh is not None
        }


def write(folder: Path, lines: Iterable[Line], truth: Iterable[DayOf | Said | Owner], members: Iterable[Members]) -> Recording:
    """Write a recording; the folder is `<gateway>/<scenario>`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("records", lines), ("truth", truth), ("members", members)):
        (folder / f"{name}.jsonl").write_bytes(_encoder.encode_lines(list[Any](rows)))
    return Recording(folder)


def sums(lines: Sequence[Line], flow: str) -> dict[tuple[str, tuple[int, int]], tuple[float, int]]:
    """Return a flow's figures: (cell, span) → (sum, number of homes); records of single homes are added up.

    Where a cell and span has figures of several levels, the largest number of homes tells which is meant.
    """
    found: dict[tuple[str, tuple[int, int]], tuple[float, int]] = {}
    for line in lines:
        if line.flow != flow or line.hour is not None:
            continue
        key = (line.cell, line.span)
        total, n = found.get(key, (0.0, 0))
        if line.n is None:
            found[key] = (total + line.result, n + 1)
        elif key not in found or line.n > n:
            found[key] = (line.result, line.n)
    return found


_encoder: Final = msgspec.json.Encoder()
