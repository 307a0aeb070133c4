"""An act's challenge binds what is done, by whom, and to what."""

from __future__ import annotations

from itertools import product

from consent.core.passkeys.acts import act_challenge


def test_challenge_differs_in_every_part() -> None:
    """No proof of one act is a proof of another, of another person, or of another moment."""
    acts, people = ("passkey.add", "subject.invite"), (b"a" * 16, b"b" * 16)
    made = {act_challenge(*parts) for parts in product(acts, people, people, people)}
    assert len(made) == 16
    assert {len(challenge) for challenge in made} == {32}


def test_parts_do_not_run_into_each_other() -> None:
    """What ends one part is not what begins the next."""
    assert act_challenge("act", b"ab", b"c", b"") != act_challenge("act", b"a", b"bc", b"")
