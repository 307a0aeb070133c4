"""A long life of a gateway in fixed surroundings, and a digest of everything that it wrote, by kind.

    python -m tests.upgrade.seeded_run            prints the digests, and exits with 1 where one is not as expected
    python -m tests.upgrade.seeded_run --accept   takes them for what is expected from now on

Where behaviour and formats are to stay, so are the digests: a difference names the kind of bytes that has changed. Every piece is
digested in the form in which it is stored, published or sent, never as the objects that the program makes of it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections import Counter, defaultdict
from hashlib import sha256
from pathlib import Path

from gateway.recipient.records import encode_record
from tests.upgrade.gate import DATABASE_FILE, configure, published, records_in
from tests.upgrade.life import Life
from tests.upgrade.story import story
from tests.upgrade.surroundings import HASH_SEED, TablesWatch, fixed
from tests.upgrade.wander import disaster, wander

EXPECTED = Path(__file__).with_name("seeded_run.json")
SEED = 8
FRAMES = 5_000


class Digests:
    """A running SHA-256 and a count of pieces for each kind."""

    def __init__(self) -> None:
        self._hashes: defaultdict[str, bytes] = defaultdict(bytes)
        self._counts: Counter[str] = Counter()

    def add(self, kind: str, *pieces: bytes) -> None:
        """Take up one more of a kind."""
        lengths = b"".join(len(piece).to_bytes(8, "big") for piece in pieces)
        self._hashes[kind] = sha256(self._hashes[kind] + lengths + b"".join(pieces)).digest()
        self._counts[kind] += 1

    def all(self) -> dict[str, str]:
        """Return how many there were of each kind, and their digest."""
        return {kind: f"{self._counts[kind]} {digest.hex()}" for kind, digest in sorted(self._hashes.items())}


async def live(folder: Path) -> dict[str, str]:
    """Live through it in an empty folder; return the digests."""
    digests = Digests()
    configure(folder)
    tables = TablesWatch(folder / "state" / DATABASE_FILE, lambda table, rows: digests.add(f"table {table}", rows))
    with fixed(lambda table, content: digests.add(f"sealed {table}", content)):
        life = Life(folder, SEED, tables.look)
        await story(life)
        await wander(life, FRAMES // 2)
        await disaster(life)
        await wander(life, FRAMES)
        digests.add("ledger", json.dumps(life.gate.ledger).encode())
        await life.end()
        for method, answer in life.answers:
            digests.add(f"answer {method}", json.dumps(answer, sort_keys=True).replace(str(folder), "").encode())
        for index, (recipient, content) in sorted(life.received.items()):
            digests.add("bundle", index.to_bytes(8, "big"), recipient.encode(), content)
            for record in records_in(folder, recipient, content):
                digests.add("record in a bundle", encode_record(record))
        for place in published(folder):
            for file in sorted(place.rglob("*")):
                if file.is_file():
                    name = file.relative_to(place.parent)
                    kind = "/".join(name.parts[: 1 if len(name.parts) == 2 and name.name.isdecimal() else 2])
                    digests.add(f"published {kind}", str(name).encode(), file.read_bytes())
    return digests.all()


def run() -> dict[str, str]:
    """Return the digests of the seeded run; only in a process with the fixed hash seed are they always the same."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(live(Path(folder)))


def changed(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    """Return the kinds whose digests differ, or that only one of both has."""
    return sorted(kind for kind in expected.keys() | found.keys() if expected.get(kind) != found.get(kind))


def main(arguments: list[str]) -> int:
    """Run, print, and compare or accept."""
    if os.environ.get("PYTHONHASHSEED") != HASH_SEED:
        os.environ["PYTHONHASHSEED"] = HASH_SEED
        os.execv(sys.executable, [sys.executable, "-m", "tests.upgrade.seeded_run", *arguments])  # noqa: S606  itself, once more
    found = run()
    text = json.dumps(found, indent=1) + "\n"
    if "--accept" in arguments:
        EXPECTED.write_text(text)
    sys.stdout.write(text)
    expected = json.loads(EXPECTED.read_text())
    differing = changed(expected, found)
    for kind in differing:
        print(f"changed: {kind}: {expected.get(kind, 'nothing')} is now {found.get(kind, 'nothing')}", file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
