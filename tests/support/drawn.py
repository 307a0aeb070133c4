"""Publications as a gateway would log them, built part by part, so that any of them may be wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from msgspec import structs

from consent.core.canonical import disclosure_map
from consent.core.decide import Owner, decide
from consent.core.outcome import WINDOW_MS_BY_LABEL, Outcome, outcome
from consent.core.periods import WEEK_MS, Publish
from consent.core.policies.policy import PolicySet
from gateway.audit.log.entries import Kind
from gateway.audit.log.payloads import Contribution, PublicationPart, ReleasedDraw, ReleasePayload, ReleaseRecord, VoidPayload
from gateway.core.plans import Device
from tests.support.city import City, city
from tests.support.gate import DAY_MS, HOUR_MS, MIDNIGHT_MS, Gate

BUNDLE_SHA256 = bytes(32)


def suburb(exact_group: int = 5) -> City:
    """Return a town whose homes stand in figures of every kind: noisy by the day, window and week, exact, and totals."""
    flow: dict[str, Any] = {"purpose": "energy", "recipient": "office", "space": "district", "retention": 30}
    hours = flow | {"identity": "aggregate", "time": "1h", "group": 5}
    return (
        city()
        .ceiling(identity="per-epoch", space="block")
        .limits(exact_group=exact_group, mu_day=3)
        .district("north")
        .district("south")
        .zone("mill", "north")
        .zone("dock", "south")
        .measures("consumption", 0, 100)
        .measures("temperature", -20, 50)
        .quantity("electricity", "consumption", cell="1h", clip=10, presence=2)
        .quantity("warmth", "temperature", cell="1h", clip=40, presence=5)
        .purpose("energy", dpv="CombatClimateChange")
        .recipient("office")
        .recipient("lab")
        .flow("hourly", "consumption", statistic="sum", budget=2, **hours)
        .flow("live", "consumption", statistic="sum", budget=1, publish="window", **hours | {"recipient": "lab"})
        .flow("week", "consumption", statistic="typical-day", budget=1, period="week", clip=8, **hours)
        .flow("warm", "temperature", statistic="mean", noise="none", **hours)
        .flow("warm-lab", "temperature", statistic="sum", noise="none", **hours | {"recipient": "lab"})
        .flow("warm-daily", "temperature", statistic="mean", **flow | {"identity": "per-epoch", "time": "day"})
        .device("meter", {"consumption": "kwh", "temperature": "temp"}, "unix-ms")
    )


class Suburb:
    """A gateway's log in which publications are written by hand.

    Attributes:
        gate: Whose consents, policies and log they rest on; its clock stands where the tests put it.
        day_ms: The day that ``day`` publishes next, by stream.
    """

    def __init__(self, homes: int, *scopes: str, policies: PolicySet | None = None) -> None:
        self.gate = Gate(policies or suburb().policies(), MIDNIGHT_MS - 8 * DAY_MS)
        self.homes = self.gate.homes(homes, *scopes)
        self.gate.now_ms = MIDNIGHT_MS + DAY_MS + HOUR_MS
        self._next: dict[tuple[str, str], int] = {}

    @property
    def policies(self) -> PolicySet:
        """The policies in force."""
        return self.gate.state.policies

    def draw(self, flow_id: str, end_ms: int, homes: Sequence[Device], **changed: Any) -> ReleasedDraw:
        """Return the draw of some homes that ends then, as the policies say it is, but for what is changed."""
        policies, flow = self.policies, self.policies.flows[flow_id]
        (name,) = flow.properties
        mechanism = policies.mechanisms[flow_id, name]
        at = self.outcome(homes[0], flow_id) if homes else None
        level, cell = (("1h", "district", "0.1"), "north") if at is None or at.reason else (at.level.precision, at.level.cell)
        window_ms = WINDOW_MS_BY_LABEL[level[0]]
        drawn_ms = window_ms if mechanism.publish is Publish.WINDOW else mechanism.period.length_ms
        noisy = mechanism.mu is not None
        told = max(len(homes), flow.ask.group, policies.limits.exact_group if not noisy else 0) // 5 * 5
        draw = ReleasedDraw(
            flow=flow_id,
            level=level,
            cell=cell,
            property=name,
            statistic=flow.statistic_of(name),
            period=mechanism.period.value,
            span=(end_ms - drawn_ms, end_ms),
            mechanism="gaussian" if noisy else "none",
            mu=_text(flow.ask.budget) if noisy else "",
            draws=mechanism.draws_a_period(window_ms) if noisy else 1,
            clip=_text(mechanism.clip) if noisy else "",
            presence=_text(mechanism.quantity.presence) if noisy else "",
            told=told,
            records=min(drawn_ms, DAY_MS) // window_ms,
            struck=(),
            n=len(homes),
        )
        return structs.replace(draw, **changed)

    def outcome(self, home: Device, flow_id: str) -> Outcome:
        """Return what becomes of a home's readings for a flow of one property."""
        flow = self.policies.flows[flow_id]
        consents = self.gate.state.registry.book.resolve(home.subject or b"", flow)
        cap = self.policies.profiles[home.profile].cap
        decision = decide(self.policies, flow_id, consents, home.zone, cap, self.gate.now_ms, Owner.CITY)
        return outcome(self.policies, flow, flow.properties[0], decision, home.zone)

    def share(self, home: Device, flow_id: str, record: int) -> Contribution:
        """Return the part of a home in a record or draw, as what is in force gives it."""
        book, force = self.gate.state.registry.book, self.gate.state.force
        assert force is not None
        said = book.resolve(home.subject or b"", self.policies.flows[flow_id])
        consents = sorted(book.entry_of(consent) for consent in said if consent is not None)
        permitted = disclosure_map(self.outcome(home, flow_id).disclosure)
        return Contribution(record, home.subject or b"", permitted, force.entry, tuple(consents), 1, home.profile, home.zone)

    def publish(
        self,
        recipient: str,
        kind: Any,
        end_ms: int,
        *drawn: tuple[ReleasedDraw, Iterable[Contribution]],
        part: tuple[int, int] | None = (0, 1),
    ) -> int:
        """Log one part of a publication, or a bundle that is none; return its index."""
        place = None if part is None else PublicationPart(kind, end_ms, *part)
        payload = ReleasePayload(recipient, (), tuple(draw for draw, _ in drawn), place)
        return self.log(payload, [one for _, shares in drawn for one in shares])

    def day(self, recipient: str, *flows: str, homes: Sequence[Device] | None = None, **changed: Any) -> int:
        """Log the next day's publication of a recipient, with one draw of each flow, of all homes or of these."""
        end_ms = self._next.get((recipient, "day"), MIDNIGHT_MS + DAY_MS)
        self._next[recipient, "day"] = end_ms + DAY_MS
        self.gate.now_ms = max(self.gate.now_ms, end_ms + HOUR_MS)
        return self.publish(recipient, "day", end_ms, *self.drawn(end_ms, *flows, homes=homes, **changed))

    def drawn(
        self, end_ms: int, *flows: str, homes: Sequence[Device] | None = None, **changed: Any
    ) -> list[tuple[ReleasedDraw, list[Contribution]]]:
        """Return one draw of each flow, and its parts."""
        whose = self.homes if homes is None else homes
        return [
            (self.draw(flow, end_ms, whose, **changed), [self.share(home, flow, number) for home in whose])
            for number, flow in enumerate(flows)
        ]

    def totals(self, end_ms: int, homes: Sequence[Device]) -> int:
        """Log the daily totals of some homes."""
        at = [self.outcome(home, "warm-daily") for home in homes]
        records = tuple(
            ReleaseRecord(
                "warm-daily",
                each.level.precision,
                each.level.cell,
                (end_ms - DAY_MS, end_ms),
                1,
                "per-epoch",
                "temperature",
                "mean",
            )
            for each in at
        )
        return self.log(
            ReleasePayload("office", records), [self.share(home, "warm-daily", number) for number, home in enumerate(homes)]
        )

    def log(self, payload: ReleasePayload, shares: Iterable[Contribution]) -> int:
        """Log a release."""
        log = self.gate.state.log
        parts = log.one_part(payload.encode())
        for one in shares:
            parts += log.one_part(one.encode())
        index = log.append_entry(Kind.RELEASE, self.gate.now_ms, parts, labels=bytes(16), bundle_sha256=BUNDLE_SHA256)
        self.gate.commit()
        return index

    def void(self, release: int) -> int:
        """Log the void of a release."""
        log = self.gate.state.log
        index = log.append_entry(Kind.VOID, self.gate.now_ms, [VoidPayload(release).part(BUNDLE_SHA256)])
        self.gate.commit()
        return index

    def pass_days(self, days: int = 4) -> None:
        """Let days pass until nothing more leaves of those before, with an entry at their end."""
        self.gate.now_ms += days * DAY_MS
        self.note()

    def note(self) -> None:
        """Log something that matters to no release, at the present time."""
        self.gate.home("warm")
        self.gate.commit()


WEEK_END_MS = MIDNIGHT_MS - MIDNIGHT_MS % DAY_MS
"""A Monday: 2026-03-02."""
assert (WEEK_END_MS - 4 * DAY_MS) % WEEK_MS == 0


def _text(number: float | Decimal) -> str:
    return f"{Decimal(str(number)).normalize():f}"
