"""Characters in a policy text that its readers do not see, or that show it in another order than it is read in.

Policies are text that citizens read and compare; a file that shows them something else than it says to the gateway is refused
where it is to be put in force. One that is in force, or in a log, is read as it was meant: its text is made printable wherever
it is shown.

Source: Boucher and Anderson, "Trojan Source" (CVE-2021-42574).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from consent.errors import PolicyError
from consent.printable import UNPRINTABLE, printable_lines

EXAMPLES: Final = "example"
"""The key of a device profile's examples, `gateway.core.examples`."""


def unprintable_in(files: Mapping[str, bytes]) -> Iterator[PolicyError]:
    """Yield one error for each file that holds such a character: in its text, or behind an escape in it but for its examples.

    Args:
        files: The bytes of each file, by path; each is valid TOML.
    """
    for path, data in sorted(files.items()):
        text = data.decode().replace("\r\n", "\n")
        for number, line in enumerate(text.split("\n"), 1):
            if line != printable_lines(line):
                yield PolicyError(path, "", f"line {number} holds {_named(line.replace(chr(9), ''))}; take it out")
                break
        else:
            tables = tomllib.loads(text, parse_float=Decimal)
            tables.pop(EXAMPLES, None)  # they decide nothing, and a device may send any character
            for key, value in _texts(tables, ""):
                if UNPRINTABLE.search(value):
                    yield PolicyError(path, key, f"holds {_named(value)}; write it as one line of printable text")
                    break


def _named(text: str) -> str:
    found = UNPRINTABLE.search(text)
    assert found is not None
    return f"the character U+{ord(found[0]):04X}, which is not shown as it is"


def _texts(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """Yield every text of a parsed value with its key, keys among them."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, each in value.items():
            inner = f"{key}.{name}" if key else name
            yield inner, name
            yield from _texts(each, inner)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each, key)
