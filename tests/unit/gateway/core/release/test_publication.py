"""Publications end to end: figures about homes leave in bundles of one size, each drawn once, and told to nobody else."""

from __future__ import annotations

import struct
from dataclasses import replace
from decimal import Decimal

import pytest

from consent.core.policies.parse import parse_policies
from gateway.audit.log.openings import LABEL_BYTES
from gateway.core.inflight import ReadyBundle
from gateway.core.plans import Device
from gateway.core.release.publication import decimal_text, draw, form_publication, is_current, next_due, prepare, settle
from gateway.recipient.records import Record
from tests.support.gate import DAY_MS, HOUR_MS, LATENESS_MS, Gate, limited
from tests.support.publications import FIRST_DAY_MS as T
from tests.support.publications import bare_town, day_with, exact_town, figures, hours_with, joined, noisy_town
from tests.support.refolded import refolded, standing

SIZES = {2048, 8192, 32_768, 131_072}


def formed(gate: Gate, recipient: str = "office") -> ReadyBundle:
    """Form a bundle that must be there."""
    ready = gate.form(recipient)
    assert ready is not None
    return ready


def published(gate: Gate, recipient: str = "office") -> list[Record]:
    """Deliver the one part of a publication that must be due; return its records."""
    ready = formed(gate, recipient)
    assert ready.publication is not None
    return list(gate.deliver(ready).records)


def subjects(homes: list[Device]) -> set[bytes]:
    """Return the subjects of some homes."""
    return {home.subject or b"" for home in homes}


# what leaves


def test_day_of_hours_leaves_once_it_has_ended() -> None:
    """One record an hour, with its spread, and what it rests on in the opening."""
    gate, homes = joined(noisy_town(), 40, "hourly")
    day_with(gate, homes)
    ready = formed(gate)
    payload = gate.release_payload(ready.index)
    records = gate.deliver(ready).records
    assert len(records) == 24
    first = min(records, key=lambda record: record.phenomenon_time)
    assert first.phenomenon_time == (T, T + HOUR_MS)
    assert (first.cell, first.statistic, first.mu, first.clip, first.hour) == ("north", "sum", 2.0, 10.0, None)
    assert first.n is not None
    assert first.n % 5 == 0
    assert 15 <= first.n <= 60
    assert first.standard_error == pytest.approx(5, rel=0.1)
    assert first.epsilon == pytest.approx(11.6886, rel=1e-4)
    assert abs(sum(float(record.result) for record in records) - 40 * 24 * 0.5) < 6 * 5 * 5
    (told,) = payload.draws
    assert payload.records == ()
    assert payload.publication is not None
    assert (payload.publication.kind, payload.publication.end) == ("day", T + DAY_MS)
    assert (payload.publication.part, payload.publication.parts) == (0, 1)
    assert (told.mechanism, told.mu, told.clip, told.presence, told.draws, told.records) == ("gaussian", "2", "10", "2", 1, 24)
    assert (told.told, told.span, told.period, told.struck) == (first.n, (T, T + DAY_MS), "day", ())
    assert told.n == 40 * 24 == gate.count("pairs.aggregated")
    assert gate.stood_in(ready.index) == subjects(homes)
    assert sum(part.n for part in gate.contributions(ready.index)) == told.n
    assert gate.count("pairs.open") == 0
    assert gate.form() is None


def test_nothing_leaves_before_the_day_and_its_lateness_have_passed() -> None:
    """A figure that leaves by the day waits for it."""
    gate, homes = joined(noisy_town(), 40, "hourly")
    hours_with(gate, homes)
    gate.to(T + DAY_MS + LATENESS_MS - 60_000)
    assert gate.form() is None


