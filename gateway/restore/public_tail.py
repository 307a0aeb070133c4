"""The public's numbers after a restore: what has left since the backup is counted from the openings, as far as they are there.

What the city's own sensors told in each hour cannot be: openings hold no values.
"""

from __future__ import annotations

from gateway.audit.log.earlier_payloads import decode_release, decode_void
from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.openings import Opening
from gateway.core.public.bundle import bundle_tally
from gateway.core.public.numbers import PublicNumbers
from gateway.core.public.tally import BundleTally
from gateway.edge.store.reading import StoreReader


class PublicTail:
    """Counts the entries after the backup, in order."""

    def __init__(self, numbers: PublicNumbers, reader: StoreReader) -> None:
        """Begin after the backup's last entry."""
        self._numbers = numbers
        self._reader = reader
        self._counted: dict[int, BundleTally] = {}

    async def take(self, entry: Entry, opening: Opening | None) -> None:
        """Count the next entry; its opening has been checked against it, and may be absent."""
        part = None if opening is None else opening.first
        if part is None:
            return
        if entry.kind is Kind.RELEASE:
            tally = self._counted[entry.sequence] = bundle_tally(decode_release(part), entry.time_ms, {})
            self._numbers.add(tally)
        elif entry.kind is Kind.VOID:
            release = decode_void(part).release
            tally_before = self._counted.pop(release, None) or await self._before(release)
            if tally_before is not None:
                self._numbers.take_back(tally_before)

    async def _before(self, release: int) -> BundleTally | None:
        """Return what the backup has counted of a release that was voided since; None where its opening is gone."""
        data = await self._reader.opening(release)
        part = None if data is None else Opening.decode(data).first
        time_ms = Entry.decode(await self._reader.entry(release)).time_ms
        return None if part is None else bundle_tally(decode_release(part), time_ms, {})
