"""What the citizens' door takes names no household: whose it is, the session says."""

from __future__ import annotations

import msgspec
import pytest

from consent import citizen_messages
from consent.messages import Parameters, Result

STRUCTS = [
    kind
    for kind in vars(citizen_messages).values()
    if isinstance(kind, type) and issubclass(kind, Parameters | Result) and kind.__module__ == citizen_messages.__name__
]


@pytest.mark.parametrize("kind", [kind for kind in STRUCTS if issubclass(kind, Parameters)], ids=lambda kind: kind.__name__)
def test_parameters_name_no_household(kind: type[Parameters]) -> None:
    """Nothing that is asked can be of another's, whatever it holds; and nothing is passed over in silence."""
    assert {"subject", "resident"}.isdisjoint(kind.__struct_fields__)
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({"subject": "ab" * 16}, kind)


@pytest.mark.parametrize("kind", STRUCTS, ids=lambda kind: kind.__name__)
def test_struct_says_what_it_is(kind: type[Parameters | Result]) -> None:
    """The control schema is made from these sentences."""
    assert kind.__doc__ is not None
    assert not kind.__doc__.startswith(kind.__name__)
