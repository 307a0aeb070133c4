"""Answers that are kept: made once of the same, anew of anything else, and not without a bound."""

from __future__ import annotations

from gateway.control.public.answers import KeptAnswers


class Maker:
    """Counts how often it made an answer."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> int:
        """Make the next."""
        self.made += 1
        return self.made


def test_answer_is_made_once_of_the_same() -> None:
    """And anew once what it was made of is replaced, even by an equal one."""
    answers, make = KeptAnswers(), Maker()
    first, second = ["hour"], ["hour"]
    assert [answers.get("flows", first, make) for _ in range(100)] == [1] * 100
    assert answers.get("flows", second, make) == 2
    assert answers.get("sensors", second, make) == 3
    assert answers.get("flows", second, make) == 2


def test_answers_have_a_bound() -> None:
    """Whoever asks for ever other things makes the gateway hold no more; what was made last is kept."""
    answers, make, hour = KeptAnswers(), Maker(), object()
    for question in range(5000):
        answers.get(question, hour, make)
    assert len(answers._answers) == 512
    assert answers.get(4999, hour, make) == 5000
