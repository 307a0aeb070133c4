"""The entry of a release: its opening with a part for each subject and record, and its labels, made before the entry is appended.

The subjects' parts follow the bundle's own, each under a salt that is lost with the subject's secret. All of it depends on the
entry's index and on nothing else of the log, so it can be made aside and appended if the log has not grown meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from consent.core.canonical import disclosure_map
from gateway.audit.log import canonical
from gateway.audit.log.openings import SALT_BYTES, Part, label, labels_file, opening_salt, subject_label_key
from gateway.audit.log.payloads import ReleasePayload, contribution_end, encode_beginning
from gateway.core.log import PreparedEntry
from gateway.core.registry import Subject
from gateway.core.windows.targets import Terms


@dataclass(frozen=True, slots=True)
class Basis:
    """What a record, or the figures of a draw, about subjects rest on.

    Attributes:
        record: Its number in the bundle; of a draw, its place behind the records.
        terms: The terms of each contributor in it.
        pairs: How many pairs each has contributed, in the same order.
    """

    record: int
    terms: Mapping[bytes, Terms]
    pairs: Sequence[int]


def prepare_entry(
    payload: ReleasePayload,
    bases: Sequence[Basis],
    subjects: Mapping[bytes, Subject],
    index: int,
    random_bytes: Callable[[int], bytes],
    least_labels: int = 1,
) -> PreparedEntry:
    """Make the opening and the labels of a release.

    Args:
        payload: Of the bundle as a whole.
        bases: What its records and draws rest on.
        subjects: At least those in it.
        index: The entry's index in the log.
        random_bytes: Gives the salt of the bundle's own part, and the labels that are none.
        least_labels: So many there are at least.
    """
    present = {contributor: subjects[contributor] for basis in bases for contributor in basis.terms}
    keys = (subject_label_key(subject.secret, subject.label_generation) for subject in present.values())
    labels = labels_file((label(key, index) for key in keys), random_bytes, least_labels)
    own = Part(random_bytes(SALT_BYTES), payload.encode())
    count = 1 + sum(len(terms.several) or 1 for basis in bases for terms in basis.terms.values())
    return PreparedEntry.of(index, chain([own], _subject_parts(bases, present, index)), count, labels)


def _subject_parts(bases: Iterable[Basis], subjects: Mapping[bytes, Subject], index: int) -> Iterator[Part]:
    """Yield the parts of the opening that state what each subject's contribution to each record or draw rests on."""
    encoded: dict[int, bytes] = {}  # by identity: thousands share a few, and to hash each takes longer than all else
    for basis in bases:
        beginnings: dict[Hashable, bytes] = {}  # thousands share a few
        for (contributor, least), pairs in zip(basis.terms.items(), basis.pairs, strict=True):
            salt = opening_salt(subjects[contributor].secret, index, basis.record)
            left = pairs
            for terms in least.several or (least,):
                disclosure = id(terms.disclosure)
                if disclosure not in encoded:
                    encoded[disclosure] = canonical.encode(disclosure_map(terms.disclosure))
                shared = left, terms.zone, terms.policy_entry, terms.profile
                if shared not in beginnings:
                    beginnings[shared] = encode_beginning(left, terms.zone, terms.policy_entry, basis.record, terms.profile)
                end = contribution_end(terms.consent_entries, encoded[disclosure])
                yield Part(salt, b"".join((beginnings[shared], contributor, end)))
                left = 0  # counted once, with the first of a subject's devices
