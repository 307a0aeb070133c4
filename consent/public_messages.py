"""What the citizens' door tells anyone who asks, one struct each: numbers for the portal's public pages, and never a person.

What counts homes, or readings of homes, is rounded down, so that no home shows: see each struct. Numbers are those of the last
full hour, UTC, and stay as they are until the next. ``gateway.control.public`` makes them; ``gateway.control.methods`` says
by which method. Titles and rules are not repeated here: the portal reads them in the public log.
"""

from __future__ import annotations

from typing import Literal

from consent.core.decide import Owner
from consent.messages import Parameters, Result

HOMES_STEP = 5
"""Numbers of homes are rounded down to multiples of this."""


class SensorsAt(Result, frozen=True, kw_only=True):
    """The registered sensors of one profile and owner in one zone.

    Attributes:
        owner: `resident` where they are about a home, whoever owns them; `city` where they are about nobody.
        count: How many; of homes' sensors as of the beginning of the day, rounded down to a multiple of ``HOMES_STEP``.
    """

    zone: str
    profile: str
    owner: Owner
    count: int


class PublicSensors(Result, frozen=True, kw_only=True):
    """All registered sensors, by zone, profile and owner: rows where the count rounds down to none are left out."""

    sensors: list[SensorsAt]


class HiddenAmong(Result, frozen=True, kw_only=True):
    """Among how many homes one was hidden on a day, in the figures of a flow that left by then.

    Attributes:
        day: As `2026-11-28`.
        least: The smallest number that a recipient was told; rounded down to a multiple of ``HOMES_STEP``, and 0 below that.
            Where figures have noise, so has this.
        usual: Their lower median, likewise.
        figures: How many figures these are.
    """

    day: str
    least: int
    usual: int
    figures: int


class FlowServed(Result, frozen=True, kw_only=True):
    """How far a flow is open, and what left by it.

    Attributes:
        flow: Its id.
        asked: How many homes have a sensor that it could read, rounded down to a multiple of ``HOMES_STEP``; 0 of flows that read
            what is about nobody.
        permitted: How many of them let it have anything at the beginning of the present day, likewise. On a gateway's first day
            both are counted an hour after its first sensor is registered; until then they are 0.
        days: The last 30 days on which figures about homes left, newest first; of other flows none.
        bundles: How many bundles with something of it were formed in the last 30 days, and not taken back. Where homes leave one
            by one, each day is rounded down as its readings are in `ToldBy.pairs`.
        records: How many records those held, likewise.
        last_ms: The beginning of the hour in which the last of them was formed; where homes leave one by one, of the last day
            that is not rounded down to none. 0 if there was none.
    """

    flow: str
    asked: int
    permitted: int
    days: list[HiddenAmong]
    bundles: int
    records: int
    last_ms: int


class PublicFlows(Result, frozen=True, kw_only=True):
    """Every flow of the policies in force."""

    day: str
    flows: list[FlowServed]


class DayOf(Parameters, frozen=True, kw_only=True):
    """A UTC day, as `2026-11-28`; empty for the present one."""

    day: str = ""


class ToldBy(Result, frozen=True, kw_only=True):
    """What left by a flow on a day.

    Attributes:
        owner: `city` where it is about nobody, else `resident`.
        step: To a multiple of this its numbers of readings are rounded down: as in `PublicBalance.steps`, by the flow's own group
            where that is larger; that group alone where they are about nobody.
        pairs: How many readings went into it, each once for each use.
        records: How many records left; exact but for homes one by one, where it is rounded down as pairs are.
    """

    flow: str
    recipient: str
    owner: Owner
    identity: str
    step: int
    pairs: int
    records: int


