"""What an attack is: a function of recordings, and who attacks, how, and what it is held against, in its module's docstring."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import cleandoc
from typing import Final

from tests.privacy.measured.findings import Tally
from tests.privacy.measured.recording import Recording

_PARTS: Final = ("Attacker", "Recipe", "Control")


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack.

    Attributes:
        id: Its name in the result.
        title: What a reader without any background calls it.
        scenario: The scenarios on whose recordings it is tried begin with this name.
        run: Tries it on one gateway's recordings of them, at least one.
        told: What it came to, in a sentence with places for `k`, `n`, `p` and `control`, the last two as percentages.
        docstring: Its module's.
        is_of_ours_alone: Whether it is tried on our gateway's figures only, since its like is tried on the others' already.
    """

    id: str
    title: str
    scenario: str
    run: Callable[[Sequence[Recording]], Tally]
    told: str
    docstring: str
    is_of_ours_alone: bool = False

    def part(self, name: str) -> str:
        """Return a part of the docstring, of `Attacker`, `Recipe` and `Control`."""
        found = re.search(rf"^{name}: (.*?)(?=^(?:{'|'.join(_PARTS)}): |\Z)", cleandoc(self.docstring), re.MULTILINE | re.DOTALL)
        if found is None:
            raise ValueError(f"the docstring of attack {self.id} does not tell its {name.lower()}")
        return " ".join(found[1].split())
