"""The command: pictures into a folder, or, with `--kept`, the small ones of the documentation anew."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.shots.gallery import write_gallery
from tests.shots.kept import FOLDER, keep, keep_own
from tests.shots.own import STATE, own_pictures
from tests.shots.states import states
from tests.shots.taken import Shot, pictures
from tests.support.browser import chromium
from tests.support.still_city import still_city


def main(arguments: Sequence[str]) -> int:
    """Run the command; return the exit status, 2 where something that it needs is not installed."""
    parser = argparse.ArgumentParser(prog="./dev shots", description="pictures of every page of the portal in every state")
    parser.add_argument("folder", type=Path, nargs="?", metavar="DIR", help="where they go, with an index.html")
    parser.add_argument("--kept", action="store_true", help=f"make the small ones in {FOLDER.name} anew")
    parser.add_argument("--state", metavar="NAME", help="of this state alone")
    given = parser.parse_args(arguments)
    if given.folder is None and not given.kept:
        parser.error("name a folder, or --kept")
    _say("playing a small city, for about half a minute")
    try:
        with tempfile.TemporaryDirectory(prefix="sluice-shots-") as made, still_city(Path(made)) as city, chromium() as browser:
            empty = Path(made) / "empty"
            empty.mkdir()
            if given.kept:
                keep(browser, city, empty)
                keep_own(browser, _folder(made, "kept"))
            if given.folder is not None:
                given.folder.mkdir(parents=True, exist_ok=True)
                shots: list[Shot] = []
                for state in states(city, empty):
                    if given.state in (None, state.name):
                        for shot in pictures(browser, state, given.folder):
                            shots.append(shot)
                            _say(f"{len(shots):4}  {shot.file}")
                if given.state in (None, STATE):
                    for shot in own_pictures(browser, _folder(made, "own"), given.folder):
                        shots.append(shot)
                        _say(f"{len(shots):4}  {shot.file}")
                print(f"{len(shots)} pictures; see {write_gallery(given.folder, shots)}")
    except pytest.skip.Exception as missing:
        _say(str(missing))
        return 2
    return 0


def _folder(parent: str, name: str) -> Path:
    folder = Path(parent) / name
    folder.mkdir()
    return folder


def _say(line: str) -> None:
    """Print a line of progress."""
    print(f"shots: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
