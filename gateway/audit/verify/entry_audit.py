"""The checks of each entry in turn: its form, its place in the log, its labels, and its opening.

Only some auditors are given openings, and openings are deleted after a time. A missing one leaves what depends on it
unchecked; it is not a finding here: ``replay`` judges by its age whether it may be missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gateway.audit.log import canonical
from gateway.audit.log.balances import IDENTITIES
from gateway.audit.log.chain import Chain, PayloadForms
from gateway.audit.log.earlier_payloads import (
    AnyErasurePayload,
    AnyReleasePayload,
    AnyVoidPayload,
    decode_policy,
    decode_release,
    decode_void,
)
from gateway.audit.log.entries import Entry, EntryError, Kind
from gateway.audit.log.handover import KEYS_NAME, Handover
from gateway.audit.log.openings import Opening, Part
from gateway.audit.log.payloads import (
    CITY_OWNED,
    AccountPayload,
    Contribution,
    GapPayload,
    GenesisPayload,
    LogKeyPayload,
    PayloadError,
    ReleasedDraw,
    ReleaseRecord,
    decode_key,
    handover_commitment,
)
from gateway.audit.log.reader import FileError, OpeningsReader, opening_name
from gateway.audit.verify.age import AuditTime, LogAge
from gateway.audit.verify.erasures import ErasureAudit, erasure_of
from gateway.audit.verify.file_audit import FileAudit
from gateway.audit.verify.label_audit import LabelAudit
from gateway.audit.verify.recount import Recount
from gateway.audit.verify.report import StepRecord
from gateway.audit.verify.voids import VoidAudit

_ERASABLE = (Kind.CONSENT, Kind.WITHDRAWAL, Kind.KEY)  # besides a release's parts about subjects
_OPAQUE = (Kind.CONSENT, Kind.WITHDRAWAL)  # the consent's own encoding, which `replay` checks


class EntryAudit:
    """Checks a log's entries in order and records findings in steps 4 to 7.

    Args:
        origin: The log's name.
        labels: Checks the releases' label files; step 5.
        files: Checks the policies, and accounts for all files; steps 10 and 11.
        openings: The openings folder, if there is one.
        steps: The records of steps 4 (coherence), 6 (openings) and 7 (ledger).
        time: The time by which the log is aged.
        handovers: Of the log's key, as the log itself states them.
    """

    def __init__(
        self,
        origin: str,
        labels: LabelAudit,
        files: FileAudit,
        openings: OpeningsReader | None,
        steps: tuple[StepRecord, StepRecord, StepRecord],
        time: AuditTime,
        handovers: Sequence[Handover] = (),
    ) -> None:
        self._origin = origin
        self._labels = labels
        self._files = files
        self._openings = openings
        self._coherence, self._opened, self._ledger = steps
        self._chain = Chain()
        self.recount = Recount()
        self._last_time_ms = 0
        self._set_back = self._opened_count = self._taken = 0
        self._age = LogAge(time)
        self._erasures = ErasureAudit()
        self._voids = VoidAudit()
        self._forms = PayloadForms()
        self._handovers = {one.index: one for one in handovers}

    def begin_behind(self, index: int, data: bytes | None) -> None:
        """Start after an entry that was checked earlier; None stands for an entry that cannot be read."""
        try:
            entry = None if data is None else Entry.decode(data)
        except EntryError:
            entry = None
        self._chain = Chain() if entry is None else Chain.after(entry)
        self._chain.size = index
        if entry is None:
            self._chain.skip()
        else:
            self._chain.size, self._last_time_ms = index + 1, entry.time_ms
            if any(entry.policy):  # all zeros before the first policies
                self._files.take_policies(index, entry.policy)
        self.recount.skip()

    def take(self, data: bytes | None) -> None:
        """Check the next entry; None stands for an entry that cannot be read."""
        index = self._chain.size
        self._taken += 1
        entry = self._decode(index, data)
        if entry is None:
            self._chain.skip()
            self.recount.skip()
            self._erasures.skip()
            return
        for problem in self._chain.problems(entry):
            self._coherence.add(f"entry {index}", problem)
        self._chain.advance(entry)
        self._set_back += entry.time_ms < self._last_time_ms
        self._last_time_ms = entry.time_ms
        if entry.kind is Kind.RELEASE:
            self._labels.take(index, entry.labels_root or b"")
            self._files.take_release(index)
        elif entry.kind is Kind.POLICY:
            self._files.take_policies(index, entry.policy)
        self._check_handover(entry)
        opening = self._read_opening(index, entry)
        self._age.take(entry, opening)
        if self._openings is not None:
            self._check_opening(index, entry, opening)

    def close(self) -> None:
        """Record how much was checked, after the last entry."""
        self._coherence.detail = f"{self._taken} entries, clock set back `{self._set_back}` times"
        self._close_age()
        self._labels.close()
        if self._openings is None:
            self._opened.leave_out("no openings")
            self._ledger.leave_out("no openings")
            return
        for name in self._openings.strangers:
            self._opened.add(f"openings/{name}", "not named by an entry's index")
        self._close_openings(self._openings)
        recount = self.recount
        counted = f"{recount.opened} of {recount.accounts} accounts opened, {recount.recounted} recounted from releases and voids"
        if recount.begun_anew:
            counted += f", books begun anew `{recount.begun_anew}` times after a gap"
        if not recount.opened:
            self._ledger.leave_out("no account openings")
        elif recount.recounted < recount.accounts:
            self._ledger.leave_out(counted)
        else:
            self._ledger.detail = counted

    def _close_age(self) -> None:
        """Record whether an entry is ahead of the auditor's time; without a genesis opening that may be a simulation's."""
        if self._age.simulated:
            self._coherence.detail += ", simulated clock"
        if (ahead := self._age.ahead()) is None:
            return
        if self._openings is None:
            self._coherence.detail += (
                f"; {ahead[0]} is {ahead[1]}: only a simulated clock may be, and the genesis opening would say"
            )
        else:
            self._coherence.add(*ahead)

    def _close_openings(self, openings: OpeningsReader) -> None:
        """Record what is erased, and whether erasures account for it."""
        erasures = self._erasures
        for where, problem in erasures.close():
            self._opened.add(where, problem)
        whole = self._opened_count == self._chain.size  # where an opening has expired, what was erased in it no longer shows
        if whole and erasures.unnamed < erasures.earlier_parts:
            self._opened.add(
                "openings",
                f"`{erasures.unnamed}` parts are erased, the erasures without a list account for `{erasures.earlier_parts}`",
            )
        self._opened.detail = f"{self._opened_count} of {self._chain.size} entries opened, {erasures.erased} parts erased"
        if erasures.earlier:
            self._opened.detail += f", `{len(erasures.earlier)}` erasures without a list, on the operator's word"
        if self._voids.earlier:
            self._opened.detail += f", `{len(self._voids.earlier)}` voids that recipients cannot find"
        if beyond := sum(index >= self._chain.size for index in openings.indices):
            self._opened.detail += f", {beyond} openings beyond the checkpoint"

    def _decode(self, index: int, data: bytes | None) -> Entry | None:
        if data is None:
            return None
        try:
            return Entry.decode(data)
        except EntryError as error:
            self._coherence.add(f"entry {index}", str(error))
            return None

    def _check_handover(self, entry: Entry) -> None:
        """Check that the log records the handover of its key that is stated to be this entry."""
        handover = self._handovers.get(entry.sequence)
        if handover is not None and (entry.kind is not Kind.KEY or entry.commitment != handover_commitment(handover.note)):
            self._coherence.add(f"entry {entry.sequence}", f"`{KEYS_NAME}` says that it hands the log over, and it does not")

    def _check_opening(self, index: int, entry: Entry, opening: Opening | None) -> None:
        """Check the entry's opening, if there is one, and pass its payload to the recount of the ledger."""
        payload: object = None
        self._erasures.take(entry, opening)
        self._voids.take(entry)
        if opening is not None:
            self._opened_count += 1
            try:
                payload = self._payload(entry, opening)
            except (PayloadError, canonical.CanonicalError) as error:
                self._opened.add(opening_name(index), str(error))
        for problem in [*self._forms.take(entry, opening), *self._own_problems(entry, payload)]:
            self._opened.add(opening_name(index), problem)
        found: list[str] = []
        if entry.kind is Kind.RELEASE:
            self.recount.release(index, payload if isinstance(payload, AnyReleasePayload) else None)
        elif entry.kind is Kind.VOID:
            found = self.recount.void(payload if isinstance(payload, AnyVoidPayload) else None)
        elif entry.kind is Kind.ACCOUNT:
            found = self.recount.account(payload if isinstance(payload, AccountPayload) else None)
        elif entry.kind is Kind.GAP:
            self.recount.gap(payload if isinstance(payload, GapPayload) else None)
        for problem in found:
            self._ledger.add(f"entry {index}", problem)

    def _own_problems(self, entry: Entry, payload: object) -> list[str]:
        """Return what is wrong with an erasure or a void, held against the entries before it."""
        if isinstance(payload, AnyErasurePayload):
            return self._erasures.take_erasure(entry, payload)
        if isinstance(payload, AnyVoidPayload):
            return self._voids.take_void(entry, payload)
        if isinstance(payload, LogKeyPayload) and entry.sequence not in self._handovers:
            return [f"hands the log over to another key, and `{KEYS_NAME}` does not say so"]
        return []

    def _read_opening(self, index: int, entry: Entry) -> Opening | None:
        """Return the entry's opening if there is one and it hashes to the entry's commitment."""
        try:
            return None if self._openings is None else self._openings.opening(index, entry.commitment)
        except FileError as problem:
            self._opened.add(problem.where, problem.problem)
            return None

    def _payload(self, entry: Entry, opening: Opening) -> object:
        """Return an opening's payload, checked against the entry's public fields; None where it is erased or opaque."""
        if entry.kind is Kind.RELEASE:
            return _release(entry, opening)
        content = opening.first
        if len(opening.parts) != 1:
            raise PayloadError(f"an opening of kind `{entry.kind.word}` has one part")
        if content is None and entry.kind not in _ERASABLE:
            raise PayloadError(f"its part is erased, and nobody's erasure reaches an entry of kind `{entry.kind.word}`")
        if content is None or entry.kind in _OPAQUE:
            return None
        match entry.kind:
            case Kind.GENESIS:
                if GenesisPayload.decode(content).origin != self._origin:
                    raise PayloadError("the genesis of another log")
            case Kind.POLICY:
                if decode_policy(content).sha256 != entry.policy:
                    raise PayloadError("the policy is not the one in the entry")
            case Kind.ERASURE:
                return erasure_of(entry, content)
            case Kind.ACCOUNT:
                return AccountPayload.decode(content)
            case Kind.VOID:
                return decode_void(content)
            case Kind.GAP:
                return GapPayload.decode(content)
            case Kind.KEY:
                return decode_key(content)
            case _:
                value = canonical.decode(content)
                if not isinstance(value, dict) or value.get("kind") != entry.kind.word:
                    raise PayloadError(f"not a payload of kind `{entry.kind.word}`")
        return None


