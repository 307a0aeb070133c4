"""The steps of a resident: grant, refuse, pause, withdraw."""

from __future__ import annotations

from decimal import Decimal

import pytest

from consent.core.consents.book import Book
from consent.core.consents.records import Consent, Status
from consent.core.decide import decide
from consent.core.disclosure import BOTTOM, TOP, Disclosure, Time
from consent.core.lifecycle.steps import Actor, grant, pause, refuse, withdraw
from consent.core.policies.notice import notice_of
from consent.core.policies.policy import PolicySet
from consent.errors import ConsentError
from tests.support.consent_samples import ANN, BEN, NOW_MS, SUBJECT, limits_of, policies

CITY = policies()
HOUR_MS = 3_600_000


class _Home:
    """One resident at home, whose steps count at once."""

    def __init__(self, city: PolicySet = CITY) -> None:
        self.city = city
        self.book = Book()
        self.book.add_subject(SUBJECT, (ANN,))
        self.now_ms = NOW_MS
        self._index = 0

    def _count(self, consent: Consent) -> Consent:
        self._index += 1
        self.book.apply(consent, self._index)
        self.now_ms += HOUR_MS
        return consent

    def speaker(self) -> Actor:
        return Actor(self.book, SUBJECT, ANN, self.now_ms, "operator")

    def grant(self, scope: str, limits: Disclosure = TOP, expiry_ms: int | None = None) -> Consent:
        return self._count(grant(self.speaker(), self.city, scope, limits, expiry_ms))

    def refuse(self, scope: str) -> Consent:
        return self._count(refuse(self.speaker(), self.city, scope))

    def pause(self, scope: str) -> list[Consent]:
        return [self._count(record) for record in pause(self.speaker(), scope)]

    def withdraw(self, scope: str) -> Consent:
        return self._count(withdraw(self.speaker(), scope))

    def reason(self, flow: str) -> str:
        consents = self.book.resolve(SUBJECT, self.city.flows[flow])
        return decide(self.city, flow, consents, "mill", TOP, self.now_ms).reason


def test_grant_the_first_time_is_given_from_now_on() -> None:
    """The record holds the terms, their hash and the limits, and permits at once."""
    home = _Home()
    given = home.grant("hourly", limits_of(time=Time.HOUR_4))
    assert (given.status, given.time_ms, given.since_ms) == (Status.GIVEN, NOW_MS, NOW_MS)
    assert given.notice == notice_of(CITY.terms_for("hourly")) == notice_of(given.terms)
    assert given.signature == b""
    assert home.reason("hourly") == ""
    assert home.reason("daily") == "no-consent"


def test_grant_of_the_same_again_is_renewed_and_in_force_all_along() -> None:
    """Extending a consent cuts no window in two."""
    home = _Home()
    first = home.grant("hourly", expiry_ms=NOW_MS + 5 * HOUR_MS)
    second = home.grant("hourly", expiry_ms=NOW_MS + 50 * HOUR_MS)
    assert (second.status, second.since_ms) == (Status.RENEWED, first.since_ms)
    assert home.grant("hourly", limits_of(time=Time.DAY)).since_ms == NOW_MS + 2 * HOUR_MS


def test_grant_of_a_purpose_again_is_renewed_too() -> None:
    """The same holds for a purpose, over all of its flows."""
    home = _Home()
    first = home.grant("purpose:energy")
    assert [terms.flow for terms in first.terms] == ["daily", "hourly", "raw"]
    assert home.grant("purpose:energy").since_ms == first.since_ms
    home.withdraw("hourly")
    assert home.grant("purpose:energy").status is Status.GIVEN


@pytest.mark.parametrize("stop", ["pause", "withdraw"])
@pytest.mark.parametrize("scope", ["hourly", "purpose:energy"])
def test_grant_after_a_stop_begins_anew(stop: str, scope: str) -> None:
    """After a pause or withdrawal, of the flow or of its purpose, the same limits count from the new grant on."""
    home = _Home()
    home.grant("hourly")
    getattr(home, stop)(scope)
    assert home.reason("hourly") in ("paused", "withdrawn")
    again = home.grant("hourly")
    assert (again.status, again.since_ms) == (Status.GIVEN, again.time_ms)
    assert home.reason("hourly") == ""


def test_grant_after_expiry_begins_anew() -> None:
    """A gap in consent is a gap, also where the limits stay the same."""
    home = _Home()
    home.grant("hourly", expiry_ms=NOW_MS + 1)
    assert home.reason("hourly") == "expired"
    assert home.grant("hourly").since_ms == NOW_MS + HOUR_MS


