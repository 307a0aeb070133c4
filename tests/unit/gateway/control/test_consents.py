"""`consent.show` and `policy.explain`: what a household is told of what it permits is that of all of it, in its language."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.support.disk_gate import DiskGate, started
from tests.support.live import LiveGateway

HOME = {"profile": "meter", "zone": "north-quay"}


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a test's work."""
    asyncio.run(work)


def ribera(folder: Path) -> LiveGateway:
    """Return a gateway of the shipped city."""
    return LiveGateway(folder, 1)


async def exposed(gate: DiskGate, subject: str, **language: str) -> list[dict[str, Any]]:
    """Return what `consent.show` says of how far it tells."""
    found: list[dict[str, Any]] = (await gate.ask("consent.show", subject=subject, **language))["exposures"]
    return found


def test_show_counts_all_flows_of_a_quantity_until_a_total_of_ones_own_leaves(tmp_path: Path) -> None:
    """The hourly figures, then the week's beside them, then a total: then there are no odds to tell."""

    async def work() -> None:
        async with started(ribera(tmp_path / "gw")) as gate:
            home = (await gate.home("t/1", **HOME))["subject"]
            assert await exposed(gate, home) == []
            told = []
            for flow in ("energy-hourly", "energy-typical-week", "energy-daily-totals"):
                await gate.ask("consent.grant", subject=home, scope=flow)
                (exposure,) = await exposed(gate, home)
                told.append((exposure["quantity"], exposure["telling"], exposure["mu"], exposure["odds"]))
            assert told[0] == ("electricity", "noisy", 2.0, pytest.approx(0.841345))
            assert told[1] == ("electricity", "noisy", pytest.approx(2.093896, abs=1e-4), pytest.approx(0.8524, abs=1e-3))
            assert told[2] == ("electricity", "made-up-name", None, None)

    run(work())


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "is right about your day at most 84 times in 100"),
        ("es", "acierta sobre su día, como mucho, 84 veces de cada 100"),
        ("pt", "acerta sobre o seu dia, no máximo, 84 vezes em 100"),
    ],
)
def test_show_and_explain_tell_the_same_odds_in_the_language_that_is_asked_for(tmp_path: Path, language: str, said: str) -> None:
    """The number is computed once."""

    async def work() -> None:
        async with started(ribera(tmp_path / "gw")) as gate:
            home = (await gate.home("t/1", "energy-hourly", **HOME))["subject"]
            (shown,) = await exposed(gate, home, language=language)
            (outcome,) = (await gate.ask("policy.explain", who=home, flow="energy-hourly", language=language))["outcomes"]
            assert said in shown["text"]
            assert outcome["text"].endswith(shown["text"])
            assert outcome["exposures"] == [shown]

    run(work())


def test_show_counts_what_a_resident_demands_beyond_what_is_asked(tmp_path: Path) -> None:
    """Less μ is more noise about this household."""

    async def work() -> None:
        async with started(ribera(tmp_path / "gw")) as gate:
            home = (await gate.home("t/1", **HOME))["subject"]
            await gate.ask("consent.grant", subject=home, scope="energy-hourly", limits={"budget": 0.7})
            (shown,) = await exposed(gate, home)
            assert shown["mu"] == 0.5
            assert "60 times in 100" in shown["text"]

    run(work())
