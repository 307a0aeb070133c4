"""Voided windows that were formed again for fewer subjects: listed, whoever made them."""

from __future__ import annotations

from tests.support.cheats import BUNDLE_SHA256, latest_release, released_again, share_of, void_of
from tests.support.gate import Gate, only
from tests.support.planted import day_with, days
from tests.support.replayed import replayed


def town(count: int = 4) -> Gate:
    """Return a gateway that has released two hours of some homes."""
    gate = Gate(only("hourly"))
    days(gate, gate.homes(count, "hourly"), 2)
    return gate


def test_release_voided_and_formed_again_without_one_household_is_listed() -> None:
    """No auditor can tell whether the first was handed over: the case is shown, with how many of those left out permitted it."""
    gate = town()
    release = latest_release(gate)
    shares = gate.contributions(release)
    void = void_of(gate, release, BUNDLE_SHA256)
    again = released_again(gate, release, shares[1:])
    (listed,) = replayed(gate).formed_again
    assert (listed.void, listed.release, listed.again) == (void, release, again)
    assert (listed.subjects_before, listed.subjects_after, listed.left_out_though_permitting) == (4, 3, 1)
    assert f"voided and formed again: entry {void} voids release {release}, formed again in {again}" in replayed(gate).to_text()


def test_void_by_a_withdrawal_is_listed_with_nobody_left_out_who_permits() -> None:
    """What an honest gateway does: it takes back what it has not sent, and leaves out who withdrew."""
    gate = Gate(only("hourly"))
    homes = gate.homes(4, "hourly")
    days(gate, homes, 1)
    day_with(gate, homes)
    assert gate.form() is not None
    gate.withdraw(homes[0], "hourly")
    gate.records()
    found = replayed(gate)
    assert found.findings == []
    (listed,) = found.formed_again
    assert (listed.subjects_before, listed.subjects_after, listed.left_out_though_permitting) == (4, 3, 0)


def test_void_that_its_recipient_cannot_find_is_named() -> None:
    """The salt of a void follows from the bundle, so that who has the bundle finds it."""
    gate = town()
    release = latest_release(gate)
    void = void_of(gate, release, b"\1" * 32)
    found = [f"{one.where}: {one.problem}" for one in replayed(gate).findings]
    assert f"entry {void}: voids release `{release}` under a salt by which its recipient cannot find it" in found


def test_void_formed_again_for_the_same_subjects_is_not_listed() -> None:
    """Nothing is learnt from two equal figures."""
    gate = town()
    release = latest_release(gate)
    void_of(gate, release, BUNDLE_SHA256)
    released_again(gate, release, gate.contributions(release))
    found = replayed(gate)
    assert (found.formed_again, found.exit_status) == ([], 1)


def test_void_formed_again_with_one_household_in_the_place_of_another_is_listed() -> None:
    """As many as before, and the difference of the two figures is that of two homes."""
    gate = town()
    release = latest_release(gate)
    shares = gate.contributions(release)
    void_of(gate, release, BUNDLE_SHA256)
    released_again(gate, release, [*shares[1:], share_of(gate, gate.home("hourly").subject or b"")])
    (listed,) = replayed(gate).formed_again
    assert (listed.subjects_before, listed.subjects_after, listed.left_out_though_permitting) == (4, 4, 1)
