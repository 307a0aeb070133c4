"""Changes: policies, consents, subjects and devices, each with its log entry, its rows, and its effect on what is open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import msgspec
import pytest

from consent.core.consents.records import Status, decode, signing_bytes
from consent.core.decide import Owner
from consent.core.disclosure import Space
from consent.core.outcome import NEVER_MS
from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.notes import Verifier, open_note
from gateway.audit.log.openings import Opening
from gateway.audit.log.payloads import AccountPayload, GenesisPayload, PolicyPayload
from gateway.core.changes import changes, subjects
from gateway.core.effects import Commit, DeviceRow
from gateway.core.journal import Purge, decode_batch
from gateway.core.plans import Device
from gateway.core.registry import Subject, decode_device
from gateway.core.release.bundle import advance_watermark
from gateway.core.state import State, decode_ledger
from tests.support.gate import DAY_MS, FILES, HOUR_MS, LATENESS_MS, MIDNIGHT_MS, MINUTE_MS, Gate, limited, only, reading, town

T = MIDNIGHT_MS


def payload(commit: Commit, number: int = 0) -> bytes:
    """Return the only part of an entry in a commit."""
    (part,) = Opening.decode(commit.log[number].opening.whole()).parts
    assert not isinstance(part, bytes)
    return part.data


def journal_kinds(gate: Gate) -> list[type]:
    """Commit; return the kinds of the records in the journal of it."""
    return [type(record) for record in decode_batch(gate.commit().journal)]


# the log's beginning


@pytest.mark.parametrize("simulated", [False, True])
def test_begin_log_once_and_says_whether_time_is_simulated(simulated: bool) -> None:
    """The first entry is the genesis, and there is no second; an account of nothing makes the ledger checkable from the start."""
    state = State(replace(Gate().state.identity, simulated_clock=simulated))
    state.log.begin(T)
    state.log.begin(T)
    commit = state.take_commit()
    assert [row.kind for row in commit.log] == ["genesis", "account"]
    assert GenesisPayload.decode(payload(commit)) == GenesisPayload("test.example/gw", simulated)


def test_nothing_in_force_every_frame_refused() -> None:
    """Without policies the gateway knows no device."""
    state = State(Gate().state.identity)
    device = Device(b"d" * 16, "t/1", "meter", "mill", None, 0, T, Owner.CITY)
    changes.add_device(state, device, T)
    assert state.devices == {}


# policies


def test_apply_policies_logged_stored_and_in_force() -> None:
    """One entry that names the hash, one row that holds all that a restart needs."""
    gate = Gate()
    gate.now_ms = T + 1
    new = town(("retention = 30 }", "retention = 20 }"))
    index = changes.apply_policies(gate.state, new, {"office": b"k" * 32}, gate.now_ms)
    commit = gate.commit()
    assert [row.index for row in commit.log] == [index]
    entry = Entry.decode(commit.log[0].content)
    assert (entry.kind, entry.policy, entry.time_ms) == (Kind.POLICY, new.sha256, T + 1)
    assert PolicyPayload.decode(payload(commit)) == PolicyPayload(new.sha256, {"office": sha256(b"k" * 32).digest()})
    (stored,) = commit.policies
    row = msgspec.msgpack.decode(stored.content, type=changes.StoredPolicies)
    assert (stored.index, stored.sha256, row.files, row.public_keys) == (index, new.sha256, new.files, {"office": b"k" * 32})
    assert row.flow_since_ms == {flow: T + 1 if flow == "daily" else T for flow in new.flows}
    assert gate.state.policies is new


def test_apply_policies_compiles_only_the_profiles_that_have_changed() -> None:
    """The types that a decoder is made of are garbage that no cheap collection finds, so a change leaves none for nothing."""
    gate = Gate()
    for profile in ("meter", "shy"):
        gate.device(profile=profile)
    former = dict(gate.state.decoders)
    changed = FILES["devices/shy.toml"].replace('path = "kwh"', 'path = "wh"')
    gate.apply(town(("retention = 30 }", "retention = 20 }"), files={"devices/shy.toml": changed}))
    decoders = gate.state.decoders
    assert decoders["meter"] is former["meter"]
    assert decoders["shy"] is not former["shy"]


def test_apply_policies_without_a_flow_empties_its_windows() -> None:
    """What no policy asks for any more is dropped at once; other flows' windows stay."""
    gate = Gate(only("hourly", "daily"))
    for home in gate.homes(2, "hourly", "daily"):
        gate.send(home, kwh=1)
    gate.apply(only("hourly"))
    assert not gate.state.windows.open
    assert {cohort.flow for cohort, _ in gate.state.windows.tables} == {"hourly"}
    assert (gate.count("pairs.open"), gate.count("pairs.withdrawn")) == (2, 2)


