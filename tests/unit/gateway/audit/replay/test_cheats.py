"""What an operator who holds the log's key may try, and what a replay of that log has to name."""

from __future__ import annotations

import pytest

from gateway.audit.log.entries import Kind
from gateway.audit.log.payloads import CLOCK_SET, GapPayload, GenesisPayload
from gateway.audit.replay.report import ReplayReport, ReplayVerdict
from gateway.audit.verify.age import AgedBy, AuditTime
from gateway.core.changes import changes
from gateway.core.plans import Device
from tests.support.cheats import (
    BUNDLE_SHA256,
    GHOST,
    consent_of_ghost,
    earlier_erasure,
    emptied,
    erasure_of,
    latest_release,
    released,
    released_again,
    share_of,
    void_of,
)
from tests.support.drawn import Suburb
from tests.support.earlier_version import earlier_payloads
from tests.support.gate import DAY_MS, MIDNIGHT_MS, Gate, only
from tests.support.gate import town as town_of
from tests.support.planted import days
from tests.support.replayed import replayed

END_MS = MIDNIGHT_MS + DAY_MS


def town(count: int = 3, passed: int = 3) -> tuple[Gate, list[Device]]:
    """Return a gateway that has released some hours of some homes."""
    gate = Gate(only("hourly"))
    homes = gate.homes(count, "hourly")
    days(gate, homes, passed)
    return gate, homes


def problems(report: ReplayReport) -> list[str]:
    """Return what was found, each behind its place."""
    return [f"{finding.where}: {finding.problem}" for finding in report.findings]


# erased parts


def test_erasure_by_the_gateway_accuses_nobody_and_is_on_its_list() -> None:
    """Every part that it took, of releases and of what the household had said, is on the list; there is nothing on trust."""
    gate, homes = town()
    erasure = gate.erase(homes[0])
    days(gate, homes[1:], 1)
    found = replayed(gate)
    assert problems(found) == []
    assert found.exit_status == 0
    assert found.verdicts == {ReplayVerdict.ERASED: 3, ReplayVerdict.MATCH: 1}
    (summary,) = found.erasures
    assert (summary.entry, summary.consents, summary.releases, summary.parts) == (erasure, 1, 3, 4)
    assert found.earlier_erasures == []


def hidden(gate: Gate, victim: Device, places: dict[int, tuple[int, ...]] | None = None, *, before: bool = False) -> ReplayReport:
    """Release one household's hour without its consent, and hide its part behind an erasure that names some places."""
    said = consent_of_ghost(gate) if before else None
    release = released(gate, [share_of(gate, victim.subject or b"")])
    gone = {release: (1,)} | ({} if said is None else {said: (0,)})
    erasure_of(gate, gone if places is None else places)
    return replayed(gate, openings=emptied(gate, gone))


def test_release_of_a_household_that_never_consented_shows_behind_an_invented_erasure() -> None:
    """Whoever was erased had consented before it was in a release; nobody did here."""
    gate, _ = town()
    found = hidden(gate, gate.home())
    assert found.exit_status == 1
    assert any("names no consent before it" in problem for problem in problems(found)), problems(found)


def test_release_of_one_household_shows_behind_an_erasure_with_a_consent() -> None:
    """One erased subject stands for one household, and the flow asks for two."""
    gate, _ = town()
    found = hidden(gate, gate.home(), before=True)
    assert any("`0` subjects, and `1` that were erased, where at least `2`" in problem for problem in problems(found))
    assert found.verdicts[ReplayVerdict.MISMATCH] == 1


def test_one_ghost_does_not_make_a_group_however_many_parts_it_leaves() -> None:
    """Parts named by one erasure are one subject's."""
    gate, homes = town()
    said = consent_of_ghost(gate)
    release = released(gate, [share_of(gate, GHOST)] * 3)
    gone = {said: (0,), release: (1, 2, 3)}
    erasure_of(gate, gone)
    found = replayed(gate, openings=emptied(gate, gone))
    assert any("`0` subjects, and `1` that were erased" in problem for problem in problems(found)), problems(found)
    assert homes


