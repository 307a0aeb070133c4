"""The control method of receipts: what a citizen gets in hand of anything that was said about their data."""

from __future__ import annotations

import msgspec

from consent.core.consents.records import Consent
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet
from consent.core.receipts.receipts import Issue, LogPlace, make_receipt
from gateway.audit.log.openings import Opening, Part
from gateway.control.consents import history
from gateway.control.params import MethodError, Params, no_more, speaking, take
from gateway.core.changes.changes import PolicyRow
from gateway.core.changes.subjects import label_keys
from gateway.durable.state import Answer, DurableState


async def consent_receipt(durable: DurableState, params: Params) -> Answer:
    """Write the receipt of the latest that a resident said about a scope, or of the record at `log_index`."""
    subject, resident = speaking(durable, params)
    scope, wanted = take(params, "scope", str), take(params, "log_index", int, -1)
    no_more(params)
    said = [(index, consent) for index, consent in await history(durable, subject) if _is_of(consent, resident, scope)]
    chosen = [row for row in said if wanted in (-1, row[0])]
    if not chosen:
        raise MethodError(f"nothing was said about `{scope}`" + (f" at log index `{wanted}`" if said else ""))
    index, consent = chosen[-1]
    state = durable.state
    is_latest = not consent.permits and index == said[-1][0]
    handed_over = tuple(state.handed_over_of(subject)) if is_latest else None
    issue = Issue(durable.clock.now_ms(), label_keys(state.subjects[subject])[0], handed_over)
    place = LogPlace(durable.origin, index, durable.keys.log_signer.vkey(), await _salt(durable, index))
    policies = await _policies_at(durable, index)
    return {"receipt": make_receipt(consent, policies, place, issue, durable.keys.log_signer.sign_bytes)}


def _is_of(consent: Consent, resident: bytes, scope: str) -> bool:
    return (consent.resident, consent.scope) == (resident, scope)


async def _salt(durable: DurableState, index: int) -> bytes:
    """Return the salt that ties a record to its log entry; empty where its opening is no longer kept."""
    stored = await durable.store.opening(index)
    part = b"" if stored is None else Opening.decode(stored).parts[0]
    return part.salt if isinstance(part, Part) else b""


async def _policies_at(durable: DurableState, index: int) -> PolicySet | None:
    """Return the policies that were in force when an entry was made, whose words the resident was shown."""
    content = await durable.store.policy_at(index)
    return None if content is None else parse_policies(msgspec.msgpack.decode(content, type=PolicyRow).files)
