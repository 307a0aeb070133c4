"""An auditor replays the log: an honest gateway's releases all follow from it, and each planted wrong is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from msgspec import structs

from consent.core.consents.records import Status
from consent.core.disclosure import TOP, Space, Time
from consent.core.lifecycle import steps
from consent.core.policies.archive import pack_files
from gateway.audit.log.entries import Kind
from gateway.audit.log.payloads import ReleasePayload, ReleaseRecord
from gateway.audit.replay.report import ReplayVerdict
from gateway.core.changes import changes, subjects
from gateway.core.plans import Device
from tests.support.compiled import compile_all
from tests.support.earlier_version import earlier_payloads
from tests.support.gate import DAY_MS, HOUR_MS, MIDNIGHT_MS, Gate, limited, only, town
from tests.support.planted import Plant, days, extra_release, planted_consent, wrong_decision
from tests.support.replayed import replayed

T = MIDNIGHT_MS


def wronged(plant: Plant, before: int, after: int) -> tuple[list[str], str]:
    """Return what the replay of many honest releases and one wrong finds, and what it must."""
    gate = Gate(only("hourly"))
    homes = gate.homes(3, "hourly")
    days(gate, homes, before)
    expected = plant(gate, homes)
    days(gate, homes, after)
    found = replayed(gate)
    assert found.exit_status == 1
    return [f"{finding.where}: {finding.problem}" for finding in found.findings], expected


# what an honest gateway does


def test_replay_of_a_long_honest_life_matches_throughout() -> None:
    """Grants, graded answers, a newcomer, a pause, other policies, a withdrawal, an expiry: every release follows."""
    gate = Gate(only("hourly", "daily", "raw"))
    homes = [*gate.homes(4, "hourly", "daily", "raw"), *gate.homes(3, "hourly", limits=limited(time=Time.HOUR_4))]
    street = gate.device(None, "meter")
    days(gate, [*homes, street], 3)
    joined = subjects.claim(gate.state, subjects.invite(gate.state, homes[0].subject or b"", gate.now_ms), None, gate.now_ms)
    days(gate, homes, 2)
    gate.say(steps.grant(gate.speaker(homes[0], 1), gate.state.policies, "hourly", TOP))
    gate.pause(homes[1], "hourly")
    gate.withdraw(homes[2], "raw")
    gate.grant(homes[3], "hourly", expiry_ms=gate.now_ms + 5 * HOUR_MS)
    days(gate, homes, 4)
    gate.resume(homes[1], "hourly")
    subjects.leave(gate.state, homes[0].subject or b"", joined.resident, gate.now_ms)
    gate.apply(only("hourly", "raw"))
    changes.expire(gate.state, gate.now_ms + 2 * HOUR_MS)
    days(gate, homes, 20)
    found = replayed(gate)
    assert [f"{one.where}: {one.problem}" for one in found.findings] == []
    assert found.verdicts[ReplayVerdict.MATCH] == sum(found.verdicts.values()) > 20
    assert found.grants == {"operator": 4 * 3 + 3 + 3}
    assert found.exit_status == 0


def test_replay_of_a_public_record_needs_no_consent() -> None:
    """What the city's own devices tell follows from the policies alone."""
    gate = Gate(town())
    device = gate.device(None, "meter")
    gate.send(device, db=61.2)
    gate.to(T + 25 * HOUR_MS)
    assert {record.flow for record in gate.records("public")} == {"street-noise", "street-hourly"}
    found = replayed(gate)
    assert found.verdicts == {ReplayVerdict.MATCH: 1}
    assert found.public_records == {"city": 2}
    assert "records of no subject: 2 on the operator's word that the city owns the device" in found.to_text()


def test_replay_of_records_about_subjects_alone_rests_on_no_word_about_owners() -> None:
    """And says so."""
    gate = Gate(only("hourly"))
    days(gate, gate.homes(3, "hourly"), 1)
    assert replayed(gate).as_json()["public_records"] == {"city": 0, "unstated": 0}


