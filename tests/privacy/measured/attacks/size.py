"""Tells by a bundle's size alone whether a district's figures were left out of it.

Attacker: whoever sees the network and no content: when a bundle leaves, for whom, and how large it is.
Recipe: For each recipient, on the first half of its bundles it is learned which sizes go with a district left out; on the second
half every bundle is judged by the size nearest to its own. Of bundles with and without all districts as many are judged, so that
.5 is a guess. Where a gateway leaves nothing out, the secret is whether a district had fewer than 15 homes.
Control: the same with sizes dealt anew at random.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from tests.privacy.measured.attacks.attack import Attack
from tests.privacy.measured.findings import Bound, Tally
from tests.privacy.measured.recording import HOUR_MS, Line, Recording

_FEW = 15
Judged = list[tuple[int, bool]]
"""(bytes, whether a district is left out) of each bundle, in order."""


def _run(recordings: Sequence[Recording]) -> Tally:
    random = np.random.default_rng(3)
    right = tries = dealt = 0
    for recording in recordings:
        for judged in _bundles(recording).values():
            k, n = _accuracy(judged, random)
            right, tries = right + k, tries + n
            sizes = random.permutation([size for size, _ in judged])
            dealt += _accuracy([(int(size), label) for size, (_, label) in zip(sizes, judged, strict=True)], random)[0]
    return Tally(right, tries, dealt / max(tries, 1), 0.52, Bound.P)


def _bundles(recording: Recording) -> dict[str, Judged]:
    """Return each recipient's bundles of figures."""
    by_bundle: dict[int, list[Line]] = defaultdict(list)
    for line in recording.lines:
        by_bundle[line.bundle].append(line)
    everywhere = {line.cell for line in recording.lines}
    absent = {line.bundle: {one.cell for one in by_bundle[line.bundle]} != everywhere for line in recording.bundles}
    few = _hours_with_few(recording)
    is_learned = len(set(absent.values())) > 1 and any(line.n is not None for line in recording.lines)
    found: dict[str, Judged] = defaultdict(list)
    for line in recording.bundles:
        label = absent[line.bundle] if is_learned else bool(by_bundle[line.bundle]) and by_bundle[line.bundle][0].span[0] in few
        found[line.recipient].append((line.bytes, label))
    return found


def _hours_with_few(recording: Recording) -> set[int]:
    homes: dict[tuple[str, int], int] = defaultdict(int)
    for one in recording.days:
        for hour, kwh in enumerate(one.kwh):
            homes[one.cell, one.day + hour * HOUR_MS] += kwh is not None
    return {hour for (_, hour), n in homes.items() if n < _FEW}


def _accuracy(judged: Judged, random: np.random.Generator) -> tuple[int, int]:
    """Return of how many bundles it was said rightly whether a district is left out."""
    half = len(judged) // 2
    seen: dict[int, list[bool]] = defaultdict(list)
    for size, label in judged[:half]:
        seen[size].append(label)
    usual = sum(label for _, label in judged[:half]) / max(half, 1)
    # A size under which more than usual are left out speaks for it.
    speaks = {size: sum(labels) / len(labels) > usual for size, labels in seen.items()}
    by_label = {label: [size for size, one in judged[half:] if one is label] for label in (False, True)}
    each = min(len(sizes) for sizes in by_label.values())
    right = 0
    for label, sizes in by_label.items():
        for size in random.permutation(sizes)[:each]:
            right += speaks[min(speaks, key=lambda known: abs(known - int(size)))] is label
    return right, 2 * each


ATTACK = Attack(
    "size",
    "By the size of the parcel",
    "thin",
    _run,
    "Whether a district was left out was told rightly {k} of {n} times ({p}) by a bundle's size; a coin tells {control}.",
    __doc__,
)
