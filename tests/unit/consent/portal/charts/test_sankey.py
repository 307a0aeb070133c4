"""Flow charts from any numbers: what is drawn is what was given."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from consent.portal.charts.meaning import Meaning
from consent.portal.charts.narrow import NarrowChart
from consent.portal.charts.ribbons import BLOCK, LEAST, FlowBlock, Share
from consent.portal.charts.sankey import sankey
from consent.portal.charts.wide import WideChart
from consent.portal.visit import Visit
from tests.support.drawings import drawings, names

_counts = st.one_of(st.just(0), st.integers(1, 40), st.integers(0, 50_000_000))


@st.composite
def wholes(draw: st.DrawFn) -> Share:
    """Return any whole of which something is there."""
    groups = []
    for meaning in (Meaning.TOLD, Meaning.HELD, Meaning.WAITING):
        parts = tuple(Share(draw(names), draw(_counts), meaning) for _ in range(draw(st.integers(0, 5))))
        if parts:
            groups.append(Share(draw(names), sum(part.value for part in parts), meaning, parts))
    whole = Share(draw(names), sum(group.value for group in groups), Meaning.ALL, tuple(groups))
    assume(whole.value > 0)
    return whole


def _charts(whole: Share) -> list[WideChart | NarrowChart]:
    return [WideChart(whole, Visit("en")), NarrowChart(whole, Visit("es"))]


@given(wholes())
def test_the_widths_of_the_parts_add_up_at_every_step(whole: Share) -> None:
    for chart in _charts(whole):
        layout, ribbons = chart.layout, list(chart.layout.ribbons())
        assert layout.first.size == pytest.approx(sum(group.size for group in layout.middle))
        assert sum(group.size for group in layout.middle) == pytest.approx(sum(leaf.size for leaf in layout.leaves))
        assert len(ribbons) == len(layout.middle) + len(layout.leaves)
        for block in (*layout.middle, *layout.leaves):
            assert any(each.end_start == block.start and each.size == block.size and each.end == block.at for each in ribbons)
        _fills(layout.first, [each for each in ribbons if each.begin == layout.first.at + BLOCK])
        for group in layout.middle:
            leaving = [each for each in ribbons if each.begin == group.at + BLOCK and each.node in group.node.leaves()]
            _fills(group, [each for each in leaving if group.start - 0.01 <= each.begin_start <= group.end])


def _fills(block: FlowBlock, leaving: list) -> None:  # type: ignore[type-arg]
    """Check that ribbons cover a block without a gap."""
    at = block.start
    for each in leaving:
        assert each.begin_start == pytest.approx(at)
        at += each.size
    assert at == pytest.approx(block.end)


@given(wholes())
def test_flows_are_as_wide_as_their_numbers_and_never_too_thin_to_see(whole: Share) -> None:
    for chart in _charts(whole):
        for leaf in chart.layout.leaves:
            assert leaf.size == pytest.approx(max(leaf.node.value * chart.scale, LEAST))


@given(wholes())
def test_nothing_is_outside_and_nothing_overlaps(whole: Share) -> None:
    wide, narrow = _charts(whole)
    for chart, width in ((wide, 1056.0), (narrow, NarrowChart(whole, Visit("es")).width)):
        labels = [label for label in chart.labels() if label.text]
        assert all(label.left >= -0.1 and label.right <= width + 0.1 for label in labels)
        assert all(label.top >= -0.1 and label.bottom <= chart.height + 0.1 for label in labels)
        assert not [pair for pair in itertools.combinations(labels, 2) if pair[0].overlaps(pair[1])]
        for column in (chart.layout.middle, chart.layout.leaves):
            assert all(one.end < two.start for one, two in itertools.pairwise(column))
    for drawing in drawings(sankey(whole, label="n", visit=Visit("pt")).svg):
        assert all(-0.1 <= x <= drawing.width + 0.1 and -0.1 <= y <= drawing.height + 0.1 for x, y in drawing.points)


@given(wholes(), names)
def test_any_name_stays_text(whole: Share, label: str) -> None:
    found = drawings(sankey(whole, label=label, visit=Visit("en")).svg)
    assert [drawing.kind for drawing in found] == ["wide", "narrow"]
    assert all(drawing.name == label for drawing in found)


def _told(*values: int) -> Share:
    parts = tuple(Share(f"part {index}", value, Meaning.TOLD) for index, value in enumerate(values))
    group = Share("told", sum(values), Meaning.TOLD, parts)
    return Share("all", group.value, Meaning.ALL, (group,))


def test_what_is_drawn_thicker_than_it_is_is_said() -> None:
    assert sankey(_told(9600, 1), label="n", visit=Visit("en")).thickened
    assert not sankey(_told(9600, 4800), label="n", visit=Visit("en")).thickened


def test_parts_that_do_not_add_up_are_not_drawn() -> None:
    group = Share("told", 5, Meaning.TOLD, (Share("one", 4, Meaning.TOLD),))
    with pytest.raises(ValueError, match="do not add up to 5"):
        sankey(Share("all", 5, Meaning.ALL, (group,)), label="n", visit=Visit("en"))
    with pytest.raises(ValueError, match="nothing to draw"):
        sankey(_told(0, 0), label="n", visit=Visit("en"))


def test_every_name_and_number_stands_in_both_drawings() -> None:
    for drawing in drawings(sankey(_told(9600, 40, 0), label="n", visit=Visit("en")).svg):
        assert {"all", "9,640", "told", "part 0", "9,600", "part 1", "40"} <= set(drawing.texts)
        assert "part 2" not in drawing.texts