def _release(entry: Entry, opening: Opening) -> AnyReleasePayload:
    """Return a release's payload after checking that the contributions add up to its records and draws."""
    if opening.first is None:
        raise PayloadError("the part of the bundle is erased")
    payload = decode_release(opening.first)
    told: tuple[ReleaseRecord | ReleasedDraw, ...] = (*payload.records, *payload.draws)
    contributed: Counter[int] = Counter()
    for part in opening.parts[1:]:
        if isinstance(part, Part):
            one = Contribution.decode(part.data)
            if one.record >= len(told):
                raise PayloadError(f"a contribution to record `{one.record}` of `{len(told)}`")
            if max((one.policy, *one.consents)) >= entry.sequence:
                raise PayloadError("a contribution rests on an entry that comes later")
            contributed[one.record] += one.n
    short = 0
    for number, record in enumerate(told):
        total = contributed[number]
        if isinstance(record, ReleaseRecord):
            if record.identity not in IDENTITIES:
                raise PayloadError(f"record `{number}` is of the unknown identity `{record.identity}`")
            if record.owner == CITY_OWNED and number in contributed:
                raise PayloadError(f"record `{number}` is told by devices of no subject, and a subject contributed to it")
            # Data without a subject have no contributions; before records stated it, erased ones no longer say whose it was.
            about_subjects = number in contributed or (payload.states_owners and record.owner != CITY_OWNED)
        else:
            about_subjects = True
        short += total != record.n and about_subjects
        if total > record.n or short > opening.erased_count:
            raise PayloadError(f"the contributions to {record.word} `{number}` are `{total}` pairs, not `{record.n}`")
    return payload