def test_erasure_without_a_deed_and_deed_without_an_erasure_are_named() -> None:
    """What is missing is on exactly one list, and what is on a list is missing."""
    gate, _ = town()
    said, release = consent_of_ghost(gate), latest_release(gate)
    erasure = erasure_of(gate, {said: (0,), release: (1,)})
    found = problems(replayed(gate, openings=emptied(gate, {said: (0,), release: (2,)})))
    assert f"entry {erasure}: names part `1` of entry `{release}`, which is not erased" in found
    assert f"entry {release}: part `2` is erased, and no erasure names it" in found


def test_part_on_two_lists_and_subject_erased_twice_are_named() -> None:
    """Nobody is erased twice, and nothing is."""
    gate, _ = town()
    said, release = consent_of_ghost(gate), latest_release(gate)
    places = {said: (0,), release: (1,)}
    first, second, third = erasure_of(gate, places), erasure_of(gate, {}), erasure_of(gate, places, b"somebody else 16")
    found = problems(replayed(gate, openings=emptied(gate, places)))
    assert f"entry {second}: erases a subject that entry `{first}` has erased" in found
    assert f"entry {third}: names part `1` of entry `{release}`, which entry `{first}` has named" in found


def test_consent_that_came_after_the_release_is_none_before_it() -> None:
    """A consent made up afterwards does not help."""
    gate, _ = town()
    release = latest_release(gate)
    said = consent_of_ghost(gate)
    erasure = erasure_of(gate, {said: (0,), release: (1,)})
    found = problems(replayed(gate, openings=emptied(gate, {said: (0,), release: (1,)})))
    assert f"entry {erasure}: empties release `{release}`, and names no consent before it" in found


@pytest.mark.parametrize("part", [0, 99])
def test_erasure_names_only_what_an_erasure_can_take(part: int) -> None:
    """The part of the bundle is nobody's, and a part that never was is not erased."""
    gate, _ = town()
    said, release = consent_of_ghost(gate), latest_release(gate)
    erasure = erasure_of(gate, {said: (0,), release: (part,)})
    found = problems(replayed(gate, openings=emptied(gate, {said: (0,)})))
    what = f"names parts of entry `{release}` that no erasure can take" if not part else f"names part `99` of entry `{release}`"
    assert any(problem.startswith(f"entry {erasure}: {what}") for problem in found), found


def test_erasure_of_the_earlier_form_is_named_as_the_operators_word() -> None:
    """A log from before has no lists: what its erasures account for is counted, and no more than that."""
    with earlier_payloads():
        gate, _ = town()
        release = latest_release(gate)
        erasure = earlier_erasure(gate, 1)
    found = replayed(gate, openings=emptied(gate, {release: (1,)}))
    assert (found.exit_status, found.earlier_erasures) == (0, [(erasure, gate.now_ms)])
    assert f"erasures on the operator's word: 1, entries {erasure}" in found.to_text()
    more = replayed(gate, openings=emptied(gate, {release: (1, 2)}))
    assert any("`2` erased parts are on no erasure's list" in problem for problem in problems(more))


def test_erasure_of_before_accounts_for_nothing_that_was_released_after_it() -> None:
    """It is a cheque that was signed in the earlier version, and drawn in this one: whoever was erased is in no later release."""
    with earlier_payloads():
        gate, homes = town()
        earlier_erasure(gate, 2)
    days(gate, homes, 1)
    release = latest_release(gate)
    found = replayed(gate, openings=emptied(gate, {release: (1, 2)}))
    assert any(problem.startswith(f"entry {release}: ") and "erased" in problem for problem in problems(found)), problems(found)


@pytest.mark.parametrize("present", [Kind.POLICY, Kind.RELEASE, Kind.ERASURE, Kind.VOID])
@pytest.mark.parametrize("earlier", [Kind.POLICY, Kind.RELEASE, Kind.ERASURE, Kind.VOID])
def test_any_payload_of_an_earlier_form_behind_any_of_the_present_is_named(present: Kind, earlier: Kind) -> None:
    """A new log that writes old payloads dodges what the new ones say."""
    with earlier_payloads():
        gate, homes = town()
    first = _written(gate, homes, present)
    with earlier_payloads():
        index = _written(gate, homes, earlier)
    found = problems(replayed(gate))
    named = [problem for problem in found if "earlier form" in problem]
    assert named == [f"entry {index}: its payload is of an earlier form, behind entry `{first}`, a {present.word} of a later one"]


