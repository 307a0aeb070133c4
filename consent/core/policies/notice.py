"""Notices: the material terms that a citizen was shown when asked for consent, and whether they still hold.

A consent carries the terms it was given on, and ``notice`` is their SHA-256, so that years later, and under other policies,
anyone can see what was agreed to. Wording may change freely; terms may only come to ask less.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from consent.core.canonical import decode_canonical, disclosure_from_map, disclosure_map, encode_canonical
from consent.core.disclosure import Disclosure
from consent.errors import RecordError


@dataclass(frozen=True, slots=True)
class FlowTerms:
    """The material terms of one flow.

    Attributes:
        figures: (observed property, statistic) sorted; the statistic is empty where readings are released one by one.
        ask: The most that the flow ever reveals.
    """

    flow: str
    purpose: str
    recipient: str
    figures: tuple[tuple[str, str], ...]
    ask: Disclosure

    def asks_no_more_than(self, agreed: FlowTerms) -> bool:
        """Return whether consent to ``agreed`` covers these terms too.

        It does where purpose and recipient are the same, no figure is new, and the ask lies at or below the agreed one.
        """
        return (
            self.purpose == agreed.purpose
            and self.recipient == agreed.recipient
            and set(self.figures) <= set(agreed.figures)
            and self.ask.reveals_no_more_than(agreed.ask)
        )


@lru_cache(maxsize=1024)
def encode_terms(terms: tuple[FlowTerms, ...]) -> bytes:
    """Return the canonical bytes of the terms that a notice names, flows in order of their ids."""
    return encode_canonical([_plain(one) for one in sorted(terms, key=lambda one: one.flow)])


def _plain(terms: FlowTerms) -> dict[str, Any]:
    return {
        "flow": terms.flow,
        "purpose": terms.purpose,
        "recipient": terms.recipient,
        "figures": dict(terms.figures),
        "ask": disclosure_map(terms.ask),
    }


@lru_cache(maxsize=1024)
def decode_terms(data: bytes) -> tuple[FlowTerms, ...]:
    """Return the terms that ``encode_terms`` wrote; equal bytes give the same object.

    Raises: RecordError: the bytes are not terms in canonical form.
    """
    value = decode_canonical(data, "a notice")
    if not isinstance(value, list):
        raise RecordError("a notice is no list of terms")
    terms = tuple(_terms(one) for one in value)
    if encode_terms(terms) != data:
        raise RecordError("a notice is not in canonical form")
    return terms


def _terms(value: Any) -> FlowTerms:
    if not isinstance(value, dict) or value.keys() != {"flow", "purpose", "recipient", "figures", "ask"}:
        raise RecordError("the terms of a flow have other keys than they should")
    figures = value["figures"]
    flow, purpose, recipient = value["flow"], value["purpose"], value["recipient"]
    if not isinstance(figures, dict) or not all(
        isinstance(text, str) for text in [flow, purpose, recipient, *figures, *figures.values()]
    ):
        raise RecordError("the terms of a flow hold something else than text")
    return FlowTerms(flow, purpose, recipient, tuple(sorted(figures.items())), disclosure_from_map(value["ask"]))


@lru_cache(maxsize=1024)
def notice_of(terms: tuple[FlowTerms, ...]) -> bytes:
    """Return the SHA-256 that names a notice with these terms."""
    return hashlib.sha256(encode_terms(terms)).digest()