@pytest.mark.parametrize(
    ("scope", "limits", "expiry_ms", "message"),
    [
        ("nowhere", TOP, None, "there is no flow or purpose `nowhere`"),
        ("purpose:nowhere", TOP, None, "there is no flow or purpose `purpose:nowhere`"),
        ("noise", TOP, None, "`noise` rests on a public task and takes no consent"),
        ("purpose:streets", TOP, None, "`purpose:streets` rests on a public task and takes no consent"),
        ("hourly", BOTTOM, None, "these limits permit nothing: refuse or withdraw instead"),
        ("hourly", limits_of(precision=(("sound", Decimal(1)),)), None, "there is no observed property `sound`"),
        (
            "hourly",
            limits_of(precision=(("LAeq", Decimal("0.3")),)),
            None,
            "`0.3` is no step of the ladder of `LAeq`",
        ),
        ("hourly", TOP, NOW_MS, "the consent would end before it begins"),
    ],
)
def test_grant_of_what_cannot_be_granted_says_why(scope: str, limits: Disclosure, expiry_ms: int | None, message: str) -> None:
    """Every refusal is one plain line."""
    with pytest.raises(ConsentError) as caught:
        _Home().grant(scope, limits, expiry_ms)
    assert str(caught.value) == message


def test_steps_of_someone_unknown_are_refused() -> None:
    """Neither an unknown subject nor a stranger can say anything."""
    book = Book()
    with pytest.raises(ConsentError, match="no such subject"):
        grant(Actor(book, SUBJECT, ANN, NOW_MS, "operator"), CITY, "hourly", TOP)
    book.add_subject(SUBJECT, (ANN,))
    with pytest.raises(ConsentError, match="no such resident"):
        withdraw(Actor(book, SUBJECT, BEN, NOW_MS, "operator"), "hourly")


def test_refuse_says_no_and_can_be_changed_later() -> None:
    """A refusal is on record with what was asked, and a grant follows it."""
    home = _Home()
    refused = home.refuse("hourly")
    assert (refused.status, refused.limits, refused.terms) == (Status.REFUSED, BOTTOM, CITY.terms_for("hourly"))
    assert home.reason("hourly") == "refused"
    home.grant("hourly")
    with pytest.raises(ConsentError, match="`hourly` was permitted before: withdraw it instead"):
        home.refuse("hourly")


def test_withdraw_takes_back_a_flow_or_a_purpose() -> None:
    """A flow may be taken out of a purpose, and a purpose takes all its flows along."""
    home = _Home()
    home.grant("purpose:energy")
    out = home.withdraw("hourly")
    assert (out.status, out.limits, out.terms) == (Status.WITHDRAWN, BOTTOM, CITY.terms_for("hourly"))
    assert (home.reason("hourly"), home.reason("daily")) == ("withdrawn", "")
    home.withdraw("purpose:energy")
    assert (home.reason("hourly"), home.reason("daily")) == ("withdrawn", "withdrawn")


def test_withdraw_of_a_purpose_reaches_flows_permitted_one_by_one() -> None:
    """Nobody has to remember how they permitted something to take it back."""
    home = _Home()
    home.grant("hourly")
    home.grant("daily")
    everything = home.withdraw("purpose:energy")
    assert [terms.flow for terms in everything.terms] == ["daily", "hourly"]
    assert (home.reason("hourly"), home.reason("daily")) == ("withdrawn", "withdrawn")


def test_withdraw_of_what_was_never_said_or_is_gone_says_so() -> None:
    """There is nothing to take back twice."""
    home = _Home()
    with pytest.raises(ConsentError, match="`hourly` was never spoken of and cannot be withdrawn"):
        home.withdraw("hourly")
    home.grant("hourly")
    home.withdraw("hourly")
    with pytest.raises(ConsentError, match="`hourly` is already withdrawn"):
        home.withdraw("hourly")
    home.refuse("daily")
    with pytest.raises(ConsentError, match="`daily` is already refused"):
        home.withdraw("daily")


def test_withdraw_after_the_flow_has_gone_from_the_policies_still_works() -> None:
    """Taking back needs no policy to still name what was permitted."""
    home = _Home()
    home.grant("hourly")
    home.city = policies(("[flow.hourly]", "[flow.other]"))
    assert home.withdraw("hourly").status is Status.WITHDRAWN


def test_pause_stops_until_the_next_grant_and_can_be_withdrawn() -> None:
    """A pause withholds under its own name, and is itself no obstacle to a withdrawal."""
    home = _Home()
    with pytest.raises(ConsentError, match="`hourly` was never permitted and cannot be paused"):
        home.pause("hourly")
    home.grant("purpose:energy")
    home.pause("hourly")
    assert (home.reason("hourly"), home.reason("daily")) == ("paused", "")
    home.withdraw("hourly")
    assert home.reason("hourly") == "withdrawn"


@pytest.mark.parametrize("back_ms", [0, 1, 3_600_000])
def test_grant_after_a_withdrawal_counts_from_later_than_every_grant_before(back_ms: int) -> None:
    """What waits from before a withdrawal stays back, even where the clock stood or was set back in between."""
    home, since_ms = _Home(), [0]
    for step in range(3):
        home.now_ms = NOW_MS - step * back_ms
        since_ms.append(home.grant("hourly").since_ms)
        home.now_ms = NOW_MS - step * back_ms
        home.withdraw("hourly")
    assert since_ms == sorted(set(since_ms))
