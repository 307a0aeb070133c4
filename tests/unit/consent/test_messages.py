"""Messages of the control interface: what JSON becomes, what is refused and in which words, and that each way is the other's."""

from __future__ import annotations

from decimal import Decimal

import pytest

from consent.device_messages import NewDevices
from consent.errors import ControlRequestError
from consent.messages import (
    Grant,
    Id,
    MaybeId,
    PolicySides,
    Revocation,
    ScopeOf,
    SubjectChoice,
    decode,
    encode,
    plain,
)

ID = "0123456789abcdef" * 2
DEVICE = f'{{"profile":"meter","zone":"z","topic":"t","owner":"resident","subject":"{ID}"}}'


def test_grant_is_read_with_ids_instant_and_exact_limits() -> None:
    """Fractions are what was written; what is left out is empty."""
    text = f'{{"subject":"{ID}","scope":"f","limits":{{"budget":0.1,"precision":{{"a":0.5}}}},"expiry":"2027-01-01T00:00:00Z"}}'
    grant = decode(text.encode(), Grant)
    assert (grant.subject, grant.resident, int(grant.expiry)) == (bytes.fromhex(ID), b"", 1_798_761_600_000)
    assert grant.limits == {"budget": Decimal("0.1"), "precision": {"a": Decimal("0.5")}}
    assert decode(encode(grant), Grant) == grant
    assert plain(ScopeOf(subject=Id.parse(ID), scope="f")) == {"subject": ID, "scope": "f", "resident": ""}


@pytest.mark.parametrize(
    ("text", "kind", "refusal"),
    [
        ("{}", ScopeOf, "`subject` is missing"),
        (f'{{"subject":"{ID}","scope":"f","more":1}}', ScopeOf, "`more` is not a parameter"),
        ('{"subject":1,"scope":"f"}', ScopeOf, "`subject` has the wrong type"),
        (f'{{"subject":"{ID}","scope":null}}', ScopeOf, "`scope` has the wrong type"),
        ('{"subject":"00","scope":"f"}', ScopeOf, "`subject` is no id of 32 hexadecimal digits"),
        (f'{{"subject":"{ID}","scope":"f","limits":[]}}', Grant, "`limits` has the wrong type"),
        (f'{{"subject":"{ID}","scope":"f","expiry":"soon"}}', Grant, "`expiry`: `soon` is no time such as 2026-05-01T00:00:00Z"),
        (
            f'{{"subject":"{ID}","scope":"f","expiry":"1970-01-01T00:00:00Z"}}',
            Grant,
            "`expiry`: `1970-01-01T00:00:00Z` is not after the beginning of 1970",
        ),
        (f'{{"subject":"{ID}","scope":"f"}}', Revocation, "`authority` is missing"),
        (f'{{"devices":[{DEVICE},{{}}]}}', NewDevices, "`devices[1].profile` is missing"),
        ('{"old":"in-force","new":{"files":{"a":"?"}}}', PolicySides, "`new.files` is not in base64"),
        ('{"old":"in-force","new":"elsewhere"}', PolicySides, "`new` has the wrong type"),
        ("{", ScopeOf, "the parameters are not json"),
    ],
)
def test_misfit_is_named_in_one_line(text: str, kind: type, refusal: str) -> None:
    """The parameter, and what is wrong with it."""
    with pytest.raises(ControlRequestError) as error:
        decode(text.encode(), kind)
    assert str(error.value) == refusal


def test_choice_of_a_subject_and_nobody_have_forms_of_their_own() -> None:
    """A device's subject may be `new` or `none`; nobody is an empty text."""
    assert [SubjectChoice.parse(text) for text in ("new", "none", ID)] == ["new", "none", ID]
    assert MaybeId.parse("") == b""
    with pytest.raises(ValueError, match="is no id"):
        SubjectChoice.parse("")