def test_windows_leave_as_they_end() -> None:
    """Each is a draw of its own, of a share of μ."""
    gate, homes = joined(noisy_town(publish="window"), 40, "hourly")
    hours_with(gate, homes, hours=1)
    gate.to(T + HOUR_MS + LATENESS_MS)
    ready = formed(gate)
    payload = gate.release_payload(ready.index)
    (record,) = gate.deliver(ready).records
    assert payload.publication is not None
    assert (payload.publication.kind, payload.publication.end) == ("window", T + HOUR_MS)
    (told,) = payload.draws
    assert (told.draws, told.span, told.mu) == (24, (T, T + HOUR_MS), "2")
    assert record.standard_error == pytest.approx(5 * 24**0.5, rel=0.1)
    assert gate.form() is None


def test_week_of_typical_days_leaves_on_monday() -> None:
    """Open data without a key: one line with 24 hours, at the end of the first whole week."""
    built = figures(
        bare_town(mu_day=9),
        "week",
        recipient="public",
        statistic="typical-day",
        period="week",
        budget=2,
        clip=8,
        time="1h",
        space="city",
    )
    monday_ms = T + 6 * DAY_MS
    gate = Gate(built.policies())
    gate.to(gate.now_ms)
    homes = gate.homes(40, "week")
    gate.to(monday_ms + LATENESS_MS)
    assert published(gate, "public") == []
    for day in range(7):
        hours_with(gate, homes, monday_ms + day * DAY_MS)
    gate.to(monday_ms + 7 * DAY_MS + LATENESS_MS)
    records = published(gate, "public")
    assert sorted(record.hour for record in records if record.hour is not None) == list(range(24))
    assert {record.phenomenon_time for record in records} == {(monday_ms, monday_ms + 7 * DAY_MS)}
    assert {record.statistic for record in records} == {"typical-day"}


def test_exact_figures_state_no_noise() -> None:
    """They are what they are, of homes rounded down to fives."""
    gate, homes = joined(exact_town(), 7, "hourly")
    day_with(gate, homes)
    ready = formed(gate)
    (told,) = gate.release_payload(ready.index).draws
    records = gate.deliver(ready).records
    assert {(record.result, record.n, record.mu, record.standard_error) for record in records} == {(3.5, 5, None, None)}
    assert (told.mechanism, told.mu, told.clip, told.presence) == ("none", "", "", "")


def test_retention_is_what_policies_say_where_no_home_permits_less() -> None:
    """A number that depended on who is in a figure would tell who is; so whoever permits less is in none."""
    gate, homes = joined(noisy_town(retention=200), 40, "hourly")
    strict = gate.home("hourly", limits=limited(retention_days=9))
    day_with(gate, [*homes, strict], T + DAY_MS)
    published(gate)
    ready = formed(gate)
    assert {record.retention_days for record in gate.deliver(ready).records} == {200}
    assert strict.subject not in gate.stood_in(ready.index)


def test_decimals_as_policies_write_them() -> None:
    """So that an auditor can compare them as texts."""
    policies = noisy_town(budget=0.62).policies()
    mechanism = policies.mechanisms["hourly", "consumption"]
    assert mechanism.mu is not None
    assert [decimal_text(mechanism.mu), decimal_text(mechanism.clip * 10)] == ["0.62", "100"]


# what the outside tells


def test_empty_publication_has_the_size_of_a_full_one() -> None:
    """Nobody, too few, and many: as many bundles, of as many bytes."""
    seen = []
    for homes in (0, 1, 40):
        gate, devices = joined(noisy_town(), homes, "hourly")
        day_with(gate, devices)
        ready = formed(gate)
        records = gate.deliver(ready).records
        seen.append((len(records), len(ready.content)))
        assert gate.form() is None
    assert [count for count, _ in seen] == [0, 0, 24]
    assert len({size for _, size in seen}) == 1
    assert {size for _, size in seen} <= SIZES


