"""How long answers took, and what was under way then: in the memory of this process alone, for the pages that follow them.

The record says what was answered, and a receipt which bundles had left; how long the person waited stands nowhere else. What is
forgotten, because the portal was started anew or others answered since, is left out of the page.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from consent.citizen_messages import AnswersChanged
from consent.portal.visit import SignedIn

KEPT: Final = 1024
"""So many answers are remembered, of all sessions together."""


@dataclass(frozen=True, slots=True)
class RecentChange:
    """An answer of a moment ago.

    Attributes:
        took_ms: From when its form had come until the gate had answered that it is in force.
        answer: What the gate answered.
        counts_from_ms: From when on figures take it into account; 0 where that was not to be said.
    """

    took_ms: int
    answer: AnswersChanged
    counts_from_ms: int


class RecentChanges:
    """The latest answers, by session and number in the record."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Remember nothing yet; ``clock`` is in seconds."""
        self._clock = clock
        self._kept: OrderedDict[tuple[bytes, int], RecentChange] = OrderedDict()

    async def timed(
        self, signed_in: SignedIn, asked: Awaitable[AnswersChanged], counts_from_ms: int = 0
    ) -> tuple[AnswersChanged, int]:
        """Wait for the gate's answer, and remember it.

        Returns: The answer, and the first number of it in the record; -1 where nothing changed.
        """
        begun = self._clock()
        answer = await asked
        change = RecentChange(max(round((self._clock() - begun) * 1000), 1), answer, counts_from_ms)
        numbers = sorted({one.log_index for one in answer.changes})
        for number in numbers:
            self._kept[_session(signed_in), number] = change
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return answer, numbers[0] if numbers else -1

    def of(self, signed_in: SignedIn, log_index: int) -> RecentChange | None:
        """Return what is remembered of a number in the record, to the session that answered alone."""
        return self._kept.get((_session(signed_in), log_index))


def _session(signed_in: SignedIn) -> bytes:
    return sha256(signed_in.token.encode()).digest()[:16]
