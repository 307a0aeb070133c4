"""Days of the public's balance for tests: as a ledger has them, and rounded down as the gateway rounds them."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from consent.portal.accounts.reasons import HELD
from consent.public_messages import PublicBalance, ToldBy

UNTIL_MS = 1_795_824_000_000
"""The end of 2026-11-27."""

_HELD = [account for accounts in HELD.values() for account in accounts]


def told_by(flow: str, recipient: str, owner: str, identity: str, pairs: int, step: int = 15) -> ToldBy:
    """Return what left by a flow."""
    row = ToldBy(flow=flow, recipient=recipient, owner=owner, identity=identity, step=step, pairs=pairs, records=pairs // 15)  # type: ignore[arg-type]
    assert pairs % step == 0
    return row


def said_balance(accounts: dict[str, int] | None = None, step: int = 15, **others: object) -> PublicBalance:
    """Return a day on which something went every way, but for what is given; accounts of 0 are of fewer than their step."""
    if accounts is None:
        accounts = {
            "bundles.formed": 31,
            "pairs.considered": 3840,
            "pairs.withheld.no-consent": 1500,
            "pairs.withheld.refused": 330,
            "pairs.late": 15,
            "pairs.duplicate": 0,
            "pairs.suppressed.k": 60,
            "pairs.withdrawn": 45,
            "pairs.aggregated": 1545,
            "pairs.released": 285,
            "pairs.open": 45,
        }
    usual: dict[str, object] = {
        "day": "2026-11-27",
        "until_ms": UNTIL_MS,
        "group": 15,
        "days": ["2026-11-28", "2026-11-27", "2026-11-26"],
        "accounts": {account: n for account, n in accounts.items() if n},
        "steps": {account: 1 if account.startswith("bundles.") else step for account in accounts},
        "told": [
            told_by("energy-hourly", "city-energy", "resident", "aggregate", 1545),
            told_by("energy-daily-totals", "city-energy", "resident", "per-epoch", 240),
            told_by("city-sensors", "city-environment", "city", "per-record", 45),
        ],
    }
    return PublicBalance(**{**usual, **others})  # type: ignore[arg-type]


@dataclass(frozen=True)
class RoundedDay:
    """A day as it was, and as the gateway tells it.

    Attributes:
        exact: Uses by account, what was told by flow as `told`, all above zero.
    """

    exact: dict[str, int]
    answer: PublicBalance


@st.composite
def rounded_days(draw: st.DrawFn) -> RoundedDay:
    """Return any day of a ledger that balances, with every number rounded down by itself."""
    n = st.one_of(st.integers(1, 60), st.integers(1, 2_000_000))
    steps = st.sampled_from([1, 15, 480])
    accounts = {account: draw(n) for account in draw(st.sets(st.sampled_from(_HELD), max_size=8))}
    recipients = st.sampled_from(["city-energy", "city-environment", "gone"])
    identities = st.sampled_from(["aggregate", "per-record", "per-epoch", "stable"])
    owners = st.sampled_from(["city", "resident"])
    keys = draw(st.sets(st.tuples(st.sampled_from("abc"), recipients, owners, identities), max_size=6))
    told = [(*key, draw(n), draw(steps)) for key in sorted(keys)]
    waiting = {"pairs.open": draw(st.integers(-500, 500)), "pairs.waiting": draw(st.integers(-500, 500))}
    considered = sum(accounts.values()) + sum(waiting.values()) + sum(pairs for *_, pairs, _ in told)
    waiting["pairs.open"] -= min(considered, 0)
    accounts |= {"pairs.considered": max(considered, 0), **waiting}
    exact = {account: uses for account, uses in accounts.items() if uses > 0}
    of = {account: draw(steps) for account in exact}
    rounded = {account: uses // of[account] * of[account] for account, uses in exact.items()}
    answer = said_balance(
        told=[
            told_by(flow, recipient, owner, identity, pairs // step * step, step)
            for flow, recipient, owner, identity, pairs, step in told
        ]
    )
    answer.accounts.clear()
    answer.accounts.update({account: uses for account, uses in rounded.items() if uses})
    answer.steps.clear()
    answer.steps.update(of)
    return RoundedDay(exact | {"told": sum(pairs for *_, pairs, _ in told)}, answer)