def test_replay_of_a_release_that_knows_no_owners_counts_them_apart() -> None:
    """A version that stated none is replayed as it was meant."""
    with earlier_payloads():
        gate = Gate(town())
        gate.send(gate.device(None, "meter"), db=61.2)
        gate.to(T + 25 * HOUR_MS)
        gate.records("public")
        gate.commit()
    payload = gate.release_payload(max(gate.openings))
    later = [999 * DAY_MS + ms for ms in payload.records[0].window]
    present = structs.replace(payload.records[0], owner="city", window=tuple(later))
    parts = gate.state.log.one_part(ReleasePayload(payload.recipient, (present,)).encode())
    gate.state.log.append_entry(Kind.RELEASE, gate.now_ms, parts, labels=bytes(16), bundle_sha256=bytes(32))
    found = replayed(gate)
    assert (found.findings, found.as_json()["public_records"]) == ([], {"city": 1, "unstated": 2})
    assert "2      by a version that stated no owner" in found.to_text()


def test_replay_of_a_refusal_behind_a_wider_withdrawal_accuses_nobody() -> None:
    """A flow that was permitted may be refused once its whole purpose is withdrawn: what counts leads there."""
    gate = Gate(only("hourly", "raw"))
    home = gate.home("raw", "purpose:energy")
    gate.withdraw(home, "purpose:energy")
    gate.refuse(home, "raw")
    assert replayed(gate).findings == []


def test_replay_of_a_renewal_under_a_newer_yes_to_the_purpose_accuses_nobody() -> None:
    """What the purpose's newer yes has bounded is renewed at those bounds: they have been in force since that yes."""
    gate = Gate(only("hourly", "raw"))
    home = gate.home("raw", "purpose:energy")
    gate.to(gate.now_ms + HOUR_MS)
    gate.grant(home, "purpose:energy", limits=limited(time=Time.HOUR_4))
    bounded_ms = gate.now_ms
    gate.to(gate.now_ms + HOUR_MS)
    renewed = steps.grant(gate.speaker(home), gate.state.policies, "raw", limited(time=Time.HOUR_4))
    assert (renewed.status, renewed.since_ms) == (Status.RENEWED, bounded_ms)
    gate.say(renewed)
    assert replayed(gate).findings == []


# what is planted


def released_after_withdrawal(gate: Gate, homes: list[Device]) -> str:
    """Go on releasing what a household has taken back."""
    plan = gate.state.devices[homes[0].topic]
    gate.withdraw(homes[0], "hourly")
    gate.state.devices[homes[0].topic] = plan
    gate.state.by_contributor[homes[0].contributor] = [plan]
    days(gate, homes, 1)
    compile_all(gate.state, gate.now_ms)
    return "it rests on consents"


def consent_of_a_stranger(gate: Gate, homes: list[Device]) -> str:
    """Let somebody speak for a household whom the log never let in."""
    book, subject = gate.state.registry.book, homes[0].subject or b""
    book.add_subject(subject, [*book.residents(subject), b"s" * 16])
    speaker = steps.Actor(book, subject, b"s" * 16, gate.now_ms, "operator")
    gate.say(steps.grant(speaker, gate.state.policies, "hourly", TOP))
    return "speaks for a household that the log has let nobody else into"


def backdated_consent(gate: Gate, homes: list[Device]) -> str:
    """Let a consent count from before it was given."""
    given = steps.grant(gate.speaker(homes[0]), gate.state.policies, "hourly", limited(retention_days=9))
    gate.say(replace(given, since_ms=given.since_ms - DAY_MS))
    return "the record counts from before it was made"


def history_cut(gate: Gate, homes: list[Device]) -> str:
    """Take a record out of a household's chain."""
    first = steps.grant(gate.speaker(homes[0]), gate.state.policies, "hourly", limited(retention_days=9))
    gate.say(replace(first, previous=b"x" * 32))
    return "the record does not name the one that it replaces"


