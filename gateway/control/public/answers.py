"""Answers that are kept until what they were made of changes: a hundred readers cost the gateway's loop what one does."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, TypeVar

A = TypeVar("A")
_MOST: Final = 512
"""So many answers are kept: those of all zones of a city for a week, or of all that a reader of the record may turn to."""


class KeptAnswers:
    """The answers of one door."""

    def __init__(self) -> None:
        """Begin with none."""
        self._answers: OrderedDict[Hashable, tuple[object, object]] = OrderedDict()

    def get(self, key: Hashable, made_of: object, make: Callable[[], A]) -> A:
        """Return an answer, made only where none is kept that was made of the same.

        Args:
            key: What was asked.
            made_of: What the answer depends on, compared by identity: replaced, never changed in place.
            make: Makes it.
        """
        kept = self._answers.get(key)
        if kept is not None and kept[0] is made_of:
            answer: A = kept[1]  # type: ignore[assignment]  # what was asked by a key is answered alike
            return answer
        answer = make()
        self._answers[key] = made_of, answer
        self._answers.move_to_end(key)
        if len(self._answers) > _MOST:
            self._answers.popitem(last=False)
        return answer
