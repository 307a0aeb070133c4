"""``./dev soak``: everything goes wrong for some minutes, and at the end all is counted."""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from tests.soak.soak import soak
from tests.soak.wrong_gateway import WAYS


def main(arguments: list[str]) -> int:
    """Run a soak; return 0 where everything held, 1 where something did not, 2 where a broker is not installed."""
    parser = argparse.ArgumentParser(prog="./dev soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0, metavar="N", help="how long (20)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write what it came to")
    parser.add_argument("--seed", type=int, metavar="S", help="of all that is random; one of this run's own by default")
    parser.add_argument("--dir", type=Path, metavar="DIR", help="an empty folder for everything; a temporary one by default")
    text = f"a gateway that is wrong on purpose, and mostly nothing else goes wrong: {', '.join(WAYS)}"
    parser.add_argument("--wrong", choices=WAYS, metavar="WAY", default="", help=text)
    options = parser.parse_args(arguments)
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C, so that nothing runs on
    console = Console(highlight=False)
    console.log(f"seed {seed}: run again with --seed {seed}")
    with tempfile.TemporaryDirectory(prefix="sluice-soak-") as temporary:
        try:
            with console.status("setting the stage") as status:
                result = soak(options.dir or Path(temporary), seed, options.minutes, status.update, console.log, options.wrong)
        except KeyboardInterrupt:
            return 130
        except pytest.skip.Exception as missing:
            print(f"soak: {missing}", file=sys.stderr)
            return 2
    text = msgspec.json.format(msgspec.json.encode(result), indent=2).decode()
    if options.json is not None:
        options.json.write_text(text + "\n")
    print(text)
    return 0 if result.holds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
