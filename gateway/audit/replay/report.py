"""What a replay found: releases by verdict, what rests on the operator's word, and what is wrong."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from consent.core.consents.records import COUNTER, OPERATOR, PASSKEY, SESSION
from consent.printable import as_lines
from gateway.audit.log.payloads import CITY_OWNED
from gateway.audit.replay.formed_again import FormedAgain
from gateway.audit.replay.release import UNSTATED
from gateway.audit.verify.age import AuditTime
from gateway.audit.verify.erasures import ErasureSummary
from gateway.audit.verify.report import Finding


class ReplayVerdict(StrEnum):
    """What became of the check of one release."""

    MATCH = "match"
    MISMATCH = "mismatch"
    ERASED = "opening erased"
    EXPIRED = "opening expired"
    MISSING = "opening missing"


@dataclass(slots=True)
class ReplayReport:
    """What a replay found.

    Attributes:
        time: The time by which the log was aged, and whose word that is.
        verdicts: Releases by verdict; one with erased parts is `opening erased` when the rest of it matches.
        grants: Permissions by the channel over which they were said; `operator` rests on the operator's word alone.
        by_enrolment: Of those over `passkey`, how the passkey came to be; `unknown`: the log does not show it to be theirs.
        by_origin: Likewise, what it goes back to over other passkeys and paper codes: `letter` or `counter`.
        beside_passkeys: Permissions that the operator or the counter gave for residents who had a passkey.
        held_back: Records that a passkey had signed long before they were entered; not counted where the clock is simulated.
        unchecked_sessions: Records over a session of which nobody can tell any more whether they told more.
        enrolments: Passkeys and paper codes that came to be, by how.
        credentials_ended: Entries that ended some, by whom.
        unopened_keys: Changes of residents and credentials without an opening.
        public_records: Records of no subject by the owner of the devices that told them, as the release states it: the
            operator's word alone. `unstated`: by a version that stated none.
        several_places: How often a subject stood in more than one cohort of a flow, property and period, by devices at several
            places: that those stand there is the operator's word.
        erased_parts: Parts that openings at hand have lost, and how many the erasure entries account for.
        erasures: The erasures that list what they emptied.
        earlier_erasures: Erasures without a list, by index and time: what they account for rests on the operator's word.
        earlier_voids: Voids of which a recipient cannot tell what they void, by index and time.
        formed_again: Voided windows that were released again without some of their subjects.
        unsupported: Releases of what policies may no longer ask, which an earlier version made.
        findings: What is wrong, by entry.
    """

    time: AuditTime = field(default_factory=lambda: AuditTime(0))
    entries: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    grants: Counter[str] = field(default_factory=Counter)
    by_enrolment: Counter[str] = field(default_factory=Counter)
    by_origin: Counter[str] = field(default_factory=Counter)
    beside_passkeys: int = 0
    held_back: int = 0
    unchecked_sessions: int = 0
    enrolments: Counter[str] = field(default_factory=Counter)
    credentials_ended: Counter[str] = field(default_factory=Counter)
    unopened_keys: int = 0
    public_records: Counter[str] = field(default_factory=Counter)
    several_places: int = 0
    erased_parts: int = 0
    erasures_account_for: int = 0
    erasures: list[ErasureSummary] = field(default_factory=list)
    earlier_erasures: list[tuple[int, int]] = field(default_factory=list)
    earlier_voids: list[tuple[int, int]] = field(default_factory=list)
    formed_again: list[FormedAgain] = field(default_factory=list)
    unopened_consents: int = 0
    unsupported: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def exit_status(self) -> int:
        """0 where every release that can be checked follows from what was in force, and none is missing; else 1."""
        return 1 if self.findings or self.verdicts[ReplayVerdict.MISSING] else 0

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {
            "aged_by": {"clock": self.time.clock.name.lower(), "now_ms": self.time.now_ms},
            "entries": self.entries,
            "releases": {verdict.value: self.verdicts[verdict] for verdict in ReplayVerdict},
            "grants": dict(sorted(self.grants.items())),
            "grants_by_enrolment": dict(sorted(self.by_enrolment.items())),
            "grants_by_origin": dict(sorted(self.by_origin.items())),
            "grants_beside_passkeys": self.beside_passkeys,
            "held_back": self.held_back,
            "unchecked_sessions": self.unchecked_sessions,
            "enrolments": dict(sorted(self.enrolments.items())),
            "credentials_ended": dict(sorted(self.credentials_ended.items())),
            "unopened_keys": self.unopened_keys,
            "public_records": {owner: self.public_records[owner] for owner in (CITY_OWNED, UNSTATED)},
            "several_places": self.several_places,
            "erased_parts": self.erased_parts,
            "erasures_account_for": self.erasures_account_for,
            "erasures": [each._asdict() for each in self.erasures],
            "erasures_on_the_operators_word": [{"entry": index, "time_ms": time_ms} for index, time_ms in self.earlier_erasures],
            "voids_unknown_to_recipients": [{"entry": index, "time_ms": time_ms} for index, time_ms in self.earlier_voids],
            "formed_again": [each._asdict() for each in self.formed_again],
            "unopened_consents": self.unopened_consents,
            "unsupported": self.unsupported,
            "findings": [{"where": one.where, "problem": one.problem} for one in self.findings],
        }

    def to_json(self) -> str:
        """Return the report as a line of JSON."""
        return json.dumps(self.as_json(), ensure_ascii=False) + "\n"

    def to_text(self) -> str:
        """Return the report for a terminal."""
        lines = [f"replayed: {self.entries} entries, {sum(self.verdicts.values())} releases", f"aged by: {self.time}"]
        lines += [f"  {verdict.value:<16} {self.verdicts[verdict]}" for verdict in ReplayVerdict]
        lines += self._permission_lines()
        city, unstated = self.public_records[CITY_OWNED], self.public_records[UNSTATED]
        lines.append(f"records of no subject: {city} on the operator's word that the city owns the device")
        if unstated:
            lines.append(f"  {unstated:<6} by a version that stated no owner")
        if self.several_places:
            lines.append(f"subjects in several draws of one flow and period: {self.several_places}, on the operator's word")
        if self.erased_parts or self.erasures_account_for:
            lines.append(f"erased: {self.erased_parts} parts, erasure entries account for {self.erasures_account_for}")
        if self.erasures:
            said = f"{sum(each.consents for each in self.erasures)} consents and "
            said += f"{sum(each.withdrawals for each in self.erasures)} withdrawals or refusals"
            lines.append(f"erasures with a list: {len(self.erasures)}, {said} of theirs can no longer be read")
        if self.earlier_erasures:
            lines.append(
                f"erasures on the operator's word: {len(self.earlier_erasures)}, entries {_listed(self.earlier_erasures)}"
            )
        if self.earlier_voids:
            lines.append(f"voids that recipients cannot find: {len(self.earlier_voids)}, entries {_listed(self.earlier_voids)}")
        lines += [f"voided and formed again: {one}" for one in self.formed_again]
        if self.unopened_consents:
            lines.append(f"consents and withdrawals without an opening: {self.unopened_consents}")
        if self.unsupported:
            lines.append(f"releases of what policies may no longer ask, as earlier versions made them: {self.unsupported}")
        if self.unopened_keys:
            lines.append(f"changes of residents and credentials without an opening: {self.unopened_keys}")
        lines += [f"wrong: {one.where}: {one.problem}" for one in self.findings]
        return as_lines(lines)

    def _permission_lines(self) -> list[str]:
        """Return who vouches for the permissions, and how those came to be whose passkeys do."""
        grants = self.grants
        others = f"{grants[PASSKEY]} signed by a resident's passkey, {grants[SESSION]} that told no more than before"
        words = f"{grants[OPERATOR]} on the operator's word, {grants[COUNTER]} on the counter's"
        lines = [f"permissions: {grants.total()}; {others}; {words}"]
        if self.by_enrolment:
            lines.append(
                f"  passkeys of those enrolled by: {_counted(self.by_enrolment)}; going back to: {_counted(self.by_origin)}"
            )
        if self.beside_passkeys:
            lines.append(f"  by operator or counter for residents who had a passkey: {self.beside_passkeys}")
        if self.held_back:
            lines.append(f"  signed by a passkey more than an hour before they were entered: {self.held_back}")
        if self.unchecked_sessions:
            lines.append(f"  said in a session, and no longer comparable with what was before: {self.unchecked_sessions}")
        if self.enrolments:
            ended = f", ended by: {_counted(self.credentials_ended)}" if self.credentials_ended else ""
            lines.append(f"passkeys and paper codes enrolled by: {_counted(self.enrolments)}{ended}")
        return lines


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def _listed(entries: list[tuple[int, int]], most: int = 20) -> str:
    return ", ".join(str(index) for index, _ in entries[:most]) + (" …" if len(entries) > most else "")