class PublicBalance(Result, frozen=True, kw_only=True):
    """Where the readings of a UTC day went, by the hour: the ledger's accounts, and what left by which flow.

    Attributes:
        day: As `2026-11-28`.
        until_ms: Up to when it counts: the end of the day, or the beginning of the present hour.
        group: Among how many homes one hides in these numbers at least: the least group that a flow about homes asks for.
        days: The days that can be asked for, newest first: at most 30.
        accounts: Ledger account → how much was entered on the day, as in `pairs.considered`; those of none are left out. Only
            pairs and bundles: how many messages came in would tell of homes that no flow asks.
        steps: Ledger account → to multiples of what it is rounded down. A home gives many readings: it is what `group` homes give
            in a day, each as many as the loudest home did in any hour of it; on days on which figures of a week leave, in a week.
            1 of bundles. An account that is below its step is not named, but for `pairs.considered`: else it
            would show that there is something of one home.
        told: By flow; of those that are no longer in force too. What left of homes one by one and is below its step is left out
            likewise.
    """

    day: str
    until_ms: int
    group: int
    days: list[str]
    accounts: dict[str, int]
    steps: dict[str, int]
    told: list[ToldBy]


class PlaceOn(Parameters, frozen=True, kw_only=True):
    """A zone and a UTC day; an empty day is yesterday."""

    zone: str
    day: str = ""


class HourTold(Result, frozen=True, kw_only=True):
    """What one property came to in an hour of the day, as it left.

    Attributes:
        hour: 0 to 23, UTC: in which the readings were taken.
        readings: How many readings have left, each by itself.
        mean: Their mean, in the property's unit.
    """

    hour: int
    readings: int
    mean: float


class SeriesTold(Result, frozen=True, kw_only=True):
    """What left of one property by one flow, of a day's readings of the city's own sensors in a zone.

    Hours of which nothing left are absent, and so is what left in sums, or so coarsely that it tells neither zone nor hour.
    """

    flow: str
    observed_property: str
    hours: list[HourTold]


class PlaceTold(Result, frozen=True, kw_only=True):
    """What left on a day of the city's own sensors in a zone; nothing here is about a home."""

    zone: str
    day: str
    series: list[SeriesTold]


class EntryAt(Parameters, frozen=True, kw_only=True):
    """An index in the log."""

    index: int


class PartTold(Result, frozen=True, kw_only=True):
    """Records of one kind in a bundle that are about nobody, or one draw of figures about homes.

    Attributes:
        from_ms: The beginning of the first one's time.
        until_ms: The end of the last one's.
        records: How many.
        homes: What the recipient was told of how many homes they are about; rounded down to ``HOMES_STEP``; None where they are
            about nobody.
    """

    flow: str
    cell: str
    observed_property: str
    statistic: str
    from_ms: int
    until_ms: int
    records: int
    homes: int | None = None


class EntryTold(Result, frozen=True, kw_only=True):
    """What an entry of the log says that may be told to anyone, besides what stands in it in clear.

    What leaves of homes one by one is never told: a bundle leaves every few seconds, and would tell when a home's sensor spoke.

    Attributes:
        known: False where the opening of a release has expired: nobody can say any more. Of other entries nothing is told besides
            what stands in them, and they are always known.
        recipient: Of a release; empty where nothing of it may be told.
        parts: Of a release, by flow, cell and property; without those about homes one by one, so it may be incomplete.
        voided_by: The index of the entry that took a release back before it was sent; None if there is none.
    """

    known: bool
    recipient: str = ""
    parts: tuple[PartTold, ...] = ()
    voided_by: int | None = None


class PublicState(Result, frozen=True, kw_only=True):
    """How the gateway is, as far as anyone may know.

    Attributes:
        now_ms: Its clock.
        simulated: Whether that is a simulated one.
        rate: Simulated seconds in a second; 1 by a real clock.
        hears_sensors: Whether it is connected to the sensors' broker.
        reaches_city: Whether it is connected to every sink.
        confirmed: Whether a witness has confirmed the log, or none is asked to; until then nothing leaves.
        disk_full: Nothing is taken in and nothing leaves.
        heard_ms: The minute in which a reading of the city's own sensors last came in; 0 if none has since the start. When a
            home's did is never told.
    """

    gateway: str
    now_ms: int
    simulated: bool
    rate: float
    hears_sensors: bool
    reaches_city: bool
    confirmed: bool
    disk_full: bool
    heard_ms: int


PublicDoor = Literal["public.state", "public.sensors", "public.flows", "public.balance", "public.place", "public.entry"]
"""The methods: who asks by them has shown nothing of who they are."""
