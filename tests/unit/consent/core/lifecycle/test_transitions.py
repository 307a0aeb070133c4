"""Every step from every status: what may follow what, tried with the real steps, against a table written down by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from consent.core.consents.book import Book
from consent.core.consents.records import FIRST, Consent, Status, record_hash
from consent.core.decide import decide
from consent.core.disclosure import BOTTOM, TOP, Time
from consent.core.lifecycle import expiry, steps
from consent.core.lifecycle.actor import Actor
from consent.core.lifecycle.transitions import FORBIDDEN, LEADS_TO, Transition, admits
from consent.core.policies.policy import PolicySet
from consent.errors import ConsentError
from tests.support.consent_samples import ANN, NOW_MS, SUBJECT, limits_of, policies

CITY = policies()
STRICTER = policies(('ask = { identity = "aggregate", time = "1h"', 'ask = { identity = "aggregate", time = "15min"'))
HOUR_MS = 3_600_000

TABLE = """
            none  Requested  Refused  Given    Renewed  Paused  Expired    Invalidated  Withdrawn  Revoked
request     yes   -          -        -        -        -       yes        yes          -          yes
grant       yes   yes        yes      yes      yes      yes     yes        yes          yes        yes
renew       -     -          -        yes      yes      -       -          -            -          -
refuse      yes   yes        yes      -        -        -       yes        yes          yes        yes
pause       -     -          -        yes      yes      -       -          -            -          -
resume      -     -          -        -        -        yes     -          -            -          -
withdraw    -     -          -        yes      yes      yes     yes        yes          -          yes
revoke      -     -          -        yes      yes      yes     -          -            -          -
expire      -     -          -        yes      yes      yes     -          -            -          -
invalidate  -     -          -        yes      yes      yes     -          -            -          -
"""
_HEAD, *_ROWS = [line.split() for line in TABLE.strip().splitlines()]
MAY = {(row[0], status): word == "yes" for row in _ROWS for status, word in zip(_HEAD, row[1:], strict=True)}


class Life:
    """One resident's word about one flow, brought to any status by real steps."""

    def __init__(self) -> None:
        self.book = Book()
        self.book.add_subject(SUBJECT, (ANN,))
        self.now_ms = NOW_MS
        self.city: PolicySet = CITY
        self.chain: list[Consent] = []

    def speaker(self) -> Actor:
        return Actor(self.book, SUBJECT, ANN, self.now_ms, "operator")

    def take(self, step: Transition) -> None:
        """Take a step; it counts at once."""
        made = STEPS[step](self)
        for record in made if isinstance(made, list) else [made]:
            self.book.apply(record, len(self.chain))
            self.chain.append(record)
        self.now_ms += HOUR_MS

    @property
    def status(self) -> Status | None:
        (consent,) = self.book.resolve(SUBJECT, CITY.flows["hourly"])
        return None if consent is None else consent.status


def _grant(life: Life) -> Consent:
    return steps.grant(life.speaker(), life.city, "hourly", limits_of(time=Time.HOUR_4), life.now_ms + 50 * HOUR_MS)


def _expire(life: Life) -> list[Consent]:
    life.now_ms += 100 * HOUR_MS
    return _something(list(expiry.expired(life.book, life.now_ms)))


def _invalidate(life: Life) -> list[Consent]:
    return _something(list(expiry.invalidated(life.book, STRICTER, life.now_ms)))


def _something(records: list[Consent]) -> list[Consent]:
    if not records:
        raise ConsentError("nothing lapses")
    return records


STEPS: dict[Transition, Callable[[Life], Consent | list[Consent]]] = {
    Transition.REQUEST: lambda life: steps.request(life.speaker(), life.city, "hourly"),
    Transition.GRANT: _grant,
    Transition.RENEW: _grant,
    Transition.REFUSE: lambda life: steps.refuse(life.speaker(), life.city, "hourly"),
    Transition.PAUSE: lambda life: steps.pause(life.speaker(), "hourly"),
    Transition.RESUME: lambda life: steps.resume(life.speaker(), life.city, "hourly"),
    Transition.WITHDRAW: lambda life: steps.withdraw(life.speaker(), "hourly"),
    Transition.REVOKE: lambda life: steps.revoke(life.speaker(), "hourly", "court of Ribera"),
    Transition.EXPIRE: _expire,
    Transition.INVALIDATE: _invalidate,
}
WAYS: dict[str, list[Transition]] = {
    "none": [],
    "Requested": [Transition.REQUEST],
    "Refused": [Transition.REFUSE],
    "Given": [Transition.GRANT],
    "Renewed": [Transition.GRANT, Transition.RENEW],
    "Paused": [Transition.GRANT, Transition.PAUSE],
    "Expired": [Transition.GRANT, Transition.EXPIRE],
    "Invalidated": [Transition.GRANT, Transition.INVALIDATE],
    "Withdrawn": [Transition.GRANT, Transition.WITHDRAW],
    "Revoked": [Transition.GRANT, Transition.REVOKE],
}


