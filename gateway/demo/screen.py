"""The demo's screen: the water balance, and raw readings beside what the city received of them."""

from __future__ import annotations

import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any, Self, TextIO

from rich.columns import Columns
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from consent.printable import printable_lines
from gateway.demo.stage import DemoScene
from gateway.recipient.records import Record
from gateway.terminal import drawing

_KINDS = {
    "meter": "consumption aggregate",
    "shelly-plus-1pm": "totalConsumption aggregate",
    "milesight-em300-th-chirpstack-4": "temperature per-record",
}
"""Kind of sensor → what the city got of it."""

TALL, WIDE = 38, 110
"""The lines and columns from which a terminal has room for the whole screen."""


class _PrintableConsole(Console):
    """A console that draws by control sequences of its own, and shows foreign text without any."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Yield the segments of a renderable, the text of each printable."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else printable_lines(text), style, control)


class Screen:
    """A live view on a terminal; elsewhere one line whenever the phase changes."""

    def __init__(self, out: TextIO) -> None:
        """Draw on ``out``."""
        self._console = _PrintableConsole(file=drawing(out))
        self._live = Live(console=self._console, refresh_per_second=4) if self._console.is_terminal else None
        self._phase = ""

    def __enter__(self) -> Self:
        """Start drawing."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Restore the terminal."""
        if self._live is not None:
            self._live.stop()

    def show(self, scene: DemoScene) -> None:
        """Draw the present scene."""
        if self._live is not None:
            self._live.update(_picture(scene, small=self._console.height < TALL or self._console.width < WIDE))
        elif scene.phase != self._phase:
            self._phase = scene.phase
            self._console.print(f"{time.time() - scene.began_at_s:5.1f} s  {scene.phase}")

    def finish(self, scene: DemoScene, outcome: dict[str, Any]) -> None:
        """Print the outcome."""
        print_ = self._console.print
        print_(
            f"\n{outcome['published']} messages came from the sensors; the city got {outcome['bundles_acknowledged']} bundles. "
            f"One household withdrew, in force after {outcome['withdrawal_ms']} ms."
        )
        print_(f"audit: {outcome['audit']}   ledger: {outcome['ledger']}   log: {outcome['log_size']} entries")
        if scene.report is not None and not scene.report.ok:
            print_(scene.report.to_text(), markup=False, highlight=False)
        print_(f"Everything is kept in {scene.city.folder}", markup=False, highlight=False, soft_wrap=True)
        print_("\nCheck it yourself:", markup=False)
        words = ("audit", "verify", outcome["log_dir"], "--key", outcome["log_vkey"], "--openings", outcome["openings_dir"])
        print_(f"  {shlex.join((_program(), *words))}", markup=False, highlight=False, soft_wrap=True)


def _program() -> str:
    """Return the word that runs this program from the user's folder; in a checkout it is not on PATH."""
    installed = Path(sys.executable).with_name("sluice")
    if shutil.which("sluice"):
        return "sluice"
    return str(installed.relative_to(Path.cwd()) if installed.is_relative_to(Path.cwd()) else installed)


def _picture(scene: DemoScene, *, small: bool) -> RenderableType:
    status = scene.status
    if not status:
        return Text(scene.phase)
    head = Text.assemble(
        ("Sluice  ", "bold cyan"),
        f"{status['clock']['now'][:16].replace('T', ' ')} UTC, ",
        (f"simulated, {scene.clock.rate:g} times as fast as real time", "yellow"),
        f"   {scene.phase}, {time.time() - scene.began_at_s:.0f} s",
    )
    if small:  # 80 columns and 24 lines: what the city got comes first
        return Group(head, _beside(scene, kinds=["meter"]), _in_columns(_balance_rows(scene)))
    return Group(head, Columns([_balance(scene), _log(scene)]), _beside(scene, kinds=list(_KINDS)))


def _balance_rows(scene: DemoScene) -> list[tuple[str, int, str]]:
    """Return the lines of the water balance: name, amount, style."""
    ledger: dict[str, int] = scene.status["ledger"]
    withheld = [(f"  withheld: {name[15:]}", n, "red") for name, n in ledger.items() if name.startswith("pairs.withheld.")]
    suppressed = [
        (f"  {name[6:].replace('.', ': ')}", n, "red")
        for name, n in ledger.items()
        if name.startswith(("pairs.suppressed.", "pairs.withheld_at_release."))
    ]
    return [
        ("frames received", ledger.get("frames.received", 0), "bold"),
        ("pairs considered", ledger.get("pairs.considered", 0), "bold"),
        *withheld,
        ("  in windows", ledger.get("pairs.open", 0), "blue"),
        ("  waiting", ledger.get("pairs.waiting", 0), "blue"),
        *suppressed,
        ("  withdrawn", ledger.get("pairs.withdrawn", 0), "magenta"),
        ("  released in figures", ledger.get("pairs.aggregated", 0), "green"),
        ("  released one by one", ledger.get("pairs.released", 0), "green"),
    ]


def _balance(scene: DemoScene) -> RenderableType:
    table = Table(box=None, padding=(0, 1), show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column()
    most = max(1, scene.status["ledger"].get("pairs.considered", 0))
    for name, n, style in _balance_rows(scene):
        bar = "" if name.startswith("frames") else "█" * round(24 * n / most)
        table.add_row(Text(name, style), f"{n:,}", Text(bar, style))
    return Panel(table, title="water balance", border_style="cyan")


def _in_columns(rows: list[tuple[str, int, str]]) -> RenderableType:
    """Return the balance in two columns, without bars."""
    table = Table(box=None, padding=(0, 1), show_header=False)
    half = (len(rows) + 1) // 2
    for left, right in zip_longest(rows[:half], rows[half:], fillvalue=("", 0, "")):
        table.add_row(*(cell for name, n, style in (left, right) for cell in (Text(name, style), f"{n:,}" if name else "")))
    return table


def _log(scene: DemoScene) -> RenderableType:
    status, heard = scene.status, scene.heard
    table = Table(box=None, padding=(0, 1), show_header=False)
    table.add_row("log entries", f"{status['log']['size']:,}")
    table.add_row("gateway restarts", str(scene.process.restarts))
    for recipient, bundles in sorted(heard.bundles.items()):
        table.add_row(recipient, f"{bundles:,} bundles, {heard.records[recipient]:,} records")
    if scene.withdrawn_at_index >= 0:
        table.add_row(Text("a household withdrew", "magenta"), f"in force after {scene.withdrawal_ms:.0f} ms")
    return Panel(table, title="the city and the log", border_style="cyan")


def _beside(scene: DemoScene, kinds: list[str]) -> RenderableType:
    table = Table(title="a raw reading, and what the city got of it", expand=True)
    table.add_column("at the sensor", ratio=1, overflow="fold")
    table.add_column("at the city", ratio=1, overflow="fold")
    for kind in kinds:
        reading, record = scene.sensors.samples.get(kind), scene.heard.latest.get(_KINDS[kind])
        if reading is not None:
            table.add_row(Text(reading.text[:160]), Text(_describe(record) if record else "nothing yet"))
    return table


def _describe(record: Record) -> str:
    start, end = (time.strftime("%H:%M", time.gmtime(t_ms / 1000)) for t_ms in record.phenomenon_time)
    who = f"{record.n} households" if record.n else record.identity
    unit = "" if record.unit == "1" else f" {record.unit}"
    return f"{record.observed_property} {record.result:g}{unit}, {start} to {end}, {record.cell}, {who}"
