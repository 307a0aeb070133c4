"""The demo's screen: the water balance, figures beside what they were made of, readings beside what became of them."""

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
from gateway.demo.measured import Compared
from gateway.demo.stage import DemoScene
from gateway.recipient.records import Record
from gateway.terminal import drawing

_KINDS = {
    "meter": "consumption per-epoch",
    "shelly-plus-1pm": "totalConsumption per-epoch",
    "milesight-em300-th-chirpstack-4": "temperature per-record",
}
"""Kind of sensor → what the city got of it."""

_UNITS = {"kW.h": "kWh", "m3": "m³"}
"""A unit in UCUM → as people write it."""
_DAY_MS = 86_400_000
_WEEK_S = 65
"""About how long a simulated week takes at the demo's own rate, with the time to start."""
TALL, WIDE = 44, 110
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
        self._phase = self._portal = ""

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
        self._show_portal(scene)

    def _show_portal(self, scene: DemoScene) -> None:
        """Print where the portal answers, or why it does not, as soon as that is known; a terminal has it in its picture."""
        said = _portal(scene)
        if self._live is None and said != self._portal:
            self._portal = said
            for line in said.splitlines():
                self._console.print(f"{time.time() - scene.began_at_s:5.1f} s  {line}", highlight=False, soft_wrap=True)

    def finish(self, scene: DemoScene, outcome: dict[str, Any]) -> None:
        """Print the outcome."""
        print_ = self._console.print
        print_(
            f"\n{outcome['published']} messages came from the sensors; the city got {outcome['bundles_acknowledged']} bundles. "
            f"One household withdrew, in force after {outcome['withdrawal_ms']} ms."
        )
        if outcome["second_key"]:
            print_(_what_opens(**outcome["second_key"]))
        print_(_what_figures_were_worth(scene.compared()))
        verdicts = f"audit: {outcome['audit']}   replay: {outcome['replay']}   ledger: {outcome['ledger']}"
        print_(f"{verdicts}   log: {outcome['log_size']} entries")
        if scene.report is not None and not scene.report.ok:
            print_(scene.report.to_text(), markup=False, highlight=False)
        if scene.replayed is not None and scene.replayed.exit_status:
            print_(scene.replayed.to_text(), markup=False, highlight=False)
        print_(f"Everything is kept in {scene.city.folder}", markup=False, highlight=False, soft_wrap=True)
        print_("\nCheck it yourself:", markup=False)
        words = ("audit", "verify", outcome["log_dir"], "--key", outcome["log_vkey"], "--openings", outcome["openings_dir"])
        print_(f"  {shlex.join((_program(), *words))}", markup=False, highlight=False, soft_wrap=True)


def _what_opens(log_index: int, bundles: int, opened: int) -> str:
    """Return how far the energy office has gone over to its second key."""
    return f"The energy office has a second key since log entry {log_index}: {opened} of {bundles} bundles since open with it."


def _what_figures_were_worth(compared: list[Compared]) -> str:
    """Return how many figures told the truth within their intervals, or what they still wait for."""
    weekly = any(one.record.hour is not None for one in compared)
    if not compared:
        return "No day has ended yet, so there are no figures with noise: a day takes eight seconds, and late readings two more."
    within = sum(one.is_within for one in compared)
    text = f"Of {len(compared)} figures of electricity, each with ±, {within} hold what they were made of"
    text += " (95 in 100 would)."
    return text if weekly else f"{text} The week's typical day comes once a week has ended: after {_WEEK_S} s."


def _portal(scene: DemoScene) -> str:
    """Return where the pages are, for everyone and for a home, or why they are nowhere; empty while neither is known."""
    if scene.portal is None:
        return ""
    if scene.portal.trouble:
        return f"there is no portal: {scene.portal.trouble}"
    if not scene.portal.address:
        return ""
    letter = f"{scene.portal.address}claim#{scene.city.claim_code}"
    return f"what the public sees: {scene.portal.address}\nwhat a home's letter leads to: {letter}"


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


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
    if said := _portal(scene):
        head = Text.assemble(head, "\n", (said, "bold"))
    if small:  # 80 columns and 24 lines: what the city got comes first
        return Group(
            head, _figures(scene, most=2, title=""), _beside(scene, kinds=["meter"], title=""), _in_columns(_balance_rows(scene))
        )
    parts = (Columns([_balance(scene), _log(scene)]), _figures(scene, most=6), _beside(scene, kinds=list(_KINDS)))
    return Group(head, *parts)