def test_number_and_sizes_of_bundles_do_not_tell_which_district_was_suppressed() -> None:
    """Over days without the recipient: one bundle for each day."""
    seen = []
    for south in (1, 30):
        gate, homes = joined(noisy_town(), 30, "hourly")
        others = [gate.home("hourly", zone="dock") for _ in range(south)]
        for day in range(1, 4):
            hours_with(gate, [*homes, *others], T + day * DAY_MS, hours=2)
        gate.to(T + 4 * DAY_MS + LATENESS_MS)
        found = []
        while (ready := gate.form()) is not None:
            found.append(len(ready.content))
            gate.deliver(ready)
        seen.append(found)
    assert seen[0] == seen[1]
    assert len(seen[0]) == 4


@pytest.mark.parametrize("present", [0, 4, 5, 9])
def test_number_of_labels_does_not_tell_how_many_homes_there_are(present: int) -> None:
    """Label files are public: one for each home would tell exactly what noise hides, and which publication was empty."""
    gate, homes = joined(noisy_town(group=1), 9, "hourly")
    day_with(gate, homes[:present], hours=1)
    ready = formed(gate)
    gate.homes(9)
    gate.deliver(ready)
    gate.to(gate.now_ms + DAY_MS)
    assert [count_of_labels(gate, index) for index in (ready.index, formed(gate).index)] == [16, 32]


def count_of_labels(gate: Gate, index: int) -> int:
    """Return how many labels the entry at an index has."""
    return len(gate.labels[index]) // LABEL_BYTES


def test_open_data_lines_leave_also_when_empty() -> None:
    """They are not padded; but whether one comes tells nothing."""
    built = figures(bare_town(mu_day=9), "daily", recipient="public", time="day", space="city", budget=2)
    gate, homes = joined(built, 1, "daily")
    day_with(gate, homes, hours=1)
    ready = formed(gate, "public")
    assert gate.deliver(ready).records == ()
    assert ready.content.startswith(b"{")


def test_records_are_in_random_order() -> None:
    """No place tells an hour or a district."""
    gate, homes = joined(noisy_town(), 40, "hourly")
    day_with(gate, homes)
    hours = [record.phenomenon_time[0] for record in published(gate)]
    assert hours != sorted(hours)


def test_publications_come_before_ordinary_bundles_and_hold_nothing_else() -> None:
    """Totals and single readings leave by themselves, and hold no figure about homes."""
    built = figures(noisy_town(), "totals", identity="per-epoch", time="day")
    gate, homes = joined(built, 30, "hourly", "totals")
    day_with(gate, homes)
    first, second = formed(gate), None
    assert {record.flow for record in gate.deliver(first).records} == {"hourly"}
    second = formed(gate)
    assert second.publication is None
    assert gate.release_payload(second.index).publication is None
    assert gate.release_payload(second.index).draws == ()
    assert {record.flow for record in gate.deliver(second).records} == {"totals"}


def test_draw_is_in_no_log() -> None:
    """What was drawn stands in the bundle alone: not in the journal, the entry, the opening or the ledger."""
    gate, homes = joined(noisy_town(), 40, "hourly")
    day_with(gate, homes)
    due = next_due(gate.state, "office")
    assert due is not None
    gate.commit()
    ready = form_publication(gate.state, due, gate.now_ms, gate.form_of("office"))
    commit = gate.state.take_commit()
    kept = b"".join([commit.journal, commit.ledger, *(row.content + row.opening.whole() for row in commit.log)])
    results = [float(record.result) for record in gate.deliver(ready).records]
    assert len(set(results)) > 12
    for result in results:
        for told in (struct.pack(">d", result), struct.pack(">f", result), f"{result:g}".encode(), f"{result:.3f}".encode()):
            assert told not in kept


# voids and crashes


def test_withdrawal_voids_what_was_not_sent_and_draws_anew() -> None:
    """The home is in no figure, and the draw that held it is gone: nothing of both can be compared."""
    gate, homes = joined(noisy_town(), 40, "hourly")
    day_with(gate, homes)
    first = formed(gate)
    gate.withdraw(homes[0], "hourly")
    assert gate.count("pairs.withdrawn") == 24
    assert not gate.state.inflight.ready
    second = formed(gate)
    assert second.publication == first.publication
    assert len(second.content) == len(first.content)
    assert gate.stood_in(second.index) == subjects(homes[1:])
    gate.deliver(second)
    assert (gate.count("pairs.aggregated"), gate.count("pairs.open")) == (39 * 24, 0)
    assert (gate.count("bundles.voided"), gate.form()) == (1, None)


