"""Which keys a log line may have; whatever else is handed to one is left out, so that none tells more than was thought about."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any, Final

LOG_KEYS: Final = frozenset(
    {
        # What every line has, or may have.
        "event",
        "level",
        "timestamp",
        "exception",
        "exc_info",
        # Counts and sizes.
        "bundle_bytes",
        "devices",
        "files",
        "filters",
        "log_entries",
        "minutes",
        "size",
        "starts",
        # Names from the city's own configuration, and places in the log, which is public.
        "file",
        "generation",
        "key",
        "log_index",
        "sha256",
        "sink",
        "witness",
        # What is wrong, in the program's own words, and what to type.
        "command",
        "problem",
        "reason",
        "session_present",
    }
)
LEFT_OUT: Final = "keys_left_out"
"""Says how many keys of a line are not in the list; their names may be as telling as their values."""


def known_keys_alone(_: object, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Return what is logged without keys that are not in the list, and with their number."""
    known = {key: value for key, value in event.items() if key in LOG_KEYS}
    return known if len(known) == len(event) else {**known, LEFT_OUT: len(event) - len(known)}
