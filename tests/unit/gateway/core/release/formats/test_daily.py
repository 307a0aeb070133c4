"""The form of the day: one content key a day, or open data."""

from __future__ import annotations

from gateway.core.release.formats.daily import DailySeals
from gateway.recipient.opening import open_bundle
from gateway.recipient.records import encode_record
from gateway.recipient.wire import decode_frame
from tests.support.recipients import ADDRESS, DAY, PRIVATE_KEY, record

_ENCODED = [encode_record(record())]


def test_daily_seals_one_key_a_day() -> None:
    """Within a UTC day the wrap stays, with the next day comes another key, and each bundle opens alone."""
    drawn = iter((bytes(32), b"\x01" * 32))
    seals = DailySeals(ADDRESS, [PRIVATE_KEY.public_key()], lambda _: next(drawn))
    bundles = [seals.on(day).seal(_ENCODED[:1], index) for index, day in enumerate((DAY, DAY, "2026-03-02"))]
    headers = [decode_frame(bundle).header for bundle in bundles]
    assert [(h.day, h.counter) for h in headers] == [(DAY, 0), (DAY, 1), ("2026-03-02", 0)]
    assert headers[0].wrap == headers[1].wrap != headers[2].wrap
    assert [open_bundle(bundle, PRIVATE_KEY).log_index for bundle in reversed(bundles)] == [2, 1, 0]


def test_daily_seals_without_key_are_open_data() -> None:
    """A recipient that has no key gets open data."""
    seals = DailySeals(ADDRESS, (), lambda _: b"")
    form = seals.on(DAY)
    assert open_bundle(form.seal([form.encode(record())], 7), None).records == (record(),)
