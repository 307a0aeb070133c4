"""What policies would do if they came into force, found before they do: failing cases, rises, consents that end, other keys.

A rise, a failing case or a consent that ends needs the operator's word (`--accept`). So does another key of a recipient, which is
a rise: the gateway cannot tell a new key of the same owner from somebody else's, and the operator can, by telephone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import msgspec

from consent.core.consents.book import Book
from consent.core.policies.fingerprint import fingerprint
from consent.core.review.diff import Difference, Side, diff
from consent.core.review.endings import Endings, endings, endings_text
from consent.core.review.population import DeviceGroup, grouped
from consent.core.review.reach import Direction
from consent.core.review.rows import Change
from consent.core.review.rules import Rule
from consent.printable import one_line
from gateway.config import Installation
from gateway.core.plans import Device
from gateway.core.registry import Registry
from gateway.edge.policies import PoliciesFound
from gateway.errors import PoliciesRefusedError

MOST_NAMED = 3
PROPOSAL_DIGITS = 16
"""Of a proposal, in hexadecimal: enough that nobody finds other policies for one that was shown."""


@dataclass(frozen=True, slots=True)
class KeyInForce:
    """The fingerprint of a recipient's key, and that of the one before; None where there is none."""

    recipient: str
    now: str | None
    before: str | None


@dataclass(frozen=True, slots=True)
class PolicyReview:
    """The effect of policies on what is in force.

    Attributes:
        found: The policies.
        difference: What would be revealed otherwise; nothing where none are in force.
        endings: The consents that end.
        keys: Of every recipient that has a key, or had one.
        in_force: SHA-256 of the set that they would replace; None where there is none.
        book: The consents among which it counts those that end; None where no policies are in force.
    """

    found: PoliciesFound
    difference: Difference
    endings: Endings
    keys: tuple[KeyInForce, ...]
    in_force: bytes | None
    book: Book | None = None

    def counted_again(self, book: Book, now_ms: int) -> PolicyReview:
        """Return it with the consents that end counted as they are now: only whoever has said something since is looked at.

        Args:
            book: The consents as they are now.
            now_ms: The gateway's clock.
        """
        if self.book is None:
            return self
        policies, changed = self.found.policies, book.changed_since(self.book)
        before, after = (endings(each, policies, now_ms, changed) for each in (self.book, book))
        return replace(self, endings=self.endings.with_change(before, after), book=book.copy())

    @property
    def proposal(self) -> str:
        """Return the digest of the policies and of all that is told of them: the same as long as nothing of either changes."""
        found = self.found
        effect = (self.difference.as_data(), self.endings.consents, self.endings.subjects, sorted(self.endings.flows.items()))
        told = (found.policies.sha256, self.in_force, found.failed, found.failed_examples, effect, self.keys)
        return sha256(msgspec.json.encode(told, order="deterministic")).hexdigest()[:PROPOSAL_DIGITS]

    @property
    def rises(self) -> tuple[Change, ...]:
        """Return what is decided differently and reveals more."""
        return tuple(change for change in self.difference.changes if change.direction is Direction.RISES)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Return what differs besides decisions and reveals more."""
        return tuple(rule for rule in self.difference.rules if rule.direction is Direction.RISES)

    @property
    def needs_accept(self) -> bool:
        """Return whether they come into force only if the operator says that this is meant."""
        return bool(self.found.failed or self.found.failed_examples or self.difference.rises or self.endings.consents)

    def is_refused(self, accept: bool | str) -> bool:
        """Return whether they do not come into force by the operator's word as it was given.

        Args:
            accept: Whether it was; or the one proposal for which it was.
        """
        return accept != self.proposal if isinstance(accept, str) else self.needs_accept and not accept

    def refuse(self, place: Installation, accept: bool | str) -> None:
        """Refuse the policies if they need the operator's word, and do not have it.

        Raises: PoliciesRefusedError: that is so; the line says why, and what to type.
        """
        if not self.is_refused(accept):
            return
        look, retry = (place.command("policy", "apply", *words) for words in (["--dry-run"], ["--accept", self.proposal]))
        if isinstance(accept, str):
            said = f"proposal `{one_line(accept)}` is no longer what they come to: policies, cases, keys or consents have changed"
            raise PoliciesRefusedError(f"policies not put in force: {said}: `{look}` tells what it is now", self.proposal)
        what_to_type = f"`{look}` tells all of it, `{retry}` puts them in force all the same"
        raise PoliciesRefusedError(f"policies not put in force: {'; '.join(self._objections())}: {what_to_type}", self.proposal)

    def _objections(self) -> Iterable[str]:
        """Yield in a few words each what the operator has to know."""
        for failed, word in ((self.found.failed, "case"), (self.found.failed_examples, "example")):
            if failed:
                fail = f"1 {word} fails" if len(failed) == 1 else f"{len(failed)} {word}s fail"
                yield f"{fail} ({_named([str(each) for each in failed])})"
        keys = [
            f"key of `{key.recipient}`: now {key.now}, before {key.before}"
            for key in self.keys
            if key.now != key.before and key.now and key.before
        ]
        rises = [_change_text(change) for change in self.rises] + [_rule_text(rule) for rule in self.rules]
        if rises:
            yield f"{len(rises)} {'rise' if len(rises) == 1 else 'rises'} ({_named(rises)})"
        yield from keys
        if self.endings.consents:
            yield endings_text(self.endings)


@dataclass(frozen=True, slots=True)
class Concerned:
    """Whom policies concern at one moment: what is looked at beside the loop, while the registry changes.

    Attributes:
        book: A copy.
    """

    devices: Sequence[Device]
    book: Book

    @classmethod
    def of(cls, registry: Registry) -> Concerned:
        """Return whom the registry holds now."""
        return cls(list(registry.devices.values()), registry.book.copy())

    def population(self, now_ms: int) -> list[DeviceGroup]:
        """Return them in groups that are decided alike, by the gateway's clock."""
        devices = ((device.profile, device.zone, device.id, device.subject) for device in self.devices)
        return grouped(devices, self.book, now_ms)


def review_policies(found: PoliciesFound, before: Side | None, concerned: Concerned, now_ms: int) -> PolicyReview:
    """Find the effect of policies; it may take seconds, and touches nothing that changes.

    Args:
        found: The policies.
        before: Those in force and their keys; None where none are.
        concerned: Whom they concern.
        now_ms: The gateway's clock.
    """
    old_keys = {} if before is None else before.keys
    keys = tuple(
        KeyInForce(name, _fingerprint(found.public_keys.get(name)), _fingerprint(old_keys.get(name)))
        for name in sorted(found.public_keys.keys() | old_keys.keys())
    )
    if before is None:
        return PolicyReview(found, Difference((), ()), Endings(0, 0, {}), keys, None)
    difference = diff(before, Side(found.policies, found.public_keys), concerned.population(now_ms))
    ended = endings(concerned.book, found.policies, now_ms)
    return PolicyReview(found, difference, ended, keys, before.policies.sha256, concerned.book)


def _fingerprint(key: bytes | None) -> str | None:
    return None if key is None else fingerprint(key)


def _named(texts: Sequence[str]) -> str:
    more = len(texts) - MOST_NAMED
    return "; ".join(texts[:MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")


def _change_text(change: Change) -> str:
    profile = f" of `{change.profile}`" if change.profile else ""
    levels = f"{change.old or 'not told'} → {change.new or 'not told'}"
    return f"`{change.flow}`{profile} {change.axis} {levels}, {change.whose.value}"


def _rule_text(rule: Rule) -> str:
    return f"`{rule.key}` {rule.old} → {rule.new}"