@pytest.mark.parametrize("step", list(Transition))
@pytest.mark.parametrize("status", list(WAYS))
def test_step_from_a_status_leads_on_or_is_refused_with_a_reason(status: str, step: Transition) -> None:
    """What the table allows makes the record it says; what it forbids is one plain line, and changes nothing."""
    life = Life()
    for each in WAYS[status]:
        life.take(each)
    before = life.status
    assert (before.value if before else "none") == status
    assert admits(step, before) is MAY[step.value, status]
    if step in (Transition.GRANT, Transition.RENEW):
        life.take(step)
        assert life.status is (Status.RENEWED if MAY["renew", status] else Status.GIVEN)
    elif MAY[step.value, status]:
        life.take(step)
        assert life.status is LEADS_TO[step]
    else:
        with pytest.raises(ConsentError) as caught:
            life.take(step)
        assert "\n" not in str(caught.value)
        assert life.status is before


def test_table_in_the_code_covers_every_status_and_step() -> None:
    """A new status or step cannot be forgotten: the table here would not fit."""
    assert {*WAYS} == {"none", *(status.value for status in Status)}
    assert {step for step, _ in MAY} == {step.value for step in Transition} == {step.value for step in FORBIDDEN}


@pytest.mark.parametrize("status", [name for name in WAYS if name not in ("Given", "Renewed")])
def test_every_status_but_given_and_renewed_withholds(status: str) -> None:
    """Whatever else stands there, nothing leaves."""
    life = Life()
    for each in WAYS[status]:
        life.take(each)
    consents = life.book.resolve(SUBJECT, CITY.flows["hourly"])
    decision = decide(CITY, "hourly", consents, "mill", TOP, life.now_ms)
    assert decision.disclosure == BOTTOM
    assert decision.reason == ("no-consent" if status == "none" else status.lower())


def test_chain_each_record_names_the_one_that_it_replaces() -> None:
    """Nobody can take a record out of the middle, or put one in."""
    life = Life()
    for step in (
        Transition.REQUEST,
        Transition.GRANT,
        Transition.PAUSE,
        Transition.RESUME,
        Transition.RENEW,
        Transition.REVOKE,
        Transition.GRANT,
        Transition.WITHDRAW,
    ):
        life.take(step)
    assert [record.previous for record in life.chain] == [FIRST, *(record_hash(record) for record in life.chain[:-1])]


def test_resume_gives_back_the_limits_and_the_date_and_counts_from_now() -> None:
    """A pause loses nothing that was said, and nothing of the pause itself is ever told."""
    life = Life()
    life.take(Transition.GRANT)
    given = life.chain[-1]
    life.take(Transition.PAUSE)
    paused_ms = life.now_ms
    life.take(Transition.RESUME)
    resumed = life.chain[-1]
    assert (resumed.status, resumed.limits, resumed.expiry_ms) == (Status.GIVEN, given.limits, given.expiry_ms)
    assert resumed.since_ms >= paused_ms > given.since_ms


@pytest.mark.parametrize("clock", ["late", "changed"])
def test_resume_of_what_no_longer_holds_is_refused(clock: str) -> None:
    """A pause does not carry a consent past its date, nor to other terms."""
    life = Life()
    life.take(Transition.GRANT)
    life.take(Transition.PAUSE)
    if clock == "late":
        life.now_ms += 100 * HOUR_MS
    else:
        life.city = STRICTER
    with pytest.raises(ConsentError, match="grant it anew"):
        life.take(Transition.RESUME)


def test_pause_of_a_flow_permitted_by_its_purpose_resumes_that_flow_alone() -> None:
    """What was permitted as a whole may be stopped and let go in parts."""
    life = Life()
    life.book.apply(steps.grant(life.speaker(), CITY, "purpose:energy", TOP), 0)
    (paused,) = steps.pause(life.speaker(), "hourly")
    assert (paused.scope, [terms.flow for terms in paused.terms]) == ("hourly", ["hourly"])
    life.book.apply(paused, 1)
    assert life.status is Status.PAUSED
    (resumed,) = steps.resume(life.speaker(), CITY, "hourly")
    assert (resumed.scope, resumed.limits) == ("hourly", TOP)