def test_apply_policies_that_change_a_flow_begin_it_anew() -> None:
    """A figure never mixes what was asked before and after."""
    gate = Gate(only("hourly"))
    homes = gate.homes(2, "hourly")
    for home in homes:
        gate.send(home, T + MINUTE_MS, kwh=1)
    gate.now_ms = T + 2 * MINUTE_MS
    gate.apply(town(("group = 2, retention = 365", "group = 3, retention = 365")))
    assert gate.state.windows.is_empty()
    gate.send(homes[0], T + 3 * MINUTE_MS, kwh=1)
    assert gate.count("pairs.withheld.partial") == 1


def test_apply_policies_again_changes_nothing_that_is_open() -> None:
    """The same set put in force a second time interrupts no window."""
    gate = Gate(only("hourly"))
    gate.to(T)
    for home in gate.homes(4, "hourly"):
        gate.send(home, kwh=1)
    gate.now_ms = T + 1
    gate.apply(only("hourly"))
    gate.to(T + DAY_MS + LATENESS_MS)
    assert [record.result for record in gate.records()] == [4.0]


def test_apply_policies_withdraws_contributions_of_devices_that_are_gone() -> None:
    """A contributor without any device left is in no window."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly")
    gate.send(home, kwh=1)
    gate.state.registry.drop_device(home.place)
    gate.apply(only("hourly"))
    assert gate.state.windows.is_empty()
    assert gate.count("pairs.withdrawn") == 1


# consents


def test_change_consent_logged_stored_and_in_the_book() -> None:
    """A grant is a consent entry, a stop a withdrawal entry; the payload is the signed record itself."""
    gate = Gate(only("hourly"))
    home = gate.home()
    steps: list[tuple[Callable[[Device, str], int], Kind, Status]] = [
        (gate.grant, Kind.CONSENT, Status.GIVEN),
        (gate.grant, Kind.CONSENT, Status.RENEWED),
    ]
    steps += [(gate.pause, Kind.WITHDRAWAL, Status.PAUSED), (gate.grant, Kind.CONSENT, Status.GIVEN)]
    steps += [(gate.withdraw, Kind.WITHDRAWAL, Status.WITHDRAWN), (gate.refuse, Kind.WITHDRAWAL, Status.REFUSED)]
    for step, kind, status in steps:
        index = step(home, "hourly")
        commit = gate.commit()
        (stored,) = commit.consents
        entry = Entry.decode(commit.log[0].content)
        assert (stored.index, entry.kind, entry.consent_head) == (index, kind, index)
        consent = decode(stored.content)
        assert (consent.status, payload(commit)) == (status, stored.content)
        assert consent.signature == gate.state.identity.signer.sign_bytes(signing_bytes(consent))
        assert [e.index for e in gate.state.registry.book.for_subject(home.subject or b"")] == [index]


def test_change_consent_acts_on_its_subject_alone() -> None:
    """Nobody else's plan is compiled anew."""
    gate = Gate(only("hourly"))
    home, other = gate.homes(2, "hourly")
    plans = {device.topic: gate.state.devices[device.topic] for device in (home, other)}
    gate.withdraw(home, "hourly")
    assert gate.state.devices[other.topic] is plans[other.topic]
    assert gate.state.devices[home.topic] is not plans[home.topic]


