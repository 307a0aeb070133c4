"""Each meaning has a class of its own, for its one colour."""

from __future__ import annotations

from consent.portal.charts.meaning import Meaning
from tests.support.checkout import ROOT


def test_every_meaning_has_a_colour_of_its_own() -> None:
    style = (ROOT / "consent/portal/static/sluice.css").read_text("utf-8")
    colours = [style.partition(f".{meaning}{{fill:")[2].partition("}")[0] for meaning in Meaning]
    assert all(colours)
    assert len(set(colours)) == len(colours)