def test_withdrawal_after_the_first_byte_changes_nothing_of_it() -> None:
    """What was handed over stands, and is never drawn again."""
    gate, homes = joined(noisy_town(), 40, "hourly")
    day_with(gate, homes)
    gate.deliver(formed(gate))
    gate.withdraw(homes[0], "hourly")
    assert gate.form() is None
    assert gate.count("pairs.aggregated") == 40 * 24


def test_withdrawal_during_the_day_takes_all_of_it() -> None:
    """All that is not published goes at once, and nothing of the rest waits for others."""
    gate, homes = joined(noisy_town(), 40, "hourly")
    hours_with(gate, homes, hours=20)
    gate.withdraw(homes[0], "hourly")
    hours_with(gate, homes, T, hours=24)
    gate.to(T + DAY_MS + LATENESS_MS)
    ready = formed(gate)
    assert gate.stood_in(ready.index) == subjects(homes[1:])


@pytest.mark.parametrize("voided", [False, True])
def test_restart_has_one_draw_and_no_second(voided: bool) -> None:
    """Whatever was committed when the process ended: what may have been sent is final, what was voided is drawn anew."""
    gate, homes = joined(noisy_town(), 40, "hourly")
    day_with(gate, homes)
    formed(gate)
    if voided:
        gate.withdraw(homes[0], "hourly")
        gate.commit()
    again = refolded(gate)
    assert standing(again) == standing(gate.state)
    assert again.publications.state() == gate.state.publications.state()
    pairs = sum(table.pairs() for table in again.windows.tables.values())
    assert pairs == (39 * 24 if voided else 0)
    assert (again.publications.due(again.policies, "office", again.windows.watermark_ms) is None) is not voided


def test_restart_before_the_commit_draws_for_the_first_time() -> None:
    """A draw that was not committed was not sent: it never was."""
    gate, homes = joined(noisy_town(), 40, "hourly")
    day_with(gate, homes)
    gate.commit()
    before = list(gate.batches)
    formed(gate)
    gate.batches = before
    again = refolded(gate)
    due = again.publications.due(again.policies, "office", again.windows.watermark_ms)
    assert due is not None
    assert sum(table.pairs() for table in again.windows.tables.values()) == 40 * 24


def test_struck_hours_are_given_up_and_no_void_brings_them_back() -> None:
    """The gateway missed an hour: it is struck for all, the rest of the day is published."""
    gate, homes = joined(noisy_town(), 40, "hourly")
    hours_with(gate, homes)
    gate.state.windows.miss(T + HOUR_MS, T + 2 * HOUR_MS - 1)
    gate.to(T + DAY_MS + LATENESS_MS)
    formed(gate)
    assert gate.count("pairs.suppressed.partial") == 40
    gate.withdraw(homes[0], "hourly")
    assert gate.count("pairs.suppressed.partial") == 40
    ready = formed(gate)
    (told,) = gate.release_payload(ready.index).draws
    assert (told.struck, told.records, told.n) == ((1,), 23, 39 * 23)
    assert len(gate.deliver(ready).records) == 23
    assert gate.count("pairs.open") == 0


# aside


def test_part_computed_aside_is_dropped_where_plans_have_changed() -> None:
    """A withdrawal that comes while a thread computes is in the result, whenever it ends."""
    gate, homes = joined(noisy_town(), 40, "hourly")
    day_with(gate, homes)
    due = next_due(gate.state, "office")
    assert due is not None
    drawn = draw(prepare(gate.state, due, gate.now_ms, gate.form_of("office")), gate.state.log.size)
    gate.withdraw(homes[0], "hourly")
    size = gate.state.log.size
    assert not is_current(gate.state, drawn)
    assert settle(gate.state, drawn, gate.now_ms) is None
    assert gate.state.log.size == size
    assert gate.stood_in(formed(gate).index) == subjects(homes[1:])


