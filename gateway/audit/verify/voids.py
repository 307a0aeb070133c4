"""Voids held against the releases before them: everybody who has a release's entry must be able to find the void of it.

A void of the present form commits under a salt that follows from the bundle, so that the recipient of a bundle finds whether it
was voided. One of the earlier form shows only to who has its opening; it is counted, and its entry named.
"""

from __future__ import annotations

from gateway.audit.log.earlier_payloads import AnyVoidPayload, EarlierVoidPayload
from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.payloads import void_commitment


class VoidAudit:
    """Takes a log's releases and voids in order.

    Attributes:
        earlier: Voids of the earlier form: index and time of the entry.
    """

    def __init__(self) -> None:
        self.earlier: list[tuple[int, int]] = []
        self._bundles: dict[int, bytes] = {}  # SHA-256 of each release's bundle

    def take(self, entry: Entry) -> None:
        """Take the next entry; only releases are remembered."""
        if entry.kind is Kind.RELEASE and entry.bundle_sha256 is not None:
            self._bundles[entry.sequence] = entry.bundle_sha256

    def take_void(self, entry: Entry, payload: AnyVoidPayload) -> list[str]:
        """Enter what a void says, and return what is wrong with it; that its release was there is the recount's work."""
        if isinstance(payload, EarlierVoidPayload):
            self.earlier.append((entry.sequence, entry.time_ms))
            return []
        bundle = self._bundles.get(payload.release)
        if bundle is not None and entry.commitment != void_commitment(payload.release, bundle):
            return [f"voids release `{payload.release}` under a salt by which its recipient cannot find it"]
        return []
