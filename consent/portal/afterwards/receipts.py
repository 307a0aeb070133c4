"""`/my/receipts/<n>`: what one answer said, whether it holds, and how to check it; the same on A4, as JSON-LD and in a calendar.

Each is made from the receipt that the gateway signs anew for the session's own resident, whatever its version; a number of
another household, or of no answer, is nowhere. The QR code has the receipt's address and the first half of the record's hash, so
that paper and file can be compared; the offline proof is a file, and a code where it is short enough for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from consent.core.consents.records import CHANNELS, PURPOSE_PREFIX, Status, record_hash
from consent.core.receipts.canonical_json import Json, write_receipt
from consent.messages import ConsentShown, ConsentsShown, ReceiptMade, ReceiptOf
from consent.portal.afterwards.agreed import AgreedAnswer, agreed_in
from consent.portal.afterwards.calendar import CALENDAR, EndOfAnswer, calendar_of
from consent.portal.afterwards.own import OWN, ask_own, consents_of
from consent.portal.answers import BYTES, Answer, NoSuchPage, Page, Parameter, Route, Who, file_of
from consent.portal.my.telling import IN_FORCE, in_fours
from consent.portal.pages.check import NUMBER
from consent.portal.sensors.qr_code import Redundancy, qr_code
from consent.portal.site import Site
from consent.portal.visit import Visit

JSON_LD: Final = "application/ld+json"
PART: Final = "receipt"
MOST_PROOF_BYTES: Final = 1200
"""What a code of 60 mm still holds so that a telephone reads it: version 25 at level L."""
_CODE_BYTES: Final = 16
"""So much of the record's hash stands in the code with the address."""


@dataclass(frozen=True, slots=True)
class ReceiptView:
    """What the page and the sheet show.

    Attributes:
        said: How the answer is told: a key of `receipt.said`.
        channel: How it was given: a key of `receipt.channel`.
        state: How it stands by now: a key of `receipt.state`.
        replaced_by: The number of the answer that replaced it; None where it is the latest.
        time: When it was given, to the second.
        since: Since when it has been in force as it is.
        until: When it ends by itself; empty: it does not.
        flow: By which the question is found again; empty where it is about a whole purpose.
        scope: What *stop* and *pause* name.
        can_stop: Whether there is anything left to stop.
        can_pause: Likewise.
        fingerprint: The record's hash, in groups of four.
        has_proof: Whether the record can already prove the number.
        qr: Address and hash; None where the portal does not know its own address, and on the page.
        proof_qr: The offline proof; None where it is too long for a code, and on the page.
        proof_bytes: How long it is; 0: there is none yet.
        address: Of the number's public page, as people type it; empty likewise.
        vkey: Of the log; empty before there is one.
    """

    index: int
    answer: AgreedAnswer
    said: str
    channel: str
    state: str
    replaced_by: int | None
    time: str
    since: str
    until: str
    flow: str
    scope: str
    can_stop: bool
    can_pause: bool
    fingerprint: str
    has_proof: bool
    qr: Markup | None = None
    proof_qr: Markup | None = None
    proof_bytes: int = 0
    address: str = ""
    vkey: str = ""


@dataclass(frozen=True, slots=True)
class FoundAnswer:
    """An answer of the household, and the signed receipt of it.

    Attributes:
        later: The number of the answer that replaced it; None where it is the latest of its kind.
    """

    shown: ConsentShown
    later: int | None
    receipt: Json


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the page of a receipt."""
    return Page("receipt.html", _view(site, visit, await _found(site, visit, parameters), is_paper=False))


async def show_printed(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the receipt as it is printed, on one sheet of A4."""
    return Page("receipt_print.html", _view(site, visit, await _found(site, visit, parameters), is_paper=True))


