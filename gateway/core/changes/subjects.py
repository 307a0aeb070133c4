"""Subjects: who their residents are, what they are notified of, and the codes by which people and devices join.

All of a subject's residents must permit a flow. One who joins has permitted nothing, so its flows stop until they do; one who
leaves no longer counts, and cannot find the subject's later releases. Every such change acts on open windows and waiting records
like a withdrawal, and the subject is notified.

A claim code is what the installers leave on paper: sixty random bits in twelve symbols of Crockford's base 32, in three groups.
No letter looks like a digit, and case does not matter. The gateway keeps only a hash, so that whoever reads its memory or disk
cannot claim anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import msgspec

from consent.core.disclosure import DAY_MS
from consent.core.lifecycle.notifications import MessageKind
from consent.errors import ConsentError
from gateway.audit.log.entries import Kind
from gateway.audit.log.openings import subject_label_key
from gateway.audit.log.payloads import How, KeyPayload
from gateway.core.changes import changes, credentials, settling
from gateway.core.changes.compiling import compile_devices
from gateway.core.plans import Device
from gateway.core.registry import Claim, Holder, Resident, Subject
from gateway.core.release.void import void_unsent
from gateway.core.state import State

CODE_DAYS: Final = 90
"""How many days a claim code can be used."""
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SYMBOLS: Final = 12
_GROUP_SYMBOLS: Final = 4
_ALIKE: Final = str.maketrans("OIL", "011", "- ")
_HASH_BYTES: Final = 16
_FORGOTTEN_AT_ONCE: Final = 500
"""So many codes are deleted in a piece."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The result of a claim; ``device`` is set where the code brought a device to a subject that existed already."""

    subject: bytes
    resident: bytes
    device: bytes | None = None


def add_subject(state: State, now_ms: int) -> Subject:
    """Create a subject with one resident; its id and secret are random and reveal nothing."""
    random_bytes = state.identity.random_bytes
    subject = Subject(random_bytes(16), random_bytes(32), (Resident(random_bytes(16), now_ms),))
    state.registry.keep_subject(subject)
    return subject


def label_keys(subject: Subject) -> list[bytes]:
    """Return the keys by which a subject finds its releases, the present one first; each departure has added one."""
    return [subject_label_key(subject.secret, generation) for generation in range(subject.label_generation, -1, -1)]


def make_code(state: State, subject_id: bytes, resident: bytes, device: bytes, now_ms: int, how: How = "letter") -> str:
    """Make a claim code.

    Args:
        state: Changed in place.
        subject_id: The subject.
        resident: The resident that the code admits: one that is known, or empty for a new one.
        device: The device that the code was made for, which may then move to another subject; or empty.
        now_ms: The gateway's clock.
        how: What a credential that it makes says of how it came to be.
    Returns: The code, which is stored nowhere.
    """
    code = new_code(state.identity.random_bytes)
    claim = Claim(code_hash(code), subject_id, resident, device, now_ms + CODE_DAYS * DAY_MS, how)
    state.registry.keep_claim(claim)
    return code


def forget_old_codes(state: State, now_ms: int) -> None:
    """Delete the codes that have expired unused."""
    for _ in forgetting_old_codes(state, now_ms):
        pass


def forgetting_old_codes(state: State, now_ms: int) -> Iterator[None]:
    """Do what ``forget_old_codes`` does, for some codes in each piece."""
    expired = [number for number, claim in state.registry.claims.items() if claim.expires_ms <= now_ms]
    for number, former in enumerate(expired, 1):
        if former in state.registry.claims:
            state.registry.drop_claim(former)
        if number % _FORGOTTEN_AT_ONCE == 0:
            yield


def invite(state: State, subject_id: bytes, now_ms: int) -> str:
    """Make the code by which a new resident joins a subject, and notify the others; it replaces an earlier one."""
    _drop_invitations(state, subject_id)
    state.registry.tell(subject_id, MessageKind.CODE_MADE, now_ms)
    return make_code(state, subject_id, b"", b"", now_ms, "counter")


def enter_invitation(state: State, subject_id: bytes, code: str, proof: bytes, now_ms: int) -> None:
    """Enter a code that a resident has made for a newcomer, with the proof of it; it replaces an earlier one."""
    _drop_invitations(state, subject_id)
    claim = Claim(code_hash(code), subject_id, b"", b"", now_ms + CODE_DAYS * DAY_MS, "invitation", proof)
    state.registry.keep_claim(claim)
    state.registry.tell(subject_id, MessageKind.INVITED, now_ms)


