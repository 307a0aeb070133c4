"""A town for the tests of outages: households whose consent covers figures and single readings, between two brokers.

The gateway's clock stands and is set by the test, so that it is known of every household's reading under which consent it came
in, and whether its day had ended. The households have consented on the day before the first, so that they stand in its figures.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from firmware_sim.load import Load
from gateway.config import load_config
from gateway.recipient.records import Record
from tests.crash.scene import EVENING_MS, clock, set_clock
from tests.crash.street import DAY_MS, HOUR_MS, ZONES, Street, Told, differences
from tests.support.city import city
from tests.support.live import Listener, LiveGateway, opened
from tests.support.mosquitto import Mosquitto, running_mosquitto
from tests.support.waiting import HANG_S

HOMES = 6
SCOPE = "purpose:comfort"
TOLD_IN = 5
"""Numbers of households are rounded down to multiples of it."""

_BUILT = (
    city()
    .ceiling(identity="per-record", space="block")
    .district("riverside")
    .measures("consumption", ladder=[0.001])
    .measures("temperature", ladder=[0.1])
    .measures("peopleCount")
    .measures("LAeq", ladder=[0.1])
    .measures("pm25")
    .purpose("comfort", "Warm homes")
    .purpose("streets", legal_basis="public-task")
    .recipient("housing", "Housing office")
    .recipient("streets", "Streets office")
    .flow(
        "heating",
        "consumption",
        why="To see what heating takes",
        statistic="sum",
        purpose="comfort",
        recipient="housing",
        identity="aggregate",
        time="1h",
        space="district",
        group=3,
        retention=30,
    )
    .flow(
        "warmth",
        "temperature",
        why="To find homes that stay cold",
        purpose="comfort",
        recipient="housing",
        identity="per-record",
        time="exact",
        space="block",
        retention=30,
    )
    .flow(
        "city-sensors",
        "peopleCount",
        "LAeq",
        "pm25",
        why="To warn",
        purpose="streets",
        recipient="streets",
        identity="per-record",
        time="exact",
        space="block",
        retention=30,
    )
    .device("home", {"consumption": "kwh", "temperature": "temp"}, title="Device", numbered=True)
    .device("footfall", {"peopleCount": "count"}, title="Device", numbered=True)
    .device("noise", {"LAeq": "LAeq"}, codec="cbor", title="Device", numbered=True)
    .device("air-quality", {"pm25": "pm25"}, codec="senml", title="Device")
)
for _zone in ZONES:
    _BUILT.zone(_zone, "riverside")
POLICIES = _BUILT.files()


@dataclass(slots=True)
class Home:
    """A household, what it has sent, and what the city is to get of it.

    Attributes:
        wh: Its consumption that belongs in figures, by hour.
        warmth: Its readings that are to go out one by one: (time, result) → how often.
    """

    topic: str
    place: int
    subject: str = ""
    sent: int = 0
    wh: Counter[int] = field(default_factory=Counter)
    warmth: Counter[tuple[int, float]] = field(default_factory=Counter)

    def message(self, t_ms: int, *, in_figures: bool, singly: bool) -> tuple[str, bytes]:
        """Return its next message.

        Args:
            t_ms: Of its reading, a whole second.
            in_figures: Whether its consumption is to stand in figures.
            singly: Whether the city is to get its temperature.
        """
        self.sent += 1
        wh, tenths = 100 + 10 * self.place + self.sent, 150 + 20 * self.place + self.sent
        if in_figures:
            self.wh[t_ms // HOUR_MS * HOUR_MS] += wh
        if singly:
            self.warmth[t_ms, tenths / 10] += 1
        fields = {"t": t_ms // 1000, "seq": self.sent, "boot": 1, "kwh": wh / 1000, "temp": tenths / 10}
        return self.topic, json.dumps(fields).encode()

    def forget(self, from_ms: int) -> None:
        """Take back that anything from a time on is to reach the city."""
        self.wh = Counter({hour_ms: wh for hour_ms, wh in self.wh.items() if hour_ms < from_ms})
        self.warmth = Counter({reading: n for reading, n in self.warmth.items() if reading[0] < from_ms})


@dataclass(slots=True)
class Town:
    """A gateway between two brokers, and its households."""

    live: LiveGateway
    broker: Mosquitto
    upstream: Mosquitto
    listener: Listener
    street: Street
    homes: list[Home]

    def publish(
        self, *times_ms: int, silent: Sequence[Home] = (), joining: Sequence[Home] = (), until_taken: bool = True
    ) -> None:
        """Have every household publish a reading of each time, and wait until the gateway has taken them.

        Args:
            times_ms: Whole seconds.
            silent: Households of whose readings the city is to get nothing.
            joining: Households that stand in figures from the next day only.
            until_taken: Whether to wait; until the broker has taken them is waited for in any case.
        """
        messages = [
            home.message(t_ms, in_figures=home not in (*silent, *joining), singly=home not in silent)
            for t_ms in times_ms
            for home in self.homes
        ]
        before = self._home_observations() if until_taken else 0
        assert Load("127.0.0.1", self.broker.port, messages, client_id="homes").run(HANG_S).acknowledged == len(messages)
        if until_taken:
            self.live.wait_until(lambda _: self._home_observations() >= before + 2 * len(messages))

    def _home_observations(self) -> int:
        """Return how many observations of households there have been: theirs come in pairs, the city's own singly."""
        ledger = self.live.status()["ledger"]
        decoded: int = ledger.get("observations.decoded", 0)
        admitted: int = ledger.get("frames.admitted", 0)
        return 2 * (decoded - admitted)

    def clock_to(self, t_ms: int) -> None:
        """Set the gateway's clock."""
        self.live.call("clock.advance", {"to": datetime.fromtimestamp(t_ms / 1000, UTC).isoformat()})

    def wait_for_figures(self) -> None:
        """Wait until the city has all figures that are to be expected by now."""
        due = self._figures()
        deadline_s = time.monotonic() + HANG_S
        while len([record for record in self._records(0) if record.id is None]) < due.total():
            assert time.monotonic() < deadline_s, "the day's figures did not arrive"
            time.sleep(0.05)

    def lose_upstream(self) -> None:
        """Stop the broker upstream, and wait until the gateway knows."""
        self.upstream.stop()
        self.live.wait_until(lambda shown: not shown["sinks"]["city"]["connected"])

    def check(
        self, public: Counter[Told], complaints: Collection[str] = (), may_complain: Collection[str] = ()
    ) -> dict[str, int]:
        """Wait until all has arrived; fail unless the city got each reading and figure once, and nothing more.

        Args:
            public: What the city's own sensors published.
            complaints: What the gateway must have complained of, each at least once.
            may_complain: What else it may have complained of.
        Returns: The ledger.
        """
        expected = public + self._warmth()
        least = expected.total() + len(self._figures())
        self._records(least)  # one bundle after another: between two of them nothing waits
        shown = self.live.wait_drained()
        records = self._records(least)
        singles = [record for record in records if record.id is not None]
        readings = Counter((r.observed_property, r.phenomenon_time[0], r.cell, float(r.result)) for r in singles)
        assert differences(expected, readings) == ""
        assert len({record.id for record in singles}) == expected.total()
        assert Counter((r.phenomenon_time[0], round(r.result * 1000), r.n) for r in records if r.id is None) == self._figures()
        assert shown["imbalances"] == []
        assert self.live.stop() == 0
        report = self.live.verify()
        assert report.ok, report.to_text()
        lines = [json.loads(line) for line in self.live.log().splitlines() if line.startswith("{")]
        complained = {line["event"] for line in lines if line["level"] == "error"}
        assert set(complaints) <= complained <= {*complaints, *may_complain}
        ledger: dict[str, int] = shown["ledger"]
        return ledger

    def _records(self, least: int) -> list[Record]:
        """Return what the city opened, once that is as much as it should be, or after a while."""
        deadline_s = time.monotonic() + HANG_S
        while True:
            records = [record for bundle in opened(self.live, self.listener) for record in bundle.records]
            if len(records) >= least or time.monotonic() > deadline_s:
                return records
            time.sleep(0.1)

    def _warmth(self) -> Counter[Told]:
        """Return the households' readings that are to go out one by one."""
        expected: Counter[Told] = Counter()
        for home in self.homes:
            for (t_ms, result), n in home.warmth.items():
                expected["temperature", t_ms, ZONES[home.place % len(ZONES)], result] += n
        return expected

    def _figures(self) -> Counter[tuple[int, int, int]]:
        """Return the figures to expect: (hour, W.h, households of the day as they are told)."""
        sums: Counter[int] = Counter()
        for home in self.homes:
            sums.update(home.wh)
        days = [{hour_ms // DAY_MS for hour_ms in home.wh} for home in self.homes]
        homes = Counter(day for each in days for day in each)
        return Counter((hour_ms, wh, homes[hour_ms // DAY_MS] // TOLD_IN * TOLD_IN) for hour_ms, wh in sums.items())


@contextmanager
def town(folder: Path, release: str = "") -> Iterator[Town]:
    """Set up a town whose households all consent; everything runs when this returns, and nothing afterwards.

    Args:
        folder: Empty, or with the folder of a disk at `gateway/state`.
        release: Lines of the configuration's `[release]`.
    """
    (folder / "broker").mkdir()
    (folder / "upstream").mkdir()
    street = Street(1, footfall=4, noise=4, air=4)
    homes = [Home(f"t/homes/{place}", place) for place in range(HOMES)]
    with running_mosquitto(folder / "broker") as broker, running_mosquitto(folder / "upstream") as upstream:
        live = LiveGateway(
            folder / "gateway", broker.port, upstream_port=upstream.port, policies=POLICIES, extra=clock(0, EVENING_MS, rate=0)
        )
        live.config.write_text(live.config.read_text().replace("[release]\n", f"[release]\n{release}"))
        live.place = load_config(live.config)
        rows = [
            {
                "profile": "home",
                "zone": ZONES[home.place % len(ZONES)],
                "topic": home.topic,
                "owner": "resident",
                "subject": "new",
            }
            for home in homes
        ]
        for home, row in zip(homes, live.add_devices(rows + street.registry()), strict=False):
            home.subject = row["subject"]
        live.offline([("consent.grant", {"subject": home.subject, "scope": SCOPE}) for home in homes])
        set_clock(live, clock(0, EVENING_MS, rate=0), clock(0, rate=0))
        listener = Listener(upstream.port, live.gateway)
        try:
            live.start()
            live.wait_ready()
            yield Town(live, broker, upstream, listener, street, homes)
        finally:
            live.end()
            listener.close()