def test_change_consent_acts_on_all_devices_of_the_subject() -> None:
    """A household's second meter obeys the same word."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly")
    second = gate.device(home.subject)
    gate.take(reading(home, T + HOUR_MS, kwh=1), reading(second, T + HOUR_MS, kwh=1))
    gate.withdraw(home, "hourly")
    gate.take(reading(home, T + HOUR_MS + 1, kwh=1), reading(second, T + HOUR_MS + 1, kwh=1))
    assert (gate.count("pairs.withdrawn"), gate.count("pairs.withheld.withdrawn")) == (2, 2)
    assert gate.state.windows.is_empty()


def test_purge_written_to_the_journal_only_where_something_goes() -> None:
    """A change that touches no window leaves nothing to fold."""
    gate = Gate(only("hourly", "raw"))
    home, other = gate.homes(2, "hourly", "raw")
    gate.send(home, kwh=1)
    gate.withdraw(other, "hourly")
    assert journal_kinds(gate) == []
    gate.withdraw(home, "raw")
    assert journal_kinds(gate) == []
    gate.withdraw(home, "hourly")
    assert journal_kinds(gate) == [Purge]


# subjects and devices


def test_add_subject_random_and_stored() -> None:
    """An id and a secret that tell nothing, and one resident."""
    gate = Gate()
    made = [subjects.add_subject(gate.state, gate.now_ms) for _ in range(2)]
    commit = gate.commit()
    assert [msgspec.msgpack.decode(row.content or b"", type=Subject) for row in commit.subjects] == made
    assert len({part for subject in made for part in (subject.id, subject.secret, subject.residents[0].id)}) == 6
    assert [len(part) for part in (made[0].id, made[0].secret, made[0].residents[0].id)] == [16, 32, 16]


def test_add_device_stored_and_planned() -> None:
    """The registry row is found by topic and holds the whole device."""
    gate = Gate()
    device = Device(b"d" * 16, "t/x", "meter", "mill", None, 0, T, Owner.CITY)
    changes.add_device(gate.state, device, T)
    (row,) = gate.commit().devices
    assert row.place == b"t/x"
    assert row.content is not None
    assert decode_device(row.content) == device
    assert gate.state.devices["t/x"].device is device


def test_add_device_in_place_of_another_takes_its_topic() -> None:
    """Readings of the topic are the new device's; nothing of the old one's counts for the new."""
    gate = Gate(only("hourly"))
    gate.to(T)
    homes = gate.homes(5, "hourly")
    for home in homes:
        gate.send(home, T + MINUTE_MS, kwh=1)
    gate.now_ms = T + 2 * MINUTE_MS
    changes.add_device(gate.state, replace(homes[0], id=b"n" * 16, subject=None, added_ms=gate.now_ms), gate.now_ms)
    gate.commit()
    gate.send(homes[0], T + 3 * MINUTE_MS, kwh=50)
    gate.to(T + DAY_MS + LATENESS_MS)
    assert [record.result for record in gate.records()] == [4.0]
    assert homes[0].subject not in gate.state.by_contributor


def test_revoke_device_forgets_its_plan_and_withdraws_what_is_open() -> None:
    """Its frames are those of an unknown device from now on."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly")
    gate.send(home, kwh=1)
    changes.revoke_device(gate.state, home.place, T)
    commit = gate.commit()
    assert commit.devices == [DeviceRow(home.topic.encode(), None)]
    gate.send(home, T + 1, kwh=1)
    assert (gate.count("frames.rejected.unknown_device"), gate.count("pairs.withdrawn")) == (1, 1)
    assert gate.state.windows.is_empty()
    assert home.place not in gate.state.registry.devices


