"""`[sign.<id>]` of `city.toml`: the signs at the city's own sensors, each with the zone and kind of sensor that it stands for.

They decide nothing; the portal shows at a sign's address what its sensor measures, and for whom.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Final

from consent.core.policies.policy import Sign
from consent.core.policies.use import KEY as USED
from consent.core.toml.file import Table, TomlFile
from consent.printable import quoted

SIGN: Final = re.compile(r"[A-Z0-9]{2,12}")
"""What an id of a sign looks like: short enough to be typed from it, the same on any keyboard."""


class SignTable(Table, frozen=True, kw_only=True):
    """`[sign.<id>]`."""

    zone: str
    profile: str
    text: dict[str, str]


def read_sign(
    file: TomlFile,
    name: str,
    table: SignTable,
    languages: tuple[str, ...],
    zones: Container[str],
    profiles: Container[str],
) -> Sign:
    """Return one sign, checked against what it refers to.

    Args:
        zones: The ids of those that there are.
        profiles: The ids of the device profiles that are in force.
    Raises: PolicyError: there is no such zone or profile, or the id or a text is none.
    """
    key = f"sign.{name}"
    if not SIGN.fullmatch(name):
        raise file.error(key, f"{quoted(name)} is no name of a sign: 2 to 12 capital letters and digits")
    if table.profile not in profiles:
        raise file.error(f"{key}.profile", f"{quoted(table.profile)} is no device profile in force, as `{USED}` names them")
    return Sign(
        id=name,
        zone=file.known(table.zone, zones, "zone", f"{key}.zone"),
        profile=table.profile,
        text=file.texts(table.text, languages, f"{key}.text"),
    )
