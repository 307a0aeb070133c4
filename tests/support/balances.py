"""Days of the public's balance for tests: as a ledger has them, and rounded down as the gateway rounds them."""

from __future__ import annotations

from hypothesis import strategies as st

from consent.portal.accounts.reasons import HELD
from consent.public_messages import PublicBalance, ToldBy

UNTIL_MS = 1_795_824_000_000
"""The end of 2026-11-27."""

_HELD = [account for accounts in HELD.values() for account in accounts]


def told_by(flow: str, recipient: str, owner: str, identity: str, pairs: int) -> ToldBy:
    """Return what left by a flow."""
    return ToldBy(flow=flow, recipient=recipient, owner=owner, identity=identity, pairs=pairs, records=pairs)  # type: ignore[arg-type]


def said_balance(**others: object) -> PublicBalance:
    """Return a day on which something went every way, but for what is given."""
    usual: dict[str, object] = {
        "day": "2026-11-27",
        "until_ms": UNTIL_MS,
        "group": 15,
        "days": ["2026-11-28", "2026-11-27", "2026-11-26"],
        "accounts": {
            "frames.received": 6000,
            "frames.rejected.bad_mac": 30,
            "frames.rejected.malformed": 15,
            "observations.decoded": 8010,
            "observations.unasked": 2100,
            "pairs.considered": 3840,
            "pairs.withheld.no-consent": 1500,
            "pairs.withheld.refused": 330,
            "pairs.late": 15,
            "pairs.suppressed.k": 60,
            "pairs.withdrawn": 45,
            "pairs.aggregated": 1545,
            "pairs.released": 285,
            "pairs.open": 45,
        },
        "told": [
            told_by("energy-hourly", "city-energy", "resident", "aggregate", 1545),
            told_by("energy-daily-totals", "city-energy", "resident", "per-epoch", 240),
            told_by("city-sensors", "city-environment", "city", "per-record", 45),
        ],
    }
    return PublicBalance(**{**usual, **others})  # type: ignore[arg-type]


@st.composite
def rounded_days(draw: st.DrawFn) -> PublicBalance:
    """Return any day of a ledger that balances, with every number rounded down by itself."""
    n = st.one_of(st.just(0), st.integers(0, 60), st.integers(0, 2_000_000))
    group = draw(st.sampled_from([1, 5, 15]))
    accounts = {account: draw(n) for account in draw(st.sets(st.sampled_from(_HELD), max_size=8))}
    recipients = st.sampled_from(["city-energy", "city-environment", "gone"])
    identities = st.sampled_from(["aggregate", "per-record", "per-epoch", "stable"])
    owners = st.sampled_from(["city", "resident"])
    keys = draw(st.sets(st.tuples(st.sampled_from("abc"), recipients, owners, identities), max_size=6))
    told = [(*key, draw(n)) for key in sorted(keys)]
    accounts |= {"pairs.open": draw(st.integers(-500, 500)), "pairs.waiting": draw(st.integers(-500, 500))}
    considered = sum(accounts.values()) + sum(pairs for *_, pairs in told)
    if considered < 0:
        accounts["pairs.open"] -= considered
        considered = 0
    accounts["pairs.considered"] = considered
    rounded = {account: uses // group * group for account, uses in accounts.items()}
    return said_balance(
        group=group,
        accounts={account: uses for account, uses in rounded.items() if uses},
        told=[
            told_by(flow, recipient, owner, identity, pairs // group * group) for flow, recipient, owner, identity, pairs in told
        ],
    )