def test_pause_of_a_purpose_keeps_each_consent_in_it_as_it_was() -> None:
    """Flows permitted one by one come back one by one, and no flow comes back that was never permitted."""
    life = Life()
    for index, (flow, level) in enumerate([("hourly", Time.HOUR_4), ("daily", Time.DAY)]):
        life.book.apply(steps.grant(life.speaker(), CITY, flow, limits_of(time=level)), index)
    life.now_ms += HOUR_MS
    for index, record in enumerate(steps.pause(life.speaker(), "purpose:energy"), 2):
        life.book.apply(record, index)
    resumed = steps.resume(life.speaker(), CITY, "purpose:energy")
    assert {(record.scope, record.limits.time) for record in resumed} == {("hourly", Time.HOUR_4), ("daily", Time.DAY)}


def test_withdrawal_of_a_purpose_twice_is_refused_though_flows_were_permitted_one_by_one() -> None:
    """After the first there is nothing left to take back."""
    life = Life()
    life.take(Transition.GRANT)
    life.book.apply(steps.withdraw(life.speaker(), "purpose:energy"), 9)
    for scope in ("purpose:energy", "hourly"):
        with pytest.raises(ConsentError, match="already withdrawn"):
            steps.withdraw(life.speaker(), scope)


@pytest.mark.parametrize("authority", ["", "  ", "x" * 201, "court\n7", "\x1b[2Jcourt", "\u202ecourt"])
def test_revocation_without_a_name_is_refused(authority: str) -> None:
    """Whoever ends another's consent stands in the record."""
    life = Life()
    life.take(Transition.GRANT)
    with pytest.raises(ConsentError, match="names its authority"):
        steps.revoke(life.speaker(), "hourly", authority)


def test_lapsed_consents_stay_lapsed_when_the_clock_or_the_terms_go_back() -> None:
    """Only the resident permits anew."""
    life = Life()
    life.take(Transition.GRANT)
    life.take(Transition.INVALIDATE)
    assert decide(CITY, "hourly", life.book.resolve(SUBJECT, CITY.flows["hourly"]), "mill", TOP, NOW_MS).reason == "invalidated"
    life.take(Transition.GRANT)
    life.take(Transition.EXPIRE)
    assert decide(CITY, "hourly", life.book.resolve(SUBJECT, CITY.flows["hourly"]), "mill", TOP, NOW_MS).reason == "expired"


def test_invalidation_of_one_flow_of_a_purpose_ends_that_flow_until_the_purpose_is_granted_anew() -> None:
    """Who agreed to a purpose loses only what has changed in it, and gets it back with the purpose."""
    life = Life()
    life.book.apply(steps.grant(life.speaker(), CITY, "purpose:energy", TOP), 0)
    (ended,) = expiry.invalidated(life.book, STRICTER, NOW_MS + 1)
    assert (ended.scope, ended.status, ended.channel) == ("hourly", Status.INVALIDATED, "gateway")
    life.book.apply(ended, 1)
    assert list(expiry.invalidated(life.book, STRICTER, NOW_MS + 2)) == []
    reasons = [
        decide(STRICTER, flow, life.book.resolve(SUBJECT, STRICTER.flows[flow]), "mill", TOP, NOW_MS).reason
        for flow in ("hourly", "daily")
    ]
    assert reasons == ["invalidated", ""]
    life.now_ms += HOUR_MS
    life.book.apply(steps.grant(life.speaker(), STRICTER, "purpose:energy", TOP), 2)
    consents = life.book.resolve(SUBJECT, STRICTER.flows["hourly"])
    assert decide(STRICTER, "hourly", consents, "mill", TOP, life.now_ms).reason == ""


def test_next_expiry_is_that_of_the_first_to_run_out_also_while_paused() -> None:
    """A paused consent runs out too; one that is overruled or has no date is not waited for."""
    life = Life()
    assert expiry.next_expiry_ms(life.book) is None
    life.take(Transition.GRANT)
    assert expiry.next_expiry_ms(life.book) == NOW_MS + 50 * HOUR_MS
    life.take(Transition.PAUSE)
    assert expiry.next_expiry_ms(life.book) == NOW_MS + 50 * HOUR_MS
    life.book.apply(replace(steps.withdraw(life.speaker(), "purpose:energy")), 9)
    assert expiry.next_expiry_ms(life.book) is None
