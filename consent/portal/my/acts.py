"""What a passkey has to sign besides answers, for the pages of the household, of the ways in, and of erasing."""

from __future__ import annotations

from typing import Final

from msgspec import UNSET

from consent.citizen_messages import Act, ActProved, ActWanted, HomeShown, MineIn, ProofWanted, Registration
from consent.portal.answers import FilledForm
from consent.portal.joining.passkey_form import PasskeyAsked, assertion_of
from consent.portal.site import Site
from consent.portal.visit import Visit

OF_ACTS: Final = frozenset({
    *("passkey-refused", "passkey-unknown", "challenge-old", "needs-passkey", "waits", "paper-wrong", "paper-cannot"),
    *("last-resident", "changed-meanwhile", "too-many", "no-address"),
})  # fmt: skip
"""Why an act is not taken; each is a sentence of the part `passkey`."""
UNANSWERED: Final = "passkey-missing"
"""The form came without what a passkey would have said."""
UNSHOWN: Final = "unshown"
"""It was done, and the code that came of it is known no more: the gate was asked again after its start."""


async def home_of(site: Site, visit: Visit) -> HomeShown:
    """Return the household of the session."""
    return await site.citizens.ask("home.show", MineIn(language=visit.language), HomeShown, session=visit.token)


async def proof_wanted(site: Site, visit: Visit, act: Act, made: Registration | None = None) -> PasskeyAsked:
    """Return what a passkey has to sign for an act.

    Args:
        made: Of `passkey.add`: the new passkey.
    """
    wanted = ActWanted(act=act, registration=UNSET if made is None else made)
    said = await site.citizens.ask("act.challenge", wanted, ProofWanted, session=visit.token)
    return PasskeyAsked.to_sign(said.challenge, said.relying_party, said.allow)


def proved_by(form: FilledForm) -> ActProved | None:
    """Return the proof of an act that a form brings; None where no passkey has answered."""
    assertion = assertion_of(form)
    return None if assertion is None else ActProved(proof=assertion)


def is_by_passkey(visit: Visit) -> bool:
    """Return whether the session can do what takes a passkey."""
    return visit.signed_in is not None and visit.signed_in.kind == "passkey"
