"""What anyone is told: no field has room for a person, and nothing that is asked can name one."""

from __future__ import annotations

from typing import Any, get_type_hints

import msgspec
import pytest

from consent import public_messages
from consent.messages import Id, Parameters, Result

STRUCTS = [
    kind
    for kind in vars(public_messages).values()
    if isinstance(kind, type) and issubclass(kind, Parameters | Result) and kind.__module__ == public_messages.__name__
]


def kinds_in(hint: Any) -> set[Any]:
    """Return the types that a type is made of."""
    return {hint, *(kind for part in getattr(hint, "__args__", ()) for kind in kinds_in(part))}


@pytest.mark.parametrize("kind", STRUCTS, ids=lambda kind: kind.__name__)
def test_no_field_has_room_for_a_person(kind: type[Parameters | Result]) -> None:
    """Neither ids nor bytes nor anything of any form; texts are those of policies, days and clocks."""
    texts = {
        "zone",
        "profile",
        "day",
        "days",
        "flow",
        "recipient",
        "identity",
        "observed_property",
        "cell",
        "statistic",
        "gateway",
    }
    for name, hint in get_type_hints(kind).items():
        kinds = kinds_in(hint)
        assert not kinds & {Id, bytes, Any, object, msgspec.Raw}
        assert str not in kinds or name in texts | {"accounts", "steps"}, name


def test_every_struct_refuses_what_it_does_not_know() -> None:
    """A portal of another version is told so, and nothing passes unread."""
    assert len(STRUCTS) >= 15
    for kind in STRUCTS:
        assert kind.__struct_config__.forbid_unknown_fields
        assert kind.__struct_config__.frozen
