"""What is remembered of an answer of a moment ago: by the session that gave it, so much and no more."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from consent.citizen_messages import AnswersChanged
from consent.portal.recent import KEPT, RecentChanges
from consent.portal.visit import SignedIn
from tests.support.questions import changed

MINE, OTHER = SignedIn("aa" * 32, "passkey", 0), SignedIn("bb" * 32, "passkey", 0)


def seconds(*values: float) -> Iterator[float]:
    """Return a clock that shows one value after another."""
    return iter(values)


async def answered(answer: AnswersChanged) -> AnswersChanged:
    """Return an answer, as a gateway does."""
    return answer


def test_time_is_from_the_question_to_the_answer() -> None:
    """That is what a citizen waited for the gate."""
    clock = seconds(100.0, 100.083)
    recent = RecentChanges(lambda: next(clock))
    answer, number = asyncio.run(recent.timed(MINE, answered(changed(number=7)), 5))
    found = recent.of(MINE, 7)
    assert (answer, number) == (changed(number=7), 7)
    assert found is not None
    assert (found.took_ms, found.answer, found.counts_from_ms) == (83, answer, 5)


def test_other_session_learns_nothing() -> None:
    """Numbers of the record can be guessed."""
    recent = RecentChanges(lambda: 0.0)
    asyncio.run(recent.timed(MINE, answered(changed(number=7))))
    assert recent.of(OTHER, 7) is None
    assert recent.of(MINE, 8) is None


def test_answer_that_changed_nothing_has_no_number() -> None:
    """There is no page of it."""
    recent = RecentChanges(lambda: 0.0)
    assert asyncio.run(recent.timed(MINE, answered(AnswersChanged(time_ms=0, changes=[]))))[1] == -1


def test_memory_is_bounded() -> None:
    """Whoever answers without end fills nothing."""

    async def many(recent: RecentChanges) -> None:
        for number in range(KEPT + 5):
            await recent.timed(MINE, answered(changed(number=number)))

    recent = RecentChanges(lambda: 0.0)
    asyncio.run(many(recent))
    assert [recent.of(MINE, number) is None for number in (0, 4, 5, KEPT + 4)] == [True, True, False, False]
