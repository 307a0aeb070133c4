"""The outbox: how many rows of records wait for a bundle, by recipient; the rows themselves are in the database.

Part of the state. The pipeline adds rows, releases take them out and voids put them back; an erasure rewrites them. Each
change adds its rows to the commit under way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gateway.core.effects import Commit, OutboxRow


class Outbox:
    """The number of waiting rows of each recipient.

    Attributes:
        commit: The commit under way; the state replaces it.
        waiting: How many rows wait, by recipient.
        next_number: The next new row's number.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self.commit = Commit()
        self.waiting: dict[str, int] = {}
        self.next_number = 1

    def resume(self, waiting: Mapping[str, int], next_number: int) -> None:
        """Continue from what is stored."""
        self.waiting = dict(waiting)
        self.next_number = next_number

    def put(self, row: OutboxRow) -> None:
        """Add a new row, whose number is the next or a later one."""
        self.next_number = row.number + 1
        self.put_back(row)

    def put_back(self, row: OutboxRow) -> None:
        """Add a row that a voided bundle returns."""
        self.commit.outbox.append(row)
        self.waiting[row.recipient] = self.waiting.get(row.recipient, 0) + 1

    def take_out(self, number: int, recipient: str) -> None:
        """Delete a row: it is in a bundle, or may never leave."""
        self.commit.outbox_done.append(number)
        self.waiting[recipient] -= 1

    def take_pending(self) -> list[OutboxRow]:
        """Return and remove the rows of the commit under way; only those that are replaced are stored with it."""
        pending, self.commit.outbox = self.commit.outbox, []
        return pending

    def replace(self, row: OutboxRow, content: bytes, *, stored: bool) -> None:
        """Replace the content of a row; an empty one deletes it.

        Args:
            row: The row before the change.
            content: Its new content; empty to delete it.
            stored: Whether the row is in the database, and has to be changed there.
        """
        if stored:
            self.commit.outbox_done.append(row.number)
        if content:
            self.commit.outbox.append(replace(row, content=content))
        else:
            self.waiting[row.recipient] -= 1

    def forget_all(self) -> None:
        """Drop all waiting rows; a restoration has deleted them from the database."""
        self.waiting.clear()
