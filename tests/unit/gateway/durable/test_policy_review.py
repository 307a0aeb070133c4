"""The review of policies: what it objects to, in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from consent.core.review.diff import Side
from consent.core.review.endings import endings
from gateway.durable.policy_review import MOST_NAMED, Concerned, KeyInForce, PolicyReview, review_policies
from gateway.edge.policies import PoliciesFound
from gateway.errors import PoliciesRefusedError
from tests.support.disk_gate import configured
from tests.support.gate import Gate, town

ONE, OTHER = b"a" * 32, b"b" * 32


def reviewed(gate: Gate, *edits: tuple[str, str], key: bytes = ONE, before: bytes | None = ONE) -> PolicyReview:
    """Return the review of changed policies over those in force."""
    old = {} if before is None else {"office": before}
    found, concerned = PoliciesFound(town(*edits), {"office": key}, ()), Concerned.of(gate.state.registry)
    return review_policies(found, Side(town(), old), concerned, gate.now_ms)


def test_review_of_the_same_policies_objects_to_nothing(tmp_path: Path) -> None:
    """And tells every key, which is as before."""
    review = reviewed(Gate())
    assert not review.needs_accept
    (key,) = review.keys
    assert key.now == key.before
    review.refuse(configured(tmp_path / "gw").place, accept=False)


def test_review_of_first_policies_compares_with_nothing() -> None:
    """Nobody is revealed more than before, since before was nothing; no key was there."""
    gate = Gate()
    review = review_policies(PoliciesFound(town(), {"office": ONE}, ()), None, Concerned.of(gate.state.registry), gate.now_ms)
    assert (review.needs_accept, review.rises, review.rules) == (False, (), ())
    assert [key.before for key in review.keys] == [None]


def test_review_of_another_key_objects_and_of_a_first_one_does_not(tmp_path: Path) -> None:
    """Another key is a rise; nobody could have read under none."""
    assert reviewed(Gate(), key=OTHER).needs_accept
    assert not reviewed(Gate(), before=None).needs_accept
    gone = review_policies(PoliciesFound(town(), {}, ()), Side(town(), {"office": ONE}), Concerned.of(Gate().state.registry), 0)
    assert isinstance(gone.keys[0], KeyInForce)
    assert gone.keys[0].now is None


def test_review_names_a_few_rises_and_counts_the_others(tmp_path: Path) -> None:
    """One line, whatever the change."""
    gate = Gate()
    gate.home("hourly", "daily")
    review = reviewed(
        gate,
        ("group = 2, retention = 365", "group = 1, retention = 365"),
        ("retention = 30 }", "retention = 31 }"),
        ("retention = 7 }", "retention = 8 }"),
    )
    with pytest.raises(PoliciesRefusedError) as refusal:
        review.refuse(configured(tmp_path / "gw").place, accept=False)
    line = str(refusal.value)
    assert "\n" not in line
    assert f"; and {len(review.rises) + len(review.rules) - 3} more)" in line
    assert "2 consents of 1 subject end (`daily` 1, `hourly` 1)" in line


def test_review_names_the_device_profile_of_each_rise(tmp_path: Path) -> None:
    """Two profiles that rise alike are two rises, and must not read like one that is told twice."""
    review = reviewed(Gate(), ("retention = 7 }", "retention = 8 }"))
    with pytest.raises(PoliciesRefusedError) as refusal:
        review.refuse(configured(tmp_path / "gw").place, accept=False)
    assert len(review.rises) > MOST_NAMED
    for change in review.rises[:MOST_NAMED]:
        assert f"`{change.flow}` of `{change.profile}` {change.axis} " in str(refusal.value)


def test_review_counts_whom_the_registry_held_when_it_was_begun() -> None:
    """It is found in another thread, while households join and withdraw."""
    gate = Gate()
    home = gate.home("hourly")
    concerned = Concerned.of(gate.state.registry)
    gate.withdraw(home, "hourly")
    gate.home("hourly")
    asking_more = town(("group = 2, retention = 365", "group = 2, retention = 366"))
    review = review_policies(PoliciesFound(asking_more, {}, ()), Side(town(), {}), concerned, gate.now_ms)
    assert (len(concerned.devices), review.endings.consents) == (1, 1)


def test_review_is_counted_again_with_what_has_been_said_since() -> None:
    """Who has withdrawn, joined, permitted or been erased since; of the others it is as it was."""
    gate = Gate()
    homes = gate.homes(4, "hourly")
    asking_more = town(("group = 2, retention = 365", "group = 2, retention = 366"))
    found = PoliciesFound(asking_more, {}, ())
    review = review_policies(found, Side(town(), {}), Concerned.of(gate.state.registry), gate.now_ms)
    gate.withdraw(homes[0], "hourly")
    gate.erase(homes[1])
    gate.home("hourly")
    gate.grant(gate.home(), "daily")
    book = gate.state.registry.book
    again = review.counted_again(book, gate.now_ms)
    assert again.endings == endings(book, asking_more, gate.now_ms) != review.endings
    assert again.endings.consents == 3
    assert again.counted_again(book, gate.now_ms).endings == again.endings
