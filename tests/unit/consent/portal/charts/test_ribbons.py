from __future__ import annotations

import pytest

from consent.portal.charts.meaning import Meaning
from consent.portal.charts.ribbons import BLOCK, Block, Node, Ribbon, drawing, laid_out, shape
from consent.portal.charts.ribbons import groups_of as groups

_LEAVES = Node("a", 6, Meaning.TOLD), Node("b", 0, Meaning.TOLD), Node("c", 4, Meaning.HELD)
_GROUPS = Node("told", 6, Meaning.TOLD, _LEAVES[:2]), Node("held", 4, Meaning.HELD, _LEAVES[2:])
_WHOLE = Node("all", 10, Meaning.ALL, _GROUPS)


def test_groups_stand_amid_their_leaves_and_the_whole_amid_its_groups() -> None:
    layout = laid_out(_WHOLE, [10.0, 30.0], lambda leaf: float(leaf.value), (0.0, 100.0, 200.0))
    assert layout.leaves == (Block(_LEAVES[0], 200.0, 10.0, 6.0), Block(_LEAVES[2], 200.0, 30.0, 4.0))
    assert layout.middle == (Block(_GROUPS[0], 100.0, 10.0, 6.0), Block(_GROUPS[1], 100.0, 30.0, 4.0))
    assert layout.first == Block(_WHOLE, 0.0, 17.0, 10.0)
    assert list(layout.ribbons()) == [
        Ribbon(_GROUPS[0], BLOCK, 17.0, 100.0, 10.0, 6.0),
        Ribbon(_LEAVES[0], 100.0 + BLOCK, 10.0, 200.0, 10.0, 6.0),
        Ribbon(_GROUPS[1], BLOCK, 23.0, 100.0, 30.0, 4.0),
        Ribbon(_LEAVES[2], 100.0 + BLOCK, 30.0, 200.0, 30.0, 4.0),
    ]


def test_groups_of_nothing_are_left_out_and_negative_numbers_refused() -> None:
    empty = Node("wait", 0, Meaning.WAITING, (Node("d", 0, Meaning.WAITING),))
    assert groups(Node("all", 10, Meaning.ALL, (*_GROUPS, empty))) == list(_GROUPS)
    with pytest.raises(ValueError, match="'e' do not add up"):
        Node("e", -1, Meaning.HELD).check()


def test_titles_are_text_and_heights_whole() -> None:
    assert shape("f-held", "M0 0z", "<b>") == '<path class="f-held" d="M0 0z"><title>&lt;b&gt;</title></path>'
    assert drawing("wide", 10, 7.2, "&", []) == '<svg class="wide" viewBox="0 0 10 8" role="img" aria-label="&amp;"></svg>'