def test_revoke_one_of_two_devices_leaves_the_other() -> None:
    """A household that hands a meter back keeps the other, and its windows."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly")
    second = gate.device(home.subject)
    gate.send(second, kwh=1)
    changes.revoke_device(gate.state, home.place, T)
    gate.commit()
    assert gate.count("pairs.open") == 1
    assert [plan.device.id for plan in gate.state.by_contributor[home.subject or b""]] == [second.id]


# expiry


def test_expire_does_nothing_before_the_first_consent_ends() -> None:
    """The instant is known, so that a tick costs one comparison."""
    gate = Gate(only("hourly"))
    home, other = gate.homes(2, "hourly")
    gate.grant(home, "hourly", expiry_ms=T + HOUR_MS)
    gate.grant(other, "hourly", expiry_ms=T + 2 * HOUR_MS)
    assert gate.state.expires_next_ms == T + HOUR_MS
    plan = gate.state.devices[home.topic]
    changes.expire(gate.state, T + HOUR_MS - 1)
    assert gate.state.devices[home.topic] is plan


def test_expire_compiles_those_whose_consent_ended_and_voids_what_stands_ready() -> None:
    """From that instant their pairs are withheld as expired, and no bundle formed before still leaves with them."""
    gate = Gate(only("hourly", "raw"))
    gate.to(T)
    homes = gate.homes(6, "hourly", "raw")
    first_ms, last_ms = T + DAY_MS + HOUR_MS, T + DAY_MS + 2 * HOUR_MS
    for scope in ("hourly", "raw"):
        gate.grant(homes[0], scope, expiry_ms=first_ms)
    gate.grant(homes[1], "hourly", expiry_ms=last_ms)
    for home in homes:
        gate.send(home, T, kwh=1)
    gate.to(T + DAY_MS + LATENESS_MS)
    assert gate.form() is not None
    other = gate.state.devices[homes[1].topic]
    gate.to(first_ms)
    assert gate.state.inflight.ready == {}
    assert gate.state.devices[homes[1].topic] is other
    assert gate.state.expires_next_ms == last_ms
    gate.send(homes[0], first_ms - 1, kwh=1)
    assert gate.count("pairs.withheld.expired") == 2
    assert [(record.result, record.n) for record in gate.records() if record.flow == "hourly"] == [(5.0, 5)]
    gate.to(last_ms)
    assert gate.state.expires_next_ms == NEVER_MS


def test_expire_of_one_of_two_scopes_leaves_the_other() -> None:
    """The household stays in what it still permits."""
    gate = Gate(only("hourly", "daily"))
    homes = gate.homes(2, "hourly", "daily")
    gate.grant(homes[0], "hourly", expiry_ms=T + HOUR_MS)
    for home in homes:
        gate.send(home, T, kwh=1)
    gate.to(T + HOUR_MS)
    assert [len(window.members) for window in gate.state.windows] == [2]
    assert [len(table.rows) for table in gate.state.windows.tables.values()] == [1]


def test_expire_when_a_withdrawal_came_first_finds_nothing() -> None:
    """An instant that nobody waits for any more passes without a trace."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly")
    gate.grant(home, "hourly", expiry_ms=T + HOUR_MS)
    gate.withdraw(home, "hourly")
    gate.to(T + HOUR_MS)
    assert gate.state.expires_next_ms == NEVER_MS


# checkpoints


def test_checkpoint_accounts_and_signs_the_log_as_it_is() -> None:
    """The account entry states totals and differences; the signed note is of the log with that entry in it."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly")
    gate.send(home, kwh=1)
    gate.state.log.checkpoint(gate.state.ledger, T)
    commit = gate.commit()
    assert [row.kind for row in commit.log] == ["account"]
    account = AccountPayload.decode(payload(commit))
    assert account.totals == {name: n for name, n in gate.state.ledger.totals.items() if n}
    assert account.differences["frames.received"] == 1
    assert decode_ledger(commit.ledger).differences() == {}
    assert commit.head is not None
    found = Checkpoint.parse(open_note(commit.head, [Verifier.parse(gate.state.identity.signer.vkey())]).text)
    assert (found.size, found.root) == (gate.state.log.size, gate.state.log.writer.root())


def test_checkpoint_without_news_signs_and_accounts_nothing() -> None:
    """An idle gateway's log does not grow."""
    gate = Gate(only("hourly"))
    gate.send(gate.home("hourly"), kwh=1)
    for expected in (1, 0):
        gate.state.log.checkpoint(gate.state.ledger, T)
        commit = gate.commit()
        assert (len(commit.log), commit.head is None) == (expected, False)


def test_checkpoint_zero_totals_left_out_and_their_change_told() -> None:
    """An account that has come down to nothing shows as a difference."""
    gate = Gate(only("hourly"))
    homes = gate.homes(2, "hourly")
    for home in homes:
        gate.send(home, kwh=1)
    gate.state.log.checkpoint(gate.state.ledger, T)
    gate.commit()
    gate.withdraw(homes[0], "hourly")
    gate.withdraw(homes[1], "hourly")
    gate.commit()
    gate.state.log.checkpoint(gate.state.ledger, T)
    account = AccountPayload.decode(payload(gate.commit()))
    assert "pairs.open" not in account.totals
    assert account.differences["pairs.open"] == -2