def _written(gate: Gate, homes: list[Device], kind: Kind) -> int:
    """Log an entry of a kind that has two forms; return its index."""
    if kind is Kind.POLICY:
        changes.apply_policies(gate.state, gate.state.policies, {}, gate.now_ms)
        gate.commit()
        return max(gate.openings)
    if kind is Kind.ERASURE:
        return erasure_of(gate, {}, str(len(gate.openings)).encode().rjust(16))
    release = latest_release(gate)
    if kind is Kind.RELEASE:
        return released(gate, gate.contributions(release))
    assert homes
    return void_of(gate, release, BUNDLE_SHA256)


def test_log_of_the_earlier_version_with_a_void_is_replayed() -> None:
    """Its releases and voids are of the earlier form throughout, and nothing is wrong with that."""
    with earlier_payloads():
        gate, _ = town(4)
        release = latest_release(gate)
        void_of(gate, release, BUNDLE_SHA256)
        released_again(gate, release, gate.contributions(release)[1:])
        found = replayed(gate)
        (listed,) = found.formed_again
        assert (problems(found), listed.subjects_before, listed.subjects_after) == ([], 4, 3)


def test_consent_made_up_beforehand_is_beyond_a_replay_and_shown() -> None:
    """The limit: a consent written before the release and erased after it passes, as on the operator's word; it is listed."""
    gate, homes = town()
    said = consent_of_ghost(gate)
    release = released(gate, [*gate.contributions(latest_release(gate))[:2], share_of(gate, GHOST)])
    gone = {said: (0,), release: (3,)}
    erasure = erasure_of(gate, gone)
    found = replayed(gate, openings=emptied(gate, gone))
    assert [(each.entry, each.first_consent, each.consents) for each in found.erasures] == [(erasure, said, 1)]
    assert "1 consents and 0 withdrawals or refusals of theirs can no longer be read" in found.to_text()
    assert problems(found) == []
    assert homes


def test_withdrawal_hidden_by_somebody_elses_erasure_is_beyond_a_replay_and_counted() -> None:
    """The limit: an erasure of nobody may name a household's withdrawal, which then cannot be read; that one is gone is told."""
    gate, homes = town()
    shares = gate.contributions(latest_release(gate))
    said = consent_of_ghost(gate)
    withdrawal = gate.withdraw(homes[0], "hourly")
    release = released(gate, shares)
    gone = {said: (0,), withdrawal: (0,)}
    erasure = erasure_of(gate, gone)
    assert any(problem.startswith(f"entry {release}: draw 0: it rests on consents") for problem in problems(replayed(gate)))
    found = replayed(gate, openings=emptied(gate, gone))
    assert [(each.entry, each.consents, each.withdrawals) for each in found.erasures] == [(erasure, 1, 1)]
    assert "1 consents and 1 withdrawals or refusals of theirs can no longer be read" in found.to_text()
    assert problems(found) == []


def test_loudest_home_stays_a_finding_once_nobody_in_it_is_left() -> None:
    """No part is left that would tell, and the draw itself says that it is about subjects, and of which statistic."""
    loudest = 'statistic = { LAeq = "energy-mean" }\npurpose = "quiet"'
    policies = town_of((loudest.replace("energy-", ""), loudest))
    town = Suburb(0, policies=policies)
    entry = town.publish("office", "day", END_MS, (town.draw("nights", END_MS, []), []))
    assert any(f"entry {entry}: draw 0: it holds what policies may no longer ask" in one for one in problems(replayed(town.gate)))


# age


def test_one_entry_from_the_future_makes_nothing_expire() -> None:
    """Openings kept back are missing by the auditor's clock, and the entry that is ahead of it is named."""
    gate, _ = town()
    ahead = gate.state.log.note_gap("away", "", "", gate.now_ms + 91 * DAY_MS)
    gate.commit()
    kept = {index: opening for index, opening in gate.openings.items() if len(opening.parts) == 1}
    found = replayed(gate, openings=kept)
    assert found.exit_status == 1
    assert found.verdicts == {ReplayVerdict.MISSING: 3}
    assert any(problem.startswith(f"entry {ahead}: dated") for problem in problems(found)), problems(found)