async def download(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the receipt itself, as `sluice consent check-receipt` reads it."""
    found = await _found(site, visit, parameters)
    return file_of(write_receipt(found.receipt), JSON_LD, f"receipt-{found.shown.log_index}.jsonld")


async def calendar(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the day on which the answer ends, for a calendar.

    Raises: NoSuchPage: it does not end by itself.
    """
    found = await _found(site, visit, parameters)
    row = found.shown
    if row.expiry_ms is None:
        raise NoSuchPage
    answer = agreed_in(found.receipt, visit)
    end = EndOfAnswer(
        record=row.sha256.hex(),
        said_ms=row.time_ms,
        ends_ms=row.expiry_ms,
        title=visit.text(PART, "calendar.title", title=answer.title),
        text=visit.text(PART, "calendar.text", n=visit.number(row.log_index)),
        address=_address(site, row.log_index) or "",
    )
    return file_of(calendar_of(end), CALENDAR, f"receipt-{row.log_index}.ics")


async def proof(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the offline proof that the answer stands in the record.

    Raises: NoSuchPage: no checkpoint holds it yet.
    """
    row = await _row(site, visit, parameters)
    found = site.record.proof(row.log_index)
    if found is None:
        raise NoSuchPage
    return file_of(found, BYTES, f"{row.log_index}.tlog-proof")


async def _row(site: Site, visit: Visit, parameters: Mapping[str, str]) -> ConsentShown:
    return _row_in(await consents_of(site, visit), int(parameters["index"]))


def _row_in(said: ConsentsShown, index: int) -> ConsentShown:
    """Return the answer with a number, as it stands now.

    Raises: NoSuchPage: the household gave none.
    """
    for row in (*said.consents, *said.history):  # the former say what has run out since
        if row.log_index == index:
            return row
    raise NoSuchPage


async def _found(site: Site, visit: Visit, parameters: Mapping[str, str]) -> FoundAnswer:
    said = await consents_of(site, visit)
    row = _row_in(said, int(parameters["index"]))
    wanted = ReceiptOf(subject=OWN, scope=row.scope, log_index=row.log_index)
    made = await ask_own(site, visit, "consent.receipt", wanted, ReceiptMade)
    later = (
        each.log_index
        for each in said.history
        if (each.resident, each.scope) == (row.resident, row.scope) and each.log_index > row.log_index
    )
    return FoundAnswer(row, min(later, default=None), made.receipt)


def _view(site: Site, visit: Visit, found: FoundAnswer, *, is_paper: bool) -> ReceiptView:
    row, answer = found.shown, agreed_in(found.receipt, visit)
    consent, head = answer.consent, site.record.head
    proved, address = site.record.proof(row.log_index), _address(site, row.log_index)
    qr = proof_qr = None
    if is_paper:
        fingerprint = record_hash(consent)[:_CODE_BYTES].hex()
        qr = None if address is None else qr_code(f"{address}#{fingerprint}", visit.text(PART, "qr"))
        proof_qr = _proof_code(visit, proved)
    return ReceiptView(
        index=row.log_index,
        answer=answer,
        said=consent.status.value,
        channel=consent.channel if consent.channel in CHANNELS else "other",
        state=_state(found),
        replaced_by=found.later,
        time=f"{visit.date(consent.time_ms)}, {visit.time(consent.time_ms, seconds=True)}",
        since=f"{visit.date(consent.since_ms)}, {visit.time(consent.since_ms, seconds=True)}",
        until="" if consent.expiry_ms is None else visit.moment(consent.expiry_ms),
        flow="" if consent.scope.startswith(PURPOSE_PREFIX) else consent.scope,
        scope=consent.scope,
        can_stop=_state(found) in ("holds", "paused"),
        can_pause=_state(found) == "holds",
        fingerprint=in_fours(record_hash(consent)),
        has_proof=proved is not None,
        qr=qr,
        proof_qr=proof_qr,
        proof_bytes=0 if proved is None else len(proved),
        address=_public_address(site, row.log_index),
        vkey="" if head is None else head.vkey,
    )


def _state(found: FoundAnswer) -> str:
    """Return how an answer stands by now."""
    if found.later is not None:
        return "replaced"
    status = Status(found.shown.status)
    if status in IN_FORCE:
        return "holds"
    if status is Status.EXPIRED:
        return "ran-out"
    return {Status.PAUSED: "paused", Status.REQUESTED: "asked"}.get(status, "shut")


def _address(site: Site, index: int) -> str | None:
    """Return the receipt's own address, as its code holds it; None where the portal does not know where it is."""
    return f"{site.config.address}/my/receipts/{index}" if site.config.address else None


def _public_address(site: Site, index: int) -> str:
    """Return the address of the number's public page, as people type it."""
    return f"{site.config.address.removeprefix('https://')}/check/{index}" if site.config.address else ""


def _proof_code(visit: Visit, proved: bytes | None) -> Markup | None:
    """Return the offline proof as a code; None where there is none, or where it is too long to be read from paper."""
    if proved is None or len(proved) > MOST_PROOF_BYTES:
        return None
    return qr_code(proved.decode("latin-1"), visit.text(PART, "proof-qr"), Redundancy.DENSE)


_INDEX: Final = Parameter("index", NUMBER, "0")

ROUTES: Final = (
    Route("/my/receipts/{index}.json", download, "A receipt, as JSON-LD", JSON_LD, (_INDEX,), needs_gate=True, who=Who.SIGNED_IN),
    Route(
        "/my/receipts/{index}.ics",
        calendar,
        "The day on which an answer ends, for a calendar",
        CALENDAR,
        (_INDEX,),
        needs_gate=True,
        who=Who.SIGNED_IN,
    ),
    Route(
        "/my/receipts/{index}/proof",
        proof,
        "The proof that an answer stands in the record",
        BYTES,
        (_INDEX,),
        needs_gate=True,
        who=Who.SIGNED_IN,
    ),
    Route(
        "/my/receipts/{index}/print",
        show_printed,
        "A receipt, to be printed on A4",
        parameters=(_INDEX,),
        needs_gate=True,
        who=Who.SIGNED_IN,
    ),
    Route(
        "/my/receipts/{index}",
        show,
        "What one answer said, and whether it holds",
        parameters=(_INDEX,),
        needs_gate=True,
        who=Who.SIGNED_IN,
    ),
)