def test_voiding_precedes_every_change() -> None:
    """Policies, consents, devices struck off: what stands ready is voided before the change is logged."""
    for change in ("policy", "consent", "revoke"):
        gate = Gate(only("raw"))
        home, other = gate.homes(2, "raw")
        gate.send(home, kwh=1)
        assert gate.form() is not None
        size = gate.state.log.size
        if change == "policy":
            gate.apply(only("raw"))
        elif change == "consent":
            gate.grant(other, "raw", limited(space=Space.CITY))
        else:
            changes.revoke_device(gate.state, other.place, T)
        gate.commit()
        assert gate.count("bundles.voided") == 1
        void = gate.openings[size].parts[0]
        assert not isinstance(void, bytes)
        assert b"void" in void.data
        advance_watermark(gate.state, T, LATENESS_MS)
        assert len(gate.records()) == 1


def all_expire(gate: Gate, count: int, expiry_ms: int, scope: str = "raw") -> list[Device]:
    """Register households whose consents all expire at one moment."""
    homes = gate.homes(count)
    for home in homes:
        gate.grant(home, scope, expiry_ms=expiry_ms)
    return homes


def test_expired_is_withheld_from_that_moment_though_its_piece_has_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what waits leaves nor anything new is taken; who permits it anew meanwhile is not ended."""
    monkeypatch.setattr(changes, "LOOKED_AT", 1)
    gate = Gate(only("raw"))
    homes = all_expire(gate, 4, T + DAY_MS)
    for home in homes:
        gate.send(home, kwh=1)
    gate.now_ms = T + DAY_MS
    pieces = changes.expiring(gate.state, lambda: gate.now_ms)
    next(pieces)
    assert [gate.status(home, "raw") for home in homes] == [Status.EXPIRED, Status.GIVEN, Status.GIVEN, Status.GIVEN]
    gate.send(homes[3], kwh=1)
    assert gate.count("pairs.withheld.expired") == 1
    assert gate.records() == []
    gate.grant(homes[2], "raw", expiry_ms=T + 3 * DAY_MS)
    gate.erase(homes[1])
    for _ in pieces:
        gate.commit()
    assert gate.status(homes[2], "raw") is Status.GIVEN
    assert gate.status(homes[3], "raw") is Status.EXPIRED
    assert gate.state.expires_next_ms == T + 3 * DAY_MS


def test_withdrawal_between_two_pieces_is_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of whom a piece is about to end something that has been withdrawn before."""
    monkeypatch.setattr(changes, "ENDED", 1)
    gate = Gate(only("raw"))
    homes = all_expire(gate, 3, T + DAY_MS)
    gate.now_ms = T + DAY_MS
    pieces = changes.expiring(gate.state, lambda: gate.now_ms)
    next(pieces)
    gate.withdraw(homes[1], "raw")
    for _ in pieces:
        pass
    assert [gate.status(home, "raw") for home in homes] == [Status.EXPIRED, Status.WITHDRAWN, Status.EXPIRED]
    assert gate.state.expires_next_ms == NEVER_MS


def test_change_of_policies_between_two_pieces_settles_whom_the_next_one_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has plans by two sets of policies, and nobody is ended twice."""
    monkeypatch.setattr(changes, "LOOKED_AT", 1)
    gate = Gate(only("raw", "hourly"))
    homes = all_expire(gate, 3, T + DAY_MS)
    gate.now_ms = T + DAY_MS
    expiring = changes.expiring(gate.state, lambda: gate.now_ms)
    next(expiring)
    settling = gate.begin(only("raw"))
    for _ in expiring:
        gate.commit()
    for _ in settling:
        gate.commit()
    assert [gate.status(home, "raw") for home in homes] == [Status.EXPIRED] * 3
    assert all(not plan.targets() for plan in gate.state.plans())


def test_each_piece_ends_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many end at one moment, nobody waits for more than one piece, and each can be committed by itself."""
    monkeypatch.setattr(changes, "ENDED", 2)
    gate = Gate(only("raw"))
    all_expire(gate, 7, T + DAY_MS)
    gate.now_ms = T + DAY_MS
    gate.commit()
    entries = [len(gate.commit().log) for _ in changes.expiring(gate.state, lambda: gate.now_ms)]
    entries.append(len(gate.commit().log))
    assert entries == [2, 2, 2, 1]