def _drop_invitations(state: State, subject_id: bytes) -> None:
    for former, claim in list(state.registry.claims.items()):
        if claim.subject == subject_id and not claim.resident:
            state.registry.drop_claim(former)


def replace_codes(state: State, subject_id: bytes, resident_id: bytes, now_ms: int) -> str:
    """Make a new code for a resident who has lost code or credentials: the old ones end, and the subject is notified.

    Raises: ConsentError: the subject has no such resident.
    """
    subject = state.registry.subjects[subject_id]
    resident = _resident(subject, resident_id)
    for former, claim in list(state.registry.claims.items()):
        if (claim.subject, claim.resident) == (subject_id, resident_id):
            state.registry.drop_claim(former)
    state.registry.keep_resident(subject_id, msgspec.structs.replace(resident, claimed_ms=0))
    credentials.end_all(state, Holder(subject_id, resident_id), "counter", now_ms)
    state.registry.tell(subject_id, MessageKind.CODES_REPLACED, now_ms)
    return make_code(state, subject_id, resident_id, b"", now_ms, "counter")


def claim(state: State, code: str, own: bytes | None, now_ms: int) -> Joined:
    """Admit a person by a claim code, which is used up.

    Args:
        state: Changed in place.
        code: As typed.
        own: The subject of the person who typed it, where they have one already: a device's code then moves the device there.
        now_ms: The gateway's clock.
    Raises: ConsentError: the code is wrong, used or too old, or cannot be used in this way.
    """
    found = find_claim(state, code, now_ms)
    number = found.code_hash
    subject = state.registry.subjects[found.subject]
    if own is not None and own != found.subject:
        return _move_device(state, number, found, own, now_ms)
    state.registry.drop_claim(number)
    if found.resident:
        resident = _resident(subject, found.resident)
        state.registry.keep_resident(subject.id, msgspec.structs.replace(resident, claimed_ms=now_ms))
        return Joined(subject.id, resident.id)
    newcomer = Resident(state.identity.random_bytes(16), now_ms, now_ms)
    _change_residents(state, subject, (*subject.residents, newcomer), now_ms)
    state.registry.tell(subject.id, MessageKind.RESIDENT_JOINED, now_ms)
    return Joined(subject.id, newcomer.id)


def leave(state: State, subject_id: bytes, resident_id: bytes, now_ms: int) -> None:
    """Remove a resident: their consents no longer count, and their key finds none of the subject's later releases.

    Raises: ConsentError: the subject has no such resident, or no other one.
    """
    subject = state.registry.subjects[subject_id]
    _resident(subject, resident_id)
    if len(subject.residents) == 1:
        raise ConsentError("the last resident of a household does not leave it: erase the household instead")
    credentials.end_all(state, Holder(subject_id, resident_id), "left", now_ms)
    subject = state.registry.subjects[subject_id]
    rest = tuple([resident for resident in subject.residents if resident.id != resident_id])
    for former, claimed in list(state.registry.claims.items()):
        if (claimed.subject, claimed.resident) == (subject_id, resident_id):
            state.registry.drop_claim(former)
    _change_residents(state, subject, rest, now_ms)
    state.registry.tell(subject_id, MessageKind.RESIDENT_LEFT, now_ms)


def devices_of(state: State, subject_id: bytes) -> list[Device]:
    """Return a subject's devices."""
    return list(state.registry.devices_of(subject_id))


def drop_claims(state: State, subject_id: bytes) -> None:
    """Delete every claim code of a subject."""
    for number in [number for number, claim in state.registry.claims.items() if claim.subject == subject_id]:
        state.registry.drop_claim(number)


class CodeUnknownError(ConsentError):
    """A claim code that is none, or none any more."""


class CodeOldError(ConsentError):
    """A claim code whose days are over."""


class CodeElsewhereError(ConsentError):
    """A claim code of a device that another household has claimed."""


def drop_letters(state: State, subject_id: bytes) -> None:
    """Delete the codes of a subject's letters, since somebody has come in: the next one comes by another way."""
    for former, claim in list(state.registry.claims.items()):
        if claim.subject == subject_id and claim.resident and claim.how == "letter":
            state.registry.drop_claim(former)