def expired_too_early(gate: Gate, homes: list[Device]) -> str:
    """Have the gateway end a consent that has no date."""
    gate.say(replace(steps.withdraw(gate.speaker(homes[0]), "hourly"), status=Status.EXPIRED, channel="gateway"))
    return "a consent has expired before its date"


def stale_policies(gate: Gate, homes: list[Device]) -> str:
    """Name policies that are no longer in force."""
    for home in homes:
        for target in gate.state.devices[home.topic].targets():
            target.terms = structs.replace(target.terms, policy_entry=0)
    days(gate, homes, 1)
    compile_all(gate.state, gate.now_ms)
    return "it rests on policies `0`"


def newcomer_passed_over(gate: Gate, homes: list[Device]) -> str:
    """Go on releasing a household's hours although one who has joined it has said nothing."""
    plan = gate.state.devices[homes[0].topic]
    subjects.claim(gate.state, subjects.invite(gate.state, homes[0].subject or b"", gate.now_ms), None, gate.now_ms)
    gate.state.devices[homes[0].topic] = plan
    gate.state.by_contributor[homes[0].contributor] = [plan]
    days(gate, homes, 1)
    compile_all(gate.state, gate.now_ms)
    return "a subject's data was withheld from it: no-consent"


def day_of_former_terms(gate: Gate, homes: list[Device]) -> str:
    """Release a day that began before its flow was what it is."""
    begun_ms = gate.now_ms // DAY_MS * DAY_MS
    gate.apply(town(("clamp = [0, 100]", "clamp = [0, 50]")))
    assert gate.state.force is not None
    gate.state.force.flow_since_ms["hourly"] = begun_ms
    compile_all(gate.state, gate.now_ms)
    days(gate, homes, 1)
    return "it reaches back to before a subject permitted it"


def consent_over_no_known_channel(gate: Gate, homes: list[Device]) -> str:
    """Log a consent as the resident's own, from a portal whose signatures nobody can check."""
    given = steps.grant(gate.speaker(homes[0]), gate.state.policies, "hourly", limited(space=Space.CITY))
    gate.say(replace(given, channel="portal").signed(b"forged"))
    return "the record came over the channel `portal`, which nothing vouches for"


def log_again(gate: Gate, change: Callable[[ReleaseRecord], ReleaseRecord], *, with_subjects: bool = True) -> int:
    """Log the latest release once more, in a record of its own of a day that nobody has seen; return the index."""
    gate.commit()
    latest = max(index for index, opening in gate.openings.items() if len(opening.parts) > 1)
    payload, window = gate.release_payload(latest), (T + 999 * DAY_MS, T + 999 * DAY_MS + HOUR_MS)
    if payload.draws:
        (draw,) = payload.draws
        record = ReleaseRecord(draw.flow, draw.level, draw.cell, window, draw.n, "aggregate", draw.property, draw.statistic)
    else:
        record = structs.replace(payload.records[0], window=window)
    parts = gate.state.log.one_part(ReleasePayload(payload.recipient, (change(record),)).encode())
    for one in gate.contributions(latest) if with_subjects else ():
        parts += gate.state.log.one_part(one.encode())
    return gate.state.log.append_entry(Kind.RELEASE, gate.now_ms, parts, labels=bytes(16), bundle_sha256=bytes(32))


def household_passed_off_as_the_citys(gate: Gate, homes: list[Device]) -> str:
    """Tell what households have told as a record of no subject."""
    log_again(gate, lambda record: structs.replace(record, owner="city"), with_subjects=False)
    return "it rests on no consent and is not public"


def nobodys_record(gate: Gate, homes: list[Device]) -> str:
    """Tell what households have told without a word of whose devices it was."""
    log_again(gate, lambda record: structs.replace(record, identity="per-record", statistic=""), with_subjects=False)
    return "it rests on no consent, and does not state whose devices have told it"


def citys_record_with_subjects(gate: Gate, homes: list[Device]) -> str:
    """Call a record the city's in which households have parts."""
    log_again(gate, lambda record: structs.replace(record, owner="city"))
    return "it states that it is of no subject, and has a part about one"


