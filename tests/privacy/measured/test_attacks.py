"""The attacks can attack: each wins where nothing guards a home, and finds what is planted in the records of our own gateway.

Whether they fail on our gateway is measured, by ``test_targets``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import msgspec
import numpy as np
import pytest

from gateway.core.release import publication
from tests.privacy.measured import mechanism
from tests.privacy.measured.attacks.attack import Attack
from tests.privacy.measured.attacks.histories import exposed, planted_history, random_history
from tests.privacy.measured.attacks.informed import log_likelihood, published_days, published_weeks
from tests.privacy.measured.attacks.moving_average import _substituted
from tests.privacy.measured.findings import Bound, Tally, Verdict, finding
from tests.privacy.measured.gateways.k_only import KOnly
from tests.privacy.measured.gateways.ours import Ours
from tests.privacy.measured.gateways.pass_through import PassThrough
from tests.privacy.measured.gateways.port import Gateway
from tests.privacy.measured.measure import ATTACKS, attempt, record
from tests.privacy.measured.recording import Line, Recording, write
from tests.privacy.measured.scenarios import HOURLY, SCENARIOS, TOTALS, averaged, watched_days

WEAK = (PassThrough, KOnly)
SHARED = [attack for attack in ATTACKS if not attack.is_of_ours_alone]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where recordings of this module lie."""
    return tmp_path_factory.mktemp("recordings")


@pytest.fixture(scope="module")
def recorded(folder: Path) -> Callable[[type[Gateway], str], Path]:
    """Return what records the scenarios that an attack needs, once each."""

    @cache
    def once(gateway: type[Gateway], scenario: str) -> Path:
        for make, _ in SCENARIOS:
            if make.__name__.replace("_", "-") == scenario:
                record(folder, gateway, make, 7)
        return folder

    return once


@pytest.mark.parametrize("gateway", WEAK)
@pytest.mark.parametrize("attack", SHARED, ids=lambda attack: attack.id)
def test_attack_wins_where_nothing_guards_a_home(
    attack: Attack, gateway: type[Gateway], recorded: Callable[[type[Gateway], str], Path]
) -> None:
    """An attack that fails here shows nothing where it fails elsewhere."""
    found = attempt(recorded(gateway, attack.scenario), attack.id, gateway.name)
    assert found.verdict is Verdict.LOST, found
    assert found.n > 0


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.id)
def test_attack_tells_who_attacks_how_and_against_what_control(attack: Attack) -> None:
    """They stand in the docstring of its module, and its sentence can be filled in."""
    for part in ("Attacker", "Recipe", "Control"):
        assert attack.part(part)
    told = attack.told.format(k=1, n=2, p="50 %", control="1 %")
    assert "{" not in told


@pytest.fixture(scope="module")
def our_town(folder: Path) -> Recording:
    """Return our own gateway's records of a small town."""
    record(folder, Ours, averaged, 7)
    return Recording(folder / "ours" / "averaged-7")


def test_place_of_our_records_says_nothing_and_an_order_that_is_planted_is_found(our_town: Recording) -> None:
    """Sorting the same totals by whose they are is all it takes."""
    attack = next(one for one in ATTACKS if one.id == "place")
    assert finding("place", "ours", "", attack.run([our_town])).verdict is Verdict.MET
    planted = planted_order(our_town)
    assert finding("place", "ours", "", attack.run([planted])).verdict is Verdict.MISSED