def test_household_erased_while_a_part_is_computed_aside_is_in_none() -> None:
    """The erasure does not wait, and the computation ends as any other that no longer counts: a failure would end the gateway."""
    gate, homes = joined(noisy_town(), 40, "hourly")
    day_with(gate, homes)
    due = next_due(gate.state, "office")
    assert due is not None
    task = prepare(gate.state, due, gate.now_ms, gate.form_of("office"))

    def meanwhile(n: int) -> bytes:
        if homes[0].contributor in gate.state.registry.subjects:
            gate.erase(homes[0])
        return gate.random_bytes(n)

    drawn = draw(replace(task, random_bytes=meanwhile), gate.state.log.size)
    assert homes[0].contributor not in gate.state.registry.subjects
    assert settle(gate.state, drawn, gate.now_ms) is None
    assert gate.stood_in(formed(gate).index) == subjects(homes[1:])


def test_part_computed_aside_gets_the_entry_that_is_next_by_then() -> None:
    """Others may have been logged meanwhile: salts and labels depend on the index, the draw does not."""
    gate, homes = joined(noisy_town(), 40, "hourly")
    day_with(gate, homes)
    due = next_due(gate.state, "office")
    assert due is not None
    drawn = draw(prepare(gate.state, due, gate.now_ms, gate.form_of("office")), gate.state.log.size)
    gate.state.log.checkpoint(gate.state.ledger, gate.now_ms, heartbeat=True)
    ready = settle(gate.state, drawn, gate.now_ms)
    assert ready is not None
    assert drawn.entry is not None
    assert ready.index == drawn.entry.index + 1
    gate.commit()
    assert len(gate.deliver(ready).records) == 24
    assert gate.stood_in(ready.index) == subjects(homes)


def test_copies_are_computed_with() -> None:
    """What comes in while a thread computes is not in its figures, and not lost."""
    gate, homes = joined(noisy_town(publish="window"), 40, "hourly")
    hours_with(gate, homes, hours=1)
    gate.to(T + HOUR_MS + LATENESS_MS)
    due = next_due(gate.state, "office")
    assert due is not None
    task = prepare(gate.state, due, gate.now_ms, gate.form_of("office"))
    hours_with(gate, homes, hours=2)
    ready = settle(gate.state, draw(task, gate.state.log.size), gate.now_ms)
    assert ready is not None
    gate.commit()
    assert gate.release_payload(ready.index).draws[0].n == 40
    assert gate.count("pairs.open") == 40


# guards


def test_small_class_stands_in_no_exact_figure() -> None:
    """Two who permit the grid besides: they are in neither, so that no difference is about two."""
    gate, homes = joined(exact_town(), 5, "hourly")
    both = gate.homes(2, "hourly", "daily")
    day_with(gate, [*homes, *both], T + DAY_MS)
    published(gate)
    records = published(gate)
    assert {record.n for record in records} == {5}
    assert {record.result for record in records} == {2.5}
    published(gate, "grid")
    assert published(gate, "grid") == []
    assert gate.count("pairs.suppressed.guard") == 2 * 24 * 2


def test_who_leaves_after_the_first_was_sent_ends_the_rest_of_the_day() -> None:
    """The office has the hours with the home: the grid's day and the office's totals without it would tell the home's."""
    gate, homes = joined(exact_town(), 6, "hourly", "daily", "totals")
    day_with(gate, homes)
    assert {record.n for record in published(gate)} == {5}
    gate.withdraw(homes[0], "daily")
    assert published(gate, "grid") == []
    assert gate.count("pairs.suppressed.told") == 5 * 24
    gate.withdraw(homes[1], "totals")
    assert gate.records() == []
    assert gate.count("pairs.suppressed.told") == 10 * 24