def figure_outside_a_publication(gate: Gate, homes: list[Device]) -> str:
    """Tell an hour as versions of before did, in a record."""
    log_again(gate, lambda record: record)
    return "a figure about subjects leaves in a draw of a publication, and nowhere else"


PLANTS = [
    household_passed_off_as_the_citys,
    nobodys_record,
    citys_record_with_subjects,
    consent_over_no_known_channel,
    figure_outside_a_publication,
    newcomer_passed_over,
    day_of_former_terms,
    wrong_decision,
    extra_release,
    released_after_withdrawal,
    planted_consent,
    consent_of_a_stranger,
    backdated_consent,
    history_cut,
    expired_too_early,
    stale_policies,
]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_replay_names_what_was_planted_among_honest_releases(plant: Plant) -> None:
    """One wrong entry among many right ones is found, and nothing else is."""
    findings, expected = wronged(plant, 20, 20)
    assert any(expected in finding for finding in findings), findings
    assert len(findings) <= 3, findings


def test_replay_of_a_span_that_begins_before_the_consent_names_it() -> None:
    """A single reading may have a span, and all of it has to be permitted: its end being so is not enough."""
    gate = Gate(only("raw"))
    home = gate.home()
    gate.now_ms = T + HOUR_MS
    gate.grant(home, "raw")
    gate.to(gate.now_ms + HOUR_MS)
    gate.send(home, kwh=1)
    gate.bundle()
    log_again(gate, lambda record: structs.replace(record, window=(gate.now_ms - HOUR_MS, gate.now_ms)))
    assert [one.problem for one in replayed(gate).findings] == []
    log_again(gate, lambda record: structs.replace(record, window=(gate.now_ms - HOUR_MS - 1, gate.now_ms)))
    assert ["it reaches back to before a subject permitted it" in one.problem for one in replayed(gate).findings] == [True]


def test_replay_with_policies_swapped_behind_the_log_says_so() -> None:
    """Other policies under the hash of those in force cannot pass, and neither can none."""
    gate = Gate(only("hourly"))
    days(gate, gate.homes(3, "hourly"), 2)
    (in_force,) = gate.policy_sets
    laxer = pack_files(only("hourly", "raw").files)
    swapped = replayed(gate, policy_sets={in_force: laxer})
    assert "the policies that are kept under its hash are others" in swapped.findings[0].problem
    assert swapped.verdicts == {ReplayVerdict.MISMATCH: 2}
    assert "its policies cannot be read" in replayed(gate, policy_sets={}).findings[0].problem


# what cannot be checked


def test_replay_tells_missing_openings_from_those_that_have_run_out() -> None:
    """Within their days an absent opening is a finding; after them it is only counted."""
    gate = Gate(only("hourly"))
    days(gate, gate.homes(3, "hourly"), 3)
    releases = [index for index, opening in gate.openings.items() if len(opening.parts) > 1]
    without = {index: opening for index, opening in gate.openings.items() if index != releases[0]}
    missing = replayed(gate, openings=without)
    assert (missing.verdicts, missing.exit_status) == ({ReplayVerdict.MATCH: 2, ReplayVerdict.MISSING: 1}, 1)
    expired = replayed(gate, openings=without, openings_days=0)
    assert (expired.verdicts, expired.exit_status) == ({ReplayVerdict.MATCH: 2, ReplayVerdict.EXPIRED: 1}, 0)


def test_withdrawal_of_a_consent_whose_opening_has_expired_accuses_nobody() -> None:
    """What was said before is unknown then; that nothing led to the withdrawal cannot be said."""
    gate = Gate(only("hourly"))
    homes = gate.homes(3, "hourly")
    index = gate.grant(homes[0], "hourly")
    gate.say(steps.withdraw(gate.speaker(homes[0]), "hourly"))
    days(gate, homes, 1)
    found = replayed(gate, openings={at: opening for at, opening in gate.openings.items() if at > index})
    assert found.unopened_consents > 0
    assert not [finding for finding in found.findings if "nothing leads" in finding.problem]


