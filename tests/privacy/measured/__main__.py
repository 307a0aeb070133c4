"""``./dev privacy``: how well attacks do on what recipients receive, and what privacy costs those who plan with figures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from tests.privacy.measured.measure import Result, measure
from tests.privacy.measured.page.page import page
from tests.privacy.measured.utility import Utility


def main(arguments: Sequence[str]) -> int:
    """Measure, and write down what was asked for; return 1 where a target was missed or an attack did not win where it must."""
    parser = argparse.ArgumentParser(
        prog="./dev privacy",
        description="Measure how well attacks do on what recipients receive, and what privacy costs those who plan with figures.",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there")
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write a page for people there, in one file, for screen and paper"
    )
    parser.add_argument(
        "--records", type=Path, metavar="DIR", help="leave records, truth and members there, for attacks of your own"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the city and all that happens in it (default: 1)")
    options = parser.parse_args(arguments)
    for file in (options.json, options.html):  # told now, and not when all is measured
        if file is not None and not file.absolute().parent.is_dir():
            parser.error(f"`{file.parent}`, where `{file.name}` is to be written, is no folder")
    if options.records is not None:
        options.records.mkdir(parents=True, exist_ok=True)
        if any(options.records.iterdir()):
            parser.error(f"`{options.records}` is not empty: records of another run would be attacked with those of this one")
        result = measure(options.records, options.seed, _say)
    else:
        with TemporaryDirectory(prefix="privacy-") as folder:
            result = measure(Path(folder), options.seed, _say)
    if options.json is not None:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    if options.html is not None:
        options.html.write_text(page(result), encoding="utf-8")
    _tell(result)
    return 1 if result.missed() or result.held() else 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _tell(result: Result) -> None:
    print(f"\n{result.city}; seed {result.seed}\n\nmean error of a figure, as a share of the mean load")
    for line in result.utility:
        target = "" if line.target is None else f", at most {line.target:.1%}: {line.verdict}"
        of = f"{line.mechanism} by the {line.publish}, {line.hours} h"
        print(f"  {of:<32} {line.homes:>5} homes {line.rel_error:>7.1%}, told {line.released:.0%} of the time{target}")
    cost = result.cost
    print(
        f"\n{cost.subjects} homes: 24 open hours take {cost.table_mib:.1f} MiB (at most {cost.table_mib_target:g}), "
        f"a day is closed in {cost.close_s:.2f} s, {cost.copy_ms:.0f} + {cost.take_ms:.0f} ms of which hold the gateway up\n"
    )
    for one in result.missed():
        what = (
            f"{one.mechanism}, {one.homes} homes, {one.hours} h"
            if isinstance(one, Utility)
            else f"{one.id} [{one.lo:.3f}, {one.hi:.3f}]"
        )
        number = one.rel_error if isinstance(one, Utility) else one.p
        print(f"MISSED: {what}: {number:.3f}, at most {one.target:.3f}")
    for found in result.held():
        print(f"HELD: {found.gateway} withstood `{found.id}`, which must win there: what it shows elsewhere is worth nothing")
    if not result.missed() and not result.held():
        print("all targets met; every attack won where it must")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
