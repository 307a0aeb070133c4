"""The pages of SQLite's file format: which bytes of a page belong to nothing, and may hold copies of rows that are gone.

``secure_delete`` overwrites a row where it lay when it is deleted, and pages that are freed. Where a page was split or joined
before, copies of rows that were moved away stay in the space between its list of cells and its first cell. Nothing reads them;
SQLite writes them out again with the page. (SQLite file format, section 1.6, "B-tree pages".)
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final

HEADER_BYTES: Final = 100
"""Of the file's own header, at the beginning of its first page."""
MOST_PAGES: Final = 0x02000000
"""In a file of fewer, no page but one of a tree begins with a tree's mark: overflow and free pages begin with a page number."""

_TREE_HEADER_BYTES: Final = {0x02: 12, 0x05: 12, 0x0A: 8, 0x0D: 8}
_ends: Final = Struct(">HHH").unpack_from  # first free block, number of cells, beginning of their content
_free_block: Final = Struct(">HH").unpack_from  # offset of the next one, length of this one with these four bytes
_FREE_BLOCK_HEADER_BYTES: Final = 4


def stale_spans(page: bytes, number: int) -> Iterator[tuple[int, int]]:
    """Yield the spans (begin, end) of a page that belong to nothing and are not zero.

    Left out are fragments between cells, of three bytes at most, which SQLite has overwritten before they became any.

    Args:
        page: Its content.
        number: From 1; the first page also holds the file's header.
    Raises: ValueError: it is damaged.
    """
    begin = HEADER_BYTES if number == 1 else 0
    header_bytes = _TREE_HEADER_BYTES.get(page[begin])
    if header_bytes is None:
        return
    free, cells, content = _ends(page, begin + 1)
    listed = begin + header_bytes + 2 * cells
    content = content or 65_536
    if not listed <= content <= len(page):
        raise ValueError(f"page {number} is damaged")
    if page.count(0, listed, content) != content - listed:
        yield listed, content
    while free:
        if free + _FREE_BLOCK_HEADER_BYTES > len(page):
            raise ValueError(f"page {number} is damaged")
        following, length = _free_block(page, free)
        begin, end = free + _FREE_BLOCK_HEADER_BYTES, free + length
        if not begin <= end <= len(page) or 0 < following < end:
            raise ValueError(f"page {number} is damaged")
        if page.count(0, begin, end) != end - begin:
            yield begin, end
        free = following
