"""Pages of long lists: every row is on one of them, and on one alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from consent.portal.afterwards.paging import leaf_of


@given(st.integers(0, 60), st.integers(1, 20))
def test_pages_are_the_whole_list_in_order(rows: int, size: int) -> None:
    """And none is larger than it may be."""
    first = leaf_of(range(rows), "", size)
    pages = [leaf_of(range(rows), str(number), size) for number in range(1, first.pages + 1)]
    assert [row for page in pages for row in page.rows] == list(range(rows))
    assert all(len(page.rows) <= size and page.total == rows for page in pages)
    assert [page.older for page in pages] == [*range(2, first.pages + 1), 0]
    assert [page.newer for page in pages] == list(range(first.pages))


def test_page_that_there_is_not_is_the_last() -> None:
    """An old link still leads somewhere."""
    assert leaf_of(range(7), "999999", 3).rows == range(6, 7)
    assert leaf_of([], "4", 3).number == 1
