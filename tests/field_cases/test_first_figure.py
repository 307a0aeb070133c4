"""Ten plugs of a common make publish, and nobody has written a device profile: how long until the first figure about their homes.

The steps are those of a crew with a shell: name a shipped profile in the city's file, let the gateway list what publishes,
complete the list, register from it, enter what the households said. The time is told, and no bound is put on it.
"""

from __future__ import annotations

import csv
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firmware_sim.load import Load
from gateway.recipient.records import Record
from tests.support.city import city
from tests.support.live import Listener, LiveGateway, opened
from tests.support.mosquitto import running_mosquitto
from tests.support.shell import Shell
from tests.support.waiting import HANG_S

PROFILE = "shelly-plus-1pm"
PLUGS = tuple(f"plugs/shellyplus1pm-80646fe0a1{n:02x}" for n in range(10))
START = "2026-05-06T09:50:00Z"
FIRST_DAY = ("2026-05-07T09:50:00Z", "2026-05-07T10:10:00Z", "2026-05-07T10:55:00Z")
"""Of figures: households stand in them from the day after they have permitted it."""
HOUR_MS = (1778148000000, 1778151600000)
ENDED = "2026-05-08T00:20:00Z"


def policies() -> dict[str, str]:
    """Return a city that uses a shipped profile, and forms hourly figures of at least ten homes."""
    built = (
        city(timezone="Europe/Madrid")
        .ceiling(identity="aggregate", space="district")
        .district("north")
        .zone("mill", "north")
        .measures("totalConsumption", 0, 50)
        .purpose("energy", dpv="CombatClimateChange")
        .recipient("office")
        .flow(
            "hourly",
            "totalConsumption",
            statistic="delta",
            purpose="energy",
            recipient="office",
            identity="aggregate",
            time="1h",
            space="district",
            group=10,
            retention=365,
        )
    )
    files = built.files()
    return files | {"city.toml": f'{files["city.toml"]}\n[use]\ndevices = ["{PROFILE}"]\n'}


def status(n: int, wh: float) -> tuple[str, bytes]:
    """Return what a plug says about its switch every minute."""
    payload = (
        f'{{"id":0,"source":"timer","output":true,"apower":{40 + n}.2,"voltage":231.4,"current":0.21,'
        f'"aenergy":{{"total":{1000 * n + wh:.3f},"by_minute":[671.2,690.1,688.0],"minute_ts":1778061000}},'
        f'"temperature":{{"tC":41.3,"tF":106.4}}}}'
    )
    return f"{PLUGS[n]}/status/switch:0", payload.encode()


@contextmanager
def publishing(port: int, wh: float) -> Iterator[None]:
    """Let all plugs publish again and again until the context ends."""
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            Load("127.0.0.1", port, [status(n, wh) for n in range(len(PLUGS))]).run(HANG_S)
            ended.wait(0.1)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(HANG_S)


def discovered(shell: Shell, folder: Path) -> Path:
    """Have the gateway list what publishes, and again until all plugs are on the list: not all may be heard in a second."""
    file, deadline_s = folder / "found.csv", time.monotonic() + HANG_S
    while True:
        shell.run("device", "discover", "--for", "1s", "--csv", file.name)
        with file.open(newline="") as read:
            if len(list(csv.DictReader(read))) == len(PLUGS):
                return file
        assert time.monotonic() < deadline_s, "not all plugs are found"
        file.unlink()


def completed(file: Path) -> Path:
    """Fill in what only people know: where each device stands, whose it is, and whom its readings are about."""
    with file.open(newline="") as read:
        rows = list(csv.DictReader(read))
    assert {row["profile"] for row in rows} == {PROFILE}, rows
    done = file.with_name("completed.csv")
    with done.open("w", newline="") as written:
        table = csv.DictWriter(written, fieldnames=list(rows[0]))
        table.writeheader()
        table.writerows({**row, "zone": "mill", "owner": "resident", "subject": "new"} for row in rows)
    return done


def use(live: LiveGateway, port: int, at: str, wh: float) -> None:
    """Set the clock, and let every plug tell its register once."""
    live.call("clock.advance", {"to": at})
    received = live.status()["ledger"].get("frames.received", 0)
    assert Load("127.0.0.1", port, [status(n, wh) for n in range(len(PLUGS))]).run(HANG_S).acknowledged == len(PLUGS)
    live.wait_drained(received + len(PLUGS))


def test_ten_plugs_give_a_first_figure_without_a_profile_written_by_hand(tmp_path: Path) -> None:
    """Discovered, registered from the list, permitted by ten households, and read by an office once the day has ended."""
    began_s = time.monotonic()
    steps: list[tuple[str, float]] = []

    def done(step: str) -> None:
        steps.append((step, time.monotonic() - began_s))

    with running_mosquitto(tmp_path) as broker:
        clock = f'\n[clock]\nsimulated = true\nstart = "{START}"\nrate = 0\n'
        live = LiveGateway(tmp_path / "gateway", broker.port, policies=policies(), filters=("plugs/#",), tick_ms=50, extra=clock)
        shell, listener = Shell(live), Listener(broker.port, live.gateway)
        try:
            live.start().wait_ready()
            done("gateway runs")
            with publishing(broker.port, 100.0):
                found = discovered(shell, live.folder)
            done("plugs discovered")
            listed = completed(found)
            shell.run("device", "add", "--from", str(listed), "--dry-run")
            added = shell.json("device", "add", "--from", str(listed), "--sheet", "codes.html")["devices"]
            assert len(added) == len(PLUGS)
            done("registered from the list")
            for one in added:
                live.call("consent.grant", {"subject": one["subject"], "scope": "purpose:energy"})
            done("ten households have permitted it")
            for at, wh in zip(FIRST_DAY, (100.0, 350.0, 900.0), strict=True):
                use(live, broker.port, at, wh)
            live.call("clock.advance", {"to": ENDED})
            live.wait_until(lambda _: bool(figures(live, listener)))
            done("figure at the office")
            figure = next(each for each in figures(live, listener) if each.phenomenon_time == HOUR_MS)
            assert (figure.flow, figure.statistic, figure.n) == ("hourly", "delta", 10)
            assert figure.result == 8.0, "each of ten homes has used 0.8 kW.h since before the hour"
            assert live.stop() == 0
            assert live.verify().exit_status == 0
        finally:
            listener.close()
            live.end()
    for step, at_s in steps:
        print(f"{at_s:6.1f} s  {step}")


def figures(live: LiveGateway, listener: Listener) -> list[Record]:
    """Return what the office has."""
    return [record for bundle in opened(live, listener) for record in bundle.records]
