"""Which numbers never came: known between two bundles of one key, bounded by the log elsewhere."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.recipient.missing import Held, MissingNumbers, completeness
from gateway.recipient.opening import BundleCounter
from gateway.recipient.voids import LoggedRelease

_ONE, _OTHER = b"\x01" * 8, b"\x02" * 8
_DAY = "2026-03-01"


def _held(log_index: int, number: int, key_id: bytes = _ONE) -> Held:
    return Held(log_index, BundleCounter(key_id, _DAY, number))


def _log(*indices: int, void: tuple[int, ...] = ()) -> dict[int, LoggedRelease]:
    return {index: LoggedRelease(bytes(32), 99 if index in void else None) for index in indices}


def test_completeness_of_all_that_was_sent() -> None:
    """Nothing is missing, and no release is left over."""
    found = completeness([_held(3, 0), _held(5, 1), _held(9, 0, _OTHER)], _log(3, 5, 9))
    assert (found.held, found.content_keys, found.missing, found.lost, found.unnumbered, found.most_lost) == (3, 2, (), 0, 0, 0)


def test_completeness_names_numbers_that_never_came_and_where_they_belong() -> None:
    """Between two bundles of a key every number is known; one release there is void, so that at least one of two was lost."""
    found = completeness([_held(3, 0), _held(9, 3)], _log(3, 4, 5, 6, 9, void=(5,)))
    assert found.missing == (MissingNumbers(_ONE, _DAY, 1, 2, 3, 9, 3, 1),)
    assert (found.lost, found.unnumbered) == (1, 0)
    assert found.missing[0].as_line() == (
        "2026-03-01  key 0101010101010101  1 to 2: between log index 3 and 9, where 1 of 3 releases are void: at least 1 lost"
    )


def test_completeness_of_numbers_that_voids_can_account_for() -> None:
    """A bundle that was taken back before its first byte has used up its number."""
    found = completeness([_held(3, 0), _held(9, 2)], _log(3, 5, 9, void=(5,)))
    assert (len(found.missing), found.lost) == (1, 0)
    assert found.missing[0].as_line().endswith("1 of 1 releases are void: taken back before they were sent")
    assert found.most_lost == 0


def test_completeness_of_a_number_that_a_void_of_another_recipient_could_hide() -> None:
    """One number is absent, one release is void and one is not: nobody can say which of them was this recipient's."""
    found = completeness([_held(3, 0), _held(9, 2)], _log(3, 5, 6, 9, void=(5,)))
    assert (found.lost, found.most_lost) == (0, 1)
    assert found.missing[0].as_line().endswith(": taken back before they were sent, or lost")


def test_completeness_where_voids_of_a_new_key_stand_beside_the_lost_end_of_the_old() -> None:
    """That the voids can account for the new key's numbers does not account for the release that is left over."""
    found = completeness([_held(3, 0), _held(9, 2, _OTHER)], _log(3, 5, 6, 7, 9, void=(6, 7)))
    assert (found.lost, found.unnumbered) == (0, 1)


def test_completeness_of_a_key_whose_first_bundles_never_came() -> None:
    """A key begins at 0, so that what came before its first bundle is known too."""
    found = completeness([_held(3, 0), _held(9, 2, _OTHER)], _log(3, 5, 6, 7, 9))
    assert [(each.first, each.last, each.lost) for each in found.missing] == [(0, 1, 2)]
    assert found.unnumbered == 1  # of three releases between, two are the ones known to be missing


def test_completeness_before_the_first_bundle_at_hand_is_no_loss() -> None:
    """Who began to listen at noon did not lose the morning."""
    found = completeness([_held(9, 4)], _log(9))
    assert [(each.first, each.last, each.after, each.lost) for each in found.missing] == [(0, 3, None, 0)]
    assert found.missing[0].as_line() == "2026-03-01  key 0101010101010101  0 to 3: before log index 9, the first that is here"


def test_completeness_after_the_last_number_is_bounded_by_the_log_alone() -> None:
    """No number follows the last one: there the log says how many releases there are, and not for whom."""
    found = completeness([_held(3, 0), _held(9, 0, _OTHER)], _log(3, 5, 6, 9, 11, 12, void=(6, 12)))
    assert (found.missing, found.lost, found.unnumbered) == ((), 0, 2)


def test_completeness_of_nothing() -> None:
    """Nothing at hand says nothing."""
    found = completeness([], _log(1, 2))
    assert (found.held, found.missing, found.unnumbered) == (0, (), 0)


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), max_size=40), st.sets(st.integers(0, 40)))
def test_completeness_never_accuses_beyond_what_was_lost_nor_misses_beyond_its_bound(
    releases: list[tuple[bool, bool, bool]], new_keys: set[int]
) -> None:
    """Against the truth: releases that are mine or another's, sent or voided, arrived or lost, under keys that begin anew."""
    held, log, key, number, lost = [], {}, 0, 0, 0
    for index, (mine, voided, arrived) in enumerate(releases):
        if index in new_keys:
            key, number = key + 1, 0
        log[index] = LoggedRelease(bytes(32), 99 if voided else None)
        if mine:
            if not voided and arrived:
                held.append(_held(index, number, key.to_bytes(8, "big")))
            elif held and not voided:
                lost += 1
            number += 1
    found = completeness(held, {index: each for index, each in log.items() if held and index >= held[0].log_index})
    assert found.lost <= lost <= found.most_lost
