"""The outbox: how many rows of records wait for a bundle, by recipient; the rows themselves lie in the database.

A part of the state. The pipeline puts rows in, releases take them out and voids put them back; an erasure rewrites them. Each
change adds its rows to the commit under way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gateway.core.effects import Commit, OutboxRow


class Outbox:
    """What waits.

    Attributes:
        commit: The commit under way; the state replaces it.
        waiting: Rows by recipient.
        next_number: The next new row's number.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self.commit = Commit()
        self.waiting: dict[str, int] = {}
        self.next_number = 1

    def resume(self, waiting: Mapping[str, int], next_number: int) -> None:
        """Go on with what is stored."""
        self.waiting = dict(waiting)
        self.next_number = next_number

    def put(self, row: OutboxRow) -> None:
        """Add a new row, whose number is the next or a later one."""
        self.next_number = row.number + 1
        self.put_back(row)

    def put_back(self, row: OutboxRow) -> None:
        """Add a row again that a voided bundle gives back."""
        self.commit.outbox.append(row)
        self.waiting[row.recipient] = self.waiting.get(row.recipient, 0) + 1

    def take_out(self, number: int, recipient: str) -> None:
        """Delete a row: it is in a bundle, or stays for good."""
        self.commit.outbox_done.append(number)
        self.waiting[recipient] -= 1

    def take_pending(self) -> list[OutboxRow]:
        """Return the rows of the commit under way, which are not stored with it unless they are replaced."""
        pending, self.commit.outbox = self.commit.outbox, []
        return pending

    def replace(self, row: OutboxRow, content: bytes, *, stored: bool) -> None:
        """Store another content of a row; with none left it is deleted.

        Args:
            row: As it was.
            content: Its new content; empty to delete it.
            stored: It lies in the database, where it has to go.
        """
        if stored:
            self.commit.outbox_done.append(row.number)
        if content:
            self.commit.outbox.append(replace(row, content=content))
        else:
            self.waiting[row.recipient] -= 1

    def forget_all(self) -> None:
        """Forget what waited; a restoration has dropped the rows."""
        self.waiting.clear()
