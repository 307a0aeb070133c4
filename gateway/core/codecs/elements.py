"""Messages that are lists by their format: lines, groups of measures. Each element is read like a message of its own.

``tree`` does the reading, once the format has parsed the elements; here is what becomes of those that could not be parsed, and of
profiles that ask for what such a format cannot have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from consent.core.profiles.profile import Profile
from consent.errors import PolicyError
from gateway.core.codecs.tree import MOST_ELEMENTS, compile_tree
from gateway.core.model import NO_READING, TOO_LARGE, Decoded, HubPart, HubParts, Ignore, Reading, Reject

ReadElements = Callable[[str, Sequence[Any], int], Decoded]
"""``read(topic, elements, received_ms)``; an element that could not be parsed is its ``Reject``."""


def compile_elements(profile: Profile) -> ReadElements:
    """Compile the reading of a list of elements, of which the profile's paths begin in each.

    The device's own number is that of the first element, except behind a hub, where every element has one.

    Raises:
        PolicyError: The profile names a list itself, or one of its paths is none.
    """
    if profile.each is not None:
        said = f"should be left out: with `{profile.codec}` a message is a list of readings anyway"
        raise PolicyError(f"devices/{profile.id}.toml", "each", said)
    read = compile_tree(_of_list(profile))

    def read_elements(topic: str, elements: Sequence[Any], received_ms: int) -> Decoded:
        if len(elements) > MOST_ELEMENTS:
            return TOO_LARGE
        good = [element for element in elements if not isinstance(element, Reject)]
        bad = [element for element in elements if isinstance(element, Reject)]
        if not good:
            return bad[0] if bad else NO_READING
        outcome = read(topic, good, received_ms)
        if not bad:
            return outcome
        if isinstance(outcome, Reading):
            outcome.refused += tuple(bad)
        elif isinstance(outcome, HubParts):
            outcome.parts += [HubPart("", reject) for reject in bad]  # nobody can say whose they were
        elif isinstance(outcome, Ignore):
            return bad[0]
        return outcome

    return read_elements


def _of_list(profile: Profile) -> Profile:
    sequence = profile.sequence
    if sequence is not None and not profile.hub:
        sequence = replace(sequence, path=_of_first(sequence.path), boot=_of_first(sequence.boot))
    return replace(profile, each="", sequence=sequence)


def _of_first(path: str | None) -> str | None:
    return path if path is None or path.startswith(("$topic", "^", "[")) else f"[0].{path}"
