"""The consents that a change of policies ends, counted before it happens.

The numbers are exact: each of these consents gets an entry of its own in the log, where anybody can count them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from consent.core.consents.book import Book
from consent.core.lifecycle import expiry
from consent.core.policies.policy import PolicySet


@dataclass(frozen=True, slots=True)
class Endings:
    """The consents that end.

    Attributes:
        consents: How many; where only some flows of a purpose end, each of these counts.
        subjects: Of how many subjects.
        flows: How many of the consents no longer permit a flow, by flow.
    """

    consents: int
    subjects: int
    flows: Mapping[str, int]

    def with_change(self, before: Endings, after: Endings) -> Endings:
        """Return those of everybody, once some subjects that had these before have others."""
        flows = Counter(self.flows)
        flows.subtract(before.flows)
        flows.update(after.flows)
        return Endings(
            self.consents - before.consents + after.consents,
            self.subjects - before.subjects + after.subjects,
            {flow: count for flow, count in sorted(flows.items()) if count},
        )


def endings(book: Book, policies: PolicySet, now_ms: int, among: Iterable[bytes] | None = None) -> Endings:
    """Count the consents that end when policies come into force.

    Args:
        book: All consents that count.
        policies: Those that would come into force.
        now_ms: The gateway's clock.
        among: Count only those of some subjects.
    """
    consents, subjects, flows = 0, set[bytes](), Counter[str]()
    for lapse in expiry.lapses(book, policies, now_ms, among):
        consents += 1
        subjects.add(lapse.speaker.subject)
        flows.update(lapse.flows)
    return Endings(consents, len(subjects), dict(sorted(flows.items())))


def endings_text(ended: Endings) -> str:
    """Return in a few words which consents end."""
    flows = ", ".join(f"`{flow}` {count}" for flow, count in ended.flows.items())
    consents = "1 consent" if ended.consents == 1 else f"{ended.consents} consents"
    subjects = "1 subject" if ended.subjects == 1 else f"{ended.subjects} subjects"
    return f"{consents} of {subjects} {'ends' if ended.consents == 1 else 'end'} ({flows})"
