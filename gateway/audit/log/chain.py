"""The chain of entries: the sequence number, policy and consent head that the next one must bear.

The gateway makes its entries with a `Chain`, and the auditor checks them with one, so that the rules exist once:

- the entry's sequence number is its index in the log;
- the first entry is the genesis, and no other is;
- its policy is that of the entry before, unless it is itself a policy entry or the genesis;
- its consent head is that of the entry before, unless it is itself a consent, withdrawal or erasure entry, which names itself.

Times are not part of the chain: clocks are set back, and the log's order is the order of its indices.

Nor are payloads, of which only an auditor with openings knows: for these there is `PayloadForms`.
"""

from __future__ import annotations

from gateway.audit.log.earlier_payloads import written_by
from gateway.audit.log.entries import CHANGES_CONSENT, NO_CONSENT, NO_POLICY, Entry, Kind
from gateway.audit.log.openings import Opening, Part


class Chain:
    """What the entries so far require of the next one.

    Attributes:
        size: How many entries there are; the next one's sequence number.
        policy: The policy in force, or None where it is unknown.
        consent_head: The latest consent change, or None where it is unknown.
    """

    __slots__ = ("consent_head", "policy", "size")

    def __init__(self) -> None:
        self.size = 0
        self.policy: bytes | None = NO_POLICY
        self.consent_head: int | None = NO_CONSENT

    @classmethod
    def after(cls, last: Entry) -> Chain:
        """Return the chain that continues after an entry known to be good."""
        return cls.at(last.sequence + 1, last.policy, last.consent_head)

    @classmethod
    def at(cls, size: int, policy: bytes, consent_head: int) -> Chain:
        """Return the chain that continues after so many entries, of which the last has this policy and consent head."""
        chain = cls()
        chain.size, chain.policy, chain.consent_head = size, policy, consent_head
        return chain

    def make(
        self,
        kind: Kind,
        time_ms: int,
        commitment: bytes,
        *,
        policy: bytes | None = None,
        bundle_sha256: bytes | None = None,
        labels_root: bytes | None = None,
        subject_sha256: bytes | None = None,
        parts_deleted: int | None = None,
    ) -> Entry:
        """Return the next entry and advance past it.

        Args:
            kind: What it accounts for.
            time_ms: The gateway's time.
            commitment: The root over its opening's parts.
            policy: The policy set that it puts in force; for a policy entry or the genesis only.
            bundle_sha256: For a release.
            labels_root: For a release.
            subject_sha256: For an erasure.
            parts_deleted: For an erasure.

        Raises:
            ValueError: when `policy` is given for another kind, or missing for a policy entry.
        """
        if (policy is None) if kind is Kind.POLICY else (policy is not None and kind is not Kind.GENESIS):
            raise ValueError(f"an entry of kind `{kind.word}` {'needs' if policy is None else 'changes no'} policy")
        if self.policy is None or self.consent_head is None:
            raise ValueError("what came before is unknown")
        entry = Entry(
            kind,
            time_ms,
            self.size,
            self.policy if policy is None else policy,
            self.size if kind in CHANGES_CONSENT else self.consent_head,
            commitment,
            bundle_sha256,
            labels_root,
            subject_sha256,
            parts_deleted,
        )
        self.advance(entry)
        return entry

    def problems(self, entry: Entry) -> list[str]:
        """Return what contradicts the entries so far, one line each; empty when it fits."""
        found: list[str] = []
        if entry.sequence != self.size:
            found.append(f"sequence is `{entry.sequence}`, not `{self.size}`")
        if (entry.kind is Kind.GENESIS) is not (self.size == 0):
            found.append("the first entry is not the genesis" if self.size == 0 else "a second genesis")
        if entry.kind not in (Kind.GENESIS, Kind.POLICY) and self.policy is not None and entry.policy != self.policy:
            found.append("the policy changes without a policy entry")
        head = self.size if entry.kind in CHANGES_CONSENT else self.consent_head
        if head is not None and entry.consent_head != head:
            found.append(f"consent_head is `{entry.consent_head}`, not `{head}`")
        return found

    def advance(self, entry: Entry) -> None:
        """Advance past an entry; its claims count only where nothing better is known."""
        if entry.kind in (Kind.GENESIS, Kind.POLICY) or self.policy is None:
            self.policy = entry.policy
        if entry.kind in CHANGES_CONSENT:
            self.consent_head = self.size
        elif self.consent_head is None:
            self.consent_head = entry.consent_head
        self.size += 1

    def skip(self) -> None:
        """Advance past an entry that cannot be read, after which nothing is known."""
        self.size += 1
        self.policy = self.consent_head = None


class PayloadForms:
    """The forms of a log's payloads, taken in order: one that no version writes behind one of those before it is pretence.

    An earlier form says less: how figures about subjects were drawn, whose devices told a record, which keys policies were read
    with, what an erasure emptied, or by which salt a void is found. A version writes every kind in one form, and so does a later
    one or in a newer form.
    """

    def __init__(self) -> None:
        self._latest = (0, -1, "")  # the version that the log has reached, and the entry that shows it: its index and kind

    def take(self, entry: Entry, opening: Opening | None) -> list[str]:
        """Take the next entry and its opening, where that is at hand; return what is wrong with its form."""
        part = None if opening is None else opening.parts[0]
        versions = written_by(entry.kind, part.data) if isinstance(part, Part) else None
        if versions is None:
            return []
        first, last = versions
        reached, index, kind = self._latest
        if last < reached:
            return [f"its payload is of an earlier form, behind entry `{index}`, a {kind} of a later one"]
        if first > reached:
            self._latest = (first, entry.sequence, entry.kind.word)
        return []
