"""A household that has answered, as the citizens' door tells of it: two answers, a release of each kind, readings, ways in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.testclient import TestClient

from consent.citizen_messages import EnrolmentShown, HomeShown, OwnReadings, ReadingsOf, SessionShown
from consent.core.canonical import bounded_map
from consent.core.consents.records import Consent, Status, record_hash
from consent.messages import (
    ConsentShown,
    ConsentsShown,
    Hex,
    Id,
    LevelTold,
    ReceiptMade,
    ReceiptOf,
    RecordTold,
    ReleasesTold,
    ReleaseTold,
)
from consent.portal.record import Head
from tests.support.consent_samples import ANN, BEN, SUBJECT
from tests.support.portal import NOW_MS, SaidGate, SaidHome, SaidRecord, said_state, signed_in_client
from tests.support.receipt_samples import CITY, PLACE, receipt_of

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
DEVICE = b"d" * 16


def shown(consent: Consent, index: int, status: Status | None = None) -> ConsentShown:
    """Return an answer as the door tells of it."""
    return ConsentShown(
        log_index=index,
        resident=Id(consent.resident),
        scope=consent.scope,
        status=(status or consent.status).value,
        time_ms=consent.time_ms,
        since_ms=consent.since_ms,
        expiry_ms=consent.expiry_ms,
        channel=consent.channel,
        limits={} if consent.limits.is_bottom else dict(bounded_map(consent.limits)),
        notice=Hex(consent.notice),
        sha256=Hex(record_hash(consent)),
        previous=Hex(consent.previous) if consent.previous else None,
    )


def answered(answers: Sequence[tuple[int, Consent]], latest: Sequence[ConsentShown] = ()) -> SaidHome:
    """Return the door of a household that gave these answers, oldest first, with their receipts.

    Args:
        answers: (number in the record, answer).
        latest: How those in force stand now, where that differs.
    """
    history = [shown(consent, index) for index, consent in answers]
    newest = {(bytes(row.resident), row.scope): row for row in [*history, *latest]}
    said = ConsentsShown(
        subject=Id(SUBJECT),
        residents=[Id(ANN), Id(BEN)],
        flows=[],
        exposures=[],
        consents=list(newest.values()),
        history=history,
    )
    by_index = dict(answers)

    def receipt(params: Any, session: str) -> ReceiptMade:
        assert isinstance(params, ReceiptOf)
        consent = by_index[params.log_index]
        assert params.scope == consent.scope
        return ReceiptMade(receipt=receipt_of(consent))

    return SaidHome({"consent.show": said, "consent.receipt": receipt, "home.show": home()})


def home(*enrolments: EnrolmentShown) -> HomeShown:
    """Return the household of two, as Ann sees it."""
    session = SessionShown(session=Hex(b"s" * 16), kind="passkey", since_ms=NOW_MS, ends_ms=NOW_MS + HOUR_MS, is_this=True)
    return HomeShown(
        resident=Hex(ANN),
        session=session,
        residents=[],
        devices=[],
        messages=[],
        claim_codes=0,
        enrolments=list(enrolments),
        passkeys=[],
        sessions=[session],
        paper_since_ms=0,
    )


def told(flow: str = "hourly", **others: Any) -> RecordTold:
    """Return what the household had in a figure of the small city."""
    usual: dict[str, Any] = {
        "record": 0,
        "flow": flow,
        "property": "consumption",
        "statistic": "sum",
        "identity": "aggregate",
        "level": LevelTold(time="1h", space="district", precision="0.1"),
        "cell": "north",
        "window_ms": [NOW_MS - 2 * HOUR_MS, NOW_MS - HOUR_MS],
        "n": 4,
        "n_of_all": 80,
        "disclosure": {"identity": "aggregate", "retention": 30},
        "policy_entry": 1,
        "consent_entries": [5],
        "profile": "meter",
        "zone": "mill",
    }
    return RecordTold(**{**usual, **others})


def release(index: int, **others: Any) -> ReleaseTold:
    """Return a release that the office got."""
    usual: dict[str, Any] = {
        "log_index": index,
        "time_ms": NOW_MS,
        "taken_back": None,
        "opening": "kept",
        "recipient": "office",
        "records": [told()],
    }
    return ReleaseTold(**{**usual, **others})


def went(*releases: ReleaseTold) -> SaidHome:
    """Return the door of a household of which these releases, oldest first, held something."""
    return SaidHome({"consent.releases": ReleasesTold(subject=Id(SUBJECT), releases=list(releases))})


def series(*readings: tuple[int, str], **others: Any) -> ReadingsOf:
    """Return readings of the household's meter."""
    usual: dict[str, Any] = {
        "device": Hex(DEVICE),
        "profile": "meter",
        "zone": "mill",
        "property": "consumption",
        "unit": "kW.h",
        "readings": list(readings),
    }
    return ReadingsOf(**{**usual, **others})


def held(*rows: ReadingsOf, since_start_ms: int = NOW_MS - 72 * HOUR_MS) -> OwnReadings:
    """Return what the gate still holds."""
    return OwnReadings(since_start_ms=since_start_ms, hours=48, slot_minutes=15, series=list(rows))


def small_record(**others: Any) -> SaidRecord:
    """Return the record of the small city, but for what is given."""
    head = Head(PLACE.origin, PLACE.vkey, 2418, bytes(32), NOW_MS, NOW_MS, ())
    return SaidRecord(**{"policies": CITY, "head": head, **others})


def own_client(home_said: SaidHome, record: SaidRecord | None = None) -> TestClient:
    """Return a client that is signed in at that door."""
    return signed_in_client(SaidGate(said_state()), record or small_record(), home_said)
