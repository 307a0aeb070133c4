"""Forms of payloads held against each other: a log is of one version after another, and never goes back."""

from __future__ import annotations

import pytest

from gateway.audit.log.chain import PayloadForms
from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.openings import Opening, Part
from gateway.audit.log.payloads import ErasurePayload, PolicyPayload, ReleasePayload, VoidPayload
from tests.support.earlier_version import as_earlier

_PAYLOADS = {
    Kind.POLICY: PolicyPayload(bytes(32), {"office": bytes(32)}).encode(),
    Kind.RELEASE: ReleasePayload("office", ()).encode(),
    Kind.ERASURE: ErasurePayload(bytes(32), 0, ()).encode(),
    Kind.VOID: VoidPayload(1).encode(),
}


def _take(forms: PayloadForms, index: int, kind: Kind, data: bytes) -> list[str]:
    entry = Entry(kind, 1000 + index, index, bytes(32), -1, bytes(32))
    return forms.take(entry, Opening(index, (Part(bytes(32), data),)))


@pytest.mark.parametrize("present", _PAYLOADS)
@pytest.mark.parametrize("earlier", _PAYLOADS)
def test_earlier_form_behind_any_of_the_present_is_named(present: Kind, earlier: Kind) -> None:
    """Whichever of the two has been written first decides of what version the log was by then."""
    forms = PayloadForms()
    old = as_earlier(earlier, _PAYLOADS[earlier])
    assert _take(forms, 0, earlier, old) == []
    assert _take(forms, 1, present, _PAYLOADS[present]) == []
    assert _take(forms, 2, earlier, old) == [
        f"its payload is of an earlier form, behind entry `1`, a {present.word} of a later one"
    ]


def test_payloads_of_one_form_and_openings_that_are_absent_or_erased_tell_nothing() -> None:
    """A log of the earlier version may hold accounts, and openings expire."""
    forms = PayloadForms()
    forms.take(Entry(Kind.RELEASE, 1000, 0, bytes(32), -1, bytes(32)), None)
    forms.take(Entry(Kind.CONSENT, 1000, 1, bytes(32), -1, bytes(32)), Opening(1, (bytes(32),)))
    assert _take(forms, 2, Kind.ACCOUNT, b"\xa0") == []
    assert _take(forms, 3, Kind.VOID, as_earlier(Kind.VOID, _PAYLOADS[Kind.VOID])) == []
