"""The registry: what a change enters is there at once and stored; what a start enters is stored already."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from consent.core.decide import Owner
from consent.core.lifecycle.notifications import MessageKind
from gateway.core.effects import ClaimRow, Commit, DeviceRow, SubjectRow
from gateway.core.plans import Device
from gateway.core.registry import MESSAGES_KEPT, Claim, Registry, Resident, Subject, decode_device, row_key

HOME = Subject(b"s" * 16, b"k" * 32, (Resident(b"r" * 16, 1),))
CLAIM = Claim(b"c" * 16, HOME.id, b"", b"", 90)
METER = Device(b"d" * 16, "t/1", "meter", "mill", HOME.id, 0, 1, Owner.RESIDENT)
BEHIND = replace(METER, id=b"b" * 16, topic="hub/+", hub_id="tanné/1")


def test_kept_things_are_stored_and_dropped_ones_deleted() -> None:
    """One row for each change, under the key by which it is found."""
    registry = Registry()
    registry.keep_subject(HOME)
    registry.keep_claim(CLAIM)
    registry.keep_device(METER)
    registry.drop_claim(CLAIM.code_hash)
    assert registry.drop_device(METER.place) == METER
    registry.drop_subject(HOME.id)
    assert (registry.subjects, registry.claims, registry.devices) == ({}, {}, {})
    commit, encode = registry.commit, msgspec.msgpack.encode
    assert commit.subjects == [SubjectRow(HOME.id, encode(HOME)), SubjectRow(HOME.id, None)]
    assert commit.claims == [ClaimRow(CLAIM.code_hash, encode(CLAIM)), ClaimRow(CLAIM.code_hash, None)]
    assert commit.devices == [DeviceRow(b"t/1", encode(METER)), DeviceRow(b"t/1", None)]
    assert not registry.book.residents(HOME.id)


def test_device_comes_back_from_its_row() -> None:
    """Whoever owns it."""
    for device in (METER, replace(METER, subject=None, owner=Owner.CITY), BEHIND):
        assert decode_device(msgspec.msgpack.encode(device)) == device


def test_row_that_knows_no_owner_is_read_as_it_was_meant() -> None:
    """A subject's device is a resident's, the stricter; one of nobody is the city's; that nobody said so is remembered."""
    row = {key: value for key, value in msgspec.to_builtins(METER, builtin_types=(bytes,)).items() if "owner" not in key}
    assert decode_device(msgspec.msgpack.encode(row)) == replace(METER, owner_assumed=True)
    of_nobody = decode_device(msgspec.msgpack.encode({**row, "subject": None}))
    assert (of_nobody.owner, of_nobody.owner_assumed) == (Owner.CITY, True)


def test_row_that_knows_no_hub_is_of_a_device_behind_none() -> None:
    """As every device was before there were hubs; it is found where it was."""
    row = {key: value for key, value in msgspec.to_builtins(METER, builtin_types=(bytes,)).items() if key != "hub_id"}
    assert decode_device(msgspec.msgpack.encode(row)) == METER
    assert row_key(METER.place) == b"t/1"


def test_devices_behind_one_hub_each_have_a_row_and_a_place() -> None:
    """By topic and id together: dropping one leaves the others, and the device that the topic itself names."""
    registry = Registry()
    behind = [BEHIND, replace(BEHIND, id=b"e" * 16, hub_id="2"), replace(BEHIND, id=b"f" * 16, hub_id="")]
    for device in behind:
        registry.keep_device(device)
    assert registry.drop_device(behind[1].place) == behind[1]
    assert list(registry.devices.values()) == [behind[0], behind[2]]
    keys = [row.place for row in registry.commit.devices]
    assert keys == ["hub/+\0tanné/1".encode(), b"hub/+\x002", b"hub/+", b"hub/+\x002"]


def test_known_things_are_not_stored_again() -> None:
    """A start that changes nothing commits nothing."""
    registry = Registry()
    registry.know_subject(HOME)
    registry.know_claim(CLAIM)
    registry.know_device(METER)
    assert (registry.subjects, registry.claims, registry.devices) == (
        {HOME.id: HOME},
        {CLAIM.code_hash: CLAIM},
        {("t/1", ""): METER},
    )
    assert registry.commit == Commit()


def test_rows_hold_the_ids_and_words_of_other_rows_once() -> None:
    """Of a hundred thousand households that is tens of mebibytes."""
    registry = Registry()
    registry.know_subject(HOME)
    of_home = {**msgspec.to_builtins(METER, builtin_types=(bytes,)), "subject": bytes(bytearray(HOME.id))}
    first, second = (decode_device(msgspec.msgpack.encode(of_home), registry.subjects) for _ in range(2))
    assert first == replace(METER, subject=HOME.id)
    assert first.subject is second.subject is HOME.id
    assert (first.profile is second.profile, first.zone is second.zone) == (True, True)
    of_resident = msgspec.structs.replace(CLAIM, resident=HOME.residents[0].id)
    registry.know_claim(msgspec.msgpack.decode(msgspec.msgpack.encode(of_resident), type=Claim))
    claim = registry.claims[CLAIM.code_hash]
    assert claim.subject is HOME.id
    assert claim.resident is HOME.residents[0].id


def test_messages_are_kept_up_to_a_number() -> None:
    """The latest stay, each stored with its subject."""
    registry = Registry()
    registry.know_subject(HOME)
    for now_ms in range(MESSAGES_KEPT + 2):
        registry.tell(HOME.id, MessageKind.CODE_MADE, now_ms)
    assert [message.time_ms for message in registry.subjects[HOME.id].messages] == list(range(2, MESSAGES_KEPT + 2))
    assert len(registry.commit.subjects) == MESSAGES_KEPT + 2