def test_replay_without_a_consents_opening_accuses_nobody() -> None:
    """Whose it was is unknown, so the releases after it cannot be judged; they are missing something, not wrong."""
    gate = Gate(only("hourly"))
    homes = gate.homes(3, "hourly")
    days(gate, homes, 1)
    index = gate.grant(homes[0], "hourly", expiry_ms=gate.now_ms + 99 * DAY_MS)
    days(gate, homes, 2)
    found = replayed(gate, openings={at: opening for at, opening in gate.openings.items() if at != index})
    assert found.unopened_consents == 1
    assert found.verdicts == {ReplayVerdict.MATCH: 1, ReplayVerdict.MISSING: 2}
    problems = {f"{finding.where}: {finding.problem}" for finding in found.findings}
    assert f"entry {index}: the opening of the consent is missing" in problems
    assert all("missing" in problem for problem in problems)


def test_replay_of_erased_parts_checks_the_rest() -> None:
    """One person's erasure leaves everybody else's part of a release checkable, and is counted against the entries."""
    gate = Gate(only("hourly"))
    homes = gate.homes(3, "hourly")
    days(gate, homes, 1)
    (index,) = [at for at, opening in gate.openings.items() if len(opening.parts) > 1]
    shorter = gate.openings | {index: gate.openings[index].erase({1})}
    found = replayed(gate, openings=shorter)
    assert found.verdicts == {ReplayVerdict.ERASED: 1}
    assert found.erased_parts == 1
    assert found.findings[-1].problem == "part `1` is erased, and no erasure names it"


def test_replay_counts_erased_parts_towards_the_group_and_no_further() -> None:
    """Erasure may explain a small group as far as parts were erased; it is no leave for a figure about one household."""
    gate = Gate(only("hourly"))
    homes = gate.homes(4, "hourly")
    days(gate, homes, 1)
    (index,) = [at for at, opening in gate.openings.items() if len(opening.parts) > 1]
    erased = replayed(gate, openings=gate.openings | {index: gate.openings[index].erase({1, 2})})
    assert erased.verdicts == {ReplayVerdict.ERASED: 1}
    parts = [part for part in gate.openings[index].parts[:2] if not isinstance(part, bytes)]
    planted = gate.state.log.append_entry(Kind.RELEASE, gate.now_ms, parts, labels=bytes(16), bundle_sha256=bytes(32))
    gate.commit()
    hidden = replayed(gate, openings=gate.openings | {planted: gate.openings[planted].erase({1})})
    assert any(
        "`0` subjects, and `1` that were erased, where at least `2` have to stand" in one.problem for one in hidden.findings
    )


def test_replay_prints_nothing_of_an_opening_that_could_write_over_a_terminal() -> None:
    """What stands in an opening is quoted in findings, on one line and without control characters."""
    gate = Gate(only("hourly"))
    days(gate, gate.homes(3, "hourly"), 1)
    log_again(gate, lambda record: structs.replace(record, flow="x\x1b[2J\nreplayed: well"))
    found = replayed(gate)
    assert found.exit_status == 1
    assert all(line.isprintable() for line in found.to_text().splitlines())
    assert not any(line.startswith("replayed: well") for line in found.to_text().splitlines())


def test_replay_of_a_record_of_an_unknown_shape_is_a_finding_and_no_crash() -> None:
    """Whatever stands in an opening, the replay ends with a report."""
    gate = Gate(only("hourly"))
    days(gate, gate.homes(3, "hourly"), 1)
    for kind in (Kind.CONSENT, Kind.KEY, Kind.RELEASE, Kind.VOID):
        labels = bytes(16) if kind is Kind.RELEASE else None
        digest = bytes(32) if kind is Kind.RELEASE else None
        gate.state.log.append_entry(kind, gate.now_ms, gate.state.log.one_part(b"\xa0"), labels=labels, bundle_sha256=digest)
    found = replayed(gate)
    assert len(found.findings) == 4