def test_guard_of_a_voided_bundle_is_given_up() -> None:
    """Nothing was sent: the day is formed anew of those who are there."""
    gate, homes = joined(exact_town(), 6, "hourly", "daily")
    day_with(gate, homes)
    formed(gate)
    assert len(gate.state.windows.guards) == 1
    gate.withdraw(homes[0], "daily")
    assert len(gate.state.windows.guards) == 0
    gate.withdraw(homes[0], "hourly")
    assert {record.result for record in published(gate)} == {2.5}
    assert {record.result for record in published(gate, "grid")} == {60.0}


def test_guard_survives_a_restart() -> None:
    """Also that somebody has left."""
    gate, homes = joined(exact_town(), 6, "hourly", "daily", "totals")
    day_with(gate, homes)
    published(gate)
    assert refolded(gate).windows.guards.state() == gate.state.windows.guards.state()
    gate.withdraw(homes[0], "daily")
    gate.commit()
    assert refolded(gate).windows.guards.state() == gate.state.windows.guards.state()
    assert gate.state.windows.guards.state()[0][-1] is True


def test_totals_of_a_guarded_quantity_wait_for_the_end_of_their_day() -> None:
    """A guard is computed over whole days: an hour's totals must not fix it by what was there at one o'clock."""
    built = figures(exact_town(), "hours-of-one", identity="per-record", time="1h")
    gate, homes = joined(built, 6, "hours-of-one")
    hours_with(gate, homes, hours=3)
    gate.to(T + 3 * HOUR_MS + LATENESS_MS)
    assert gate.records() == []
    day_with(gate, homes, hours=3)
    assert len(gate.records()) == 18


# policies


def test_new_policies_end_what_is_asked_no_more() -> None:
    """No bundle of a kind that a recipient does not get any more."""
    gate, homes = joined(noisy_town(), 40, "hourly")
    hours_with(gate, homes)
    gate.apply(bare_town().policies())
    gate.to(T + DAY_MS + LATENESS_MS)
    assert gate.form() is None
    assert not gate.state.windows.tables


def test_step_of_no_ladder_is_given_up() -> None:
    """A consent may name a step that the ladder has no more; no room is reckoned for its figures."""
    gate = Gate(noisy_town().policies())
    homes = gate.homes(30, "hourly", limits=limited(precision=(("consumption", Decimal(1)),)))
    shorter = {name: text.replace("0.1, 1]", "0.1]") for name, text in noisy_town().files().items()}
    gate.apply(parse_policies({name: text.encode() for name, text in shorter.items()}))
    gate.to(T)
    hours_with(gate, homes, hours=2)
    assert {cohort.step for cohort, _ in gate.state.windows.tables} == {"1"}
    gate.to(T + DAY_MS + LATENESS_MS)
    assert published(gate) == []
    assert gate.count("pairs.suppressed.k") == 30 * 2
    assert gate.count("pairs.open") == 0


def test_sealed_size_is_the_same_whatever_the_log_index() -> None:
    """A longer index takes a byte of the padding."""
    gate, homes = joined(noisy_town(), 40, "hourly")
    day_with(gate, homes)
    due = next_due(gate.state, "office")
    assert due is not None
    task = prepare(gate.state, due, gate.now_ms, gate.form_of("office"))
    drawn = draw(task, gate.state.log.size)
    sizes = {len(task.form.seal(drawn.records, index, task.plan.padded_to)) for index in (0, 23, 24, 255, 65_536, 2**40)}
    assert sizes == {task.plan.padded_to}


def test_limit_where_nobody_has_told_anything_nothing_is_drawn() -> None:
    """With so much noise that one home may count as many, a figure says that there is one; by the day noise is less."""
    gate, homes = joined(noisy_town(budget=0.01, publish="window", group=20), 1, "hourly")
    told = []
    for day, reporting in ((T, homes), (T + DAY_MS, [])):
        day_with(gate, reporting, day)
        told.append(len(gate.records()))
    assert told[0] > 3
    assert told[1] == 0
