"""The device profiles that come with the program, by name: a city uses one by naming it in `[use]`, or has a file of its own.

In a checkout they lie in `policies/devices`, where people read them; the link `consent/shipped` leads there, so that an installed
package, which has copies in its place, finds them in the same way.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

_ENDING: Final = ".toml"
_FOLDER: Final = files("consent") / "shipped"


@cache
def shipped_names() -> tuple[str, ...]:
    """Return the names of all of them, in order; none where the program was installed without them."""
    if not _FOLDER.is_dir():
        return ()
    names = (each.name for each in _FOLDER.iterdir() if each.is_file())
    return tuple(sorted(name.removesuffix(_ENDING) for name in names if name.endswith(_ENDING) and name.count(".") == 1))


@cache
def shipped_text(name: str) -> bytes:
    """Return the bytes of a profile's file.

    Raises: KeyError: there is none of that name.
    """
    if name not in shipped_names():
        raise KeyError(name)
    return (_FOLDER / f"{name}{_ENDING}").read_bytes()


def is_shipped(name: str, text: bytes) -> bool:
    """Return whether a profile's text is what comes with the program under that name."""
    return name in shipped_names() and shipped_text(name) == text