def test_noise_that_is_not_drawn_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own gateway without noise, which still says μ, loses beyond what μ promises."""
    monkeypatch.setattr(publication, "gaussian_noise", lambda random_bytes: lambda count, variance: [0] * count)
    record(folder / "planted", Ours, watched_days, 7)
    found = attempt(folder / "planted", "informed", "ours")
    assert found.verdict is Verdict.MISSED
    assert found.lo > 0.87


def test_sizes_that_follow_the_content_are_found_whoever_sends_them(recorded: Callable[[type[Gateway], str], Path]) -> None:
    """The same holds of numbers of homes told exactly."""
    for attack_id, scenario in (("size", "thin"), ("n", "town")):
        attack = next(one for one in ATTACKS if one.id == attack_id)
        recording = Recording(recorded(KOnly, scenario) / "k-only" / f"{scenario}-7")
        assert finding(attack_id, "ours", "", attack.run([recording])).verdict is Verdict.MISSED


def test_histories_with_planted_homes_are_all_found_and_guarded_ones_hold_none() -> None:
    """Without the guard, random histories expose homes too: there is something to guard."""
    random = np.random.default_rng(3)
    assert exposed([planted_history(random) for _ in range(100)]).all()
    assert not exposed([random_history(random) for _ in range(500)]).any()
    assert exposed([random_history(random, has_guard=False) for _ in range(500)]).any()


def test_histories_release_something() -> None:
    """A guard that keeps all back would be no guard."""
    random = np.random.default_rng(4)
    assert sum(len(random_history(random).released) > 0 for _ in range(200)) > 50


def test_moving_average_follows_from_its_first_hour_and_only_from_it() -> None:
    """Four sums of three hours each, after two shorter ones, give every hour; without the shorter ones they give none."""
    hours = [3.0, 1.0, 4.0, 1.0, 5.0]
    sums = [(range(max(0, end - 3), end), sum(hours[max(0, end - 3) : end])) for end in range(1, 6)]
    assert _substituted(sums) == pytest.approx(dict(enumerate(hours)))
    assert _substituted(sums[2:]) == {}


def test_likelihood_prefers_what_was_published() -> None:
    """For exact figures without any doubt, for noisy ones a little."""
    used = np.full(24, 2.0)
    for mu in (None, mechanism.CONTRACTED_MU):
        lines = [hourly(hour, 20.0, n=10, mu=mu) for hour in range(24)]
        (published,) = published_days(written(lines)).values()
        with_it = log_likelihood(published, np.full(24, 20.0), 10)
        without = log_likelihood(published, np.full(24, 20.0) - used, 9)
        assert with_it > without


def test_published_weeks_are_read_with_their_hours() -> None:
    """A typical day of which an hour is missing is none."""
    lines = [
        Line(
            bundle=0,
            at=0,
            bytes=1,
            recipient="everybody",
            pos=hour,
            flow="energy-typical-week",
            cell="a",
            result=hour,
            n=50,
            hour=hour,
        )
        for hour in range(24)
    ]
    (published,) = published_weeks(written(lines)).values()
    assert published.figures.tolist() == list(range(24))
    assert published_weeks(written(lines[1:])) == {}


@pytest.mark.parametrize(
    ("tally", "gateway", "expected"),
    [
        ((0, 100, 0.5, 0.0), "ours", Verdict.MET),
        ((1, 100, 0.5, 0.0), "ours", Verdict.MISSED),
        ((0, 0, 0.5, 0.0), "ours", Verdict.MISSED),
        ((90, 100, 0.5, None), "ours", Verdict.REPORTED),
        ((90, 100, 0.5, None), "k-only", Verdict.LOST),
        ((50, 100, 0.5, None), "k-only", Verdict.HELD),
        ((90, 100, 0.5, 0.95), "k-only", Verdict.HELD),
    ],
)
def test_verdict_follows_from_the_bounds(tally: tuple[int, int, float, float | None], gateway: str, expected: Verdict) -> None:
    """Where nothing was tried, nothing is met."""
    assert finding("x", gateway, "", Tally(*tally, Bound.P)).verdict is expected


def hourly(hour: int, kwh: float, n: int, mu: float | None) -> Line:
    """Return the figure of an hour of 1970-01-01."""
    span = (hour * 3_600_000, (hour + 1) * 3_600_000)
    return Line(bundle=0, at=0, bytes=1, recipient="energy", pos=hour, flow=HOURLY, cell="a", result=kwh, span=span, n=n, mu=mu)


def written(lines: Iterable[Line]) -> Recording:
    """Return a recording of some records, without any truth."""
    return write(Path(mkdtemp()) / "ours" / "some-1", lines, [], [])


def changed(recording: Recording, change: Callable[[Line], Line]) -> Recording:
    """Return a recording with each record changed."""
    copied = Path(mkdtemp()) / "ours" / recording.folder.name
    copied.mkdir(parents=True)
    for name in ("truth", "members"):
        (copied / f"{name}.jsonl").write_bytes((recording.folder / f"{name}.jsonl").read_bytes())
    (copied / "records.jsonl").write_bytes(msgspec.json.Encoder().encode_lines([change(line) for line in recording.lines]))
    return Recording(copied)


def planted_order(recording: Recording) -> Recording:
    """Return a recording in which each bundle's totals lie in the order of whose they are."""
    by_bundle: dict[int, list[Line]] = {}
    for line in recording.lines:
        if line.flow == TOTALS:
            by_bundle.setdefault(line.bundle, []).append(line)
    place: dict[tuple[int, int | None], int] = {}
    for bundle, lines in by_bundle.items():
        ordered = sorted(lines, key=lambda line: recording.owners[line.bundle, line.pos or 0])
        places = sorted(line.pos or 0 for line in lines)
        place |= {(bundle, line.pos): pos for line, pos in zip(ordered, places, strict=True)}
    planted = changed(recording, lambda line: msgspec.structs.replace(line, pos=place.get((line.bundle, line.pos), line.pos)))
    truth = (recording.folder / "truth.jsonl").read_bytes().splitlines()
    rows = [msgspec.json.decode(row) for row in truth]
    for row in rows:
        if row["kind"] == "owner":
            row["pos"] = place[row["bundle"], row["pos"]]
    (planted.folder / "truth.jsonl").write_bytes(msgspec.json.Encoder().encode_lines(rows))
    return planted
