"""What policies leave unsaid that the public's pages would show: whom to ask, what follows a no, where signs stand.

Policies without it are whole, and decide the same. `sluice check` asks for it, and names what a page lacks without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from consent.core.decide import Owner
from consent.core.policies.policy import CITY_FILE, LegalBasis, PolicySet
from consent.core.review.warnings import Note, Weight

_MOST_NAMED: Final = 5

Place = tuple[str, str]
"""A zone and a device profile."""


def unsaid_in(policies: PolicySet) -> Iterator[Note]:
    """Yield a warning for each key that is left out and that a page would show, or that shows nothing where it stands."""
    for recipient in policies.recipients.values():
        key = f"recipient.{recipient.id}"
        if not recipient.contact:
            yield _missing(f"{key}.contact", "the page of a flow to it, and signs, cannot say where to ask")
        if not recipient.telephone:
            yield _missing(f"{key}.telephone", "whoever stands before a sign, or has no computer, finds no number to call")
    for purpose in policies.purposes.values():
        if purpose.legal_basis is LegalBasis.CONSENT and not purpose.if_no:
            yield _missing(f"purpose.{purpose.id}.if_no", "whoever is asked is not told what happens after a no")
    yield from _on_signs(policies)


def _on_signs(policies: PolicySet) -> Iterator[Note]:
    told = {name for flow in policies.flows.values() if not policies.rests_on_consent(flow) for name in flow.properties}
    read = [profile.id for profile in policies.profiles.values() if profile.fields.keys() & told]
    if read and not policies.signs:
        yield _missing("sign", "no page tells whoever stands before a sensor of the city's what it measures")
    for sign in policies.signs.values():
        if sign.profile not in read:
            said = (
                f"no flow of a public task asks for anything that `{sign.profile}` measures: its page tells that nothing leaves"
            )
            yield Note(Weight.WARNING, CITY_FILE, f"sign.{sign.id}.profile", said)


def _missing(key: str, lacks: str) -> Note:
    return Note(Weight.WARNING, CITY_FILE, key, f"is missing: {lacks}")


def without_a_sign(policies: PolicySet, sensors: Iterable[tuple[Owner, Place]]) -> Iterator[Note]:
    """Yield a note where sensors of the city's stand and no sign does; none where the city has no signs at all.

    Args:
        sensors: Those of a gateway's registry: whose each is, and where.
    """
    signed = {(sign.zone, sign.profile) for sign in policies.signs.values()}
    bare = sorted({place for owner, place in sensors if owner is Owner.CITY} - signed)
    if not signed or not bare:
        return
    named = ", ".join(f"`{profile}` in `{zone}`" for zone, profile in bare[:_MOST_NAMED])
    more = f" and {len(bare) - _MOST_NAMED} more" if len(bare) > _MOST_NAMED else ""
    yield Note(Weight.NOTE, CITY_FILE, "sign", f"there is none at the city's own {named}{more}")
