"""Wrongs done to a gateway in memory, each of which the replay of its log has to name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from msgspec import structs

from consent.core.consents.records import signing_bytes
from consent.core.disclosure import Space
from consent.core.lifecycle import steps
from gateway.audit.log.entries import Kind
from gateway.audit.log.notes import Signer
from gateway.core.plans import Device
from gateway.core.windows.targets import RecordTarget
from tests.support.compiled import compile_all
from tests.support.gate import DAY_MS, LATENESS_MS, MINUTE_MS, Gate, limited, reading

Plant = Callable[[Gate, list[Device]], str]
"""Does one thing wrong, and returns what the replay must say about it."""


def days(gate: Gate, homes: list[Device], count: int = 1) -> None:
    """Let days pass, each with a publication."""
    for _ in range(count):
        day_with(gate, homes)
        gate.records()


def day_with(gate: Gate, homes: list[Device]) -> None:
    """Let some homes report once, and the rest of the day and its lateness pass."""
    gate.to(gate.now_ms)  # publications begin with the day under way
    gate.take(*(reading(home, gate.now_ms + MINUTE_MS, kwh=1.0) for home in homes))
    gate.to((gate.now_ms // DAY_MS + 1) * DAY_MS + LATENESS_MS)


def wrong_decision(gate: Gate, homes: list[Device]) -> str:
    """Tell a household's day at block level, though the flow asks for a district."""
    for home in homes:
        for target in gate.state.devices[home.topic].targets():
            assert not isinstance(target, RecordTarget)
            terms = target.terms
            target.terms = structs.replace(terms, disclosure=replace(terms.disclosure, space=Space.BLOCK))
    days(gate, homes, 1)
    compile_all(gate.state, gate.now_ms)
    return "a subject's disclosure is not what policies and consents give"


def extra_release(gate: Gate, homes: list[Device]) -> str:
    """Release a day that was released already."""
    days(gate, homes, 1)
    gate.commit()
    latest = max(index for index, opening in gate.openings.items() if len(opening.parts) > 1)
    parts = [part for part in gate.openings[latest].parts if not isinstance(part, bytes)]
    gate.state.log.append_entry(Kind.RELEASE, gate.now_ms, parts, labels=bytes(16), bundle_sha256=bytes(32))
    gate.commit()
    return "what is in it was released before"


def planted_consent(gate: Gate, homes: list[Device]) -> str:
    """Log a consent that nobody gave, signed by another key."""
    given = steps.grant(gate.speaker(homes[0]), gate.state.policies, "hourly", limited(space=Space.CITY))
    forger = Signer("forger", b"f" * 32)
    gate.say(given.signed(forger.sign_bytes(signing_bytes(given))))
    return "the record does not bear the log key's signature"
