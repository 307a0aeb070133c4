"""Makes ``senml.json``: packs with their resolved records, and packs that RFC 8428 forbids.

Numbers are added as fractions and rounded to a double once at the end; the values are chosen so that adding doubles step by step
comes to the same.

Source: RFC 8428, sections 4.1 to 4.6.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

Record = dict[str, Any]

_ABSOLUTE_FROM_S = 2**28  # 4.5.3: what is less is relative to now
_NOW_S = 1_700_000_000.5
_DAY_S = 1_699_920_000

_RESOLVED: list[tuple[str, list[Record]]] = [
    ("a name alone", [{"n": "temperature", "v": 20.5}]),
    ("a base name alone", [{"bn": "urn:dev:mac:0024befffe804ff1", "v": 1}]),
    ("base name and name, joined", [{"bn": "room/", "n": "temperature", "v": 20.5}, {"n": "humidity", "v": 40}]),
    (
        "a base name holds until the next",
        [{"bn": "a:", "n": "temperature", "v": 1}, {"n": "x", "v": 2}, {"bn": "b:", "n": "temperature", "v": 3}],
    ),
    ("an empty base name ends one", [{"bn": "a:", "n": "temperature", "v": 1}, {"bn": "", "n": "temperature", "v": 2}]),
    ("a base name may stand in any record", [{"n": "temperature", "v": 1}, {"bn": "a/b:", "v": 2, "n": "temperature"}]),
    ("names of all permitted characters", [{"bn": "Az09", "n": "-:./_temperature", "v": 1}]),
    ("no time is now", [{"n": "temperature", "v": 1}]),
    ("a time of zero is now", [{"n": "temperature", "v": 1, "t": 0}]),
    ("seconds ago", [{"n": "temperature", "v": 1, "t": -30.25}, {"n": "temperature", "v": 2, "t": -0.5}]),
    ("seconds ahead", [{"n": "temperature", "v": 1, "t": 10}]),
    ("an absolute time", [{"n": "temperature", "v": 1, "t": _DAY_S + 0.25}]),
    ("a base time alone", [{"bt": _DAY_S, "n": "temperature", "v": 1}]),
    ("base time and time, added", [{"bt": _DAY_S, "n": "temperature", "v": 1}, {"n": "temperature", "v": 2, "t": 60}]),
    ("a time before the base time", [{"bt": _DAY_S + 0.5, "n": "temperature", "v": 1, "t": -3600}, {"n": "temperature", "v": 2}]),
    (
        "a base time holds until the next",
        [
            {"bt": _DAY_S, "n": "x", "v": 1},
            {"n": "temperature", "v": 2, "t": 1},
            {"bt": _DAY_S + 5, "n": "temperature", "v": 3, "t": 1},
        ],
    ),
    ("a relative base time", [{"bt": -120, "n": "temperature", "v": 1}, {"n": "temperature", "v": 2, "t": 60}]),
    ("the last relative time", [{"n": "temperature", "v": 1, "t": _ABSOLUTE_FROM_S - 0.5}]),
    ("the first absolute time", [{"n": "temperature", "v": 1, "t": _ABSOLUTE_FROM_S}]),
    ("the sum decides what is relative", [{"bt": _ABSOLUTE_FROM_S - 10, "n": "temperature", "v": 1, "t": 10}]),
    ("the sum may fall below", [{"bt": _ABSOLUTE_FROM_S, "n": "temperature", "v": 1, "t": -0.5}]),
    ("a base unit", [{"bu": "Cel", "n": "temperature", "v": 1}, {"n": "temperature", "v": 2}]),
    (
        "a unit wins over the base unit",
        [{"bu": "%RH", "n": "humidity", "v": 40}, {"n": "temperature", "u": "Cel", "v": 2}, {"n": "x", "v": 3}],
    ),
    ("a base value alone", [{"bv": 20, "n": "temperature"}]),
    ("base value and value, added", [{"bv": 20, "n": "temperature", "v": 0.5}, {"n": "temperature", "v": -0.25}]),
    (
        "a base value leaves other kinds alone",
        [{"bv": 20, "n": "x", "vs": "20"}, {"n": "y", "vb": False}, {"n": "z", "vd": "AA"}],
    ),
    ("a base sum alone", [{"bs": 100, "n": "x"}]),
    ("base sum and sum, added", [{"bs": 100, "n": "x", "s": 0.5}, {"n": "temperature", "v": 1, "s": 2}]),
    ("a sum and no value", [{"n": "x", "s": 1.5}]),
    ("a value and a sum", [{"n": "temperature", "v": 1, "s": 1.5}]),
    ("a text, a truth and data", [{"n": "x", "vs": ""}, {"n": "y", "vb": True}, {"n": "z", "vd": "aGk"}]),
    ("an update time stays", [{"n": "temperature", "v": 1, "ut": 300}]),
    ("a record of bases only", [{"bn": "room/", "bt": _DAY_S, "bu": "Cel"}, {"n": "temperature", "v": 1}]),
    ("version 10 may be said", [{"bver": 10, "n": "temperature", "v": 1}]),
    ("an unknown label is kept", [{"n": "temperature", "v": 1, "colour": "red"}]),
    (
        "everything at once",
        [
            {"bn": "room/", "bt": _DAY_S, "bu": "Cel", "bv": 16, "bver": 10, "n": "temperature", "v": 4.5},
            {"n": "temperature", "t": 900, "v": 5},
            {"n": "open", "vb": True, "u": "/"},
        ],
    ),
    ("no records", []),
]

_REFUSED: list[tuple[str, list[Any]]] = [
    ("no name", [{"v": 1}]),
    ("an empty name", [{"bn": "", "n": "", "v": 1}]),
    ("a name that begins with a sign", [{"n": ":a", "v": 1}]),
    ("a base name that begins with a sign", [{"bn": "_", "n": "a", "v": 1}]),
    ("a name with a space", [{"n": "a b", "v": 1}]),
    ("a name with a newline at its end", [{"n": "a\n", "v": 1}]),
    ("a name with a letter beyond ASCII", [{"n": "año", "v": 1}]),
    ("no value and no sum", [{"n": "a"}]),
    ("no value and no sum in the second record", [{"n": "a", "v": 1}, {"n": "b", "u": "Cel"}]),
    ("two values", [{"n": "a", "v": 1, "vb": True}]),
    ("two values of one meaning", [{"n": "a", "v": 1, "vs": "1"}]),
    ("a text for a number", [{"n": "a", "v": "1"}]),
    ("a truth for a number", [{"n": "a", "v": True}]),
    ("nothing for a number", [{"n": "a", "v": None}]),
    ("a number for a text", [{"n": "a", "vs": 1}]),
    ("a number for a truth", [{"n": "a", "vb": 0}]),
    ("a number for data", [{"n": "a", "vd": 0}]),
    ("a number for a name", [{"n": 7, "v": 1}]),
    ("a number for a unit", [{"n": "a", "v": 1, "u": 7}]),
    ("a text for a time", [{"n": "a", "v": 1, "t": "0"}]),
    ("a text for a base time", [{"bt": "0", "n": "a", "v": 1}]),
    ("a text for a base value", [{"bv": "0", "n": "a", "v": 1}]),
    ("a text for a sum", [{"n": "a", "v": 1, "s": "0"}]),
    ("a newer version", [{"bver": 11, "n": "a", "v": 1}]),
    ("a newer version in the second record", [{"n": "a", "v": 1}, {"bver": 11, "n": "b", "v": 1}]),
    ("a label that must be understood", [{"n": "a", "v": 1, "colour_": "red"}]),
]


def values() -> dict[str, Any]:
    """Return the file's values."""
    return {
        "now_s": _NOW_S,
        "resolved": [{"what": what, "pack": pack, "resolved": resolve(pack)} for what, pack in _RESOLVED],
        "refused": [{"what": what, "pack": pack} for what, pack in _REFUSED],
    }


