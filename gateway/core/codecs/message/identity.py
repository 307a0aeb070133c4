"""Whose message it is, and which of the device's: the id behind a hub, and the device's own numbering of its runs and messages.

``one`` reads the numbering of each message, ``tree`` that of a list as a whole, and the ids of the devices behind a hub.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from consent.core.profiles.profile import AbsentSequence, Profile
from gateway.core.codecs.message.locate import compile_path
from gateway.core.codecs.values import UNKNOWN_SIGN, as_text
from gateway.core.model import NO_SEQUENCE, WRONG_TYPE, Reject

LONGEST_HUB_ID: Final = 200
"""The most characters of what names a device behind a hub."""

_FIRST_ROUNDED: Final = 2**53
_MOST_SEQUENCE: Final = 2**63 - 1
_LONGEST_DIGITS: Final = 19
_LONGEST_BOOT: Final = 64  # boot ids are kept per device for as long as it lives

Identity = tuple[int | str | None, int | None]
"""(boot, sequence), as a ``Reading`` has them."""
ReadIdentity = Callable[[Any, Any, str], Identity | Reject]
"""``read(message, whole, topic)``"""


def compile_hub_id(profile: Profile) -> Callable[[Any, Any, str], str]:
    """Compile the name of the device behind the hub; empty where the message does not name one."""
    places = tuple(compile_path(profile, path, "hub.id") for path in profile.hub)

    def id_of(message: Any, whole: Any, topic: str) -> str:
        texts = [_name(place(message, whole, topic)) for place in places]
        if len(texts) == 1:
            hub_id = texts[0] or ""
        elif all(text and "/" not in text for text in texts):  # else `a/b` and `c` would be the device of `a` and `b/c`
            hub_id = "/".join(map(str, texts))
        else:
            return ""
        return hub_id if len(hub_id) <= LONGEST_HUB_ID else ""

    return id_of


def _name(found: Any) -> str | None:
    """Return an id as text; a double so large that it stands for several whole numbers could be that of several devices."""
    return None if type(found) is float and abs(found) >= _FIRST_ROUNDED else as_text(found)


def no_identity(_message: Any, _whole: Any, _topic: str) -> Identity:
    """Return what a profile without a sequence reads."""
    return None, None


def compile_sequence(profile: Profile) -> ReadIdentity:
    """Compile the reading of the device's numbering."""
    declared = profile.sequence
    if declared is None:
        return no_identity
    place_of = None if declared.path is None else compile_path(profile, declared.path, "sequence.path")
    boot_of = None if declared.boot is None else compile_path(profile, declared.boot, "sequence.boot")
    absent = declared.absent

    def read(message: Any, whole: Any, topic: str) -> Identity | Reject:
        sequence = None if place_of is None else _sequence(place_of(message, whole, topic), absent)
        if isinstance(sequence, Reject):
            return sequence
        boot = None if boot_of is None else _boot(boot_of(message, whole, topic))
        if isinstance(boot, Reject):
            return boot
        if (place_of is not None and sequence is None) or (boot_of is not None and boot is None):
            # A number without its run, or a run without a number, identifies nothing.
            return (None, None) if absent is AbsentSequence.NONE else NO_SEQUENCE
        return boot, sequence

    return read


def _sequence(found: Any, absent: AbsentSequence) -> int | Reject | None:
    """Return the number of a message: a whole number, or its digits as text."""
    if found is None:
        return 0 if absent is AbsentSequence.ZERO else None
    if type(found) is str and len(found) <= _LONGEST_DIGITS and found.isascii() and found.isdigit():
        found = int(found)
    return found if type(found) is int and 0 <= found <= _MOST_SEQUENCE else WRONG_TYPE


def _boot(found: Any) -> int | str | Reject | None:
    """Return the id of a device's run: a whole number or a short text."""
    if found is None or (type(found) is str and len(found) <= _LONGEST_BOOT and UNKNOWN_SIGN not in found):
        return found
    return found if type(found) is int and -_MOST_SEQUENCE - 1 <= found <= _MOST_SEQUENCE else WRONG_TYPE
