"""One entry of the log in plain words: what it says in clear and, where its opening is given, what that holds.

The content of an opening is untrusted: only its printable characters reach a terminal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from consent.core.policies.archive import unpack_files
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet
from consent.errors import PolicyError, RecordError
from consent.printable import as_lines, printable
from gateway.audit.explain.content import OpeningContent, say
from gateway.audit.log.entries import NO_CONSENT, NO_POLICY, Entry
from gateway.audit.log.openings import Opening
from gateway.audit.log.reader import FileError, LogReader
from gateway.audit.verify.report import shown_time
from gateway.audit.verify.trust import Trust


@dataclass(frozen=True, slots=True)
class EntryExplanation:
    """The explanation of an entry.

    Attributes:
        entry: The entry.
        summary: What happened, in a sentence.
        facts: What the entry says in clear, a line each.
        content: What its opening says, a line each; None where there is no opening.
    """

    entry: Entry
    summary: str
    facts: tuple[str, ...]
    content: tuple[str, ...] | None

    def to_text(self, language: str) -> str:
        """Return the explanation for a terminal."""
        lines = [self.summary, *(f"  {fact}" for fact in self.facts)]
        if self.content is None:
            lines.append(f"  {say(language, 'no_opening')}")
        else:
            lines += [f"  {say(language, 'opening')}", *(f"    {line}" for line in self.content)]
        return as_lines(lines)

    def as_json(self) -> dict[str, Any]:
        """Return the explanation for a program."""
        entry = self.entry
        fields = {name: getattr(entry, name) for name in entry.__struct_fields__ if name != "kind"}
        shown = {name: value.hex() if isinstance(value, bytes) else value for name, value in fields.items() if value is not None}
        content = None if self.content is None else list(self.content)
        return {"kind": entry.kind.word, **shown, "summary": self.summary, "content": content}


def explain(
    entry: Entry, opening: Opening | None, size: int, language: str, policies: PolicySet | None = None
) -> EntryExplanation:
    """Explain an entry.

    Args:
        entry: The entry.
        opening: Its opening, known to lead to the entry's commitment; None where it is not available.
        size: How many entries the log has.
        language: One of ``LANGUAGES``.
        policies: Those that the entry names as in force, whose titles are used; None where they are not available.

    Raises:
        PayloadError: when the opening does not hold what an entry of its kind must.
    """
    content = None if opening is None else OpeningContent(language, policies).lines(entry, opening)
    return EntryExplanation(
        entry,
        say(language, entry.kind.word, parts=entry.parts_deleted),
        tuple(_facts(entry, size, language)),
        None if content is None else tuple(printable(line) for line in content),
    )


def policies_of(entry: Entry, reader: LogReader) -> PolicySet | None:
    """Return the policies that an entry names as in force, from the log's folder; None where they cannot be read."""
    if entry.policy == NO_POLICY:
        return None
    try:
        packed = reader.policies(entry.policy)
        return parse_policies(unpack_files(packed)) if sha256(packed).digest() == entry.policy else None
    except (FileError, RecordError, PolicyError):
        return None


def trust_lines(origin: str, trust: Trust, language: str) -> list[str]:
    """Return the log's name, and the trust that an explanation rests on."""
    lines = [say(language, "log", origin=origin), say(language, "trust_pinned" if trust.pinned else "trust_none", key=trust.key)]
    if trust.witnesses_n:
        named = f" ({', '.join(map(str, trust.cosigned))})" if trust.cosigned else ""
        lines.append(say(language, "witnesses", k=trust.witnesses_k, n=trust.witnesses_n) + named)
    else:
        lines.append(say(language, "no_witnesses"))
    if trust.unknown:
        lines.append(say(language, "unknown_keys", keys=", ".join(trust.unknown)))
    return lines


def _facts(entry: Entry, size: int, language: str) -> Iterator[str]:
    yield say(language, "entry", index=entry.sequence, size=size)
    yield say(language, "time", time=shown_time(entry.time_ms))
    for name in ("bundle_sha256", "labels_root", "subject_sha256"):
        value = getattr(entry, name)
        if value is not None:
            yield say(language, name, sha256=value.hex())
    none_yet = entry.policy == NO_POLICY
    yield say(language, "no_policy") if none_yet else say(language, "policy_in_force", sha256=entry.policy.hex())
    nobody_yet = entry.consent_head == NO_CONSENT
    yield say(language, "no_consent") if nobody_yet else say(language, "consent_head", index=entry.consent_head)
