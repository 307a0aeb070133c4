"""The entry of a release: made for one index, and for no other."""

from __future__ import annotations

import pytest

from gateway.audit.log.entries import Kind
from gateway.audit.log.openings import Opening, label, split_labels, subject_label_key
from gateway.audit.log.payloads import ReleasePayload
from gateway.core.release.entry import Basis, prepare_entry
from tests.support.gate import Gate
from tests.support.publications import noisy_town


def test_entry_is_for_one_index() -> None:
    """Salts and labels depend on it: appended elsewhere, nobody would find their part."""
    gate = Gate(noisy_town().policies())
    entry = prepare_entry(ReleasePayload("office", ()), [], {}, gate.state.log.size + 1, gate.random_bytes)
    with pytest.raises(ValueError, match="prepared for index"):
        gate.state.log.append_prepared(Kind.RELEASE, gate.now_ms, entry, bundle_sha256=bytes(32))


def test_parts_and_labels_of_those_in_it() -> None:
    """One part for each subject and record, one label for each subject."""
    gate = Gate(noisy_town().policies())
    homes = gate.homes(3, "hourly")
    plans = {home.subject or b"": plan for home in homes if (plan := gate.state.plan_of(home)) is not None}
    terms = {subject: plan.targets()[0].terms for subject, plan in plans.items()}
    subjects = gate.state.registry.subjects
    entry = prepare_entry(
        ReleasePayload("office", ()), [Basis(0, terms, [2, 3, 4]), Basis(1, terms, [1, 1, 1])], subjects, 9, gate.random_bytes
    )
    assert len(Opening.decode(entry.opening.whole()).parts) == 1 + 6
    assert entry.commitment == Opening.decode(entry.opening.whole()).commitment()
    assert entry.labels is not None
    own = {label(subject_label_key(subjects[subject].secret), 9) for subject in terms}
    assert own <= set(split_labels(entry.labels))
