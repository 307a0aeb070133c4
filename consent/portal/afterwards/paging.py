"""Long lists, a page at a time: newest first, each page with links to the ones before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from consent.portal.answers import Parameter

T = TypeVar("T")

PAGE: Final = Parameter("page", r"[1-9][0-9]{0,5}", "2", is_in_query=True)


@dataclass(frozen=True, slots=True)
class Leaf(Generic[T]):
    """One page of a list.

    Attributes:
        rows: Its rows.
        number: Which page it is, from 1.
        pages: How many there are, at least 1.
        total: How many rows all pages have.
    """

    rows: Sequence[T]
    number: int
    pages: int
    total: int

    @property
    def newer(self) -> int:
        """The page before; 0: there is none."""
        return self.number - 1

    @property
    def older(self) -> int:
        """The page after; 0: there is none."""
        return self.number + 1 if self.number < self.pages else 0


def leaf_of(rows: Sequence[T], asked: str, size: int) -> Leaf[T]:
    """Return the page of a list that was asked for; the last where it has fewer.

    Args:
        rows: All of them, in their order.
        asked: A number from 1, or empty for the first page.
        size: How many rows a page has.
    """
    pages = max(1, -(-len(rows) // size))
    number = min(int(asked or 1), pages)
    return Leaf(rows[(number - 1) * size : number * size], number, pages, len(rows))
