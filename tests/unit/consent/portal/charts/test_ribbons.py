"""The bands of a flow chart: their widths are in proportion and add up."""

from __future__ import annotations

import pytest

from consent.portal.charts.meaning import Meaning
from consent.portal.charts.ribbons import BLOCK, FlowBlock, Ribbon, Share, flow_chart, laid_out, shape
from consent.portal.charts.ribbons import groups_of as groups

_LEAVES = Share("a", 6, Meaning.TOLD), Share("b", 0, Meaning.TOLD), Share("c", 4, Meaning.HELD)
_GROUPS = Share("told", 6, Meaning.TOLD, _LEAVES[:2]), Share("held", 4, Meaning.HELD, _LEAVES[2:])
_WHOLE = Share("all", 10, Meaning.ALL, _GROUPS)


def test_groups_stand_amid_their_leaves_and_the_whole_amid_its_groups() -> None:
    layout = laid_out(_WHOLE, [10.0, 30.0], lambda leaf: float(leaf.value), (0.0, 100.0, 200.0))
    assert layout.leaves == (FlowBlock(_LEAVES[0], 200.0, 10.0, 6.0), FlowBlock(_LEAVES[2], 200.0, 30.0, 4.0))
    assert layout.middle == (FlowBlock(_GROUPS[0], 100.0, 10.0, 6.0), FlowBlock(_GROUPS[1], 100.0, 30.0, 4.0))
    assert layout.first == FlowBlock(_WHOLE, 0.0, 17.0, 10.0)
    assert list(layout.ribbons()) == [
        Ribbon(_GROUPS[0], BLOCK, 17.0, 100.0, 10.0, 6.0),
        Ribbon(_LEAVES[0], 100.0 + BLOCK, 10.0, 200.0, 10.0, 6.0),
        Ribbon(_GROUPS[1], BLOCK, 23.0, 100.0, 30.0, 4.0),
        Ribbon(_LEAVES[2], 100.0 + BLOCK, 30.0, 200.0, 30.0, 4.0),
    ]


def test_groups_of_nothing_are_left_out_and_negative_numbers_refused() -> None:
    empty = Share("wait", 0, Meaning.WAITING, (Share("d", 0, Meaning.WAITING),))
    assert groups(Share("all", 10, Meaning.ALL, (*_GROUPS, empty))) == list(_GROUPS)
    with pytest.raises(ValueError, match="'e' do not add up"):
        Share("e", -1, Meaning.HELD).check()


def test_titles_are_text_and_heights_whole() -> None:
    assert shape("f-held", "M0 0z", "<b>") == '<path class="f-held" d="M0 0z"><title>&lt;b&gt;</title></path>'
    assert flow_chart("wide", 10, 7.2, "&", []) == '<svg class="wide" viewBox="0 0 10 8" role="img" aria-label="&amp;"></svg>'
