"""The topics of devices of FIWARE's IoT agents: `<format>/<key>/<device>/attrs`, and `…/attrs/<name>` for one value.

The agents of JSON and of UltraLight share them. The key is a secret of the devices, and nothing here looks at it.

Source: FIWARE IoT agents for JSON and for UltraLight 2.0, User & Programmers Manual, "MQTT binding".
"""

from __future__ import annotations

from typing import Final

_MEASURES: Final = "attrs"
_OTHERS: Final = frozenset({"cmd", "cmdexe", "commands", "values"})


def measures_topic(topic: str) -> tuple[str, str | None] | None:
    """Return the topic of a device's measures, and the name of the one measure that a payload holds, where it holds one.

    None of a topic that is for commands, their results, or settings. Any other topic may be one of measures too: brokers rename.
    """
    levels = topic.split("/")
    if levels[-2:-1] == [_MEASURES]:
        return "/".join(levels[:-1]), levels[-1]
    return None if levels[-1] in _OTHERS else (topic, None)