def test_entries_dated_back_do_not_expire_unless_the_log_says_that_the_clock_was_set() -> None:
    """An entry is no older than the one before it."""
    gate, homes = town()
    told_ms = gate.now_ms
    released(gate, gate.contributions(latest_release(gate)))
    back = gate.state.log.append_entry(
        Kind.RELEASE,
        gate.now_ms - 100 * DAY_MS,
        list(gate.openings[latest_release(gate)].parts),  # type: ignore[arg-type]  # none of them is erased
        labels=bytes(16),
        bundle_sha256=BUNDLE_SHA256,
    )
    gate.commit()
    kept = {index: opening for index, opening in gate.openings.items() if index != back}
    found = replayed(gate, openings=kept, at=AuditTime(told_ms))
    assert f"entry {back}: the opening of the release is missing" in problems(found)
    assert homes


@pytest.mark.parametrize("kind", ["consent", "account", "void", "policy"])
def test_opening_of_any_kind_that_is_kept_back_is_missing(kind: str) -> None:
    """A withdrawal that nobody shows would let its releases pass."""
    gate, homes = town()
    gate.withdraw(homes[0], "hourly")
    void_of(gate, latest_release(gate), BUNDLE_SHA256)
    gate.state.log.checkpoint(gate.state.ledger, gate.now_ms, heartbeat=True)
    gate.commit()
    by_kind = {"policy": 2, "account": 1, "consent": 3, "void": max(gate.openings) - 1}
    index = by_kind[kind]
    kept = {at: opening for at, opening in gate.openings.items() if at != index}
    found = replayed(gate, openings=kept)
    assert f"entry {index}: the opening of the {kind} is missing" in problems(found), problems(found)


def test_clock_that_was_set_in_the_open_lets_later_entries_count_from_there() -> None:
    """An honest gateway whose clock was ahead for a while is not accused for ever; the log says where."""
    gate, _ = town()
    at_ms = gate.now_ms + 200 * DAY_MS
    gate.state.log.append_entry(Kind.GAP, at_ms, gate.state.log.one_part(GapPayload("away", "", "").encode()))
    gate.state.log.append_entry(Kind.GAP, gate.now_ms, gate.state.log.one_part(GapPayload(CLOCK_SET, "", "").encode()))
    release = released(gate, gate.contributions(latest_release(gate)))
    kept = {index: opening for index, opening in gate.openings.items() if index != release}
    found = replayed(gate, openings=kept, at=AuditTime(gate.now_ms + 210 * DAY_MS))
    assert found.verdicts[ReplayVerdict.EXPIRED] == 1


def test_second_genesis_does_not_turn_a_real_clock_into_a_simulated_one() -> None:
    """Otherwise one entry more would let whoever writes the log say how late it is."""
    gate, _ = town()
    log = gate.state.log
    log.append_entry(Kind.GENESIS, gate.now_ms, log.one_part(GenesisPayload(log.origin, True).encode()))
    ahead = log.note_gap("away", "", "", gate.now_ms + 91 * DAY_MS)
    gate.commit()
    kept = {index: opening for index, opening in gate.openings.items() if len(opening.parts) == 1}
    found = replayed(gate, openings=kept)
    assert found.time.clock is AgedBy.AUDITOR
    assert found.verdicts == {ReplayVerdict.MISSING: 3}
    assert any(problem.startswith(f"entry {ahead}: dated") for problem in problems(found)), problems(found)


def test_log_of_a_simulated_clock_is_aged_by_itself_and_the_report_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its times are nobody's; whoever reads the report sees that before anything else."""
    monkeypatch.setattr("gateway.core.log.GenesisPayload", lambda origin, _: GenesisPayload(origin, True))
    gate, _ = town()
    found = replayed(gate, at=AuditTime(0))
    assert found.time.clock is AgedBy.SIMULATED
    assert found.time.now_ms == gate.now_ms
    assert "aged by: its own latest entry, since its clock is simulated" in found.to_text()
    assert not any("dated" in problem for problem in problems(found))