def resolve(pack: list[Record]) -> list[Record]:
    """Return a pack's records resolved, each from the base values in it and in those before it."""
    resolved = []
    for at, record in enumerate(pack):
        own = {label: value for label, value in record.items() if not label.startswith("b")}
        if own:
            resolved.append(_resolve(own, pack[: at + 1]))
    return resolved


def _resolve(own: Record, so_far: list[Record]) -> Record:
    bases = {label: [record[label] for record in so_far if label in record][-1:] for label in ("bn", "bt", "bu", "bv", "bs")}
    result = {**own, "n": "".join(bases["bn"]) + own.get("n", "")}
    for unit in bases["bu"]:
        result["u"] = own.get("u", unit)
    time_s = sum(map(Fraction, bases["bt"]), Fraction(own.get("t", 0)))
    result["t"] = float(time_s if time_s >= _ABSOLUTE_FROM_S else time_s + Fraction(_NOW_S))
    if bases["bs"] or "s" in own:
        result["s"] = float(sum(map(Fraction, bases["bs"]), Fraction(own.get("s", 0))))
    if "v" in own or (bases["bv"] and not own.keys() & {"vs", "vb", "vd"}):
        result["v"] = float(sum(map(Fraction, bases["bv"]), Fraction(own.get("v", 0))))
    return result