def _figures(scene: DemoScene, most: int, title: str = "figures with noise, and what they were made of") -> RenderableType:
    """Return the figures of the latest day, and of the latest week, beside what they were made of."""
    table = Table(title=title or None, expand=True)
    table.add_column("at the city; ± holds 95 times in 100", ratio=3, overflow="fold")
    table.add_column("at the homes' meters", ratio=2, overflow="fold")
    compared = scene.compared()
    for one in _latest(compared, most):
        table.add_row(Text(_figure(one)), Text(_made_of(one), "" if one.is_within else "yellow"))
    if not compared:
        table.add_row("nothing yet: a day's figures leave together, some hours after midnight UTC", "")
    return table


def _latest(compared: list[Compared], most: int) -> list[Compared]:
    """Return ``most`` figures, of the latest day or week of each flow and cell: one of each, and of the first the rest."""
    kinds: dict[tuple[str, str], list[Compared]] = {}
    for one in compared:
        kinds.setdefault((one.record.flow, one.record.cell), []).append(one)
    chosen: list[Compared] = []
    for ones in sorted(kinds.values(), key=len, reverse=True):
        day = max(one.record.phenomenon_time[0] // _DAY_MS for one in ones)
        found = [one for one in ones if one.record.phenomenon_time[0] // _DAY_MS == day]
        found.sort(key=lambda one: (one.record.phenomenon_time, one.record.hour))
        many = 1 if chosen else min(len(found), most - len(kinds) + 1)
        chosen += [found[(2 * number + 1) * len(found) // (2 * many)] for number in range(many)]
    return chosen


def _figure(one: Compared) -> str:
    """Return a figure as the city reads it."""
    record = one.record
    start, end = (time.gmtime(t_ms / 1000) for t_ms in record.phenomenon_time)
    unit = _UNITS.get(record.unit, record.unit)
    if record.hour is not None:
        when = f"week of {time.strftime('%d %b', start)}, {record.hour:02}-{(record.hour + 1) % 24:02}h"
    else:
        when = f"{time.strftime('%d %b %H', start)}-{time.strftime('%H', end)}h"
    return f"{when} {record.cell} {record.result:.4g} ± {one.half_width:.2g} {unit}, n {record.n}"


def _made_of(one: Compared) -> str:
    """Return what the homes' meters said."""
    unit = _UNITS.get(one.record.unit, one.record.unit)
    if one.record.hour is not None:
        return f"{one.true:.4g} {unit} on average in {one.homes} homes"
    return f"{one.true:.4g} {unit}: {one.homes} homes, {one.true / one.homes:.2f} each"


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
        bar = "" if name.startswith("frames") else "█" * round(12 * n / most)
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
        table.add_row(recipient, f"{_counted(bundles, 'bundle')}, {_counted(heard.records[recipient], 'record')}")
    if scene.withdrawn_at_index >= 0:
        table.add_row(Text("a household withdrew", "magenta"), f"in force after {scene.withdrawal_ms:.0f} ms")
    return Panel(table, title="the city and the log", border_style="cyan")


def _beside(scene: DemoScene, kinds: list[str], title: str = "a raw reading, and what the city got of it") -> RenderableType:
    table = Table(title=title or None, expand=True)
    table.add_column("at the sensor", ratio=1, overflow="fold")
    table.add_column("at the city", ratio=1, overflow="fold")
    for kind in kinds:
        reading, record = scene.sensors.samples.get(kind), scene.heard.latest.get(_KINDS[kind])
        if reading is not None:
            table.add_row(Text(reading.text[:100]), Text(_describe(record) if record else "nothing yet"))
    return table


def _describe(record: Record) -> str:
    start_ms, end_ms = record.phenomenon_time
    form = "%d %b" if end_ms - start_ms >= _DAY_MS else "%H:%M"
    start, end = (time.strftime(form, time.gmtime(t_ms / 1000)) for t_ms in (start_ms, end_ms))
    who = f"{record.n} households" if record.n else record.identity
    unit = "" if record.unit == "1" else f" {record.unit}"
    return f"{record.observed_property} {record.result:g}{unit}, {start} to {end}, {record.cell}, {who}"
