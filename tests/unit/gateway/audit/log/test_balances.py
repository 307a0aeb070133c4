"""The ledger's balances and its recount."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.log.balances import ACCOUNTS, BALANCES, REASON_ACCOUNTS, imbalances, is_account
from gateway.audit.log.payloads import AccountPayload, ReleasedDraw, ReleasePayload, ReleaseRecord, VoidPayload
from gateway.audit.verify.recount import Recount

_BOOKS = {
    "frames.received": 15, "frames.admitted": 10, "frames.ignored": 3,
    "frames.rejected.malformed": 1, "frames.rejected.unknown-device": 1,
    "readings.carried": 6, "readings.admitted": 4, "readings.rejected.replayed": 2,
    "observations.decoded": 20, "observations.asked": 15, "observations.unasked": 4, "observations.refused.clock": 1,
    "pairs.considered": 30, "pairs.withheld.no-consent": 5, "pairs.withheld.ceiling": 1, "pairs.contributed": 14,
    "pairs.recorded": 7, "pairs.late": 2, "pairs.duplicate": 1,
    "pairs.aggregated": 6, "pairs.suppressed.k": 2, "pairs.withdrawn": 1, "pairs.open": 5,
    "pairs.released": 4, "pairs.withheld_at_release.withdrawn": 1, "pairs.waiting": 2,
    "bundles.formed": 5, "bundles.ready": 1, "bundles.sent": 1, "bundles.acknowledged": 2, "bundles.voided": 1,
}  # fmt: skip


def _release(aggregated: int, released: int, drawn: int = 0) -> ReleasePayload:
    level, window = ("1h", "district", "1"), (0, 1)
    draw = ReleasedDraw("d", level, "c", "p", "sum", "day", window, "gaussian", "2", 1, "10", "2", 5, 24, (), drawn)
    return ReleasePayload(
        "city",
        (
            ReleaseRecord("a", level, "c", window, aggregated, "aggregate"),
            ReleaseRecord("b", level, "c", window, 0, "per-epoch"),
            ReleaseRecord("c", level, "c", window, released, "per-record"),
        ),
        (draw,),
    )


def _account(before: dict[str, int], after: dict[str, int]) -> AccountPayload:
    return AccountPayload(after, {name: after.get(name, 0) - before.get(name, 0) for name in {*before, *after}})


def _books(aggregated: int, released: int, formed: int, voided: int = 0) -> dict[str, int]:
    return {
        "pairs.considered": aggregated + released,
        "pairs.contributed": aggregated,
        "pairs.aggregated": aggregated,
        "pairs.recorded": released,
        "pairs.released": released,
        "bundles.formed": formed,
        "bundles.sent": formed - voided,
        "bundles.voided": voided,
    }


def test_recount_counts_the_pairs_of_draws_among_figures() -> None:
    """A draw that is kept back in the books, or told twice, shows."""
    recount = Recount()
    recount.release(0, _release(2, 3, drawn=640))
    assert recount.account(_account({}, _books(642, 3, 1))) == []
    recount.release(1, _release(0, 0, drawn=10))
    found = recount.account(_account(_books(642, 3, 1), _books(642, 3, 2)))
    assert found == ["pairs.aggregated is `642`, releases and voids say `652`"]


def test_imbalances_of_right_or_empty_books_are_none() -> None:
    """Absent accounts are zero."""
    assert imbalances(_BOOKS) == []
    assert imbalances({}) == []


@given(st.sampled_from(sorted(_BOOKS)), st.integers(1, 100))
def test_imbalances_name_every_account_that_is_off(name: str, error: int) -> None:
    """One wrong total breaks a balance, whichever it is."""
    found = imbalances(_BOOKS | {name: _BOOKS[name] + error})
    assert found
    assert all(f"`{_BOOKS[name] + error}`" in line or name.split(".")[1] in line for line in found)


def test_imbalances_name_unknown_and_negative_accounts() -> None:
    """An amount cannot hide under a name that no balance counts."""
    assert imbalances({"frames.lost": 1}) == ["unknown account `frames.lost`"]
    assert imbalances({"pairs.withheld": 0, "pairs.withheld.": 0, "pairs.open.x": 0}) == [
        "unknown account `pairs.open.x`",
        "unknown account `pairs.withheld`",
        "unknown account `pairs.withheld.`",
    ]
    assert "account `pairs.late` is negative: `-1`" in imbalances({"pairs.late": -1, "pairs.duplicate": 1})


def test_accounts_are_those_of_the_balances() -> None:
    """Plain names and groups of reasons."""
    assert len(BALANCES) == 7
    assert "pairs.open" in ACCOUNTS
    assert "pairs.withheld_at_release." in REASON_ACCOUNTS
    assert is_account("pairs.withheld_at_release.budget")
    assert not is_account("pairs.withheld_at_release.Budget spent")


def test_recount_of_releases_and_a_void_bears_out_the_accounts() -> None:
    """What is voided moves back."""
    recount = Recount()
    recount.release(3, _release(6, 2))
    assert recount.account(_account({}, _books(6, 2, 1))) == []
    assert recount.void(VoidPayload(3)) == []
    recount.release(6, _release(1, 1))
    assert recount.account(_account(_books(6, 2, 1), _books(1, 1, 2, voided=1))) == []
    assert (recount.accounts, recount.opened, recount.recounted) == (2, 2, 2)


@pytest.mark.parametrize("claimed", [_books(5, 2, 1), _books(6, 1, 1), _books(6, 2, 2), _books(6, 2, 1, voided=1)])
def test_recount_that_differs_from_balanced_accounts_is_found(claimed: dict[str, int]) -> None:
    """Books can balance and still be made up."""
    recount = Recount()
    recount.release(3, _release(6, 2))
    assert imbalances(claimed) == []
    assert len(recount.account(_account({}, claimed))) == 1


def test_recount_finds_totals_that_differences_do_not_explain() -> None:
    """Each account is the one before plus its difference."""
    recount = Recount()
    found = recount.account(
        AccountPayload(_books(0, 0, 0) | {"frames.received": 2, "frames.admitted": 2}, {"frames.received": 2})
    )
    assert found == ["frames.admitted `2` is not `0` before and a difference of `0`"]


def test_recount_over_missing_openings_starts_afresh_at_the_next_account() -> None:
    """An expired opening is no finding, and what comes behind the next account is checked again."""
    recount = Recount()
    recount.release(1, None)
    assert recount.account(None) == []
    assert recount.account(_account({}, _books(9, 9, 1))) == []
    recount.release(4, _release(1, 0))
    assert recount.account(_account(_books(9, 9, 1), _books(11, 9, 2))) == [
        "pairs.aggregated is `11`, releases and voids say `10`"
    ]
    assert recount.void(VoidPayload(1)) == []
    assert recount.account(_account(_books(11, 9, 2), _books(7, 9, 2, voided=1))) == []
    assert (recount.accounts, recount.opened, recount.recounted) == (4, 3, 1)


def test_recount_of_a_void_of_nothing_or_twice_is_found() -> None:
    """A void names a release before it, once."""
    recount = Recount()
    recount.release(1, _release(1, 1))
    assert recount.void(VoidPayload(2)) == ["voids `2`, which is no release before it"]
    assert recount.void(VoidPayload(1)) == []
    assert recount.void(VoidPayload(1)) == ["voids release `1` a second time"]
