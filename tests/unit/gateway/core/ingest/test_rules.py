"""The rules of admission, as they follow from a device profile."""

from __future__ import annotations

from dataclasses import replace

from consent.core.profiles.profile import AbsentSequence, Authentication, Codec, Scheme
from gateway.core.ingest.admission import MAX_AHEAD_MS, MAX_BEHIND_MS
from gateway.core.ingest.rules import AdmissionRules
from tests.support.profiles import make_profile


def test_number_that_a_code_covers_is_never_absent_and_never_begins_again() -> None:
    """Whatever the profile says of numbers: what is authenticated is numbered by its code."""
    profile = make_profile(Codec.JSON, {"consumption": "kwh"}, sequence=("seq", None))
    assert profile.sequence is not None
    lax = replace(profile.sequence, absent=AbsentSequence.NONE, restarts=True)
    rules = AdmissionRules.of(replace(profile, sequence=lax, authentication=Authentication(Scheme.MAC0)))
    assert rules.is_plain
    assert rules.tells_repeats_by_number


def test_profile_that_says_nothing_has_the_bounds_of_all_and_no_numbers() -> None:
    """Its clocks may be off as any device's may, and repeats are told by the times of its readings."""
    rules = AdmissionRules.of(make_profile(Codec.JSON, {"consumption": "kwh"}))
    assert (rules.most_ahead_ms, rules.most_behind_ms) == (MAX_AHEAD_MS, MAX_BEHIND_MS)
    assert (rules.is_numbered, rules.is_plain, rules.tells_repeats_by_number) == (False, True, False)


def test_profile_states_how_far_its_clocks_may_be_off() -> None:
    """One of both may be stated without the other."""
    profile = make_profile(Codec.JSON, {"consumption": "kwh"}, time=("t", "unix-ms"))
    assert profile.time is not None
    rules = AdmissionRules.of(replace(profile, time=replace(profile.time, most_behind_ms=5)))
    assert (rules.most_ahead_ms, rules.most_behind_ms) == (MAX_AHEAD_MS, 5)