def find_claim(state: State, code: str, now_ms: int) -> Claim:
    """Return what a claim code allows.

    Raises: CodeUnknownError: it allows nothing. CodeOldError: not any more.
    """
    try:
        number = code_hash(code)
    except ValueError as error:
        raise CodeUnknownError(str(error)) from error
    found = state.registry.claims.get(number)
    if found is None:
        raise CodeUnknownError("there is no such claim code, or it was used already")
    if found.expires_ms <= now_ms:
        raise CodeOldError("the claim code is too old: ask the crew for a new one")
    return found


def movable_device(state: State, found: Claim) -> Device:
    """Return the device that a claim code can bring to another household: nobody has claimed the one that it was made for.

    Raises: CodeElsewhereError: it brings none.
    """
    former = state.registry.subjects[found.subject]
    device = next((device for device in state.registry.devices.values() if device.id == found.device), None)
    if device is None or any(one.claimed_ms for one in former.residents) or state.registry.book.for_subject(former.id):
        raise CodeElsewhereError("the claim code belongs to another household")
    return device


def _move_device(state: State, number: bytes, found: Claim, own: bytes, now_ms: int) -> Joined:
    """Move the device of a code to another subject; the former one is deleted if nobody has claimed it."""
    device, former = movable_device(state, found), state.registry.subjects[found.subject]
    state.registry.drop_claim(number)
    changes.move_device(state, device, own, now_ms)
    state.registry.tell(own, MessageKind.DEVICE_JOINED, now_ms)
    if not devices_of(state, former.id):
        drop_claims(state, former.id)
        state.registry.drop_subject(former.id)
    return Joined(own, state.registry.subjects[own].residents[0].id, device.id)


def apply_residents(state: State, subject: Subject, residents: tuple[Resident, ...], index: int, time_ms: int) -> None:
    """Set a subject's residents from a log entry on: in normal operation when it is made, after a backup when it is read.

    Consents of residents who have left no longer count, and their key finds no later release.

    Args:
        state: Changed in place.
        subject: The subject before the change.
        residents: Those who remain or have joined.
        index: Log index of the entry.
        time_ms: The entry's time.
    """
    ids = [resident.id for resident in residents]
    settled = state.registry.book.change_residents(subject.id, ids, time_ms)
    state.commit.openings_settled += [*settled, *subject.key_entries[-1:]]
    somebody_left = any(resident.id not in ids for resident in subject.residents)
    state.registry.keep_subject(
        msgspec.structs.replace(
            subject,
            residents=residents,
            since_ms=state.registry.book.residents_since_ms(subject.id),
            label_generation=subject.label_generation + somebody_left,
            key_entries=(*subject.key_entries, index),
        )
    )


def _change_residents(state: State, subject: Subject, residents: tuple[Resident, ...], now_ms: int) -> None:
    """Change a subject's residents and log it, since an auditor who replays the log must know who has to permit."""
    void_unsent(state, now_ms)
    settling.settle(state, [subject.id], now_ms)
    payload = KeyPayload(subject.id, tuple([resident.id for resident in residents]))
    index = state.log.append_entry(Kind.KEY, now_ms, state.log.one_part(payload.encode()))
    apply_residents(state, subject, residents, index, now_ms)
    compile_devices(state, devices_of(state, subject.id), now_ms)


def _resident(subject: Subject, resident_id: bytes) -> Resident:
    for resident in subject.residents:
        if resident.id == resident_id:
            return resident
    raise ConsentError("the subject has no such resident")


def new_code(random_bytes: Callable[[int], bytes]) -> str:
    """Return a fresh code, such as `K7QM-4T2X-9RHD`."""
    number = int.from_bytes(random_bytes(8), "big")
    symbols = "".join(_ALPHABET[number >> 5 * place & 31] for place in range(_SYMBOLS))
    return "-".join(symbols[at : at + _GROUP_SYMBOLS] for at in range(0, _SYMBOLS, _GROUP_SYMBOLS))


def code_hash(code: str) -> bytes:
    """Return the 16 bytes under which a code is stored, however it was typed.

    Raises: ValueError: the text cannot be a code.
    """
    symbols = code.upper().translate(_ALIKE)
    if len(symbols) != _SYMBOLS or not set(symbols) <= set(_ALPHABET):
        raise ValueError(f"a claim code has {_SYMBOLS} letters and digits")
    return sha256(b"sluice claim code " + symbols.encode()).digest()[:_HASH_BYTES]
